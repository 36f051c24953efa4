"""Verbs of `broadsheet`, a file each, loaded when the verb is named.

Here sqlite-utils is imported without pandas, at a quarter of the cost where pandas is installed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

_LIBRARY = "sqlite_utils"
_FOR_DATA_FRAMES = ("numpy", "pandas")


@contextmanager
def _without_data_frames() -> Iterator[None]:
    """Hide the libraries of data frames that are not imported yet; afterwards they are as importable as before."""
    hidden = [name for name in _FOR_DATA_FRAMES if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: importing it raises ImportError
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


class _LeanLoader(Loader):
    """A loader of sqlite-utils that hides what it only asks for the types of a data frame's columns.

    In a program that stores data frames, sqlite-utils would be left without their types: the command line stores none.
    """

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Create the module as it usually is."""
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Run the module."""
        assert module.__spec__ is not None
        module.__spec__.loader = module.__loader__ = self._loader
        with _without_data_frames():
            self._loader.exec_module(module)


class _LeanFinder(MetaPathFinder):
    """A finder of sqlite-utils, whichever module imports it first."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return the spec of sqlite-utils with the loader above; None for all else."""
        spec = PathFinder.find_spec(name, path, target) if name == _LIBRARY else None
        if spec is not None and spec.loader is not None:
            spec.loader = _LeanLoader(spec.loader)
        return spec


sys.meta_path.insert(0, _LeanFinder())
