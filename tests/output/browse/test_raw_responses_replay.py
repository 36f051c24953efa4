"""A capture is replayed by ReplayWeb.page from the port of raw pages, where a user has its files."""

from pathlib import Path

import lxml.html
import pytest
from starlette.testclient import TestClient

from broadsheet.output.archive.archive_errors import NotReachable
from broadsheet.output.browse import raw_responses
from broadsheet.output.browse.raw_responses import ReplayRecord, check_assets, find_replay_record, make_raw_app
from broadsheet.output.browse.strict_requests import NotHereError, loopback_authorities
from broadsheet.output.browse.url_pages import RawDocument
from tests.output.browse.conftest import PORT, SITE, RoomClient, save_sent
from tests.output.filled_rows import put

URL = f'{SITE}/1?a="><script>alert(1)</script>'


@pytest.fixture
def assets(tmp_path):
    folder = tmp_path / "viewer"
    folder.mkdir()
    for name in ("ui.js", "sw.js", "secret.js"):
        (folder / name).write_text(f"// {name}")
    return folder


@pytest.fixture
def client(file, make, assets):
    save_sent(file, make, make.outcome(URL, "Words of it."))
    return RoomClient(file).change(replay_assets=assets, raw_origin="http://127.0.0.1:9000")


@pytest.fixture
def number(client):
    with client.room.archive("a").open() as db:
        return db.execute("SELECT id FROM captures").fetchone()[0]


@pytest.fixture
def port(client):
    """The port of raw pages."""
    app = make_raw_app(
        client.room, lambda *_: RawDocument("", True), loopback_authorities(9000), loopback_authorities(PORT)
    )
    return TestClient(app, base_url="http://127.0.0.1:9000")


def test_the_viewer_is_given_the_record_of_the_capture(client, number, port):
    page = client.page(f"a/capture/{number}?view=replay")
    (frame,) = lxml.html.document_fromstring(page).iter("iframe")
    assert "allow-top-navigation" not in frame.get("sandbox")
    address = frame.get("src").removeprefix("http://127.0.0.1:9000")
    answer = port.get(address)
    viewer = next(lxml.html.document_fromstring(answer.text).iter("replay-web-page"))
    assert viewer.get("url") == URL
    assert "<script>alert" not in answer.text
    assert port.get(viewer.get("source")).content == client.get(f"a/capture/{number}/record").content
    assert port.get(f"{viewer.get('replaybase')}sw.js").text == "// sw.js"
    assert "replay-app-main" in port.get(viewer.get("replaybase")).text


def test_only_the_room_may_frame_it_and_it_may_ask_no_other_machine(client, number, port):
    policy = port.get(f"/{client.room.replay_token}/replay/a/{number}/").headers["content-security-policy"]
    assert "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:" in policy
    assert f"frame-ancestors 'self' http://127.0.0.1:{PORT}" in policy


def test_without_the_token_or_the_files_there_is_nothing(client, number, port):
    token = client.room.replay_token
    assert port.get(f"/{client.room.raw_token}/replay/a/{number}/").status_code == 404
    assert port.get(f"/{token}/a/{number}").status_code == 404
    for path in ("secret.js", "%2e%2e%2fa.js", "a/5/", "b/1/"):
        assert port.get(f"/{token}/replay/{path}").status_code == 404
    plain = RoomClient(client.room.library.archives["a"].path)
    assert "ReplayWeb.page" not in plain.page(f"a/capture/{number}")


def test_a_folder_without_the_files_is_said(assets):
    assert check_assets(assets) == assets
    (assets / "sw.js").unlink()
    with pytest.raises(NotReachable, match=r"has no sw\.js"):
        check_assets(assets)


def test_a_number_that_no_capture_can_have_is_not_here(client, port):
    for number in ("99999999999999999999", "9" * 5000):
        assert port.get(f"/{client.room.replay_token}/replay/a/{number}/").status_code == 404


@pytest.mark.parametrize(("file_name", "name"), [("/x/old.warc", "record.warc"), ("/x/old.warc.gz", "record.warc.gz")])
def test_a_record_is_that_of_the_body_and_named_by_whether_it_is_packed(archive, monkeypatch, file_name, name):
    archive.db.execute("PRAGMA foreign_keys = OFF")
    for number, refers_to in ((1, 2), (2, None)):
        put(archive.db, "captures", number, id=number, url=f"u{number}", fetched_at="2026-01-02T03:04:05+00:00",
            refers_to=refers_to)  # fmt: skip
    monkeypatch.setattr(raw_responses, "read_record_bytes", lambda _, number, __: (file_name, b"%d" % number))
    record = find_replay_record(archive.db, 1, Path())
    assert (record, record.moment) == (ReplayRecord("u2", "2026-01-02T03:04:05+00:00", name, b"2"), "20260102030405")
    with pytest.raises(NotHereError, match="no capture of that number"):
        find_replay_record(archive.db, 3, Path())
