"""How a crawl treats the hosts it asks, as their logs show it. Gaps have lower bounds only."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from typing import Any

import pytest

from tests.crawler.crawls import SMALL, Result
from tests.crawler.scripted_site import Reply, ScriptedSite, Seen, page, stories
from tests.internal_tables import BLOCK_TEXTS

TEXT = {"Content-Type": "text/plain"}
ARTICLE = ("done", "article")


def robots(text: str | bytes, status: int = 200, **headers: str) -> Reply:
    return Reply(text, status, TEXT | {name.replace("_", "-"): value for name, value in headers.items()})


def moved(to: str) -> Reply:
    return Reply("", 302, {"Location": to})


def home(*names: str) -> dict[str, str]:
    return {"/": page("home", *(f"/{name}" for name in names)), **stories(*names)}


def chain(length: int, after: str) -> dict[str, str]:
    """Pages that each link to the next: /, /p1, /p2 …; the last one links to `after`."""
    links = {f"/p{n}" if n else "/": f"/p{n + 1}" if n < length - 1 else after for n in range(length)}
    return {path: page(path.strip("/") or "p0", link) for path, link in links.items()}


def gaps(site: ScriptedSite) -> list[float]:
    return [later.at - earlier.at for earlier, later in pairwise(site.log)]


def files(result: Result, site: ScriptedSite) -> list[tuple[Any, ...]]:
    host = site.url.removeprefix("http://")
    return result.rows("SELECT access, reason, text, url FROM robots_files WHERE host = ? ORDER BY rowid", host)


@pytest.mark.slow
def test_a_robots_txt_is_followed_five_times_and_to_other_hosts(crawl, serve):
    rules = robots("User-agent: *\nDisallow: /private\n")
    far = serve({"/elsewhere.txt": rules, **home("private")})
    names = ("private", "open")
    across = serve({"/robots.txt": moved(f"{far.url}/elsewhere.txt"), **home(*names)})
    five = serve({"/robots.txt": moved("/1"), **{f"/{n}": moved(f"/{n + 1}") for n in range(1, 5)}, **home(*names)})
    five.routes["/5"] = rules
    circle = serve({"/robots.txt": moved("/round"), "/round": moved("/robots.txt"), **home(*names)})
    closed = serve({"/robots.txt": moved("http://127.0.0.1:9/robots.txt"), **home(*names)})
    secure = serve({"/robots.txt": moved(far.url.replace("http:", "https:") + "/elsewhere.txt"), **home(*names)})
    page_instead = serve({"/robots.txt": moved("/"), **home("private")})
    sites = (far, across, five, circle, closed, secure, page_instead)
    result = crawl(*(site.url + "/" for site in sites), BROADSHEET_RETRY_TIMES=0, **SMALL)

    for site in (across, five):
        states = result.states(site)
        assert (states["/open"], states["/private"]) == (ARTICLE, ("skipped", "robots.txt"))
        assert "/private" not in site.paths()
        assert states["/robots.txt"] == ("done", "robots")
    assert files(result, across) == [
        ("rules", "http_200", "User-agent: *\nDisallow: /private\n", far.url + "/elsewhere.txt")
    ]
    assert five.paths()[:6] == ["/robots.txt", "/1", "/2", "/3", "/4", "/5"]

    assert result.states(circle)["/private"] == ARTICLE  # more than five: as if there were no file
    assert circle.paths()[:6] == ["/robots.txt", "/round"] * 3
    assert result.states(page_instead) == {
        "/": ("done", "list"),
        "/private": ARTICLE,
        "/robots.txt": ("done", "robots"),
    }
    for site in (closed, secure):  # what it moved to does not answer, so nothing may be asked for
        assert result.states(site)["/"] == ("skipped", "robots_unreachable")
        assert site.paths() == ["/robots.txt"]
        assert files(result, site)[0][:2] == ("nothing", "unreachable")


@pytest.mark.slow
def test_half_a_megabyte_of_robots_txt_is_read_however_long_it_is(crawl, serve):
    head = b"\xef\xbb\xbfUser-agent: *\nDisallow: /early\n"
    long = head + b"# filler, filler, filler\n" * 2_000_000 + b"Disallow: /late\n"
    assert len(long) > 32 * 1024 * 1024  # more than a page may have
    site = serve({"/robots.txt": robots(long), **home("early", "late")})
    small = gzip.compress(head)
    packed = serve({"/robots.txt": robots(small, Content_Encoding="gzip"), **home("early", "late")})
    result = crawl(site.url + "/", packed.url + "/", **SMALL)
    for each in (site, packed):
        assert result.states(each)["/early"] == ("skipped", "robots.txt")
        assert result.states(each)["/late"] == ARTICLE
    ((_, _, text, _),) = files(result, site)
    assert 500 * 1024 - 100 < len(text) <= 500 * 1024
    assert text.startswith("User-agent: *\nDisallow: /early\n")
    assert text.endswith("filler, filler, filler")
    assert site.log[0].headers["Accept-Encoding"] == "identity"


@pytest.mark.slow
def test_a_robots_txt_is_read_again_when_its_time_is_over(crawl, serve):
    """Twelve pages, each linked from the one before, three tenths of a second apart: more than a second passes."""
    texts = ["User-agent: GPTBot\nDisallow: /\n", "User-agent: *\nDisallow: /late\n"]
    site = serve(chain(12, "/late"))
    site.routes["/late"] = page("late")
    site.routes["/robots.txt"] = lambda seen: robots(texts[min(len(site.times(seen.path)), 2) - 1])
    result = crawl(site.url + "/", BROADSHEET_DELAY="0.3", BROADSHEET_ROBOTS_AGE="1", **SMALL)
    assert len(site.times("/robots.txt")) >= 2
    assert result.states(site)["/late"] == ("skipped", "robots.txt")
    assert "/late" not in site.paths()
    assert result.states(site)["/p11"] == ARTICLE
    assert min(gaps(site)) >= 0.2

    rows = dict(result.rows("SELECT c.url, r.text FROM captures c JOIN robots_files r ON r.id = c.robots_id"))
    assert rows[site.url + "/"] == texts[0]
    assert rows[site.url + "/p11"] == texts[1]
    assert result.rows("SELECT count(*) FROM captures WHERE robots_id IS NULL") == [(0,)]
    assert sorted(row[2] for row in files(result, site)) == sorted(texts)


@pytest.mark.slow
def test_the_rules_stay_when_the_file_cannot_be_read_again_and_the_next_run_asks(crawl, serve):
    site = serve({**chain(10, "/no"), **stories("no")})
    rules = robots("User-agent: *\nDisallow: /no\n")
    site.routes["/robots.txt"] = lambda seen: rules if len(site.times(seen.path)) == 1 else robots("down", 503)
    settings = {"BROADSHEET_DELAY": "0.3", "BROADSHEET_ROBOTS_AGE": "1", "BROADSHEET_RETRY_TIMES": 0}
    result = crawl(site.url + "/", **settings, **SMALL)
    assert len(site.times("/robots.txt")) == 2  # and the third time comes an hour later
    assert result.states(site)["/p9"] == ARTICLE
    assert result.states(site)["/no"] == ("skipped", "robots.txt")
    assert {row[:2] for row in files(result, site)} == {("rules", "http_200"), ("nothing", "http_503")}
    in_force = "SELECT access FROM captures c JOIN robots_files r ON r.id = robots_id WHERE c.url LIKE '%/p9'"
    assert result.rows(in_force) == [("rules",)]
    del site.routes["/robots.txt"]
    crawl(site.url + "/", site.url + "/new", **SMALL)
    assert len(site.times("/robots.txt")) == 3


@pytest.mark.slow
def test_retry_after_holds_the_whole_host_in_seconds_and_as_a_date(crawl, serve):
    def busy(seen: Seen) -> Reply:
        site = by_port[int(seen.headers["Host"].rpartition(":")[2])]
        if len(site.times(seen.path)) > 1:
            return Reply(page("busy"))
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=4), usegmt=True)
        return (
            Reply("later", 429, {"Retry-After": "3"}) if site is sites[0] else Reply("down", 503, {"Retry-After": date})
        )

    sites = [
        serve({"/": page("home", "/busy", "/after", "/last"), "/busy": busy, **stories("after", "last")}) for _ in "ab"
    ]
    by_port = {site.port: site for site in sites}
    result = crawl(*(site.url + "/" for site in sites), BROADSHEET_CONCURRENCY=1, **SMALL)
    for site, least in zip(sites, (2.9, 2.9), strict=True):  # a date has whole seconds
        at = site.times("/busy")[0]
        assert min(seen.at - at for seen in site.log if seen.at > at) >= least
        assert {result.states(site)[path] for path in ("/busy", "/after", "/last")} == {ARTICLE}
    assert result.rows("SELECT attempts FROM urls WHERE url LIKE '%/busy'") == [(2,), (2,)]
    assert result.rows("SELECT count(*) FROM captures WHERE url LIKE '%/busy'") == [(4,)]


@pytest.mark.slow
def test_a_redirect_s_retry_after_is_no_reason_to_wait(crawl, serve):
    site = serve({"/": page("home", "/old"), "/old": Reply("", 301, {"Location": "/new", "Retry-After": "3600"})})
    site.routes |= stories("new")
    assert crawl(site.url + "/", max_time=60, **SMALL).states(site)["/new"] == ARTICLE


@pytest.mark.slow
def test_every_request_says_who_asks_by_an_address_or_a_page(crawl, serve):
    site = serve(
        {"/robots.txt": moved("/rules"), "/rules": robots("User-agent: a.example\nDisallow: /\n"), **home("one")}
    )
    result = crawl(site.url + "/", contact="crawls@a.example", **SMALL)
    assert result.states(site)["/one"] == ARTICLE  # the contact's host is no name of ours
    [(agent, sender)] = {(seen.headers["User-Agent"], seen.headers["From"]) for seen in site.log}
    assert (agent[:11], agent.partition(" ")[2], sender) == ("Broadsheet/", "(+crawls@a.example)", "crawls@a.example")
    [(options,)] = result.rows("SELECT options FROM runs")
    assert json.loads(options) | {"contact": "crawls@a.example", "user_agent": agent} == json.loads(options)
    crawl(site.url + "/", BROADSHEET_CONTACT="https://a.example/us", revisit="all", **SMALL)
    assert site.log[-1].headers["User-Agent"].endswith(" (+https://a.example/us)")
    assert site.log[-1].headers["From"] is None
    assert "a contact must be" in crawl(site.url + "/", contact="nobody", **SMALL).errors


ASKING = {
    "/noindex": Reply(page("noindex", head='<meta name="robots" content="NOINDEX, follow">')),
    "/ours": Reply(page("ours", head='<meta name="broadsheet" content="noarchive">')),
    "/theirs": Reply(page("theirs", head='<meta name="googlebot" content="noindex">')),
    "/noai": Reply(page("noai"), headers={"X-Robots-Tag": "noai, noimageai"}),
    "/reserved": Reply(page("reserved"), headers={"TDM-Reservation": "1", "TDM-Policy": "https://a.example/P.json"}),
    "/over": Reply(page("over"), headers={"X-Robots-Tag": "unavailable_after: 25 Jun 2010 15:00:00 GMT"}),
    "/closed": Reply(page("closed", "/beyond", head='<meta name="robots" content="nofollow">')),
    "/gone": Reply("gone", 410, {"X-Robots-Tag": "googlebot: noindex, nofollow"}),
    "/marked": Reply(page("marked", extra='<p><a rel="nofollow" href="/unasked">that one</a></p>')),
    "/beyond": Reply(page("beyond")),
    "/unasked": Reply(page("unasked")),
}
LINKED = ("/noindex", "/ours", "/theirs", "/noai", "/reserved", "/over", "/closed", "/gone", "/marked")


@pytest.mark.slow
def test_directives_are_recorded_and_bind_only_who_obeys(crawl, serve):
    site = serve({"/": page("home", *LINKED), **ASKING})
    obeying = crawl(site.url + "/", obey_directives=1, **SMALL)
    states = obeying.states(site)
    assert {path: states[path] for path in ("/theirs", "/closed", "/marked")} == dict.fromkeys(
        ("/theirs", "/closed", "/marked"), ARTICLE
    )
    assert {path: states[path] for path in states if states[path][0] == "skipped"} == {
        "/noindex": ("skipped", "noindex"), "/ours": ("skipped", "noarchive"), "/noai": ("skipped", "noai"),
        "/reserved": ("skipped", "tdm_reservation"), "/over": ("skipped", "unavailable_after"),
        "/beyond": ("skipped", "nofollow"), "/unasked": ("skipped", "nofollow"),
    }  # fmt: skip
    assert not {"/beyond", "/unasked"} & set(site.paths())
    assert {url.removeprefix(site.url) for url in obeying.articles()} == {"/theirs", "/closed", "/marked"}
    for unkept in ("noindex1word", "noai1word", "reserved1word"):
        assert obeying.rows(f"SELECT count(*) FROM {BLOCK_TEXTS} WHERE text LIKE ?", f"%{unkept}%") == [(0,)]
    assert obeying.rows("SELECT title FROM pages p JOIN urls u USING (id) WHERE url LIKE '%/noindex'") == [("",)]

    recording = crawl(site.url + "/", **SMALL)  # the same archive, without the option: what was left out is taken up
    assert set(recording.states(site).values()) == {
        ARTICLE,
        ("done", "list"),
        ("done", "robots"),
        ("failed", "http_410"),
    }
    said = {
        url.removeprefix(site.url): json.loads(row)
        for url, row in recording.rows("SELECT url, directives FROM captures")
    }
    assert said["/noindex"] == ["follow", "noindex"]
    assert said["/ours"] == ["broadsheet: noarchive"]
    assert said["/theirs"] == ["googlebot: noindex"]
    assert said["/noai"] == ["noai", "noimageai"]
    assert said["/reserved"] == ["tdm-policy: https://a.example/P.json", "tdm-reservation: 1"]
    assert said["/over"] == ["unavailable_after: 25 jun 2010 15:00:00 gmt"]
    assert said["/gone"] == ["googlebot: nofollow", "googlebot: noindex"]
    assert said["/marked"] == said["/"] == said["/robots.txt"] == []


@pytest.mark.slow
def test_a_url_is_asked_for_when_another_page_lets_its_links_be_followed(crawl, serve):
    chain = {"/a": page("a", "/b"), "/b": page("b", "/c"), "/c": page("c", "/target"), "/target": page("target")}
    shy = page("home", "/target", "/a", head='<meta name="robots" content="none">')
    site = serve({"/": shy, "/start": page("start", "/a"), **chain})
    result = crawl(site.url + "/", site.url + "/start", obey_directives=1, **SMALL)
    assert result.states(site)["/target"] == ARTICLE
    assert site.paths().index("/target") > site.paths().index("/c")
