"""Steps of a crawl's verbs without a network: their options, and what is said at the beginning, then and at the end."""

from __future__ import annotations

import asyncio
import io
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from scrapy.settings import Settings

from broadsheet.crawler.cli import progress_line
from broadsheet.crawler.cli.command_line import CommandError
from broadsheet.crawler.commands import crawl, spider_run
from broadsheet.crawler.commands.crawl import crawl_and_notify
from broadsheet.crawler.commands.run_summary import (
    RunResult,
    exit_code,
    failure_looks,
    next_steps,
    print_failures,
    print_stopped,
    print_summary,
    review_run,
)
from broadsheet.crawler.commands.spider_run import lacks_contact, spider_settings
from broadsheet.crawler.fleet import run_notices
from broadsheet.crawler.fleet.run_notices import NewsEvent, NewsItem, Receiver
from broadsheet.output.archive.archive_errors import InUse, NotReachable
from broadsheet.output.raw.warc_folders import Recovery
from broadsheet.output.read.judgement import Look, LookKind, Severity
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import DiscoveredUrl, Outcome
from tests.output.conftest import Clock, Maker
from tests.output.filled_rows import put

START, OTHER = "https://a.example/", "https://b.example/"
NOTHING = {
    "include": (), "exclude": (), "since": None, "language": (), "obey_directives": False, "contact": "",
    "site_rules": None, "keep": "", "browser": "", "watch": None,
    "no_sitemaps": False, "no_feeds": False, "no_links": False,
    "no_warc": False, "max_size": None, "max_depth": None, "quiet": False,
}  # fmt: skip
LAST = {
    "include": ["/news/"], "exclude": ["/old/"], "since": "2024-01-01", "languages": ["en"], "obey_directives": True,
    "contact": "me@a.example", "site_rules": "rules", "keep": "pictures", "browser": "never", "watch": "rare",
    "sitemaps": False, "feeds": False, "links": False, "warc": False, "max_depth": 2,
}  # fmt: skip


@pytest.fixture
def resumed(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """The options of a command without a URL, given those of the earlier crawls."""

    def resume(*earlier: dict[str, Any], **options: Any) -> dict[str, Any]:
        with Archive.open(tmp_path / "a.db", Clock()) as archive:
            for run_options in earlier:
                archive.runs.start("crawl", {"seeds": [START]} | run_options, {})
        return crawl.resumed_options({"db": str(tmp_path / "a.db"), **NOTHING, **options})

    return resume


def test_the_bounds_of_the_last_crawl_hold_for_the_next(resumed):
    assert resumed({"include": ["/other/"]}, LAST) == {
        "include": ["/news/"], "exclude": ["/old/"], "since": "2024-01-01", "language": ["en"],
        "obey_directives": True, "contact": "me@a.example", "site_rules": "rules", "keep": "pictures",
        "browser": "never", "watch": "rare", "no_sitemaps": True,
        "no_feeds": True, "no_links": True, "no_warc": True, "max_depth": 2,
        "urls": (START,),
    }  # fmt: skip


@pytest.mark.parametrize(
    "given",
    [
        {"include": ("/mine/",), "exclude": ("/mine/",), "since": "2025-01-01", "language": ("de",), "max_depth": 0},
        {"contact": "you@a.example", "site_rules": "mine", "keep": "mine", "browser": "always", "watch": "close"},
        {"no_sitemaps": True, "no_feeds": True, "no_links": True, "no_warc": True},
    ],
)
def test_a_bound_that_is_given_counts(resumed, given):
    for earlier in (LAST, {}):
        options = resumed(earlier, **given)
        assert {name: options[name] for name in given} == given
    assert not any(resumed({})[name] for name in ("no_sitemaps", "no_feeds", "no_links", "no_warc"))


def test_start_urls_are_those_of_all_crawls_each_once(resumed):
    runs = {"seeds": [START, OTHER]}, {"seeds": [OTHER, "https://c.example/"]}, {"seeds": [START], "only_missing": True}
    assert resumed(*runs)["urls"] == (START, OTHER, "https://c.example/")


def test_an_archive_of_imports_alone_has_no_start_url(resumed):
    with pytest.raises(CommandError, match="has no start URL yet"):
        resumed({"seeds": []})


def fail(folder: Path, url: str, **values: Any) -> None:
    """Store a URL that failed and never gave anything."""
    with Archive.open(folder / "a.db") as archive:
        row = {"url": url, "state": "failed", "kind": "page", "held_at": None, "location": None, "reason": "http_404"}
        put(archive.db, "urls", 1, **(row | values))


@pytest.mark.parametrize(
    ("values", "is_quiet", "said"),
    [
        ({}, False, "Left out, since it never worked: https://b.example/ ("),
        ({}, True, ""),
        ({"state": "skipped", "reason": "forgotten"}, False, "Left out: https://b.example/ ("),
    ],
)
def test_a_start_url_that_never_worked_is_left_out_where_another_did(resumed, tmp_path, capsys, values, is_quiet, said):
    fail(tmp_path, OTHER, **values)
    assert resumed({"seeds": [START, OTHER]}, quiet=is_quiet)["urls"] == (START,)
    errors = capsys.readouterr().err
    assert errors.startswith(said)
    assert bool(errors) is bool(said)


@pytest.mark.parametrize(
    "values",
    [{"held_at": "2026-01-01T00:00:00Z"}, {"location": START}, {"state": "skipped", "reason": "robots"}],
)
def test_a_start_url_that_gave_something_stays(resumed, tmp_path, values):
    fail(tmp_path, OTHER, **values)
    assert resumed({"seeds": [START, OTHER]})["urls"] == (START, OTHER)


def test_where_none_worked_all_are_asked_again(resumed, tmp_path, capsys):
    fail(tmp_path, START)
    assert resumed({"seeds": [START]})["urls"] == (START,)
    assert capsys.readouterr().err == ""


def test_a_crawl_waits_for_another_one_only_with_patience(tmp_path, capsys):
    file = str(tmp_path / "a.db")
    with Archive.open(file):
        with crawl._ownership(file, None):
            pass
        assert capsys.readouterr().err == ""
        with pytest.raises(InUse), crawl._ownership(file, 0.01):
            pytest.fail("it is owned by another")
        assert capsys.readouterr().err == f"Waiting for another crawl of {file} to finish …\n"


def test_only_a_crawl_of_public_sites_is_asked_for_a_contact():
    private = Settings({"BROADSHEET_ALLOW_PRIVATE": True})
    assert lacks_contact(Settings(), {"contact": ""})
    assert not lacks_contact(private, {"contact": ""})
    assert not lacks_contact(Settings(), {"contact": "me@a.example"})
    assert not lacks_contact(Settings(), {})


PLAIN = {
    "allow_private": False, "delay": 1.5, "concurrency": 4, "cookies": None, "quiet": False, "verbose": 0,
    "total_concurrency": None, "headers": (),
}  # fmt: skip
ALWAYS = {
    "BROADSHEET_COMMAND": True, "BROADSHEET_ALLOW_PRIVATE": False, "BROADSHEET_DELAY": 1.5, "BROADSHEET_CONCURRENCY": 4,
    "BROADSHEET_PROGRESS": True, "CONCURRENT_REQUESTS": 0, "LOG_LEVEL": "WARNING",
}  # fmt: skip


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        ({}, {}),
        ({"allow_private": True, "cookies": "a.txt", "total_concurrency": 9},
         {"BROADSHEET_ALLOW_PRIVATE": True, "BROADSHEET_COOKIES": "a.txt", "CONCURRENT_REQUESTS": 9}),
        ({"quiet": True}, {"BROADSHEET_PROGRESS": False, "LOG_LEVEL": "ERROR", "BROADSHEET_URL_LINES": False}),
        ({"verbose": 1}, {"LOG_LEVEL": "WARNING", "BROADSHEET_URL_LINES": True}),
        ({"verbose": 2}, {"LOG_LEVEL": "INFO", "BROADSHEET_URL_LINES": True}),
        ({"verbose": 3}, {"LOG_LEVEL": "DEBUG", "BROADSHEET_URL_LINES": True}),
        ({"verbose": 9}, {"LOG_LEVEL": "DEBUG", "BROADSHEET_URL_LINES": True}),
        ({"ports": (8080, 81), "headers": (("A", "b"),), "browser_no_sandbox": True,
          "header_hosts": ("a.example", "*")},
         {"BROADSHEET_PORTS": (8080, 81), "BROADSHEET_HEADERS": {"A": "b"}, "BROADSHEET_BROWSER_NO_SANDBOX": True,
          "BROADSHEET_HEADER_HOSTS": "a.example *"}),
    ],
)  # fmt: skip
def test_options_become_settings(given, changed):
    assert spider_settings(PLAIN | given) == ALWAYS | changed


def spider(due: int, *, contact: str = "", **counts: int) -> Any:
    queue = SimpleNamespace(counts=lambda: {"done": 0, "queued": 0} | counts)
    session = SimpleNamespace(queue=queue, due_count=due, recovery=Recovery("a.db"))
    return SimpleNamespace(parts=SimpleNamespace(session=session, seeds=(), options=SimpleNamespace(contact=contact)))


@pytest.mark.parametrize(
    ("due", "counts", "line"),
    [
        (0, {"done": 1234, "queued": 0}, "Going on: 1,234 URLs done, 0 waiting."),
        (0, {"done": 1, "queued": 5}, "Going on: 1 URL done, 5 waiting."),
        (1, {"queued": 1}, "Looking again: 1 URL is due."),
        (2, {"queued": 2}, "Looking again: 2 URLs are due."),
        (2, {"queued": 1502}, "Looking again: 2 URLs are due, 1,500 more wait."),
    ],
)
def test_a_crawl_that_goes_on_says_where_it_stands(due, counts, line):
    assert spider_run._resume_message(spider(due, **counts)) == line


TIP = "Tip: --contact you@example.org tells sites whom to ask about this crawl."
GOING_ON = "Going on: 0 URLs done, 0 waiting."
STOPPING = "Stopping after the current work; Ctrl-C again stops at once."


@pytest.mark.parametrize(
    ("quiet", "existed", "lacks", "contact", "watched", "lines"),
    [
        (False, True, True, "", False, [TIP, GOING_ON, STOPPING]),
        (False, False, True, "me@a.example", False, [STOPPING]),
        (False, True, False, "", False, [GOING_ON, STOPPING]),
        (True, True, True, "", False, [STOPPING]),
        (True, True, True, "", True, []),
    ],
)
def test_a_crawl_says_what_it_begins_with_and_that_it_stops(quiet, existed, lacks, contact, watched, lines, capsys):
    handled: list[int] = []
    opened: list[Any] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, lambda number, _: handled.append(number))

    async def crawl() -> None:
        watcher = spider_run._CrawlWatcher(quiet=quiet, archive_existed=existed)
        watcher.has_no_contact, watcher.on_opened = lacks, opened.append if watched else None
        watcher.spider_opened(begun)
        signal.raise_signal(signal.SIGTERM)
        assert watcher.signal == signal.SIGTERM
        signal.raise_signal(signal.SIGINT)
        assert watcher.signal == signal.SIGINT
        await asyncio.sleep(0)

    begun = spider(0, contact=contact)
    try:
        asyncio.run(crawl())
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert (handled, opened) == ([signal.SIGTERM, signal.SIGINT], [begun] if watched else [])
    told = capsys.readouterr().err.splitlines()
    assert told == [*lines, *lines[-1:]] if STOPPING in lines else told == lines


RECEIVER = Receiver("json://a.example", "the first")
URL = "https://a.example:8080/start"
NEWS = [NewsItem(NewsEvent.EDITS, ("a.example",), "edited"), NewsItem(NewsEvent.ALARMS, ("a.example",), "gone\nmore")]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[NewsItem]]]:
    """The names and news of what was sent; one receiver of it could not be reached."""
    messages: list[tuple[str, list[NewsItem]]] = []

    def send(name: str, news: list[NewsItem], receivers: Any, send_notice: Any) -> list[str]:
        assert receivers == [RECEIVER]
        messages.append((name, news))
        return ["the first: not reached"]

    monkeypatch.setattr(run_notices, "send_notices", send)
    monkeypatch.setattr(run_notices, "is_known_address", lambda receiver: receiver is RECEIVER)
    monkeypatch.setattr(run_notices, "read_news", lambda *arguments: NEWS)
    return messages


@pytest.fixture
def options(tmp_path: Path) -> dict[str, Any]:
    with Archive.open(tmp_path / "a.db"):
        pass
    return {"db": str(tmp_path / "a.db"), "urls": (URL,)}


def crawling(*failures: str, error: BaseException | None = None) -> Callable[..., int]:
    def crawl(options: Any, on_failure: Callable[[str], object]) -> int:
        for failure in failures:
            on_failure(failure)
        if error is not None:
            raise error
        return 3

    return crawl


def test_an_address_that_nobody_knows_is_refused_before_the_crawl(sent, options):
    crawled: list[Any] = []
    with pytest.raises(CommandError, match=r"^the other is not an address"):
        crawl_and_notify(
            lambda *arguments: crawled.append(arguments) or 0, options, [RECEIVER, Receiver("x", "the other")]
        )
    assert crawled == sent == []


def test_what_failed_and_what_is_new_is_sent_once(sent, options, capsys):
    assert crawl_and_notify(crawling(), options, [RECEIVER]) == 3
    assert sent == [("a.db", NEWS)]
    sent.clear()
    assert crawl_and_notify(crawling("gone", "http://name:word@a.example/ failed"), options, [RECEIVER]) == 3
    failures = [
        NewsItem(NewsEvent.FAILURES, ("a.example:8080",), words) for words in ("gone", "http://a.example/ failed")
    ]
    assert sent == [("a.db", [*failures, NEWS[0]])]
    assert capsys.readouterr().err == "broadsheet: the first: not reached\n" * 2


@pytest.mark.parametrize(
    ("error", "failures", "lines"),
    [
        (NotReachable("no room"), ["failed"], ["failed", "no room"]),
        (OSError("no room"), ["failed"], ["failed", "no room"]),
        (KeyboardInterrupt(), ["failed"], ["failed"]),
        (KeyboardInterrupt(), [], []),
    ],
)
def test_a_run_that_breaks_or_is_stopped_tells_what_had_failed_and_no_news(sent, options, error, failures, lines):
    with pytest.raises(type(error)):
        crawl_and_notify(crawling(*failures, error=error), options, [RECEIVER])
    assert [item.line for _, news in sent for item in news] == lines


def test_an_update_s_failures_are_of_the_archive_s_start_hosts(sent, options, monkeypatch):
    monkeypatch.setattr(run_notices, "seed_hosts", lambda db: ("b.example",))
    crawl_and_notify(crawling("failed"), options | {"urls": ()}, [RECEIVER])
    assert sent[0][1][0] == NewsItem(NewsEvent.FAILURES, ("b.example",), "failed")


def test_a_moment_is_that_of_the_archive_or_of_none(options, tmp_path):
    make = Maker()
    with Archive.open(options["db"], make.clock) as archive:
        archive.save([make.outcome("https://a.example/1", "text")])
    assert crawl._moment_of(options["db"]).seq == 1
    (tmp_path / "text.db").write_text("no archive")
    for missing in ("none.db", "text.db"):
        moment = crawl._moment_of(str(tmp_path / missing))
        assert (moment.seq, moment.known_looks) == (0, frozenset())


SEED = "https://a.example/river"  # in the archive, as an article
MISSING = "https://a.example/missing"


def run(db: Path, *seeds: str, ended: str = "", **stored: int) -> RunResult:
    return RunResult(str(db), seeds or (SEED,), 2.0, stored or {"page/done/article": 2}, ended)


def add(db: Path, *outcomes: Outcome) -> None:
    with Archive.open(db) as archive:
        archive.save(outcomes)


def test_exit_codes(db, tmp_path):
    add(db, Outcome(MISSING, "failed", "http_404"))
    assert exit_code(run(db)) == 0
    assert exit_code(run(db, MISSING)) == 1
    assert exit_code(run(db, MISSING, SEED)) == 0
    assert exit_code(run(db, ended="archive: disk full")) == 1
    assert exit_code(run(db, ended="fault: KeyError: 'x'")) == 1
    assert exit_code(run(db, ended="max_pages")) == 0
    Archive.open(tmp_path / "empty.db").close()
    assert exit_code(run(tmp_path / "empty.db")) == 1


def test_the_summary_counts_rendered_pages(db, capsys):
    print_summary(run(db), review_run(run(db)))
    assert "browser:" not in capsys.readouterr().out
    stats = {"broadsheet/browser/gained": 2, "broadsheet/browser/hung": 1, "broadsheet/pages": 9}
    print_summary(RunResult(str(db), (SEED,), 2.0, {"page/done/article": 2}, stats=stats), review_run(run(db)))
    assert "Rendered in a browser: 3 pages, of which 2 showed more\n" in capsys.readouterr().out


def test_a_crawl_that_a_limit_ended_before_its_first_page_is_not_called_done(db, capsys):
    print_summary(RunResult(str(db), (SEED,), 5.0, {}, "max_time"), review_run(run(db)))
    shown = capsys.readouterr().out
    assert "Nothing to do" not in shown
    assert "0 pages fetched in 5 s\n" in shown
    assert "\nStopped at --max-time; the same command with more room goes on from here.\n" in shown
    print_summary(RunResult(str(db), (SEED,), 5.0, {}), review_run(run(db)))
    assert "Nothing to do: every URL that was found is done." in capsys.readouterr().out


def test_the_summary_is_the_letter_of_the_run(db, capsys):
    stored = {"page/done/article": 2, "robots/done/robots": 1, "page/failed/timeout": 3, "picture/done/picture": 1234}
    stored |= {"page/done/not_modified": 3, "page/skipped/not_there": 4, "page/done/redirect": 5}
    with Archive.open(db) as archive:
        archive.runs.finish(archive.runs.start("crawl", {}, {}), "finished", "", stored)
    ended = RunResult(str(db), (SEED,), 61.4, stored)
    print_summary(ended, review_run(ended))
    shown = capsys.readouterr()
    assert shown.out.startswith(f"2 articles in {db}; 2 pages fetched, 3 URLs unchanged, 1,234 pictures in 61 s\n")
    assert "\nFailed, or gone: 3 pages (no answer in time)\n" in shown.out
    assert shown.err == ""


def test_complaints(db, tmp_path):
    with Archive.open(db) as archive:
        archive.runs.start("crawl", {"seeds": [SEED, MISSING]}, {})
    assert failures(run(db)) == []
    add(db, Outcome(MISSING, "failed", "http_404"))
    assert failures(run(db, SEED, MISSING)) == [f"The start URL {MISSING} failed: HTTP 404 Not Found"]
    Archive.open(tmp_path / "empty.db").close()
    assert failures(run(tmp_path / "empty.db")) == []


def failures(ended: RunResult) -> list[str]:
    return [look.sentence for look in failure_looks(ended, review_run(ended).looks)]


def test_next_steps_quote_the_file():
    assert "search 'my file; rm.db' WORDS" in next_steps("my file; rm.db")


def test_next_steps_offer_pictures_where_most_articles_have_some_and_none_was_asked_for():
    assert "update a.db --pictures" in next_steps("a.db", lacks_pictures=True)
    assert "--pictures" not in next_steps("a.db")


@pytest.mark.parametrize(
    ("end", "how"),
    [("killed", "Stopped at once; what was under way is asked for again."), ("", "Stopped.")],
)
def test_a_stopped_crawl_says_how_and_what_it_has(db, end, how, capsys):
    with Archive.open(db) as archive:
        found = DiscoveredUrl("https://a.example/next", "a.example")
        archive.save([Outcome("https://a.example/", "done", "list", discovered_urls=(found,))])
    print_stopped(RunResult(str(db), (SEED,), 7.4, {"page/done/article": 2, "page/failed/dns": 1}, end, 2))
    assert capsys.readouterr().err.splitlines() == [
        f"{how} {db} is in order, and the same command goes on from here.",
        "So far: 2 articles; 2 pages fetched in 7 s; 1 URL waiting.",
    ]
    print_stopped(RunResult(str(db.with_name("none.db")), (SEED,), 7.4, {}, end, 2))
    assert capsys.readouterr().err.count("\n") == 1


def test_what_failed_is_a_line_each_with_its_advice(db, capsys):
    start = Look(LookKind.START, Severity.LOOK, 1, "The start failed", "look at it", subject=MISSING)
    looks = [
        start, replace(start, subject=SEED, sentence="Another start failed"),
        replace(start, kind=LookKind.EDITED, severity=Severity.FAULT, sentence="A fault", advice=""),
        replace(start, kind=LookKind.EDITED, sentence="Only a look"),
    ]  # fmt: skip
    told: list[str] = []
    print_failures(run(db, MISSING), looks, told.append)
    assert told == ["The start failed", "A fault"]
    assert capsys.readouterr().err == "broadsheet: The start failed (look at it)\nbroadsheet: A fault\n"


def test_a_log_has_no_two_lines_in_a_row_that_say_the_same(monkeypatch, capsys):
    monkeypatch.setattr(progress_line, "_PLAIN_SECONDS", 0.001)
    states = ["one", "one", "two", "two", "two", "one", "end"]

    async def watch() -> None:
        async with progress_line.show_progress(lambda: states.pop(0) if len(states) > 1 else states[0], quiet=False):
            while len(states) > 1:
                await asyncio.sleep(0.001)

    asyncio.run(watch())
    assert capsys.readouterr().err.split()[:3] == ["one", "two", "one"]


def shown(monkeypatch: pytest.MonkeyPatch, *, is_terminal: bool, quiet: bool, seconds: float) -> str:
    """Return what is printed while a command prints a line after so long."""
    stream = io.StringIO()
    stream.isatty = lambda: is_terminal  # type: ignore[method-assign]
    for name, value in (("TERM", "xterm"), ("COLUMNS", "40")):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stderr", stream)

    async def watch() -> None:
        async with progress_line.show_progress(lambda: "at work", quiet=quiet) as print_line:
            await asyncio.sleep(seconds)
            print_line("one\nline [b]of[/b] more than forty characters, none of which is lost")

    asyncio.run(watch())
    return stream.getvalue()


LINE = "one line [b]of[/b] more than forty characters, none of which is lost\n"


@pytest.mark.parametrize(("is_terminal", "quiet"), [(False, False), (False, True), (True, True)])
def test_a_log_and_a_quiet_terminal_get_lines_alone(is_terminal, quiet, monkeypatch):
    assert shown(monkeypatch, is_terminal=is_terminal, quiet=quiet, seconds=0) == LINE


def test_a_terminal_has_a_live_line_that_is_gone_at_the_end(monkeypatch):
    monkeypatch.setattr(progress_line, "_LIVE_SECONDS", 0.001)
    text = shown(monkeypatch, is_terminal=True, quiet=False, seconds=0.02)
    assert "at work" in text.partition(LINE)[0]
    assert text.startswith("\x1b[?25l")
    assert text.endswith("\x1b[2K")


def test_the_first_signal_is_told_and_the_second_is_nobody_s(capsys):
    stops: list[int] = []

    async def work() -> None:
        async with progress_line.handle_stop_signals(stops.append):
            signal.raise_signal(signal.SIGTERM)
            await asyncio.sleep(0.01)
            handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        assert handlers == [signal.default_int_handler, signal.SIG_DFL]

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        asyncio.run(work())
    finally:
        signal.signal(signal.SIGINT, before)
    assert stops == [signal.SIGTERM]
    assert capsys.readouterr().err == "Stopping after the current work; Ctrl-C again stops at once.\n"
