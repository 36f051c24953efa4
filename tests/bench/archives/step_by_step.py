"""`broadsheet` that asks for nothing before what came of the last answer is stored.

    python -m tests.bench.archives.step_by_step crawl https://... --db FILE

Usually several answers are under way at once, and which is stored first is chance: a page then has another `found_on`,
and where URLs go on without end another of them is given up. One after the other they come to the same each time.
"""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

from tests.bench.corpus import ROOT

_PAUSE = 0.0005  # seconds between two looks at whether the answer is stored


def slow_down(frontier: Any) -> None:
    """Have the class hand out a turn only when no other is under way."""
    turns_at_once = frontier.turns

    async def turns(self: Any) -> AsyncIterator[Any]:
        async for turn in turns_at_once(self):
            yield turn
            while self.in_flight:
                await asyncio.sleep(_PAUSE)

    frontier.turns = turns


def run_step_by_step(*words: object) -> None:
    """Run a verb that asks for one answer after the other. CalledProcessError where it ends badly."""
    command = [sys.executable, "-m", "tests.bench.archives.step_by_step", *map(str, words), "-q"]
    subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)


if __name__ == "__main__":
    from broadsheet.crawler.cli import main
    from broadsheet.crawler.crawl.frontier import Frontier

    slow_down(Frontier)
    main()
