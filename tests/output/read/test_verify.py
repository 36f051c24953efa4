import sqlite3
from dataclasses import replace

import pytest

from broadsheet.cleaners.lineage import CLEANER_VERSION
from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.archive.row_sample import RowSample
from broadsheet.output.read import verify as checks
from broadsheet.output.read.file_checks import Finding, column_values
from broadsheet.output.read.verify import first_problem, first_source_problem, verify
from broadsheet.output.settle.settling import settle
from tests.internal_tables import LAYOUTS, PAGE_BLOCKS, PAGE_LEADS, UNSETTLED, named
from tests.output.filled_rows import put
from tests.output.wires import make_exchange


@pytest.fixture
def filled(archive, make, words):
    archive.runs.start("crawl", {}, {})
    archive.save([make.outcome(f"http://a.test/{n}", words(f"text{n}"), removed=("x",)) for n in range(3)])
    settle(archive.db, make.clock)
    return archive


def test_a_sound_archive_has_no_problem_also_read_only(filled, file):
    assert verify(filled.db) == []
    assert verify(open_database(file, read_only=True)) == []


def test_a_check_names_twenty_problems_and_of_a_long_value_its_beginning(filled):
    for number in range(50, 71):
        put(
            filled.db,
            "urls",
            number,
            state="done",
            kind="page",
            reason="x" * 41,
            found_via="y" * 41,
            first_seen="z" * 41,
        )
    reasons = [problem.detail for problem in verify(filled.db) if problem.check == "url_reasons"]
    assert reasons == [
        f"urls/reason row {number} is {'x' * 40!r}, which is no reason" for number in range(50000, 70000, 1000)
    ]
    details = " ".join(finding.detail for finding in column_values(filled.db))
    assert f"is {'y' * 40!r}, which is no word" in details
    assert f"is {'z' * 40!r}, not " in details


def test_what_a_layout_counts_may_be_off_by_one_for_each_page_that_has_changed(filled):
    filled.db.execute(f"INSERT INTO {LAYOUTS} VALUES (5, 'a.test', x'00', 2, 1, '', '')")
    detail = f"{LAYOUTS} row 5 says 2 pages, 1 of them articles; 0 and 0 are"
    for page_id, host in ((1, "a.test"), (2, "b.test")):
        filled.db.execute(f"INSERT INTO {UNSETTLED} (page_id, host) VALUES (?, ?)", [page_id, host])
        assert [problem.detail for problem in verify(filled.db) if problem.check == "layout_counts"] == [detail]
    filled.db.execute(f"INSERT INTO {UNSETTLED} (page_id, host) VALUES (3, 'a.test')")
    assert "layout_counts" not in {problem.check for problem in verify(filled.db)}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("check", "damage"),
    [
        ("foreign_keys", "DELETE FROM captures"),
        ("schema_version", "PRAGMA user_version = 99"),
        ("full_text", "DROP TRIGGER articles_fts_insert; UPDATE articles SET id = 5 WHERE url LIKE '%1'"),
        ("full_text", "DROP TRIGGER articles_fts_after; UPDATE articles SET text = 'other' WHERE url LIKE '%1'"),
        ("articles_and_pages", "UPDATE pages SET article_id = NULL WHERE id = 1"),
        ("articles_and_pages", "UPDATE pages SET article_id = 12 WHERE id = 1"),
        ("articles_and_pages", "DELETE FROM articles WHERE url LIKE '%1'; UPDATE pages SET article_id = NULL"),
        (
            "layout_counts",
            "INSERT INTO _layouts (id, host, signature, pages, articles, kind, evidence)"
            " VALUES (5, 'a.test', x'00', 0, 1, '', '')",
        ),
        ("ledger_counts", "DELETE FROM _page_blocks WHERE page_id = 1 AND kept = 0"),
        ("article_texts", "UPDATE articles SET text = 'other' WHERE url LIKE '%1'"),
        ("stored_values", "UPDATE _page_layout SET layout = substr(layout, 1, 20)"),
        ("stored_values", "UPDATE _page_layout SET layout = 'text'"),
        ("stored_values", "UPDATE _page_layout SET layout = x''"),
        ("stored_values", "UPDATE _sketches SET sketch = x''"),
        ("stored_values", "UPDATE _sketches SET hashes = 1099511627776"),
        ("stored_values", "UPDATE _sketches SET sketch = zeroblob(4 * hashes)"),
        ("stored_values", "UPDATE pages SET evidence = '[\"x' WHERE id = 1"),
        ("stored_values", "UPDATE pages SET robots = '{}'"),
        ("stored_values", "UPDATE articles SET metadata_sources = x'00'"),
        ("stored_values", "UPDATE runs SET options = 'options'"),
        ("stored_values", "UPDATE captures SET directives = '[1]'"),
        ("stored_values", "UPDATE revisions SET kinds = ''"),
        ("stored_values", "UPDATE revisions SET change = 'pending', note = '[1'"),
        (
            "stored_values",
            "INSERT INTO _recleans (id, started_at, state, options) VALUES (1, '', 'done', '{}');"
            " INSERT INTO _reclean_before (page_id, reclean_id, before) VALUES (1, 1, x'789c00')",
        ),
        ("stored_values", "UPDATE articles SET keywords = '[1]'"),
        ("column_values", "UPDATE articles SET published = x'ff'"),
        ("column_values", "UPDATE urls SET found_via = 'other'"),
        (
            "column_values",
            "INSERT INTO _layouts (id, host, signature, pages, articles, kind, evidence)"
            " VALUES (7, 'a.test', x'00', 0, 0, 'artikle', '[]')",
        ),
        ("column_values", "UPDATE urls SET depth = -1"),
        ("column_values", "UPDATE urls SET first_seen = '2026-01-01T00:00:0'"),
        ("column_values", "UPDATE articles SET description = CAST(x'ff' AS TEXT)"),
        ("column_values", "UPDATE pages SET own_type = 'articld' WHERE id = 1"),
        ("column_values", "UPDATE _page_blocks SET kind = 77 WHERE page_id = 1"),
        ("column_values", "UPDATE _page_blocks SET kept = 2 WHERE page_id = 1 AND position = 0"),
        ("row_numbers", "UPDATE captures SET fetched_at = '2020-01-01T00:00:00+00:00' WHERE url LIKE '%1'"),
        ("row_numbers", "UPDATE articles SET url = url || '/other'"),
        ("hosts", "UPDATE urls SET host = 'b.test' WHERE id = 1"),
        ("hosts", "UPDATE articles SET host = 'b.test'"),
        ("dates", "UPDATE articles SET published_raw = '2024-05-03T12:00:00Z', published_day = '2024-05-03'"),
        ("copied_values", "UPDATE articles SET title = 'other' WHERE url LIKE '%1'"),
        ("copied_values", "UPDATE revisions SET title = 'other'"),
        ("copied_values", "UPDATE articles SET canonical_url = 'http://a.test/other'"),
        ("copied_values", "UPDATE articles SET page_type = 'teaser'"),
        ("url_reasons", "UPDATE urls SET reason = 'articld' WHERE id = 1"),
        ("url_reasons", "DELETE FROM _page_layout; DELETE FROM _page_blocks; DELETE FROM pages"),
        ("needed_rows", "DELETE FROM changes WHERE seq = 2"),
        ("needed_rows", "DELETE FROM revisions WHERE rowid = 2"),
        ("needed_rows", "UPDATE pages SET layout_id = 99 WHERE id = 1"),
        ("page_digests", "UPDATE pages SET text_digest = '0123456789abcdef0123456789abcdef' WHERE id = 2"),
        ("page_digests", "UPDATE pages SET word_count = 1 WHERE id = 2"),
        (
            "article_texts",
            f"UPDATE pages SET cleaner_version = '{CLEANER_VERSION}'; UPDATE articles SET markdown = 'other',"
            f" cleaner_version = '{CLEANER_VERSION}'",
        ),
        (
            "block_reasons",
            "INSERT INTO _reasons VALUES (9, 'share buttons', 'x'); UPDATE _page_blocks SET reason_id = 9",
        ),
        ("block_reasons", "INSERT INTO _reasons VALUES (9, 'selected', 'x'); UPDATE _page_blocks SET reason_id = 9"),
        ("old_revisions", "UPDATE revisions SET number = 2"),
        ("ledger_rows", "DELETE FROM _page_layout WHERE page_id = 1"),
        ("ledger_rows", "UPDATE _page_blocks SET position = position + 1 WHERE page_id = 1 AND position = 1"),
        ("block_texts", "UPDATE _block_texts SET text = text || 'x'"),
        ("article_digests", "UPDATE articles SET word_count = 1"),
        ("article_digests", "UPDATE revisions SET text_digest = 'other'"),
        ("standfirsts", "UPDATE articles SET standfirst = 'A line that stands nowhere.'"),
        ("standfirsts", "UPDATE articles SET standfirst = substr(text, 1, 5)"),
        ("needed_rows", "INSERT INTO _listed (url_id, kind) VALUES (99, 'feed')"),
        ("url_counts", "UPDATE _url_counts SET urls = 9 WHERE state = 'done'"),
        ("url_counts", "DELETE FROM _url_counts WHERE state = 'done'"),
        ("schema_objects", "DROP VIEW removed"),
        ("schema_objects", "DROP VIEW removed; CREATE VIEW removed AS SELECT * FROM _blocks WHERE kept = 1"),
        ("schema_objects", "DROP INDEX captures_url"),
        ("schema_objects", "ALTER TABLE alarms DROP COLUMN message"),
    ],
)
def test_damage_is_named(filled, file, check, damage):
    plain = sqlite3.connect(file)
    plain.executescript(named(damage))
    plain.close()
    assert check in {problem.check for problem in verify(filled.db)}


def test_a_torn_file_is_a_problem_not_a_traceback(filled, file):
    query = f"SELECT rootpage FROM sqlite_master WHERE name = '{PAGE_BLOCKS}'"
    (page,), (size,) = filled.db.execute(query).fetchone(), filled.db.execute("PRAGMA page_size").fetchone()
    filled.close()
    content = bytearray(file.read_bytes())
    content[(page - 1) * size : page * size] = b"\xff" * size
    file.write_bytes(content)
    assert verify(open_database(file, read_only=True))


@pytest.mark.parametrize(
    ("damage", "location"),
    [
        ("UPDATE pages SET evidence = '[' WHERE id = 2", "pages/evidence row 2"),
        ("UPDATE urls SET host = x'ff' WHERE id = 3", "urls/host row 3"),
        ("UPDATE urls SET host = CAST(x'ff' AS TEXT) WHERE id = 3", "urls/host row 3"),
        ("UPDATE urls SET depth = 'deep' WHERE id = 3", "urls/depth row 3"),
        ("UPDATE urls SET found_via = 'other' WHERE id = 3", "urls/found_via row 3"),
        ("UPDATE _page_blocks SET kept = 'y' WHERE page_id = 1 AND position = 0", "_page_blocks/kept row 1/0"),
    ],
)
def test_the_first_problem_names_what_is_damaged(filled, file, damage, location):
    location = named(location)
    assert first_problem(filled.db) is None
    plain = sqlite3.connect(file)
    plain.executescript(named(damage))
    plain.close()
    problem = first_problem(filled.db)
    assert problem is not None
    assert (problem.location, problem.detail[: len(location)]) == (location, location)
    assert first_source_problem(filled.db) == problem
    assert problem in verify(filled.db)


def test_a_table_that_cannot_be_read_is_a_problem_and_the_others_are_checked(filled, file):
    plain = sqlite3.connect(file)
    plain.executescript(f"DROP TABLE {PAGE_LEADS}; UPDATE urls SET found_via = 'other' WHERE id = 1")
    plain.close()
    problems = [(problem.check, problem.detail) for problem in verify(filled.db)]
    assert ("column_values", f"{PAGE_LEADS} cannot be read: no such table: {PAGE_LEADS}") in problems
    assert ("column_values", "urls/found_via row 1 is 'other', which is no word of this column") in problems
    assert ("schema_objects", f"the table {PAGE_LEADS} is missing, or not that of the schema") in problems


def test_a_check_that_fails_by_itself_names_its_error(filled, monkeypatch):
    def broken(db):
        yield Finding("one")
        raise TypeError("two")

    monkeypatch.setattr("broadsheet.output.read.verify.CHECKS", (broken,))
    assert [problem.detail for problem in verify(filled.db)] == ["one", "cannot be checked: TypeError: two"]


def test_texts_are_read_as_before_afterwards(filled):
    verify(filled.db)
    assert filled.db.conn.text_factory is str


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
        ("block_texts", "UPDATE _block_texts SET text = 'other' WHERE id = (SELECT min(id) FROM _block_texts)"),
        ("stored_values", "UPDATE _page_layout SET layout = x'' WHERE page_id = 1"),
        ("stored_values", "UPDATE _sketches SET sketch = x'00', hashes = 4 WHERE page_id = 1"),
    ],
)
def test_a_wrong_row_is_found_in_the_part_that_it_is_in(filled, check, damage):
    filled.db.execute(named(damage))
    assert len(parts_that_find(filled.db, check)) == 1


@pytest.mark.parametrize(
    ("check", "damage"),
    [
        ("needed_rows", "DELETE FROM _sketches; INSERT INTO _sketches (page_id) VALUES (77)"),
        ("schema_version", "PRAGMA user_version = 99"),
        ("ledger_counts", "UPDATE pages SET kept = 7, blocks = 8 WHERE id = 1"),
    ],
)
def test_what_is_no_part_of_a_page_is_checked_with_every_sample(filled, check, damage):
    filled.db.conn.executescript(named(damage))
    assert parts_that_find(filled.db, check) == [1, 2, 3]


def test_a_damaged_record_is_found_in_the_part_of_its_capture(archive, make, file):
    archive.keep_raw({"software": "test"})
    outcomes = [make.outcome(f"http://a.test/{n}", "A text of its own.") for n in range(4)]
    archive.save(
        [replace(outcome, capture=replace(outcome.capture, raw=make_exchange(b"raw"))) for outcome in outcomes]
    )
    name, offset, length = archive.db.execute(
        "SELECT warc_file, warc_offset, warc_length FROM captures ORDER BY warc_offset LIMIT 1"
    ).fetchone()
    assert parts_that_find(archive.db, "raw_responses") == []
    with (file.parent / name).open("r+b") as stream:
        stream.seek(offset + length // 2)
        stream.write(b"\0" * 9)
    assert len(parts_that_find(archive.db, "raw_responses")) == 1


def test_for_the_first_problem_each_check_runs_once_and_none_of_the_raw_responses(filled, monkeypatch):
    run, problems = [], checks._problems

    def note(check, *rest):
        run.append(check)
        return problems(check, *rest)

    monkeypatch.setattr(checks, "_problems", note)
    assert first_problem(filled.db) is None
    assert run[:2] == [checks.stored_values, checks.column_values]
    assert sorted(map(str, run)) == sorted(map(str, set(checks.CHECKS) - set(checks.RAW_CHECKS)))
