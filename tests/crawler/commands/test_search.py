"""`broadsheet search`."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from broadsheet.crawler.cli import run
from tests.crawler.shell import rows


def test_search_finds_with_snippet(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["search", str(db), "river"]) == 0
    out = capsys.readouterr().out
    assert "https://a.example/river" in out
    assert "[river]" in out.lower()


def test_search_without_a_hit_is_1(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["search", str(db), "xylophone", "AND", '"']) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "no article matches xylophone" in shown.err


def test_search_says_how_many_and_shows_ids(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["search", str(db), "the", "--limit", "1"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("2 articles match; the best 1 (--limit 2 shows all)\n")
    assert sum(str(number) in out for (number,) in rows(db, "SELECT id FROM articles")) == 1


def test_json_is_exact_and_says_how_many(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["search", str(db), "the", "--limit", "1", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert (values["query"], values["count"], len(values["articles"])) == ("the", 2, 1)
    assert (values["articles"][0]["id"],) in rows(db, "SELECT id FROM articles")
    assert run(["search", str(db), "xylophone", "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == {"query": "xylophone", "count": 0, "articles": []}


def test_filters_reach_the_search(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["search", str(db), "the", "--host", "other.example"]) == 1
    assert run(["search", str(db), "the", "--host", "A.example"]) == 0
    capsys.readouterr()
    for value in ("2024-1", "yesterday", "2024-13"):
        assert run(["search", str(db), "the", "--since", value]) == 2
        assert "is no day" in capsys.readouterr().err


def test_what_a_stranger_stored_does_nothing_on_a_terminal(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute(
            "UPDATE articles SET language = char(7, 155, 8238) || 'en', published_day = char(27) || '[2J'"
        )
        connection.execute("UPDATE articles SET text = char(27) || '[2J' || text || char(8238, 7)")
        [(word,)] = connection.execute("SELECT substr(title, 1, instr(title || ' ', ' ') - 1) FROM articles LIMIT 1")
    assert run(["search", str(db), word]) == 0
    assert not set("\x1b\x07\x9b\u202e") & set(capsys.readouterr().out)
