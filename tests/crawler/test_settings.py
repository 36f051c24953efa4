"""Settings: each can be reached from outside, by a variable of the environment with its name."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
import warnings
from dataclasses import fields
from typing import Any

import pytest

from broadsheet.crawler import settings as own_settings
from broadsheet.crawler.commands.crawl import crawl as crawl_verb
from broadsheet.crawler.commands.spider_run import project_settings, spider_settings
from broadsheet.crawler.crawl.early_checks import spider_arguments
from broadsheet.crawler.options import CrawlOptions
from broadsheet.crawler.settings import ENVIRONMENT_SETTINGS
from tests.crawler.crawls import REPOSITORY
from tests.crawler.scripted_site import page
from tests.crawler.shell import crawl, environment

VALUES = {
    "BROADSHEET_DB": ("own.db", "own.db"),
    "BROADSHEET_WARC_SIZE": ("5M", "5M"),
    "BROADSHEET_SYNCHRONOUS": ("FULL", "FULL"),
    "BROADSHEET_ALLOW_PRIVATE": ("yes", True),
    "BROADSHEET_PORTS": ("8080, 8443", [8080, 8443]),
    "BROADSHEET_DELAY": ("0.5", 0.5),
    "BROADSHEET_CONCURRENCY": ("2", 2),
    "BROADSHEET_CONTACT": ("me@news.example", "me@news.example"),
    "BROADSHEET_ROBOTS_AGE": ("60", 60.0),
    "BROADSHEET_RETRY_TIMES": ("7", 7),
    "BROADSHEET_RETRY_WAIT": ("1", 1.0),
    "BROADSHEET_WORKERS": ("3", 3),
    "BROADSHEET_PAGE_SECONDS": ("5", 5.0),
    "BROADSHEET_EXTRACTOR": ("always", "always"),
    "BROADSHEET_BROWSER_NO_SANDBOX": ("1", True),
    "BROADSHEET_PER_ADDRESS": ("3", 3),
    "BROADSHEET_ADDRESS_FOLDER": ("addresses", "addresses"),
    "BROADSHEET_URL_LINES": ("1", True),
    "BROADSHEET_PROGRESS_LOG": ("progress.jsonl", "progress.jsonl"),
    "BROADSHEET_COOKIES": ("cookies.txt", "cookies.txt"),
    "BROADSHEET_CA": ("ca.pem", "ca.pem"),
    "BROADSHEET_HEADERS": ("X-A: 1", "X-A: 1"),
    "BROADSHEET_HEADER_HOSTS": ("api.news.example", "api.news.example"),
}
"""Of each setting the text of a variable, and the value that it stands for."""

OPTIONS_OF_FIELDS = {
    "max_pages": ("--max-pages", "3"), "max_depth": ("--max-depth", "3"), "max_time": ("--max-time", "3"),
    "since": ("--since", "2024-01-31"), "languages": ("--language", "es"), "include": ("--include", "a"),
    "exclude": ("--exclude", "b"), "sitemaps": ("--no-sitemaps",), "feeds": ("--no-feeds",),
    "links": ("--no-links",), "obey_directives": ("--obey-directives",), "contact": ("--contact", "a@b.test"),
    "user_agent": ("--user-agent", "Own/1"), "site_rules": ("--site-rules", "rules"), "warc": ("--no-warc",),
    "max_size": ("--max-size", "5M"), "keep_credentials": ("--keep-credentials", "--header", "A: b"),
    "ignore_robots": ("--ignore-robots",), "sampling": ("--no-sampling",), "keep": ("--keep", "pictures"),
    "browser": ("--browser", "never"), "watch": ("--watch", "rare"),
}  # fmt: skip
"""The option of `broadsheet crawl` by which a field of the crawl's options has another value than by default."""
VERBS_OF_FIELDS = {
    "seeds": "the arguments URL", "revisit": "broadsheet update", "every": "broadsheet update --every",
    "extractor": "BROADSHEET_EXTRACTOR",
    "only_missing": "broadsheet update --pictures", "only_pages": "broadsheet update DB ARTICLE",
}  # fmt: skip


def crawl_options(*arguments: str) -> dict[str, object]:
    """The options of `broadsheet crawl` as they are read from a command line and the environment."""
    return crawl_verb.make_context("crawl", ["https://news.example/", *arguments]).params


@pytest.mark.parametrize("name", sorted(VALUES))
def test_the_variable_reaches_a_crawl_of_the_command(name, monkeypatch):
    """An option that is not given once went before the variable: BROADSHEET_URL_LINES had no effect."""
    text, value = VALUES[name]
    monkeypatch.setenv(name, text)
    monkeypatch.setattr(own_settings, name, own_settings._values_of_environment()[name])
    options = crawl_options()
    settings = project_settings()
    settings.update(spider_settings(options), priority="cmdline")
    assert settings[name] == value or (name == "BROADSHEET_DB" and options["db"] == value)


def test_each_option_of_a_crawl_can_be_given_on_the_command_line():
    names = {field.name for field in fields(CrawlOptions)}
    assert set(OPTIONS_OF_FIELDS) | set(VERBS_OF_FIELDS) == names
    usual = CrawlOptions.from_arguments(spider_arguments({**crawl_options(), "revisit": "", "every": 0.0}))
    for name, arguments in OPTIONS_OF_FIELDS.items():
        options = {**crawl_options(*arguments), "revisit": "", "every": 0.0}
        assert getattr(CrawlOptions.from_arguments(spider_arguments(options)), name) != getattr(usual, name), name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "text"), [("BROADSHEET_RETRY_TIMES", "many"), ("BROADSHEET_ALLOW_PRIVATE", "perhaps")]
)
def test_a_value_that_is_none_is_one_line(name, text, tmp_path):
    ended = subprocess.run(
        [sys.executable, "-m", "broadsheet.crawler.cli", *"crawl https://localhost/ --allow-private --db a.db".split()],
        cwd=tmp_path, env=environment() | {name: text, "PYTHONPATH": str(REPOSITORY)}, capture_output=True, text=True,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert text in ended.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_port_that_is_named_may_be_asked(serve, tmp_path):
    other = serve({"/": page("other"), "/there": page("there")})
    site = serve({"/": page("home", f"{other.url}/there")})
    site.routes["/moved"] = page("moved")
    crawl(site, tmp_path / "a.db", "--port", other.port, f"{other.url}/there", "--no-sitemaps", "--no-feeds")
    assert "/there" in other.paths()


SHIPPED = {
    "ROBOTSTXT_OBEY": True, "BROADSHEET_ALLOW_PRIVATE": False, "BROADSHEET_PORTS": [], "BROADSHEET_DELAY": 1.0,
    "BROADSHEET_CONCURRENCY": 4, "BROADSHEET_RETRY_TIMES": 2, "BROADSHEET_ROBOTS_AGE": 86_400.0,
    "BROADSHEET_WORKERS": 0, "BROADSHEET_PAGE_SECONDS": 60.0, "BROADSHEET_EXTRACTOR": "in-doubt",
    "DOWNLOAD_TIMEOUT": 30, "DOWNLOAD_MAXSIZE": 33_554_432, "DOWNLOAD_VERIFY_CERTIFICATES": True,
    "DOWNLOAD_TLS_MIN_VERSION": "TLSv1.2", "HTTPPROXY_ENABLED": False, "COOKIES_ENABLED": False,
    "TELNETCONSOLE_ENABLED": False, "REMOTE_CONTROL_ENABLED": False, "LOG_LEVEL": "WARNING",
    "TWISTED_DNS_RESOLVER": "broadsheet.crawler.fetch.guard.GuardedResolver",
}  # fmt: skip
"""What is promised of a crawl without settings: whom it asks, how hard, and what it believes."""


def values_in(monkeypatch: pytest.MonkeyPatch, **environment: str) -> dict[str, Any]:
    """Return what the module defines where these variables alone are set."""
    for name in [name for name in os.environ if name.startswith("BROADSHEET_")]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with warnings.catch_warnings(action="ignore"):  # it is loaded already
        return runpy.run_module(own_settings.__name__)


def test_what_is_promised_is_shipped_and_each_setting_of_ours_has_its_variable(monkeypatch):
    values = values_in(monkeypatch)
    assert {name: values[name] for name in SHIPPED} == SHIPPED
    of_command = ("BROADSHEET_SETTINGS", "BROADSHEET_COMMAND", "BROADSHEET_PROGRESS")
    assert (values["INTERNAL_SETTINGS"], values["ENVIRONMENT_PROBLEMS"]) == (of_command, [])
    ours = {name for name in values if name.startswith("BROADSHEET_") and name not in of_command}
    assert set(VALUES) == ours == set(values["ENVIRONMENT_SETTINGS"]) == set(ENVIRONMENT_SETTINGS)
    assert "broadsheet.crawler.fetch.compression.Decompression" in values["DOWNLOADER_MIDDLEWARES_BASE"]


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", True), ("true", True), ("YES", True), ("0", False), ("False", False), ("no", False), ("", False)],
)
def test_truth_in_the_environment(text, value, monkeypatch):
    assert values_in(monkeypatch, BROADSHEET_ALLOW_PRIVATE=text)["BROADSHEET_ALLOW_PRIVATE"] is value


@pytest.mark.parametrize(
    ("name", "text"),
    [("BROADSHEET_ALLOW_PRIVATE", "maybe"), ("BROADSHEET_PORTS", "80, many"), ("BROADSHEET_WORKERS", "2.5"),
     ("BROADSHEET_DELAY", "soon")],
)  # fmt: skip
def test_nonsense_in_the_environment_is_a_line_and_is_left_out(name, text, monkeypatch):
    values = values_in(monkeypatch, **{name: text})
    assert values["ENVIRONMENT_PROBLEMS"] == [f"the environment variable {name} cannot be {text!r}"]
    assert values[name] == values_in(monkeypatch)[name]


def test_each_setting_takes_the_variable_of_its_name(monkeypatch):
    values = values_in(monkeypatch, **{name: text for name, (text, _) in VALUES.items()})
    assert {name: values[name] for name in VALUES} == {name: value for name, (_, value) in VALUES.items()}
    assert values["ENVIRONMENT_PROBLEMS"] == []
