"""Verbs of `broadsheet`, a module each, imported when the verb runs, after early checks.

sqlite-utils is imported here for all of them, at a quarter of its cost where pandas is installed.
"""

from __future__ import annotations

import sys

_FOR_DATA_FRAMES = ("numpy", "pandas")


def import_sqlite_utils() -> None:
    """Import sqlite-utils without the libraries that it only asks for the types of a data frame's columns.

    They are as importable afterwards as before. In a program that stores data frames, sqlite-utils would be left
    without their types: the command line stores none.
    """
    hidden = [name for name in _FOR_DATA_FRAMES if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: importing it raises ImportError
    try:
        import sqlite_utils  # noqa: F401
    finally:
        for name in hidden:
            del sys.modules[name]


import_sqlite_utils()
