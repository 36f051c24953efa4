"""The progress of a command in a log: a line now and then, and none that says what the last one said."""

from __future__ import annotations

import asyncio

import pytest

from broadsheet.crawler.commands import progress_line


def test_a_log_has_no_two_lines_in_a_row_that_say_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress_line, "_PLAIN_SECONDS", 0.001)
    states = ["one", "one", "two", "two", "two", "one", "end"]

    async def watch() -> None:
        async with progress_line.show_progress(lambda: states.pop(0) if len(states) > 1 else states[0], quiet=False):
            while len(states) > 1:
                await asyncio.sleep(0.001)

    asyncio.run(watch())
    assert capsys.readouterr().err.split()[:3] == ["one", "two", "one"]
