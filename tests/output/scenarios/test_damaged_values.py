"""A stored value that cannot be read is named by its table, column and row, whoever reads it."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlite_utils import Database

from broadsheet.output.archive.archive_errors import DamagedValue
from broadsheet.output.archive.ledger import read_kept_blocks, read_ledger
from broadsheet.output.read.edit_history import blocks_of_revision
from broadsheet.output.read.page_lookup import read_page
from broadsheet.output.settle.own_reading import read_own_reading
from broadsheet.output.write.assembled_text import stored_chances, update_certainty
from broadsheet.output.write.edit_decisions import old_and_new_blocks
from tests.internal_tables import PAGE_BLOCKS, PAGE_LAYOUT, REVISION_BLOCKS
from tests.output.harbour import unchecked_harbour

Read = Callable[[Database, int, int], Any]
READERS: list[tuple[str, str, str, Read]] = [
    ("pages own_type", "'x'", "{page}", lambda db, page, article: read_own_reading(db, page)),
    (f"{PAGE_LAYOUT} chances", "5", "{page}", lambda db, page, article: stored_chances(db, page)),
    (f"{PAGE_LAYOUT} chances", "x'01'", "{page}", lambda db, page, article: update_certainty(db, page)),
    (f"{PAGE_LAYOUT} layout", "x'01'", "{page}", lambda db, page, article: list(read_kept_blocks(db, page))),
    (f"{PAGE_BLOCKS} kind", "99", "{page}/0", lambda db, page, article: read_page(db, page)),
    (f"{PAGE_BLOCKS} kind", "99", "{page}/0", lambda db, page, article: list(read_ledger(db, page))),
    (f"{PAGE_BLOCKS} kind", "99", "{page}/{kept}", lambda db, page, article: list(read_kept_blocks(db, page))),
    (
        f"{PAGE_LAYOUT} layout",
        "x'01'",
        "{page}",
        lambda db, page, article: old_and_new_blocks(db, article, 1, page, ""),
    ),
    (f"{PAGE_BLOCKS} kind", "99", "{page}", lambda db, page, article: old_and_new_blocks(db, article, 1, page, "")),
    (
        f"{REVISION_BLOCKS} kind",
        "99",
        "{article}/1",
        lambda db, page, article: blocks_of_revision(db, article, page, 1),
    ),
]


@pytest.fixture(scope="module")
def harbour(tmp_path_factory):
    with unchecked_harbour(tmp_path_factory.mktemp("harbour")) as db:
        yield db


@pytest.mark.parametrize(("place", "value", "row", "read"), READERS)
def test_a_value_that_cannot_be_read_is_named(harbour, place, value, row, read):
    table, column = place.split()
    page, article = harbour.execute(
        f"""SELECT a.page_id, a.id FROM articles a JOIN {REVISION_BLOCKS} r ON r.article_id = a.id AND r.number = 1
        JOIN {PAGE_LAYOUT} l ON l.page_id = a.page_id ORDER BY a.id LIMIT 1"""
    ).fetchone()
    (kept,) = harbour.execute(f"SELECT min(position) FROM {PAGE_BLOCKS} WHERE page_id = ? AND kept", [page]).fetchone()
    with harbour.conn:
        harbour.execute("BEGIN")
        harbour.execute(f"UPDATE {table} SET {column} = {value}")
        with pytest.raises(DamagedValue) as raised:
            read(harbour, page, article)
        harbour.execute("ROLLBACK")
    assert raised.value.location == f"{table}/{column} row {row.format(page=page, article=article, kept=kept)}"
