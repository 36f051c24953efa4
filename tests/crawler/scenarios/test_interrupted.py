"""A crawl that is killed or stopped at any moment, and finished later, equals one that ran undisturbed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from broadsheet.output.write.applied_rulings import carry_out_ruling
from broadsheet.output.write.archive_writer import opened_beside_owner
from broadsheet.output.write.person_verdicts import Ruling
from tests.crawler.crawls import SMALL, Crawl, Result, Serve, kill_group, until
from tests.crawler.scripted_site import Reply, ScriptedSite, Seen, page
from tests.crawler.shell import command, rows
from tests.internal_tables import OUTSIDE_HOSTS

pytestmark = pytest.mark.slow

PAGES = 24


def site_of_many(serve: Serve) -> ScriptedSite:
    """Each page links to the next ones and to a missing one; one is a copy, one is moved."""
    site = serve({"/": page("home", "/p0", "/moved", "/copy")})
    for number in range(PAGES):
        links = (f"/p{number + 1}", f"/p{number + 2}", f"/none{number}") if number < PAGES - 2 else ()
        site.routes[f"/p{number}"] = Reply(page(f"p{number}", *links), wait=0.03)
    site.routes["/moved"] = Reply(status=301, headers={"Location": "/p3"})
    site.routes["/copy"] = page("p5")
    return site


def left(result: Result) -> dict[str, object]:
    """All that must not depend on when a crawl was interrupted."""
    queries = {
        "urls": "SELECT url, kind, state, reason, attempts FROM urls ORDER BY url",
        "articles": "SELECT url, title, text, page_type FROM articles ORDER BY url",
        "removed": "SELECT url, position, text, reason, rule FROM removed ORDER BY url, position",
        "captures": "SELECT url, payload_digest, count(*) FROM captures GROUP BY 1, 2 ORDER BY 1, 2",
        "revisions": "SELECT title, text_digest, change FROM revisions ORDER BY 1, 2, 3",
        "outside": f"SELECT host, links FROM {OUTSIDE_HOSTS} ORDER BY host",
    }
    return {name: [row for row in result.rows(query) if "robots" not in str(row[0])] for name, query in queries.items()}


def test_a_page_whose_turn_came_as_the_crawl_was_stopped_stays_queued(serve, crawl):
    """Scrapy takes no request any more once the last one under way is done, and fails one that comes all the same."""
    site = serve({"/": page("home", "/a", "/b", "/c"), **{f"/{name}": page(name) for name in "abc"}})
    stopped = crawl(
        site.url + "/", spider="stopping", SPIDER_MODULES="tests.crawler.stopping", BROADSHEET_CONCURRENCY=1, **SMALL
    )
    assert stopped.run() == ("stopped", "stopped by the test")
    assert [state for state, _ in stopped.states(site).values()].count("queued") == 2
    assert "Traceback" not in stopped.errors
    assert not stopped.rows("SELECT url, reason FROM urls WHERE state = 'failed'")
    assert set(crawl(site.url + "/", **SMALL).states(site).values()) == {
        ("done", "article"), ("done", "list"), ("done", "robots"),
    }  # fmt: skip


# --- Going on ---------------------------------------------------------------------------------------------------
def first_pages(serve: Serve, db: Path, *options: object) -> ScriptedSite:
    """A site whose first three pages are crawled, and whose rest waits."""
    names = [f"/a{number}" for number in range(3)] + [f"/b{number}" for number in range(5)]
    site = serve({"/": page("home", *names), **{name: page(name[1:]) for name in names}})
    code, _, _ = command("crawl", f"{site.url}/", *quick(db), "--max-pages", 3, *options)
    assert code == 0
    return site


def quick(db: Path) -> tuple[object, ...]:
    return ("--db", db, "--allow-private", "--delay", 0)


def test_a_crawl_without_a_url_says_where_it_stands_and_keeps_to_the_bounds_of_the_last(serve, tmp_path):
    db = tmp_path / "a.db"
    site = first_pages(serve, db, "--exclude", "/b")
    (done,) = rows(db, "SELECT count(*) FROM urls WHERE state = 'done'")[0]
    (waiting,) = rows(db, "SELECT count(*) FROM urls WHERE state = 'queued' OR reason = 'limit'")[0]
    code, _, errors = command("crawl", *quick(db))
    assert (code, errors) == (0, f"Going on: {done} URLs done, {waiting} waiting.\n")
    assert set(site.paths()) & set(site.routes) == {"/", "/a0", "/a1", "/a2"}
    options = [text for (text,) in rows(db, "SELECT options FROM runs ORDER BY started_at, rowid")]
    assert '"exclude": ["/b"]' in options[1]
    assert '"max_pages": 0' in options[1], "how much was asked for then is not taken over"


# --- What a crawl knows of redirects outlives it ----------------------------------------------------------------
def killed_when_asked_for(
    crawl: Crawl, start: ScriptedSite, at: ScriptedSite, path: str, gate: threading.Event, **options: object
) -> None:
    """Kill the crawl while it waits for the answer at `path`, whose route waits for the gate."""
    process = crawl.start(f"{start.url}/", **SMALL, **options)
    until(lambda: path in at.paths())
    kill_group(process)
    gate.set()


def moved(gate: threading.Event, target: str) -> Callable[[Seen], Reply]:
    return lambda seen: gate.wait(60) and Reply(status=301, headers={"Location": target})  # type: ignore[return-value]


def test_a_redirect_loop_is_one_though_a_kill_cut_it(serve, crawl):
    gate = threading.Event()
    site = serve({"/": page("home", "/left"), "/left": Reply(status=301, headers={"Location": "/right"})})
    site.routes["/right"] = moved(gate, "/left")
    killed_when_asked_for(crawl, site, site, "/right", gate)
    result = crawl(f"{site.url}/", **SMALL)
    assert result.states(site)["/right"] == ("failed", "redirect_loop")
    assert site.paths().count("/left") == 1


def test_a_site_that_moved_to_another_host_is_followed_though_a_kill_came_between(serve, crawl):
    gate = threading.Event()
    new = serve({"/next": page("next")})
    new.routes["/"] = lambda seen: gate.wait(60) and page("home", "/next")
    old = serve({"/": Reply(status=301, headers={"Location": f"{new.url}/"})})
    ports = {"BROADSHEET_PORTS": new.port}
    killed_when_asked_for(crawl, old, new, "/", gate, **ports)
    result = crawl(f"{old.url}/", **SMALL, **ports)
    assert result.states(new)["/next"] == ("done", "article"), "a link of the new host is in scope"
    assert old.paths().count("/") == 1


def test_rulings_that_are_made_while_a_crawl_writes_hold_at_its_end(serve, tmp_path):
    """Each is a connection of its own, as the reading room's; the crawl opens its file anew in between."""
    crawl, site = Crawl(tmp_path), site_of_many(serve)
    process = crawl.start(site.url + "/", **SMALL)
    made: set[int] = set()
    until(lambda: len(site.log) > 5)
    while len(site.log) < PAGES and process.poll() is None:
        kept = "SELECT block_id FROM blocks WHERE kept AND kind = 'paragraph' GROUP BY 1 HAVING count(*) = 1"
        blocks = {block for (block,) in rows(crawl.db, kept)}
        for block in sorted(blocks - made)[:2]:
            with opened_beside_owner(crawl.db) as db:
                carry_out_ruling(db, Ruling(block, False, ruled_at="2026-12-01T00:00:00Z"), applies=False)
            made.add(block)
    _, errors = process.communicate(timeout=120)
    assert (process.returncode, len(made) > 5) == (0, True), errors
    removed = {block for (block,) in rows(crawl.db, "SELECT block_id FROM removed WHERE rule = 'person'")}
    assert removed == {block for (block,) in rows(crawl.db, "SELECT block_id FROM rulings")} == made
    assert command("verify", crawl.db)[0] == 0
    assert not crawl.db.with_name(f"{crawl.db.name}-wal").exists()
