"""`broadsheet` that asks for nothing before what came of the last answer is stored.

    python -m tests.bench.archives.step_by_step crawl https://... --db FILE

Usually several answers are under way at once, and which is stored first is chance: a page then has another `found_on`,
and where URLs go on without end another of them is given up. One after the other they come to the same each time.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

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


if __name__ == "__main__":
    from broadsheet.crawler.cli import main
    from broadsheet.crawler.crawl.frontier import Frontier

    slow_down(Frontier)
    main()
