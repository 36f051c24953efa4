"""What a task of the fleet types, and that its values are frozen and comparable."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from crawler.fleet.site_task import SiteCounts, SiteEnd, SiteResult, SiteTask

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


def test_tasks_and_results_cross_processes() -> None:
    result = SiteResult("news", SiteEnd.DONE, 0, Path("news.db"), SiteCounts(new=3))
    assert pickle.loads(pickle.dumps((TASK, result))) == (TASK, result)
