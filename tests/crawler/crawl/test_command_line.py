"""Option values that click does not know.

Option values that click does not know.

Exit codes of commands.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from broadsheet.crawler.command_values import duration
from broadsheet.crawler.crawl.command_line import header, language, seconds
from tests.crawler.shell import start


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (duration, "90", 90.0),
        (duration, "30m", 1800.0),
        (duration, " 1.5 H ", 5400.0),
        (duration, "2d", 172800.0),
        (seconds, "0", 0.0),
        (seconds, "0.25", 0.25),
        (header, "X-Why:  because: it is ", ("X-Why", "because: it is")),
        (header, "X-Empty:", ("X-Empty", "")),
        (language, "EN-us", "en"),
        (language, "gsw", "gsw"),
    ],
)
def test_values_are_read(read: Callable[[str], Any], text: str, value: object) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "text"),
    [
        *((duration, text) for text in ("", "soon", "-3", "1 year", "1e3", "5m30s")),
        *((seconds, text) for text in ("-1", "nan", "inf", "a")),
        *((header, text) for text in ("X-Why", ": because", "X Why: a", "X: a\nY: b", "Cookie: a=b", "user-agent: me")),
        *((language, text) for text in ("", "e", "english", "e1", "../x")),
    ],
)
def test_nonsense_is_refused(read: Callable[[str], Any], text: str) -> None:
    with pytest.raises(click.BadParameter):
        read(text)


@pytest.mark.slow
def test_a_reader_that_goes_away_is_no_error(db: Path) -> None:
    process = start("export", db, "--format", "jsonl")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert process.wait(60) == 141
