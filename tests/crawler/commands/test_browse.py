"""`broadsheet browse` from a shell: it says where the room is, answers there, and ends cleanly."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
from dataclasses import replace
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from broadsheet.crawler.commands import browse
from broadsheet.crawler.commands.browse import read_raw
from broadsheet.output.archive.archive_errors import NotReachable
from broadsheet.output.browse.strict_requests import NotHereError
from broadsheet.output.browse.url_pages import RawDocument
from broadsheet.output.raw.raw_exchange import RecordLocation
from tests.crawler.shell import start, verb
from tests.crawler.warcs import answer, record, write

_ADDRESS = re.compile(r"http://[\w.:\[\]]+/\S*")


@pytest.fixture
def room(db: Path):
    process = start("browse", db, "--port", 0)
    yield process
    process.kill()
    process.communicate()


def address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    match = _ADDRESS.search(process.stdout.readline())
    assert match
    return match[0]


def status(url: str, **headers: str) -> int:
    try:
        with urlopen(Request(url, headers=headers), timeout=30) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


@pytest.mark.slow
def test_it_opens_answers_to_its_own_name_and_closes(room, db):
    url = address(room)
    assert url.endswith("/made/")
    assert status(url) == 200
    assert status(f"{url}articles.json") == 200
    assert status(url, Host="evil.example") == 421
    room.send_signal(signal.SIGINT)
    _, errors = room.communicate(timeout=60)
    assert (room.returncode, errors) == (0, "")
    assert [path.name for path in db.parent.iterdir()] == ["made.db"]


@pytest.mark.slow
def test_beyond_loopback_it_answers_to_the_names_that_it_was_given(db):
    process = start("browse", db, "--port", 0, "--host", "0.0.0.0", "--name", "room.example", "--read-only")
    try:
        url = address(process)
        assert url.startswith("http://room.example:")
        port = url.split(":")[2].split("/")[0]
        local = f"http://127.0.0.1:{port}/made/"
        assert status(local, Host=f"room.example:{port}") == 200
        assert status(local) == 200
        assert status(local, Host=f"evil.example:{port}") == 421
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("content_type", "body", "is_html"),
    [
        ("text/html; charset=utf-8", "words", True),
        ("Application/XHTML+xml", "<p>", True),
        ("text/plain", "<p>words", False),
        ("", "  <p>words", True),
        ("", "words <p>", False),
    ],
)
def test_a_raw_page_is_read_as_text_and_told_from_other_text(tmp_path, content_type, body, is_html):
    file = write(tmp_path / "a.warc.gz", [record("https://a.example/x", answer(body, content_type=content_type))])
    location = RecordLocation(file.name, 0, file.stat().st_size)
    assert read_raw(location, None, tmp_path) == RawDocument(body, is_html)
    with pytest.raises(NotHereError, match="the record cannot be read: its raw response is not where"):
        read_raw(replace(location, file="gone.warc.gz"), None, tmp_path)


def test_a_port_that_is_taken_is_an_error_where_it_was_named_and_else_another(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr(browse, "DEFAULT_PORT", port)
        with pytest.raises(NotReachable, match=f"cannot listen on 127.0.0.1 port {port}"):
            browse._listen("127.0.0.1", port)
        with browse._listen("127.0.0.1", None) as other:
            assert other.getsockname()[1] != port
    with browse._listen("127.0.0.1", None) as usual:
        assert usual.getsockname()[1] == port


@pytest.mark.parametrize(
    ("host", "is_loopback", "in_url"),
    [
        ("127.0.0.1", True, "127.0.0.1"), ("127.9.9.9", True, "127.9.9.9"), ("::1", True, "[::1]"),
        ("localhost", True, "localhost"), ("0.0.0.0", False, "0.0.0.0"), ("fd00::1", False, "[fd00::1]"),
        ("room.example", False, "room.example"),
    ],
)  # fmt: skip
def test_hosts_that_are_this_machine_alone(host, is_loopback, in_url):
    assert (browse._is_loopback(host), browse._url_host(host)) == (is_loopback, in_url)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--manage", "--read-only"), "give --manage or --read-only, not both"),
        (("--manage", "--demo"), "give --manage or --demo, not both"),
        (("--token", "x" * 16), "--token needs --manage"),
        (("--allow-private",), "--allow-private needs --manage"),
        (("--manage", "--token", "short"), "--token needs at least 16 characters"),
        (("--manage", "--host", "0.0.0.0"), "beyond loopback a desk needs --token"),
        (("--manage", "FILE"), "is a file: --manage takes a folder of archives"),
        (("--manage", "BROKEN"), "sites.toml is not valid TOML"),
    ],
)
def test_a_desk_that_would_be_none_or_unsafe_is_refused_in_one_line(tmp_path, options, message):
    (tmp_path / "file").touch()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "sites.toml").write_text("[sites")
    places = {"FILE": str(tmp_path / "file"), "BROKEN": str(tmp_path / "broken")}
    code, said, errors = verb("browse", *(places.get(word, word) for word in options))
    assert (code, said, errors.count("\n"), message in errors) == (2, "", 1, True)
