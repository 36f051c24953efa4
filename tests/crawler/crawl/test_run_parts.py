"""Parts of a crawl, of options and settings; mistakes are told before anything heavy is imported."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from unittest.mock import Mock

import pytest
from scrapy.settings import Settings

from broadsheet.crawler.cli.command_line import CommandError
from broadsheet.crawler.commands import spider_run
from broadsheet.crawler.commands.spider_run import project_settings
from broadsheet.crawler.crawl import run_parts
from broadsheet.crawler.crawl.early_checks import _is_known_host, _unusable_seed, check_files, checked_seeds
from broadsheet.crawler.crawl.run_parts import _check_settings, check_feeds, chromium_of, politeness_of, worker_count
from broadsheet.crawler.fetch.identity import Identity
from broadsheet.crawler.options import CrawlOptions, OptionError
from tests.crawler.crawls import REPOSITORY

PACE = {"BROADSHEET_DELAY": "2.5", "BROADSHEET_CONCURRENCY": "3", "BROADSHEET_ROBOTS_AGE": "60"}


def settings(**values: object) -> Settings:
    return Settings({**PACE, **values})


def test_there_is_a_cleaning_process_for_each_processor_or_as_many_as_a_person_says():
    """More of them may have more answers before them."""
    counts = [worker_count(settings(BROADSHEET_WORKERS=number)) for number in ("0", "7")]
    assert counts == [os.cpu_count(), 7]
    identity, options = Identity.with_contact("Broadsheet", ""), CrawlOptions(("https://a.test/",))
    few, many = (politeness_of(settings(BROADSHEET_WORKERS=n), identity, options) for n in (1, 32))
    assert many.max_unstored - few.max_unstored == 31 * 4
    assert (few.delay, few.requests_per_host, few.robots_max_age) == (2.5, 3, 60)


def test_each_start_page_once_and_none_that_cannot_be():
    seeds = ("https://A.example", "https://a.example/", "https://a.example/news")
    assert checked_seeds(seeds, allow_private=False) == ("https://a.example/", "https://a.example/news")
    with pytest.raises(OptionError, match="not an http or https URL: mailto:"):
        checked_seeds(("mailto:a@b.example",), allow_private=False)
    with pytest.raises(OptionError, match="--allow-private opens it"):
        checked_seeds(("http://127.0.0.1/",), allow_private=False)


@pytest.mark.parametrize("name", ["a.db", "a.db.warc/x.jsonl", "a.db-wal", "link"])
@pytest.mark.parametrize("form", ["{}", "file://{}"])
def test_no_feed_is_written_over_the_archive(tmp_path, name, form):
    (tmp_path / "a.db").write_bytes(b"")
    (tmp_path / "link").symlink_to("a.db")
    settings = Settings({"FEEDS": {form.format(tmp_path / name): {"format": "jsonlines"}}})
    with pytest.raises(OptionError, match="the archive"):
        check_feeds(settings, tmp_path / "a.db")
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
def test_no_crawl_runs_under_settings_that_would_mislead(changes, options, problem):
    given = project_settings()
    given.update(changes)
    with pytest.raises(OptionError, match=problem) if problem else nullcontext():
        _check_settings(CrawlOptions(("https://a.test/",), **options), given)  # type: ignore[arg-type]


def test_no_command_runs_with_a_variable_that_makes_no_sense(monkeypatch):
    monkeypatch.setattr(spider_run, "ENVIRONMENT_PROBLEMS", ["BROADSHEET_X is no number", "another"])
    with pytest.raises(CommandError, match=r"^BROADSHEET_X is no number$"):
        project_settings()


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
def test_a_browser_is_looked_for_where_pages_may_need_one(browser, is_installed, found, expected, monkeypatch):
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


HEAVY = ("scrapy", "twisted", "trafilatura", "lxml", "sqlite_utils", "rich", "numpy")
SCRIPT = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); from broadsheet.crawler.cli import run; code = run(sys.argv[1:]);"
    f"print(*[name for name in {HEAVY} if name in sys.modules]); sys.exit(code)"
)

MISTAKES = [
    (["crawl"], 2, "say where to start"),
    (["crawl", "ftp://a.example/"], 2, "not an http or https URL"),
    (["crawl", "http://127.0.0.1/"], 2, "--allow-private opens it"),
    (["crawl", "https://nosuchhost.invalid/"], 1, "no such host, or no network: nosuchhost.invalid"),
    (["crawl", "https://a.example/", "--include", "("], 2, "not a regular expression"),
    (["crawl", "https://a.example/", "--since", "soon"], 2, "must be a date"),
    (["crawl", "https://a.example/", "--db", "none/a.db"], 1, "does not exist"),
    (["crawl", "--urls-file", "none.txt"], 2, "cannot read the file of URLs"),
    (["crawl", "https://a.example/", "--cookies", "none.txt"], 2, "none.txt"),
    (["update", "none.db"], 2, "is not an archive yet"),
    (["import", "none.warc"], 2, "cannot read none.warc"),
    (["search", "none.db", "x"], 1, "does not exist"),
    (["explain", "none.db", "x"], 1, "does not exist"),
    (["report", "."], 1, "is a folder"),
    (["export", "none.db"], 1, "does not exist"),
    (["clean", "none.html"], 2, "cannot read none.html"),
    (["clean"], 2, "name a file"),
    (["rules", "check", "none.txt"], 2, "cannot read none.txt"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("arguments", "code", "message"), MISTAKES, ids=[" ".join(row[0]) for row in MISTAKES])
def test_a_mistake_is_told_early_and_leaves_nothing(tmp_path, arguments, code, message):
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(REPOSITORY), *arguments], cwd=tmp_path, capture_output=True, text=True
    )
    assert message in ended.stderr
    assert (ended.returncode, ended.stderr.count("\n")) == (code, 1)
    assert ended.stdout.split() == []
    assert list(tmp_path.iterdir()) == []


def test_files_that_can_be_read_pass(tmp_path):
    (tmp_path / "a.warc").touch()
    check_files([str(tmp_path / "a.warc"), str(tmp_path)])
    with pytest.raises(CommandError, match="is a folder: name the files in it"):
        check_files([str(tmp_path)], folder_hint="name the files in it")


@pytest.mark.parametrize(
    ("answer", "is_known"),
    [
        ([("an address",)], True),
        ([], False),
        (socket.gaierror(socket.EAI_NONAME, "no name"), False),
        (socket.gaierror(socket.EAI_AGAIN, "not now"), True),
        (OSError(socket.EAI_AGAIN, "another list of numbers"), False),
        (UnicodeError("a label of 64 characters"), False),
    ],
)
def test_a_host_is_unknown_where_the_resolver_says_so(monkeypatch, answer, is_known):
    is_error = isinstance(answer, Exception)
    resolve = Mock(side_effect=answer) if is_error else Mock(return_value=answer)
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert _is_known_host("a.test") is is_known
    resolve.assert_called_once_with("a.test", None, type=socket.SOCK_STREAM)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://me:secret@a.example/", "http://a.example/ was given with a user name, which no URL sends: use -"),
        ("me:secret@a.example/x", "a.example/x was given with a user name, which no URL sends: use --header or"),
        ("mailto:me@a.example", "not an http or https URL: mailto:me@a.example"),
        ("ftp://a.example/", "not an http or https URL: ftp://a.example/"),
    ],
)
def test_a_start_url_that_cannot_be_is_told_without_its_password(url, message):
    assert _unusable_seed(url).startswith(message)
