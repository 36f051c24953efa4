"""Values of a data set's columns, each by its type, and what is none of it by its place."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

pytest.importorskip("pyarrow", reason="needs pyarrow (pip install 'broadsheet[dataset]')")

from broadsheet.output.archive.archive_errors import DamagedValue
from broadsheet.output.collections.dataset_tables import (
    ColumnType,
    DatasetColumn,
    DatasetTable,
    arrow_table,
    schema_fingerprint,
)


def stored(kind: ColumnType, value: object) -> object:
    table = DatasetTable("things", "Things.", (DatasetColumn("thing", kind, "What it is."),), 9, 3)
    made = arrow_table(table, [(value,)])
    assert (made.schema.metadata, made.schema.field("thing").metadata) == (
        {b"description": b"Things."}, {b"description": b"What it is."},
    )  # fmt: skip
    assert arrow_table(table, []).num_rows == 0
    return made.to_pylist()[0]["thing"]


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (ColumnType.TEXT, "a", "a"),
        (ColumnType.INTEGER, 2**53 + 1, 2**53 + 1),
        (ColumnType.NUMBER, 0.5, 0.5),
        (ColumnType.INSTANT, "2026-01-02T03:04:05+02:00", datetime(2026, 1, 2, 1, 4, 5, tzinfo=UTC)),
        (ColumnType.INSTANT, "2026-01-02T03:04:05", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        (ColumnType.INSTANT, "", None),
        (ColumnType.DAY, "2026-01-02", date(2026, 1, 2)),
        (ColumnType.DAY, "", None),
        (ColumnType.TEXTS, '["a", "b"]', ["a", "b"]),
        (ColumnType.BYTES, b"\0", b"\0"),
        *((kind, None, None) for kind in ColumnType),
    ],
)
def test_a_value_has_its_type(kind: ColumnType, value: object, expected: object) -> None:
    assert stored(kind, value) == expected


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (ColumnType.TEXT, 1), (ColumnType.INTEGER, "x"), (ColumnType.INTEGER, 2**63), (ColumnType.NUMBER, "x"),
        (ColumnType.INSTANT, 5), (ColumnType.INSTANT, "x"), (ColumnType.DAY, "2026-02-30"), (ColumnType.TEXTS, "{}"),
        (ColumnType.BYTES, 1.5),
    ],
)  # fmt: skip
def test_what_is_no_such_value_is_refused_by_its_column(kind: ColumnType, value: object) -> None:
    with pytest.raises(DamagedValue, match="things/thing row in the data set"):
        stored(kind, value)


def test_a_choice_gives_another_fingerprint_and_an_empty_one_does_not() -> None:
    assert schema_fingerprint() == schema_fingerprint("", "") != schema_fingerprint("a")
    assert len({schema_fingerprint("a"), schema_fingerprint("b"), schema_fingerprint("a", "b")}) == 3
