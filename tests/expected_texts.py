"""Files of expected texts, which hold all that is told of a case, so that any other outcome is another line.

`make expected` writes them anew from what is told now. Read the difference before you commit it.
"""

from __future__ import annotations

import os
from pathlib import Path


def is_writing() -> bool:
    """Return whether the files are to be written anew."""
    return bool(os.environ.get("BROADSHEET_EXPECT"))


def expected_text(file: Path, told: str) -> str:
    """Return the text that a file expects; what is told now, where the file is written anew."""
    if is_writing():
        file.write_text(told, "utf-8")
    return file.read_text("utf-8")
