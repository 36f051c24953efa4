"""The parts of a crawl, built and checked from its options and Scrapy's settings. OptionError says what cannot be
used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from w3lib.url import file_uri_to_path

from broadsheet.cleaners.document import ExtractorUse
from broadsheet.cleaners.judge.site_rule_files import SiteRuleFolder, SiteRulesError
from broadsheet.crawler.crawl.hosts import PolitenessSettings
from broadsheet.crawler.crawl.outcome_writer import BATCH_TARGET
from broadsheet.crawler.fetch.capacity import default_requests, requests_by_files
from broadsheet.crawler.fetch.faults import RetryPolicy
from broadsheet.crawler.fetch.identity import Identity
from broadsheet.crawler.fetch.request_headers import read_headers
from broadsheet.crawler.options import CrawlOptions, OptionError, read_extractor_use
from broadsheet.crawler.workers.worker import process_count
from broadsheet.output.read.export_target import OwnFiles

_ANSWERS_PER_WORKER = (
    4  # answers for each cleaning process: what it works on, what waits for it, and what comes meanwhile
)


def identity_of(options: CrawlOptions, settings: Any) -> Identity:
    """How the crawl identifies itself. A From header that the user sets otherwise stays theirs. OptionError for
    headers that are none."""
    contact = options.contact or settings["BROADSHEET_CONTACT"]
    identity = Identity.with_contact(options.user_agent or settings["USER_AGENT"], contact)
    given_names = (*settings.getdict("DEFAULT_REQUEST_HEADERS"), *read_headers(settings["BROADSHEET_HEADERS"]))
    header_names = {name.lower() for name in given_names}
    return replace(identity, sender="") if "from" in header_names else identity


def site_rules_of(options: CrawlOptions) -> SiteRuleFolder | None:
    """The user's folder of rule files, opened once before anything is fetched; None without one."""
    try:
        return SiteRuleFolder(options.site_rules) if options.site_rules else None
    except SiteRulesError as error:
        raise OptionError(str(error)) from error


def extractor_use_of(options: CrawlOptions, settings: Any) -> ExtractorUse:
    """On which pages trafilatura is asked: as the options say, else as the setting does."""
    name = "BROADSHEET_EXTRACTOR"
    return options.extractor or read_extractor_use(str(settings[name]), name)


def retries_of(settings: Any) -> RetryPolicy:
    """How often to retry a request, and how long to wait before."""
    return RetryPolicy(settings.getint("BROADSHEET_RETRY_TIMES"), settings.getfloat("BROADSHEET_RETRY_WAIT"))


def worker_count(settings: Any) -> int:
    """The number of worker processes."""
    return process_count(settings.getint("BROADSHEET_WORKERS"))


def request_count(settings: Any) -> int:
    """The number of requests under way at once, to all hosts together."""
    if chosen_count := settings.getint("CONCURRENT_REQUESTS"):
        return min(int(chosen_count), requests_by_files())
    return default_requests(settings.getint("DOWNLOAD_MAXSIZE"))


def politeness_of(settings: Any, identity: Identity, options: CrawlOptions) -> PolitenessSettings:
    """The politeness settings of the crawl."""
    return PolitenessSettings(
        delay=settings.getfloat("BROADSHEET_DELAY"),
        requests_per_host=settings.getint("BROADSHEET_PER_HOST"),
        max_requests=request_count(settings),
        max_unstored=BATCH_TARGET + _ANSWERS_PER_WORKER * worker_count(settings),
        user_agent=identity.user_agent,
        robots_max_age=settings.getfloat("BROADSHEET_ROBOTS_AGE"),
        obey_robots=not options.ignore_robots,
    )


def check_feeds(settings: Any, database: str | Path) -> None:
    """OptionError if a feed of Scrapy's (`-O`, `-o`, FEEDS) would be written over a file of the archive."""
    own_files = OwnFiles(Path(database))
    for feed in map(str, settings.getdict("FEEDS")):
        scheme = urlsplit(feed).scheme
        path = file_uri_to_path(feed) if scheme == "file" else feed
        if scheme in ("", "file") and (reason := own_files.refusal(Path(path))):
            raise OptionError(f"{path} {reason}: name another file for the articles")
