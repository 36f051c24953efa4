"""Verdicts of a site's memory above a page's own: put, taken back, carried over, and never above a person's ruling."""

from typing import Any

import pytest

from broadsheet.cleaners.document import RemovalReason, Verdict
from broadsheet.output.archive.ledger import block_id
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.person_verdicts import Ruling, store_ruling
from broadsheet.output.write.verdicts import (
    apply_rulings,
    pages_with_site_verdicts,
    read_carried_verdicts,
    replace_site_verdicts,
    site_verdict_reasons,
)
from tests.internal_tables import OWN_VERDICTS, PAGE_BLOCKS, REASONS
from tests.output.filled_rows import rows

REPEATED = Verdict(False, RemovalReason.REPEATED, "site/repeated")
FIRST, SECOND = 1, 2
OWN = 1
"""Ids of pages, and of the reason of a page's own verdict."""
AT = "2026-01-01T00:00:00Z"


@pytest.fixture
def page(archive, make):
    """Two pages of three kept blocks each; on the third block of the first a person's ruling holds."""
    archive.save([make.outcome(f"http://{host}.test/", "one two", "three four", "five six") for host in "ab"])
    db = archive.db
    assert [row["id"] for row in rows(db, "urls")] == [FIRST, SECOND]
    assert {row["reason_id"] for row in rows(db, PAGE_BLOCKS)} == {OWN}
    block = block_id("five six")
    store_ruling(db, Ruling(block, False, None, "a.test", AT))
    apply_rulings(db, AT)
    return archive


def verdicts(archive: Archive, table: str, *names: str) -> dict[tuple[int, int], tuple[Any, ...]]:
    names = ("kept", "reason_id", *names)
    return {(row["page_id"], row["position"]): tuple(row[name] for name in names) for row in rows(archive.db, table)}


def over(archive: Archive) -> dict[tuple[int, int], tuple[Any, ...]]:
    """The blocks whose own verdict is not in force: the own one, and the site's."""
    return verdicts(archive, OWN_VERDICTS, "site_kept", "site_reason_id")


def set_all(archive: Archive, positions: tuple[int, ...]) -> int:
    """Make the site remove blocks of the first page; returns the id of its reason."""
    replace_site_verdicts(archive.db, {FIRST: dict.fromkeys(positions, REPEATED)}, AT)
    return int(archive.db.execute(f"SELECT id FROM {REASONS} WHERE rule = 'site/repeated'").fetchone()[0])


def test_a_site_verdict_goes_above_the_own_one_and_below_a_ruling(page):
    before = verdicts(page, PAGE_BLOCKS)
    reason = set_all(page, (1, 2))
    assert verdicts(page, PAGE_BLOCKS) == before | {(FIRST, 1): (0, reason)}
    assert over(page) == dict.fromkeys(((FIRST, 1), (FIRST, 2)), (1, OWN, 0, reason))
    assert pages_with_site_verdicts(page.db, "a.test") == {FIRST}
    assert pages_with_site_verdicts(page.db, "b.test") == set()
    assert site_verdict_reasons(page.db, FIRST) == dict.fromkeys((1, 2), ("repeated on the site", "site/repeated"))
    assert site_verdict_reasons(page.db, SECOND) == {}


def test_verdicts_that_the_site_no_longer_has_are_taken_back(page):
    before = {table: verdicts(page, table) for table in (PAGE_BLOCKS, OWN_VERDICTS)}
    set_all(page, (0, 1, 2))
    reason = set_all(page, (0,))
    assert verdicts(page, PAGE_BLOCKS) == before[PAGE_BLOCKS] | {(FIRST, 0): (0, reason)}
    assert over(page) == {(FIRST, 0): (1, OWN, 0, reason), (FIRST, 2): (1, OWN, None, None)}
    set_all(page, ())
    assert {table: verdicts(page, table) for table in before} == before


def test_verdicts_are_carried_with_the_own_ones_that_they_replaced(page):
    blocks = {row["position"]: row["block_id"] for row in rows(page.db, PAGE_BLOCKS) if row["page_id"] == FIRST}
    reason = set_all(page, (1, 2))
    assert read_carried_verdicts(page.db, FIRST) == {(blocks[n], 1, OWN): (0, reason) for n in (1, 2)}
    assert read_carried_verdicts(page.db, SECOND) == {}


def test_the_article_s_text_follows(page):
    set_all(page, (0, 2))
    texts = {row["page_id"]: row["text"] for row in rows(page.db, "articles")}
    assert texts == {FIRST: "three four", SECOND: "one two\nthree four\nfive six"}
