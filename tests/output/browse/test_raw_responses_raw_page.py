"""A stored page is looked at from another port, in a sandbox, and nothing in it can act, lead or call."""

import lxml.html
import pytest
from starlette.testclient import TestClient

from broadsheet.output.browse.raw_responses import inert_page, make_raw_app
from broadsheet.output.browse.strict_requests import NotHereError, loopback_authorities
from broadsheet.output.browse.url_pages import RawDocument
from tests.output.browse.conftest import ORIGIN, PORT, SITE, RoomClient, save_sent

PAGE = "<!doctype html><title>Raw</title><p>As it was sent.</p>"
FRAMED = {"sec-fetch-dest": "iframe"}
ACTIVE = """<!doctype html><html><head><base href="https://evil.example/"><link rel=preconnect href=//evil.example>
<LINK rel="dns-prefetch" href="//evil.example"><meta http-equiv="refresh" content="0;url=//evil.example">
</head><body><a href="https://evil.example/" ping="https://evil.example/">link</a><area href=x>
<iframe src="//evil.example"></iframe><form action="//evil.example"><object data="//evil.example"></object>
<embed src="//evil.example"><article><aside>words</aside></article></body></html>"""


@pytest.fixture
def kept(file, make):
    """An archive with the raw response of one page."""
    page = make.outcome(f"{SITE}/1", "As it was sent.")
    save_sent(file, make, page, body=PAGE, head="X-Odd: <script>1</script>\r\n")
    return file


@pytest.fixture
def client(kept):
    return RoomClient(kept)


@pytest.fixture
def number(client):
    with client.room.archive("a").open() as db:
        return db.execute("SELECT id FROM captures WHERE warc_file IS NOT NULL").fetchone()[0]


def raw(client, reader=lambda *_: RawDocument(ACTIVE, True)):
    app = make_raw_app(client.room, reader, loopback_authorities(9000), loopback_authorities(PORT))
    return TestClient(app, base_url="http://127.0.0.1:9000")


def test_a_capture_shows_head_and_record_as_text(client, number):
    page = client.page(f"a/capture/{number}")
    assert "X-Odd: &lt;script&gt;1&lt;/script&gt;" in page
    assert client.json(f"a/capture/{number}.json")["head"].startswith("HTTP/1.1 200 Yes")
    assert client.get("a/capture/5").status_code == 404


def test_the_record_is_downloaded_as_it_stands_in_its_file(client, number, kept):
    answer = client.get(f"a/capture/{number}/record")
    assert answer.headers["content-disposition"] == f'attachment; filename="capture-{number}.warc.gz"'
    (file,) = kept.parent.glob("a.db.warc/*.warc.gz")
    assert answer.content in file.read_bytes()
    assert client.get("a/capture/5/record").status_code == 404


def test_a_record_that_is_gone_is_said_and_costs_nothing_else(client, number, kept):
    for file in kept.parent.glob("a.db.warc/*.warc.gz"):
        file.unlink()
    assert "The record cannot be read" in client.page(f"a/capture/{number}")
    assert client.get(f"a/capture/{number}/record").status_code == 404


def test_a_raw_page_comes_from_its_own_port_in_a_sandbox(client, number):
    answer = raw(client).get(f"/{client.room.raw_token}/a/{number}", headers=FRAMED)
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert policy.startswith(
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; "
        f"frame-ancestors {ORIGIN} "
    )
    assert "allow-" not in policy
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-dns-prefetch-control"] == "off"


def test_a_raw_page_is_for_the_room_alone(client, number):
    path = f"/{client.room.raw_token}/a/{number}"
    assert raw(client).get(path, headers={"sec-fetch-dest": "document"}).status_code == 403
    assert raw(client).get(path, headers={**FRAMED, "host": "evil.example"}).status_code == 421
    assert raw(client).get(f"/{client.room.token}/a/{number}", headers=FRAMED).status_code == 404
    assert raw(client).post(path, headers={"origin": "http://127.0.0.1:9000"}).status_code == 403
    assert raw(client).get(path).status_code == 200, "an older browser does not say for what it asks"


def test_a_record_that_cannot_be_read_is_a_line(client, number):
    def refuse(*_):
        raise NotHereError("the record cannot be read: cut off")

    path = f"/{client.room.raw_token}/a/"
    answer = raw(client, refuse).get(f"{path}{number}", headers=FRAMED)
    assert (answer.status_code, answer.text) == (404, "the record cannot be read: cut off\n")
    assert raw(client).get(f"{path}5", headers=FRAMED).status_code == 404


def test_what_is_no_page_is_shown_as_text(client, number):
    answer = raw(client, lambda *_: RawDocument("<b>text</b>", False)).get(
        f"/{client.room.raw_token}/a/{number}", headers=FRAMED
    )
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_nothing_is_left_that_fetches_or_leads():
    tree = lxml.html.document_fromstring(inert_page(ACTIVE))
    for tag in ("a", "area", "link", "base", "meta", "iframe", "form", "object", "embed"):
        assert list(tree.iter(tag)) == [], tag
    assert [element.text for element in tree.iter("aside")] == ["words"]
    assert [element.text for element in tree.iter("span") if element.get("ping")] == ["link"]


@pytest.mark.parametrize("number", ["99999999999999999999", "9" * 5000])
def test_a_number_that_no_capture_can_have_is_not_here(client, number):
    assert raw(client).get(f"/{client.room.raw_token}/a/{number}", headers=FRAMED).status_code == 404
