"""Two archives of one site hold the same or not: what the comparer must see, and what it must not mind."""

from __future__ import annotations

import asyncio
import sqlite3
import time
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import Outcome
from tests.bench.archives import columns
from tests.bench.archives.contents import Contents
from tests.bench.archives.differences import ABSENT, PRESENT, Difference, comparisons, differences
from tests.bench.archives.step_by_step import slow_down
from tests.bench.merged_sites import crawl, step_by_step
from tests.crawler.scripted_site import ScriptedSite
from tests.internal_tables import ARTICLES_SEARCH, BLOCKS, EDITS, named
from tests.output.conftest import Clock, Maker

NEXT_SECOND = 1.1  # an equal answer within the second of an earlier one is the same capture
HARBOUR = "The harbour keeps a second set of ledgers, 港口的第二套账本."
COUNCIL = "The council read them for the first time in March."
ORIGIN = "http://127.0.0.1:8000"


def outcomes(make: Maker, origin: str) -> Iterator[Outcome]:
    """A start page, two stories that it leads to, and a page that is gone."""
    stories = [f"{origin}/harbour", f"{origin}/council"]
    links = tuple(make.discovered(url, found_on=f"{origin}/") for url in stories)
    yield make.outcome(f"{origin}/", discovered_urls=links)
    yield make.outcome(stories[0], HARBOUR, removed=("Share this", "Like this"))
    yield make.outcome(stories[1], COUNCIL, HARBOUR[:20], removed=("Share this",))
    yield make.failure(f"{origin}/gone", "http_410")


def store(file: Path, *, seconds: int = 0, origin: str = ORIGIN, backwards: bool = False) -> Path:
    """The archive of these pages, as it comes out when the clock stands there and pages come in that order."""
    clock = Clock(seconds)
    with Archive.open(file, clock) as archive:
        run = archive.runs.start(f"crawl {origin}/", {"seeds": [f"{origin}/"]}, {"python": f"3.11.{seconds}"})
        first, *others = outcomes(Maker(clock), origin)
        if backwards:
            first, others = replace(first, discovered_urls=first.discovered_urls[::-1]), others[::-1]
        for outcome in [first, *others]:
            capture = outcome.capture and replace(outcome.capture, payload_digest=f"sha256:{len(outcome.url)}")
            archive.save([replace(outcome, capture=capture)])
        archive.runs.finish(run, "finished", "finished", {"done/article": 2})
    return file


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return store(tmp_path / "old.db")


@pytest.fixture
def change(tmp_path: Path) -> Callable[..., Path]:
    """The same archive with something changed in it by SQL."""

    def changed(*statements: str) -> Path:
        file = store(tmp_path / "new.db")
        with closing(sqlite3.connect(file)) as db, db:
            db.create_function("repacked", 1, lambda layout: zlib.compress(zlib.decompress(layout), 9))
            db.create_function(
                "other", 1, lambda layout: zlib.compress(zlib.decompress(layout).replace(b"main", b"aside"))
            )
            for statement in statements:
                db.execute(named(statement))
        return file

    return changed


def places(seen: list[Difference]) -> set[str]:
    """The columns in which differences were seen."""
    return {f"{difference.relation}.{difference.column}" for difference in seen}


def test_an_archive_holds_what_it_holds(old: Path) -> None:
    assert differences(old, old) == []
    rows = {compared.relation: compared.old_rows for compared in comparisons(old, old)}
    assert (rows["articles"], rows["urls"], rows["removed"], rows["articles_fts"]) == (2, 4, 3, 2)


def test_neither_the_time_nor_the_order_in_which_pages_came_is_a_difference(old: Path, tmp_path: Path) -> None:
    new = store(tmp_path / "new.db", seconds=3000, backwards=True)
    with closing(sqlite3.connect(old)) as one, closing(sqlite3.connect(new)) as other:
        numbers = "SELECT id, url FROM urls ORDER BY url"
        assert one.execute(numbers).fetchall() != other.execute(numbers).fetchall()
    assert differences(old, new) == []


def test_another_port_is_no_difference(old: Path, tmp_path: Path) -> None:
    new = store(tmp_path / "new.db", origin="http://127.0.0.1:9999")
    assert differences(old, new) == []
    with closing(sqlite3.connect(new)) as db, db:
        db.execute("UPDATE pages SET title = 'Another' WHERE word_count > 10")
    assert places(differences(old, new)) == {"pages.title"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("statement", "seen"),
    [
        ("UPDATE articles SET text = text || ' More.' WHERE url LIKE '%harbour'",
         {"articles.text", "_articles_search.text", "articles_fts.words", "articles_fts.digest"}),
        ("UPDATE articles SET markdown = '' WHERE url LIKE '%harbour'", {"articles.markdown"}),
        ("DELETE FROM urls WHERE url LIKE '%gone'", {"urls.", "_url_counts.urls"}),
        ("DELETE FROM _page_layout WHERE page_id = 2", {"_page_layout."}),
        ("INSERT INTO _listed (url_id, kind) VALUES (1, 'feed')", {"_listed."}),
        ("UPDATE _page_blocks SET reason_id = (SELECT id FROM _reasons WHERE reason = 'extractor') WHERE kept = 0",
         {"_page_blocks.reason_id", "_blocks.reason", "_blocks.rule", "removed.reason", "removed.rule"}),
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
def test_a_change_is_seen_where_it_is(old: Path, change: Callable[..., Path], statement: str, seen: set[str]) -> None:
    columns_seen = places(differences(old, change(statement)))
    seen = set(map(named, seen))
    assert seen <= columns_seen
    tables = {place.split(".")[0] for place in seen}
    assert {place.split(".")[0] for place in columns_seen} <= tables | {BLOCKS, "removed", "articles_overview", EDITS}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE urls SET fetched_at = '1999-12-31T00:00:00+00:00' WHERE fetched_at IS NOT NULL",
        "UPDATE articles SET first_seen = '1999-12-31T00:00:00+00:00', last_seen = '1999-12-31T00:00:00+00:00'",
        "UPDATE runs SET versions = '{}'",
        "UPDATE changes SET seq = seq + 10",
        "UPDATE _page_layout SET layout = repacked(layout)",
        "INSERT INTO articles_fts (articles_fts) VALUES ('optimize')",
        "ANALYZE",
    ],
)
def test_what_may_differ_is_no_difference(old: Path, change: Callable[..., Path], statement: str) -> None:
    assert differences(old, change(statement)) == []


def test_a_row_that_is_dropped_is_told_with_what_it_held(old: Path, change: Callable[..., Path]) -> None:
    seen = differences(old, change("DELETE FROM urls WHERE url LIKE '%gone'"))
    (difference,) = [difference for difference in seen if difference.relation == "urls"]
    assert (difference.row, difference.column, difference.new) == ((f"{ORIGIN}/gone",), "", ABSENT)
    assert "http_410" in str(difference.old)


def test_a_new_column_or_table_is_a_difference(old: Path, change: Callable[..., Path]) -> None:
    new = change("ALTER TABLE articles ADD COLUMN genre TEXT", "CREATE TABLE topics (name TEXT)")
    assert differences(old, new) == [
        Difference("articles", (), "genre", ABSENT, PRESENT),
        Difference("topics", (), "", ABSENT, PRESENT),
    ]
    assert places(differences(new, old)) == {"articles.genre", "topics."}


def test_every_column_that_may_differ_is_in_the_schema(old: Path) -> None:
    with closing(Contents(old)) as contents:
        known = {f"{relation}.{name}" for relation, names in contents.relations.items() for name in names}
        identities = {f"{relation}.{name}" for relation, names in columns.IDENTITIES.items() for name in names}
    declared = [
        columns.PRESENCE_ONLY, columns.INSERTION_ORDER, *columns.REFERENCES.values(), identities, columns.PACKED,
        columns.PACKED_READINGS, columns.UNORDERED, columns.DATED, columns.PORT_DEPENDENT, columns.WITH_TIMING,
    ]  # fmt: skip
    assert set().union(*declared) - known == set()
    assert columns.MEANINGS.keys() == columns.REFERENCES.keys()


def test_a_step_is_handed_out_when_nothing_else_is_under_way() -> None:
    class Frontier:
        in_flight = 0
        most = 0

        async def turns(self) -> AsyncIterator[int]:
            for turn in range(5):
                self.in_flight += 1
                self.most = max(self.most, self.in_flight)
                yield turn

        def land(self) -> None:
            self.in_flight -= 1

    async def most_at_once(frontier: Frontier) -> int:
        async for _ in frontier.turns():
            asyncio.get_running_loop().call_later(0.003, frontier.land)
        return frontier.most

    assert asyncio.run(most_at_once(Frontier())) > 1
    slow_down(Frontier)
    assert asyncio.run(most_at_once(Frontier())) == 1


def page(number: int) -> str:
    """One of twenty stories, with links to some of the others."""
    links = "".join(f'<a href="/story-{other}">Story {other}</a> ' for other in (number * 3 % 20, (number + 1) % 20))
    sentences = " ".join(f"Clerk {clerk} of ward {number} answered the letter of {clerk} May." for clerk in range(9))
    article = "".join(f"<p>In part {part} of this story it is told at length. {sentences}</p>" for part in range(4))
    return f"<html><title>Ward {number}</title><article><h1>Ward {number}</h1>{article}</article><nav>{links}</nav>"


@pytest.mark.slow
def test_two_crawls_of_a_site_step_by_step_hold_the_same_in_every_column(tmp_path: Path) -> None:
    with closing(ScriptedSite({f"/story-{number}": page(number) for number in range(20)})) as site:
        site.routes["/"] = page(99)
        archive = tmp_path / "draft/site.db"  # the same for both, since some of it is stored
        for side in ("old", "new"):
            archive.parent.mkdir()
            crawl(archive, f"{site.url}/")
            time.sleep(NEXT_SECOND)
            step_by_step("update", str(archive), "--all", "--delay", "0", "--allow-private")
            step_by_step("reclean", str(archive), "--all")
            archive.parent.rename(tmp_path / side)
    old, new = (tmp_path / side / archive.name for side in ("old", "new"))
    assert differences(old, new) == []
    rows = {compared.relation: compared.old_rows for compared in comparisons(old, new)}
    assert (rows["articles"] >= 20, rows["runs"]) == (True, 3)
