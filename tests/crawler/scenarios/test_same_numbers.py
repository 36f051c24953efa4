"""One count has one meaning and one name: what crawl, report, JSON, room and file say of two archives."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from broadsheet.crawler.fleet.site_processes import page_count, site_counts
from broadsheet.output.archive.url_words import UrlCount
from broadsheet.output.browse.application import make_app
from broadsheet.output.browse.library import Library
from broadsheet.output.browse.room import Room, RoomWording
from broadsheet.output.browse.strict_requests import loopback_authorities
from tests.crawler.scripted_site import Reply, page, stories
from tests.crawler.shell import command, verb

pytestmark = pytest.mark.slow

NAMES = ("lock", "quay", "weir")


def report_page_of(db: Path) -> str:
    """The words of the room's report, once all is counted."""
    room = Room(Library.at(db), RoomWording(str, lambda edit: edit.kind), may_write=False)
    http = TestClient(make_app(room, loopback_authorities(8383)), base_url="http://127.0.0.1:8383")
    for _ in range(2):  # the first look begins to count
        text = re.sub(r"<[^>]*>", " ", http.get(f"/{db.stem}/report").text)
    return " ".join(text.split())


def hold_pages_together(db: Path, told: str) -> None:
    """Compare the pages of the last run in its closing line with all else that counts them, and those of the file."""
    pages = int(re.search(r"; ([\d,]+) pages? fetched", told)[1].replace(",", ""))  # type: ignore[index]
    figures = json.loads(verb("report", db, "--json")[1])
    started = figures["runs"][-1]["started_at"]
    assert (figures["runs"][-1]["pages"], site_counts(db, started).pages) == (pages, pages)
    assert f"finished {pages} " in report_page_of(db)
    of_file = sum(row["urls"] for row in figures["urls"] if UrlCount(**row).is_page)
    assert (page_count(db), sum(row["captured"] for row in figures["found_by"])) == (of_file, of_file)


def hold_numbers_together(db: Path, told: str) -> None:
    """Compare the closing line of a crawl with everything else that says how many there are."""
    with closing(sqlite3.connect(db)) as connection:
        articles = connection.execute("SELECT count(*) FROM articles").fetchone()[0]
        states = dict(connection.execute("SELECT state, count(*) FROM urls GROUP BY state"))
    figures = json.loads(verb("report", db, "--json")[1])
    shelved = sum(count for _, count in figures["shelved"])
    found = re.search(r"(\d+) articles? in \S+ \((.*) taken out\); ", told)
    assert found is not None, told
    sentence = f"{found[1]} articles ({found[2]} taken out); "
    assert (int(found[1]), sum(map(int, re.findall(r"\d+", found[2])))) == (articles, shelved)
    assert figures["articles"] == articles
    assert figures["verdict"].startswith(sentence)
    assert verb("report", db)[1].startswith(sentence)
    (whole,) = [row for row in figures["yields"] if row["part"] == "*"]
    assert whole["article_pages"] == articles + shelved
    text = report_page_of(db)
    assert f"{articles} articles from 1 host" in text
    assert f"all {sum(states.values())} URLs: " in text
    assert all(f"{count} {state}" in text for state, count in states.items())
    assert f"finished {whole['pages']} {articles + shelved} none" in text  # pages, article pages, alarms of the run
    hold_pages_together(db, told)
    is_calm = not any(look["severity"] == "look" for look in figures["looks"])
    assert is_calm == ("nothing needs a look" in figures["verdict"]) == ("nothing needs a look" in text)
    for coverage in figures["coverage"]:
        counts = [coverage["articles"], *(gap["urls"] for gap in (*coverage["pages"], *coverage["gaps"]))]
        assert sum(counts) == coverage["named"]


def test_the_sample_has_the_same_numbers_everywhere(tmp_path):
    code, told, errors = command("demo", cwd=tmp_path)
    assert code == 0, errors
    hold_numbers_together(tmp_path / "demo-out/sample.db", told)


def test_a_site_of_copies_and_faults_has_the_same_numbers_everywhere(crawl, serve):
    paths = [*(f"/{name}" for name in NAMES), "/copy", "/shut", "/broken"]
    site = serve({"/": page("home", *paths), **stories(*NAMES), "/copy": page(NAMES[0])})
    site.routes |= {"/shut": Reply("no", 403), "/broken": Reply("no", 500)}
    options = ("--allow-private", "--delay", "0", "--no-sitemaps", "--no-feeds")
    code, told, errors = command("crawl", f"{site.url}/", "--db", crawl.db, *options)
    assert code == 0, errors
    hold_numbers_together(crawl.db, told)


def listing(element: str, *urls: str) -> str:
    entry = "sitemap" if element == "sitemapindex" else "url"
    return f"<{element}>{''.join(f'<{entry}><loc>{url}</loc></{entry}>' for url in urls)}</{element}>"


def test_what_is_no_page_is_counted_as_none_on_a_site_that_is_full_of_it(crawl, serve):
    """Indexes within indexes, feeds, redirects, a list in a page's place: and of 400 indexes few are asked for."""
    site = serve(stories(*NAMES))
    feed = f"<rss><channel><item><link>{site.url}/{NAMES[0]}</link></item></channel></rss>"
    links = [*(f"/{name}" for name in NAMES), "/moved", "/list", "/gone", "/rss"]
    site.routes |= {
        "/": page("home", *links), "/moved": Reply("", 301, {"Location": "/lock"}), "/gone": Reply("no", 410),
        "/list": Reply(listing("urlset", f"{site.url}/quay"), headers={"Content-Type": "application/xml"}),
        "/rss": Reply(feed, headers={"Content-Type": "application/rss+xml"}),
        "/robots.txt": f"User-agent: *\nAllow: /\nSitemap: {site.url}/deep0.xml\n",
        "/deep0.xml": listing("sitemapindex", f"{site.url}/deep1.xml"),
        "/deep1.xml": listing("sitemapindex", *(f"{site.url}/many/{n}.xml" for n in range(400))),
    }  # fmt: skip
    site.routes |= {f"/many/{n}.xml": listing("sitemapindex", f"{site.url}/no/{n}.xml") for n in range(400)}
    code, told, errors = command("crawl", f"{site.url}/", "--db", crawl.db, "--allow-private", "--delay", "0")
    assert code == 0, errors
    assert "; 4 pages fetched in" in told
    hold_pages_together(crawl.db, told)
    assert sum(path.startswith("/many/") for path in site.paths()) < 60
    with closing(sqlite3.connect(crawl.db)) as connection:
        left_out = "SELECT count(*) FROM urls WHERE state = 'skipped' AND reason = 'sitemap:nested_index'"
        assert connection.execute(left_out).fetchone()[0] > 340


def test_what_was_taken_down_has_moved_or_came_back_has_the_same_numbers_everywhere(crawl, serve):
    site = serve(stories(*NAMES, "mole", "mill"))
    names = (*NAMES, "mole", "mill")
    site.routes |= {"/": page("home"), "/sitemap.xml": listing("urlset", *(f"{site.url}/{name}" for name in names))}
    options = ("--allow-private", "--delay", "0")
    told = command("crawl", f"{site.url}/", "--db", crawl.db, *options)[1]
    hold_pages_together(crawl.db, told)
    assert verb("forget", crawl.db, f"{site.url}/quay", "--yes")[0] == 0
    whole, moved = site.routes["/weir"], Reply("", 301, {"Location": "/lock"})
    site.routes |= {"/weir": Reply("no", 410), "/": page("home", "/late"), "/mill": moved}
    site.routes["/late"] = Reply("", 301, {"Location": "/quay"})
    for route in (site.routes["/weir"], whole):
        site.routes["/weir"] = route
        code, told, errors = command("update", crawl.db, "--all", *options)
        assert code == 0, errors
        hold_pages_together(crawl.db, told)
    figures = json.loads(verb("report", crawl.db, "--json")[1])
    (of_sitemap,) = [coverage for coverage in figures["coverage"] if coverage["source"] == "sitemap"]
    assert (of_sitemap["named"], of_sitemap["articles"], of_sitemap["unnamed"]) == (5, 4, 0)
    (of_links,) = [coverage for coverage in figures["coverage"] if coverage["source"] == "link"]
    assert [(gap["reason"], gap["urls"]) for gap in of_links["gaps"]] == [("forgotten", 1)]
    assert sum(row["urls"] for row in figures["urls"] if row["reason"] == "forgotten") == 2
    assert figures["edits"] == [], "that an article is back is no edit"
    assert not [look for look in figures["looks"] if look["kind"] == "edited"]
    assert site_counts(crawl.db, "2000-01-01").changed == 0
