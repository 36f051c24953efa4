"""Two archives of one site hold the same or not: what the comparer must see, and what it must not mind."""

import sqlite3
import zlib
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from broadsheet.output.write.archive_writer import Archive
from tests.bench.archives import columns
from tests.bench.archives.contents import Contents
from tests.bench.archives.differences import Difference, comparisons, differences
from tests.internal_tables import ARTICLES_SEARCH, HIDING, named
from tests.output.conftest import Clock, Maker

ORIGIN = "http://127.0.0.1:8000"


def store(file: Path, *, seconds: int = 0, origin: str = ORIGIN, backwards: bool = False) -> Path:
    """The archive of a start page, two stories and a page that is gone, at a time, in an order."""
    clock = Clock(seconds)
    make, stories = Maker(clock), [f"{origin}/harbour", f"{origin}/council"][:: -1 if backwards else 1]
    with Archive.open(file, clock) as archive:
        run = archive.runs.start(f"crawl {origin}/", {"seeds": [f"{origin}/"]}, {"python": f"3.11.{seconds}"})
        links = tuple(make.discovered(url, found_on=f"{origin}/") for url in stories)
        harbour = "The harbour keeps a second set of ledgers, 港口的第二套账本."
        outcomes = [
            make.outcome(f"{origin}/harbour", harbour, removed=("Share this", "Like this")),
            make.outcome(f"{origin}/council", "The council read them in March.", harbour[:20], removed=("Share this",)),
            make.failure(f"{origin}/gone", "http_410"),
        ]
        for one in [make.outcome(f"{origin}/", discovered_urls=links), *outcomes[:: -1 if backwards else 1]]:
            capture = one.capture and replace(one.capture, payload_digest=f"sha256:{len(one.url)}")
            archive.save([replace(one, capture=capture)])
        archive.runs.finish(run, "finished", "finished", {"done/article": 2})
    return file


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return store(tmp_path / "old.db")


def changed(old: Path, *statements: str) -> Path:
    """The same archive with something changed in it by SQL."""
    file = store(old.with_name("new.db"))
    with closing(sqlite3.connect(file)) as db, db:
        db.create_function("repacked", 1, lambda layout: zlib.compress(zlib.decompress(layout), 9))
        db.create_function("other", 1, lambda layout: zlib.compress(zlib.decompress(layout).replace(b"main", b"aside")))
        for statement in statements:
            db.execute(named(statement))
    return file


def places(seen: list[Difference]) -> set[str]:
    """The columns in which differences were seen."""
    return {f"{difference.relation}.{difference.column}" for difference in seen}


def test_neither_time_nor_the_order_of_pages_nor_the_port_is_a_difference(old, tmp_path):
    rows = {compared.relation: compared.old_rows for compared in comparisons(old, old)}
    assert (rows["articles"], rows["urls"], rows["removed"], rows["articles_fts"]) == (2, 4, 3, 2)
    later = store(tmp_path / "new.db", seconds=3000, backwards=True)
    with closing(sqlite3.connect(old)) as one, closing(sqlite3.connect(later)) as other:
        numbers = "SELECT id, url FROM urls ORDER BY url"
        assert one.execute(numbers).fetchall() != other.execute(numbers).fetchall()
    assert differences(old, later) == []
    elsewhere = store(tmp_path / "elsewhere.db", origin="http://127.0.0.1:9999")
    assert differences(old, elsewhere) == []
    with closing(sqlite3.connect(elsewhere)) as db, db:
        db.execute("UPDATE pages SET title = 'Another' WHERE word_count > 10")
    assert places(differences(old, elsewhere)) == {"pages.title", "pages_overview.title"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("statement", "seen"),
    [
        ("UPDATE articles SET text = text || ' More.' WHERE url LIKE '%harbour'",
         {"articles.text", "_articles_search.text", "articles_fts.words", "articles_fts.digest"}),
        ("UPDATE articles SET markdown = '' WHERE url LIKE '%harbour'", {"articles.markdown"}),
        ("DELETE FROM urls WHERE url LIKE '%gone'", {"urls.", "_url_counts.urls"}),
        ("DELETE FROM _page_layout WHERE page_id = 2", {"_page_layout."}),
        ("UPDATE urls SET in_feed = 1", {"urls.in_feed"}),
        ("UPDATE _page_blocks SET reason_id = (SELECT id FROM _reasons WHERE reason = 'extractor') WHERE kept = 0",
         {"_page_blocks.reason_id", "blocks.reason", "blocks.rule", "removed.reason", "removed.rule"}),
        ("UPDATE urls SET found_on = NULL", {"urls.found_on"}),
        ("UPDATE articles SET page_id = 2", {"articles.page_id"}),
        ("UPDATE pages SET capture_id = NULL WHERE id = 3", {"pages.capture_id"}),
        ("UPDATE runs SET finished_at = NULL", {"runs.finished_at"}),
        ("UPDATE _page_layout SET layout = other(layout)", {"_page_layout.layout"}),
        ("DROP TABLE _imports", {"_imports."}),
        ("ALTER TABLE _imports DROP COLUMN records", {"_imports.records"}),
        ("CREATE TABLE genre (word TEXT)", {"genre."}),
        ("INSERT INTO articles_fts (articles_fts, rowid, title, text) SELECT 'delete', id, title, text"
         f" FROM {ARTICLES_SEARCH} LIMIT 1", {"articles_fts."}),
    ],
    ids=lambda value: value[:60] if isinstance(value, str) else "",
)  # fmt: skip
def test_a_change_is_seen_where_it_is(old, statement, seen):
    columns_seen = places(differences(old, changed(old, statement)))
    seen = set(map(named, seen))
    assert seen <= columns_seen
    tables = {place.split(".")[0] for place in seen}
    views = {"article_urls", "blocks", "removed", "edits", "versions", "links", HIDING}
    views |= {"articles_overview", "captures_overview", "pages_overview"}
    assert {place.split(".")[0] for place in columns_seen} <= tables | views


@pytest.mark.slow
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE urls SET fetched_at = '1999-12-31T00:00:00Z' WHERE fetched_at IS NOT NULL",
        "UPDATE articles SET first_seen = '1999-12-31T00:00:00Z', last_seen = '1999-12-31T00:00:00Z'",
        "UPDATE runs SET versions = '{}'",
        "UPDATE changes SET seq = seq + 10",
        "UPDATE _page_layout SET layout = repacked(layout)",
        "INSERT INTO articles_fts (articles_fts) VALUES ('optimize')",
        "ANALYZE",
    ],
)
def test_what_may_differ_is_no_difference(old, statement):
    assert differences(old, changed(old, statement)) == []


def test_every_column_that_may_differ_is_in_the_schema(old):
    with closing(Contents(old)) as contents:
        known = {f"{relation}.{name}" for relation, names in contents.relations.items() for name in names}
        identities = {f"{relation}.{name}" for relation, names in columns.IDENTITIES.items() for name in names}
    declared = [
        columns.PRESENCE_ONLY, columns.INSERTION_ORDER, *columns.REFERENCES.values(), identities, columns.PACKED,
        columns.PACKED_READINGS, columns.UNORDERED, columns.DATED, columns.PORT_DEPENDENT, columns.WITH_TIMING,
    ]  # fmt: skip
    assert set().union(*declared) - known == set()
    assert columns.MEANINGS.keys() == columns.REFERENCES.keys()


def page(number: int) -> str:
    """One of twenty stories, with links to some of the others."""
    links = "".join(f'<a href="/story-{other}">Story {other}</a> ' for other in (number * 3 % 20, (number + 1) % 20))
    sentences = " ".join(f"Clerk {clerk} of ward {number} answered the letter of {clerk} May." for clerk in range(9))
    article = "".join(f"<p>In part {part} of this story it is told at length. {sentences}</p>" for part in range(4))
    return f"<html><title>Ward {number}</title><article><h1>Ward {number}</h1>{article}</article><nav>{links}</nav>"
