"""A stored response is looked at from another port, in a sandbox: nothing in it can act, lead or call."""

import re
from pathlib import Path

import lxml.html
import pytest
from starlette.testclient import TestClient

from broadsheet.cleaners.document import ArticleImage
from broadsheet.output.archive.archive_errors import NotReachable
from broadsheet.output.browse import raw_responses
from broadsheet.output.browse.raw_responses import (
    ReplayRecord,
    check_assets,
    find_replay_record,
    inert_page,
    make_raw_app,
    raw_headers,
)
from broadsheet.output.browse.strict_requests import NotHereError, loopback_authorities
from broadsheet.output.browse.url_pages import RawDocument
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import Outcome
from tests.crawler.pictures import SVG, gif, png
from tests.output.browse.conftest import PORT, SITE, RoomClient, article_id, save_sent
from tests.output.filled_rows import put
from tests.output.illustrated import illustrate

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


def one_capture(room):
    with room.room.archive("a").open() as db:
        return db.execute("SELECT id FROM captures WHERE warc_file IS NOT NULL").fetchone()[0]


@pytest.fixture
def number(client):
    return one_capture(client)


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
    headers = raw_headers(loopback_authorities(PORT), loopback_authorities(9000), client.room.raw_token)
    assert headers.items() <= dict(answer.headers).items()


def test_a_raw_page_is_for_the_room_alone(client, number):
    path = f"/{client.room.raw_token}/a/{number}"
    assert raw(client).get(path, headers={"sec-fetch-dest": "document"}).status_code == 403
    assert raw(client).get(path, headers={**FRAMED, "host": "evil.example"}).status_code == 421
    assert raw(client).get(f"/{client.room.token}/a/{number}", headers=FRAMED).status_code == 404
    assert raw(client).post(path, headers={"origin": "http://127.0.0.1:9000"}).status_code == 403
    assert raw(client).get(path).status_code == 200, "an older browser does not say for what it asks"


def test_a_record_that_cannot_be_read_is_a_line_and_what_is_no_page_text(client, number):
    def refuse(*_):
        raise NotHereError("the record cannot be read: cut off")

    path = f"/{client.room.raw_token}/a/"
    answer = raw(client, refuse).get(f"{path}{number}", headers=FRAMED)
    assert (answer.status_code, answer.text) == (404, "the record cannot be read: cut off\n")
    for other in ("5", "99999999999999999999", "9" * 5000):
        assert raw(client).get(f"{path}{other}", headers=FRAMED).status_code == 404
    answer = raw(client, lambda *_: RawDocument("<b>text</b>", False)).get(f"{path}{number}", headers=FRAMED)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_nothing_is_left_that_fetches_or_leads():
    tree = lxml.html.document_fromstring(inert_page(ACTIVE))
    assert {element.get("href") for element in tree.iter("a", "area")} == {"#"}
    for tag in ("link", "base", "meta", "iframe", "form", "object", "embed"):
        assert list(tree.iter(tag)) == [], tag
    assert [element.text for element in tree.iter("aside")] == ["words"]
    assert [(element.text, element.get("ping")) for element in tree.iter("a")] == [("link", "")]


@pytest.fixture
def pictures(file, make):
    illustrate(file, make)
    return RoomClient(file)


def picture_captures(pictures: RoomClient) -> dict[str, int]:
    with pictures.room.archive("a").open() as db:
        return dict(db.execute("SELECT image, capture_id FROM article_pictures").fetchall())


def test_an_article_shows_its_pictures_with_their_words(pictures):
    page = pictures.page(f"a/article/{article_id(f'{SITE}/1')}")
    for number in picture_captures(pictures).values():
        assert f'<img src="/a/picture/{number}"' in page
    assert 'alt="A &#34;mill&#34;"' in page
    assert "The &lt;b&gt;mill&lt;/b&gt;" in page
    assert "Photo: Ana Sol" in page
    assert page.count("<img ") == 3
    assert pictures.page(f"a/article/{article_id(f'{SITE}/2')}").count("<img ") == 1


def test_pictures_stand_in_the_text_where_the_page_has_them(pictures):
    page = pictures.page(f"a/article/{article_id(f'{SITE}/1')}").partition('<div class="reading"')[2]
    assert re.findall("<img |closed|May", page) == ["<img ", "closed", "<img ", "May", "<img "]


def test_pictures_that_are_not_stored_keep_their_places_and_many_in_a_row_are_folded(file, make):
    images = [ArticleImage(f"{SITE}/i/{n}.png", f"Caption {n}", "", "The mill", place=1) for n in range(4)]
    with Archive.open(file, make.clock) as archive:
        for number, named in enumerate((images[:1], images)):
            texts = ("The harbour was closed.", "It opens in May.")
            archive.save([make.outcome(f"{SITE}/{number}", *texts, images=tuple(named))])
        archive.save([Outcome(images[3].url, "failed", "http_404", kind="picture")])
    client = RoomClient(file)
    one, many = (client.page(f"a/article/{article_id(f'{SITE}/{n}')}") for n in (0, 1))
    assert re.findall("closed|Caption|May", one.partition('<div class="reading"')[2]) == ["closed", "Caption", "May"]
    assert f'<a href="{SITE}/i/0.png" rel="noreferrer noopener">The mill</a>' in one
    assert "1 picture of this article is not stored; " in one
    assert "3 pictures of this article are not stored; " in many, "the fourth is gone from its site"
    assert ("<summary>4 pictures not stored</summary>" in many, "<summary>1 picture" in one) == (True, False)


def test_a_picture_is_served_as_the_type_of_its_bytes_and_nothing_in_it_runs(pictures):
    expected = {"mill": (png(), "image/png"), "river": (gif(), "image/gif"), "drawn": (SVG, "image/svg+xml")}
    for image, number in picture_captures(pictures).items():
        answer = pictures.get(f"a/picture/{number}")
        assert (answer.content, answer.headers["content-type"]) == expected[Path(image).stem]
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("sandbox; default-src 'none'")
        assert "script" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_what_is_no_picture_or_has_no_record_any_more_is_not_served_as_one(pictures, file):
    numbers = list(picture_captures(pictures).values())
    with pictures.room.archive("a").open() as db:
        (page_capture,) = db.execute("SELECT capture_id FROM articles LIMIT 1").fetchone()
    for record in Path(f"{file}.warc").glob("*.warc.gz"):
        record.unlink()
    assert {pictures.get(f"a/picture/{number}").status_code for number in (*numbers, page_capture, 5)} == {404}


URL = f'{SITE}/1?a="><script>alert(1)</script>'


@pytest.fixture
def assets(tmp_path):
    folder = tmp_path / "viewer"
    folder.mkdir()
    for name in ("ui.js", "sw.js", "secret.js"):
        (folder / name).write_text(f"// {name}")
    return folder


@pytest.fixture
def replaying(file, make, assets):
    save_sent(file, make, make.outcome(URL, "Words of it."))
    return RoomClient(file).change(replay_assets=assets, raw_origin="http://127.0.0.1:9000")


@pytest.fixture
def replayed(replaying):
    return one_capture(replaying)


@pytest.fixture
def port(replaying):
    """The port of raw pages."""
    return raw(replaying)


def test_the_viewer_is_given_the_record_of_the_capture(replaying, replayed, port):
    page = replaying.page(f"a/capture/{replayed}?view=replay")
    (frame,) = lxml.html.document_fromstring(page).iter("iframe")
    assert "allow-top-navigation" not in frame.get("sandbox")
    address = frame.get("src").removeprefix("http://127.0.0.1:9000")
    answer = port.get(address)
    viewer = next(lxml.html.document_fromstring(answer.text).iter("replay-web-page"))
    assert viewer.get("url") == URL
    assert "<script>alert" not in answer.text
    assert port.get(viewer.get("source")).content == replaying.get(f"a/capture/{replayed}/record").content
    assert port.get(f"{viewer.get('replaybase')}sw.js").text == "// sw.js"
    assert "replay-app-main" in port.get(viewer.get("replaybase")).text


def test_only_the_room_may_frame_it_and_it_may_ask_no_other_machine(replaying, replayed, port):
    policy = port.get(f"/{replaying.room.replay_token}/replay/a/{replayed}/").headers["content-security-policy"]
    assert "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:" in policy
    assert f"frame-ancestors 'self' http://127.0.0.1:{PORT}" in policy


def test_without_the_token_or_the_files_there_is_nothing(replaying, replayed, port):
    token = replaying.room.replay_token
    assert port.get(f"/{replaying.room.raw_token}/replay/a/{replayed}/").status_code == 404
    assert port.get(f"/{token}/a/{replayed}").status_code == 404
    for path in ("secret.js", "%2e%2e%2fa.js", "a/5/", "b/1/", "a/99999999999999999999/", f"a/{'9' * 5000}/"):
        assert port.get(f"/{token}/replay/{path}").status_code == 404
    plain = RoomClient(replaying.room.library.archives["a"].path)
    assert "ReplayWeb.page" not in plain.page(f"a/capture/{replayed}")


def test_a_folder_without_the_files_is_said(assets):
    assert check_assets(assets) == assets
    (assets / "sw.js").unlink()
    with pytest.raises(NotReachable, match=r"has no sw\.js"):
        check_assets(assets)


@pytest.mark.parametrize(("file_name", "name"), [("/x/old.warc", "record.warc"), ("/x/old.warc.gz", "record.warc.gz")])
def test_a_record_is_that_of_the_body_and_named_by_whether_it_is_packed(db, monkeypatch, file_name, name):
    for number, refers_to in ((1, 2), (2, None)):
        put(db, "captures", number, id=number, url=f"u{number}", fetched_at="2026-01-02T03:04:05Z",
            refers_to=refers_to)  # fmt: skip
    monkeypatch.setattr(raw_responses, "read_record_bytes", lambda _, number, __: (file_name, b"%d" % number))
    record = find_replay_record(db, 1, Path())
    assert (record, record.moment) == (ReplayRecord("u2", "2026-01-02T03:04:05Z", name, b"2"), "20260102030405")
    with pytest.raises(NotHereError, match="no capture of that number"):
        find_replay_record(db, 3, Path())
