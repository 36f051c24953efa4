"""Files of expected texts, which hold all that is told of a case, so that any other outcome is another line.

`make expected` writes them anew from what is told now. Read the difference before you commit it.
"""

import difflib
import os
from pathlib import Path

import pytest

_SHOWN = 60  # characters of a long line beside the place where two differ


def is_writing() -> bool:
    """Return whether the files are to be written anew."""
    return bool(os.environ.get("BROADSHEET_EXPECT"))


def expected_text(file: Path, told: str) -> str:
    """Return the text that a file expects; what is told now, where the file is written anew. Fails where both
    differ."""
    if is_writing():
        file.write_text(told, "utf-8")
    return compared(file.read_text("utf-8"), told, file.name)


def compared(expected: str, told: str, place: str) -> str:
    """Return the expected text if it is told; else the test fails, and shows the lines that differ."""
    if told != expected:
        pytest.fail("\n".join(difference(expected, told, place)), pytrace=False)
    return expected


def difference(expected: str, told: str, place: str) -> list[str]:
    """Return a unified diff by lines, each hunk with its row; of a long line that became another, where they differ."""
    names = f"{place}, expected", f"{place}, told"
    lines = list(difflib.unified_diff(expected.splitlines(), told.splitlines(), *names, n=1, lineterm=""))
    for number in range(3, len(lines)):
        before, after = lines[number - 1 : number + 1]
        if (before[0], after[0]) == ("-", "+") and not before.startswith("---"):
            lines[number - 1 : number + 1] = _cut(before[1:], after[1:])
    return [*lines, "Where this is meant, make expected writes the file anew."]


def _cut(before: str, after: str) -> tuple[str, str]:
    """Return two lines of a diff without what is long and the same in both, before and behind where they differ."""
    start = max(0, _shared(before, after) - _SHOWN)
    end = max(0, _shared(before[:start:-1], after[:start:-1]) - _SHOWN)
    before, after = ("…" * (start > 0) + line[start : len(line) - end] + "…" * (end > 0) for line in (before, after))
    return f"-{before}", f"+{after}"


def _shared(one: str, other: str) -> int:
    """Count the characters with which both begin."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))
