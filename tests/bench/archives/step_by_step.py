"""Run the working directory's `broadsheet` so that nothing is asked for before what came of the last answer is stored.

    python step_by_step.py crawl https://... --db FILE

Usually several answers are under way at once, and which is stored first is chance: a page then has another `found_on`,
and where URLs go on without end another of them is given up. One after the other they come to the same each time.
Knows of the code only that a class `Frontier` hands out `turns()` and says how many are `in_flight`, in older
checkouts `flying`; imports nothing of it by a path, so that it runs also where modules have moved.
"""

from __future__ import annotations

import asyncio
import importlib
import sys
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

_CLASS = "\nclass Frontier"
_PAUSE = 0.0005  # seconds between two looks at whether the answer is stored


def command_module(checkout: Path) -> str:
    """Read the module of the command `broadsheet` from a checkout's pyproject.toml."""
    project = tomllib.loads((checkout / "pyproject.toml").read_text("utf-8"))["project"]
    return str(project["scripts"]["broadsheet"].partition(":")[0])


def frontier_class(checkout: Path) -> Any:
    """Find the class that hands out what may be asked for next, wherever it lives in a checkout."""
    files = [file for file in sorted((checkout / "crawler").rglob("*.py")) if _CLASS in file.read_text("utf-8")]
    if len(files) != 1:
        raise SystemExit(f"one class Frontier is needed in {checkout}/crawler, there are {len(files)}")
    name = ".".join(files[0].relative_to(checkout).with_suffix("").parts)
    prefix = "broadsheet." if command_module(checkout).startswith("broadsheet.") else ""  # before 0.1.0: bare names
    return importlib.import_module(prefix + name).Frontier


def slow_down(frontier: Any) -> None:
    """Have the class hand out a turn only when no other is under way."""
    turns_at_once = frontier.turns

    async def turns(self: Any) -> AsyncIterator[Any]:
        async for turn in turns_at_once(self):
            yield turn
            while getattr(self, "in_flight", 0) or getattr(self, "flying", 0):
                await asyncio.sleep(_PAUSE)

    frontier.turns = turns


if __name__ == "__main__":
    sys.path[0] = str(Path.cwd())
    slow_down(frontier_class(Path.cwd()))
    importlib.import_module(command_module(Path.cwd())).main()
