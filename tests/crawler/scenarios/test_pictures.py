"""Pictures of articles: fetched after the pages, bounded, once each, and gone with their articles."""

from __future__ import annotations

import gzip
import threading
from pathlib import Path

import pytest

from broadsheet.crawler.commands.run_summary import RunResult, review_run
from tests.crawler.crawls import SMALL, Result, Serve, kill_group
from tests.crawler.pictures import SVG, illustrated, jpeg, png, served
from tests.crawler.scripted_site import Reply, ScriptedSite, Seen, page
from tests.crawler.shell import command, verb
from tests.internal_tables import PAGE_FILES, PICTURES

KEPT = {"keep": "pictures", **SMALL}


OF_ONE = {"/i/lead.png", "/i/a.png", "/i/shared.jpg"}
OF_TWO = {"/i/same.png", "/i/shared.jpg", "/i/draw.svg", "/i/moved.png"}
NOT_KEPT = {"/i/huge.png", "/i/no.png", "/i/gone.png", "/closed/x.png"}


def an_illustrated_site(serve: Serve) -> ScriptedSite:
    """Two articles that share a picture; one has a lead, one pictures that are not kept."""
    site = serve({"/robots.txt": Reply("User-agent: *\nDisallow: /closed/\n", 200, {"Content-Type": "text/plain"})})
    site.routes |= {
        "/": page("home", "/one", "/two", "/i/there.png"),  # to which a picture redirects
        "/one": illustrated("one", "/i/a.png", "/i/shared.jpg", lead=f"{site.url}/i/lead.png"),
        "/two": illustrated("two", *OF_TWO, *NOT_KEPT),
        "/i/a.png": served(png()),
        "/i/same.png": served(png()),  # the bytes of a.png
        "/i/shared.jpg": served(jpeg(), "application/octet-stream"),
        "/i/lead.png": served(png(shade=50)),
        "/i/draw.svg": served(SVG, "image/svg+xml"),
        "/i/huge.png": served(png(60_000, 60_000)),
        "/i/no.png": served(b"<html><body>sign in</body></html>", "image/png"),
        "/i/moved.png": Reply("", 302, {"Location": "/i/halfway.png"}),
        "/i/halfway.png": Reply("", 301, {"Location": "/i/there.png"}),
        "/i/there.png": served(png(shade=99)),
        "/closed/x.png": served(png()),
    }  # fmt: skip
    return site


def pictures(result: Result, site: ScriptedSite) -> dict[str, set[str]]:
    """By article, the pictures that the archive has of it."""
    found: dict[str, set[str]] = {}
    for url, image in result.rows("SELECT url, image FROM article_pictures"):
        found.setdefault(url.removeprefix(site.url), set()).add(image.removeprefix(site.url))
    return found


@pytest.mark.slow
def test_pictures_come_after_the_pages_once_each_and_bounded_and_go_with_their_article(crawl, serve):
    site = an_illustrated_site(serve)
    result = crawl(site.url + "/", **KEPT)
    assert pictures(result, site) == {"/one": OF_ONE, "/two": OF_TWO}
    paths = site.paths()
    assert min(n for n, path in enumerate(paths) if path.startswith("/i/")) > max(map(paths.index, ("/one", "/two")))
    assert paths.count("/i/shared.jpg") == 1
    assert "/closed/x.png" not in paths
    states = result.states(site)
    assert states["/i/a.png"] == ("done", "picture")
    assert states["/i/huge.png"] == ("skipped", "too_large")
    assert states["/i/no.png"] == ("skipped", "no_picture")
    assert states["/closed/x.png"] == ("skipped", "robots.txt")
    assert states["/i/gone.png"] == ("failed", "http_404")
    assert result.rows(f"SELECT count(DISTINCT digest), count(*) FROM {PICTURES}") == [(5, 6)]
    same = result.rows(
        "SELECT refers_to IS NOT NULL FROM captures WHERE url LIKE '%/i/a.png' OR url LIKE '%/i/same.png'"
    )
    assert sorted(same) == [(0,), (1,)], "the bytes of both stand in one record"
    assert result.rows("SELECT caption, alt, width FROM article_pictures WHERE image LIKE '%/i/a.png'") == [
        ("Caption 0 of one", "What 0 shows", 3)
    ]
    assert verb("verify", result.db)[0] == 0

    before = len(site.paths())
    crawl(site.url + "/", **KEPT)
    assert [path for path in site.paths()[before:] if path.startswith("/i/")] == []

    assert verb("forget", result.db, site.url + "/one", "--yes")[0] == 0
    gone = {"/one", "/i/a.png", "/i/lead.png"}  # what no other article shows goes along
    assert pictures(result, site) == {"/two": OF_TWO}
    assert {path for path, state in result.states(site).items() if state == ("skipped", "forgotten")} == gone
    assert verb("verify", result.db)[0] == 0
    assert result.rows("SELECT count(*) FROM captures WHERE url LIKE '%/i/lead.png'") == [(0,)]
    left = unpacked(Path(f"{result.db}.warc"))
    assert (png(shade=50) in left, png() in left) == (False, True), "another article shows the same bytes as a.png"
    before = len(site.paths())
    crawl(site.url + "/", **KEPT)
    assert not gone & set(site.paths()[before:])


@pytest.mark.slow
def test_without_the_option_no_picture_is_asked_for_and_update_gets_them_later(crawl, serve):
    site = an_illustrated_site(serve)
    result = crawl(site.url + "/", **SMALL)
    assert review_run(RunResult(str(result.db), (), 0, {})).lacks_pictures
    assert not [path for path in site.paths() if path.startswith(("/i/", "/closed/"))]
    assert pictures(result, site) == {}
    assert result.rows("SELECT count(*) FROM urls WHERE kind = 'picture'") == [(0,)]
    texts, before = result.articles(), len(site.paths())

    code, out, errors = command("update", result.db, "--pictures", "--allow-private", "--delay", "0")
    assert code == 0, errors
    assert "6 pictures" in out
    assert pictures(result, site) == {"/one": OF_ONE, "/two": OF_TWO}
    asked = {f"/i/{name}.png" for name in ("gone", "huge", "no", "halfway", "there")}
    assert set(site.paths()[before:]) <= {"/robots.txt", *asked, *OF_ONE, *OF_TWO}
    assert result.articles() == texts
    assert verb("verify", result.db)[0] == 0
    assert not review_run(RunResult(str(result.db), (), 0, {})).lacks_pictures
    code, out, errors = command("update", result.db, "--pictures", "--allow-private", "--delay", "0")
    assert (code, "Nothing to do" in out) == (0, True), errors


@pytest.mark.slow
def test_a_host_of_pictures_alone_is_asked_for_its_robots_txt_and_nothing_else(crawl, serve):
    far, site = serve({"/a.png": served(png()), "/closed.png": served(png())}), serve({})
    robots = f"User-agent: *\nDisallow: /closed\nCrawl-delay: 1\nSitemap: {far.url}/map.xml\n"
    far.routes["/robots.txt"] = Reply(robots, 200, {"Content-Type": "text/plain"})
    site.routes["/"] = page("home", "/one")
    site.routes["/one"] = illustrated("one", f"{far.url}/a.png", f"{far.url}/closed.png")
    result = crawl(site.url + "/", BROADSHEET_PORTS=str(far.port), keep="pictures")
    assert far.paths() == ["/robots.txt", "/a.png"]
    assert far.log[1].at - far.log[0].at >= 0.9
    assert far.log[1].headers["Accept"] == "image/*"
    assert result.states(far) == {
        "/robots.txt": ("done", "robots"),
        "/a.png": ("done", "picture"),
        "/closed.png": ("skipped", "robots.txt"),
    }


@pytest.mark.slow
def test_a_crawl_that_is_killed_among_pictures_goes_on_with_them(crawl, serve):
    names = [f"/i/{number}.png" for number in range(12)]
    site = serve({"/": page("home", "/one"), "/one": illustrated("one", *names)})
    asked = threading.Event()

    def slow(seen: Seen) -> Reply:
        if len({path for path in site.paths() if path in names}) > 4:
            asked.set()
            site.closing.wait(1.0)
        return served(png(shade=names.index(seen.path)))

    site.routes |= dict.fromkeys(names, slow)
    process = crawl.start(site.url + "/", **KEPT)
    assert asked.wait(100)
    kill_group(process)
    site.routes |= {name: served(png(shade=number)) for number, name in enumerate(names)}
    result = crawl(site.url + "/", **KEPT)
    assert pictures(result, site) == {"/one": set(names)}
    assert verb("verify", result.db)[0] == 0


@pytest.mark.slow
def test_a_limit_on_pages_does_not_keep_their_pictures_out(crawl, serve):
    site = an_illustrated_site(serve)
    result = crawl(site.url + "/one", max_pages=1, **KEPT)
    assert pictures(result, site) == {"/one": OF_ONE}
    assert "/two" not in site.paths()


def unpacked(folder: Path) -> bytes:
    return b"".join(gzip.decompress(file.read_bytes()) for file in folder.glob("*.warc.gz"))


def test_pictures_need_raw_responses(crawl):
    code, _, errors = verb("crawl", "https://a.example/", "--db", crawl.db, "--no-warc", "--keep", "pictures")
    assert code == 2
    assert "pictures are kept in the raw responses" in errors
    assert not crawl.db.exists()


PAGE_KEPT = {"keep": "page", **SMALL}
SHEETS = {"/s/main.css", "/s/own.css", "/s/more.css"}


def sheet(text: str) -> Reply:
    return served(text.encode(), "text/css; charset=utf-8")


def a_styled_site(serve: Serve) -> ScriptedSite:
    """Two articles of one layout, one with a sheet of its own that imports another and a picture beside its text."""
    site = serve({"/robots.txt": Reply("User-agent: *\nDisallow: /closed/\n", 200, {"Content-Type": "text/plain"})})
    head = '<link rel="stylesheet" href="/s/main.css"><link rel=stylesheet href="/closed/a.css">'
    own = '<link rel="preload" as="style" href="/s/own.css" onload="this.rel=`x`"><!-- <img src="/i/no.png"> -->'
    none = '<link rel="stylesheet" href="/s/page.css">'
    site.routes |= {
        "/": page("home", "/one", "/two", head='<link rel="stylesheet" href="/s/home.css">'),
        "/one": page("one", head=head + own, extra='<aside><img src="/i/beside.png"><img src="/two"></aside>'),
        "/two": page(
            "two", head=head + none + "<style>@import '/s/gone.css'; p { background: url(/i/in.png) }</style>"
        ),
        "/s/main.css": sheet("body { background: url(../i/paper.png) } @font-face { src: url(f.woff2) }"),
        "/s/own.css": sheet("@import url('more.css'); p { background: URL( \"/i/own.png#a\" ) }"),
        "/s/more.css": sheet("@import 'third.css' screen; i { background: url(/i/deep.png) }"),
        "/s/page.css": served(b"<html>sign in", "text/html"),
        **{f"/i/{name}.png": served(png(shade=n)) for n, name in enumerate(("beside", "in", "paper", "own", "deep"))},
    }
    return site


@pytest.mark.slow
def test_what_a_page_shows_is_kept_once_and_goes_with_the_last_page_that_uses_it(crawl, serve):
    site = a_styled_site(serve)
    result = crawl(site.url + "/", **PAGE_KEPT)
    states = result.states(site)
    kept = {path for path, (_, reason) in states.items() if reason in ("style", "picture")}
    assert kept == SHEETS | {f"/i/{name}.png" for name in ("beside", "in", "paper", "own", "deep")}
    assert states["/closed/a.css"] == ("skipped", "robots.txt")
    assert states["/s/page.css"] == ("skipped", "no_picture")
    assert states["/s/gone.css"] == ("failed", "http_404")
    assert not {"/s/home.css", "/s/third.css", "/s/f.woff2", "/i/no.png"} & set(states)
    paths = site.paths()
    assert min(map(paths.index, SHEETS)) > max(map(paths.index, ("/one", "/two")))
    assert max(map(paths.count, kept)) == 1
    [asked] = [seen.headers for seen in site.log if seen.path == "/s/main.css"]
    assert (asked["Accept"], asked["Accept-Encoding"]) == ("text/css", "gzip")
    assert verb("verify", result.db)[0] == 0

    assert verb("forget", result.db, site.url + "/one", "--yes")[0] == 0
    gone = {"/one", "/s/own.css", "/s/more.css", "/i/beside.png", "/i/own.png", "/i/deep.png"}
    assert {path for path, state in result.states(site).items() if state == ("skipped", "forgotten")} == gone
    assert result.rows("SELECT count(*) FROM captures WHERE url LIKE '%/own.css'") == [(0,)]
    assert b"deep.png" not in unpacked(Path(f"{result.db}.warc"))
    assert verb("forget", result.db, site.url + "/two", "--yes")[0] == 0
    assert [result.rows(f"SELECT count(*) FROM {table}") for table in (PICTURES, PAGE_FILES)] == [[(0,)]] * 2
    assert verb("verify", result.db)[0] == 0


@pytest.mark.slow
def test_an_update_gets_what_the_pages_of_an_earlier_crawl_show(crawl, serve):
    site = a_styled_site(serve)
    for path in ("/one", "/two"):
        site.routes[path] = Reply(site.routes[path], 200, {"Content-Type": "text/html", "ETag": '"a"'})
    result = crawl(site.url + "/", **SMALL)
    assert not SHEETS & set(site.paths())
    texts = result.articles()
    options = ("--allow-private", "--delay", "0")
    code, out, errors = command("update", result.db, "--all", "--keep", "page", *options)
    assert (code, "5 pictures, 3 style sheets" in out) == (0, True), out + errors
    assert result.articles() == texts
    before = len(site.paths())
    assert command("update", result.db, "--all", "--keep", "page", *options)[0] == 0
    assert [seen.headers.get("If-None-Match") for seen in site.log[before:] if seen.path == "/one"] == ['"a"']
    assert not SHEETS & set(site.paths()[before:])


@pytest.mark.slow
def test_a_crawl_that_is_killed_among_style_sheets_goes_on_with_them(crawl, serve):
    site = a_styled_site(serve)
    asked, own = threading.Event(), site.routes["/s/own.css"]

    def slow(_: Seen) -> Reply:
        asked.set()
        site.closing.wait(1.0)
        return own

    site.routes["/s/own.css"] = slow
    process = crawl.start(site.url + "/", **PAGE_KEPT)
    assert asked.wait(100)
    kill_group(process)
    site.routes["/s/own.css"] = own
    result = crawl(site.url + "/", **PAGE_KEPT)
    states = result.states(site)
    assert {path for path, state in states.items() if state == ("done", "style")} == SHEETS
    assert states["/i/deep.png"] == ("done", "picture")
    assert verb("verify", result.db)[0] == 0
