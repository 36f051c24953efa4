"""Steps of `broadsheet update --pictures` without a network: which hosts, and what it takes from the last crawl."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from broadsheet.crawler.cli.command_line import CommandError
from broadsheet.crawler.commands import update
from broadsheet.output.write.archive_writer import Archive
from tests.output.conftest import Maker

GIVEN = {"contact": "", "obey_directives": False, "site_rules": None}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    ran: list[dict[str, Any]] = []
    monkeypatch.setattr(update, "run_crawl", lambda options, **callbacks: ran.append(dict(options)) or 7)
    return ran


def test_the_hosts_with_most_articles_come_first_and_the_last_crawl_s_contact_holds(
    tmp_path: Path, run: list[dict[str, Any]]
) -> None:
    make, file = Maker(), str(tmp_path / "a.db")
    with Archive.open(file, make.clock) as archive:
        archive.runs.start("crawl", {"seeds": ["x"], "contact": "me@a.example", "obey_directives": True}, {})
        urls = ("http://a.test/1", "https://b.test:8080/1", "https://b.test:8080/2")
        archive.save([make.outcome(url, f"text {url}") for url in urls])
    assert update._fetch_pictures({"db": file, **GIVEN}, str) == 7
    assert run[0] == {
        "db": file, "urls": ("https://b.test:8080/", "http://a.test/"), "only_missing": True, "keep": "pictures",
        "contact": "me@a.example", "obey_directives": True, "site_rules": None, "urls_file": None, "include": (),
        "exclude": (), "since": None, "language": (), "max_depth": None, "max_pages": None, "no_warc": False,
        "revisit": "", "every": 0.0,
    }  # fmt: skip
    update._fetch_pictures({"db": file, **GIVEN, "contact": "you@a.example"}, str)
    assert run[1]["contact"] == "you@a.example"


def test_an_archive_without_articles_has_nothing_to_fetch(tmp_path: Path, run: list[dict[str, Any]]) -> None:
    with Archive.open(tmp_path / "a.db"):
        pass
    with pytest.raises(CommandError, match="has no articles yet"):
        update._fetch_pictures({"db": str(tmp_path / "a.db"), **GIVEN}, str)
    assert run == []
