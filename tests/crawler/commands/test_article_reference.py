"""Each verb that takes an article understands the same names of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from broadsheet.crawler.cli import run
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.archive_writer import Archive
from tests.crawler.shell import rows
from tests.output.conftest import Maker

URL = "https://a.example/news/index.html"
VERBS = {
    "show": (),
    "diff": (),
    "explain": (),
    "forget": ("--dry-run",),
    "restore": ("1", "--dry-run"),
    "remove": ("0", "--dry-run"),
}
NAMES = (URL, "https://a.example/news/", "/news/", "the  FERRY", "pontoons counted", "pontoo")
"""The article's URL, the one without its index page, a path, its title, words of its text, the beginning of a word."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """An article of two texts with a removed block, and two of one title that say the same word."""
    made, make = tmp_path / "made.db", Maker()
    with Archive.open(made, make.clock) as archive:
        for text in ("It has three pontoons.", "It has four pontoons."):
            archive.save([make.outcome(URL, text, "Nobody counted.", removed=("Share",), title="The Ferry")])
        settle(archive.db)
        archive.save([make.outcome(f"https://a.example/{n}", f"Locks of {n}.", title="Twice") for n in range(2)])
    return made


def ran(capsys: pytest.CaptureFixture[str], verb: str, file: Path, name: str) -> tuple[int, str, str]:
    code = run([verb, str(file), name, *VERBS[verb]])
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.mark.parametrize("name", [*NAMES, "number"])
@pytest.mark.parametrize("verb", VERBS)
def test_a_name_means_the_same_article_to_each_verb(file, capsys, verb, name):
    [(number,)] = rows(file, f"SELECT id FROM articles WHERE url = '{URL}'")
    by_url = ran(capsys, verb, file, URL)
    assert by_url[0] == 0
    assert any(words in by_url[1] for words in (URL, "Ferry", "Nobody counted."))
    assert ran(capsys, verb, file, str(number) if name == "number" else name) == by_url


@pytest.mark.parametrize("verb", VERBS)
def test_of_several_a_reader_takes_the_best_and_a_writer_asks(file, capsys, verb):
    before = rows(file, "SELECT id, text FROM articles ORDER BY id")
    code, _, said = ran(capsys, verb, file, "locks")
    assert f"(broadsheet search {file} locks lists them)" in said
    if verb in ("forget", "restore", "remove"):
        assert (code, said.count("\n"), "2 articles match locks" in said) == (2, 1, True)
    else:
        assert "The best of 2 articles that match" in said
    assert rows(file, "SELECT id, text FROM articles ORDER BY id") == before


@pytest.mark.parametrize("verb", VERBS)
def test_words_that_nothing_matches_are_a_line(file: Path, capsys: pytest.CaptureFixture[str], verb: str) -> None:
    code, out, said = ran(capsys, verb, file, "no such lighthouse")
    assert (code, out, said.count("\n")) == (1, "", 1)
    assert "no such lighthouse" in said
