"""Which pages a change may make copies or parts of others: those that relate to it, now or before, and no others.

What is settled again: nothing where nothing has changed, else the hosts whose pages depend on the change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from broadsheet.cleaners.compare.page_layouts import pack_signature
from broadsheet.cleaners.document import Outlink, UrlSource
from broadsheet.output.archive.atomic_writes import write_transaction
from broadsheet.output.archive.ledger import block_id
from broadsheet.output.settle import similar_articles as relate
from broadsheet.output.settle import unsettled
from broadsheet.output.settle.likeness import Relation
from broadsheet.output.settle.settling import settle
from broadsheet.output.settle.site_scan import scan_pages
from broadsheet.output.settle.unsettled import (
    WHOLE_ARCHIVE,
    StaleHosts,
    awaited_urls_have_changed,
    find_affected_pages,
    find_unsettled_hosts,
    hosts_of_pages,
    is_settled,
    judges_have_changed,
    list_hosts,
    note_settled,
)
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import DiscoveredUrl
from broadsheet.output.write.person_verdicts import Ruling, store_ruling
from broadsheet.output.write.takedowns import take_down
from broadsheet.output.write.url_queue import add_urls
from tests import internal_tables as inner
from tests.bench.load.generated_site import GeneratedSite
from tests.output.conftest import Maker
from tests.output.filled_rows import put
from tests.output.settle.stories import HOSTS, PROMO, story

PAGE = {"own_type": "article", "canonical_url": None, "text_digest": "own"}
SAME, NO_ARTICLE = {"text_digest": "same"}, {"own_type": "list"}


@pytest.fixture
def two_pages(archive: Archive) -> Callable[..., set[int]]:
    """Store two pages, of which the first has changed, and a row of another table; give the pages that this affects."""

    def affected(first: dict[str, Any], second: dict[str, Any], table: str = "", **values: Any) -> set[int]:
        db = archive.db
        db.execute("PRAGMA foreign_keys = OFF")
        for number, page in enumerate((first, second), 1):
            put(db, "urls", number, id=number, url=f"u{number}", host="a.test", kind="page", state="done")
            put(db, "pages", number, id=number, **(PAGE | {"text_digest": f"d{number}"} | page))
        if table:
            put(db, table, 1, **values)
        db.execute(f"DELETE FROM {inner.UNSETTLED}")
        put(db, inner.UNSETTLED, 1, page_id=1)
        find_affected_pages(db, (), awaited_urls_changed=False)
        return {page_id for (page_id,) in db.execute("SELECT page_id FROM temp.settle_affected")}

    return affected


@pytest.mark.parametrize(
    ("first", "second", "is_related"),
    [
        ({}, {}, False),
        (SAME, SAME, True),
        (SAME | NO_ARTICLE, SAME, False),
        (SAME, SAME | NO_ARTICLE, False),
        ({}, {"canonical_url": "u1"}, True),
        ({}, {"canonical_url": "u1"} | NO_ARTICLE, False),
        ({"canonical_url": "u2"}, {}, True),
        ({"canonical_url": "u"}, {"canonical_url": "u"}, True),
        ({"canonical_url": "u"}, {"canonical_url": "u"} | NO_ARTICLE, False),
        ({"canonical_url": ""}, {"canonical_url": ""}, False),
    ],
)
def test_pages_with_one_text_or_canonical_url_are_affected(two_pages: Any, first: Any, second: Any, is_related: bool):
    assert two_pages(first, second) == ({1, 2} if is_related else {1})


@pytest.mark.parametrize(
    ("table", "values"),
    [
        (inner.PAGE_COPIES, {"page_id": 1, "original_id": 2}),
        (inner.PAGE_COPIES, {"page_id": 2, "original_id": 1}),
        (inner.PAGE_PARTS, {"page_id": 1, "head_id": 2}),
        (inner.PAGE_PARTS, {"page_id": 2, "head_id": 1}),
        (inner.PAGE_LEADS, {"page_id": 1, "url": "u2"}),
        (inner.PAGE_LEADS, {"page_id": 2, "url": "u1"}),
    ],
)
def test_pages_that_were_copies_or_parts_or_lead_to_one_another_are_affected(two_pages: Any, table: str, values: Any):
    assert two_pages({}, {}, table, **values) == {1, 2}


def test_pages_that_are_named_and_those_related_by_several_steps_are_affected(archive: Archive) -> None:
    """With other awaited URLs every page with a lead is one too."""
    db = archive.db
    db.execute("PRAGMA foreign_keys = OFF")
    for copy, original in ((2, 1), (3, 2), (8, 7)):
        put(db, inner.PAGE_COPIES, copy, page_id=copy, original_id=original)
    put(db, inner.PAGE_LEADS, 5, page_id=5, url="u")
    db.execute(f"DELETE FROM {inner.UNSETTLED}")
    for changed, affected in ((False, {1, 2, 3, 9}), (True, {1, 2, 3, 5, 9})):
        find_affected_pages(db, [1, 9], awaited_urls_changed=changed)
        assert {page_id for (page_id,) in db.execute("SELECT page_id FROM temp.settle_affected")} == affected
        db.execute("DROP TABLE temp.settle_affected")


@pytest.mark.parametrize(
    ("state", "reason", "is_awaited"),
    [("queued", "", True), ("skipped", "limit", True), ("skipped", "depth", False), ("failed", "limit", False)],
)
def test_a_url_is_awaited_while_it_may_still_be_fetched(
    archive: Archive, state: str, reason: str, is_awaited: bool
) -> None:
    db = archive.db
    db.execute("PRAGMA foreign_keys = OFF")
    put(db, "urls", 1, id=1, url="u", kind="page", state="done")
    for number in (1, 2):
        put(db, inner.PAGE_LEADS, number, page_id=number, url="u")
    note_settled(db)
    assert (is_settled(db), judges_have_changed(db), awaited_urls_have_changed(db)) == (True, False, False)
    db.execute("UPDATE urls SET state = ?, reason = ?", [state, reason])
    assert (judges_have_changed(db), awaited_urls_have_changed(db)) == (False, is_awaited)
    note_settled(db)
    db.execute(f"DELETE FROM {inner.PAGE_LEADS} WHERE page_id = 2")
    assert not awaited_urls_have_changed(db), "one page still leads there"


@pytest.fixture
def sites(archive: Archive, make: Maker) -> Archive:
    """Three hosts with three pages each, settled."""
    urls = [f"http://{host}/story-{number}" for host in HOSTS for number in range(3)]
    archive.save([make.outcome(url, story(url), f"{url} and its kind") for url in urls])
    settle(archive.db, make.clock)
    return archive


def scanned_hosts(archive: Archive, make: Maker) -> set[str]:
    """The hosts whose pages are scanned by settling."""
    page_ids: set[int] = set()

    def spying_map(function: Callable[[Any], Any], jobs: Iterable[Any]) -> Iterator[Any]:
        for job in jobs:
            page_ids.update(page.page_id for page in job if function is scan_pages)
            yield function(job)

    settle(archive.db, make.clock, spying_map)
    hosts = archive.db.execute("SELECT id, host FROM urls").fetchall()
    return {host for page_id, host in hosts if page_id in page_ids}


def test_where_nothing_has_changed_no_page_is_read(sites: Archive, make: Maker) -> None:
    statements: list[str] = []
    sites.db.conn.set_trace_callback(statements.append)
    settle(sites.db, make.clock)
    assert not [
        statement for statement in statements if inner.PAGE_BLOCKS in statement or inner.BLOCK_TEXTS in statement
    ]
    assert len(statements) < 25


def test_the_counts_are_the_same_where_nothing_has_changed(archive: Archive, make: Maker) -> None:
    archive.save([make.outcome(f"http://a.test/{n}", story(str(n // 2)), PROMO) for n in range(8)])
    first, again = settle(archive.db, make.clock), settle(archive.db, make.clock)
    assert (first.articles, first.duplicate_pages, first.repeated_blocks) == (4, 4, 8)
    assert (again.articles, again.duplicate_pages, again.repeated_blocks) == (4, 4, 8)
    assert (first.rejudged_pages, again.rejudged_pages) == (8, 0)


def test_a_new_page_has_its_host_judged_again_and_no_other(sites: Archive, make: Maker) -> None:
    sites.save([make.outcome("http://b.test/story-3", story("new"))])
    assert scanned_hosts(sites, make) == {"b.test"}
    assert scanned_hosts(sites, make) == set()


def test_a_text_that_comes_to_stand_on_another_host_has_both_judged_again(sites: Archive, make: Maker) -> None:
    sites.save([make.outcome("http://b.test/story-3", story("new"), removed=("http://c.test/story-1 and its kind",))])
    assert scanned_hosts(sites, make) == {"b.test", "c.test"}


def test_a_text_that_many_pages_of_other_hosts_have_touches_none_of_them(archive: Archive, make: Maker) -> None:
    urls = [f"http://{host}/story-{number}" for host in HOSTS for number in range(5)]
    archive.save([make.outcome(url, story(url), removed=("Share this",)) for url in urls])
    settle(archive.db, make.clock)
    archive.save([make.outcome("http://a.test/more", story("more"), removed=("Share this",))])
    assert scanned_hosts(archive, make) == {"a.test"}


def test_a_copy_on_another_host_has_both_judged_again(sites: Archive, make: Maker) -> None:
    url = "http://c.test/story-1"
    sites.save([make.outcome("http://b.test/s", story(url), f"{url} and its kind")])
    assert scanned_hosts(sites, make) == {"b.test", "c.test"}


def test_a_page_that_another_host_s_page_takes_the_place_of_has_its_host_judged_again(
    archive: Archive, make: Maker
) -> None:
    """The text stood on several hosts before, so that nothing else than the page's part in it has changed."""
    copies = [f"http://{host}/long-address/story" for host in HOSTS] + ["http://b.test/long-address/again"]
    archive.save([make.outcome(url, story("x"), PROMO) for url in copies])
    archive.save([make.outcome(f"http://{host}/{n}", story(host + n), PROMO) for host in HOSTS for n in "12"])
    settle(archive.db, make.clock)
    archive.save([make.outcome("http://c.test/s", story("x"), PROMO)])
    assert scanned_hosts(archive, make) == {"a.test", "c.test"}
    pages = archive.db.execute(f"SELECT DISTINCT host, of_pages FROM {inner.BLOCK_EVIDENCE} ORDER BY host").fetchall()
    assert pages == [("a.test", 2), ("b.test", 2), ("c.test", 3)]


def test_what_is_out_by_its_layout_stays_out_when_another_host_is_judged(archive: Archive, make: Maker) -> None:
    posts, days = (pack_signature(list(range(first, first + 30))) for first in (0, 100))
    text = f"{story('b.test0')[:150]} …"
    for host in ("a.test", "b.test"):
        stories = [make.outcome(f"http://{host}/p{n}", story(f"{host}{n}"), layout_signature=posts) for n in range(12)]
        excerpts = [
            make.outcome(f"http://{host}/d{n}", f"{story(f'{host}{n}')[:150]} …", layout_signature=days, title="One")
            for n in range(6)
        ]
        archive.save([*stories, *excerpts])
    archive.save([make.outcome("http://c.test/a/long/address", text, title="One")])
    assert settle(archive.db, make.clock).layout_pages == 12
    evidence = archive.db.execute("SELECT id, page_type, evidence, layout_id FROM pages ORDER BY id").fetchall()
    archive.save([make.outcome("http://a.test/the/same/excerpt", text, title="One", layout_signature=posts)])
    assert settle(archive.db, make.clock).layout_pages == 12
    b_pages = {page_id for (page_id,) in archive.db.execute("SELECT id FROM urls WHERE host = 'b.test'")}
    evidence_now = archive.db.execute("SELECT id, page_type, evidence, layout_id FROM pages ORDER BY id").fetchall()
    assert [row for row in evidence_now if row[0] in b_pages] == [row for row in evidence if row[0] in b_pages]
    assert archive.db.execute("SELECT url FROM articles WHERE title = 'One'").fetchall() == [
        ("http://c.test/a/long/address",)
    ]


def test_only_articles_of_pages_that_something_changed_for_are_compared_again(
    archive: Archive, make: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared_pairs: list[tuple[int, int]] = []

    def spying_compare(db: Database, pairs: list[tuple[int, int]]) -> Iterator[Relation]:
        compared_pairs.extend(pairs)
        return compare_pairs(db, pairs)

    compare_pairs = relate._compare_pairs
    monkeypatch.setattr(relate, "_compare_pairs", spying_compare)
    archive.save(
        [make.outcome(f"http://{host}/{n}", f"{story(host)} {story(host + 'x')} {n}") for host in HOSTS for n in "12"]
    )
    settle(archive.db, make.clock)
    relations = archive.db.execute("SELECT article_id, duplicate_id, kind FROM duplicates ORDER BY 1, 2").fetchall()
    assert (len(compared_pairs), len(relations)) == (3, 3)
    archive.save([make.outcome("http://a.test/3", f"{story('a.test')} {story('a.testx')} 3")])
    settle(archive.db, make.clock)
    assert compared_pairs[3:] == [(1, 7), (2, 7)]
    assert set(relations) < set(archive.db.execute("SELECT article_id, duplicate_id, kind FROM duplicates").fetchall())


CHANGES: dict[str, Callable[[Archive, Maker], object]] = {
    "the same page again": lambda archive, make: archive.save(
        [make.outcome("http://a.test/story-1", story("http://a.test/story-1"), "http://a.test/story-1 and its kind")]
    ),
    "a title": lambda archive, _: archive.db.execute("UPDATE articles SET title = 'x' WHERE host = 'a.test'"),
    "a signature": lambda archive, _: archive.db.execute(
        f"INSERT INTO {inner.PAGE_SIGNATURES} (page_id, signature) SELECT id, x'01020304'"
        " FROM urls WHERE host = 'a.test'"
    ),
    "a takedown": lambda archive, _: take_down(archive.db, "http://a.test/story-1"),
    "a layout": lambda archive, _: archive.db.execute(f"UPDATE {inner.PAGE_LAYOUT} SET layout = layout"),
    "another version": lambda archive, _: archive.db.execute("UPDATE meta SET value = '0 0' WHERE key = 'settled'"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_whatever_is_read_and_changes_is_noted(sites: Archive, make: Maker, name: str) -> None:
    assert is_settled(sites.db)
    CHANGES[name](sites, make)
    sites.db.conn.commit()
    assert not is_settled(sites.db)
    assert scanned_hosts(sites, make) >= {"a.test"}
    assert is_settled(sites.db)


def test_other_judges_judge_the_whole_archive(sites: Archive, make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unsettled, "SETTLE_VERSION", "of another day")
    assert scanned_hosts(sites, make) == set(HOSTS)
    assert scanned_hosts(sites, make) == set()


def test_an_archive_of_before_is_settled_as_a_whole(sites: Archive, make: Maker) -> None:
    sites.db.execute("DELETE FROM meta WHERE key = 'settled'")
    assert scanned_hosts(sites, make) == set(HOSTS)


def test_a_ruling_that_waits_is_applied_although_no_page_has_changed(sites: Archive, make: Maker) -> None:
    url = "http://a.test/story-1"
    with write_transaction(sites.db):
        store_ruling(sites.db, Ruling(block_id(f"{url} and its kind"), False, ruled_at=make.clock()))
    settle(sites.db, make.clock)
    assert sites.db.execute("SELECT text FROM articles WHERE url = ?", [url]).fetchone() == (story(url),)


def test_an_article_is_whole_once_none_of_its_pages_is_awaited(archive: Archive, make: Maker) -> None:
    first, second = "http://a.test/long", "http://a.test/long?page=2"
    third = DiscoveredUrl("http://a.test/long?page=3", "a.test")
    links = {
        1: (Outlink(second, "", ("next",), UrlSource.NEXT),),
        2: (Outlink(third.url, "", ("next",), UrlSource.NEXT),),
    }
    archive.save(
        [
            make.outcome(url, story(url), title="Long", outlinks=links[number])
            for number, url in ((1, first), (2, second))
        ]
    )
    with write_transaction(archive.db):
        add_urls(archive.db, [third], make.clock())
    assert settle(archive.db, make.clock).articles == 2
    with write_transaction(archive.db):
        archive.db.execute("UPDATE urls SET state = 'failed', reason = 'http_404' WHERE url = ?", [third.url])
    assert settle(archive.db, make.clock).articles == 1


def steps_of_settling(folder: Path, make: Maker, host_count: int) -> int:
    """Steps of SQLite's machine, in hundreds, that it takes to settle after a page of one host changed."""
    site = GeneratedSite(12 * host_count, host_count, scale=0.2)
    steps = 0

    def count_step() -> int:
        nonlocal steps
        steps += 1
        return 0

    with Archive.open(folder / f"{host_count}.db", make.clock) as archive:
        site.store(archive)
        settle(archive.db, make.clock)
        archive.save([site.page(host_count, version=1)])
        archive.db.conn.set_progress_handler(count_step, 100)
        settle(archive.db, make.clock)
        archive.db.conn.set_progress_handler(None, 0)
    return steps


@pytest.mark.slow
def test_what_settling_after_a_change_costs_does_not_grow_with_the_other_hosts(tmp_path: Path, make: Maker) -> None:
    few_hosts, many_hosts = (steps_of_settling(tmp_path, make, hosts) for hosts in (4, 16))
    assert many_hosts < 1.5 * few_hosts


def test_stale_hosts_are_these_or_all() -> None:
    some, none = StaleHosts(frozenset({"b", "a"})), StaleHosts(frozenset())
    assert ("a" in some, "c" in some, "c" in WHOLE_ARCHIVE, "a" in none) == (True, False, True, False)
    assert (bool(some), bool(none), bool(WHOLE_ARCHIVE)) == (True, False, True)
    assert some.and_hosts({"c"}).hosts == {"a", "b", "c"}
    assert WHOLE_ARCHIVE.and_hosts({"c"}).hosts is None


def test_hosts_are_listed_in_order_wherever_they_stand(archive: Archive) -> None:
    db = archive.db
    db.execute("PRAGMA foreign_keys = OFF")
    for number, host in enumerate(("e", "d", "x"), 1):
        put(db, "urls", number, id=number, host=host, kind="page", state="done")
    put(db, "pages", 1, id=1)
    put(db, "pages", 2, id=2)
    for number, table in enumerate((inner.LAYOUTS, inner.BLOCK_EVIDENCE, inner.PLACE_EVIDENCE, inner.STATEMENTS)):
        put(db, table, number, host="abc"[number % 3] + "dg"[number // 3])
    assert list_hosts(db, WHOLE_ARCHIVE) == ["ad", "ag", "bd", "cd", "d", "e"]
    assert list_hosts(db, StaleHosts(frozenset({"z", "y"}))) == ["y", "z"]
    assert hosts_of_pages(db, {1, 3, 9}) == {"e", "x"}
    db.execute(f"DELETE FROM {inner.UNSETTLED}")
    put(db, inner.UNSETTLED, 1, page_id=2, host="h")
    assert find_unsettled_hosts(db) == {"h", "d"}
