"""Which sites are due, with which words, and in which part of the fleet."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from broadsheet.crawler.fleet.due import Shard, due_at, due_tasks
from broadsheet.crawler.fleet.records import SiteRecord, digest_of
from broadsheet.crawler.fleet.site_task import SiteEnd, SiteResult
from broadsheet.crawler.fleet.sites.sites_file import Site, SiteList

TURN = datetime(2026, 1, 1, 3, tzinfo=UTC)
SITE = Site("news", ("https://n.example/",), ("n.example",), (), 86400.0, (), ("--delay=2", "--", "u"), ("--delay=2",))
FLEET = SiteList(Path("sites.toml"), Path("archives"), 0, 4, (SITE,))


def record(end: SiteEnd = SiteEnd.DONE, words: tuple[str, ...] = SITE.crawl_words, turn: str = "") -> SiteRecord:
    result = SiteResult("news", end, 0, Path("archives/news.db"))
    return SiteRecord(result, turn or TURN.isoformat(), "", digest_of(words), is_crawled=end is SiteEnd.DONE)


@pytest.mark.parametrize(
    "earlier",
    [None, *map(record, (SiteEnd.KILLED, SiteEnd.STOPPED)), record(words=("other",)), record(turn="yesterday")],
)
def test_what_is_new_unfinished_or_changed_is_due_at_once(earlier: SiteRecord | None) -> None:
    assert due_at(SITE, earlier) is None
    [task] = due_tasks(FLEET, FLEET.sites, lambda name: earlier, TURN)
    assert task.is_update is (earlier is not None and earlier.turn_at == "yesterday")


@pytest.mark.parametrize(
    ("failures", "minutes"), [(1, 54), (2, 108), (3, 216), (5, 15 * 60), (6, 23 * 60), (5000, 23 * 60)]
)
def test_what_failed_is_tried_again_sooner_and_less_and_less_often(failures: int, minutes: int) -> None:
    failed = replace(record(SiteEnd.FAILED), failures=failures)
    assert due_at(SITE, failed) == TURN + timedelta(minutes=minutes)
    hourly = replace(SITE, every=60.0)
    assert due_at(hourly, failed) == TURN + timedelta(seconds=54)


def test_what_ended_is_due_after_its_time_and_a_daily_job_may_be_early() -> None:
    def due(now: datetime | None) -> int:
        return len(list(due_tasks(FLEET, FLEET.sites, lambda name: record(), now)))

    assert due(TURN + timedelta(hours=22)) == 0
    assert due(TURN + timedelta(hours=23, minutes=1)) == 1
    assert due(None) == 1


def test_a_finished_site_is_updated_with_the_words_of_an_update() -> None:
    [task] = due_tasks(FLEET, FLEET.sites, lambda name: record(), None)
    assert (task.is_update, task.update_words, task.archive) == (True, ("--delay=2",), Path("archives/news.db"))


def test_each_site_is_in_one_shard_and_stays_there() -> None:
    names = [f"site{number}" for number in range(1000)]
    shards = [[name for name in names if Shard(number, 20).holds(name)] for number in range(1, 21)]
    assert sorted(name for shard in shards for name in shard) == sorted(names)
    assert min(map(len, shards)) > 20
    assert [name for name in names[:12] if Shard(3, 5).holds(name)] == PINNED


PINNED = ["site2", "site4", "site7", "site11"]
"""Worked out once: another version of the program must not move sites to other machines."""
