"""`broadsheet update`: its options, the edits that it says first, and pages that are named."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from broadsheet.crawler.cli.command_line import CommandError
from broadsheet.crawler.commands import update
from broadsheet.output.write.archive_writer import Archive
from tests.crawler.scripted_site import Reply, ScriptedSite, page
from tests.crawler.shell import command, crawl, rows
from tests.output.conftest import Maker


@contextmanager
def no_process(options: Any) -> Iterator[None]:
    yield


@pytest.mark.parametrize(
    ("given", "revisit", "every"),
    [({}, "update", 0.0), ({"every": 60.0}, "update", 60.0), ({"everything": True}, "all", 0.0)],
)
def test_what_is_looked_at_again(tmp_path, monkeypatch, given, revisit, every):
    ran: list[Any] = []
    monkeypatch.setattr(update, "crawl_process", no_process)
    monkeypatch.setattr(update, "run_crawl", lambda options, **callbacks: ran.append(options) or 7)
    options = {"db": str(tmp_path / "a.db"), "pages": (), "everything": False, "every": None, "quiet": True}
    options |= {"pictures": False} | given
    assert update._update(options, str) == 7
    [run] = ran
    assert run == {
        "db": options["db"], "pages": (), "everything": options["everything"], "pictures": False, "quiet": True,
        "revisit": revisit, "every": every,
        "urls": (), "urls_file": None, "include": (), "exclude": (), "since": None, "language": (), "max_depth": None,
    }  # fmt: skip


NAMES = ("ash", "birch", "cedar", "date", "elder")


@pytest.mark.slow
def test_named_pages_alone_are_fetched_now(tmp_path):
    """The others stay as they were, due or not, queued or not; a page that has moved is followed."""
    db, quick = tmp_path / "a.db", ("--delay", 0, "--allow-private")
    stories = {f"/{name}": page(name, "/") for name in NAMES}
    with closing(ScriptedSite({"/": page("home", *stories, words=5), **stories})) as site:
        assert crawl(site, db, "--max-pages", 4)[0] == 0
        held = [url.removeprefix(site.url) for (url,) in rows(db, "SELECT url FROM articles ORDER BY url")]
        before = dict(rows(db, "SELECT url, state || reason FROM urls"))
        edited, moved, same = held[:3]
        site.routes |= {
            edited: page(edited[1:], "/", words=120), "/new": page("new", "/", "/elder"),
            moved: Reply(status=301, headers={"Location": "/new"}),
        }  # fmt: skip
        site.log.clear()
        code, said, _ = command("update", db, edited, f"{site.url}{moved}", same, *quick)
        assert (code, sorted(seen.path for seen in site.log)) == (0, sorted(["/robots.txt", "/new", *held[:3]]))
        changes, redirected, unchanged = said.splitlines()[:3]
        assert changes.startswith(f"{site.url}{edited}: lead (broadsheet diff {db} ")
        assert (redirected, unchanged) == (
            f"{site.url}{moved}: a redirect",
            f"{site.url}{same}: unchanged",
        )
        after = dict(rows(db, "SELECT url, state || reason FROM urls"))
        asked = {f"{site.url}{path}" for path in (moved, "/new", "/robots.txt")}
        assert {url: after[url] for url in before.keys() - asked} == {url: before[url] for url in before.keys() - asked}
        assert command("update", db, "fir", *quick)[::2] == (
            2, f"broadsheet: {db} has no page fir; add a new one with broadsheet crawl URL --db {db}\n"
        )  # fmt: skip
        assert crawl(site, db)[0] == 0
        stored = {url for (url,) in rows(db, "SELECT url FROM articles")}
        assert stored >= {f"{site.url}{path}" for path in (*stories, "/new") if path != moved}
        assert command("verify", db)[0] == 0


def test_pictures_are_asked_of_the_hosts_with_most_articles_first_as_the_last_crawl_asked(tmp_path, monkeypatch):
    ran: list[dict[str, Any]] = []
    monkeypatch.setattr(update, "run_crawl", lambda options, **callbacks: ran.append(dict(options)) or 7)
    make, file = Maker(), str(tmp_path / "a.db")
    given = {"db": file, "contact": "", "obey_directives": False, "site_rules": None}
    Archive.open(file).close()
    with pytest.raises(CommandError, match="has no articles yet"):
        update._fetch_pictures(given, str)
    with Archive.open(file, make.clock) as archive:
        archive.runs.start("crawl", {"seeds": ["x"], "contact": "me@a.example", "obey_directives": True}, {})
        urls = ("http://a.test/1", "https://b.test:8080/1", "https://b.test:8080/2")
        archive.save([make.outcome(url, f"text {url}") for url in urls])
    assert update._fetch_pictures(given, str) == update._fetch_pictures(given | {"contact": "you@a.example"}, str) == 7
    expected = {
        "urls": ("https://b.test:8080/", "http://a.test/"), "only_missing": True, "keep": "pictures",
        "contact": "me@a.example", "obey_directives": True, "no_warc": False, "revisit": "", "max_pages": None,
    }  # fmt: skip
    assert {name: ran[0][name] for name in expected} == expected
    assert ran[1]["contact"] == "you@a.example"
