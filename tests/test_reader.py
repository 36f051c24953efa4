"""All that a reader of an archive gives, over a small archive in which each kind of row stands."""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from html import escape
from pathlib import Path
from typing import Any

import pytest

import broadsheet
from broadsheet.cleaners.document import Metadata
from broadsheet.output.write.archive_writer import Archive
from tests.output.browse.test_pages import PAYLOADS, assert_inert
from tests.output.cleaned_pages import cleaned_page, with_page
from tests.output.conftest import Maker
from tests.output.crowd import put_many
from tests.output.harbour import OTHER, SITE, fill_harbour
from tests.output.told import expected, told

FILE = Path(__file__).with_name("whole_reader.txt")
ONE = 7603084284087165
DAY = date(2025, 12, 30)
Reader = broadsheet.ArchiveReader
PAGE_HEAD = '<!doctype html><script src="/static/keys.js"></script>'  # that of the page around, as the check expects it

TELL: dict[str, Callable[[Reader], Any]] = {
    "all": lambda archive: [len(archive), archive.latest_change, *(article.url for article in archive)],
    "bounds": lambda archive: [
        [article.id for article in archive.articles(**bounds)]  # type: ignore[arg-type]
        for bounds in (
            {"host": "b.example", "one_per_cluster": True}, {"host": "b.example"}, {"language": "EN-gb"},
            {"section": "culture"}, {"since": "2026"}, {"until": DAY}, {"since": DAY, "until": "2025-12"},
            {"since": datetime(2025, 12, 30, 23, tzinfo=UTC), "until": datetime(2025, 12, 30, 1, tzinfo=UTC)},
        )
    ],
    "article": lambda archive: [archive.article(ONE), archive.article(f"{SITE}/old") == archive.article(str(ONE))],
    "search": lambda archive: [archive.search("harbour"), archive.search("story", 1)],
    "explain": lambda archive: [archive.explain(ONE), archive.explain(f"{OTHER}/none"), archive.explain("x")],
    "removed": lambda archive: archive.removed(f"{SITE}/1"),
    "edits": lambda archive: [
        *archive.edits(), [edit.seq for edit in archive.edits(19)],
        [edit.seq for edit in archive.edits(0, kinds=("new",))],
        [edit.seq for edit in archive.edits("2026-01-09T08:00", kinds=("new",))],
        [edit.seq for edit in archive.edits(date(2026, 1, 9), kinds=("new",))],
        [edit.seq for edit in archive.edits(datetime(2026, 1, 9, 8, tzinfo=UTC), kinds=("new",))],
        [edit.seq for edit in archive.edits("2026-01-09T10:00:01+02:00", kinds=("new",))],
    ],
    "changes": lambda archive: [*archive.changes(15), [change.seq for change in archive.changes("2026-01-09T08:00")]],
    "versions": lambda archive: [
        [(version, version.text) for version in archive.versions(name)] for name in (f"{SITE}/1", f"{SITE}/2")
    ],
    "links": lambda archive: archive.links(),
    "in a notebook": lambda archive: [
        thing._repr_html_() for thing in (archive, archive.articles(language="fr"), archive.article(ONE))
    ],
    "raw": lambda archive: [
        (response, response.headers, response.body) if (response := archive.raw(name)) else None
        for name in (f"{SITE}/1", f"{OTHER}/free", f"{SITE}/robots.txt", f"{SITE}/gone", "x")
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    file = tmp_path_factory.mktemp("reader") / "ebb.db"
    fill_harbour(file)
    with broadsheet.open(file) as opened:
        yield opened


@pytest.mark.parametrize("asked", TELL)
def test_all_of_it_is_given(archive, asked):
    text = told(map(repr, TELL[asked](archive)))
    assert text == expected(FILE, asked, text)


def test_every_change_is_given_and_every_block(archive):
    """Edits alone once passed for changes: 12 of them, where the table has every coming and going."""
    with sqlite3.connect(archive.path) as connection:
        rows = connection.execute(
            "SELECT seq, article_id, change, nullif(kind, ''), revision FROM changes ORDER BY seq"
        )
        assert [(c.seq, c.article_id, c.change, c.kind, c.revision) for c in archive.changes()] == rows.fetchall()
        blocks = connection.execute("SELECT position, kept FROM blocks WHERE article_id = ? ORDER BY position", [ONE])
        assert [(block.position, int(block.is_kept)) for block in archive.blocks(ONE)] == blocks.fetchall()


@pytest.mark.parametrize("payload", PAYLOADS)
def test_nothing_acts_in_a_notebook(tmp_path, payload):
    make = Maker()
    with Archive.open(tmp_path / "a.db") as archive:
        outcome = make.outcome(f"http://a.test/{payload}", payload, f"words {payload}", title=payload)
        metadata = Metadata(title=payload, authors=(payload,), sitename=payload)
        archive.save([with_page(outcome, replace(cleaned_page(outcome), metadata=metadata))])
    page = f"<title>{escape(payload)}</title><h1>{escape(payload)}</h1><p>{escape(payload)} was said in the town.</p>"
    with broadsheet.open(tmp_path / "a.db") as reader:
        (article,) = reader.articles()
        for shown in (reader, reader.articles(), article, broadsheet.clean(page, f"javascript:{payload}")):
            assert_inert(PAGE_HEAD + shown._repr_html_())


def test_what_a_notebook_shows_is_not_taken_from_the_iterator(archive):
    articles = archive.articles()
    shown = articles._repr_html_()
    found = list(articles)
    assert len(found) == len(archive)
    assert escape(found[0].title) in shown


def test_a_search_has_twenty_hits(tmp_path):
    with Archive.open(tmp_path / "a.db") as archive:
        archive.db.execute("PRAGMA foreign_keys = OFF")
        put_many(archive.db, "articles", 1, 41, id="n", url="'http://a.test/' || n", title="'Title'", authors="'[]'",
                 tags="'[]'", metadata_sources="'{}'")  # fmt: skip
        archive.db.conn.commit()
    with broadsheet.open(tmp_path / "a.db") as reader:
        hits = [len(reader.search("title", *limit)) for limit in ((), (40,), (2**70,))]
        assert (hits, reader.search('"')) == ([20, 40, 41], [])
        assert repr(reader) == f"<broadsheet archive '{tmp_path}/a.db'>"


def test_what_cannot_be_asked_is_said(archive):
    assert (archive.article("x"), list(archive.changes(2**70)), list(archive.edits(2**70))) == (None, [], [])
    for since in (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1))), "9999-12-31T23:59:59-01:00"):
        with pytest.raises(ValueError, match=r"^\S+ is not a time in UTC$"):
            archive.changes(since)
    for kinds, wrong in ((("x", "y"), "x"), ("new", "e")):
        with pytest.raises(ValueError, match=rf"^'{wrong}' is not a kind of edit: they are correction, "):
            archive.edits(kinds=kinds)
    with pytest.raises(ValueError, match="yesterday"):
        archive.changes("yesterday")
    with pytest.raises(ValueError, match="May"):
        archive.articles(since="May")
    for ask, what in ((archive.removed, "page"), (archive.blocks, "page"), (archive.versions, "article")):
        with pytest.raises(LookupError, match=rf"^{archive.path} has no {what} of x$"):
            ask("x")
    with pytest.raises(AttributeError, match=r"^module 'broadsheet' has no attribute 'x'$"):
        _ = broadsheet.x
