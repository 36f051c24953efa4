"""`broadsheet search`."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from broadsheet.crawler.cli import run
from broadsheet.crawler.commands.search import _coloured_parts
from broadsheet.output.write.archive_writer import Archive
from tests.output.conftest import Maker


def test_json_without_a_hit_names_the_word_that_is_nowhere(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["search", str(db), "xylophone", "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == {
        "query": "xylophone", "count": 0, "widened": None, "missing": ["xylophone"], "articles": [],
    }  # fmt: skip


@pytest.fixture
def french(tmp_path: Path) -> Path:
    """Two articles of which one has a word in the plural, and one a date and a low certainty."""
    file, make = tmp_path / "made.db", Maker()
    with Archive.open(file, make.clock) as archive:
        archive.save([make.outcome("https://a.example/a/index.html", "Les armées passent le pont.", title="Le pont")])
        archive.save([make.outcome("https://a.example/b", "Une tour sur la rive.", title="La tour")])
        archive.db.execute("UPDATE articles SET published_day = '2024-01-31' WHERE url LIKE '%/b'")
        archive.db.execute("UPDATE pages SET certainty = .5 + .1 * (title = 'La tour')")
    return file


def titles(file: Path, *words: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    run(["search", str(file), *words, "--json"])
    return [article["title"] for article in json.loads(capsys.readouterr().out)["articles"]]


def test_a_word_finds_its_other_endings_and_says_so(french: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["search", str(french), "armée"]) == 0
    head, *_ = capsys.readouterr().out.splitlines()
    assert head == "No article has these words as they stand; 1 article matches with other endings (armée*)"
    assert run(["search", str(french), "tours"]) == 0
    assert run(["search", str(french), "tou"]) == 1  # a short word stays as it is


def test_nothing_found_names_the_word_that_is_nowhere(french: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, message in (
        (("pont", "xylophone"), "no article matches pont xylophone: none has xylophone"),
        (("pont", "tour"), "no article matches pont tour: no article has all of it"),
        (("pont", "--since", "2024"), "no article matches pont within these filters: none has pont"),
        (("--language", "en"), "no article within these filters"),
    ):
        assert run(["search", str(french), *words]) == 1
        assert capsys.readouterr().err == f"broadsheet: {message}\n"


def test_without_a_query_filters_list_and_sort_orders(french: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert titles(french, capsys=capsys) == ["La tour", "Le pont"]
    assert titles(french, "--sort", "certainty", capsys=capsys) == ["Le pont", "La tour"]
    assert titles(french, "--since", "2024", capsys=capsys) == ["La tour"]
    assert titles(french, "l*", "--sort", "date", capsys=capsys) == ["La tour", "Le pont"]
    assert titles(french, "l*", "--sort", "certainty", capsys=capsys) == ["Le pont", "La tour"]
    assert run(["search", str(french), "--limit", "1"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "2 articles; 1 of them (--limit 2 shows all)"


def test_what_a_stranger_stored_does_nothing_on_a_terminal(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute("UPDATE articles SET language = char(7, 155, 8238) || 'en'")
        connection.execute("UPDATE articles SET text = char(27) || '[2J' || text || char(8238, 7)")
        [(word,)] = connection.execute("SELECT substr(title, 1, instr(title || ' ', ' ') - 1) FROM articles LIMIT 1")
    assert run(["search", str(db), word]) == 0
    assert not set("\x1b\x07\x9b\u202e") & set(capsys.readouterr().out)
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute("UPDATE articles SET published_day = char(27) || '[2J'")
    assert run(["search", str(db), word]) == 1
    assert "is damaged at articles/published_day row " in capsys.readouterr().err


YELLOW, PLAIN = "\x1b[33m\x1b[1m", "\x1b[0m"


@pytest.mark.parametrize(
    ("columns", "shown"),
    [
        (40, f"a {YELLOW}dredger{PLAIN} in the {YELLOW}channel{PLAIN}."),
        (26, f"a {YELLOW}dredger{PLAIN} in the {YELLOW}channel{PLAIN}."),
        (16, f"a {YELLOW}dredger{PLAIN} in th…"),
        (5, f"a {YELLOW}dr…{PLAIN}"),
    ],
)
def test_matches_are_in_colour_as_far_as_the_line_goes(columns: int, shown: str) -> None:
    parts = [(False, "a "), (True, "dredger"), (False, " in the "), (True, "channel"), (False, ".")]
    assert _coloured_parts(parts, columns) == shown
