"""`broadsheet show`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from broadsheet.crawler.cli import run
from broadsheet.crawler.commands.show import _paragraph
from broadsheet.output.write.archive_writer import Archive
from tests.output.conftest import Maker

URL = "https://a.example/a/index.html"
HOSTILE = "The \x1b[2Jbridge"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """An article on the index page of a folder with an edit and a withdrawal, and two of the same title."""
    made, make = tmp_path / "made.db", Maker()
    with Archive.open(made, make.clock) as archive:
        archive.save([make.outcome(URL, "It has three arches.", "Nobody counted.", removed=("Share",), title=HOSTILE)])
        archive.save([make.outcome(f"https://a.example/{n}", f"Words of {n}.", title="Twice") for n in range(2)])
        (number,) = archive.db.execute("SELECT id FROM articles WHERE url = ?", [URL]).fetchone()
        row = {"article_id": number, "title": "", "text_digest": "", "seen_at": "2026-02-01T00:00:00+00:00"}
        archive.db["revisions"].insert(row | {"change": "withdrawn", "number": 2, "note": "http_410"})
    return made


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(["show", *arguments]) == 0
    return capsys.readouterr().out


def test_an_article_is_printed_with_its_facts(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head, first, second = shown(capsys, str(file), URL).rstrip().split("\n\n")
    lines = head.splitlines()
    assert "\x1b" not in head
    assert lines[1] == URL
    assert lines[2].startswith("no date · a.example · 6 words · number ")
    assert lines[3] == "Withdrawn by its site, 2026-02-01 (HTTP 410 Gone); the archive keeps it."
    assert lines[4].startswith(f"1 edit since it was first seen, 2026-01-01 (broadsheet diff {file} ")
    assert (first, second) == ("It has three arches.", "Nobody counted.")


def test_markdown_and_json(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, str(file), URL, "--markdown", "--removed")
    assert text.startswith("# The ")
    assert text.endswith("## Removed from the page\n\n- share buttons: Share\n")
    values = json.loads(shown(capsys, str(file), URL, "--json", "--removed"))
    assert (values["url"], values["withdrawn"], values["revisions"]) == (URL, True, 2)
    assert [block["reason"] for block in values["removed"]] == ["share buttons"]
    assert "removed" not in json.loads(shown(capsys, str(file), URL, "--json"))
    assert run(["show", str(file), URL, "--json", "--markdown"]) == 2


def test_words_are_broken_neither_at_hyphens_nor_anywhere_else() -> None:
    assert _paragraph("a well-known long-distance-runner https://a.example/very/long", 16, "  ") == (
        "  a well-known\n  long-distance-runner\n  https://a.example/very/long"
    )
