"""What a crawl is made of, from options and settings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from scrapy.settings import Settings

from broadsheet.crawler.commands.spider_run import project_settings
from broadsheet.crawler.crawl import run_parts
from broadsheet.crawler.crawl.early_checks import checked_seeds
from broadsheet.crawler.crawl.run_parts import _check_settings, check_feeds, chromium_of, politeness_of, worker_count
from broadsheet.crawler.fetch.identity import Identity
from broadsheet.crawler.options import CrawlOptions, OptionError

PACE = {"BROADSHEET_DELAY": "2.5", "BROADSHEET_CONCURRENCY": "3", "BROADSHEET_ROBOTS_AGE": "60"}


def settings(**values: object) -> Settings:
    return Settings({**PACE, **values})


def test_there_is_a_cleaning_process_for_each_processor_or_as_many_as_a_person_says() -> None:
    assert worker_count(settings(BROADSHEET_WORKERS="0")) == os.cpu_count()
    assert worker_count(settings(BROADSHEET_WORKERS="7")) == 7


def test_more_processes_may_have_more_answers_before_them() -> None:
    few, many = (
        politeness_of(
            settings(BROADSHEET_WORKERS=n), Identity.with_contact("Broadsheet", ""), CrawlOptions(("https://a.test/",))
        )
        for n in (1, 32)
    )
    assert many.max_unstored - few.max_unstored == 31 * 4
    assert (few.delay, few.requests_per_host, few.robots_max_age) == (2.5, 3, 60)


def test_each_start_page_once_and_none_that_cannot_be() -> None:
    seeds = ("https://A.example", "https://a.example/", "https://a.example/news")
    assert checked_seeds(seeds, allow_private=False) == ("https://a.example/", "https://a.example/news")
    with pytest.raises(OptionError, match="not an http or https URL: mailto:"):
        checked_seeds(("mailto:a@b.example",), allow_private=False)
    with pytest.raises(OptionError, match="--allow-private opens it"):
        checked_seeds(("http://127.0.0.1/",), allow_private=False)


@pytest.mark.parametrize("name", ["a.db", "a.db.warc/x.jsonl", "a.db-wal", "link"])
@pytest.mark.parametrize("form", ["{}", "file://{}"])
def test_no_feed_is_written_over_the_archive(tmp_path: Path, name: str, form: str) -> None:
    (tmp_path / "a.db").write_bytes(b"")
    (tmp_path / "link").symlink_to("a.db")
    settings = Settings({"FEEDS": {form.format(tmp_path / name): {"format": "jsonlines"}}})
    with pytest.raises(OptionError, match="the archive"):
        check_feeds(settings, tmp_path / "a.db")


def test_a_feed_goes_elsewhere(tmp_path: Path) -> None:
    feeds = {Path("a.jsonl"): {}, "ftp://host.example/a.db": {}, "stdout:": {}, f"{tmp_path}/%(time)s.csv": {}}
    check_feeds(Settings({"FEEDS": feeds}), tmp_path / "a.db")


@pytest.mark.parametrize(
    ("changes", "options", "problem"),
    [
        ({}, {}, ""),
        ({"ROBOTSTXT_OBEY": False}, {"ignore_robots": True}, ""),
        ({"ROBOTSTXT_OBEY": False}, {}, "ROBOTSTXT_OBEY=False is not enough"),
        ({"BROADSHEET_SYNCHRONOUS": "OFF"}, {}, "BROADSHEET_SYNCHRONOUS must be NORMAL or FULL, not OFF"),
        ({"BROADSHEET_SYNCHRONOUS": "full"}, {}, ""),
        ({"TWISTED_DNS_RESOLVER": "scrapy.resolver.CachingThreadedResolver"}, {}, "TWISTED_DNS_RESOLVER"),
    ],
)
def test_no_crawl_runs_under_settings_that_would_mislead(
    changes: dict[str, object], options: dict[str, object], problem: str
) -> None:
    given = project_settings()
    given.update(changes)
    crawl_options = CrawlOptions(("https://a.test/",), **options)  # type: ignore[arg-type]
    if not problem:
        _check_settings(crawl_options, given)
        return
    with pytest.raises(OptionError) as caught:
        _check_settings(crawl_options, given)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("browser", "is_installed", "found", "expected"),
    [
        ("never", True, "program", None),
        ("auto", False, "program", None),
        ("auto", True, "program", "program"),
        ("always", False, "none is found", OptionError),
        ("always", True, "none is found", OptionError),
        ("always", True, None, None),
    ],
)
def test_a_browser_is_looked_for_where_pages_may_need_one(
    browser: str, is_installed: bool, found: str | None, expected: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    def find_chromium(*, allows_no_sandbox: bool) -> str | None:
        asked.append(allows_no_sandbox)
        return found

    monkeypatch.setattr(run_parts, "is_extra_installed", lambda: is_installed)
    monkeypatch.setattr(run_parts, "find_chromium", find_chromium)
    options = CrawlOptions(("https://a.test/",), browser=browser)
    given = settings(BROADSHEET_BROWSER_NO_SANDBOX=True)
    if expected is OptionError:
        with pytest.raises(OptionError, match="none is found"):
            chromium_of(options, given)
    else:
        assert chromium_of(options, given) == expected
    assert asked == ([True] if browser == "always" or expected else [])
