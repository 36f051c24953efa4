"""Verbs of `broadsheet`, a file each, loaded when the verb is named.

Here sqlite-utils is imported without pandas, at a quarter of the cost where pandas is installed.
"""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder

_FOR_DATA_FRAMES = ("numpy", "pandas")


class _LeanFinder(MetaPathFinder):
    """A finder that hides pandas and numpy from sqlite-utils while it is imported, and from no other module.

    sqlite-utils then cannot store data frames, which the command line never does.
    """

    def find_spec(self, name: str, *_: object) -> None:
        """Return None, so that other finders look; ModuleNotFoundError for a hidden library."""
        library = sys.modules.get("sqlite_utils") if name in _FOR_DATA_FRAMES else None
        if library and getattr(library.__spec__, "_initializing", False):
            raise ModuleNotFoundError(f"{name} is left out", name=name)


sys.meta_path.insert(0, _LeanFinder())
