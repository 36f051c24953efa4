"""`broadsheet browse` from a shell: it says where the room is, answers there, and ends cleanly.

What the reading room has done in workers: a page that kills its worker, and rules that never end, cost only that.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

from broadsheet.crawler.cli import run
from broadsheet.crawler.commands import browse
from broadsheet.crawler.commands.browse import judge_page, read_raw, try_rule
from broadsheet.crawler.commands.changes import edit_summary
from broadsheet.crawler.replay.recorded_response import UnreadResponse
from broadsheet.crawler.replay.trial_jobs import rule_problems, try_on_page
from broadsheet.crawler.workers.pool import WorkerError, WorkerPool
from broadsheet.output.archive.archive_errors import NotReachable
from broadsheet.output.archive.url_words import OutcomeReason
from broadsheet.output.browse.page_trials import RuleDraft
from broadsheet.output.browse.room import RoomWording
from broadsheet.output.browse.strict_requests import NotHereError
from broadsheet.output.browse.url_pages import RawDocument
from broadsheet.output.raw.raw_exchange import RecordLocation
from broadsheet.output.read.plain_words import reason_text
from tests.crawler.replay.test_trial_jobs_judge_job import stored
from tests.crawler.scripted_site import page
from tests.crawler.shell import command, rows, start
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
def test_ctrl_c_while_a_worker_starts_ends_it_without_a_word(tmp_path: Path) -> None:
    db, url = tmp_path / "made.db", "https://a.example/one"
    warc = write(tmp_path / "a.warc.gz", [record(url, answer(page("one", words=150)))])
    assert command("import", warc, "--db", db)[0] == 0
    process = start("browse", db, "--port", 0, start_new_session=True)
    place = urlsplit(address(process))
    [(number,)] = rows(db, "SELECT id FROM articles")
    with socket.create_connection((str(place.hostname), int(place.port or 0)), timeout=60) as asked:
        asked.sendall(f"GET /made/article/{number}/votes HTTP/1.1\r\nHost: {place.netloc}\r\n\r\n".encode())
        time.sleep(0.3)  # in whatever moment of the start: it is as quiet in each
        os.killpg(process.pid, signal.SIGINT)
        out, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (0, ""), out
        assert b" 404 " in asked.makefile("rb").readline()


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


DRAFT = RuleDraft("a.example", "strip: //aside")
ENDLESS = "strip: //*[count(//*[count(//*[count(//*[count(//*) > 0]) > 0]) > 0]) > 0]"


class PoolInPlace:
    """Runs jobs here. The pages of some URLs lose their worker."""

    def __init__(self, *fatal_urls: str) -> None:
        self.fatal_urls, self.tried_urls = fatal_urls, list[str]()

    async def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        url = getattr(arguments[-1], "url", "")
        self.tried_urls += [url] if url else []
        if url in self.fatal_urls:
            raise WorkerError(OutcomeReason.WORKER_TIMEOUT)
        return function(*arguments)


def trial(pool: Any, folder: Path, count: int) -> Any:
    response = stored(folder, page("river", "/home").encode())
    responses = [replace(response, url=f"https://a.example/{number}") for number in range(count)]
    return asyncio.run(try_rule(pool, DRAFT, responses))


def test_a_page_that_loses_its_worker_is_named_and_the_others_are_tried(tmp_path: Path) -> None:
    findings = trial(PoolInPlace("https://a.example/0"), tmp_path, 2)
    assert [tried.url for tried in findings.pages] == ["https://a.example/1"]
    assert [(untried.url, "too long" in untried.problem) for untried in findings.untried] == [
        ("https://a.example/0", True)
    ]


def test_after_three_lost_workers_in_a_row_no_other_page_is_tried(tmp_path: Path) -> None:
    pool = PoolInPlace(*(f"https://a.example/{number}" for number in range(9)))
    findings = trial(pool, tmp_path, 9)
    assert len(pool.tried_urls) == 3
    assert (len(findings.pages), len(findings.untried)) == (0, 9)
    assert findings.untried[-1].problem.startswith("left out")


def test_what_cannot_be_done_is_said_in_a_line(tmp_path: Path) -> None:
    class Broken:
        async def run(self, function: Callable[..., Any], *_: Any) -> Any:
            if function in (rule_problems, try_on_page):
                raise WorkerError(OutcomeReason.WORKER_DIED)
            return UnreadResponse(OutcomeReason.RAW_MISSING)

    broken: Any = Broken()
    with pytest.raises(NotHereError, match="the rules cannot be read"):
        trial(broken, tmp_path, 1)
    with pytest.raises(NotHereError, match="the record cannot be read"):
        asyncio.run(judge_page(broken, stored(tmp_path, b"x")))
    lost: Any = PoolInPlace(stored(tmp_path, b"x").url)
    with pytest.raises(NotHereError, match="the page cannot be judged: cleaning it took too long"):
        asyncio.run(judge_page(lost, stored(tmp_path, b"x")))


def test_a_page_whose_record_is_gone_is_named_and_counts_as_no_lost_worker(tmp_path: Path) -> None:
    class Unread(PoolInPlace):
        async def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
            if function is rule_problems:
                return ()
            self.tried_urls.append(arguments[-1].url)
            return UnreadResponse(OutcomeReason.RAW_MISSING)

    pool = Unread()
    findings = trial(pool, tmp_path, 5)
    assert len(pool.tried_urls) == len(findings.untried) == 5
    assert {untried.problem for untried in findings.untried} == {"its raw response is not where it should be"}


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
def test_a_raw_page_is_read_as_text_and_told_from_other_text(
    tmp_path: Path, content_type: str, body: str, is_html: bool
) -> None:
    file = write(tmp_path / "a.warc.gz", [record("https://a.example/x", answer(body, content_type=content_type))])
    location = RecordLocation(file.name, 0, file.stat().st_size)
    assert read_raw(location, None, tmp_path) == RawDocument(body, is_html)
    with pytest.raises(NotHereError, match="the record cannot be read: its raw response is not where"):
        read_raw(replace(location, file="gone.warc.gz"), None, tmp_path)


def test_a_port_that_is_taken_is_an_error_where_it_was_named_and_else_another(monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_hosts_that_are_this_machine_alone(host: str, is_loopback: bool, in_url: str) -> None:
    assert (browse._is_loopback(host), browse._url_host(host)) == (is_loopback, in_url)


@pytest.mark.slow
def test_an_expression_that_never_ends_costs_that_page_and_the_next_trial_works(tmp_path: Path) -> None:
    response = stored(tmp_path, page("river", "/home").replace("<p>", "<p><i>a</i><b>b</b>" * 40).encode())
    draft = RuleDraft("a.example", ENDLESS)

    async def both() -> tuple[Any, Any]:
        return await try_rule(pool, draft, [response]), await try_rule(pool, DRAFT, [response])

    with closing(WorkerPool(1, 12.0)) as pool:
        endless, good = asyncio.run(both())
    assert [untried.url for untried in endless.untried] == [response.url]
    assert [tried.url for tried in good.pages] == [response.url]


def test_three_lost_workers_that_are_not_in_a_row_and_a_minute_end_no_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = PoolInPlace(*(f"https://a.example/{number}" for number in (0, 1, 3, 4)))
    assert [untried.url[-1] for untried in trial(pool, tmp_path, 6).untried] == ["0", "1", "3", "4"]
    assert len(pool.tried_urls) == 6
    monkeypatch.setattr(browse, "time", SimpleNamespace(monotonic=iter((7.0, 8.0, 67.0, 67.1, 68.0)).__next__))
    findings = trial(PoolInPlace(), tmp_path, 4)
    assert [tried.url[-1] for tried in findings.pages] == ["0", "1"]
    assert [(untried.url[-1], untried.problem) for untried in findings.untried] == [
        (number, "left out, since the pages before it took too long") for number in "23"
    ]


@pytest.mark.usefixtures("closed_room")
def test_the_room_has_all_that_its_pages_ask_for_and_ends_with_its_workers(
    db: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []
    pools: list[Any] = []

    class Pool:
        def __init__(self, *words: object) -> None:
            self.words, self.closed = words, 0
            pools.append(self)

        def close(self) -> None:
            self.closed += 1

    def serve(listeners: Any, stop_workers: Callable[[], None]) -> None:
        stop_workers()
        assert [pool.closed for pool in pools] == [1, 1]
        assert signal.getsignal(signal.SIGTERM) is signal.getsignal(signal.SIGINT) is signal.default_int_handler
        for listener in listeners:
            listener.socket.close()
        raise KeyboardInterrupt

    monkeypatch.setattr(browse.pool_module, "WorkerPool", Pool)
    monkeypatch.setattr(browse.application, "make_app", lambda room, names: made.append((room, names)))
    monkeypatch.setattr(browse.raw_responses, "make_raw_app", lambda *words: made.append(words))
    monkeypatch.setattr(browse.application, "serve", serve)
    for name in ("ui.js", "sw.js"):
        (tmp_path / name).touch()
    for options, may_write, assets in (
        ([], True, None),
        (["--read-only", "--replay-assets", tmp_path], False, tmp_path),
    ):
        made.clear()
        pools.clear()
        assert run(["browse", str(db), "--port", "0", *map(str, options)]) == 0
        (raw_room, read, raw_names, own_names), (room, names) = made
        assert raw_room is room
        assert (read, own_names) == (read_raw, names)
        assert raw_names != names
        assert list(room.library.archives) == ["made"]
        assert room.wording == RoomWording(reason_text, edit_summary)
        assert (room.may_write, room.replay_assets, room.read_raw) == (may_write, assets, read_raw)
        assert (room.judge_page.func, room.judge_page.args) == (judge_page, (pools[0],))
        assert (room.try_rule.func, room.try_rule.args) == (try_rule, (pools[1],))
        assert [(pool.words, pool.closed) for pool in pools] == [((1,), 2), ((1, 10.0), 2)]
