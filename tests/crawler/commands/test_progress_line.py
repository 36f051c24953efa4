"""The progress of a command in a log: a line now and then, and none that says what the last one said."""

from __future__ import annotations

import asyncio
import io
import signal
import sys

import pytest

from broadsheet.crawler.commands import progress_line


def test_a_log_has_no_two_lines_in_a_row_that_say_the_same(monkeypatch, capsys):
    monkeypatch.setattr(progress_line, "_PLAIN_SECONDS", 0.001)
    states = ["one", "one", "two", "two", "two", "one", "end"]

    async def watch() -> None:
        async with progress_line.show_progress(lambda: states.pop(0) if len(states) > 1 else states[0], quiet=False):
            while len(states) > 1:
                await asyncio.sleep(0.001)

    asyncio.run(watch())
    assert capsys.readouterr().err.split()[:3] == ["one", "two", "one"]


def shown(monkeypatch: pytest.MonkeyPatch, *, is_terminal: bool, quiet: bool, seconds: float) -> str:
    """Return what is printed while a command prints a line after so long."""
    stream = io.StringIO()
    stream.isatty = lambda: is_terminal  # type: ignore[method-assign]
    for name, value in (("TERM", "xterm"), ("COLUMNS", "40")):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stderr", stream)

    async def watch() -> None:
        async with progress_line.show_progress(lambda: "at work", quiet=quiet) as print_line:
            await asyncio.sleep(seconds)
            print_line("one\nline [b]of[/b] more than forty characters, none of which is lost")

    asyncio.run(watch())
    return stream.getvalue()


LINE = "one line [b]of[/b] more than forty characters, none of which is lost\n"


@pytest.mark.parametrize(("is_terminal", "quiet"), [(False, False), (False, True), (True, True)])
def test_a_log_and_a_quiet_terminal_get_lines_alone(is_terminal, quiet, monkeypatch):
    assert shown(monkeypatch, is_terminal=is_terminal, quiet=quiet, seconds=0) == LINE


def test_a_terminal_has_a_live_line_that_is_gone_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_line, "_LIVE_SECONDS", 0.001)
    text = shown(monkeypatch, is_terminal=True, quiet=False, seconds=0.02)
    assert "at work" in text.partition(LINE)[0]
    assert text.startswith("\x1b[?25l")
    assert text.endswith("\x1b[2K")


def test_the_first_signal_is_told_and_the_second_is_nobody_s(capsys: pytest.CaptureFixture[str]) -> None:
    stops: list[int] = []

    async def work() -> None:
        async with progress_line.handle_stop_signals(stops.append, "Stopping"):
            signal.raise_signal(signal.SIGTERM)
            await asyncio.sleep(0.01)
            handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        assert handlers == [signal.default_int_handler, signal.SIG_DFL]

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        asyncio.run(work())
    finally:
        signal.signal(signal.SIGINT, before)
    assert stops == [signal.SIGTERM]
    assert capsys.readouterr().err == "Stopping; Ctrl-C again stops at once.\n"
