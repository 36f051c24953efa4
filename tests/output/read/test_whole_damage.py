"""All that is found in an archive of which one value or row is wrong."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlite_utils import Database

from broadsheet.output.read import file_checks, verify
from tests.internal_tables import labelled, named
from tests.output.harbour import unchecked_harbour
from tests.output.told import expected, folded, sections, told

FILE = Path(__file__).with_name("whole_damage.txt")
LEFT_OUT = (*verify.RAW_CHECKS, file_checks.integrity, file_checks.full_text, file_checks.schema_objects)
DAMAGE = (
    "UPDATE articles SET published = '2020-01-01T00:00:00Z' WHERE published IS NOT NULL",
    "UPDATE articles SET published_day = '2020-01-01' WHERE published_stated IS NOT NULL",
    "UPDATE articles SET modified_stated = '2020-01-01T05:00+01:00'",
    "UPDATE urls SET host = 'b.test', reason = 'x' WHERE kind <> 'page'",
    "UPDATE urls SET reason = 'http_4040', held_reason = 'why?' WHERE state = 'done'",
    "UPDATE captures SET url = 'http://a.test/', fetched_at = 'now', payload_digest = '' WHERE id % 2",
    "UPDATE captures SET robots_id = 7, http_status = 1, refers_to = 8",
    "UPDATE robots_files SET text = 'other'; UPDATE _cleaners SET version = 'x'",
    "UPDATE corrections SET block_id = 5 WHERE block_id; UPDATE takedowns SET pattern = 'x'",
    "UPDATE _page_blocks SET position = position + 100; UPDATE _own_verdicts SET kept = 1 - kept",
    "UPDATE pages SET blocks = 1, kept = 2, removed = 3 WHERE own_type IN ('article', 'list')",
    "UPDATE pages SET page_type = 'other', own_type = 'article', article_id = 5",
    "DELETE FROM articles WHERE id % 2; DELETE FROM _page_layout",
    "DELETE FROM runs; DELETE FROM _pictures",
    "UPDATE revisions SET number = number + 30, note = x'ff'; UPDATE changes SET kind = 'y', at = 'then'",
    "DELETE FROM urls WHERE kind <> 'page'; DELETE FROM captures WHERE id % 3 = 0",
    "INSERT INTO _unindexed (id) SELECT min(id) FROM articles; UPDATE meta SET value = '8'",
    "UPDATE pages SET certainty = 2, word_count = -1; UPDATE urls SET depth = 'deep', lastmod = x'00'",
)


@pytest.fixture(scope="module")
def harbour(tmp_path_factory):
    with unchecked_harbour(tmp_path_factory.mktemp("harbour")) as db:
        yield db


def by_table(found: verify.Finding) -> str:
    """SQLite names references that are broken in an order that hangs on the tables' names."""
    return labelled(found.detail).partition(" row ")[0] if " refers to a missing row" in found.detail else ""


def findings(db: Database) -> Iterator[str]:
    for check in verify.CHECKS:
        if check not in LEFT_OUT:
            for found in sorted(verify._problems(check, db), key=by_table):
                place = "" if found.location and found.detail.startswith(found.location) else f" | {found.location}"
                yield f"{check.__name__}: {found.detail}{place}"


def test_nothing_is_found_in_a_sound_archive(harbour):
    assert list(findings(harbour)) == []


@pytest.mark.parametrize("damage", DAMAGE, ids=range(len(DAMAGE)))
def test_of_a_damage_all_this_is_found(harbour, damage):
    """Run with BROADSHEET_EXPECT=1 to write what is expected anew."""
    harbour.execute("PRAGMA foreign_keys = OFF")
    harbour.execute("BEGIN")
    try:
        for statement in damage.split("; "):
            harbour.execute(named(statement))
        text = told(folded(findings(harbour)))
    finally:
        harbour.execute("ROLLBACK")
    assert text == expected(FILE, damage, text)


def test_nothing_else_is_expected():
    assert sorted(sections(FILE)) == sorted(DAMAGE)
