"""A URL and a capture as the reading room shows them: each value from the column of its name."""

from typing import Any

import pytest

from broadsheet.output.browse.strict_requests import NotHereError
from broadsheet.output.browse.url_pages import UrlCapture, read_capture, read_record_bytes, read_url
from tests.output.filled_rows import columns, put

URL = "http://a.test/1"
HIDDEN_OF_CAPTURE = {"usage", "refers_to", "etag", "last_modified", "robots_id"}
HIDDEN_OF_URL = {"id", "_priority", "_not_before", "held_reason", "held_at", "_revisit_seconds", "_unfounded"}


@pytest.fixture
def db(archive):
    archive.db.execute("PRAGMA foreign_keys = OFF")
    return archive.db


def same_named(view: Any, row: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Values of a view that differ from the column of the same name."""
    return {name: (value, row[name]) for name, value in view._asdict().items() if name in row and value != row[name]}


def test_a_capture(db, tmp_path):
    row = put(
        db, "captures", 1, id=7, directives='["noarchive", "noindex"]', usage_stated='["train-ai=n"]', robots_id=3
    )
    put(db, "robots_files", 2, id=3, access="all", reason="no file")
    put(db, "pages", 3, id=9, capture_id=7, article_id=11)
    put(db, "pages", 4, id=10, capture_id=8, article_id=12)
    view = read_capture(db, 7, tmp_path)
    assert same_named(view, row) == {
        "directives": (("noarchive", "noindex"), '["noarchive", "noindex"]'),
        "usage_stated": (("train-ai=n",), '["train-ai=n"]'),
    }
    assert set(columns(db, "captures")) - view._asdict().keys() == HIDDEN_OF_CAPTURE, (
        "show it, or say that it is not shown"
    )
    assert (view.article_id, view.robots, view.head) == (11, "all (no file)", "")
    assert view.fault, "there is no such file"


def test_a_capture_without_what_may_be_missing(db, tmp_path):
    names = ("http_status", "warc_file", "warc_offset", "warc_length", "truncated", "record_faults", "robots_id")
    put(db, "captures", 1, id=7, directives="[]", usage_stated="[]", **dict.fromkeys(names))
    view = read_capture(db, 7, tmp_path)
    assert (view.http_status, view.warc_file, view.warc_offset, view.warc_length) == (0, "", 0, 0)
    assert (view.truncated, view.record_faults, view.robots, view.article_id) == ("", "", "", 0)
    assert (view.directives, view.usage_stated, view.head, view.fault) == ((), (), "", "")
    with pytest.raises(NotHereError, match="no raw response of that number was kept"):
        read_record_bytes(db, 7, tmp_path)
    for number in (6, 8):
        with pytest.raises(NotHereError, match="no capture of that number"):
            read_capture(db, number, tmp_path)
        with pytest.raises(NotHereError, match="no raw response of that number was kept"):
            read_record_bytes(db, number, tmp_path)


def test_a_url_with_its_captures_the_latest_first(db):
    row = put(db, "urls", 1, id=7, url=URL, host="a.test", kind="page", state="done", reason="article")
    put(db, "pages", 2, id=7, page_type="article", title="A title", evidence='["words=9"]', article_id=11)
    for number, at in ((1, "2026-01-01"), (3, "2026-01-03"), (2, "2026-01-02")):
        put(db, "captures", number, id=number, url=URL, fetched_at=at, http_status=200, content_type="text/html",
            payload_length=10 * number)  # fmt: skip
    put(db, "captures", 4, id=4, url="http://a.test/2")
    put(db, "captures", 5, id=5, url=URL, fetched_at="2026-01-03", http_status=None)
    view = read_url(db, 7)
    assert same_named(view, row) == {}
    assert set(columns(db, "urls")) - view._asdict().keys() == HIDDEN_OF_URL, "show it, or say that it is not shown"
    assert (view.page_type, view.title, view.evidence, view.article_id) == ("article", "A title", ("words=9",), 11)
    assert [capture.id for capture in view.captures] == [3, 5, 2, 1]
    assert view.captures[0] == UrlCapture(3, "2026-01-03", 200, "text/html", 30, is_rendered=True)
    assert view.captures[1].http_status == 0
    with pytest.raises(NotHereError, match="no URL of that number"):
        read_url(db, 8)


@pytest.mark.parametrize(
    ("state", "reason", "has_hint"),
    [("done", "article", False), ("done", "redirect", True), ("failed", "http_404", True), ("queued", "new", True)],
)
def test_only_what_was_not_read_has_a_hint(db, state, reason, has_hint):
    names = ("found_on", "fetched_at", "http_status", "location", "lastmod")
    put(db, "urls", 1, id=7, url=URL, kind="page", state=state, reason=reason, **dict.fromkeys(names))
    view = read_url(db, 7)
    assert (view.found_on, view.fetched_at, view.http_status, view.location, view.lastmod) == ("", "", 0, "", "")
    assert (view.page_type, view.title, view.evidence, view.article_id, view.captures) == ("", "", (), 0, ())
    assert bool(view.hint) is has_hint
