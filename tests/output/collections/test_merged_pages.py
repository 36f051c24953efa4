"""Pages and histories joined from two archives: each column comes along, and each clause that decides has a case."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from sqlite_utils import Database

from broadsheet.output.archive.atomic_writes import write_transaction
from broadsheet.output.archive.page_rows import Sighting, article_id
from broadsheet.output.archive.table_columns import table_columns
from broadsheet.output.collections import merged_rows as merged_pages
from broadsheet.output.collections.source_archive import attached, open_source
from broadsheet.output.read.verify import verify
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.corrections import CorrectedField, Correction, put_corrections
from broadsheet.output.write.site_fields import apply_field_corrections
from tests.internal_tables import BLOCK_TEXTS, PENDING_REVISIONS, REASONS, REVISION_BLOCKS, SHELF
from tests.output.filled_rows import columns, put, rows
from tests.output.merging import merge_archive

T1, T2, T3 = (f"2026-01-0{day}T00:00:00Z" for day in (1, 2, 3))
Fill = Callable[[Database], None]
Merging = Callable[[Fill, Fill], AbstractContextManager[Database]]


@pytest.fixture
def merging(tmp_path, make):
    """Two archives, filled and attached; gives the target inside a transaction."""

    @contextmanager
    def both(fill_source: Fill, fill_target: Fill) -> Iterator[Database]:
        for name, fill in (("source.db", fill_source), ("target.db", fill_target)):
            with Archive.open(tmp_path / name, make.clock) as archive:
                archive.db.execute("PRAGMA foreign_keys = OFF")
                fill(archive.db)
        with Archive.open(tmp_path / "target.db", make.clock) as archive, open_source(tmp_path / "source.db") as source:
            archive.db.execute("PRAGMA foreign_keys = OFF")
            with attached(archive.db, source), write_transaction(archive.db):
                archive.db.execute("CREATE TEMP TABLE merge_forgotten (id INTEGER PRIMARY KEY)")
                archive.db.execute("INSERT INTO merge_forgotten (id) VALUES (99)")
                yield archive.db

    return both


def seen(*sightings: tuple[str, int], article_id: int = 7, waits: bool = False) -> Fill:
    """Store revisions of an article, seen at times in captures; the last one may wait to be decided."""

    def fill(db: Database) -> None:
        for number, (seen_at, capture_id) in enumerate(sightings, 1):
            values = {"article_id": article_id, "seen_at": seen_at, "capture_id": capture_id}
            if waits and number == len(sightings):
                put(db, PENDING_REVISIONS, 10 * article_id + number, **values)
            else:
                put(db, "revisions", 10 * article_id + number, number=number, **values)

    return fill


def test_each_column_of_a_revision_and_its_blocks_comes_along(merging):
    def fill(db: Database) -> None:
        put(db, "revisions", 3, article_id=7, number=1)
        put(db, PENDING_REVISIONS, 3, article_id=7)
        put(db, REASONS, 4, reason="share", rule="share.icons")
        put(db, BLOCK_TEXTS, 5, id=55)
        put(db, REVISION_BLOCKS, 3, article_id=7, number=1, block_id=55, reason_id=4000)

    def fill_other(db: Database) -> None:
        put(db, PENDING_REVISIONS, 6, article_id=7)
        put(db, REASONS, 6, id=66, reason="share", rule="other")
        put(db, REASONS, 6, id=67, reason="share", rule="share.icons")

    with merging(fill, fill_other) as db:
        assert merged_pages.merge_history(db, 7, [])
        for table in ("revisions", PENDING_REVISIONS):
            assert rows(db, table) == rows(db, table, "merged")
        (block,), (source_block,) = (rows(db, REVISION_BLOCKS, schema) for schema in ("main", "merged"))
        assert block == source_block | {"reason_id": 67}
        assert rows(db, BLOCK_TEXTS) == [{"id": 55, "text": "text 5"}]


@pytest.mark.parametrize(
    ("ours", "theirs", "is_taken"),
    [
        ([], [(T1, 1)], True),
        ([(T1, 1)], [(T1, 1), (T2, 2)], True),
        ([(T1, 1)], [(T1, 1)], False),
        ([(T1, 1), (T2, 2)], [(T1, 1)], False),
        ([(T1, 1)], [(T1, 5), (T2, 2)], False),
        ([(T1, 1)], [(T3, 1), (T2, 2)], False),
        ([(T1, 1), (T3, 3)], [(T1, 1), (T2, 2), (T3, 3)], False),
    ],
)
@pytest.mark.parametrize("waits", [False, True])
def test_a_history_that_goes_on_from_ours_is_taken(merging, ours, theirs, is_taken, waits):
    with merging(seen(*theirs, waits=waits), seen(*ours)) as db:
        stored = merged_pages.read_sightings(db, 7)
        assert stored == ours
        assert merged_pages.merge_history(db, 7, stored) is is_taken
        assert merged_pages.read_sightings(db, 7) == (theirs if is_taken else ours)


@pytest.mark.parametrize(("article_id", "ours", "is_taken"), [(7, 8, True), (7, 7, False), (99, 8, False)])
def test_the_history_of_an_article_that_neither_has_comes_in(merging, article_id, ours, is_taken):
    """Not where the target has one, and not of an article that was taken down here (99)."""
    with merging(seen((T1, 1), article_id=article_id), seen((T2, 2), article_id=ours)) as db:
        merged_pages.merge_gone_histories(db)
        found = {(row["article_id"], row["seen_at"]) for row in rows(db, "revisions")}
    assert found == {(ours, T2)} | ({(article_id, T1)} if is_taken else set())


EDIT = {"article_id": 7, "at": T1, "change": "changed", "kind": "correction", "revision": 2}


@pytest.mark.parametrize(
    ("theirs", "ours", "is_taken"),
    [
        ({}, {}, False),
        ({}, {"article_id": 8}, True),
        ({}, {"at": T2}, True),
        ({}, {"kind": "update"}, True),
        ({}, {"revision": 3}, True),
        ({"revision": None}, {"revision": 0}, False),
        ({}, {"change": "added"}, False),
        ({"kind": ""}, {"article_id": 8}, False),
        ({"article_id": 99}, {}, False),
    ],
)
def test_an_edit_that_is_not_noted_here_is(merging, archive, theirs, ours, is_taken):
    assert {"seq", *EDIT} == columns(archive.db, "changes").keys()
    their_edit, our_edit = EDIT | theirs, EDIT | ours
    with merging(
        lambda db: put(db, "changes", 5, **their_edit) and None, lambda db: put(db, "changes", 1, **our_edit) and None
    ) as db:
        merged_pages.merge_edits(db)
        found = [{name: row[name] for name in EDIT} for row in rows(db, "changes")]
    assert found == [our_edit] + [their_edit] * is_taken


READING = (T1, 5, "16", 3, "article", "digest m")
GREATER = (T2, 6, "17", 4, "list", "digest n")


@pytest.mark.parametrize("place", range(len(READING)))
def test_of_two_readings_the_greater_one_holds(place):
    """By the time of the capture, its number, the cleaner's version and number, the verdict, the text."""
    sighting = Sighting(1, "http://a.test/1", "a.test", 5, T1)
    greater = (*READING[:place], GREATER[place], *READING[place + 1 :])
    assert merged_pages._PagePair(1, sighting, greater, READING).is_newer
    assert not merged_pages._PagePair(1, sighting, READING, greater).is_newer
    assert not merged_pages._PagePair(1, sighting, READING, READING).is_newer
    assert merged_pages._PagePair(1, sighting, READING, None).is_newer


def test_each_part_of_a_reading_is_read_of_either_archive(merging):
    def fill(number: int, page_id: int) -> Fill:
        def put_page(db: Database) -> None:
            put(db, "urls", page_id, id=page_id, url="http://a.test/1", host="a.test", kind="page", state="done")
            put(db, "captures", number, id=500 + number, url="http://a.test/1", fetched_at=f"time {number}")
            put(db, "pages", number, id=page_id, capture_id=500 + number)

        return put_page

    with merging(fill(1, 4), fill(2, 9)) as db:
        db.execute("CREATE TEMP TABLE merge_hosts (host TEXT, url_id INTEGER)")
        db.execute("INSERT INTO merge_hosts (host, url_id) VALUES ('a.test', 4)")
        (pair,) = merged_pages._page_pairs(db, "a.test")
        theirs, ours = ({row["id"]: row for row in rows(db, "pages", schema)} for schema in ("merged", "main"))
    read = ("cleaner_version", "cleaner_id", "own_type", "text_digest")
    assert pair.source_id == 4
    assert pair.sighting == Sighting(9, "http://a.test/1", "a.test", 501, "time 1")
    assert pair.source_reading == ("time 1", 501, *(theirs[4][name] for name in read))
    assert pair.target_reading == ("time 2", 502, *(ours[9][name] for name in read))


@pytest.mark.parametrize("table", ["articles", SHELF])
def test_an_article_was_first_seen_where_either_saw_it_first_and_last_where_either_did_last(archive, table):
    archive.db.execute("PRAGMA foreign_keys = OFF")
    for number, page_id in ((1, 3), (2, 4)):
        put(archive.db, table, number, page_id=page_id, first_seen=T2, last_seen=T2)
    for first, last, expected in ((T1, T1, (T1, T2)), (T3, T3, (T1, T3)), (T2, T2, (T1, T3))):
        archive.db.execute(merged_pages._UPDATE_SEEN.format(table), [first, last, 3])
        found = {row["page_id"]: (row["first_seen"], row["last_seen"]) for row in rows(archive.db, table)}
        assert found == {3: expected, 4: (T2, T2)}


def test_columns_that_a_user_added_there_are_added_here(merging):
    def fill(db: Database) -> None:
        for column in ("note TEXT", "Score REAL", '"a b"', "twice INTEGER AS (word_count * 2) VIRTUAL"):
            db.execute(f"ALTER TABLE articles ADD COLUMN {column}")

    with merging(fill, lambda db: db.execute("ALTER TABLE articles ADD COLUMN score TEXT") and None) as db:
        before: list[Any] = table_columns(db, "articles")
        merged_pages.add_user_columns(db)
        added = table_columns(db, "articles")[len(before) :]
    assert [(column.name, column.declared_type) for column in added] == [("note", "TEXT"), ("a b", "")]


def test_a_copy_of_a_corrected_article_has_the_title_of_its_revision_here_too(tmp_path, make, words):
    """It once had its own title and a revision with the corrected one, which `verify` and each backup called damage."""
    story, copy = "http://a.test/story", "http://a.test/story-copy"
    told = Correction(CorrectedField.TITLE, "Corrected", article_id=article_id(story), url=story, at=make.clock())
    with Archive.open(tmp_path / "source.db", make.clock) as source:
        source.save([make.outcome(url, words("mill"), title="As printed") for url in (story, copy)])
        settle(source.db, make.clock)
        with write_transaction(source.db):
            put_corrections(source.db, [told], undo=False, at=make.clock())
            apply_field_corrections(source.db, make.clock())
    with Archive.open(tmp_path / "target.db", make.clock) as target:
        merge_archive(target.db, tmp_path / "source.db", make.clock)
        assert list(verify(target.db)) == []
        settle(target.db, make.clock)
        assert list(verify(target.db)) == []
