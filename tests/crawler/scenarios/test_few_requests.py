"""What a crawl asks of a site and need not: guesses where something is named, and feeds of comments."""

from __future__ import annotations

import threading

import pytest

from tests.crawler.crawls import kill_group
from tests.crawler.scripted_site import Reply, ScriptedSite, Seen, page, stories
from tests.crawler.warm import PATIENCE

FEED = {"Content-Type": "application/rss+xml"}
LINK = '<link rel="alternate" type="application/rss+xml" href="{}">'
NAMES = ("one", "two", "three")
PATHS = [f"/{name}" for name in NAMES]


def feed(*paths: str) -> Reply:
    items = "".join(f"<item><link>{path}</link><title>{path}</title></item>" for path in paths)
    return Reply(f'<rss version="2.0"><channel><title>x</title>{items}</channel></rss>', 200, FEED)


def sitemap(site: ScriptedSite, *paths: str) -> Reply:
    urls = "".join(f"<url><loc>{site.url}{path}</loc></url>" for path in paths)
    body = f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{urls}</urlset>'
    return Reply(body, 200, {"Content-Type": "application/xml"})


@pytest.mark.slow
def test_a_site_that_names_its_sitemap_and_its_feed_is_asked_for_nothing_else(crawl, serve):
    site = serve({"/": page("home", *PATHS, head=LINK.format("/news.php")), **stories(*NAMES)})
    site.routes["/robots.txt"] = Reply(f"Sitemap: {site.url}/map.xml\n", 200, {"Content-Type": "text/plain"})
    site.routes |= {"/map.xml": sitemap(site, *PATHS), "/news.php": feed(*PATHS)}
    result = crawl(f"{site.url}/")
    assert sorted(site.paths()) == sorted(["/robots.txt", "/", "/map.xml", "/news.php", *PATHS])
    assert len(result.articles()) == 3


@pytest.mark.slow
def test_usual_places_are_tried_until_one_is_there(crawl, serve):
    site = serve({"/": page("home", *PATHS[:1]), **stories(*NAMES)})
    site.routes |= {"/sitemap_index.xml": sitemap(site, PATHS[1]), "/rss.xml": feed(PATHS[2])}
    result = crawl(f"{site.url}/")
    guesses = ["/sitemap.xml", "/sitemap_index.xml", "/feed/", "/rss.xml"]
    assert sorted(site.paths()) == sorted(["/robots.txt", "/", *guesses, *PATHS])
    states = result.states(site)
    assert {path: states[path] for path in guesses} == {
        "/sitemap.xml": ("skipped", "not_there"),
        "/sitemap_index.xml": ("done", "sitemap"),
        "/feed/": ("skipped", "not_there"),
        "/rss.xml": ("done", "feed"),
    }
    assert len(result.articles()) == 3
    (requests,) = result.rows("SELECT count(*) FROM captures")[0]
    assert requests == len(site.log)


@pytest.mark.slow
def test_places_are_tried_where_the_start_page_cannot_be_had(crawl, serve):
    site = serve(stories(*NAMES))
    site.routes |= {"/": Reply("oops", 500), "/sitemap_index.xml": sitemap(site, *PATHS)}
    result = crawl(f"{site.url}/", BROADSHEET_RETRY_TIMES=0)
    assert len(result.articles()) == 3
    assert "/sitemap.txt" not in site.paths()
    closed = serve(stories(*NAMES))
    closed.routes["/robots.txt"] = Reply("User-agent: *\nDisallow: /$\n", 200, {"Content-Type": "text/plain"})
    closed.routes["/sitemap.xml"] = sitemap(closed, *PATHS)
    crawl(f"{closed.url}/", db=crawl.folder / "closed.db")
    assert closed.paths()[:2] == ["/robots.txt", "/sitemap.xml"]
    assert len(closed.log) == 5


@pytest.mark.slow
def test_a_search_for_places_goes_on_after_a_kill(crawl, serve):
    asked, killed = threading.Event(), threading.Event()

    def wait_for_the_kill(seen: Seen) -> Reply:
        asked.set()
        killed.wait(PATIENCE)
        return Reply("not here", 404)

    site = serve({"/": page("home"), "/sitemap_index.xml": wait_for_the_kill, **stories(*NAMES)})
    site.routes |= {"/sitemap.txt": Reply(f"{site.url}/three\n", 200, {"Content-Type": "text/plain"})}
    process = crawl.start(f"{site.url}/", feeds=0)
    assert asked.wait(PATIENCE)
    kill_group(process)
    killed.set()
    result = crawl(f"{site.url}/", feeds=0)
    assert result.states(site)["/three"] == ("done", "article")
    assert site.paths().count("/sitemap.xml") == 1, "what was stored before is not asked for again"


@pytest.mark.slow
def test_feeds_of_comments_are_not_asked_for_and_have_their_outcome(crawl, serve):
    site = serve({"/feed/": feed(*PATHS)})
    site.routes["/"] = page("home", *PATHS, head=LINK.format("/feed/") + LINK.format("/comments/feed/"))
    for path in PATHS:
        site.routes[path] = page(path.strip("/"), head=LINK.format("/feed/") + LINK.format(f"{path}/feed/"))
    result = crawl(f"{site.url}/", sitemaps=0)
    assert sorted(site.paths()) == sorted(["/robots.txt", "/", "/feed/", *PATHS])
    states = result.states(site)
    comment_feeds = {path for path, outcome in states.items() if outcome == ("skipped", "comment_feed")}
    assert comment_feeds == {"/comments/feed/", *(f"{path}/feed/" for path in PATHS)}
    assert set(result.rows("SELECT kind, found_via FROM urls WHERE reason = 'comment_feed'")) == {("feed", "link")}


SPELLINGS = ("{}/feed/", "{}/feed/atom/", "{}?feed=rss2", "{}/comments/feed/", "{}/rss.xml", "{}?format=feed&type=atom")
SYSTEM = (
    "/wp-login.php?redirect_to=x",
    "/xmlrpc.php",
    "/cdn-cgi/l/email-protection",
    "/story0?replytocom=7",
    "/login/",
)


@pytest.mark.slow
def test_feeds_lists_copies_and_programs_of_a_blog_are_asked_for_as_far_as_they_lead_to_something(crawl, serve):
    """A blog that has a feed at every turn, in several spellings, a list for each author and each tag, and copies."""
    names = [f"story{number}" for number in range(240)]
    lists = [f"/{kind}/{word(number)}/" for number in range(220) for kind in ("author", "tag")]
    site = serve({"/": page("home", *(f"/{name}" for name in names), *lists)})
    for number, name in enumerate(names):
        own = (spelling.format(f"/{name}") for spelling in SPELLINGS)
        copies = (f"/{name}?amp", f"/{name}/print/")
        canonical = f'<link rel="canonical" href="{site.url}/{name}">'
        html = page(
            name, *lists[number : number + 2], *own, *copies, *SYSTEM, head=canonical + LINK.format(f"/{name}/feed/")
        )
        site.routes |= dict.fromkeys((f"/{name}", *copies), html)
    for number, path in enumerate(lists):
        about = names[number % 240]
        html = f"<title>{path}</title><h1>{path}</h1><ul>" + f'<li><a href="/{about}">{about}</a></li>' * 3 + "</ul>"
        site.routes |= {path: f"<html><head>{LINK.format(f'{path}feed/')}</head><body>{html}</body></html>"}
        site.routes |= {f"{path}feed/": feed(f"/{about}")}
    result = crawl(f"{site.url}/", CONCURRENT_REQUESTS=1, BROADSHEET_DELAY=0.02)
    assert len(result.articles()) == 240
    assert len(site.log) <= 2 * 240
    asked = [path for path in site.paths() if any(path.startswith(system.partition("?")[0]) for system in SYSTEM)]
    assert [path for path in asked if not path.startswith("/story0")] == []
    assert result.states(site)["/xmlrpc.php"] == ("skipped", "trap:system")
    assert not [path for path in site.paths() if path.startswith("/story") and ("feed" in path or "rss" in path)]
    assert sum("?amp" in path for path in site.paths()) < 40  # on a busy machine more are under way
    reasons = dict(result.rows("SELECT reason, count(*) FROM urls WHERE state = 'skipped' GROUP BY reason"))
    assert reasons["dry"] > 400


@pytest.mark.slow
def test_pages_that_stand_under_two_addresses_are_cleaned_once_and_stored_as_one_article(crawl, serve):
    paths = [f"/{name}/{end}" for name in ("mill", "river", "bridge", "lock") for end in ("", "story")]
    site = serve({"/": page("home", *paths)})
    site.routes |= {path: page(path.split("/")[1], "/", "../") for path in paths}
    result = crawl(f"{site.url}/", sitemaps=0, feeds=0)
    assert result.rows("SELECT counts ->> '$.\"pages/same_bytes\"' FROM runs") == [(4,)]
    (commits,) = result.rows("SELECT counts ->> '$.\"commits/outcomes\"' FROM runs")[0]
    assert 0 < commits <= 1 + 1 + len(paths)
    assert sorted(site.paths()) == sorted(["/robots.txt", "/", *paths])
    assert len(result.articles()) == 4
    assert {result.states(site)[path] for path in paths} == {("done", "article")}


def word(number: int) -> str:
    return "".join("abcdefghij"[int(digit)] for digit in f"{number:03}") + "son"
