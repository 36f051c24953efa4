"""Parquet files: one schema of public columns, rows in groups, files by size."""

import io
import re
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from broadsheet.output.archive.archive_errors import DamagedValue
from broadsheet.output.collections import parquet_files
from broadsheet.output.collections.parquet_files import RowWriter, parquet_tables, write_parts
from tests.data_reference import parquet_page
from tests.output.filled_rows import columns

LEFT_OUT = {
    "articles": {"page_id"},
    "removed": {"evidence", "repeats"},
    "urls": {"id", "_priority", "_not_before", "_revisit_seconds", "_unfounded"},
}
"""Columns of the archive that no Parquet file has: numbers of one file, and the queue's."""

ADDED = {"articles": {"usage"}, "removed": set(), "urls": set()}


@pytest.mark.parametrize("table", LEFT_OUT)
def test_each_column_of_the_archive_is_there_or_named(archive, table):
    names = set(parquet_tables()[table].column_names)
    assert names - ADDED[table] == columns(archive.db, table).keys() - LEFT_OUT[table]
    assert names >= ADDED[table]


def test_the_page_of_the_tables_is_current():
    page = (Path(__file__).parents[3] / "docs/parquet.md").read_text("utf-8")
    assert page == parquet_page(), "run: python -m tests.data_reference docs"
    assert set(re.findall(r"^## (\w+)$", page, re.MULTILINE)) == set(parquet_tables())


def url_row(number: int, **values: object) -> tuple[object, ...]:
    given = {"url": f"http://a.test/{number}", "depth": number} | values
    return tuple(given.get(name) for name in parquet_tables()["urls"].column_names)


def test_values_have_their_types_and_columns_their_meanings():
    table, file = parquet_tables()["articles"], io.BytesIO()
    given = {"id": 7, "authors": '["Ana Sol"]', "published": "2024-05-03T13:47:42Z", "published_day": "2024-05-03",
             "first_seen": "2026-01-01T00:00:00", "modified": "", "modified_day": "", "text": "One\nTwo"}  # fmt: skip
    with RowWriter(table, file) as writer:
        writer.add(tuple(given.get(name) for name in table.column_names))
    read = pq.read_table(file)
    (row,) = read.to_pylist()
    assert {name: row[name] for name in given} == {
        "id": 7, "authors": ["Ana Sol"], "published": datetime(2024, 5, 3, 13, 47, 42, tzinfo=UTC),
        "published_day": date(2024, 5, 3), "first_seen": datetime(2026, 1, 1, tzinfo=UTC), "modified": None,
        "modified_day": None, "text": "One\nTwo",
    }  # fmt: skip
    assert read.schema.field("title").metadata == {b"description": b"Its title."}


def test_a_value_that_is_not_of_its_column_is_named(tmp_path):
    for table in parquet_tables().values():
        for index, column in enumerate(table.column_names):
            row = [b"x" if place == index else None for place in range(len(table.column_names))]
            with pytest.raises(DamagedValue, match=f" {table.name}/{column} row in Parquet;"):
                write_parts(table, [tuple(row)], tmp_path / f"{table.name}-{index}")


def test_rows_go_into_groups_and_files_by_size(tmp_path, monkeypatch):
    table = parquet_tables()["urls"]
    monkeypatch.setattr(parquet_files, "_FILE_GROUPS", 2)
    monkeypatch.setattr(parquet_files, "_GROUP_ROWS", 3)
    rows = [url_row(number) for number in range(7)]
    assert write_parts(table, rows, tmp_path / "urls") == 7
    files = sorted((tmp_path / "urls").iterdir())
    assert [(file.name, pq.ParquetFile(file).num_row_groups) for file in files] == [
        ("part-00001.parquet", 2), ("part-00002.parquet", 1)
    ]  # fmt: skip
    assert [row["depth"] for row in pq.read_table(tmp_path / "urls").to_pylist()] == list(range(7))
    monkeypatch.setattr(parquet_files, "_GROUP_BYTES", 1)
    assert write_parts(table, rows[:5], tmp_path / "large") == 5
    assert len(list((tmp_path / "large").iterdir())) == 3


def test_no_rows_are_a_file_with_the_columns(tmp_path):
    for table in parquet_tables().values():
        assert write_parts(table, [], tmp_path / table.name) == 0
        assert pq.read_table(tmp_path / table.name).column_names == table.column_names
