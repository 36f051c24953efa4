"""Progress of a command on standard error, and its stop by a signal. Light: without Scrapy."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import click
from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from .terminal import one_line

_LIVE_SECONDS = 0.25
_PLAIN_SECONDS = 10.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StatusDisplay:
    """Progress display of a command: live on a terminal, elsewhere a plain line every ten seconds.

    `status_line` returns the line to show; `render`, if given, replaces it on a terminal.
    """

    def __init__(
        self, console: Console, status_line: Callable[[], str], render: Callable[[], RenderableType] | None = None
    ) -> None:
        self._console = console
        self._status_line = status_line
        self._render = render or (lambda: Text(status_line()))
        self._live = Live(console=console, transient=True, auto_refresh=False) if console.is_terminal else None
        self._last_line = ""
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Show the status repeatedly on the running event loop."""
        if self._live:
            self._live.start()
        self._task = asyncio.ensure_future(self._repeat())

    def stop(self) -> None:
        """Stop, and clear the live display."""
        if self._task:
            self._task.cancel()
        if self._live:
            self._live.stop()

    def show(self) -> None:
        """Show the status now; a log does not repeat an unchanged line."""
        if self._live:
            self._live.update(self._render(), refresh=True)
        elif (line := self._status_line()) != self._last_line:
            self._console.print(Text(line), soft_wrap=True)
            self._last_line = line

    async def _repeat(self) -> None:
        while True:
            await asyncio.sleep(_LIVE_SECONDS if self._live else _PLAIN_SECONDS)
            self.show()


@asynccontextmanager
async def show_progress(status_line: Callable[[], str], *, quiet: bool) -> AsyncIterator[Callable[[str], None]]:
    """Show `status_line()` on standard error while the context is open. Yields a function that prints a line there."""
    console = Console(file=sys.stderr)
    display = None if quiet else StatusDisplay(console, status_line)
    if display:
        display.start()
    try:
        yield lambda text: console.print(Text(one_line(text)), soft_wrap=True)
    finally:
        if display:
            display.stop()


@asynccontextmanager
async def handle_stop_signals(on_stop: Callable[[int], None]) -> AsyncIterator[None]:
    """Call `on_stop` with the signal's number at the first Ctrl-C or SIGTERM within the block, and say so.

    The second one ends the process at once.
    """
    loop = asyncio.get_running_loop()

    def on_signal(signal_number: int) -> None:
        on_stop(signal_number)
        click.echo("Stopping after the current work; Ctrl-C again stops at once.", err=True)
        for stop_signal in _SIGNALS:
            loop.remove_signal_handler(stop_signal)

    for stop_signal in _SIGNALS:
        loop.add_signal_handler(stop_signal, on_signal, int(stop_signal))
    try:
        yield
    finally:
        for stop_signal in _SIGNALS:
            loop.remove_signal_handler(stop_signal)
