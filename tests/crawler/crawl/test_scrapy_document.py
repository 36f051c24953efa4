"""Each row of the tables in docs/python.md has a test."""

from __future__ import annotations

import re

import pytest

from tests.crawler.warm import REPOSITORY

CITIZEN = "scenarios/test_scrapy_citizen.py"
SAFE, COMPONENTS = "fetch/test_safe_settings.py", "scenarios/test_user_components.py"
NO_EFFECT = f"{CITIZEN}::test_what_is_said_to_have_no_effect_has_none"
ADDED = f"{COMPONENTS}::test_they_run_and_find_ours_in_place"
TAKEN_OVER = "crawl/test_scrapy_settings.py::test_what_is_set_is_taken_over"
REFUSED = f"{SAFE}::test_a_setting_that_takes_guard_bounds_or_decompressor_away_is_a_fault"
COMMANDS = f"{CITIZEN}::test_the_commands_that_look_at_a_page"

TESTS = {
    "USER_AGENT": f"{CITIZEN}::test_the_user_agent_is_sent",
    "DEFAULT_REQUEST_HEADERS": "scenarios/test_credentials.py::test_settings_of_scrapy_are_no_way_around",
    "DOWNLOAD_TIMEOUT": "scenarios/test_bad_input.py::DOWNLOAD_TIMEOUT",
    "DOWNLOAD_MAXSIZE": "scenarios/test_bad_input.py::DOWNLOAD_MAXSIZE",
    "CONCURRENT_REQUESTS": "scenarios/test_many_hosts.py::CONCURRENT_REQUESTS=3",
    "LOG_LEVEL": "crawl/test_scrapy_settings.py::test_what_nobody_sets_is_ours",
    "FEEDS": f"{CITIZEN}::test_itemcount_bounds_the_export_of_a_crawl_that_finds_nothing_new",
    "ITEM_PIPELINES": f"{CITIZEN}::test_a_pipeline_and_a_feed_get_each_article_when_the_crawl_has_ended",
    "EXTENSIONS": ADDED,
    "DOWNLOADER_MIDDLEWARES": ADDED,
    "SPIDER_MIDDLEWARES": f"{CITIZEN}::test_spider_middlewares_of_every_kind_run_in_a_crawl",
    "ADDONS": f"{CITIZEN}::test_the_add_on_crawls_the_sample_site_in_a_project_of_ones_own",
    "DOWNLOAD_DELAY": TAKEN_OVER,
    "CONCURRENT_REQUESTS_PER_DOMAIN": TAKEN_OVER,
    "RETRY_TIMES": f"{CITIZEN}::test_retries_are_as_many_as_retry_times",
    "RETRY_ENABLED": "crawl/test_scrapy_settings.py::test_no_retries_where_they_are_off",
    "DEPTH_LIMIT": f"{CITIZEN}::test_depth_limit_is_that_of_the_links",
    "CLOSESPIDER_PAGECOUNT": f"{CITIZEN}::test_pagecount_stops_a_crawl_in_time",
    "CLOSESPIDER_TIMEOUT": f"{CITIZEN}::test_timeout_stops_a_crawl_that_waits_for_its_host",
    "CLOSESPIDER_ITEMCOUNT": f"{CITIZEN}::test_itemcount_counts_stored_articles_and_ends_the_crawl",
    **dict.fromkeys(
        ("CLOSESPIDER_PAGECOUNT_NO_ITEM", "CLOSESPIDER_TIMEOUT_NO_ITEM"),
        f"{CITIZEN}::test_a_crawl_without_articles_is_stopped_by_the_limits_on_that",
    ),
    "CLOSESPIDER_ERRORCOUNT": "crawl/test_fetcher.py::test_an_exception_of_ours_is_reported_to_scrapy",
    "HTTPCACHE_ENABLED": f"{CITIZEN}::test_a_cache_of_scrapys_is_refused",
    "ROBOTSTXT_OBEY": f"{CITIZEN}::test_robots_txt_is_left_aside_only_where_both_say_so",
    "JOBDIR": "crawl/test_scrapy_settings.py::test_a_job_folder_is_not_used_and_a_line_says_so",
    **dict.fromkeys(
        ("REDIRECT_ENABLED", "COOKIES_ENABLED", "HTTPERROR_ALLOW_ALL", "AUTOTHROTTLE_ENABLED", "DUPEFILTER_CLASS"),
        NO_EFFECT,
    ),
    **dict.fromkeys(("TWISTED_DNS_RESOLVER", "DNS_RESOLVER", "DOWNLOAD_HANDLERS", "DOWNLOADER"), REFUSED),
    "HTTPPROXY_ENABLED": "fetch/test_guard.py::HTTPPROXY_ENABLED",
    "scrapy crawl": f"{CITIZEN}::test_the_add_on_crawls_the_sample_site_in_a_project_of_ones_own",
    **dict.fromkeys(("scrapy shell", "scrapy fetch", "scrapy check", "scrapy list", "scrapy settings"), COMMANDS),
}
"""Of each setting and command a test, or what its test sets, by file below tests/crawler."""


def named_in_tables() -> set[str]:
    """The settings and commands in the first cells of the tables."""
    document = (REPOSITORY / "docs/python.md").read_text("utf-8")
    cells = " ".join(re.findall(r"^\| (`[^|]*) \|", document, re.MULTILINE))
    return {match[1] for match in re.finditer(r"`((?:scrapy [a-z]+)|[A-Z][A-Z_]+)", cells)}


def test_every_row_has_a_test() -> None:
    assert named_in_tables() == set(TESTS)


@pytest.mark.parametrize("name", sorted(TESTS))
def test_the_test_is_there(name: str) -> None:
    file, _, marked = TESTS[name].partition("::")
    text = (REPOSITORY / "tests/crawler" / file).read_text("utf-8")
    assert f"def {marked}(" in text or (not marked.startswith("test_") and marked in text)
