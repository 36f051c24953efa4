"""What a crawl is made of, from its options and Scrapy's settings, checked. OptionError says what cannot be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cleaners.site_rules.folder import SiteRules, SiteRulesError
from cleaners.urls.canonical import canonicalise
from crawler.fetch.addresses import OPENED, check_url, port_of
from crawler.fetch.faults import Retries
from crawler.fetch.identity import Identity
from crawler.frontier.hosts import Manners
from crawler.options import CrawlOptions, OptionError
from crawler.session.writer import ENOUGH
from crawler.workers.worker import processes

_AHEAD = 4  # answers for each cleaning process: what it works on, what waits for it, and what comes meanwhile


def checked_seeds(urls: tuple[str, ...], allow_private: bool) -> tuple[str, ...]:
    """The start URLs as they are asked for, each once."""
    seeds = []
    for url in urls:
        seed = canonicalise(url)
        if seed is None:
            raise OptionError(f"not an http or https URL: {url}")
        if reason := check_url(seed, allow_private, (port_of(seed),)):
            hint = " (--allow-private opens it)" if reason in OPENED else ""
            raise OptionError(f"refused: {url} is a {reason.replace('_', ' ')} address{hint}")
        seeds.append(seed)
    return tuple(dict.fromkeys(seeds))


def identity_of(options: CrawlOptions, settings: Any) -> Identity:
    """Who the crawl says it is. A From header that a person set otherwise stays theirs."""
    contact = options.contact or settings["BROADSHEET_CONTACT"]
    identity = Identity.of(options.user_agent or settings["USER_AGENT"], contact)
    said = {name.lower() for name in settings.getdict("DEFAULT_REQUEST_HEADERS")}
    return replace(identity, sender="") if "from" in said else identity


def site_rules_of(options: CrawlOptions) -> SiteRules | None:
    """The folder of rule files that the person named, looked into once before anything is fetched."""
    try:
        return SiteRules(options.site_rules) if options.site_rules else None
    except SiteRulesError as error:
        raise OptionError(str(error)) from error


def retries_of(settings: Any) -> Retries:
    """How often to try again."""
    return Retries(settings.getint("BROADSHEET_RETRY_TIMES"), settings.getfloat("BROADSHEET_RETRY_WAIT"))


def workers_of(settings: Any) -> int:
    """How many cleaning processes there are."""
    return processes(settings.getint("BROADSHEET_WORKERS"))


def manners_of(settings: Any, identity: Identity) -> Manners:
    """How politely to ask."""
    return Manners(
        delay=settings.getfloat("BROADSHEET_DELAY"),
        per_host=settings.getint("BROADSHEET_PER_HOST"),
        at_once=settings.getint("CONCURRENT_REQUESTS"),
        landed=ENOUGH + _AHEAD * workers_of(settings),
        user_agent=identity.user_agent,
        robots_age=settings.getfloat("BROADSHEET_ROBOTS_AGE"),
        obey_robots=settings.getbool("ROBOTSTXT_OBEY"),
    )
