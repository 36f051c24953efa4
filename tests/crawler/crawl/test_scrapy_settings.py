"""Lines about single answers are made only where they are shown.

Lines about single answers are made only where they are shown.

What a user sets of Scrapy's reaches the part of ours that has taken it over, wherever it is set.
"""

from __future__ import annotations

import logging
import sys

import pytest
from scrapy.http import Request, Response
from scrapy.settings import Settings
from scrapy.utils.test import get_crawler

from broadsheet.crawler.crawl.scrapy_settings import (
    QuietLogFormatter,
    RedactingFormatter,
    bring_settings,
    depth_limit,
    translate_settings,
)
from broadsheet.crawler.crawl.spiders import SiteSpider

REQUEST = Request("http://a.example/")
RESPONSE = Response("http://a.example/", request=REQUEST)


def formatter(level: str) -> QuietLogFormatter:
    return QuietLogFormatter.from_crawler(get_crawler(settings_dict={"LOG_LEVEL": level}))


@pytest.mark.parametrize("level", ["INFO", "WARNING", "ERROR"])
def test_nothing_is_made_of_what_is_hidden(level: str) -> None:
    assert formatter(level).crawled(REQUEST, RESPONSE, None) is None
    assert formatter(level).scraped({}, RESPONSE, None) is None


def test_debugging_shows_answers_and_items() -> None:
    assert formatter("DEBUG").crawled(REQUEST, RESPONSE, None)["args"]["status"] == 200
    assert formatter("DEBUG").scraped({"a": 1}, RESPONSE, None)["args"]["item"] == {"a": 1}


def test_no_value_and_no_user_name_is_in_a_line_or_a_traceback() -> None:
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
    ("name", "value", "own_name"),
    [
        ("DOWNLOAD_DELAY", 3.5, "BROADSHEET_DELAY"),
        ("DOWNLOAD_DELAY", 0, "BROADSHEET_DELAY"),
        ("CONCURRENT_REQUESTS_PER_DOMAIN", 1, "BROADSHEET_PER_HOST"),
        ("RETRY_TIMES", 7, "BROADSHEET_RETRY_TIMES"),
    ],
)
def test_what_is_set_is_taken_over(priority: str, name: str, value: float, own_name: str) -> None:
    made = settings(**{name: (priority, value)})
    assert made[own_name] == value


def test_what_nobody_sets_is_ours() -> None:
    made = settings()
    assert (made["BROADSHEET_DELAY"], made["BROADSHEET_PER_HOST"], made["BROADSHEET_RETRY_TIMES"]) == (1.0, 4, 2)
    assert made["DOWNLOAD_DELAY"] == 0
    assert made["LOG_LEVEL"] == "DEBUG"
    assert made["BOT_NAME"] == "scrapybot"


def test_ours_by_its_own_name_goes_first() -> None:
    assert settings(DOWNLOAD_DELAY=("cmdline", 9), BROADSHEET_DELAY=("project", 2))["BROADSHEET_DELAY"] == 2


def test_the_downloader_does_not_wait_a_second_time() -> None:
    assert settings(DOWNLOAD_DELAY=("cmdline", 3))["DOWNLOAD_DELAY"] == 0


def test_it_does_not_wait_either_where_scrapy_sets_the_projects_values_again() -> None:
    """As `scrapy crawl` does for the crawler that it has made."""
    made = settings(DOWNLOAD_DELAY=("project", 3), JOBDIR=("cmdline", "jobs"))
    project = Settings()
    project.set("DOWNLOAD_DELAY", 3, priority="project")
    project.set("JOBDIR", "jobs", priority="cmdline")
    made.update(project)
    assert (made["DOWNLOAD_DELAY"], made["JOBDIR"]) == (0, None)


def test_no_retries_where_they_are_off() -> None:
    assert settings(RETRY_ENABLED=("project", False))["BROADSHEET_RETRY_TIMES"] == 0


@pytest.mark.parametrize(("value", "limit"), [(0, None), (2, 2), ("3", 3)])
def test_depth(value: object, limit: int | None) -> None:
    assert depth_limit(settings(DEPTH_LIMIT=("cmdline", value))) == limit


def test_a_job_folder_is_not_used_and_a_line_says_so(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        made = settings(JOBDIR=("cmdline", "jobs"))
    assert not made["JOBDIR"]
    assert "JOBDIR is not needed" in caplog.text


def test_a_spiders_own_settings_go_before_ours_and_behind_the_command_line() -> None:
    class OwnSpider(SiteSpider):
        custom_settings = {"DOWNLOAD_DELAY": 2, "USER_AGENT": "Own/1.0", "RETRY_TIMES": 5}  # noqa: RUF012

    made = Settings({"RETRY_TIMES": 9})
    made.set("RETRY_TIMES", 9, priority="cmdline")
    OwnSpider.update_settings(made)
    assert (made["BROADSHEET_DELAY"], made["USER_AGENT"], made["BROADSHEET_RETRY_TIMES"]) == (2, "Own/1.0", 9)
