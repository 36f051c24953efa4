"""A URL and a capture as the reading room shows them: each value from its column, and both views of a rendered page."""

from dataclasses import replace
from typing import Any

import pytest

from broadsheet.output.browse.strict_requests import NotHereError
from broadsheet.output.browse.url_pages import UrlCapture, read_capture, read_record_bytes, read_url
from broadsheet.output.raw.raw_exchange import Capture, RawExchange
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import Outcome
from tests.output.browse.conftest import SITE, RoomClient, article_id, visible_text
from tests.output.conftest import Maker
from tests.output.filled_rows import columns, put

URL = "http://a.test/1"
HIDDEN_OF_CAPTURE = {"usage", "refers_to", "etag", "last_modified", "robots_id"}
HIDDEN_OF_URL = {"id", "_priority", "_not_before", "held_reason", "held_at", "_revisit_seconds", "_unfounded"} | {
    "in_sitemap",
    "in_feed",
}  # the last two are its `sources`


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


APP = f"{SITE}/app"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"


def response(make: Maker, body: bytes) -> Capture:
    exchange = RawExchange(b"GET /app HTTP/1.1\r\n\r\n", HEAD, body)
    return Capture(APP, make.clock(), 200, APP, "text/html", raw=exchange)


def document(make: Maker, body: bytes) -> Capture:
    return Capture(APP, make.clock(), 200, APP, "text/html", raw=RawExchange(b"", b"", body), rendered_for=APP)


def rendered(make: Maker, body: bytes) -> Outcome:
    """The outcome of a page that a browser rendered, with its response and a script beside it."""
    before = response(make, body)
    script = replace(response(make, b"js" + body), url=f"{SITE}/app.js", final_url="", rendered_for=APP)
    outcome = make.outcome(APP, body.decode())
    return replace(outcome, capture=document(make, b"<p>" + body), extra_captures=(script, before))


@pytest.fixture
def client(file, make):
    with Archive.open(file, make.clock) as archive:
        archive.keep_raw({"software": "tests"})
        archive.save([rendered(make, b"one")])
        archive.save([replace(make.outcome(APP, "two"), capture=response(make, b"two"))])
        archive.save([rendered(make, b"three")])
    return RoomClient(file).change(raw_origin="http://127.0.0.1:9000")


def captures(client: RoomClient) -> list[tuple[int, str | None]]:
    query = "SELECT id, rendered_for FROM captures WHERE url = ? ORDER BY fetched_at"
    with client.room.archive("a").open() as db:
        return [tuple(row) for row in db.execute(query, [APP]).fetchall()]


def test_response_and_document_lead_to_one_another(client):
    rows = captures(client)
    assert [rendered_for for _, rendered_for in rows] == [None, APP, None, None, APP]
    first, first_document, lone, last, last_document = (number for number, _ in rows)
    views = {number: client.json(f"a/capture/{number}.json")["views"] for number, _ in rows}
    assert views[lone] is None
    assert views[first] == views[first_document] == {"response": first, "document": first_document}
    assert views[last] == views[last_document] == {"response": last, "document": last_document}

    page = client.page(f"a/capture/{first_document}")
    assert f'capture/{first}">As it was sent' in page
    assert f'capture/{first_document}" aria-current="page">As a browser rendered it' in page
    assert "The page as a browser rendered it, without" in page
    page = client.page(f"a/capture/{first}")
    assert f'capture/{first}" aria-current="page">As it was sent' in page
    assert "As a browser rendered it" not in client.page(f"a/capture/{lone}")


def test_what_a_page_loads_names_the_page(client):
    with client.room.archive("a").open() as db:
        ((script,),) = db.execute("SELECT id FROM captures WHERE url LIKE '%.js' LIMIT 1").fetchall()
    assert client.json(f"a/capture/{script}.json")["views"] is None
    assert f"asked for by a browser for {APP}" in visible_text(client.page(f"a/capture/{script}"))


def test_lists_of_captures_say_which_ones_a_browser_rendered(client):
    with client.room.archive("a").open() as db:
        ((number,),) = db.execute("SELECT id FROM urls WHERE url = ?", [APP]).fetchall()
    for path in (f"a/url/{number}", f"a/article/{article_id(APP)}"):
        assert visible_text(client.page(path)).count("as a browser rendered it") == 2, path
