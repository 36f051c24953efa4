"""Lazy imports for the files of verbs: a module named in `lazy_imports` is loaded when one of its names is first used.

A verb's file holds its options and what it does. `--help` and early checks load the file, and none of what it uses.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import LazyLoader
from types import ModuleType

_PACKAGE = "broadsheet."


class _LazyFinder(MetaPathFinder):
    """A finder that has modules found as usual, and what is not a module of ours loaded as usual."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return the spec of a module of ours, with a loader that waits; None for all else."""
        if not name.startswith(_PACKAGE):
            return None
        finders = (finder for finder in sys.meta_path if finder is not self)
        spec = next((spec for finder in finders if (spec := finder.find_spec(name, path, target))), None)
        if spec is not None and spec.loader is not None and spec.submodule_search_locations is None:
            spec.loader = LazyLoader(spec.loader)
        return spec


@contextmanager
def lazy_imports() -> Iterator[None]:
    """Import modules without running them: `from package import module`, or `import module`.

    A module runs at the first use of one of its names, so names cannot be imported here, only modules.
    """
    finder = _LazyFinder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
