"""Rows joined from two archives, column by column: a table or column that the schema gains fails here until named.

Where both archives have a row, each clause that decides between them has a case of its own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from broadsheet.output.archive.atomic_writes import write_transaction
from broadsheet.output.collections import merged_rows
from broadsheet.output.collections.archive_merge import WarcCopy, put_places
from broadsheet.output.collections.source_archive import attached, open_source
from broadsheet.output.write.archive_writer import Archive
from tests import internal_tables as inner
from tests.internal_tables import named
from tests.output.conftest import Maker
from tests.output.filled_rows import Row, columns, put, rows, tables

HOST, URL, PICTURE = "a.test", "http://a.test/1", "http://a.test/p.png"
LATE, EARLY = "2026-02-02T00:00:00Z", "2026-01-01T00:00:00Z"
COPIES = [WarcCopy("theirs.warc.gz", "ours.warc.gz", 500, 900, EARLY)]

COPIED = {
    "urls": {"id"},
    inner.URL_PATTERNS: set(),
    inner.URL_ORDERS: set(),
    inner.RENDERED_LAYOUTS: set(),
    inner.PICTURES: set(),
    inner.PAGE_FILES: set(),
    "captures": {"warc_file"},
    inner.RESOURCE_USERS: set(),
    "robots_files": set(),
    "takedowns": set(),
    inner.CLEANERS: set(),
    inner.REASONS: {"id"},
    "runs": {"_reclean"},
    inner.YIELDS: set(),
    "alarms": set(),
    "corrections": set(),
    inner.REVIEWS: set(),
    inner.OUTSIDE_HOSTS: set(),
}
"""Tables whose rows come along, and the columns that have another value in each archive."""

SAVED_AS_PAGES = named("""
    pages articles _shelf _images _links _page_statements _page_leads _page_signatures _page_blocks _page_layout
    _block_texts _own_fields revisions _pending_revisions _revision_blocks changes
""").split()
"""Tables that a merge of pages fills, as a crawl does or with the histories."""

MADE_BY_SETTLING = named("""
    _page_parts _layouts _block_evidence
    _common_texts _unsettled _unsettled_texts _own_verdicts _scans
""").split()
OF_ONE_FILE = named("""
    meta _imports _reclean_before _warc_files _warc_erasures _url_counts _unindexed
""").split()
"""Facts of a file, what was done with it, where its records lie, and counts that triggers keep."""

REFERENCES = {
    "url_id": "SELECT url FROM {}.urls WHERE id = ?",
    "user_id": "SELECT url FROM {}.urls WHERE id = ?",
    "reason_id": f"SELECT reason || ' ' || rule FROM {{}}.{inner.REASONS} WHERE id = ?",
}
"""Columns with numbers that each archive gives anew, and what they stand for."""


@contextmanager
def side_by_side(target: Archive, source: Path) -> Iterator[Any]:
    """Attach the source; the body runs in a transaction of the target."""
    with open_source(source) as opened, attached(target.db, opened), write_transaction(target.db):
        put_places(target.db, opened, COPIES)
        yield opened


def fill(db: Database) -> None:
    """Store a row in each table that is copied."""
    put(db, "robots_files", 9, host=HOST, access="rules")
    page = put(db, "urls", 2, url=URL, host=HOST, kind="page", state="done", in_feed=1)
    picture = put(db, "urls", 3, url=PICTURE, host=HOST, kind="picture", state="done")
    put(db, inner.URL_PATTERNS, 2, host=HOST)
    put(db, inner.URL_ORDERS, 2)
    put(db, inner.RENDERED_LAYOUTS, 2, host=HOST, decision="all")
    put(db, inner.WARC_FILES, 2, name="theirs.warc.gz")
    capture = {"url": PICTURE, "warc_file": "theirs.warc.gz", "robots_id": 9000, "refers_to": 2000}
    put(db, "captures", 2, **capture)
    put(db, inner.RESOURCE_USERS, 2, capture_id=2000, url=URL)
    put(db, inner.PICTURES, 3, url_id=picture["id"], capture_id=2000)
    put(db, inner.PAGE_FILES, 3, user_id=page["id"], url_id=picture["id"])
    put(db, "takedowns", 2, pattern="http://gone.test/*")
    put(db, inner.CLEANERS, 2)
    put(db, inner.REASONS, 7)
    run = put(db, "runs", 2)
    put(db, inner.YIELDS, 2, run_id=run["id"], host=HOST)
    put(db, "alarms", 2, run_id=run["id"], host=HOST)
    text = put(db, inner.BLOCK_TEXTS, 2)
    put(db, "corrections", 2, host=None, field="block", block_id=text["id"])
    put(db, inner.REVIEWS, 2, host=HOST)
    put(db, inner.OUTSIDE_HOSTS, 2)


def merge_all(target: Archive, source: Any) -> None:
    """Take over all that is not of pages, in the order of a merge."""
    merged_rows.merge_shared_rows(target.db, source)
    merged_rows.merge_captures(target.db)
    for host in merged_rows.note_hosts(target.db):
        merged_rows.merge_urls(target.db, host)
    merged_rows.merge_pictures(target.db)
    merged_rows.merge_runs(target.db)
    merged_rows.note_forgotten(target.db)
    merged_rows.merge_corrections(target.db)


def named_numbers(db: Database, table: str, schema: str) -> list[Row]:
    """The rows of a table with what their numbers stand for, without the columns that differ between archives."""
    found = rows(db, table, schema)
    for row in found:
        for name in row.keys() & REFERENCES.keys():
            row[name] = db.execute(REFERENCES[name].format(schema), [row[name]]).fetchone()[0]
    return sorted(({name: row[name] for name in row if name not in COPIED[table]} for row in found), key=repr)


@pytest.fixture(scope="module")
def copies(tmp_path_factory):
    """By table, the rows of a source and those of an archive that it was merged into, which had other numbers."""
    folder, make = tmp_path_factory.mktemp("merged"), Maker()
    with Archive.open(folder / "source.db", make.clock) as archive:
        fill(archive.db)
    found = {}
    with Archive.open(folder / "target.db", make.clock) as archive:
        archive.db.execute(f"INSERT INTO {inner.REASONS} (id, reason, rule) VALUES (7000, 'other', 'rule')")
        with open_source(folder / "source.db") as source, attached(archive.db, source):
            merged_rows.merge_takedowns(archive.db, make.clock)
        with side_by_side(archive, folder / "source.db") as source:
            merge_all(archive, source)
            archive.db.execute(f"DELETE FROM {inner.REASONS} WHERE reason = 'other'")
            for table in COPIED:
                found[table] = tuple(named_numbers(archive.db, table, schema) for schema in ("merged", "main"))
            assert [row["warc_file"] for row in rows(archive.db, "captures")] == ["ours.warc.gz"]
    return found


def test_each_table_of_the_schema_is_named_once(archive):
    ways = (COPIED.keys(), SAVED_AS_PAGES, MADE_BY_SETTLING, OF_ONE_FILE)
    assert sorted(name for way in ways for name in way) == sorted(tables(archive.db))


@pytest.mark.parametrize("table", COPIED)
def test_each_column_comes_along(copies, table):
    theirs, ours = copies[table]
    assert theirs
    assert ours == theirs


@pytest.fixture
def merged(tmp_path, make):
    """Merge a row of a table into an archive that has one of the same key; returns the row that comes of it."""

    def merge(table: str, ours: Row, theirs: Row, **others: tuple[Row, Row]) -> Row:
        for name, values in (("source.db", theirs), ("target.db", ours)):
            with Archive.open(tmp_path / name, make.clock) as archive:
                archive.db.execute("PRAGMA foreign_keys = OFF")
                for other, both in others.items():
                    put(archive.db, other, 5, **both[name == "target.db"])
                put(archive.db, table, 1 + (name == "target.db"), **values)
        with Archive.open(tmp_path / "target.db", make.clock) as archive:
            archive.db.execute("PRAGMA foreign_keys = OFF")
            with side_by_side(archive, tmp_path / "source.db") as source:
                merge_all(archive, source)
            key = ("url", "pattern") if table in ("urls", inner.URL_PATTERNS) else ("id", "url_id")
            names = [name for name in key if name in ours]
            (row,) = [row for row in rows(archive.db, table) if row[names[0]] == ours[names[0]]]
        return row

    return merge


FETCH = {"attempts", "http_status", "location", "_not_before", "fetched_at"}
VERDICT = {"state", "reason"}
HOLD = {"held_reason", "held_at", "_revisit_seconds", "_unfounded"}
FIRST = {"found_via", "found_on", "first_seen"}
OURS = {"id", "url", "host", "kind"}
COMPARED = {"depth": min, "_priority": max, "lastmod": max, "in_sitemap": max, "in_feed": max}


def url_rows(**theirs: Any) -> tuple[Row, Row]:
    shared = {"url": URL, "host": HOST, "kind": "page", "first_seen": EARLY, "fetched_at": EARLY, "held_at": EARLY}
    return shared | {"state": "failed"}, shared | {"state": "done"} | theirs


def test_each_column_of_a_url_is_named(archive):
    named = FETCH | VERDICT | HOLD | FIRST | OURS | COMPARED.keys()
    assert named == columns(archive.db, "urls").keys()


@pytest.mark.parametrize(
    ("is_fetched_later", "is_held_later", "is_seen_earlier"), list(product((False, True), repeat=3))
)
def test_of_a_url_the_later_fetch_the_later_hold_and_the_earlier_find_count(
    merged, archive, is_fetched_later, is_held_later, is_seen_earlier
):
    ours, theirs = url_rows(
        fetched_at=LATE if is_fetched_later else EARLY,
        held_at=LATE if is_held_later else EARLY,
        first_seen="2025-01-01T00:00:00Z" if is_seen_earlier else EARLY,
    )
    row = merged("urls", ours, theirs)
    from_source = {name for name, value in row.items() if isinstance(value, str) and value.endswith(" 1")}
    from_source |= {name for name, value in row.items() if isinstance(value, int) and 1000 <= value < 2000}
    expected = (FETCH | VERDICT if is_fetched_later else set()) | (HOLD if is_held_later else set())
    expected |= FIRST if is_seen_earlier else set()
    timed = {"fetched_at", "held_at", "first_seen", "state"}
    assert from_source - COMPARED.keys() == expected - timed
    assert {name: row[name] for name in timed} == {name: (theirs if name in expected else ours)[name] for name in timed}
    listed = {"in_sitemap": 2021, "in_feed": 2022}
    assert {name: row[name] for name in COMPARED} == {"depth": 1008, "_priority": 2015, "lastmod": "lastmod 2"} | listed


@pytest.mark.parametrize(
    ("ours", "theirs", "is_theirs"),
    [(None, EARLY, True), (EARLY, None, False), (None, None, False), (EARLY, LATE, True), (LATE, EARLY, False)],
)
@pytest.mark.parametrize(("name", "group"), [("fetched_at", "http_status"), ("held_at", "held_reason")])
def test_a_time_that_is_not_there_is_before_any(merged, name, group, ours, theirs, is_theirs):
    our_row, their_row = url_rows()
    row = merged("urls", our_row | {name: ours, group: 7}, their_row | {name: theirs, group: 8})
    assert (str(row[group]), row[name]) == (("8", theirs) if is_theirs else ("7", ours))


@pytest.mark.parametrize(
    ("state", "our_state", "our_reason", "is_revived"),
    [
        ("queued", "skipped", "depth", True),
        ("queued", "skipped", "nofollow", True),
        ("queued", "skipped", "robots", False),
        ("queued", "failed", "depth", False),
        ("done", "skipped", "depth", False),
    ],
)
def test_a_url_that_was_skipped_for_its_depth_waits_again_where_the_other_has_it_in_its_queue(
    merged, state, our_state, our_reason, is_revived
):
    ours, theirs = url_rows(state=state, reason="")
    row = merged("urls", ours | {"state": our_state, "reason": our_reason}, theirs)
    assert (row["state"], row["reason"]) == (("queued", "") if is_revived else (our_state, our_reason))


@pytest.mark.parametrize(("ours", "theirs", "expected"), [(3, 5, (3, 5)), (5, 3, (3, 5)), (4, 4, (4, 4))])
def test_the_lower_depth_the_higher_priority_and_the_later_date_count_on_either_side(merged, ours, theirs, expected):
    rows = ({"depth": n, "_priority": n, "lastmod": f"2026-01-0{n}"} for n in (ours, theirs))
    our_row, their_row = (row | values for row, values in zip(url_rows(), rows, strict=True))
    row = merged("urls", our_row, their_row)
    assert (row["depth"], row["_priority"], row["lastmod"]) == (*expected, f"2026-01-0{expected[1]}")


@pytest.mark.parametrize(("theirs", "kind"), [("picture", "picture"), ("feed", "page")])
def test_a_url_that_is_a_picture_in_either_is_one(merged, theirs, kind):
    ours, their_row = url_rows(kind=theirs)
    assert merged("urls", ours, their_row)["kind"] == kind


@pytest.mark.parametrize("more", ["ours", "theirs"])
def test_of_a_pattern_the_greater_count_of_each_kind_is_kept(merged, archive, more):
    counts = [name for name in columns(archive.db, inner.URL_PATTERNS) if name not in ("host", "pattern")]
    key = {"host": HOST, "pattern": "/*"}
    few, many = (key | {name: n + place for place, name in enumerate(counts)} for n in (10, 50))
    url = {"url": URL, "host": HOST, "kind": "page", "state": "done"}
    ours, theirs = (few, many) if more == "theirs" else (many, few)
    assert merged(inner.URL_PATTERNS, ours, theirs, urls=(url, url)) == many


CORRECTION = {"host": None, "field": "block", "undone_at": None}
LATER_WINS = {
    "corrections": {"value", "url", "who", "at", "note", "reason", "rule"},
    inner.REVIEWS: {"kept", "reason", "rule", "is_right", "at", "cleaner_version"},
}
"""Columns that a later row gives; all others say what the row is about, and are the same in both."""


@pytest.mark.parametrize(("at", "is_theirs"), [(LATE, True), (EARLY, False), ("2025-12-31T23:59:59Z", False)])
@pytest.mark.parametrize("table", LATER_WINS)
def test_of_a_ruling_the_later_counts_and_of_equal_times_our_own(merged, table, at, is_theirs):
    about = {"id": 7} | (CORRECTION if table == "corrections" else {"host": HOST})
    row = merged(table, about | {"at": EARLY}, about | {"at": at})
    theirs = {name for name, value in row.items() if str(value).endswith(" 1") or str(value)[:1] == "1"}
    assert theirs | {"at"} == (LATER_WINS[table] if is_theirs else {"at"})
    assert row["at"] == (LATE if is_theirs else EARLY)


RUN = {"id": 7, "started_at": EARLY, "command": "crawl", "options": "{}", "versions": "{}"}
END = {"finished_at": LATE, "outcome": "finished", "reason": "", "counts": "{}"}
NO_END = dict.fromkeys(END)


@pytest.mark.parametrize(("ours", "theirs"), [(END, NO_END), (NO_END, END), (END, END)])
def test_a_run_that_one_archive_has_unfinished_is_finished(merged, archive, ours, theirs):
    run = RUN | {"_reclean": None}
    assert {*run, *END} == columns(archive.db, "runs").keys()
    assert merged("runs", run | ours, run | theirs) == run | END


@pytest.mark.parametrize("name", sorted({*RUN, *END} - {"id"}))
def test_a_run_that_differs_in_anything_is_another_one(tmp_path, make, name):
    for file, values in (("source.db", RUN | END | {name: "other"}), ("target.db", RUN | END)):
        with Archive.open(tmp_path / file, make.clock) as archive:
            put(archive.db, "runs", 1, **values)
    with Archive.open(tmp_path / "target.db", make.clock) as archive, side_by_side(archive, tmp_path / "source.db"):
        merged_rows.merge_runs(archive.db)
        found = rows(archive.db, "runs")
    assert len(found) == 2
    assert {row[name] for row in found} == {"other", (RUN | END)[name]}


@pytest.mark.parametrize(
    ("ours", "theirs", "is_theirs"), [(EARLY, LATE, True), (LATE, EARLY, False), (EARLY, EARLY, False)]
)
def test_of_a_picture_the_later_file_counts(merged, ours, theirs, is_theirs):
    url = {"id": 4, "url": PICTURE, "host": HOST, "kind": "picture", "state": "done"}
    shared = {"url": PICTURE, "robots_id": None, "refers_to": None, "warc_file": None}
    captures = tuple(shared | {"id": n, "fetched_at": at} for n, at in ((71, theirs), (72, ours)))
    files = [{"url_id": 4, "capture_id": number} for number in (72, 71)]
    row = merged(inner.PICTURES, *files, urls=(url, url), captures=captures)
    number = 1 if is_theirs else 2
    assert row == {
        "url_id": 4, "capture_id": 71 if is_theirs else 72, "digest": f"digest {number}", "type": f"type {number}",
        "width": 1000 * number + 4, "height": 1000 * number + 5, "bytes": 1000 * number + 6,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("host_links", "remembered", "expected"),
    [({}, {}, 5), ({"b.test": 3}, {}, 8), ({"b.test": 3}, {"b.test": 5}, 3), ({"b.test": 3}, {"b.test": 2}, 6)],
)
def test_links_out_are_counted_once(tmp_path, make, host_links, remembered, expected):
    with Archive.open(tmp_path / "source.db", make.clock) as archive:
        put(archive.db, "runs", 1, id=11)
        put(archive.db, inner.OUTSIDE_HOSTS, 1, host="b.test", links=5)
    with Archive.open(tmp_path / "target.db", make.clock) as archive:
        for host, links in host_links.items():
            put(archive.db, inner.OUTSIDE_HOSTS, 1, host=host, links=links)
        if remembered:
            put(archive.db, "meta", 1, key="merged_links 11", value=str(remembered).replace("'", '"'))
        with side_by_side(archive, tmp_path / "source.db") as source:
            merged_rows.merge_links(archive.db, source)
            merged_rows.merge_links(archive.db, source)
        assert rows(archive.db, inner.OUTSIDE_HOSTS) == [{"host": "b.test", "links": expected}]


@pytest.mark.parametrize(("offset", "is_erased"), [(499, False), (500, True)])
def test_the_copied_record_of_a_url_that_was_taken_down_here_is_to_be_erased(tmp_path, make, offset, is_erased):
    """The target had 500 bytes of the file before."""
    record = {"warc_file": "theirs.warc.gz", "robots_id": None, "refers_to": None, "rendered_for": None}
    with Archive.open(tmp_path / "source.db", make.clock) as archive:
        put(archive.db, inner.WARC_FILES, 1, name="theirs.warc.gz")
        put(archive.db, "captures", 1, url=URL, warc_offset=offset, **record)
        put(archive.db, "captures", 2, url="http://a.test/2", warc_offset=700, **record)
    with Archive.open(tmp_path / "target.db", make.clock) as archive:
        put(archive.db, "takedowns", 1, pattern=URL)
        put(archive.db, inner.WARC_FILES, 1, name="ours.warc.gz", length=900)
        with side_by_side(archive, tmp_path / "source.db"):
            assert merged_rows.merge_captures(archive.db) == []
            assert [row["url"] for row in rows(archive.db, "captures")] == ["http://a.test/2"]
            found = rows(archive.db, inner.WARC_ERASURES)
    assert found == [{"file": "ours.warc.gz", "offset": offset, "following": 700}] * is_erased
