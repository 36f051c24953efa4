"""Verb `broadsheet browse`: the reading room over one archive or a folder of them.

Worker processes vote on a page and try rules, bounded in time and memory.
"""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import closing, suppress
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import click

from broadsheet.output.archive.archive_errors import NotReachable
from broadsheet.output.read.plain_words import reason_text

from ..command_values import CommandError, is_nonempty_file
from ..crawl.terminal import print_text
from ..lazy_modules import lazy_imports
from .verb_options import PATH, verb

with lazy_imports():
    from broadsheet.cleaners.page import parsed_page
    from broadsheet.output.browse import application, page_trials, raw_responses, strict_requests, url_pages
    from broadsheet.output.browse import library as library_module
    from broadsheet.output.browse import room as room_module
    from broadsheet.output.raw import raw_exchange

    from ..replay import recorded_response, trial_jobs
    from ..workers import pool as pool_module
    from . import changes, demo

TRIAL_PAGE_SECONDS = 10.0
"""What a page may take under rules that are tried: far more than any takes under rules that are right."""

_TRIAL_SECONDS = 60.0  # that somebody waits for a trial; what was not tried until then is named
_MOST_BROKEN = 3  # pages in a row that kill or hold up their worker, after which no other is tried


async def judge_page(
    pool: pool_module.WorkerPool, response: page_trials.StoredResponse
) -> tuple[page_trials.VotedBlock, ...]:
    """Judge a stored page again in a worker. NotHereError if it cannot be read, or exceeds the limits."""
    try:
        outcome = await pool.run(trial_jobs.judge_stored_page, response)
    except pool_module.WorkerError as error:
        raise strict_requests.NotHereError(f"the page cannot be judged: {reason_text(error.reason)}") from error
    if isinstance(outcome, recorded_response.UnreadResponse):
        raise strict_requests.NotHereError(f"the record cannot be read: {reason_text(outcome.reason)}")
    return outcome


async def try_rule(
    pool: pool_module.WorkerPool, draft: page_trials.RuleDraft, responses: Sequence[page_trials.StoredResponse]
) -> page_trials.RuleFindings:
    """Try rules on stored pages, one after the other. NotHereError if the rules cannot be read in time."""
    try:
        problems = await pool.run(trial_jobs.rule_problems, draft)
    except pool_module.WorkerError as error:
        raise strict_requests.NotHereError(f"the rules cannot be read: {reason_text(error.reason)}") from error
    outcomes = [outcome async for outcome in _try_on_pages(pool, draft, responses)]
    pages = tuple(outcome for outcome in outcomes if isinstance(outcome, page_trials.PageTrial))
    return page_trials.RuleFindings(
        problems, pages, tuple(outcome for outcome in outcomes if isinstance(outcome, page_trials.UntriedPage))
    )


async def _try_on_pages(
    pool: pool_module.WorkerPool, draft: page_trials.RuleDraft, responses: Sequence[page_trials.StoredResponse]
) -> AsyncIterator[page_trials.PageTrial | page_trials.UntriedPage]:
    """Yield the trial of each page; no other is tried when the time is over, or each of the latest lost its worker."""
    until, broken_count = time.monotonic() + _TRIAL_SECONDS, 0
    for response in responses:
        if broken_count >= _MOST_BROKEN or time.monotonic() > until:
            yield page_trials.UntriedPage(response.url, "left out, since the pages before it took too long")
            continue
        outcome, is_broken = await _try_on_page(pool, draft, response)
        broken_count = broken_count + 1 if is_broken else 0
        yield outcome


async def _try_on_page(
    pool: pool_module.WorkerPool, draft: page_trials.RuleDraft, response: page_trials.StoredResponse
) -> tuple[page_trials.PageTrial | page_trials.UntriedPage, bool]:
    """Try rules on a page; return the trial, and whether its worker was lost during it."""
    try:
        outcome = await pool.run(trial_jobs.try_on_page, draft, response)
    except pool_module.WorkerError as error:
        return page_trials.UntriedPage(response.url, reason_text(error.reason)), True
    if isinstance(outcome, recorded_response.UnreadResponse):
        return page_trials.UntriedPage(response.url, reason_text(outcome.reason)), False
    return outcome, False


DEFAULT_PORT = 8383
SAMPLE = Path("demo-out/sample.db")


@verb("See the archive, judge it, mend it, in a browser.")
@click.argument("db", metavar="[DB|FOLDER]", required=False, type=PATH)
@click.option("--demo", is_flag=True, help="Show the sample site's archive; crawl it first if there is none.")
@click.option("--read-only", is_flag=True, help="Change nothing: no rulings, no reviews.")
@click.option(
    "--replay-assets", type=PATH, metavar="DIR", help="ReplayWeb.page's ui.js and sw.js, to replay raw pages with."
)
@click.option(
    "--port", type=click.IntRange(0, 65535), metavar="N", help="The port; 8383, or a free one if it is taken."
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="The address to listen on. Another than loopback lets others read, and rule, without a password.",
)
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="NAME",
    help="With --host: a name under which the server is reached. Repeatable.",
)
def browse(**options: Any) -> int:
    """Open the reading room: a page on this machine over an archive, a folder of them, or a data set.

    Read articles, see what was removed from them and why, bring it back, follow edits and gaps.
    """
    assets = raw_responses.check_assets(Path(options["replay_assets"])) if options["replay_assets"] else None
    library = library_module.Library.at(_archive_path(options["db"], is_demo=options["demo"]))
    listener = _listen(options["host"], options["port"])
    raw_listener = application.bind(options["host"], 0)
    names = () if _is_loopback(options["host"]) else (*options["names"], _url_host(options["host"]))
    own_name = next(iter(names), _url_host(options["host"]))
    pool, trial_pool = (
        pool_module.WorkerPool(1),
        pool_module.WorkerPool(1, TRIAL_PAGE_SECONDS),
    )  # their processes start when they are needed
    room = room_module.Room(
        library, room_module.RoomWording(reason_text, changes.edit_summary), may_write=not options["read_only"],
        raw_origin=_origin(own_name, raw_listener), judge_page=partial(judge_page, pool),
        try_rule=partial(try_rule, trial_pool), read_raw=read_raw, replay_assets=assets,
    )  # fmt: skip
    own_names, raw_names = (
        strict_requests.loopback_authorities(sock.getsockname()[1], names) for sock in (listener, raw_listener)
    )
    raw_app = raw_responses.make_raw_app(room, read_raw, raw_names, own_names)

    def stop_workers() -> None:
        for each_pool in (pool, trial_pool):
            each_pool.close()

    _end_at_signals()
    with closing(pool), closing(trial_pool), suppress(KeyboardInterrupt):
        _announce(library, _origin(own_name, listener), may_write=room.may_write)
        application.serve(
            [
                application.Listener(listener, application.make_app(room, own_names)),
                application.Listener(raw_listener, raw_app),
            ],
            stop_workers,
        )
    return 0


def _end_at_signals() -> None:
    """Have Ctrl-C and SIGTERM end this process before it serves: a crawl of the sample site has left handlers."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)


def read_raw(
    location: raw_exchange.RecordLocation, body_location: raw_exchange.RecordLocation | None, folder: Path
) -> url_pages.RawDocument:
    """Read a stored response as text. NotHereError if its record cannot be read."""
    try:
        response = recorded_response.read_full_response(location, body_location, folder)
    except recorded_response.ReplayError as error:
        raise strict_requests.NotHereError(f"the record cannot be read: {reason_text(error.reason)}") from error
    content_type = response.header("content-type")
    text = parsed_page.decode(response.body, content_type).text
    is_html = "html" in content_type.lower() or (not content_type and text.lstrip()[:1] == "<")
    return url_pages.RawDocument(text, is_html)


def _origin(name: str, listener: socket.socket) -> str:
    return f"http://{name}:{listener.getsockname()[1]}"


def _archive_path(path: str | None, *, is_demo: bool) -> Path:
    """Return the path that is asked for; with --demo that of the sample's archive, made if there is none yet."""
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
        demo.crawl_sample(SAMPLE.parent)


def _listen(host: str, port: int | None) -> socket.socket:
    """Open the socket of the pages: at the named port, else at the usual one, or any if that is taken."""
    try:
        return application.bind(host, DEFAULT_PORT if port is None else port)
    except NotReachable:
        if port is not None:
            raise
        return application.bind(host, 0)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _url_host(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _announce(library: library_module.Library, origin: str, *, may_write: bool) -> None:
    names = list(library.archives)
    target = origin + (room_module.address(names[0], "") if len(names) == 1 else "/")
    mode = "" if may_write else ", read only"
    print_text(f"The reading room is open{mode}: {target}\nCtrl-C closes it.")
