"""Which sites are due, and what to do about each. Pure: the time is passed in."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from broadsheet.crawler.fleet.records import SiteRecord, digest_of
from broadsheet.crawler.fleet.site_task import SiteEnd, SiteTask
from broadsheet.crawler.fleet.sites.sites_file import Site, SiteList

_SLACK = 0.1
"""The part of `every` by which a site may be early, so that a daily job finds its sites if it starts a bit earlier."""
_MAX_SLACK = timedelta(hours=1)
_FIRST_RETRY = timedelta(hours=1)
"""After this a site is tried again that failed once; twice as long after each further failure, up to `every`."""
_MAX_DOUBLINGS = 20
UNFINISHED = (SiteEnd.STOPPED, SiteEnd.KILLED, SiteEnd.NOT_STARTED, SiteEnd.IN_USE)
"""Ends after which the same task is due at once."""


@dataclass(frozen=True, slots=True)
class Shard:
    """One of `count` parts of a fleet, by the sites' names: the same one wherever and whenever it is asked."""

    number: int = 1
    count: int = 1

    def holds(self, site_name: str) -> bool:
        """Whether a site is in this part."""
        digest = hashlib.sha256(site_name.encode()).digest()
        return int.from_bytes(digest[:8], "big") % self.count == self.number - 1


def due_at(site: Site, record: SiteRecord | None) -> datetime | None:
    """When a site is due; None for at once."""
    if record is None or record.result.end in UNFINISHED or record.words_digest != digest_of(site.crawl_words):
        return None
    wait = timedelta(seconds=site.every)
    if record.failures:
        wait = min(wait, _FIRST_RETRY * 2 ** min(record.failures - 1, _MAX_DOUBLINGS))
    try:
        return datetime.fromisoformat(record.turn_at) + wait - min(wait * _SLACK, _MAX_SLACK)
    except (ValueError, OverflowError):
        return None


def due_tasks(
    fleet: SiteList, sites: Iterable[Site], read: Callable[[str], SiteRecord | None], now: datetime | None
) -> Iterator[SiteTask]:
    """The tasks of those of the sites that are due, in their order; of all of them where `now` is None."""
    for site in sites:
        record = read(site.name)
        due = due_at(site, record)
        if now is None or due is None or due <= now:
            yield site_task(fleet, site, record)


def site_task(fleet: SiteList, site: Site, record: SiteRecord | None) -> SiteTask:
    """What to do for a site: an update once a crawl with the same words was finished."""
    due = due_at(site, record)
    return SiteTask(
        name=site.name,
        archive=fleet.archive(site.name),
        crawl_words=site.crawl_words,
        update_words=site.update_words,
        is_update=record is not None and record.is_crawled and record.words_digest == digest_of(site.crawl_words),
        due_at=due.isoformat() if due else "",
        notify=site.notify,
        hosts=site.hosts,
    )
