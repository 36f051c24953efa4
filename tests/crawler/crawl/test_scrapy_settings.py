"""Settings of Scrapy's: what a user sets reaches the part of ours that has taken it over, wherever it is set."""

from __future__ import annotations

import logging
import sys

import pytest
from scrapy.exceptions import UsageError
from scrapy.http import Request, Response
from scrapy.settings import Settings, default_settings
from scrapy.utils.test import get_crawler

from broadsheet.crawler.crawl.scrapy_settings import (
    Addon,
    QuietLogFormatter,
    RedactingFormatter,
    bring_settings,
    check_loadable,
    depth_limit,
    ignored_settings,
    translate_settings,
)
from broadsheet.crawler.crawl.spiders import SiteSpider

REQUEST = Request("http://a.example/")
RESPONSE = Response("http://a.example/", request=REQUEST)


def test_no_value_and_no_user_name_is_in_a_line_or_a_traceback():
    try:
        raise ValueError("http://me:pw@a.example/ and s3cret-value")
    except ValueError:
        error = sys.exc_info()
    record = logging.LogRecord(
        "x", logging.ERROR, "file", 1, "sent %s to %s", ("s3cret-value", "//me@b.example"), error
    )
    line = RedactingFormatter(logging.Formatter("[%(name)s] %(message)s"), ["s3cret-value"]).format(record)
    assert line.startswith("[x] sent [redacted] to //b.example\nTraceback")
    assert line.endswith("ValueError: http://a.example/ and [redacted]")


def settings(**values: tuple[str, object]) -> Settings:
    """The settings of a project in which ours come with the add-on; values as (priority, value)."""
    made = Settings()
    for name, (priority, value) in values.items():
        made.set(name, value, priority=priority)
    bring_settings(made)
    translate_settings(made)
    return made


@pytest.mark.parametrize("priority", ["project", "spider", "cmdline"])
@pytest.mark.parametrize(
    ("name", "value", "own_name", "own_value"),
    [
        ("DOWNLOAD_DELAY", 3.5, "BROADSHEET_DELAY", 3.5),
        ("DOWNLOAD_DELAY", 0, "BROADSHEET_DELAY", 0),
        ("CONCURRENT_REQUESTS_PER_DOMAIN", 1, "BROADSHEET_CONCURRENCY", 1),
        ("RETRY_TIMES", 7, "BROADSHEET_RETRY_TIMES", 7),
        ("RETRY_ENABLED", False, "BROADSHEET_RETRY_TIMES", 0),
    ],
)
def test_what_is_set_is_taken_over(priority, name, value, own_name, own_value):
    made = settings(**{name: (priority, value)})
    assert made[own_name] == own_value
    assert made["DOWNLOAD_DELAY"] == 0, "the downloader does not wait a second time"
    made = settings(**{name: (priority, value), own_name: ("project", 2)})
    assert made[own_name] == (0 if name == "RETRY_ENABLED" else 2), "ours by its own name goes first"


@pytest.mark.parametrize(("value", "limit"), [(0, None), (2, 2), ("3", 3)])
def test_depth(value, limit):
    assert depth_limit(settings(DEPTH_LIMIT=("cmdline", value))) == limit


def test_what_nobody_sets_is_ours():
    made = settings()
    assert (made["BROADSHEET_DELAY"], made["BROADSHEET_CONCURRENCY"], made["BROADSHEET_RETRY_TIMES"]) == (1.0, 4, 2)
    assert made["DOWNLOAD_DELAY"] == 0
    assert made["LOG_LEVEL"] == "DEBUG"
    assert made["BOT_NAME"] == "scrapybot"


def test_it_does_not_wait_either_where_scrapy_sets_the_projects_values_again(caplog):
    """As `scrapy crawl` does for the crawler that it has made. A job folder is not used, and a line says so."""
    with caplog.at_level(logging.WARNING):
        made = settings(DOWNLOAD_DELAY=("project", 3), JOBDIR=("cmdline", "jobs"))
    assert "JOBDIR is ignored" in caplog.text
    project = Settings()
    project.set("DOWNLOAD_DELAY", 3, priority="project")
    project.set("JOBDIR", "jobs", priority="cmdline")
    made.update(project)
    assert (made["DOWNLOAD_DELAY"], made["JOBDIR"]) == (0, None)


def test_a_spiders_own_settings_go_before_ours_and_behind_the_command_line():
    class OwnSpider(SiteSpider):
        custom_settings = {"DOWNLOAD_DELAY": 2, "USER_AGENT": "Own/1.0", "RETRY_TIMES": 5}  # noqa: RUF012

    made = Settings({"RETRY_TIMES": 9})
    made.set("RETRY_TIMES", 9, priority="cmdline")
    OwnSpider.update_settings(made)
    assert (made["BROADSHEET_DELAY"], made["USER_AGENT"], made["BROADSHEET_RETRY_TIMES"]) == (2, "Own/1.0", 9)


# --- Settings that have no effect -----------------------------------------------------------------------------------
HEEDED = tuple(
    """
    ADDONS ASYNCIO_EVENT_LOOP AWS_ BOT_NAME CLOSESPIDER_ COMMANDS_MODULE CONCURRENT_ITEMS CONCURRENT_REQUESTS
    CONCURRENT_REQUESTS_PER_DOMAIN DEFAULT_ DEPTH_LIMIT DNSCACHE_ DOWNLOADER DOWNLOADER_CLIENT DOWNLOADER_MIDDLEWARES
    DOWNLOADER_STATS DOWNLOAD_BIND_ADDRESS DOWNLOAD_DELAY DOWNLOAD_FAIL_ON_DATALOSS DOWNLOAD_HANDLERS DOWNLOAD_MAXSIZE
    DOWNLOAD_SLOTS DOWNLOAD_TIMEOUT DOWNLOAD_TLS_ DOWNLOAD_VERIFY_CERTIFICATES DOWNLOAD_WARNSIZE EDITOR EXTENSIONS FEED
    FILES_STORE FORCE_CRAWLER_PROCESS GCS_ HTTPCACHE_ HTTPPROXY_ENABLED IMAGES_STORE ITEM_ JOBDIR LOG MAIL_ MEM
    NEWSPIDER_MODULE PERIODIC_LOG_ REACTOR_THREADPOOL_MAXSIZE RETRY_ENABLED RETRY_TIMES ROBOTSTXT_OBEY SCRAPER_ SPIDER_
    STATS TEMPLATES_DIR TWISTED_ USER_AGENT WARN_ON_GENERATOR_RETURN_VALUE
""".split()
)
"""Beginnings of the settings of Scrapy's that have the effect that they have in Scrapy, or that are refused in a line,
or that no crawl reads (mail, templates, media pipelines)."""


def test_each_setting_of_scrapys_is_heeded_or_known_to_have_no_effect():
    ignored = set()
    for name in default_settings.__all__:
        made = Settings()
        made.set(name, "{}", priority="cmdline")
        bring_settings(made)
        if ignored_settings(made):
            ignored.add(name)
    assert [name for name in default_settings.__all__ if name not in ignored and not name.startswith(HEEDED)] == []
    assert len(ignored) > 50


def test_a_line_says_which_settings_have_no_effect_and_what_to_use():
    made = settings(
        COOKIES_ENABLED=("cmdline", "1"), AUTOTHROTTLE_START_DELAY=("project", 5), REDIRECT_ENABLED=("spider", False)
    )  # fmt: skip
    assert ignored_settings(made) == (
        "These settings have no effect: AUTOTHROTTLE_START_DELAY (each host's pace follows its answers, and "
        "BROADSHEET_DELAY is the shortest delay); REDIRECT_ENABLED (redirects are followed within the site, and each "
        "is a row of the archive); COOKIES_ENABLED (a site's cookies are not sent back, and BROADSHEET_COOKIES names a "
        "file of your own)"
    )
    assert ignored_settings(settings()) == ""
    asked_for = {"COOKIES_ENABLED": False, "REDIRECT_ENABLED": True, "USER_AGENT": "Own/1.0"}
    for name, value in (*asked_for.items(), ("COOKIES_ENABLED", "0")):
        assert ignored_settings(settings(**{name: ("cmdline", value)})) == "", "it is what happens anyway"


@pytest.mark.parametrize("name", ["TWISTED_DNS_RESOLVER", "DNS_RESOLVER"])
def test_a_resolver_that_cannot_be_loaded_is_a_wrong_command(name):
    with pytest.raises(UsageError, match=f"{name} cannot be used: No module named 'no'"):
        check_loadable(settings(**{name: ("cmdline", "no.such.Resolver")}))
    check_loadable(settings())


@pytest.mark.parametrize(
    ("modules", "expected"),
    [
        ([], ["broadsheet.crawler.crawl.spiders"]),
        (["mine.spiders"], ["mine.spiders", "broadsheet.crawler.crawl.spiders"]),
        (["broadsheet.crawler.crawl.spiders", "mine"], ["broadsheet.crawler.crawl.spiders", "mine"]),
    ],
)
def test_the_addon_adds_our_spiders_and_our_resolver(modules, expected):
    given = Settings()
    given.set("SPIDER_MODULES", modules, priority="project")
    Addon.update_pre_crawler_settings(given)
    assert given.getlist("SPIDER_MODULES") == expected
    assert given.getpriority("SPIDER_MODULES") == 20
    assert given["TWISTED_DNS_RESOLVER"] == "broadsheet.crawler.fetch.guard.GuardedResolver"
    assert given.getpriority("TWISTED_DNS_RESOLVER") == 15
    fresh = Settings()
    Addon.update_pre_crawler_settings(fresh)
    assert fresh.getpriority("SPIDER_MODULES") == 0


@pytest.mark.parametrize("level", ["DEBUG", "INFO", "WARNING", "ERROR"])
def test_lines_about_single_answers_and_items_are_made_only_where_they_are_shown(level):
    formatter = QuietLogFormatter.from_crawler(get_crawler(settings_dict={"LOG_LEVEL": level}))
    made = [formatter.crawled(REQUEST, RESPONSE, None), formatter.scraped({"a": 1}, RESPONSE, None)]
    if level == "DEBUG":
        assert (made[0]["args"]["status"], made[1]["args"]["item"]) == (200, {"a": 1})
    else:
        assert made == [None, None]
