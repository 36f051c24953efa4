"""Exit codes of commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crawler.shell import start


@pytest.mark.slow
def test_a_reader_that_goes_away_is_no_error(db: Path) -> None:
    process = start("export", db, "--format", "jsonl")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert process.wait(60) == 141
