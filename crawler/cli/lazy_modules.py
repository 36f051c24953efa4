"""Lazy imports for the files of verbs: a module named in `lazy_imports` is loaded when one of its names is first used.

`--help` and early checks load a verb's file but not the modules it uses: importing Scrapy alone takes half a second.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_PACKAGE = "broadsheet."


class LazyModule(ModuleType):
    """A stand-in for a module of ours, known only to the file that imports it."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # the import system looks for them
            raise AttributeError(name)
        return getattr(import_module(self.__name__), name)


class _LazyFinder(MetaPathFinder, Loader):
    """A finder of stand-ins for modules of ours; their packages are imported as usual."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return the spec of a stand-in for a module of ours; None for packages and other modules."""
        if not name.startswith(_PACKAGE):
            return None
        finders = (finder for finder in sys.meta_path if finder is not self)
        spec = next((spec for finder in finders if (spec := finder.find_spec(name, path, target))), None)
        is_module = spec is not None and spec.submodule_search_locations is None
        return ModuleSpec(name, self) if is_module else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the stand-in, and remember its name."""
        self.names.append(spec.name)
        return LazyModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Leave the stand-in as it is."""


@contextmanager
def lazy_imports() -> Iterator[None]:
    """Import modules without running them: `from package import module`.

    A module runs at the first use of one of its names, so only modules can be imported here. The stand-ins leave
    `sys.modules` again: Scrapy looks through that, and would load them.
    """
    finder = _LazyFinder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in finder.names:
            package, _, module = name.rpartition(".")
            sys.modules.pop(name, None)
            vars(sys.modules[package]).pop(module, None)
