"""Parts of a crawl, built and checked once from its options and Scrapy's settings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from http.cookiejar import Cookie
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from w3lib.url import file_uri_to_path

from broadsheet.cleaners.document import ExtractorUse
from broadsheet.cleaners.judge.site_rule_files import SiteRuleFolder, SiteRulesError
from broadsheet.output.archive.archive_file import make_private
from broadsheet.output.archive.rendered_layouts import stored_rendered_layouts
from broadsheet.output.read.export_target import OwnFiles
from broadsheet.output.write.run_records import hosts_of_queued_seeds, moved_seeds, redirect_chains

from ..discovery.scope import Scope
from ..fetch.capacity import ByteBudget, default_requests, requests_by_files
from ..fetch.connection import check_authorities
from ..fetch.exchange_recorder import ExchangeRecorder
from ..fetch.faults import RetryPolicy
from ..fetch.guard import allowed_ports
from ..fetch.identity import Credentials, Identity, read_contact
from ..fetch.request_headers import GivenHeaders, read_cookies, read_headers
from ..fetch.requests import RequestBuilder
from ..fetch.safe_settings import settings_problem
from ..options import (
    BROWSER_ALWAYS,
    BROWSER_AUTO,
    BROWSER_NEVER,
    CrawlOptions,
    OptionError,
    parse_size,
    read_extractor_use,
)
from ..rendering.chromium import Chromium, find_chromium, is_extra_installed
from ..workers.pool import WorkerPool
from ..workers.worker import process_count
from .early_checks import checked_seeds
from .frontier import Frontier
from .host_files import GuessedPlaces, RobotsReader
from .hosts import PolitenessSettings
from .outcome_writer import BATCH_TARGET
from .outcomes import MAX_REDIRECTS, OutcomeBuilder
from .scrapy_settings import depth_limit, redact_logs
from .session import AllowedTargets, CrawlSession, seed_rows

if TYPE_CHECKING:
    from .page_rendering import PageRendering

_ANSWERS_PER_WORKER = 4  # responses per worker: being cleaned, waiting, and arriving meanwhile


@dataclass(frozen=True, slots=True)
class CrawlParts:
    """Parts of one crawl: its options and start URLs as checked, the open archive, and what fetches and judges."""

    options: CrawlOptions
    seeds: tuple[str, ...]
    session: CrawlSession
    workers: WorkerPool
    outcomes: OutcomeBuilder
    frontier: Frontier
    robots_reader: RobotsReader
    guesses: GuessedPlaces
    request_builder: RequestBuilder
    byte_budget: ByteBudget
    rendering: PageRendering | None = None


@dataclass(frozen=True, slots=True)
class _SentValues:
    """Values that are sent with requests, read and checked before the archive is opened."""

    identity: Identity
    cookies: tuple[Cookie, ...]
    given_headers: GivenHeaders
    credentials: Credentials
    site_rules: SiteRuleFolder | None
    chromium: Chromium | str | None


def build_parts(options: CrawlOptions, settings: Any, db: str) -> CrawlParts:
    """Check options and settings, open the archive `db`, and start a run in it.

    Raises OptionError for unusable options or settings, and ArchiveError.
    """
    if options.max_depth is None:
        options = replace(options, max_depth=depth_limit(settings))
    _check_settings(options, settings)
    seeds = checked_seeds(options.seeds, settings.getbool("BROADSHEET_ALLOW_PRIVATE"))
    scope = Scope.from_seeds(seeds, options.include, options.exclude, options.max_depth)
    check_feeds(settings, db)
    sent = _read_sent_values(options, settings, seeds)
    redact_logs(sent.credentials.values)
    options = replace(
        options, contact=read_contact(options.contact or settings["BROADSHEET_CONTACT"]),
        user_agent=sent.identity.user_agent, extractor=extractor_use_of(options, settings),
    )  # fmt: skip
    if sent.cookies or settings["BROADSHEET_HEADERS"]:  # pages behind a login: only the owner may read the archive
        make_private(db)
    session = _open_session(options, settings, db)
    parts = _join_parts(options, settings, seeds, scope, sent, session)
    _start_run(parts, settings)
    return parts


def _check_settings(options: CrawlOptions, settings: Any) -> None:
    """Raise OptionError for settings that would make a crawl unsafe."""
    if not settings.getbool("ROBOTSTXT_OBEY") and not options.ignore_robots:
        raise OptionError("ROBOTSTXT_OBEY=False is not enough: also set -a ignore_robots=1, which the run records")
    if problem := settings_problem(settings):
        raise OptionError(problem)
    if (synchronous := _synchronous(settings)) not in ("NORMAL", "FULL"):
        raise OptionError(f"BROADSHEET_SYNCHRONOUS must be NORMAL or FULL, not {synchronous}")


def _synchronous(settings: Any) -> str:
    return str(settings["BROADSHEET_SYNCHRONOUS"]).upper()


def _read_sent_values(options: CrawlOptions, settings: Any, seeds: tuple[str, ...]) -> _SentValues:
    check_authorities(settings["BROADSHEET_CA"])
    cookies = read_cookies(settings["BROADSHEET_COOKIES"])
    headers = read_headers(settings["BROADSHEET_HEADERS"])
    return _SentValues(
        identity_of(options, settings),
        cookies,
        GivenHeaders.for_seeds(headers, seeds, settings["BROADSHEET_HEADER_HOSTS"]),
        Credentials.from_options(settings.getdict("DEFAULT_REQUEST_HEADERS") | headers, cookies),
        site_rules_of(options),
        chromium_of(options, settings),
    )


def _open_session(options: CrawlOptions, settings: Any, db: str) -> CrawlSession:
    warc_size = parse_size(str(settings["BROADSHEET_WARC_SIZE"]), "BROADSHEET_WARC_SIZE")
    session = CrawlSession.open(db, options, every_commit=_synchronous(settings) == "FULL")
    if options.warc:
        session.keep_raw(options.user_agent, warc_size)
    return session


def _join_parts(
    options: CrawlOptions, settings: Any, seeds: tuple[str, ...], scope: Scope, sent: _SentValues, session: CrawlSession
) -> CrawlParts:
    retries = RetryPolicy(settings.getint("BROADSHEET_RETRY_TIMES"), settings.getfloat("BROADSHEET_RETRY_WAIT"))
    workers = WorkerPool(worker_count(settings), settings.getfloat("BROADSHEET_PAGE_SECONDS"))
    outcomes = OutcomeBuilder(options, scope, workers, retries)
    outcomes.robot = sent.identity.robot_name
    outcomes.told_articles = session.told_articles()
    frontier = Frontier(session.queue, politeness_of(settings, sent.identity, options))
    session.pending_count = lambda: frontier.in_flight
    make_recorder = partial(
        ExchangeRecorder, sent.credentials.header_names,
        keeps_credentials=options.keep_credentials, keeps_bytes=options.warc,
    )  # fmt: skip
    request_builder = RequestBuilder(
        sent.identity, session.validators, sent.cookies, sent.site_rules, sent.given_headers, make_recorder
    )  # fmt: skip
    rendering = None
    if sent.chromium is not None:
        from .page_rendering import LayoutSampling, PageRendering  # a crawl without a browser needs none of it

        layouts = LayoutSampling(stored_rendered_layouts(session.read_db))
        rendering = PageRendering(options, sent.chromium, frontier, request_builder, layouts)
    return CrawlParts(
        options=options,
        seeds=seeds,
        session=session,
        workers=workers,
        outcomes=outcomes,
        frontier=frontier,
        robots_reader=RobotsReader(frontier, retries, sent.identity.user_agent),
        guesses=GuessedPlaces(options),
        request_builder=request_builder,
        byte_budget=ByteBudget(settings.getint("SCRAPER_SLOT_MAX_ACTIVE_SIZE")),
        rendering=rendering,
    )


def _start_run(parts: CrawlParts, settings: Any) -> None:
    """Start a run in the archive, with the redirects that an earlier one was following."""
    session, seeds = parts.session, parts.seeds
    seed_targets = moved_seeds(session.read_db, seeds, MAX_REDIRECTS + 1)
    parts.outcomes.resume(redirect_chains(session.read_db, MAX_REDIRECTS + 1), seed_targets)
    verb = "update" if parts.options.only_pages or parts.options.revisit not in ("", "due") else "crawl"
    if parts.options.only_pages:
        parts.guesses.is_guessing = parts.outcomes.reads_sitemaps = False
    verb = "update --pictures" if parts.options.only_missing else verb
    targets = AllowedTargets(allowed_ports(seeds, settings), settings.getbool("BROADSHEET_ALLOW_PRIVATE"))
    session.start(
        f"{verb} {' '.join(parts.options.only_pages or seeds)}", seed_rows(seeds), parts.outcomes.scope, targets
    )
    parts.guesses.awaited_hosts.update(hosts_of_queued_seeds(session.read_db, (*seeds, *seed_targets)))


def identity_of(options: CrawlOptions, settings: Any) -> Identity:
    """Read how the crawl identifies itself; a From header of the user stays. OptionError for a malformed header."""
    contact = options.contact or settings["BROADSHEET_CONTACT"]
    identity = Identity.with_contact(options.user_agent or settings["USER_AGENT"], contact)
    given_names = (*settings.getdict("DEFAULT_REQUEST_HEADERS"), *read_headers(settings["BROADSHEET_HEADERS"]))
    header_names = {name.lower() for name in given_names}
    return replace(identity, sender="") if "from" in header_names else identity


def site_rules_of(options: CrawlOptions) -> SiteRuleFolder | None:
    """Open the user's folder of rule files, once before anything is fetched; None without one."""
    try:
        return SiteRuleFolder(options.site_rules) if options.site_rules else None
    except SiteRulesError as error:
        raise OptionError(str(error)) from error


def chromium_of(options: CrawlOptions, settings: Any) -> Chromium | str | None:
    """Return the Chromium to render with, or a text that says why it may not start; None if rendering is off.

    OptionError with `--browser always` if Chromium may not start.
    """
    if options.browser == BROWSER_NEVER or (options.browser == BROWSER_AUTO and not is_extra_installed()):
        return None
    chromium = find_chromium(allows_no_sandbox=settings.getbool("BROADSHEET_BROWSER_NO_SANDBOX"))
    if options.browser == BROWSER_ALWAYS and isinstance(chromium, str):
        raise OptionError(chromium)
    return chromium


def extractor_use_of(options: CrawlOptions, settings: Any) -> ExtractorUse:
    """Return when trafilatura is asked: by the options or, if they do not say, by the setting."""
    name = "BROADSHEET_EXTRACTOR"
    return options.extractor or read_extractor_use(str(settings[name]), name)


def worker_count(settings: Any) -> int:
    """Return the number of worker processes."""
    return process_count(settings.getint("BROADSHEET_WORKERS"))


def request_count(settings: Any) -> int:
    """Return the number of requests under way at once, to all hosts together."""
    if chosen_count := settings.getint("CONCURRENT_REQUESTS"):
        return min(int(chosen_count), requests_by_files())
    return default_requests(settings.getint("DOWNLOAD_MAXSIZE"))


def politeness_of(settings: Any, identity: Identity, options: CrawlOptions) -> PolitenessSettings:
    """Return the politeness settings of the crawl."""
    return PolitenessSettings(
        delay=settings.getfloat("BROADSHEET_DELAY"),
        requests_per_host=settings.getint("BROADSHEET_CONCURRENCY"),
        max_requests=request_count(settings),
        max_unstored=BATCH_TARGET + _ANSWERS_PER_WORKER * worker_count(settings),
        user_agent=identity.user_agent,
        robots_max_age=settings.getfloat("BROADSHEET_ROBOTS_AGE"),
        obey_robots=not options.ignore_robots,
    )


def check_feeds(settings: Any, database: str | Path) -> None:
    """Raise OptionError if a feed of Scrapy's (`-O`, `-o`, FEEDS) would overwrite a file of the archive."""
    own_files = OwnFiles(Path(database))
    for feed in map(str, settings.getdict("FEEDS")):
        scheme = urlsplit(feed).scheme
        path = file_uri_to_path(feed) if scheme == "file" else feed
        if scheme in ("", "file") and (reason := own_files.refusal(Path(path))):
            raise OptionError(f"{path} {reason}: name another file for the articles")
