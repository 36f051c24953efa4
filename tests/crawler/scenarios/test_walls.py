"""Walls: a rate limit, a challenge or a CAPTCHA fails its URL, slows its host, and is no article."""

import json

import pytest

from tests.crawler.crawls import SMALL
from tests.crawler.scripted_site import Reply, page, stories
from tests.crawler.shell import verb

CAPTCHA = '<title>Just a moment...</title><h1>Verify you are human</h1><div class="h-captcha hcaptcha"></div>'
WALLS = {
    "/limit": Reply("slow down", 429),
    "/header": Reply(page("header"), 403, {"CF-Mitigated": "challenge"}),
    "/accepted": Reply("", 202, {"X-AMZN-WAF-Action": "challenge"}),
    "/puzzle": Reply(CAPTCHA, 405),
    "/proof": Reply(CAPTCHA, 503),
    "/good": Reply(CAPTCHA),
}
CHALLENGED = ("failed", "challenged")


@pytest.mark.slow
def test_walls_are_no_articles_and_the_next_run_asks_again(crawl, serve):
    sites = {path: serve({"/": page("home", path), path: wall}) for path, wall in WALLS.items()}
    urls = [site.url + "/" for site in sites.values()]
    result = crawl(*urls, BROADSHEET_RETRY_TIMES=0, **SMALL)
    assert {path: result.states(site)[path] for path, site in sites.items()} == dict.fromkeys(WALLS, CHALLENGED)
    assert not {site.url + path for path, site in sites.items()} & set(result.articles())
    types = dict(result.rows("SELECT url, page_type FROM pages p JOIN urls u USING (id)"))
    assert [types.get(site.url + path) for path, site in sites.items()] == [None] * 5 + ["captcha"]
    figures = json.loads(verb("report", result.db, "--json")[1])
    assert [row["urls"] for row in figures["urls"] if row["reason"] == "challenged"] == [len(WALLS)]

    for path, site in sites.items():
        site.routes |= stories(path.strip("/"))
    later = crawl(*urls, BROADSHEET_RETRY_TIMES=0, **SMALL)
    assert {later.states(site)[path] for path, site in sites.items()} == {("done", "article")}
    assert verb("verify", result.db)[0] == 0


@pytest.mark.slow
def test_a_wall_in_place_of_robots_txt_permits_nothing(crawl, serve):
    site = serve({"/robots.txt": Reply(CAPTCHA, 403), "/": page("home")})
    settings = {"BROADSHEET_RETRY_TIMES": 1} | SMALL
    assert crawl(site.url + "/", **settings).states(site) == {
        "/": ("skipped", "robots_unreachable"),
        "/robots.txt": CHALLENGED,
    }
    assert site.paths() == ["/robots.txt"] * 2
    site.routes["/robots.txt"] = "User-agent: *\nDisallow: /no\n"
    assert crawl(site.url + "/", **settings).states(site)["/"][0] == "done"


OFFER = """<title>{0}</title><ul><li><a href="/">Home</a></li></ul><h1>{0}</h1><p>Subscribe to read this article.</p>
    <a href="/join">Join now</a>"""


@pytest.mark.slow
def test_offers_to_subscribe_are_walls_and_a_meta_refresh_is_a_redirect(crawl, serve):
    names = ("quay", "lock", "weir")
    site = serve({"/": page("home", *(f"/{name}" for name in names), "/old", "/round"), "/new": page("new")})
    site.routes |= {f"/{name}": OFFER.format(name) for name in names}
    away = '<meta http-equiv="refresh" content="0;url={}"><title>Moved</title><p>Go on.'
    site.routes |= {"/old": away.format("/new"), "/round": away.format("/back"), "/back": away.format("/round")}
    result = crawl(site.url + "/", **SMALL)
    states = result.states(site)
    assert {states[f"/{name}"] for name in names} == {("done", "wall")}
    assert (states["/old"], states["/new"]) == (("done", "redirect"), ("done", "article"))
    assert {states["/round"], states["/back"]} == {("done", "redirect"), ("failed", "redirect_loop")}
    target, via = (f"SELECT {column} FROM urls WHERE url = ?" for column in ("location", "found_via"))
    assert result.rows(target, f"{site.url}/old") == [(f"{site.url}/new",)]
    assert result.rows(via, f"{site.url}/new") == [("redirect",)]
    told = " ".join(verb("report", result.db)[1].split())
    assert "3 pages could not be read: a wall in place of the page: consent, login or subscription (3 paywalls)" in told
