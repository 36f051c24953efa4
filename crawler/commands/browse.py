"""Verb `broadsheet browse`: the reading room, a page on this machine over one archive or a folder of them.

What the reading room has done in worker processes, bounded in time and memory: votes on a page, a trial of rules.

`broadsheet browse`: the reading room, a page on this machine over one archive or a folder of them.
"""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import closing, suppress
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from broadsheet.cleaners.page.parsed_page import decode
from broadsheet.crawler.commands.changes import edit_summary
from broadsheet.crawler.crawl.command_line import CommandError, is_nonempty_file
from broadsheet.crawler.crawl.terminal import print_text, reason_text
from broadsheet.crawler.replay.recorded_response import ReplayError, UnreadResponse, read_full_response
from broadsheet.crawler.replay.trial_jobs import judge_stored_page, rule_problems, try_on_page
from broadsheet.crawler.workers.pool import WorkerError, WorkerPool
from broadsheet.output.archive.archive_errors import NotReachable
from broadsheet.output.browse.application import Listener, bind, make_app, serve
from broadsheet.output.browse.library import Library
from broadsheet.output.browse.page_trials import (
    PageTrial,
    RuleDraft,
    RuleFindings,
    StoredResponse,
    UntriedPage,
    VotedBlock,
)
from broadsheet.output.browse.raw_responses import check_assets, make_raw_app
from broadsheet.output.browse.room import Room, RoomWording, address
from broadsheet.output.browse.strict_requests import NotHereError, loopback_authorities
from broadsheet.output.browse.url_pages import RawDocument
from broadsheet.output.raw.raw_exchange import RecordLocation

TRIAL_PAGE_SECONDS = 10.0
"""What a page may take under rules that are tried: far more than any takes under rules that are right."""

_TRIAL_SECONDS = 60.0  # that somebody waits for a trial; what was not tried until then is named
_MOST_BROKEN = 3  # pages in a row that kill or hold up their worker, after which no other is tried


async def judge_page(pool: WorkerPool, response: StoredResponse) -> tuple[VotedBlock, ...]:
    """A stored page judged again in a worker of its own. NotHereError if it cannot be read, or takes too much."""
    try:
        outcome = await pool.run(judge_stored_page, response)
    except WorkerError as error:
        raise NotHereError(f"the page cannot be judged: {reason_text(error.reason)}") from error
    if isinstance(outcome, UnreadResponse):
        raise NotHereError(f"the record cannot be read: {reason_text(outcome.reason)}")
    return outcome


async def try_rule(pool: WorkerPool, draft: RuleDraft, responses: Sequence[StoredResponse]) -> RuleFindings:
    """Rules tried on stored pages, one after the other. NotHereError if the rules cannot be read in time."""
    try:
        problems = await pool.run(rule_problems, draft)
    except WorkerError as error:
        raise NotHereError(f"the rules cannot be read: {reason_text(error.reason)}") from error
    outcomes = [outcome async for outcome in _try_on_pages(pool, draft, responses)]
    pages = tuple(outcome for outcome in outcomes if isinstance(outcome, PageTrial))
    return RuleFindings(problems, pages, tuple(outcome for outcome in outcomes if isinstance(outcome, UntriedPage)))


async def _try_on_pages(
    pool: WorkerPool, draft: RuleDraft, responses: Sequence[StoredResponse]
) -> AsyncIterator[PageTrial | UntriedPage]:
    """What came of each page; no other is tried when the time is over, or each of the latest lost its worker."""
    until, broken_count = time.monotonic() + _TRIAL_SECONDS, 0
    for response in responses:
        if broken_count >= _MOST_BROKEN or time.monotonic() > until:
            yield UntriedPage(response.url, "left out, since the pages before it took too long")
            continue
        outcome, is_broken = await _try_on_page(pool, draft, response)
        broken_count = broken_count + 1 if is_broken else 0
        yield outcome


async def _try_on_page(
    pool: WorkerPool, draft: RuleDraft, response: StoredResponse
) -> tuple[PageTrial | UntriedPage, bool]:
    """What came of a page, and whether its worker was lost over it."""
    try:
        outcome = await pool.run(try_on_page, draft, response)
    except WorkerError as error:
        return UntriedPage(response.url, reason_text(error.reason)), True
    if isinstance(outcome, UnreadResponse):
        return UntriedPage(response.url, reason_text(outcome.reason)), False
    return outcome, False


DEFAULT_PORT = 8383
SAMPLE = Path("demo-out/sample.db")


def browse(options: Mapping[str, Any]) -> int:
    """Serve the reading room until it is stopped."""
    assets = check_assets(Path(options["replay_assets"])) if options["replay_assets"] else None
    library = Library.at(_archive_path(options["db"], is_demo=options["demo"]))
    listener = _listen(options["host"], options["port"])
    raw_listener = bind(options["host"], 0)
    names = () if _is_loopback(options["host"]) else (*options["names"], _url_host(options["host"]))
    own_name = next(iter(names), _url_host(options["host"]))
    pool, trial_pool = WorkerPool(1), WorkerPool(1, TRIAL_PAGE_SECONDS)  # their processes start when they are needed
    room = Room(
        library, RoomWording(reason_text, edit_summary), may_write=not options["read_only"],
        raw_origin=_origin(own_name, raw_listener), judge_page=partial(judge_page, pool),
        try_rule=partial(try_rule, trial_pool), read_raw=read_raw, replay_assets=assets,
    )  # fmt: skip
    own_names, raw_names = (loopback_authorities(sock.getsockname()[1], names) for sock in (listener, raw_listener))
    raw_app = make_raw_app(room, read_raw, raw_names, own_names)
    _end_at_signals()
    with closing(pool), closing(trial_pool), suppress(KeyboardInterrupt):
        _announce(library, _origin(own_name, listener), may_write=room.may_write)
        serve([Listener(listener, make_app(room, own_names)), Listener(raw_listener, raw_app)])
    return 0


def _end_at_signals() -> None:
    """Have Ctrl-C and SIGTERM end this process as usual: a crawl of the sample site has left handlers of its own."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)


def read_raw(location: RecordLocation, body_location: RecordLocation | None, folder: Path) -> RawDocument:
    """A stored response as text. NotHereError if its record cannot be read."""
    try:
        response = read_full_response(location, body_location, folder)
    except ReplayError as error:
        raise NotHereError(f"the record cannot be read: {reason_text(error.reason)}") from error
    content_type = response.header("content-type")
    text = decode(response.body, content_type).text
    is_html = "html" in content_type.lower() or (not content_type and text.lstrip()[:1] == "<")
    return RawDocument(text, is_html)


def _origin(name: str, listener: socket.socket) -> str:
    return f"http://{name}:{listener.getsockname()[1]}"


def _archive_path(path: str | None, *, is_demo: bool) -> Path:
    """The archive or folder that is asked for; with --demo the sample's archive, made if there is none yet."""
    if is_demo:
        if path is not None:
            raise CommandError("--demo shows the sample site: give an archive or --demo, not both")
        _make_sample()
        return SAMPLE
    if path is None:
        raise CommandError("name an archive, or a folder of them, or say --demo")
    return Path(path)


def _make_sample() -> None:
    if not is_nonempty_file(str(SAMPLE)):
        from broadsheet.crawler.commands.demo import demo

        demo(str(SAMPLE.parent))


def _listen(host: str, port: int | None) -> socket.socket:
    """The socket of the pages: at the usual port, or at any where that one is taken and none was named."""
    try:
        return bind(host, DEFAULT_PORT if port is None else port)
    except NotReachable:
        if port is not None:
            raise
        return bind(host, 0)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _url_host(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _announce(library: Library, origin: str, *, may_write: bool) -> None:
    names = list(library.archives)
    target = origin + ("/collection/" if library.catalogue else address(names[0], "") if len(names) == 1 else "/")
    mode = "" if may_write else ", read only"
    print_text(f"The reading room is open{mode}: {target}\nCtrl-C closes it.")
