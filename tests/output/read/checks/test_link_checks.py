"""What the checks of links cost: none looks through a table once for each row of another."""

from __future__ import annotations

import pytest

from output.read.checks.link_checks import NEEDED_ROWS, missing_rows_query


@pytest.mark.parametrize("link", NEEDED_ROWS, ids=lambda link: f"{link[0]}.{link[1]} {link[2]}")
def test_rows_that_are_referred_to_are_looked_up(archive, link):
    plan = [row[3] for row in archive.db.execute(f"EXPLAIN QUERY PLAN {missing_rows_query(*link)}")]
    assert plan
    assert [step for step in plan if "CORRELATED" in step] == []


def test_values_without_their_row_are_found(archive):
    archive.db.execute("CREATE TABLE parents (id INTEGER)")
    archive.db.execute("CREATE TABLE children (parent INTEGER)")
    archive.db.execute("INSERT INTO parents VALUES (1), (NULL)")
    archive.db.execute("INSERT INTO children VALUES (1), (2), (2), (NULL)")
    assert archive.db.execute(missing_rows_query("children", "parent", "parents", "id")).fetchall() == [(2,)]
