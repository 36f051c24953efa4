"""`broadsheet browse` from a shell: it says where the room is, answers there, and ends cleanly."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.crawler.shell import command, start

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
def test_the_demo_is_crawled_once_and_shown(tmp_path):
    for is_crawled in (True, False):
        process = start("browse", "--demo", "--port", 0, cwd=tmp_path)
        try:
            assert process.stdout is not None
            printed = "".join(iter_until(process.stdout, "reading room is open"))
            assert ("Serving the sample site" in printed) is is_crawled
            url = _ADDRESS.findall(printed)[-1]
            assert url.endswith("/sample/")
            assert status(url) == 200
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=60)
            assert process.returncode == 0, errors
        finally:
            process.kill()
            process.communicate()
    assert (tmp_path / "demo-out" / "sample.db").exists()


def iter_until(lines: Iterable[str], words: str) -> Iterator[str]:
    """Lines up to the first that has some words."""
    for line in lines:
        yield line
        if words in line:
            return


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


@pytest.mark.slow
def test_a_port_that_is_taken_is_said_in_a_line_where_it_was_named(db):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, output, errors = command("browse", db, "--port", taken.getsockname()[1])
    assert (code, output) == (1, "")
    assert re.fullmatch(r"broadsheet: cannot listen on 127.0.0.1 port \d+: .*\n", errors)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("none.db",), 1, "does not exist"),
        ((), 2, "name an archive"),
        (("a.db", "--demo"), 2, "not both"),
        (("a.db", "--port", "99999"), 2, "99999"),
        ((".", "--host", "no such host"), 1, "no archive"),
        (("a.db", "--replay-assets", "nowhere"), 1, "nowhere has no ui.js"),
    ],
)
def test_what_cannot_be_shown_is_one_line(tmp_path, arguments, code, message):
    exit_code, output, errors = command("browse", *arguments, cwd=tmp_path)
    assert (exit_code, output) == (code, "")
    assert message in errors
    assert errors.count("\n") == 1
