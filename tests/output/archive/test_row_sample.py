"""Parts of rows: each row is in one part, and so many days in a row give each part once."""

import sqlite3
from datetime import date, timedelta

from broadsheet.output.archive.row_sample import WHOLE, RowSample

NUMBERS = (-(2**63), -8, -1, 0, 1, 6, 7, 2**63 - 1)


def chosen(sample: RowSample) -> set[int]:
    """The numbers of rows that SQLite finds in a sample."""
    with sqlite3.connect(":memory:") as connection:
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY)")
        connection.executemany("INSERT INTO t VALUES (?)", [(number,) for number in NUMBERS])
        return {number for (number,) in connection.execute(f"SELECT id FROM t WHERE {sample.condition('id')}")}


def test_each_row_is_in_one_part():
    parts = [RowSample(number, 7) for number in range(1, 8)]
    assert sorted(number for part in parts for number in chosen(part)) == sorted(NUMBERS)
    assert chosen(WHOLE) == set(NUMBERS)
    assert all((number in chosen(part)) == part.holds(number) for part in parts for number in NUMBERS if number >= 0)


def test_each_part_has_its_day():
    first = date(2026, 12, 28)
    days = [RowSample.of_day(7, first + timedelta(days=day)) for day in range(7)]
    assert {part.number for part in days} == set(range(1, 8))
    assert RowSample.of_day(7, first + timedelta(days=7)) == days[0]
