"""Steps of `broadsheet crawl` without a network: the options of a resumed crawl, and what is said of a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from broadsheet.crawler.cli.command_line import CommandError
from broadsheet.crawler.commands import crawl
from broadsheet.output.archive.archive_errors import InUse
from broadsheet.output.write.archive_writer import Archive
from tests.output.conftest import Clock
from tests.output.filled_rows import put

START, OTHER = "https://a.example/", "https://b.example/"
NOTHING = {
    "include": (), "exclude": (), "since": None, "language": (), "obey_directives": False, "contact": "",
    "site_rules": None, "keep": "", "browser": "", "no_sitemaps": False, "no_feeds": False, "no_links": False,
    "no_warc": False, "max_size": None, "max_depth": None, "quiet": False,
}  # fmt: skip
LAST = {
    "include": ["/news/"], "exclude": ["/old/"], "since": "2024-01-01", "languages": ["en"], "obey_directives": True,
    "contact": "me@a.example", "site_rules": "rules", "keep": "pictures", "browser": "never",
    "sitemaps": False, "feeds": False, "links": False, "warc": False, "max_depth": 2,
}  # fmt: skip


@pytest.fixture
def resumed(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """The options of a command without a URL, given those of the earlier crawls."""

    def resume(*earlier: dict[str, Any], **options: Any) -> dict[str, Any]:
        with Archive.open(tmp_path / "a.db", Clock()) as archive:
            for run_options in earlier:
                archive.runs.start("crawl", {"seeds": [START]} | run_options, {})
        return crawl.resumed_options({"db": str(tmp_path / "a.db"), **NOTHING, **options})

    return resume


def test_the_bounds_of_the_last_crawl_hold_for_the_next(resumed: Callable[..., dict[str, Any]]) -> None:
    assert resumed({"include": ["/other/"]}, LAST) == {
        "include": ["/news/"], "exclude": ["/old/"], "since": "2024-01-01", "language": ["en"],
        "obey_directives": True, "contact": "me@a.example", "site_rules": "rules", "keep": "pictures",
        "browser": "never", "no_sitemaps": True, "no_feeds": True, "no_links": True, "no_warc": True, "max_depth": 2,
        "urls": (START,),
    }  # fmt: skip


@pytest.mark.parametrize(
    "given",
    [
        {"include": ("/mine/",), "exclude": ("/mine/",), "since": "2025-01-01", "language": ("de",), "max_depth": 0},
        {"contact": "you@a.example", "site_rules": "mine", "keep": "mine", "browser": "always"},
        {"no_sitemaps": True, "no_feeds": True, "no_links": True, "no_warc": True},
    ],
)
def test_a_bound_that_is_given_counts(resumed: Callable[..., dict[str, Any]], given: dict[str, Any]) -> None:
    for earlier in (LAST, {}):
        options = resumed(earlier, **given)
        assert {name: options[name] for name in given} == given
    assert not any(resumed({})[name] for name in ("no_sitemaps", "no_feeds", "no_links", "no_warc"))


def test_start_urls_are_those_of_all_crawls_each_once(resumed: Callable[..., dict[str, Any]]) -> None:
    runs = {"seeds": [START, OTHER]}, {"seeds": [OTHER, "https://c.example/"]}, {"seeds": [START], "only_missing": True}
    assert resumed(*runs)["urls"] == (START, OTHER, "https://c.example/")


def test_an_archive_of_imports_alone_has_no_start_url(resumed: Callable[..., dict[str, Any]]) -> None:
    with pytest.raises(CommandError, match="has no start URL yet"):
        resumed({"seeds": []})


def fail(folder: Path, url: str, **values: Any) -> None:
    """Store a URL that failed and never gave anything."""
    with Archive.open(folder / "a.db") as archive:
        row = {"url": url, "state": "failed", "kind": "page", "held_at": None, "location": None, "reason": "http_404"}
        put(archive.db, "urls", 1, **(row | values))


@pytest.mark.parametrize(
    ("values", "is_quiet", "said"),
    [
        ({}, False, "Left out, since it never worked: https://b.example/ ("),
        ({}, True, ""),
        ({"state": "skipped", "reason": "forgotten"}, False, "Left out: https://b.example/ ("),
    ],
)
def test_a_start_url_that_never_worked_is_left_out_where_another_did(resumed, tmp_path, capsys, values, is_quiet, said):
    fail(tmp_path, OTHER, **values)
    assert resumed({"seeds": [START, OTHER]}, quiet=is_quiet)["urls"] == (START,)
    errors = capsys.readouterr().err
    assert errors.startswith(said)
    assert bool(errors) is bool(said)


@pytest.mark.parametrize(
    "values",
    [{"held_at": "2026-01-01T00:00:00+00:00"}, {"location": START}, {"state": "skipped", "reason": "robots"}],
)
def test_a_start_url_that_gave_something_stays(resumed, tmp_path, values):
    fail(tmp_path, OTHER, **values)
    assert resumed({"seeds": [START, OTHER]})["urls"] == (START, OTHER)


def test_where_none_worked_all_are_asked_again(resumed, tmp_path, capsys):
    fail(tmp_path, START)
    assert resumed({"seeds": [START]})["urls"] == (START,)
    assert capsys.readouterr().err == ""


def test_whom_notify_names_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def crawled(options: Any, on_failure: Any) -> int:
        return 4 if on_failure is str else 6

    monkeypatch.setattr(crawl, "require_extra", lambda *names: None)
    monkeypatch.setattr(crawl.run_notices, "read_receivers", lambda words: tuple(words))
    monkeypatch.setattr(crawl, "crawl_and_notify", lambda verb, options, receivers: len(receivers))
    assert crawl.run_and_notify(crawled, {"notify": ()}) == 4
    assert crawl.run_and_notify(crawled, {"notify": ("x", "y")}) == 2


def test_a_crawl_waits_for_another_one_only_with_patience(tmp_path: Path, capsys: Any) -> None:
    file = str(tmp_path / "a.db")
    with Archive.open(file):
        with crawl._ownership(file, None):
            pass
        assert capsys.readouterr().err == ""
        with pytest.raises(InUse), crawl._ownership(file, 0.01):
            pytest.fail("it is owned by another")
        assert capsys.readouterr().err == f"Waiting for another crawl of {file} to end …\n"
