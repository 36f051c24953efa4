"""Both views of a page that a browser rendered: its response, and the document that came of it."""

from dataclasses import replace

import pytest

from broadsheet.output.raw.raw_exchange import Capture, RawExchange
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import Outcome
from tests.output.browse.conftest import SITE, RoomClient, article_id, visible_text
from tests.output.conftest import Maker

URL = f"{SITE}/app"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"


def response(make: Maker, body: bytes) -> Capture:
    exchange = RawExchange(b"GET /app HTTP/1.1\r\n\r\n", HEAD, body)
    return Capture(URL, make.clock(), 200, URL, "text/html", raw=exchange)


def document(make: Maker, body: bytes) -> Capture:
    return Capture(URL, make.clock(), 200, URL, "text/html", raw=RawExchange(b"", b"", body), rendered_for=URL)


def rendered(make: Maker, body: bytes) -> Outcome:
    """The outcome of a page that a browser rendered, with its response and a script beside it."""
    before = response(make, body)
    script = replace(response(make, b"js" + body), url=f"{SITE}/app.js", final_url="", rendered_for=URL)
    outcome = make.outcome(URL, body.decode())
    return replace(outcome, capture=document(make, b"<p>" + body), extra_captures=(script, before))


@pytest.fixture
def client(file, make):
    with Archive.open(file, make.clock) as archive:
        archive.keep_raw({"software": "tests"})
        archive.save([rendered(make, b"one")])
        archive.save([replace(make.outcome(URL, "two"), capture=response(make, b"two"))])
        archive.save([rendered(make, b"three")])
    return RoomClient(file).change(raw_origin="http://127.0.0.1:9000")


def captures(client: RoomClient) -> list[tuple[int, str | None]]:
    query = "SELECT id, rendered_for FROM captures WHERE url = ? ORDER BY fetched_at"
    with client.room.archive("a").open() as db:
        return [tuple(row) for row in db.execute(query, [URL]).fetchall()]


def test_response_and_document_lead_to_one_another(client):
    rows = captures(client)
    assert [rendered_for for _, rendered_for in rows] == [None, URL, None, None, URL]
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
    assert f"asked for by a browser for {URL}" in visible_text(client.page(f"a/capture/{script}"))


def test_lists_of_captures_say_which_ones_a_browser_rendered(client):
    with client.room.archive("a").open() as db:
        ((number,),) = db.execute("SELECT id FROM urls WHERE url = ?", [URL]).fetchall()
    for path in (f"a/url/{number}", f"a/article/{article_id(URL)}"):
        assert visible_text(client.page(path)).count("as a browser rendered it") == 2, path
