"""The progress of a command that runs no Scrapy: one live line for people, a plain line now and then for logs."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import click
from rich.console import Console
from rich.live import Live
from rich.text import Text

from crawler.console.terminal import one_line

_LIVE_SECONDS = 0.25
_PLAIN_SECONDS = 10.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@asynccontextmanager
async def ticking(line: Callable[[], str], *, quiet: bool) -> AsyncIterator[Callable[[str], None]]:
    """Show `line()` on standard error while the context is open; what it gives prints a line of its own there."""
    console = Console(file=sys.stderr)
    live = Live(console=console, transient=True, auto_refresh=False) if console.is_terminal and not quiet else None

    def tell(text: str) -> None:
        console.print(Text(one_line(text)), soft_wrap=True)

    async def tick() -> None:
        while True:
            await asyncio.sleep(_LIVE_SECONDS if live else _PLAIN_SECONDS)
            if live:
                live.update(Text(line()), refresh=True)
            else:
                console.print(Text(line()), soft_wrap=True)

    if live:
        live.start()
    task = None if quiet else asyncio.ensure_future(tick())
    try:
        yield tell
    finally:
        if task:
            task.cancel()
        if live:
            live.stop()


@asynccontextmanager
async def stoppable(stop: Callable[[int], None], wait: str) -> AsyncIterator[None]:
    """The first Ctrl-C or SIGTERM calls `stop` with its number and says to `wait`; the second ends at once."""
    loop = asyncio.get_running_loop()

    def heard(number: int) -> None:
        stop(number)
        click.echo(one_line(f"{wait}; Ctrl-C again stops at once."), err=True)
        for each in _SIGNALS:
            loop.remove_signal_handler(each)

    for each in _SIGNALS:
        loop.add_signal_handler(each, heard, int(each))
    try:
        yield
    finally:
        for each in _SIGNALS:
            loop.remove_signal_handler(each)
