"""Damage to an archive: each is named by the check of what it breaks, and what is no damage is not."""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from broadsheet.cleaners.compare.page_layouts import pack_signature
from broadsheet.cleaners.lineage import CLEANER_VERSION
from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.archive.row_sample import RowSample
from broadsheet.output.read import verify as checks
from broadsheet.output.read.file_checks import Finding, column_values
from broadsheet.output.read.verify import (
    CHECKS,
    NEEDED_ROWS,
    RAW_CHECKS,
    first_problem,
    first_source_problem,
    missing_rows_query,
    verify,
)
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.archive_writer import Archive
from tests.internal_tables import PAGE_BLOCKS, PAGE_LEADS, named
from tests.output.conftest import Maker
from tests.output.filled_rows import put
from tests.output.wires import make_exchange

PAGE = "(SELECT id FROM urls WHERE url LIKE '%/1')"
BLOCK = f"page_id = {PAGE} AND position = 1"
LAYOUT = "INSERT INTO _layouts (id, host, signature, pages, articles, kind, evidence) VALUES (5, 'a.test', x'00', "
RECLEAN = """INSERT INTO runs (id, started_at, command, options, versions, _reclean)
    VALUES (9, '2026-01-01T00:00:00+00:00', 'reclean', '{}', '{}', 9); """
DAMAGES = [
    ("articles_and_pages", f"UPDATE pages SET page_type = 'list' WHERE id = {PAGE}", "do not name each other"),
    ("articles_and_pages", f"UPDATE pages SET article_id = NULL WHERE id = {PAGE}", "do not name each other"),
    ("articles_and_pages", f"UPDATE pages SET article_id = 5 WHERE id = {PAGE}", "names article 5, which does not"),
    ("articles_and_pages", f"DELETE FROM articles WHERE page_id = {PAGE}", "is neither listed nor shelved"),
    ("ledgers", f"UPDATE pages SET blocks = blocks + 1 WHERE id = {PAGE}", "4 blocks = 2 kept + 1 removed"),
    ("ledgers", f"UPDATE _page_blocks SET kept = 1 WHERE page_id = {PAGE}", "its ledger has 3, 3 of them kept"),
    ("ledgers", f"DELETE FROM _page_blocks WHERE page_id = {PAGE} AND kept = 0", "its ledger has 2, 2 of them kept"),
    ("ledgers", f"UPDATE _page_blocks SET position = 7 WHERE {BLOCK}", "from 0 to 7"),
    ("ledgers", f"UPDATE _page_blocks SET repeats = 7 WHERE {BLOCK}", "block 7"),
    ("ledgers", f"UPDATE _page_blocks SET repeats = 1 WHERE {BLOCK}", "block 1"),
    ("ledgers", f"DELETE FROM _page_layout WHERE page_id = {PAGE}", "is missing"),
    ("removed_counts", "UPDATE meta SET value = '{}' WHERE key = 'removed in a.test'", "other ones than settling"),
    ("removed_counts", "UPDATE meta SET value = '[' WHERE key = 'removed in a.test'", "row removed in a.test cannot"),
    ("ledgers", "UPDATE _revision_blocks SET number = 8", "/8 belongs to a revision that does not exist"),
    ("needed_rows", "UPDATE captures SET robots_id = 77", "captures row 77 refers by robots_id to a missing row"),
    ("needed_rows", "DELETE FROM revisions", "refers by id to a missing row"),
    ("needed_rows", "DELETE FROM changes", "refers by id to a missing row"),
    ("needed_rows", f"UPDATE pages SET layout_id = 99 WHERE id = {PAGE}", "pages row 99 refers by layout_id"),
    ("url_counts", "UPDATE _url_counts SET urls = 9 WHERE state = 'done'", "says 9, and 3 are"),
    ("url_counts", "DELETE FROM _url_counts", "says 0, and 3 are"),
    ("url_counts", "INSERT OR REPLACE INTO _url_counts (state, urls) VALUES ('failed', 5)", "says 5, and 0 are"),
    ("url_counts", "INSERT INTO _unindexed (id) SELECT min(id) FROM articles", "still waits for the full-text index"),
    ("url_reasons", f"UPDATE urls SET reason = 'articld' WHERE id = {PAGE}", "is 'articld', which is not a reason"),
    ("articles_and_pages", "DELETE FROM pages", "pages row 3 is missing"),
    ("ledgers", "INSERT INTO _reasons VALUES (9, 'share buttons', 'x'); UPDATE _page_blocks SET reason_id = 9",
     "reason_id row 1/0 contradicts whether the block is kept"),
    ("ledgers", "INSERT INTO _reasons VALUES (9, 'selected', 'x'); UPDATE _page_blocks SET reason_id = 9",
     "reason_id row 1/2 contradicts whether the block is kept"),
    ("row_numbers", "UPDATE captures SET fetched_at = '2020-01-01T00:00:00Z' WHERE url LIKE '%/1'", "captures"),
    ("row_numbers", "UPDATE articles SET url = url || '/other'", "articles row"),
    ("hosts", f"UPDATE urls SET host = 'b.test' WHERE id = {PAGE}", "urls"),
    ("hosts", "UPDATE articles SET host = 'b.test'", "articles"),
    ("dates", "UPDATE articles SET published_stated = '2024-05-03T12:00Z', published_day = '2024-05-03'", "articles"),
    ("copied_values", "UPDATE articles SET title = 'other' WHERE url LIKE '%/1'", "title"),
    ("copied_values", "UPDATE revisions SET title = 'other'", "title"),
    ("copied_values", "UPDATE articles SET canonical_url = 'http://a.test/other'", "canonical_url"),
    ("copied_values", "UPDATE articles SET page_type = 'teaser'", "page_type"),
    ("block_texts", "UPDATE _block_texts SET text = 'other' WHERE text = 'One.'", "_block_texts/text"),
    ("article_texts", "UPDATE articles SET text = 'One.' WHERE url LIKE '%/1'", "articles/text"),
    ("article_texts", f"UPDATE articles SET markdown = 'One.', cleaner_version = '{CLEANER_VERSION}'",
     "articles/markdown"),
    ("page_digests", "UPDATE pages SET text_digest = 'x'", "pages/text_digest"),
    ("page_digests", "UPDATE pages SET word_count = 5", "pages/word_count"),
    ("article_digests", "UPDATE articles SET word_count = 5", "articles/word_count"),
    ("article_digests", "UPDATE revisions SET text_digest = 'x'", "articles/text"),
    ("standfirsts", "UPDATE articles SET standfirst = 'A line that stands nowhere.'", "articles/standfirst"),
    ("standfirsts", "UPDATE articles SET standfirst = substr(text, 1, 2)", "articles/standfirst"),
    ("text_link_rows", "INSERT INTO _links VALUES (1, 0, 'http://a.test/', 'x')", "articles/markdown"),
    ("stored_values", "UPDATE _page_layout SET chances = x'00'", "_page_layout/chances"),
    ("stored_values", f"UPDATE pages SET blocks = 4 WHERE id = {PAGE}", "_page_layout/layout"),
    ("stored_values", "UPDATE _page_layout SET layout = x'00'", "_page_layout/layout"),
    ("stored_values", "UPDATE _page_layout SET layout = substr(layout, 1, 20)", "_page_layout/layout"),
    ("stored_values", "UPDATE _page_layout SET layout = 'text'", "_page_layout/layout"),
    ("stored_values", "UPDATE _scans SET scan = x'00'", "_scans/scan"),
    ("stored_values", f"{RECLEAN} INSERT INTO _reclean_before (page_id, reclean_id, before) VALUES (1, 9, x'00')",
     "_reclean_before/before"),
    ("stored_values", "INSERT INTO _pending_revisions VALUES (1, '', NULL, '', '', '{')", "_pending_revisions/before"),
    ("column_values", "UPDATE articles SET published = x'ff'", "articles/published"),
    ("column_values", "UPDATE urls SET found_via = 'other'", "urls/found_via"),
    ("column_values", f"{LAYOUT} 0, 0, 'artikle', '[]')", "_layouts/kind row 5"),
    ("column_values", "UPDATE urls SET depth = -1", "urls/depth"),
    ("column_values", "UPDATE urls SET first_seen = '2026-01-01T00:00:0'", "urls/first_seen"),
    ("column_values", "UPDATE articles SET description = CAST(x'ff' AS TEXT)", "articles/description"),
    ("column_values", "UPDATE pages SET own_type = 'articld'", "pages/own_type"),
    ("column_values", "UPDATE _page_blocks SET kind = 77 WHERE page_id = 1", "_page_blocks/kind row"),
    ("column_values", f"UPDATE _page_blocks SET kept = 2 WHERE {BLOCK}", "_page_blocks/kept row"),
    ("foreign_keys", "DELETE FROM captures", "captures"),
    ("schema_version", "PRAGMA user_version = 99", "99"),
    ("full_text", "DROP TRIGGER articles_fts_insert; UPDATE articles SET id = 5 WHERE url LIKE '%/1'", "articles_fts"),
    ("full_text", "DROP TRIGGER articles_fts_after; UPDATE articles SET text = 'x'", "articles_fts"),
    ("schema_objects", "DROP VIEW removed", "the view removed is missing"),
    ("schema_objects", "DROP VIEW removed; CREATE VIEW removed AS SELECT * FROM blocks WHERE kept = 1",
     "the view removed is missing, or not that of the schema"),
    ("schema_objects", "DROP INDEX captures_url", "the index captures_url is missing"),
    ("schema_objects", "ALTER TABLE alarms DROP COLUMN message", "the table alarms"),
]  # fmt: skip
HARMLESS = [
    "UPDATE articles SET standfirst = 'One.' || char(10) || 'Donate' WHERE url LIKE '%/1'",
    "UPDATE articles SET standfirst = ''",
    "UPDATE articles SET markdown = 'old', cleaner_version = '1'",
    "UPDATE revisions SET text_digest = 'x', change = 'withdrawn'",
    "UPDATE _page_layout SET chances = NULL",
    "UPDATE revisions SET note = '{'",
    "UPDATE pages SET text_digest = 'x', own_type = 'list'",
    "INSERT OR IGNORE INTO _reasons (id, reason, rule) VALUES (99, 'restored by hand', 'person'); "
    "UPDATE _page_blocks SET reason_id = 99 WHERE kept AND position = 0; UPDATE pages SET text_digest = 'x'",
]
CONTENT_CHECKS = (
    *("block_texts", "article_texts", "page_digests", "article_digests", "standfirsts", "text_link_rows"),
    "stored_values",
)


@pytest.fixture(scope="module")
def settled(tmp_path_factory):
    """Three pages with ledgers: one with a layout, one in two versions."""
    file, make = tmp_path_factory.mktemp("settled") / "a.db", Maker()
    with Archive.open(file, make.clock) as archive:
        archive.runs.start("crawl", {}, {})
        for number, text, changes in [
            (1, "One.", {"layout_signature": pack_signature(range(40))}), (2, "Before it changed.", {}),
            (2, "What it says by now.", {}), (3, " ".join(f"word{n}" for n in range(60)), {}),
        ]:  # fmt: skip
            texts = (text, "Two.") if number == 1 else (text,)
            archive.save([make.outcome(f"http://a.test/{number}", *texts, removed=("Donate",), **changes)])
        settle(archive.db, make.clock)
    return file


@pytest.fixture
def db(settled, tmp_path):
    """The same in a file of its own, whose references are not enforced."""
    with closing(open_database(shutil.copy(settled, tmp_path / "a.db"))) as db:
        db.conn.execute("PRAGMA foreign_keys = OFF")
        yield db


def test_a_sound_archive_has_no_problem_also_read_only(settled):
    with closing(open_database(settled, read_only=True)) as db:
        assert verify(db) == []
        assert db.conn.text_factory is str, "texts are read as before"


def findings(db, *names):
    """What the checks of these names find, with its place."""
    others = [check for check in CHECKS if check.__name__ not in names]
    return [f"{problem.detail} | {problem.location}" for problem in verify(db, left_out=others)]


@pytest.mark.parametrize(("check", "damage", "found"), DAMAGES)
def test_damage_is_named_by_its_check(db, check, damage, found):
    db.conn.executescript(named(damage))
    assert any(named(found) in finding for finding in findings(db, check)), findings(db, check)


@pytest.mark.parametrize("statements", HARMLESS)
def test_what_is_no_damage_is_not_found(db, statements):
    db.conn.executescript(named(statements))
    assert findings(db, *CONTENT_CHECKS) == []


@pytest.mark.parametrize("link", NEEDED_ROWS, ids=lambda link: f"{link[0]}.{link[1]} {link[2]}")
def test_rows_that_are_referred_to_are_looked_up(archive, link):
    """No table is looked through once for each row of another."""
    plan = [row[3] for row in archive.db.execute(f"EXPLAIN QUERY PLAN {missing_rows_query(*link)}")]
    assert plan
    assert [step for step in plan if "CORRELATED" in step] == []


def test_a_check_names_twenty_problems_and_of_a_long_value_its_beginning(db):
    long = {"reason": "x" * 41, "found_via": "y" * 41, "first_seen": "z" * 41}
    for number in range(50, 71):
        put(db, "urls", number, state="done", kind="page", **long)
    reasons = [problem.detail for problem in verify(db) if problem.check == "url_reasons"]
    assert reasons == [
        f"urls/reason row {number} is {'x' * 40!r}, which is not a reason" for number in range(50000, 70000, 1000)
    ]
    details = " ".join(finding.detail for finding in column_values(db))
    assert f"is {'y' * 40!r}, which is not a word" in details
    assert f"is {'z' * 40!r}, not " in details


def test_a_torn_file_is_a_problem_not_a_traceback(settled, tmp_path):
    file = shutil.copy(settled, tmp_path / "a.db")
    with closing(sqlite3.connect(file)) as db:
        query = f"SELECT rootpage FROM sqlite_master WHERE name = '{PAGE_BLOCKS}'"
        (page,), (size,) = db.execute(query).fetchone(), db.execute("PRAGMA page_size").fetchone()
    content = bytearray(file.read_bytes())
    content[(page - 1) * size : page * size] = b"\xff" * size
    file.write_bytes(content)
    with closing(open_database(file, read_only=True)) as db:
        assert verify(db)


@pytest.mark.parametrize(
    ("damage", "location"),
    [
        ("UPDATE pages SET evidence = '[' WHERE id = 2", "pages/evidence row 2"),
        ("UPDATE urls SET host = x'ff' WHERE id = 3", "urls/host row 3"),
        ("UPDATE urls SET host = CAST(x'ff' AS TEXT) WHERE id = 3", "urls/host row 3"),
        ("UPDATE urls SET depth = 'deep' WHERE id = 3", "urls/depth row 3"),
        ("UPDATE _page_blocks SET kept = 'y' WHERE page_id = 1 AND position = 0", "_page_blocks/kept row 1/0"),
    ],
)
def test_the_first_problem_names_what_is_damaged(db, damage, location):
    assert first_problem(db) is None
    db.conn.executescript(named(damage))
    problem = first_problem(db)
    assert (problem.location, problem.detail[: len(named(location))]) == (named(location), named(location))
    assert first_source_problem(db) == problem
    assert problem in verify(db)


def test_a_table_that_cannot_be_read_is_a_problem_and_the_others_are_checked(db):
    db.conn.executescript(f"DROP TABLE {PAGE_LEADS}; UPDATE urls SET found_via = 'other' WHERE id = 1")
    problems = [(problem.check, problem.detail) for problem in verify(db)]
    assert ("column_values", f"{PAGE_LEADS} cannot be read: no such table: {PAGE_LEADS}") in problems
    assert ("column_values", "urls/found_via row 1 is 'other', which is not a word of this column") in problems
    assert ("schema_objects", f"the table {PAGE_LEADS} is missing, or not that of the schema") in problems


def test_a_check_that_fails_by_itself_names_its_error(db, monkeypatch):
    def broken(db):
        yield Finding("one")
        raise TypeError("two")

    monkeypatch.setattr("broadsheet.output.read.verify.CHECKS", (broken,))
    assert [problem.detail for problem in verify(db)] == ["one", "cannot be checked: TypeError: two"]


def parts_that_find(db, check, count=3):
    """The numbers of the parts of a sample in which a check finds something."""
    samples = [RowSample(number, count) for number in range(1, count + 1)]
    return [sample.number for sample in samples if check in {problem.check for problem in verify(db, sample)}]


@pytest.mark.parametrize(
    ("check", "damage"),
    [
        ("article_texts", "UPDATE articles SET text = 'other' WHERE url LIKE '%1'"),
        ("article_digests", "UPDATE articles SET word_count = 5 WHERE url LIKE '%1'"),
        ("page_digests", "UPDATE pages SET word_count = 5 WHERE id = 1"),
        ("standfirsts", "UPDATE articles SET standfirst = 'nowhere' WHERE url LIKE '%1'"),
        ("text_link_rows", "INSERT INTO _links VALUES (1, 0, 'http://a.test/', 'x')"),
        ("block_texts", "UPDATE _block_texts SET text = 'other' WHERE id = (SELECT min(id) FROM _block_texts)"),
        ("stored_values", "UPDATE _page_layout SET layout = x'' WHERE page_id = 1"),
    ],
)
def test_a_wrong_row_is_found_in_the_part_that_it_is_in(db, check, damage):
    db.execute(named(damage))
    assert len(parts_that_find(db, check)) == 1


@pytest.mark.parametrize(
    ("check", "damage"),
    [
        ("schema_version", "PRAGMA user_version = 99"),
        ("ledgers", "UPDATE pages SET kept = 7, blocks = 8 WHERE id = 1"),
    ],
)
def test_what_is_no_part_of_a_page_is_checked_with_every_sample(db, check, damage):
    db.conn.executescript(named(damage))
    assert parts_that_find(db, check) == [1, 2, 3]


def test_a_damaged_record_is_found_in_the_part_of_its_capture(archive, make, file):
    archive.keep_raw({"software": "test"})
    outcomes = [make.outcome(f"http://a.test/{n}", "A text of its own.") for n in range(4)]
    archive.save([replace(each, capture=replace(each.capture, raw=make_exchange(b"raw"))) for each in outcomes])
    name, offset, length = archive.db.execute(
        "SELECT warc_file, warc_offset, warc_length FROM captures ORDER BY warc_offset LIMIT 1"
    ).fetchone()
    assert parts_that_find(archive.db, "raw_responses") == []
    with Path(f"{file}{name}").open("r+b") as stream:
        stream.seek(offset + length // 2)
        stream.write(b"\0" * 9)
    assert len(parts_that_find(archive.db, "raw_responses")) == 1


def test_for_the_first_problem_each_check_runs_once_and_none_of_the_raw_responses(db, monkeypatch):
    run, problems = [], checks._problems

    def note(check, *rest):
        run.append(check)
        return problems(check, *rest)

    monkeypatch.setattr(checks, "_problems", note)
    assert first_problem(db) is None
    assert run[:2] == [checks.stored_values, checks.column_values]
    assert sorted(map(str, run)) == sorted(map(str, set(CHECKS) - set(RAW_CHECKS)))
