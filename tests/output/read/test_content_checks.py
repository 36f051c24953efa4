"""Checks of stored content: damage to each packed column is named, and what is whole is not."""

import json
import zlib

import numpy as np
import pytest

from broadsheet.output.read import content_checks as checks
from tests.internal_tables import IMPORTS, RECLEANS, SHELF
from tests.output.filled_rows import put, tables

JSON_LISTS = ["authors", "tags", "keywords"]
JSON_COLUMNS = {
    "runs": ["options", "versions", "counts"],
    "captures": ["directives", "usage", "usage_stated"],
    "pages": ["evidence", "robots"],
    "articles": [*JSON_LISTS, "metadata_sources"],
    SHELF: ["article"],
    "revisions": ["kinds"],
    RECLEANS: ["options", "counts"],
    IMPORTS: ["options", "records"],
}
OBJECTS = {"options", "versions", "counts", "metadata_sources", "article", "records"}


@pytest.mark.parametrize(
    ("table", "column"), [(table, name) for table, names in JSON_COLUMNS.items() for name in names]
)
@pytest.mark.parametrize("is_whole", [True, False])
def test_each_column_of_json_is_checked(db, table, column, is_whole):
    whole = {name: "{}" if name in OBJECTS else "[]" for name in JSON_COLUMNS[table]}
    state = {"state": "done"} if table == RECLEANS else {}
    broken = {} if is_whole else {column: "[]" if column in OBJECTS else "{}"}
    put(db, table, 3, **(whole | state | broken))
    found = [finding.location.partition(" ")[0] for finding in checks._json_faults(db, table)]
    assert found == ([] if is_whole else [f"{table}/{column}"])


def test_each_column_that_is_an_empty_list_or_object_by_default_is_named(archive):
    query = "SELECT name FROM pragma_table_info(?) WHERE dflt_value IN ('''[]''', '''{}''')"
    found = {(table, name) for table in tables(archive.db) for (name,) in archive.db.execute(query, [table]).fetchall()}
    assert found
    assert found <= {(table, name) for table, names in JSON_COLUMNS.items() for name in names}


def packed(*hashes: int) -> bytes:
    width = checks.HASH_BYTES
    return b"".join(number.to_bytes(width, "little") for number in hashes)


@pytest.mark.parametrize(
    ("hashes", "count", "is_whole"),
    [((), 0, True), ((1, 2), 2, True), ((1, 2), 1, False), ((2, 1), 2, False), ((1, 1), 2, False)],
)
def test_a_sketch_has_each_hash_once_and_in_order(hashes, count, is_whole):
    assert np.array_equal(checks.unpack_sketch(packed(*hashes)), hashes)
    if is_whole:
        checks.check_sketch(packed(*hashes), count)
    else:
        with pytest.raises(ValueError, match="has"):
            checks.check_sketch(packed(*hashes), count)


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


def test_the_greatest_hash_has_so_many_bits():
    checks.check_sketch(packed((1 << checks.HASH_BITS) - 1), 1)
    if 8 * checks.HASH_BYTES > checks.HASH_BITS:
        with pytest.raises(ValueError, match="no sketch"):
            checks.check_sketch(packed(1 << checks.HASH_BITS), 1)
