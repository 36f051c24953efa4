"""Pages to be cleaned again and what is stored of them: a row for each clause."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlite_utils import Database

from broadsheet.cleaners.document import ArticleImage, FieldStatement
from broadsheet.output.raw.raw_exchange import RecordLocation
from broadsheet.output.settle.own_reading import read_own_reading
from broadsheet.output.settle.recleaned_pages import (
    RawPage,
    RecleanedPage,
    begin_run,
    finish_run,
    pages_with_raw,
    replace_page,
    store_batch,
)
from broadsheet.output.write.archive_writer import Archive
from tests.internal_tables import RECLEAN_BEFORE, RECLEANS
from tests.output.cleaned_pages import page_rows
from tests.output.conftest import Maker
from tests.output.filled_rows import put, rows

URL = "http://a.test/1"
OWN = {"id": 1, "url": URL, "final_url": "http://a.test/final", "payload_digest": "d", "refers_to": None,
       "warc_file": "a.warc.gz", "warc_offset": 5, "warc_length": 7, "record_faults": "x y", "fetched_at": "t",
       "truncated": None}  # fmt: skip
BODY = {"id": 2, "payload_digest": "d", "refers_to": None, "truncated": None, "warc_file": "b.warc.gz",
        "warc_offset": 8, "warc_length": 9}  # fmt: skip


@pytest.fixture
def db(archive: Archive) -> Database:
    archive.db.execute("PRAGMA foreign_keys = OFF")
    put(archive.db, "urls", 3, id=3, url=URL, host="a.test", kind="page", state="done")
    return archive.db


def raw_pages(db: Database, own: dict[str, Any], other: dict[str, Any] | None = None, **page: Any) -> list[RawPage]:
    put(db, "captures", 1, **(OWN | own))
    if other is not None:
        put(db, "captures", 2, **(BODY | other))
    put(db, "pages", 3, **({"id": 3, "capture_id": 1, "evidence": "[]", "cleaner_id": 4} | page))
    return list(pages_with_raw(db))


def test_each_value_of_a_page_is_from_its_column(db: Database) -> None:
    assert raw_pages(db, {}) == [
        RawPage(
            3, URL, "a.test", 1, "t", "http://a.test/final", 4, RecordLocation("a.warc.gz", 5, 7, "d"), None, ("x", "y")
        )
    ]


@pytest.mark.parametrize(
    ("own", "page", "expected"),
    [
        ({"final_url": ""}, {}, {"final_url": URL}),
        ({"warc_file": None}, {}, {"record_location": None}),
        ({"record_faults": None}, {}, {"record_faults": ()}),
        ({}, {"capture_id": None}, {"capture_id": None, "fetched_at": "", "record_location": None, "final_url": URL}),
    ],
)
def test_what_is_not_there_is_empty(db: Database, own: Any, page: Any, expected: dict[str, Any]) -> None:
    [found] = raw_pages(db, own, **page)
    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("own", "other", "has_body"),
    [
        ({}, {}, True),
        ({"refers_to": 2}, {"payload_digest": "other"}, True),
        ({}, {"payload_digest": "other"}, False),
        ({}, {"warc_file": None}, False),
        ({}, {"refers_to": 1}, False),
        ({}, {"truncated": "length"}, False),
        ({}, None, False),
    ],
)
def test_the_body_of_a_revisit_is_in_the_record_that_it_refers_to_or_that_has_it(
    db: Database, own: Any, other: Any, has_body: bool
) -> None:
    [page] = raw_pages(db, own, other)
    assert page.body_location == (
        RecordLocation("b.warc.gz", 8, 9, (BODY | other)["payload_digest"]) if has_body else None
    )


@pytest.mark.parametrize(("evidence", "is_there"), [('["words=3"]', True), ('["left_out=since"]', False)])
def test_a_page_that_was_left_out_is_not_cleaned_again(db: Database, evidence: str, is_there: bool) -> None:
    assert bool(raw_pages(db, {}, evidence=evidence)) is is_there


def test_more_pages_than_one_query_reads_come_in_order(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("broadsheet.output.settle.recleaned_pages._PAGES_PER_BATCH", 2)
    for number in (7, 5, 9, 8, 6):
        put(db, "urls", number, id=number, url=f"u{number}", kind="page", state="done")
        put(db, "pages", number, id=number, capture_id=None, evidence="[]")
    assert [page.id for page in pages_with_raw(db)] == [5, 6, 7, 8, 9]


@pytest.mark.parametrize(
    ("url", "held_reason", "reason"),
    [
        ({"state": "done", "held_at": "t", "fetched_at": "t"}, "list", "list"),
        ({"state": "done", "held_at": "t", "fetched_at": "u"}, "list", "reason 3"),
        ({"state": "failed", "held_at": "t", "fetched_at": "t"}, "list", "reason 3"),
        ({"state": "done", "held_at": None, "fetched_at": None}, "held_reason 3", "reason 3"),
    ],
)
def test_a_url_has_the_reason_of_what_is_held_of_it(
    archive: Archive, make: Maker, url: dict[str, Any], held_reason: str, reason: str
) -> None:
    archive.db.execute("PRAGMA foreign_keys = OFF")
    put(archive.db, "urls", 3, id=3, url=URL, host="a.test", kind="page", **url)
    put(archive.db, "urls", 4, id=4, url="other", kind="page", **(url | {"state": "done"}))
    page = RawPage(3, URL, "a.test", 1, "2026-01-01T00:00:00+00:00", URL, None, None)
    replace_page(archive.db, page, page_rows(make.cleaned(URL, page_type="list")), "", "")
    found = {row["id"]: (row["held_reason"], row["reason"]) for row in rows(archive.db, "urls")}
    assert found == {3: (held_reason, reason), 4: ("held_reason 4", "reason 4")}


@pytest.mark.parametrize(
    ("first_seen", "last_seen", "expected"),
    [("", "", ("2026-01-03", "2026-01-03")), ("2026-01-01", "2026-01-09", ("2026-01-01", "2026-01-09")),
     ("2026-01-05", "2026-01-04", ("2026-01-03", "2026-01-04"))],
)  # fmt: skip
def test_an_article_keeps_when_it_was_seen(
    archive: Archive, make: Maker, first_seen: str, last_seen: str, expected
) -> None:
    archive.db.execute("PRAGMA foreign_keys = OFF")
    put(archive.db, "urls", 3, id=3, url=URL, host="a.test", kind="page", state="done")
    page = RawPage(3, URL, "a.test", 1, "2026-01-03", URL, None, None)
    replace_page(archive.db, page, page_rows(make.cleaned(URL, "text")), first_seen, last_seen)
    [article] = rows(archive.db, "articles")
    assert (article["first_seen"], article["last_seen"]) == expected


def test_a_run_that_was_cut_off_is_taken_up_and_one_that_changed_nothing_leaves_no_row(archive: Archive) -> None:
    db = archive.db
    first = begin_run(db, "t1", {"a": 1})
    assert not db.conn.in_transaction
    assert begin_run(db, "t2", {}) == first
    finish_run(db, first, "t3", {"changed": 0})
    assert not db.conn.in_transaction
    assert rows(db, RECLEANS) == []
    second = begin_run(db, "t4", {"b": 2})
    db.execute("PRAGMA foreign_keys = OFF")
    put(db, RECLEAN_BEFORE, 1, reclean_id=second)
    finish_run(db, second, "t5", {"changed": 1})
    assert rows(db, RECLEANS) == [
        {"id": second, "started_at": "t4", "finished_at": "t5", "state": "done", "options": '{"b": 2}',
         "counts": '{"changed": 1}'}
    ]  # fmt: skip
    third = begin_run(db, "t6", {})
    assert third != second
    finish_run(db, third, "t7", {})
    assert [row["id"] for row in rows(db, RECLEANS)] == [second]


def test_a_page_that_differs_keeps_its_first_reading_of_a_run_and_one_that_does_not_none(
    archive: Archive, make: Maker
) -> None:
    archive.save([make.outcome(URL, "one two")])
    reading = read_own_reading(archive.db, 1)
    assert reading is not None
    page = RawPage(1, URL, "a.test", reading.capture_id, "2026-01-03", URL, None, None)
    run = begin_run(archive.db, "t", {})
    store_batch(archive.db, run, [RecleanedPage(page, reading, reading.rows)], make.clock)
    assert not archive.db.conn.in_transaction
    assert rows(archive.db, RECLEAN_BEFORE) == []
    packed = []
    for text in ("three", "four"):
        old = read_own_reading(archive.db, 1)
        assert old is not None
        packed.append(old.pack())
        new = replace(page_rows(make.cleaned(URL, text)), lineage=reading.rows.lineage)
        store_batch(archive.db, run, [RecleanedPage(page, old, new)], make.clock)
    assert rows(archive.db, RECLEAN_BEFORE) == [{"page_id": 1, "reclean_id": run, "before": packed[0]}]
    assert [row["text"] for row in rows(archive.db, "articles")] == ["four"]


def test_a_reading_that_is_the_same_stores_what_no_reading_is_compared_by(archive: Archive, make: Maker) -> None:
    archive.save([make.outcome(URL, "one two", "three", chances=bytes([255, 255]))])
    reading = read_own_reading(archive.db, 1)
    assert reading is not None
    assert reading.rows.lineage is not None
    new = replace(
        reading.rows,
        cleaner_version="new",
        ledger=replace(reading.rows.ledger, chances=bytes([255, 0])),
        lineage=replace(reading.rows.lineage, version="new"),
        layout_signature=b"signature",
        images=(ArticleImage("http://a.test/i.jpg", "caption", "credit", "alt"),),
        statements=(FieldStatement("title", "h1", "One"),),
    )
    page = RawPage(1, URL, "a.test", reading.capture_id, "2026-01-03", URL, None, None)
    store_batch(archive.db, begin_run(archive.db, "t", {}), [RecleanedPage(page, reading, new)], make.clock)
    stored = read_own_reading(archive.db, 1)
    assert stored is not None
    assert replace(new, certainty=None) == replace(stored.rows, certainty=None)
    assert stored.rows.certainty == 0.8644
