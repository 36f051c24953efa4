"""The checks of links find each way in which tables disagree, and none looks through a table once for each row of
another."""

import pytest

from broadsheet.cleaners.compare.page_layouts import pack_signature
from broadsheet.output.read import agreement_checks as link_checks
from broadsheet.output.read.agreement_checks import NEEDED_ROWS, missing_rows_query
from broadsheet.output.settle.settling import settle
from tests.internal_tables import LAYOUTS, PAGE_BLOCKS, PAGE_LAYOUT, REVISION_BLOCKS, UNINDEXED, URL_COUNTS

CHECKS = ("articles_and_pages", "layout_counts", "ledger_counts", "ledger_rows", "needed_rows", "old_revisions",
          "url_counts")  # fmt: skip
PAGE = "(SELECT min(id) FROM pages)"
ARTICLE = f"(SELECT article_id FROM pages WHERE id = {PAGE})"
DAMAGES = [
    (f"UPDATE pages SET page_type = 'list' WHERE id = {PAGE}", "articles_and_pages", "do not name each other"),
    (f"UPDATE pages SET article_id = 5 WHERE id = {PAGE}", "articles_and_pages", "names article 5, which does not"),
    (f"DELETE FROM articles WHERE id = {ARTICLE}", "articles_and_pages", "is neither listed nor shelved"),
    (f"UPDATE {LAYOUTS} SET pages = 2", "layout_counts", "says 2 pages, 1 of them articles; 1 and 1 are"),
    (f"UPDATE {LAYOUTS} SET articles = 0", "layout_counts", "says 1 pages, 0 of them articles; 1 and 1 are"),
    (f"UPDATE pages SET blocks = blocks + 1 WHERE id = {PAGE}", "ledger_counts", "4 blocks = 2 kept + 1 removed"),
    (f"UPDATE {PAGE_BLOCKS} SET kept = 1 WHERE page_id = {PAGE}", "ledger_counts", "ledger 3 with 3 kept"),
    (f"UPDATE {PAGE_BLOCKS} SET position = 7 WHERE page_id = {PAGE} AND position = 1", "ledger_rows", "from 0 to 7"),
    (f"UPDATE {PAGE_BLOCKS} SET repeats = 7 WHERE page_id = {PAGE} AND position = 1", "ledger_rows", "block 7"),
    (f"UPDATE {PAGE_BLOCKS} SET repeats = 1 WHERE page_id = {PAGE} AND position = 1", "ledger_rows", "block 1"),
    (f"DELETE FROM {PAGE_LAYOUT} WHERE page_id = {PAGE}", "ledger_rows", "is missing"),
    ("UPDATE revisions SET number = 9 WHERE number = 2", "old_revisions", "has gaps in its numbers"),
    ("UPDATE revisions SET change = 'pending'", "old_revisions", "wait to be decided"),
    (f"UPDATE {REVISION_BLOCKS} SET number = 8", "old_revisions", "blocks of revision 8 of article"),
    ("UPDATE captures SET robots_id = 77", "needed_rows", "captures row 77 refers by robots_id to a missing row"),
    (f"UPDATE {URL_COUNTS} SET urls = 9 WHERE state = 'done'", "url_counts", "says 9, and 2 are"),
    (f"DELETE FROM {URL_COUNTS}", "url_counts", "says None, and 2 are"),
    (f"INSERT OR REPLACE INTO {URL_COUNTS} (state, urls) VALUES ('failed', 5)", "url_counts", "says 5, and 0 are"),
    (f"INSERT INTO {UNINDEXED} (id) SELECT min(id) FROM articles", "url_counts", "still waits for the full-text index"),
]


@pytest.fixture
def settled(archive, make):
    """An archive of two pages with ledgers, one of them in two versions."""
    archive.save(
        [
            make.outcome(
                "https://a.example/1", "One.", "Two.", removed=("Donate",), layout_signature=pack_signature(range(40))
            )
        ]
    )
    archive.save([make.outcome("https://a.example/2", "Before it changed.", removed=("Donate",))])
    archive.save([make.outcome("https://a.example/2", "What it says by now.", removed=("Donate",))])
    settle(archive.db)
    return archive


def findings(archive):
    """(check, detail) of all that the checks find."""
    return [(name, found.detail) for name in CHECKS for found in getattr(link_checks, name)(archive.db)]


def test_a_whole_archive_has_no_finding(settled):
    assert findings(settled) == []


@pytest.mark.parametrize(("statement", "check", "detail"), DAMAGES)
def test_each_disagreement_is_found(settled, statement, check, detail):
    settled.db.conn.execute("PRAGMA foreign_keys = OFF")
    settled.db.conn.executescript(statement)
    assert [found for name, found in findings(settled) if name == check and detail in found]


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
