"""What is settled again, where only hosts whose pages depend on a change are, and in which steps it is committed."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from time import process_time
from typing import Any

import pytest

from broadsheet.cleaners.compare.page_layouts import pack_signature
from broadsheet.output.archive.atomic_writes import write_transaction
from broadsheet.output.archive.ledger import block_id
from broadsheet.output.read.verify import verify
from broadsheet.output.settle import settle_steps as steps
from broadsheet.output.settle import unsettled
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
from broadsheet.output.write.person_verdicts import Ruling, store_ruling
from broadsheet.output.write.takedowns import take_down
from tests import internal_tables as inner
from tests.bench.load.generated_site import GeneratedSite
from tests.output.conftest import Maker
from tests.output.filled_rows import put
from tests.output.settle.stories import HOSTS, PROMO, story

PAGE = {"own_type": "article", "canonical_url": None, "text_digest": "own", "_copy_of": None}
SAME, NO_ARTICLE = {"text_digest": "same"}, {"own_type": "list"}


@pytest.fixture
def two_pages(archive):
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
        ({"_copy_of": 2}, {}, True),
        ({}, {"_copy_of": 1}, True),
    ],
)
def test_copies_and_pages_with_one_text_or_canonical_url_are_affected(two_pages, first, second, is_related):
    assert two_pages(first, second) == ({1, 2} if is_related else {1})


@pytest.mark.parametrize(
    ("table", "values"),
    [
        (inner.PAGE_PARTS, {"page_id": 1, "head_id": 2}),
        (inner.PAGE_PARTS, {"page_id": 2, "head_id": 1}),
        (inner.PAGE_LEADS, {"page_id": 1, "url": "u2"}),
        (inner.PAGE_LEADS, {"page_id": 2, "url": "u1"}),
    ],
)
def test_pages_that_were_parts_or_lead_to_one_another_are_affected(two_pages, table, values):
    assert two_pages({}, {}, table, **values) == {1, 2}


def test_pages_that_are_named_and_those_related_by_several_steps_are_affected(archive):
    """With other awaited URLs every page with a lead is one too."""
    db = archive.db
    db.execute("PRAGMA foreign_keys = OFF")
    for copy, original in ((2, 1), (3, 2), (8, 7)):
        put(db, "pages", copy, id=copy, _copy_of=original)
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
def test_a_url_is_awaited_while_it_may_still_be_fetched(archive, state, reason, is_awaited):
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


def page(make: Maker, host: str, name: str, text: str = "", *kept: str, **changes: Any) -> Any:
    """An outcome of a page with a story of its own, unless it has another's."""
    return make.outcome(f"http://{host}/{name}", story(text or f"{host}/{name}"), *kept, **changes)


@pytest.fixture
def sites(archive, make):
    """Three hosts with three pages each, settled."""
    archive.save([page(make, host, f"{n}", "", f"{host} {n} and its kind") for host in HOSTS for n in "abc"])
    settle(archive.db, make.clock)
    return archive


def scanned_hosts(archive: Archive, make: Maker) -> str:
    """The first letters of the hosts whose pages are scanned by settling."""
    page_ids: set[int] = set()

    def spying_map(function: Callable[[Any], Any], jobs: Iterable[Any]) -> Iterator[Any]:
        for job in jobs:
            page_ids.update(page.page_id for page in job if function is scan_pages)
            yield function(job)

    archive.db.execute(f"DELETE FROM {inner.SCANS}")
    archive.db.conn.commit()
    settle(archive.db, make.clock, spying_map)
    hosts = archive.db.execute("SELECT id, host FROM urls").fetchall()
    return "".join(sorted({host[0] for page_id, host in hosts if page_id in page_ids}))


def test_where_nothing_has_changed_no_page_is_read(sites, make):
    statements: list[str] = []
    sites.db.conn.set_trace_callback(statements.append)
    settle(sites.db, make.clock)
    assert not [sql for sql in statements if inner.PAGE_BLOCKS in sql or inner.BLOCK_TEXTS in sql]
    assert len(statements) < 25


CHANGES: dict[str, tuple[str, Callable[[Archive, Maker], object]]] = {
    "a new page": ("b", lambda archive, make: archive.save([page(make, "b.test", "d")])),
    "a text that another host has": (
        "bc", lambda archive, make: archive.save([page(make, "b.test", "d", removed=("c.test b and its kind",))])
    ),
    "a copy on another host": (
        "bc", lambda archive, make: archive.save([page(make, "b.test", "d", "c.test/b", "c.test b and its kind")])
    ),
    "the same page again": (
        "a", lambda archive, make: archive.save([page(make, "a.test", "b", "", "a.test b and its kind")])
    ),
    "a title": ("a", lambda archive, _: archive.db.execute("UPDATE articles SET title = 'x' WHERE host = 'a.test'")),
    "a signature": ("a", lambda archive, _: archive.db.execute(
        f"INSERT INTO {inner.PAGE_SIGNATURES} (page_id, signature) SELECT id, x'01' FROM urls WHERE host = 'a.test'"
    )),
    "a takedown": ("a", lambda archive, _: take_down(archive.db, "http://a.test/b")),
    "a layout": ("abc", lambda archive, _: archive.db.execute(f"UPDATE {inner.PAGE_LAYOUT} SET layout = layout")),
    "another version": (
        "abc", lambda archive, _: archive.db.execute("UPDATE meta SET value = '0 0' WHERE key = 'settled'")
    ),
    "an archive of before": ("abc", lambda archive, _: archive.db.execute("DELETE FROM meta WHERE key = 'settled'")),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_hosts_are_judged_again_that_a_change_concerns(sites, make, name):
    hosts, change = CHANGES[name]
    assert is_settled(sites.db)
    change(sites, make)
    sites.db.conn.commit()
    assert not is_settled(sites.db)
    assert scanned_hosts(sites, make) == hosts
    assert is_settled(sites.db)
    assert scanned_hosts(sites, make) == ""


def test_a_text_that_many_pages_of_other_hosts_have_touches_none_of_them(archive, make):
    archive.save([page(make, host, f"{n}", removed=("Share this",)) for host in HOSTS for n in range(5)])
    settle(archive.db, make.clock)
    archive.save([page(make, "a.test", "more", removed=("Share this",))])
    assert scanned_hosts(archive, make) == "a"


def test_a_page_that_another_host_s_page_takes_the_place_of_has_its_host_judged_again(archive, make):
    """The text stood on several hosts before, so that nothing else than the page's part in it has changed."""
    archive.save([page(make, host, "long-address/story", "x", PROMO) for host in HOSTS])
    archive.save([page(make, "b.test", "long-address/again", "x", PROMO)])
    archive.save([page(make, host, n, "", PROMO) for host in HOSTS for n in "12"])
    settle(archive.db, make.clock)
    archive.save([page(make, "c.test", "s", "x", PROMO)])
    assert scanned_hosts(archive, make) == "ac"
    pages = archive.db.execute(f"SELECT DISTINCT host, of_pages FROM {inner.BLOCK_EVIDENCE} ORDER BY host").fetchall()
    assert pages == [("a.test", 2), ("b.test", 2), ("c.test", 3)]


def test_what_is_out_by_its_layout_stays_out_when_another_host_is_judged(archive, make):
    posts, days = (pack_signature(list(range(first, first + 30))) for first in (0, 100))
    excerpts = {f"{host}{n}": f"{story(f'{host}{n}')[:150]} …" for host in HOSTS[:2] for n in range(6)}
    for name, text in excerpts.items():
        archive.save([make.outcome(f"http://{name[:6]}/d{name[6]}", text, layout_signature=days, title="One")])
    for host in HOSTS[:2]:
        archive.save([page(make, host, f"p{n}", f"{host}{n}", layout_signature=posts) for n in range(12)])
    archive.save([make.outcome("http://c.test/a/long/address", excerpts["b.test0"], title="One")])
    pages = """SELECT page_type, evidence, layout_id FROM pages JOIN urls USING (id) WHERE host = 'b.test'
        ORDER BY id"""
    assert settle(archive.db, make.clock).layout_pages == 12
    before = archive.db.execute(pages).fetchall()
    archive.save(
        [make.outcome("http://a.test/the/same/excerpt", excerpts["b.test0"], title="One", layout_signature=posts)]
    )
    assert settle(archive.db, make.clock).layout_pages == 12
    assert archive.db.execute(pages).fetchall() == before
    articles = archive.db.execute("SELECT url FROM articles WHERE title = 'One'").fetchall()
    assert articles == [("http://c.test/a/long/address",)]


def test_other_judges_judge_the_whole_archive(sites, make, monkeypatch):
    monkeypatch.setattr(unsettled, "SETTLE_VERSION", "of another day")
    assert (scanned_hosts(sites, make), scanned_hosts(sites, make)) == ("abc", "")


def test_a_ruling_that_waits_is_applied_although_no_page_has_changed(sites, make):
    with write_transaction(sites.db):
        store_ruling(sites.db, Ruling(block_id("a.test b and its kind"), False, ruled_at=make.clock()))
    settle(sites.db, make.clock)
    query = "SELECT text FROM articles WHERE url = 'http://a.test/b'"
    assert sites.db.execute(query).fetchone() == (story("a.test/b"),)


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
def test_what_settling_after_a_change_costs_does_not_grow_with_the_other_hosts(tmp_path, make):
    few_hosts, many_hosts = (steps_of_settling(tmp_path, make, hosts) for hosts in (4, 16))
    assert many_hosts < 1.5 * few_hosts


@pytest.mark.slow
def test_settling_a_few_changed_pages_takes_a_part_of_what_settling_all_of_their_host_takes(archive, make):
    """A third at most on a host of 500 pages: some of it is the same whatever the size."""
    site = GeneratedSite(500, 1, scale=0.5)
    site.store(archive)
    costs = []
    for version in range(4):
        if version:
            archive.save([site.page(number, version=version) for number in (103, 303)])
        started = process_time()
        settle(archive.db, make.clock)
        costs.append(process_time() - started)
    assert min(costs[1:]) < costs[0] / 3


def test_stale_hosts_are_these_or_all():
    some, none = StaleHosts(frozenset({"b", "a"})), StaleHosts(frozenset())
    assert ("a" in some, "c" in some, "c" in WHOLE_ARCHIVE, "a" in none) == (True, False, True, False)
    assert (bool(some), bool(none), bool(WHOLE_ARCHIVE)) == (True, False, True)
    assert some.and_hosts({"c"}).hosts == {"a", "b", "c"}
    assert WHOLE_ARCHIVE.and_hosts({"c"}).hosts is None


def test_hosts_are_listed_in_order_wherever_they_stand(archive):
    db = archive.db
    db.execute("PRAGMA foreign_keys = OFF")
    for number, host in enumerate(("e", "d", "x"), 1):
        put(db, "urls", number, id=number, host=host, kind="page", state="done")
    put(db, "pages", 1, id=1)
    put(db, "pages", 2, id=2)
    for number, table in enumerate((inner.LAYOUTS, inner.BLOCK_EVIDENCE)):
        put(db, table, number, host="ab"[number] + "d")
    assert list_hosts(db, WHOLE_ARCHIVE) == ["ad", "bd", "d", "e"]
    assert list_hosts(db, StaleHosts(frozenset({"z", "y"}))) == ["y", "z"]
    assert hosts_of_pages(db, {1, 3, 9}) == {"e", "x"}
    db.execute(f"DELETE FROM {inner.UNSETTLED}")
    put(db, inner.UNSETTLED, 1, page_id=2, host="h")
    assert find_unsettled_hosts(db) == {"h", "d"}


# Settling much is committed in steps, and a cut between two of them costs nothing but time.


@pytest.fixture
def three_hosts(archive, make, monkeypatch):
    """Three hosts whose six pages end with the same promo; nothing is settled, and steps are short."""
    archive.save([page(make, host, f"{n}", "", PROMO) for host in HOSTS for n in range(6)])
    monkeypatch.setattr(steps, "ROWS_PER_STEP", 1)
    return archive


@pytest.fixture
def commits(three_hosts):
    """The transactions that the archive's connection commits."""
    statements: list[str] = []
    three_hosts.db.conn.set_trace_callback(lambda sql: statements.append(sql) if sql == "COMMIT" else None)
    yield statements
    three_hosts.db.conn.set_trace_callback(None)


def state(archive: Archive) -> tuple[list[str], bool]:
    """The hosts whose articles still have the promo, and whether the archive is settled."""
    assert not archive.db.conn.in_transaction
    assert verify(archive.db) == []
    query = "SELECT DISTINCT host FROM articles WHERE instr(text, ?) ORDER BY host"
    return [host for (host,) in archive.db.execute(query, [PROMO])], is_settled(archive.db)


@pytest.mark.parametrize(("rows", "count"), [(100_000, 1), (1, len(HOSTS) + 2)])
def test_much_is_committed_host_by_host_and_little_at_once(three_hosts, make, commits, monkeypatch, rows, count):
    """Before the first host, after each, and at the end."""
    monkeypatch.setattr(steps, "ROWS_PER_STEP", rows)
    settle(three_hosts.db, make.clock)
    assert len(commits) == count
    assert state(three_hosts) == ([], True)


def test_within_the_callers_transaction_nothing_is_committed(three_hosts, make, commits):
    three_hosts.db.execute("BEGIN IMMEDIATE")
    settle(three_hosts.db, make.clock)
    assert commits == []
    three_hosts.db.rollback()
    assert state(three_hosts) == ([*HOSTS], False)


def test_what_was_cut_off_between_two_hosts_is_settled_as_a_whole(three_hosts, make, monkeypatch):
    settle(three_hosts.db, make.clock)
    three_hosts.save([page(make, host, "new", host, PROMO) for host in HOSTS])
    ends, end_step = iter((False, True)), steps.SettleSteps.end_step

    def cut(self: steps.SettleSteps) -> None:
        end_step(self)
        if next(ends):
            raise InterruptedError

    with monkeypatch.context() as patch:
        patch.setattr(steps.SettleSteps, "end_step", cut)
        with pytest.raises(InterruptedError):
            settle(three_hosts.db, make.clock)
    assert state(three_hosts) == (["b.test", "c.test"], False)
    settle(three_hosts.db, make.clock)
    assert state(three_hosts) == ([], True)


def test_an_archive_that_somebody_else_wrote_to_meanwhile_is_not_settled(three_hosts, file, make):
    others = [sqlite3.connect(file)]

    def write_between(sql: str) -> None:
        if sql == "BEGIN IMMEDIATE" and three_hosts.db.conn.total_changes > rows_before and others:
            with others.pop() as other:
                other.execute("INSERT INTO meta (key, value) VALUES ('note', 'of another program')")

    rows_before = three_hosts.db.conn.total_changes
    three_hosts.db.conn.set_trace_callback(write_between)
    settle(three_hosts.db, make.clock)
    three_hosts.db.conn.set_trace_callback(None)
    assert not others
    assert state(three_hosts) == ([], False)
    settle(three_hosts.db, make.clock)
    assert state(three_hosts) == ([], True)


def test_the_body_is_rolled_back_to_the_last_step(three_hosts):
    db = three_hosts.db

    def write_two_steps() -> None:
        with steps.settle_in_steps(db) as running:
            db.execute("INSERT INTO meta (key, value) VALUES ('first', '1')")
            running.end_step()
            db.execute("INSERT INTO meta (key, value) VALUES ('second', '2')")
            raise InterruptedError

    with pytest.raises(InterruptedError):
        write_two_steps()
    assert db.execute("SELECT key FROM meta WHERE key IN ('first', 'second')").fetchall() == [("first",)]
    assert state(three_hosts) == ([*HOSTS], False)


def test_a_lock_that_another_program_took_between_two_steps_ends_it_where_it_stands(
    three_hosts, file, make, monkeypatch
):
    db, other = three_hosts.db, sqlite3.connect(file, isolation_level=None)
    db.execute("PRAGMA busy_timeout = 0")
    end_step = steps.SettleSteps.end_step

    def end_first_step(self: steps.SettleSteps) -> None:
        db.conn.set_trace_callback(lambda sql: other.execute(sql) if sql == "BEGIN IMMEDIATE" else None)
        end_step(self)

    with monkeypatch.context() as patch:
        patch.setattr(steps.SettleSteps, "end_step", end_first_step)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            settle(db, make.clock)
    db.conn.set_trace_callback(None)
    other.close()
    assert state(three_hosts) == ([*HOSTS], False)
    settle(db, make.clock)
    assert state(three_hosts) == ([], True)
