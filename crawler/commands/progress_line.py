"""The progress display of a command without Scrapy: one live line on a terminal, a plain line now and then in a log."""

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

from ..cli.terminal import one_line

_LIVE_SECONDS = 0.25
_PLAIN_SECONDS = 10.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@asynccontextmanager
async def show_progress(status_line: Callable[[], str], *, quiet: bool) -> AsyncIterator[Callable[[str], None]]:
    """Show `status_line()` on standard error while the context is open. Yields a function that prints a line there."""
    console = Console(file=sys.stderr)
    live = Live(console=console, transient=True, auto_refresh=False) if console.is_terminal and not quiet else None

    def print_line(text: str) -> None:
        console.print(Text(one_line(text)), soft_wrap=True)

    async def tick() -> None:
        last_text = ""
        while True:
            await asyncio.sleep(_LIVE_SECONDS if live else _PLAIN_SECONDS)
            text = status_line()
            if live:
                live.update(Text(text), refresh=True)
            elif text != last_text:  # a log needs no second line that says the same
                console.print(Text(text), soft_wrap=True)
            last_text = text

    if live:
        live.start()
    task = None if quiet else asyncio.ensure_future(tick())
    try:
        yield print_line
    finally:
        if task:
            task.cancel()
        if live:
            live.stop()


@asynccontextmanager
async def handle_stop_signals(on_stop: Callable[[int], None], notice: str) -> AsyncIterator[None]:
    """Call `on_stop` with the signal's number at the first Ctrl-C or SIGTERM within the block, and print `notice`.

    The second one ends the process at once.
    """
    loop = asyncio.get_running_loop()

    def on_signal(signal_number: int) -> None:
        on_stop(signal_number)
        click.echo(one_line(f"{notice}; Ctrl-C again stops at once."), err=True)
        for stop_signal in _SIGNALS:
            loop.remove_signal_handler(stop_signal)

    for stop_signal in _SIGNALS:
        loop.add_signal_handler(stop_signal, on_signal, int(stop_signal))
    try:
        yield
    finally:
        for stop_signal in _SIGNALS:
            loop.remove_signal_handler(stop_signal)
