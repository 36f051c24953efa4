"""What a run came to, read from its archive."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from broadsheet.crawler.fleet.site_processes import page_count, site_counts
from broadsheet.crawler.fleet.site_task import SiteCounts

LONG_AGO, NOW, LATER = "2020-01-01T00:00:00+00:00", "2999-01-01T00:00:00+00:00", "2999-01-02T00:00:00+00:00"


def test_what_came_in_since_a_time_is_counted_and_what_was_there_is_not(db: Path) -> None:
    counts = site_counts(db, LONG_AGO)
    assert (counts.new, counts.articles, counts.changed, counts.withdrawn, counts.alarms) == (2, 2, 0, 0, 0)
    assert site_counts(db, NOW) == SiteCounts(articles=2)


def test_edits_withdrawals_alarms_and_failures_of_the_run(db: Path) -> None:
    """One article edited twice and one withdrawn; another that came in and was taken out again is not new."""
    connection = sqlite3.connect(db)
    with connection:
        first, second = (row[0] for row in connection.execute("SELECT id FROM articles ORDER BY id"))
        connection.executemany(
            "INSERT INTO changes (article_id, at, change, kind) VALUES (?, ?, ?, ?)",
            [
                (first, NOW, "changed", "headline"), (first, NOW, "changed", "correction"),
                (second, NOW, "changed", "withdrawn"), (12345, NOW, "added", ""), (12345, NOW, "removed", ""),
                (second, NOW, "changed", ""),
            ],
        )  # fmt: skip
        connection.execute("INSERT INTO alarms VALUES (1, ?, 'a.example', '', 'short', 'shorter')", [NOW])
        connection.execute(
            "UPDATE urls SET state = 'failed', fetched_at = ? WHERE id = (SELECT min(id) FROM urls)", [NOW]
        )
    connection.close()
    assert site_counts(db, NOW) == SiteCounts(changed=1, withdrawn=1, alarms=1, failed=1, articles=2)
    assert site_counts(db, LATER) == SiteCounts(articles=2)
    assert page_count(db) == 2


@pytest.mark.parametrize("content", [None, b"", b"no database at all, but some text" * 20])
def test_an_archive_that_cannot_be_read_counts_nothing(tmp_path: Path, content: bytes | None) -> None:
    archive = tmp_path / "a.db"
    if content is not None:
        archive.write_bytes(content)
    assert site_counts(archive, LONG_AGO) == SiteCounts()
    assert page_count(archive) == 0


def test_what_is_not_there_has_no_counts_and_is_not_made(tmp_path: Path) -> None:
    assert (site_counts(tmp_path / "no.db", ""), page_count(tmp_path / "no.db")) == (SiteCounts(), 0)
    assert list(tmp_path.iterdir()) == []
