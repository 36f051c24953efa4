"""`broadsheet explain`."""

from __future__ import annotations

from pathlib import Path

import pytest

from crawler.cli import run
from output.store.ledger import block_id
from output.write.archive import Archive
from tests.crawler.commands.conftest import CAPTION, PROMO, RIVER, SAME_BUT_NUMBER, SIMILAR_WORDS
from tests.crawler.shell import ACTIVE, rows
from tests.output.conftest import Maker


@pytest.mark.parametrize("columns", ["80", "200"])
def test_explain_shows_every_block_with_its_number(
    archive_path: Path, columns: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert run(["restore", str(archive_path), str(block_id(CAPTION))]) == 0
    capsys.readouterr()
    assert run(["explain", str(archive_path), RIVER]) == 0
    output = capsys.readouterr().out
    assert "article; words=9" in output
    places = [output.index(str(block_id(text))) for text in (PROMO, SIMILAR_WORDS, CAPTION, SAME_BUT_NUMBER)]
    assert places == sorted(places)
    assert "restored" in output
    assert CAPTION[:20] in output
    assert not ACTIVE & set(output)
    [(number,)] = rows(archive_path, f"SELECT id FROM articles WHERE url = '{RIVER}'")
    assert run(["explain", str(archive_path), str(number)]) == 0
    assert capsys.readouterr().out == output


@pytest.mark.parametrize(
    "url_or_id", ["https://a.example/none", "12", "https://a.example/list", "https://a.example/gone"]
)
def test_explain_says_why_there_are_no_blocks(
    archive_path: Path, url_or_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    make = Maker()
    with Archive.open(archive_path, make.clock) as archive:
        archive.save([make.outcome("https://a.example/list"), make.failure("https://a.example/gone", "http_410")])
    assert run(["explain", str(archive_path), url_or_id]) == 1
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1
    expected = {"list": "judged as empty", "gone": "failed (HTTP 410 Gone)"}.get(
        url_or_id.rpartition("/")[2], "no page"
    )
    assert expected in errors
