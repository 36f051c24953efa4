"""What a task of the fleet types, and that its values are frozen and comparable."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from broadsheet.crawler.fleet.site_task import SiteCounts, SiteEnd, SiteResult, SiteTask

TASK = SiteTask("news", Path("news.db"), ("https://news.example/", "--delay", "2"), ("--delay", "2"), is_update=True)


def test_a_site_that_was_crawled_is_updated(tmp_path: Path) -> None:
    archive = tmp_path / "news.db"
    archive.write_bytes(b"x")
    assert TASK.command(archive) == ("update", str(archive), "--wait", "2m", "--delay", "2")


@pytest.mark.parametrize("content", [None, b""])
def test_a_lost_archive_is_crawled_from_the_start(tmp_path: Path, content: bytes | None) -> None:
    archive = tmp_path / "news.db"
    if content is not None:
        archive.write_bytes(content)
    crawl = ("crawl", "--db", str(archive), "--wait", "2m", "https://news.example/", "--delay", "2")
    assert TASK.command(archive) == crawl


def test_addresses_are_told_by_the_crawl_and_commands_by_the_runner() -> None:
    words = ("json://hooks.example/x", "mail -s broadsheet https://news.example", "/srv/editors.toml", "say")
    task = replace(TASK, notify=words)
    assert task.command(Path("absent.db"))[5:9] == ("--notify", words[0], "--notify", words[2])
    assert task.notify_commands == (words[1], "say")


def test_tasks_and_results_cross_processes() -> None:
    result = SiteResult("news", SiteEnd.DONE, 0, Path("news.db"), SiteCounts(new=3))
    assert pickle.loads(pickle.dumps((TASK, result))) == (TASK, result)
