"""Crawl for Python programs: `broadsheet.crawl`, its progress, its result, and the process that it runs in.

Scrapy's reactor starts once in a process, and wants signals and the main thread. So a crawl has a process of its own,
which a program may start from any thread, in a notebook, and as often as it likes. The program writes what it asks for
to the process's standard input, and keeps that open: when it is closed, by `stop` or since the program is gone, the
crawl stops. What it has to say comes back through a pipe, as pickled values.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, TypedDict, Unpack

from broadsheet.crawler.options import SETTING_OPTIONS, OptionError
from broadsheet.output.archive.archive_errors import ArchiveError

if TYPE_CHECKING:
    from broadsheet.crawler.commands.run_summary import RunResult
    from broadsheet.crawler.crawl.spiders import SiteSpider


class CrawlError(Exception):
    """A crawl that cannot run on this machine, or that failed; the message is one line."""


class CrawlArguments(TypedDict, total=False):
    """Options of a crawl: the fields of `broadsheet.crawler.options.CrawlOptions`, and some settings.

    `headers` maps names to values, `cookies` is a cookies.txt file, `ca` a PEM file of additional certificate
    authorities, `concurrency` the number of pending requests to one host. `max_time` and `delay` are in seconds.
    """

    include: Sequence[str]
    exclude: Sequence[str]
    max_pages: int
    max_depth: int
    max_time: float
    max_size: int | str
    since: date | str
    languages: Sequence[str]
    sitemaps: bool
    feeds: bool
    links: bool
    obey_directives: bool
    ignore_robots: bool
    sampling: bool
    keep: Literal["text", "pictures"]
    only_missing: bool
    only_pages: Sequence[str]
    contact: str
    user_agent: str
    site_rules: str
    warc: bool
    keep_credentials: bool
    extractor: Literal["always", "in-doubt", "never"]
    browser: Literal["auto", "never", "always"]
    revisit: Literal["", "due", "update", "all"]
    watch: Literal["", "close", "usual", "rare"]
    every: float
    delay: float
    concurrency: int
    allow_private: bool
    browser_no_sandbox: bool
    ports: Sequence[int]
    headers: Mapping[str, str]
    cookies: str
    ca: str


@dataclass(frozen=True, slots=True)
class CrawlProgress:
    """Progress of a crawl: pages of this run, articles among them, failed URLs, and waiting URLs.

    `seconds` counts from the first request; `latest_url` is the last one stored, empty at the beginning.
    """

    pages: int
    article_pages: int
    failed: int
    queued: int
    seconds: float
    latest_url: str


@dataclass(frozen=True, slots=True)
class CrawlResult:
    """Result of a crawl that ended properly.

    `outcome` is `finished`, or `stopped` by the program, a signal or a limit of Scrapy's. `reason` says why it ended:
    `finished`, `max_pages`, `max_time`, `max_size`, `shutdown` … `pages` and `article_pages` count what this run
    stored, `counts` its URLs by `state/reason`. `problems` has a line for each failed start URL, or one if nothing was
    found. `stats` are Scrapy's, with ours under `broadsheet/`.
    """

    archive: Path
    outcome: str
    reason: str
    seconds: float
    pages: int = 0
    article_pages: int = 0
    counts: Mapping[str, int] = field(default_factory=dict, repr=False)
    problems: tuple[str, ...] = ()
    stats: Mapping[str, Any] = field(default_factory=dict, repr=False)


class StopFlag(Protocol):
    """Flag that tells the crawl to stop, such as a `threading.Event`."""

    def is_set(self) -> bool:
        """Return whether the crawl should stop."""


@dataclass(frozen=True, slots=True)
class _CrawlRequest:
    """Request of a program to the process of a crawl."""

    archive: str
    arguments: Mapping[str, Any]
    settings: Mapping[str, Any]
    interval: float

    def pickled(self) -> bytes:
        """Return the request as bytes. Raises OptionError if a value cannot be pickled."""
        try:
            return pickle.dumps(self)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise OptionError(f"settings must be values that another process can read: {error}") from error


def crawl(
    urls: str | Sequence[str],
    archive: str | PathLike[str],
    *,
    on_progress: Callable[[CrawlProgress], object] | None = None,
    stop: StopFlag | None = None,
    interval: float = 1.0,
    settings: Mapping[str, Any] | None = None,
    **options: Unpack[CrawlArguments],
) -> CrawlResult:
    """Crawl a site into an archive, which is made if it is missing, and return when the crawl has ended.

    `on_progress` is called every `interval` seconds. Once `stop` is set, by it or by another thread, no more requests
    are made, and what is under way is stored; so it is with Ctrl-C, or if `on_progress` raises, which is then raised
    here. `settings` are Scrapy's, and go before the options. What the spider logs goes to standard error.

    Raises OptionError for impossible options, ArchiveError for an unusable archive, and CrawlError for a crawl that
    broke; each has one line. The archive is in order after any of them, and the same call goes on from there.

        result = broadsheet.crawl("https://news.example/", "news.db", max_pages=100)
        print(result.article_pages, result.reason)
    """
    from broadsheet.crawler.crawl.early_checks import check_arguments
    from broadsheet.crawler.workers.worker import workers_problem

    arguments: dict[str, Any] = {"revisit": "due"} | dict(options)
    changed_settings = {setting: arguments.pop(name) for name, setting in SETTING_OPTIONS.items() if name in arguments}
    arguments["seeds"] = urls
    if not interval > 0:
        raise OptionError(f"interval must be a number of seconds above 0, not {interval}")
    if problem := workers_problem():
        raise CrawlError(problem)
    check_arguments(arguments, bool(changed_settings.get("BROADSHEET_ALLOW_PRIVATE")))
    file = Path(archive).absolute()
    request = _CrawlRequest(str(file), arguments, changed_settings | dict(settings or {}), interval)
    with _CrawlProcess(request.pickled()) as process:
        for message in process.messages():
            if isinstance(message, Exception):
                raise message
            if isinstance(message, CrawlResult):
                return message
            if on_progress is not None:
                on_progress(message)
            if stop is not None and stop.is_set():
                process.stop()
    raise CrawlError(f"the process of the crawl ended with exit code {process.exit_code}")


class _CrawlProcess:
    """Process of a crawl, as its program sees it; at the end of a `with` block it is stopped and waited for."""

    def __init__(self, request: bytes) -> None:
        read_end, write_end = os.pipe()
        self._pipe = os.fdopen(read_end, "rb")
        self.exit_code = 0
        try:
            # The names that the program can import, such as its own pipelines, the crawl can import too.
            places = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", __name__, str(write_end)],
                stdin=subprocess.PIPE,
                env=os.environ | places,
                pass_fds=(write_end,),
                start_new_session=True,  # a Ctrl-C is for the program, which stops the crawl
            )
        except BaseException:
            self._pipe.close()
            raise
        finally:
            os.close(write_end)
        assert self._process.stdin is not None
        self._stdin = self._process.stdin
        with suppress(BrokenPipeError):  # it is gone, and its exit code says more
            self._stdin.write(request)
            self._stdin.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the crawl, and wait until it has stored what was under way; a second Ctrl-C kills it."""
        self.stop()
        try:
            for _ in self.messages():
                pass
            self.exit_code = self._process.wait()
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise
        finally:
            self._pipe.close()

    def messages(self) -> Iterator[Any]:
        """Yield the messages of the process, until it ends."""
        while True:
            try:
                yield pickle.load(self._pipe)
            except (EOFError, pickle.UnpicklingError):  # the latter of one that was killed in mid-sentence
                return

    def stop(self) -> None:
        """Stop the crawl: the process stores what is under way, and ends."""
        with suppress(BrokenPipeError):
            self._stdin.close()


def _run_request() -> None:
    """Crawl as a program asks on standard input: the main function of the crawl's process."""
    from broadsheet.crawler.crawl.processes import watch_lifeline

    request: _CrawlRequest = pickle.load(sys.stdin.buffer)
    watch_lifeline(sys.stdin.fileno())
    pipe = int(sys.argv[1])

    def send(message: CrawlProgress | CrawlResult | Exception) -> None:
        rest = memoryview(pickle.dumps(message))
        while rest:
            rest = rest[os.write(pipe, rest) :]

    with suppress(BrokenPipeError):  # the program is gone, and the crawl stops by its lifeline
        try:
            send(_crawl_here(request, send))
        except BrokenPipeError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the program is told
            send(_sendable_error(error, request.archive))


def _sendable_error(error: Exception, archive: str) -> Exception:
    """Return the error that `crawl` raises for one in its process; it can be pickled, and has one line."""
    if isinstance(error, OptionError | CrawlError):
        return error
    from broadsheet.crawler.cli.archive_access import damage_behind

    archive_error = damage_behind(archive, error) or error
    if not isinstance(archive_error, ArchiveError):
        return CrawlError(" ".join(f"{type(error).__name__}: {error}".split()))
    has_own_arguments = "__init__" in vars(type(archive_error))  # which pickle would not know
    return ArchiveError(str(archive_error)) if has_own_arguments else archive_error


def _crawl_here(request: _CrawlRequest, send: Callable[[CrawlProgress], None]) -> CrawlResult:
    """Crawl in this process. Raises what `crawl` raises."""
    import click

    from broadsheet.crawler.cli.command_line import CommandError
    from broadsheet.crawler.crawl.processes import start_workers

    try:
        start_workers()
        from broadsheet.crawler.commands import spider_run

        changed_settings = {"BROADSHEET_COMMAND": True, **request.settings}
        run = spider_run.run_spider(
            request.archive,
            request.arguments,
            changed_settings,
            on_opened=lambda spider: _report_progress(spider, request.interval, send),
        )
    except CommandError as error:
        raise OptionError(error.message) from error
    except click.ClickException as error:
        raise CrawlError(error.message) from error
    return _result_of(run)


def _report_progress(spider: SiteSpider, interval: float, send: Callable[[CrawlProgress], None]) -> None:
    """Send the spider's progress every `interval` seconds, as long as its event loop runs."""
    from twisted.internet.task import LoopingCall

    from broadsheet.crawler.cli.progress import CrawlTally
    from broadsheet.output.archive.url_words import UrlState

    tally = CrawlTally(lambda: spider.parts.session.queue.counts()[UrlState.QUEUED])
    spider.on_stored.append(tally.count)

    def send_progress() -> None:
        if spider.is_closed:
            return
        counts, queued_count = tally.counts, tally.queued_count()
        done = counts["pages"], counts["article pages"], counts[UrlState.FAILED]
        with suppress(BrokenPipeError):  # the program is gone: its end of standard input stops the crawl
            send(CrawlProgress(*done, queued_count, tally.elapsed, tally.latest_url))

    LoopingCall(send_progress).start(interval, now=False)


def _result_of(run: RunResult) -> CrawlResult:
    """Return the result of a run. ArchiveError or CrawlError if it broke."""
    from broadsheet.crawler.commands.run_summary import failure_looks, review_run

    if run.failure:
        kind, _, text = run.failure.partition(": ")
        raise (ArchiveError if kind == "archive" else CrawlError)(" ".join(text.split()))
    return CrawlResult(
        archive=Path(run.db),
        outcome=str(run.stats.get("broadsheet/outcome", "stopped")),
        reason=str(run.stats.get("finish_reason", "shutdown")),
        seconds=run.seconds,
        pages=run.page_count,
        article_pages=int(run.stats.get("broadsheet/article_pages", 0)),
        counts=dict(run.outcome_counts),
        problems=tuple(look.sentence for look in failure_looks(run, review_run(run).looks)),
        stats=dict(run.stats),
    )


if __name__ == "__main__":
    # By its full name: what is pickled here has the classes that the program knows.
    from broadsheet.crawling import _run_request as run_request

    run_request()
