"""Verbs of `broadsheet`, a file each, loaded when the verb is named.

Here sqlite-utils is imported without pandas, at a quarter of the cost where pandas is installed.
"""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder

_FOR_DATA_FRAMES = ("numpy", "pandas")


class _LeanFinder(MetaPathFinder):
    """A finder that hides the libraries of data frames from sqlite-utils while that is imported, and from nobody else.

    In a program that stores data frames, sqlite-utils would be left without their types: the command line stores none.
    """

    def find_spec(self, name: str, *_: object) -> None:
        """Return None, for other finders to look; ModuleNotFoundError for what is hidden now."""
        library = sys.modules.get("sqlite_utils") if name in _FOR_DATA_FRAMES else None
        if library and getattr(library.__spec__, "_initializing", False):
            raise ModuleNotFoundError(f"{name} is left out", name=name)


sys.meta_path.insert(0, _LeanFinder())
