"""What a value of a column has to be, and damage to each packed or JSON value."""

import json
import re
import sqlite3
import zlib
from contextlib import closing
from dataclasses import replace

import pytest
from sqlite_utils import Database

from broadsheet.cleaners.document import PageType
from broadsheet.cleaners.site.page_kinds import LayoutPage, weigh_kinds
from broadsheet.output.archive.migrations import MIGRATIONS
from broadsheet.output.archive.table_columns import TableColumn
from broadsheet.output.read import file_checks
from broadsheet.output.read import verify as checks
from broadsheet.output.read.file_checks import column_values, full_text, rules_of, schema_tables
from tests.internal_tables import IMPORTS, LAYOUTS, PAGE_BLOCKS, REVIEWS, SHELF
from tests.output.filled_rows import put, tables

RULED_COLUMNS = {*file_checks._WORDS, *file_checks._shapes(), *file_checks._ranges()}


def test_each_column_with_a_rule_is_one_of_the_schema():
    columns = {f"{table.name}.{column.name}" for table in schema_tables() for column in table.columns}
    assert RULED_COLUMNS - columns == set()
    assert {"articles.title", "urls.kind", f"{PAGE_BLOCKS}.kept", "meta.value"} <= columns


@pytest.mark.parametrize(
    ("column", "value", "fault"),
    [
        ("INTEGER depth", 3, ""),
        ("INTEGER depth", -1, "is -1, not between 0 and 1000000000000"),
        ("INTEGER depth", "3", "is text, not a number"),
        ("INTEGER depth", 3.0, "is a number with a point, not a number"),
        ("INTEGER depth", None, "is NULL, which it may not be"),
        ("TEXT kind", "page", ""),
        ("TEXT kind", "pagf", "is 'pagf', which is not a word of this column"),
        ("TEXT kind", b"page", "is bytes, not text"),
        ("TEXT first_seen", "2026-01-01T00:00:00Z", ""),
        ("TEXT first_seen", "2026-01-01T00:00:0", "is '2026-01-01T00:00:0', not a time"),
        ("TEXT location", "any \udcff", "is not valid UTF-8"),
        ("TEXT location", "änderung", ""),
    ],
)
def test_a_value(column, value, fault):
    declared_type, name = column.split()
    (rule,) = rules_of("urls", [TableColumn(name, declared_type, True, False)])
    assert rule.fault(value) == fault


@pytest.mark.parametrize("evidence", ["of 4 pages 3", " pages of this layout have one text", ""])
def test_the_evidence_of_a_layout_is_a_whole_sentence(evidence):
    (rule,) = rules_of(LAYOUTS, [TableColumn("evidence", "TEXT", True, False)])
    assert rule.fault(evidence)


def test_every_sentence_that_a_layout_is_judged_by_is_one():
    articles = [LayoutPage(n, PageType.ARTICLE, 400, f"t{n}") for n in range(1000, 1040)]
    lists = [*(LayoutPage(n, PageType.LIST, 30) for n in range(27)), LayoutPage(50, PageType.ARTICLE, 60, "t50")]
    excerpts = [
        LayoutPage(n, PageType.ARTICLE, 55, f"t{n}", quoted_pages=frozenset({n + 900})) for n in range(100, 120)
    ]
    notices = [LayoutPage(n, PageType.ARTICLE, 12, "same") for n in range(200, 205)]
    groups = enumerate((articles, lists, excerpts, notices))
    pages = [replace(page, layout=number) for number, group in groups for page in group]
    verdicts = weigh_kinds(pages).layouts.values()
    assert [verdict.kind for verdict in verdicts] == ["article", "list", "list", "other"]
    (rule,) = rules_of(LAYOUTS, [TableColumn("evidence", "TEXT", True, False)])
    assert {rule.fault(verdict.evidence) for verdict in verdicts} == {""}


@pytest.mark.parametrize("name", ["kept", "position", "block_id", "reason_id"])
@pytest.mark.parametrize("is_required", [True, False])
def test_sqlite_finds_every_number_with_a_fault(name, is_required):
    (rule,) = rules_of(PAGE_BLOCKS, [TableColumn(name, "INTEGER", is_required, False)])
    values = [None, 0, 1, 2, -1, 2**62, -(2**63), 1.0, 0.5, "1", "x", b"1", b""]
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute("CREATE TABLE stored (value)")
        db.executemany("INSERT INTO stored (value) VALUES (?)", [(value,) for value in values])
        suspects = {row[0] for row in db.execute(f"SELECT rowid FROM stored WHERE {rule.suspect_numbers('value')}")}
    faulty = {number for number, value in enumerate(values, 1) if rule.fault(value)}
    assert faulty <= suspects <= {*faulty, 1}
    assert faulty


def test_the_index_is_compared_with_the_words_where_the_file_can_be_written(archive, make):
    archive.save([make.outcome("http://a.test/1", "one two")])
    assert list(full_text(archive.db)) == []
    archive.db.execute(
        "INSERT INTO articles_fts (articles_fts, rowid, title, text) SELECT 'delete', id, 'x', 'y' FROM articles"
    )
    archive.db.conn.commit()
    *_, finding = full_text(archive.db)
    assert finding.detail.startswith("the full-text index does not hold the articles' words: ")
    assert finding.location == "articles_fts"
    memory = Database(memory=True)
    MIGRATIONS.apply(memory)
    assert list(full_text(memory)) == []


_RUN_COLUMNS = "id, started_at, finished_at, command, options, versions"


@pytest.mark.parametrize(("started_at", "finished_at"), [("2026-01-01T00:00:00Z", ""), ("yesterday", None)])
def test_the_times_of_a_run_are_times(archive, started_at, finished_at):
    values = [5, started_at, finished_at, "crawl", "{}", "{}"]
    archive.db.execute(f"INSERT INTO runs ({_RUN_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)", values)
    [finding] = column_values(archive.db)
    assert finding.location in ("runs/finished_at row 5", "runs/started_at row 5")


@pytest.mark.parametrize("table", ["runs", IMPORTS, "corrections", REVIEWS, "takedowns", "alarms"])
def test_every_time_of_an_event_has_a_pattern(table):
    [columns] = [stored.columns for stored in schema_tables() if stored.name == table]
    times = {f"{table}.{column.name}" for column in columns if re.search(r"(?:^|_)at$", column.name)}
    assert times
    assert times <= RULED_COLUMNS


def test_the_words_are_compared_on_a_connection_that_distrusts_the_schema(archive, monkeypatch):
    seen = []
    monkeypatch.setattr(file_checks, "distrust_schema", lambda connection: seen.append(connection.in_transaction))
    assert list(full_text(archive.db)) == []
    assert seen == [False], "before anything is asked"


JSON_LISTS = ["authors", "tags", "keywords"]
JSON_COLUMNS = {
    "runs": ["options", "versions", "counts"],
    "captures": ["directives", "usage", "usage_stated"],
    "pages": ["evidence", "robots"],
    "articles": [*JSON_LISTS, "metadata_sources"],
    SHELF: ["article"],
    "revisions": ["kinds"],
    IMPORTS: ["options", "records"],
}
OBJECTS = {"options", "versions", "counts", "metadata_sources", "article", "records"}


@pytest.mark.parametrize(
    ("table", "column"), [(table, name) for table, names in JSON_COLUMNS.items() for name in names]
)
@pytest.mark.parametrize("is_whole", [True, False])
def test_each_column_of_json_is_checked(db, table, column, is_whole):
    whole = {name: "{}" if name in OBJECTS else "[]" for name in JSON_COLUMNS[table]}
    broken = {} if is_whole else {column: "[]" if column in OBJECTS else "{}"}
    put(db, table, 3, **(whole | broken))
    found = [finding.location.partition(" ")[0] for finding in checks._json_faults(db, table)]
    assert found == ([] if is_whole else [f"{table}/{column}"])


def test_each_column_that_is_an_empty_list_or_object_by_default_is_named(archive):
    query = "SELECT name FROM pragma_table_info(?) WHERE dflt_value IN ('''[]''', '''{}''')"
    found = {(table, name) for table in tables(archive.db) for (name,) in archive.db.execute(query, [table]).fetchall()}
    assert found
    assert found <= {(table, name) for table, names in JSON_COLUMNS.items() for name in names}


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (["p", 1, 2, ["main"], "x"], ""), (["p", 1, 2, [], ""], ""), ([1, 1, 2, [], ""], "no layout of a block"),
        (["p", "1", 2, [], ""], "no layout of a block"), (["p", 1, None, [], ""], "no layout of a block"),
        (["p", 1, 2, "main", ""], "no layout of a block"), (["p", 1, 2, [], None], "no layout of a block"),
    ],
)  # fmt: skip
def test_a_layout_has_a_value_of_its_type_in_each_place(row, problem):
    layout = zlib.compress(json.dumps([row]).encode())
    if not problem:
        checks.check_layout(layout, 1)
        with pytest.raises(ValueError, match=r"^has 1 blocks, its page 2$"):
            checks.check_layout(layout, 2)
    else:
        with pytest.raises(TypeError, match=rf"^{problem}$"):
            checks.check_layout(layout, 1)
