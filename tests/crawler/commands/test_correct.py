"""`broadsheet correct`: the list, and the rule file."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from broadsheet.cleaners.document import Block, BlockKind
from broadsheet.cleaners.rules.matcher import RuleBook
from broadsheet.cleaners.rules.rule import BodyPosition
from broadsheet.cleaners.rules.rule_files import OWN_PREFIX, parse_rules
from broadsheet.crawler.cli import run
from broadsheet.output.archive import stored_values
from broadsheet.output.archive.ledger import block_id
from broadsheet.output.write.archive_writer import Archive
from tests.crawler.commands.conftest import (
    CAPTION,
    PROMO,
    RIVER,
    SAME_BUT_NUMBER,
    SIMILAR_WORDS,
    TOWER,
    urls_containing,
)
from tests.crawler.commands.town import page
from tests.crawler.shell import ACTIVE, rows, verb_here
from tests.crawler.warcs import answer, record, write
from tests.internal_tables import REVISION_BLOCKS
from tests.output.conftest import Maker


def export_three_rulings(archive_path: Path) -> Path:
    """A rule file made from a removal, a removal of what has no words, and a restoration."""
    target = archive_path.parent / "own.toml"
    run(["remove", str(archive_path), str(block_id(PROMO)), "--note", 'says "free"'])
    run(["remove", str(archive_path), str(block_id("***"))])
    run(["restore", str(archive_path), str(block_id(CAPTION))])
    assert run(["correct", str(archive_path), "--export-rules", str(target)]) == 0
    return target


def test_exported_rules_load_and_keep_their_own_examples(archive_path, capsys):
    text = export_three_rulings(archive_path).read_text("utf-8")
    assert f"block {block_id('***')} has no words" in capsys.readouterr().err
    assert not ACTIVE & set(text)
    [rule] = parse_rules(OWN_PREFIX, text)
    assert rule.name.startswith("own/read-our-other-")
    assert rule.positive == (PROMO, SAME_BUT_NUMBER)
    assert rule.negative == (SIMILAR_WORDS,)
    book = RuleBook((rule,))
    for example in rule.positive:
        assert book.match(Block(0, BlockKind.PARAGRAPH, example), BodyPosition()) is rule
    for example in rule.negative:
        assert book.match(Block(0, BlockKind.PARAGRAPH, example), BodyPosition()) is None
    assert book.match(Block(0, BlockKind.PARAGRAPH, PROMO.replace("12", "1,204")), BodyPosition()) is rule


SCOPES = {"article": ["--article", RIVER], "host": ["--host", "a.example"], "everywhere": ["--everywhere"]}
OWN = SIMILAR_WORDS  # a text that stands on one page only


def as_before(db: Path, source: Path, *undo: object) -> None:
    """The archive is whole, can be merged and exported, and says which rulings it has."""
    assert verb_here("verify", db)[::2] == (0, "")
    assert verb_here("merge", db.with_name(f"{source.stem}-all.db"), db, source)[0] == 0
    assert verb_here("verify", db.with_name(f"{source.stem}-all.db"))[0] == 0
    assert verb_here("export", db, "--format", "parquet", "-o", db.with_name(f"{source.stem}-set"))[0] == 0
    code, out, _ = verb_here("correct", db)
    assert (code, OWN[:20] in out) == ((0, True) if undo else (1, False))
    if undo:
        assert verb_here("remove", db, block_id(OWN), "--undo", *undo)[0] == 0
        assert verb_here("correct", db)[0] == 1


@pytest.mark.parametrize("scope", SCOPES.values(), ids=SCOPES)
def test_a_text_that_is_forgotten_takes_its_rulings_along(archive_path, tmp_path, scope):
    source = Path(shutil.copy(archive_path, tmp_path / "other.db"))
    assert verb_here("remove", archive_path, block_id(OWN), *scope)[0] == 0
    assert verb_here("remove", archive_path, block_id(PROMO), "--everywhere")[0] == 0
    assert verb_here("forget", archive_path, RIVER, "--yes")[0] == 0
    assert rows(archive_path, "SELECT block_id FROM rulings") == [(block_id(PROMO),)], "another page has that text"
    assert verb_here("remove", archive_path, block_id(PROMO), "--undo")[0] == 0
    assert OWN.encode() not in archive_path.read_bytes()
    as_before(archive_path, source)


@pytest.mark.parametrize("scope", SCOPES.values(), ids=SCOPES)
def test_a_ruling_on_what_was_forgotten_here_does_not_come_in(archive_path, tmp_path, scope):
    source = Path(shutil.copy(archive_path, tmp_path / "other.db"))
    assert verb_here("remove", source, block_id(OWN), *scope)[0] == 0
    assert verb_here("forget", archive_path, RIVER, "--yes")[0] == 0
    assert verb_here("merge", archive_path, source)[0] == 0
    assert OWN.encode() not in archive_path.read_bytes()
    as_before(archive_path, source)


@pytest.mark.parametrize("scope", SCOPES.values(), ids=SCOPES)
def test_a_ruling_brings_its_text_where_the_page_was_edited_since(archive_path, tmp_path, scope):
    source, make = tmp_path / "other.db", Maker()
    make.clock.seconds = 9_000
    with Archive.open(source, make.clock) as archive:
        archive.save([make.outcome(RIVER, " ".join(f"river{n}" for n in range(30)), PROMO, title="Evil title")])
    assert verb_here("remove", archive_path, block_id(OWN), *scope)[0] == 0
    assert verb_here("merge", source, archive_path)[0] == 0
    assert OWN not in rows(source, f"SELECT text FROM articles WHERE url = '{RIVER}'")[0][0]
    as_before(source, archive_path, *scope)


def test_a_ruling_for_another_host_outlives_the_text_that_it_waits_for(archive_path, tmp_path):
    """A text that no page carries now may come again, and nothing of that host was forgotten."""
    source, make = tmp_path / "other.db", Maker()
    make.clock.seconds = 9_000
    with Archive.open(source, make.clock) as archive:
        archive.save([make.outcome(RIVER, " ".join(f"river{n}" for n in range(30)), PROMO, title="Evil title")])
        archive.save([make.outcome(TOWER, " ".join(f"tower{n}" for n in range(30)), title="The tower")])
    assert verb_here("remove", archive_path, block_id(OWN), "--host", "a.example")[0] == 0
    assert verb_here("merge", source, archive_path)[0] == 0
    with closing(sqlite3.connect(source)) as db, db:  # as a page leaves it that has no older versions
        db.execute(f"DELETE FROM {REVISION_BLOCKS} WHERE block_id = ?", [block_id(OWN)])
    assert verb_here("forget", source, TOWER, "--yes")[0] == 0
    as_before(source, archive_path, "--host", "a.example")
    assert verb_here("remove", archive_path, block_id(OWN), "--host", "a.example")[0] == 0
    assert verb_here("merge", source, archive_path)[0] == 0
    assert verb_here("forget", source, RIVER, "--yes")[0] == 0
    as_before(source, archive_path)


def test_a_ruling_that_was_taken_back_stays_so_in_every_merge(archive_path, tmp_path, monkeypatch):
    """Undoing is an act with its time: an archive that still has the ruling does not bring it back."""
    other, verdicts = Path(shutil.copy(archive_path, tmp_path / "other.db")), "SELECT value, undone_at FROM corrections"
    for second, words in enumerate((
        ("remove", archive_path, block_id(PROMO)), ("remove", other, block_id(PROMO)),
        ("remove", archive_path, block_id(PROMO), "--undo"),
        ("remove", other, block_id(CAPTION), "--host", "a.example"),
        ("restore", archive_path, block_id(CAPTION), "--host", "a.example"),
    )):  # fmt: skip
        monkeypatch.setattr(stored_values, "utc_now", lambda second=second: f"2026-12-01T00:00:0{second}Z")
        assert verb_here(*words)[0] == 0
    monkeypatch.undo()
    found = []
    for order in ((archive_path, other), (other, archive_path)):
        target = tmp_path / f"{order[0].stem}-first.db"
        code, _, errors = verb_here("merge", target, *order)
        assert code == 0
        assert errors.count("corrections differ") == 1, "of the caption, and not of what was only taken back"
        assert "kept counts, which is later than removed" in errors
        assert verb_here("verify", target)[0] == 0
        found.append((rows(target, "SELECT * FROM corrections ORDER BY id"), rows(target, "SELECT * FROM rulings")))
        assert urls_containing(target, CAPTION) == {RIVER}
        assert urls_containing(target, PROMO) == {RIVER, TOWER}
    assert found[0] == found[1]
    assert sorted(rows(tmp_path / "made-first.db", verdicts), key=str) == [
        ("kept", None), ("removed", "2026-12-01T00:00:02Z"),
    ]  # fmt: skip


RIGHT = ("--title", "The right title", "--author", "Ann Moor", "--author", "Bo Tide", "--published", "2024-05-03",
         "--tag", "Harbour", "--language", "fr", "--note", "as printed")  # fmt: skip
FIELDS = "SELECT title, authors, published_day, tags, language FROM articles WHERE url = '{}'"
CORRECTED = ("The right title", '["Ann Moor", "Bo Tide"]', "2024-05-03", '["Harbour"]', "fr")


def fields_of(db: Path, url: str = RIVER) -> tuple[object, ...]:
    [row] = rows(db, FIELDS.format(url))
    return row


def test_a_corrected_field_stays_through_cleaning_and_merging_and_is_taken_back_by_its_number(archive_path, tmp_path):
    before, others = fields_of(archive_path), fields_of(archive_path, TOWER)
    code, said, _ = verb_here("correct", archive_path, RIVER, *RIGHT)
    assert (code, fields_of(archive_path)) == (0, CORRECTED)
    assert ("title: Evil" in said, "→ The right title (number " in said, ACTIVE & set(said)) == (True, True, set())
    assert verb_here("show", archive_path, RIVER)[1].startswith("The right title\n")
    assert (
        '"title": "person"' in rows(archive_path, f"SELECT metadata_sources FROM articles WHERE url = '{RIVER}'")[0][0]
    )
    merged = tmp_path / "merged.db"
    assert verb_here("merge", merged, archive_path)[0] == 0
    for db in (archive_path, merged):
        assert (fields_of(db), fields_of(db, TOWER), verb_here("verify", db)[0]) == (CORRECTED, others, 0)
    listed = [json.loads(line) for line in verb_here("correct", merged, "--json")[1].splitlines()]
    assert {(one["field"], one["note"], one["url"]) for one in listed} == {
        (name, "as printed", RIVER) for name in ("title", "authors", "published", "tags", "language")
    }  # fmt: skip
    assert "Ann Moor, Bo Tide" in verb_here("correct", merged)[1]
    for one in listed:
        assert verb_here("correct", archive_path, "--undo", one["number"])[0] == 0
        assert verb_here("correct", archive_path, "--undo", one["number"])[0] == 1
    assert (fields_of(archive_path), verb_here("verify", archive_path)[0]) == (before, 0)
    assert "taken back" in verb_here("correct", archive_path)[1]


MILL, MIRROR, NEWS = "https://c.example/mill", "https://c.example/print/mill", "https://c.example/news"
STATES = (
    "SELECT u.url, u.state, u.reason, p.page_type, p.article_id IS NOT NULL FROM urls u JOIN pages p ON p.id = u.id"
)
LINKS = "".join(f'<li><a href="/{name}">Story of the {name} and its keepers</a></li>' for name in "abcdefghijklmn")
INTRO = (
    "Ann Moor wrote this letter from the mill every week, and every letter names the stories that she had heard there."
)
LATER = INTRO.replace("every week", "until the spring")
FRAME = "".join(f'<div class="{name}"></div>' for name in "bow deck hold keel mast oar prow rudder sail stern".split())
OUT = ("done", "withdrawn", "other", 0)
IN = ("done", "article", "article", 1)


@pytest.fixture
def mill(tmp_path: Path, workers_here: None) -> Path:
    """An archive of a story, a copy of it, other stories, and a page that is a list by itself."""
    canonical = f'<link rel="canonical" href="{MILL}">'
    records = [
        record(MILL, answer(page("mill", extra=FRAME)), "2024-03-01T10:00:00Z"),
        record(MIRROR, answer(page("mill", head=canonical, extra=FRAME)), "2024-03-01T10:01:00Z"),
        record("https://c.example/quay", answer(page("quay", extra=FRAME)), "2024-03-01T10:02:00Z"),
        record(
            NEWS,
            answer(f"<title>News</title><body><h1>News</h1><p>{INTRO}</p><ul>{LINKS}</ul>"),
            "2024-03-01T10:03:00Z",
        ),
    ]
    write(tmp_path / "mill.warc", records, packed=False)
    assert verb_here("import", tmp_path / "mill.warc", "--db", tmp_path / "mill.db", "-q")[0] == 0
    return tmp_path / "mill.db"


def states(db: Path) -> dict[str, tuple[object, ...]]:
    """The outcome, kind and article of each page, of an archive that `verify` finds sound."""
    assert verb_here("verify", db)[::2] == (0, "")
    return {row[0]: row[1:] for row in rows(db, STATES)}


def text_of(db: Path) -> str:
    [(text,)] = rows(db, f"SELECT text FROM articles WHERE url = '{NEWS}'")
    return str(text)


def number_of(said: str) -> str:
    return said.partition("(number ")[2].partition(")")[0]


def test_what_a_person_calls_no_article_is_taken_out_with_its_copies_told_once_and_given_back(mill, tmp_path):
    before, export = states(mill), tmp_path / "all.jsonl"
    code, said, _ = verb_here("correct", mill, MIRROR, "--not-article", "--note", "an advertorial")
    assert (code, "kind: article → " in said) == (0, True)
    assert verb_here("reclean", mill, "--all", "-q")[0] == 0
    assert {url: states(mill)[url] for url in (MILL, MIRROR)} == {MILL: OUT, MIRROR: OUT}
    assert verb_here("export", mill, "-o", export)[0] == 0
    assert MILL not in export.read_text()
    told = verb_here("changes", mill, "--kind", "withdrawn", "--json")[1].splitlines()
    assert [(json.loads(line)["url"], json.loads(line)["note"]) for line in told] == [(MILL, "withdrawn")]
    assert "withdrawn by correction" in verb_here("changes", mill)[1]
    assert "withdrawn on" not in verb_here("report", mill)[1], "nobody has to look at what a person took out"
    feed = tmp_path / "edits.xml"
    assert verb_here("export", mill, "--format", "atom", "--edits", "-o", feed)[0] == 0
    assert feed.read_text().count("<entry") == 1
    assert "a person says that it is no article" in verb_here("explain", mill, MILL)[1]
    assert f"has no article {MILL}: a person says that it is no article\n" in verb_here("show", mill, MILL)[2]
    [(title,)] = rows(mill, f"SELECT title FROM shelved WHERE url = '{MILL}'")
    assert title.lower() != title
    assert verb_here("explain", mill, f" {title.lower()} ")[0] == 0
    assert verb_here("correct", mill, title.lower(), "--article")[1].startswith(f"{MILL}\n")
    assert verb_here("correct", mill, "--undo", number_of(said))[0] == 0
    assert states(mill) == before


def test_the_later_word_on_a_page_counts_in_every_merge(mill, tmp_path, monkeypatch):
    other = Path(shutil.copy(mill, tmp_path / "other.db"))
    for second, (db, kind) in enumerate(((mill, "--not-article"), (other, "--article"), (other, "--not-article"))):
        monkeypatch.setattr(stored_values, "utc_now", lambda second=second: f"2026-12-01T00:00:0{second}Z")
        said = verb_here("correct", db, MILL, kind)[1]
        if second == 1:
            assert states(db)[MILL] == IN
    monkeypatch.setattr(stored_values, "utc_now", lambda: "2026-12-01T00:00:09Z")
    for last, undoes in ((OUT, False), (IN, True)):
        if undoes:
            assert verb_here("correct", other, "--undo", number_of(said))[0] == 0
        for order in ((mill, other), (other, mill)):
            target = tmp_path / f"{order[0].stem}-{undoes}.db"
            assert verb_here("merge", target, *order)[0] == 0
            assert (states(target)[MILL], states(target)[MIRROR]) == (last, last)


def test_a_page_that_is_a_list_by_itself_becomes_an_article_on_a_persons_word(mill, tmp_path):
    before = states(mill)
    assert before[NEWS] == ("done", "list", "list", 0)
    code, said, errors = verb_here("correct", mill, NEWS, "--article")
    assert (code, errors, "kind: list → article" in said) == (0, "", True)
    times = {
        at
        for (at,) in rows(mill, f"SELECT at FROM changes JOIN articles a ON a.id = article_id WHERE a.url = '{NEWS}'")
    }
    assert min(times) > "2026", "the time of the act, not of the capture"
    assert verb_here("reclean", mill, "--all", "-q")[0] == 0
    merged = tmp_path / "merged.db"
    assert verb_here("merge", merged, mill)[0] == 0
    for db in (mill, merged):
        assert states(db)[NEWS] == IN
        assert text_of(db) == INTRO
    later = record(NEWS, answer(f"<title>News</title><body><h1>News</h1><p>{LATER}</p><ul>{LINKS}</ul>"),
                   "2024-04-01T10:03:00Z")  # fmt: skip
    write(tmp_path / "later.warc", [later], packed=False)
    assert verb_here("import", tmp_path / "later.warc", "--db", mill, "-q")[0] == 0
    assert (states(mill)[NEWS], text_of(mill)) == (IN, LATER)
    assert verb_here("correct", merged, "--undo", number_of(said))[0] == 0
    assert states(merged) == before


def test_pages_of_the_same_layout_are_shown_and_then_corrected_one_by_one(mill):
    before, authors = states(mill), "SELECT url, authors FROM articles ORDER BY url"
    words = ("correct", mill, MILL, "--author", "The Desk", "--same-layout")
    was = rows(mill, authors)
    code, said, _ = verb_here(*words)
    assert (code, said.partition("\n")[0]) == (0, "2 pages of this layout would change; --yes applies it")
    assert "https://c.example/quay authors: none → The Desk" in said
    assert (rows(mill, authors), rows(mill, "SELECT count(*) FROM corrections")) == (was, [(0,)])
    said = verb_here(*words, "--yes")[1]
    assert {names for _, names in rows(mill, authors)} == {'["The Desk"]'}
    assert verb_here("correct", mill, "--undo", number_of(said))[0] == 0
    assert verb_here(*words)[1].startswith("1 page of this layout")
    assert verb_here("correct", mill, MILL, "--not-article", "--same-layout", "--yes")[0] == 0
    assert {url for url, state in states(mill).items() if state == OUT} == before.keys() - {NEWS}
