"""Whole sites served twice, with edits made between: exactly the real edits become revisions, and nothing else."""

from __future__ import annotations

import sqlite3
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from broadsheet.crawler.demo.server import DemoServer
from broadsheet.crawler.demo.server import _RequestHandler as DemoHandler
from tests.bench.sites import SHARED, Site
from tests.crawler.crawls import kill_group
from tests.crawler.scripted_site import Reply, ScriptedSite, Seen, page
from tests.crawler.shell import command, crawl, environment, rows, start
from tests.crawler.warm import run
from tests.crawler.watched import (
    Edits,
    added,
    changed,
    edited,
    furnished,
    kinds_by_path,
    paragraphs,
    removed,
    restyled,
    retitled,
)

pytestmark = pytest.mark.slow

NOTICE = "Correction: An earlier version of this article gave another figure. It has been put right."
SPRING = furnished(
    "Our spring appeal has begun: help us to reach the goal of nine thousand readers by May.", 12, "Tuesday 3 May 2026",
    ("The ferry and the fog", "Who paid for the second dredger", "A winter in the net loft"),
)  # fmt: skip
AUTUMN = furnished(
    "Come to our autumn fair on the quay: the crew will show the press, and there will be soup.", 17,
    "Friday 9 October 2026", ("Eleven weeks in the yard", "What the harbour master said", "The ferry and the fog"),
)  # fmt: skip
QUICK = ("--delay", 0, "--allow-private", "--quiet")
EDITS = """SELECT coalesce(a.url, s.url), (SELECT group_concat(value, '+') FROM json_each(r.kinds))
    FROM revisions r LEFT JOIN articles a ON a.id = r.article_id LEFT JOIN shelved s ON s.id = r.article_id
    WHERE r.change <> 'first' ORDER BY r.seen_at, r.number"""


def patiently(*arguments: object) -> tuple[int, str]:
    """Exit code and standard error of a command on a whole site."""
    code, _, errors = run("broadsheet.crawler.cli", list(map(str, arguments)), environment(), Path.cwd(), 900)
    return code, errors


class Watched:
    """A site that is crawled and updated, its edits, and its articles: text and title by path."""

    def __init__(self, db: Path, origin: str, edits: Edits, home: str = "/") -> None:
        self.db, self.origin, self.edits, self.home = db, origin, edits, home
        assert patiently("crawl", f"{origin}{home}", "--db", db, *QUICK)[0] == 0
        found = rows(db, "SELECT url, title, text FROM articles ORDER BY url")
        self.urls = {self.path(url): url for url, _, _ in found}
        self.articles = {self.path(url): (title, text) for url, title, text in found}

    def path(self, url: str) -> str:
        return unquote(url.removeprefix(self.origin))

    def html(self, path: str) -> str:
        """A page as it is served now."""
        with urllib.request.urlopen(self.urls[path], timeout=60) as answer:
            return str(answer.read().decode("utf8", "replace"))

    def states(self) -> dict[str, str]:
        """State, reason and what is held, by path."""
        query = "SELECT url, state || ' ' || reason || ' ' || held_reason FROM urls"
        return {self.path(url): state for url, state in rows(self.db, query)}

    def update(self) -> dict[str, list[str]]:
        """Look at everything again; the kinds of all edits so far by path."""
        assert patiently("update", self.db, "--all", *QUICK) == (0, "")
        return kinds_by_path(rows(self.db, EDITS), self.origin)

    def texts(self) -> dict[str, str]:
        found = rows(self.db, "SELECT url, text FROM articles ORDER BY url")
        return {self.path(url): text for url, text in found}


def make_edits(edits: Edits, paths: list[str], texts: dict[str, tuple[str, str]]) -> dict[str, list[str]]:
    """One edit of each sort, to as many articles; what should become of them."""
    head, fixed, cut, lead, moved, gone, lost, broken, shut = paths[:9]
    edits.pages = {
        head: [retitled(texts[head][0], "Another headline for the same story")],
        fixed: [changed(texts[fixed][1], 1, "seventeen"), added(texts[fixed][1], NOTICE)],
        cut: [removed(texts[cut][1], 1)],
        lead: [changed(texts[lead][1], 0, "eleven")],
    }
    edits.answers = {moved: (302, "/"), gone: (410, ""), lost: (404, ""), broken: (500, ""), shut: (503, "")}
    return {
        head: ["headline"],
        fixed: ["correction+body"],
        cut: ["body"],
        lead: ["lead"],
        moved: ["withdrawn"],
        gone: ["withdrawn"],
        lost: ["withdrawn"],
    }


def check_a_year(watched: Watched, paths: list[str]) -> None:
    """Nothing, then noise, then a template, then edits, then the end of some: only edits are told."""
    edits, before = watched.edits, watched.texts()
    asked = len(edits.log)
    assert watched.update() == {}
    again = [status for path, status in edits.log[asked:] if path in watched.articles]
    assert set(again) == {304}

    edits.everywhere = [AUTUMN]
    assert watched.update() == {}
    edits.everywhere = [AUTUMN, restyled]
    assert watched.update() == {}

    expected = make_edits(edits, paths, watched.articles)
    assert watched.update() == expected
    assert set(watched.texts()) >= set(before), "what was withdrawn or could not be fetched is still there"
    states = watched.states()
    assert [states[path] for path in paths[7:9]] == ["failed http_500 article", "failed http_503 article"]

    edits.answers, edits.everywhere = {}, [SPRING, restyled]
    for path in paths[4:7]:
        expected[path] = ["withdrawn", "returned"]
    assert watched.update() == expected
    assert command("verify", watched.db)[0] == 0


def editable(watched: Watched) -> list[str]:
    """Articles with paragraphs that an edit finds on their page, and a title that is not in their text."""
    return [
        path
        for path, (title, text) in watched.articles.items()
        if title not in text and len(paragraphs(watched.html(path), text)) >= 3
    ]


@pytest.fixture(scope="module")
def lantern(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """The sample site."""
    edits = Edits(everywhere=[SPRING])
    with DemoServer() as server:
        server._server.RequestHandlerClass = edited(DemoHandler, edits)
        yield Watched(tmp_path_factory.mktemp("lantern") / "a.db", server.url, edits)


def test_the_sample_site_over_a_year(lantern):
    check_a_year(lantern, editable(lantern))


@pytest.mark.nightly
@pytest.mark.skipif(not (SHARED / "corpus/sites").is_dir(), reason="needs the evaluation data in ../shared")
@pytest.mark.parametrize("name", ["mali_live", "sanantonioreview"])
def test_a_real_site_over_a_year(tmp_path, name):
    edits = Edits(everywhere=[SPRING])
    site = Site(name, Path(tempfile.gettempdir()) / "broadsheet-sites")
    site.server.RequestHandlerClass = edited(site.server.RequestHandlerClass, edits)
    with site:
        watched = Watched(tmp_path / "a.db", site.origin, edits)
        check_a_year(watched, editable(watched))


LATER = (
    "The harbour master answered a week later that the town would pay for the second dredger from its own budget, as "
    "it had done in the two years before, and that nobody had to fear for the pontoons."
)
DONE = "SELECT url FROM urls WHERE state = 'done' AND reason = 'article' AND _revisit_seconds IS NOT NULL"
STORIES = ("alder", "birch", "cedar", "elder", "hazel", "larch", "maple", "osier", "rowan", "yew")


def conditional(body: str) -> Callable[[Seen], Reply]:
    """A page that answers 304 to who has it."""
    tag = f'"{abs(hash(body))}"'

    def answer(seen: Seen) -> Reply:
        fresh = seen.headers.get("If-None-Match") == tag
        return Reply("" if fresh else body, 304 if fresh else 200, {"ETag": tag})

    return answer


@pytest.fixture
def small(site: ScriptedSite, tmp_path: Path) -> ScriptedSite:
    """A home page and ten stories, crawled into a.db."""
    site.routes = {"/": page("home", *(f"/{name}" for name in STORIES))}
    site.routes |= {f"/{name}": conditional(page(name)) for name in STORIES}
    assert crawl(site, tmp_path / "a.db", "--no-sitemaps", "--no-feeds", "--quiet")[0] == 0
    site.log.clear()
    return site


def edits_of(db: Path) -> list[tuple[str, str]]:
    query = """SELECT a.url, r.change FROM revisions r JOIN articles a ON a.id = r.article_id
        WHERE r.change <> 'first' ORDER BY a.url, r.number"""
    return [(url.rpartition("/")[2], change) for url, change in rows(db, query)]


def update(db: Path, *options: object) -> str:
    code, out, errors = command("update", db, "--delay", 0, "--allow-private", *options)
    assert code == 0, errors
    return out


def test_an_update_finds_what_is_new_and_leaves_what_is_not_due(small, tmp_path):
    code, out, _ = crawl(small, tmp_path / "a.db", "--no-sitemaps", "--no-feeds")
    assert (code, small.log, "Nothing to do" in out) == (0, [], True), "what was just fetched is left alone"
    small.routes["/"] = page("home", *(f"/{name}" for name in STORIES), "/new")
    small.routes["/new"] = page("new")
    out = update(tmp_path / "a.db")
    assert sorted(small.paths()) == ["/", "/new", "/robots.txt"]
    assert "\nNew: 1\n" in out
    assert f"{small.url}/new\n" in out
    assert rows(tmp_path / "a.db", "SELECT count(*) FROM articles WHERE url LIKE '%/new'") == [(1,)]


def test_a_finished_crawl_looks_again_when_it_is_due(small, tmp_path):
    older(tmp_path / "a.db", "-90 days")
    small.routes["/elder"] = page("elder", extra=f"<p>{LATER}</p>")
    code, _, errors = crawl(small, tmp_path / "a.db", "--no-sitemaps", "--no-feeds")
    assert code == 0
    assert "Looking again: 11 URLs are due." in errors
    assert edits_of(tmp_path / "a.db") == [("elder", "body")]


def test_every_is_a_fixed_interval(small, tmp_path):
    older(tmp_path / "a.db", "-7 hours")
    update(tmp_path / "a.db", "--every", "8h")
    assert sorted(small.paths()) == ["/", "/robots.txt"]
    update(tmp_path / "a.db", "--every", "6h")
    assert len(small.paths()) == 2 + 12


def test_an_update_that_is_killed_goes_on_and_asks_for_nothing_twice(small, tmp_path):
    for name in STORIES:
        small.routes[f"/{name}"] = Reply(page(name, extra=f"<p>{name.capitalize()}: {LATER}</p>"), wait=0.3)
    process = start("update", tmp_path / "a.db", "--all", *QUICK, "--concurrency", 1, start_new_session=True)
    while len(rows(tmp_path / "a.db", DONE)) < 2:
        assert process.poll() is None
        time.sleep(0.02)
    kill_group(process)
    stored = {url for (url,) in rows(tmp_path / "a.db", DONE)}
    assert len(stored) < len(STORIES), "it was killed before its end"
    held = rows(tmp_path / "a.db", "SELECT count(*) FROM articles"), len(small.log)
    assert held[0] == [(10,)]
    update(tmp_path / "a.db", "--all")
    later = {f"{small.url}{path}" for path in small.paths()[held[1] :]}
    assert not (stored & later)
    assert edits_of(tmp_path / "a.db") == [(name, "body") for name in STORIES]
    assert command("verify", tmp_path / "a.db")[0] == 0


BROKEN = {
    "hazel": (Reply("down", 500), "failed http_500"),
    "larch": (Reply(broken="reset"), "failed connection"),
    "maple": (Reply("%PDF-1.4", headers={"Content-Type": "application/pdf"}), "skipped media_type"),
    "osier": (Reply("<title>Not found</title><h1>Page not found</h1><p>The page does not exist.</p>"), "done soft_404"),
    "rowan": (Reply(""), "done empty"),
}


def test_a_refetch_that_fails_harms_nothing(small, tmp_path):
    query = "SELECT url, text, markdown, capture_id, last_seen FROM articles ORDER BY url"
    broken = tuple(f"/{name}" for name in BROKEN)
    before = [row for row in rows(tmp_path / "a.db", query) if row[0].endswith(broken)]
    assert len(before) == len(BROKEN)
    small.routes |= {f"/{name}": reply for name, (reply, _) in BROKEN.items()}
    time.sleep(1 - time.time() % 1)  # an archive counts seconds: what came back within one stands as that one look
    update(tmp_path / "a.db", "--all")
    assert [row for row in rows(tmp_path / "a.db", query) if row[0].endswith(broken)] == before
    states = rows(tmp_path / "a.db", "SELECT url, state || ' ' || reason, held_reason FROM urls")
    got = {url.rpartition("/")[2]: (state, held) for url, state, held in states}
    assert {name: got[name] for name in BROKEN} == {name: (state, "article") for name, (_, state) in BROKEN.items()}
    assert edits_of(tmp_path / "a.db") == [("osier", "withdrawn"), ("rowan", "withdrawn")]
    assert command("verify", tmp_path / "a.db")[0] == 0


def older(db: Path, by: str) -> None:
    """As if all had been seen longer ago."""
    connection = sqlite3.connect(db)
    with connection:
        for name in ("held_at", "fetched_at", "first_seen"):
            connection.execute(f"UPDATE urls SET {name} = strftime('%Y-%m-%dT%H:%M:%SZ', {name}, ?)", [by])
    connection.close()


SHELL = '<!DOCTYPE html><title>The Lantern</title><div id="app"></div><script src="/app.js"></script>'


@pytest.fixture
def served() -> Iterator[tuple[str, Edits]]:
    edits = Edits(everywhere=[SPRING])
    with DemoServer() as server:
        server._server.RequestHandlerClass = edited(DemoHandler, edits)
        yield server.url, edits


LOUD = QUICK[:-1]


def known_articles(db: Path) -> list[str]:
    """What the closing words of a look at everything again say of pages that were articles."""
    code, shown, errors = command("update", db, "--all", *LOUD)
    assert code == 0, errors
    return [line for line in shown.splitlines() if "pages known as articles" in line]


def test_a_changed_template_is_told_and_noise_is_not(served, tmp_path):
    url, edits = served
    db = tmp_path / "a.db"
    assert command("crawl", url, "--db", db, *LOUD)[0] == 0
    edits.everywhere = [AUTUMN]
    assert known_articles(db) == []
    edits.everywhere = [lambda _: SHELL]
    [line] = known_articles(db)
    assert "pages known as articles have nothing to read" in line
    before = rows(db, "SELECT count(*) FROM articles")[0]
    edits.everywhere = [AUTUMN]
    assert known_articles(db) == []
    assert rows(db, "SELECT count(*) FROM articles")[0] == before
    assert [what for (what,) in rows(db, "SELECT DISTINCT what FROM alarms")] == ["barren"]
    report = command("report", db, "--all")[1]
    assert "Out of line with the past" in report


def test_a_redesign_that_leaves_the_articles_readable_raises_no_alarm(served, tmp_path):
    url, edits = served
    db = tmp_path / "a.db"
    assert command("crawl", url, "--db", db, *LOUD)[0] == 0
    edits.everywhere = [SPRING, restyled]
    assert known_articles(db) == []
    assert rows(db, "SELECT count(*) FROM alarms") == [(0,)]
