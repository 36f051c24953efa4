"""Articles that their publication took away or put back: each clause of what tells so has a row that misses it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlite_utils import Database

from broadsheet.output.archive.page_rows import article_id
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.edit_decisions import decide_pending, note_absences
from tests.output.filled_rows import put, rows

URL, OTHER = "http://a.test/story", "http://a.test/other"
EARLY, LATE = "2026-01-01T00:00:00+00:00", "2026-02-01T00:00:00+00:00"
GONE = {"state": "failed", "reason": "http_404", "fetched_at": LATE, "held_at": EARLY}
REPLACED = {"state": "done", "reason": "soft_404", "fetched_at": LATE, "held_at": EARLY}
MOVED = {"state": "done", "reason": "redirect", "fetched_at": LATE, "held_at": EARLY, "location": OTHER}
TARGET = {"url": OTHER, "found_via": "link", "reason": "article", "page_type": "article"}


def fill(db: Database, article: dict[str, Any], target: dict[str, Any] | None = None) -> None:
    """Store an article's URL as it is now, and the page that it may redirect to."""
    db.execute("PRAGMA foreign_keys = OFF")
    put(db, "urls", 1, id=1, **({"url": URL, "host": "a.test", "kind": "page", "location": None} | article))
    put(db, "articles", 2, id=7, url=URL, host="a.test", page_id=1)
    if target is not None:
        values = TARGET | target
        page_type = values.pop("page_type")
        put(db, "urls", 3, id=3, **({"host": "a.test", "kind": "page", "state": "done", "location": None} | values))
        put(db, "pages", 3, id=3, page_type=page_type)


def changes(db: Database) -> list[tuple[Any, ...]]:
    return [(row["change"], row["kind"], row["revision"]) for row in rows(db, "changes")]


@pytest.mark.parametrize(
    ("article", "target", "is_withdrawn"),
    [
        (GONE, None, True),
        (GONE | {"reason": "http_410"}, None, True),
        (GONE | {"reason": "http_500"}, None, False),
        (GONE | {"kind": "feed"}, None, False),
        (GONE | {"state": "queued"}, None, False),
        (REPLACED, None, True),
        (REPLACED | {"reason": "empty"}, None, True),
        (REPLACED | {"reason": "wall"}, None, True),
        (REPLACED | {"reason": "teaser"}, None, True),
        (REPLACED | {"reason": "list"}, None, False),
        (REPLACED | {"held_at": LATE}, None, False),
        (REPLACED | {"kind": "feed"}, None, False),
        (REPLACED | {"state": "queued"}, None, False),
        (MOVED, {}, False),
        (MOVED, {"found_via": "seed"}, True),
        (MOVED, {"page_type": "list"}, True),
        (MOVED, {"reason": "http_404"}, True),
        (MOVED, {"reason": "http_410"}, True),
        (MOVED, {"reason": "http_500"}, False),
        (MOVED | {"location": "http://a.test/"}, {"url": "http://a.test/"}, True),
        (MOVED | {"location": "http://a.test/x/"}, {"url": "http://a.test/x/"}, False),
        (MOVED, None, False),
        (MOVED | {"held_at": LATE}, {"found_via": "seed"}, False),
        (MOVED | {"kind": "feed"}, {"found_via": "seed"}, False),
        (MOVED | {"state": "failed"}, {"found_via": "seed"}, False),
        (MOVED | {"reason": "article"}, {"found_via": "seed"}, False),
        (MOVED | {"location": "http://a.test/third"}, {"found_via": "seed"}, False),
    ],
)
def test_an_article_is_withdrawn(
    archive: Archive, article: dict[str, Any], target: dict[str, Any] | None, is_withdrawn: bool
) -> None:
    fill(archive.db, article, target)
    assert note_absences(archive.db, LATE) == is_withdrawn
    assert changes(archive.db) == [("changed", "withdrawn", 1)] * is_withdrawn
    assert note_absences(archive.db, LATE) == 0, "once"


def test_a_withdrawal_says_when_and_what_came_instead(archive: Archive) -> None:
    fill(archive.db, GONE)
    put(archive.db, "revisions", 4, article_id=4, number=1, change="first", text_digest="other")
    note_absences(archive.db, EARLY)
    [revision] = [row for row in rows(archive.db, "revisions") if row["article_id"] != 4]
    assert (revision["change"], revision["kinds"], revision["note"]) == ("withdrawn", '["withdrawn"]', "http_404")
    assert (revision["seen_at"], revision["title"], revision["text_digest"]) == (LATE, "title 2", "")
    assert rows(archive.db, "changes")[0]["at"] == EARLY


BACK = {"state": "done", "reason": "article", "fetched_at": LATE, "held_at": LATE}


@pytest.mark.parametrize(
    ("article", "earlier", "is_returned"),
    [
        (BACK, ["withdrawn"], True),
        (BACK, ["first"], False),
        (BACK, ["withdrawn", "returned"], False),
        (BACK, ["withdrawn", "returned", "withdrawn"], True),
        (BACK | {"held_at": EARLY}, ["withdrawn"], False),
        (BACK | {"state": "queued"}, ["withdrawn"], False),
    ],
)
def test_an_article_returns_that_was_withdrawn_last(
    archive: Archive, article: dict[str, Any], earlier: list[str], is_returned: bool
) -> None:
    db = archive.db
    fill(db, article)
    number = article_id(URL)
    db.execute("UPDATE articles SET id = ?", [number])
    for count, change in enumerate(earlier, 1):
        put(db, "revisions", count, article_id=number, number=count, change=change)
    assert note_absences(db, LATE) == is_returned
    assert changes(db) == [("changed", "returned", len(earlier) + 1)] * is_returned


@pytest.mark.parametrize(
    ("has_article", "previous"),
    [(False, "first"), (True, None), (True, "withdrawn")],
)
def test_a_pending_revision_without_an_article_or_an_earlier_text_goes(
    archive: Archive, has_article: bool, previous: str | None
) -> None:
    db = archive.db
    db.execute("PRAGMA foreign_keys = OFF")
    if has_article:
        put(db, "articles", 2, id=7, url=URL)
    if previous is not None:
        put(db, "revisions", 1, article_id=7, number=1, change=previous)
    put(db, "revisions", 2, article_id=7, number=2, change="pending")
    put(db, "revisions", 3, article_id=8, number=2, change="pending")
    assert decide_pending(db, LATE, 7) == 0
    assert {(row["article_id"], row["number"]) for row in rows(db, "revisions")} == {
        (8, 2), *([(7, 1)] if previous else []),
    }  # fmt: skip
    decide_pending(db, LATE)
    assert all(row["article_id"] != 8 for row in rows(db, "revisions"))
