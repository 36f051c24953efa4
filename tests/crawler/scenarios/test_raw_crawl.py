"""Raw responses of whole crawls: turned off, bounded, gone on with after a kill, and from `scrapy crawl`."""

from __future__ import annotations

import os

import pytest

from tests.crawler import raws
from tests.crawler.crawls import Serve
from tests.crawler.fetch.test_exchange_recorder import assert_rows
from tests.crawler.scripted_site import Reply, ScriptedSite, page, stories
from tests.crawler.shell import command, crawl, rows

pytestmark = pytest.mark.slow

NAMES = [f"story{number}" for number in range(12)]


def site_of(serve: Serve) -> ScriptedSite:
    return serve({"/": page("start", *(f"/{name}" for name in NAMES)), **stories(*NAMES)})


def test_everything_that_was_asked_for_is_kept(serve, crawl):
    site = site_of(serve)
    site.routes["/robots.txt"] = Reply(
        f"User-agent: *\nSitemap: {site.url}/map.xml\n", headers={"Content-Type": "text/plain"}
    )
    site.routes["/map.xml"] = f'<?xml version="1.0"?><urlset><url><loc>{site.url}/mapped</loc></url></urlset>'
    site.routes["/feed"] = "<rss><channel><item><link>/fed</link></item></channel></rss>"
    site.routes["/story0"] = Reply("", 302, {"Location": "/story1"})
    site.routes["/story2"] = Reply("broken", 500)
    assert crawl(f"{site.url}/", BROADSHEET_RETRY_TIMES=1).code == 0
    kept = raws.by_url(crawl.db)
    for path in set(site.paths()):
        found = len(kept[site.url + path]["response"]) + len(kept[site.url + path]["revisit"])
        assert found == 1 or (path == "/story2" and found in (1, 2)), path
    assert rows(crawl.db, "SELECT count(*) FROM captures WHERE warc_file IS NULL") == [(0,)]
    raws.checked(crawl.db)
    assert_rows(crawl.db)


def test_no_warc_keeps_none_and_a_later_crawl_without_a_url_neither(serve, tmp_path):
    site, db = site_of(serve), tmp_path / "a.db"
    code, _, errors = crawl(site, db, "--no-warc", "--max-pages", 3)
    assert code == 0, errors
    assert command("crawl", "--db", db, "--allow-private", "--delay", 0)[0] == 0
    assert rows(db, "SELECT count(*), count(warc_file) FROM captures")[0][1] == 0
    assert [path.name for path in tmp_path.iterdir()] == ["a.db"]
    assert rows(db, "SELECT min(length(payload_digest)) FROM captures") == [(37,)]


def test_max_size_ends_the_crawl_and_with_more_room_it_goes_on(serve, tmp_path):
    site, db = site_of(serve), tmp_path / "a.db"
    for name in NAMES:
        site.routes[f"/{name}"] = page(name, extra=f"<!-- {os.urandom(20_000).hex()} -->")
    code, out, errors = crawl(site, db, "--max-size", "1M", "--concurrency", 1)
    assert code == 0, errors
    assert "Stopped at --max-size" in out
    (left,) = rows(db, "SELECT count(*) FROM urls WHERE state = 'skipped' AND reason = 'limit'")[0]
    assert left > 3
    assert sum(path.stat().st_size for path in raws.files(db)) < 1_000_000, "the database counts too"
    assert crawl(site, db)[0] == 0
    assert rows(db, "SELECT count(*) FROM urls WHERE reason = 'limit'") == [(0,)]
    assert len(raws.files(db)) == 1, "the same file goes on"
    raws.checked(db)


def test_nested_indexes_and_endless_sitemaps_are_bounded_and_so_is_the_database(serve, tmp_path):
    """Indexes that list indexes without end, and one that lists so many pages that the database reaches its bound."""
    site, db = serve(stories("one")), tmp_path / "a.db"
    entries = ["<sitemapindex>{}</sitemapindex>", "<sitemap><loc>{}</loc></sitemap>"]

    def index(*paths: str) -> str:
        return entries[0].format("".join(entries[1].format(site.url + path) for path in paths))

    site.routes |= {"/": page("home", "/one"), "/sitemap.xml": index("/map1.xml", "/pages.xml")}
    site.routes |= {f"/map{n}.xml": index(f"/map{n + 1}.xml", f"/more{n}.xml") for n in range(1, 9)}
    site.routes["/more1.xml"] = index(*(f"/many/{n}.xml" for n in range(10_000)))
    pages = "".join(f"<url><loc>{site.url}/page/{n}</loc></url>" for n in range(40_000))
    site.routes["/pages.xml"] = Reply(f"<urlset>{pages}</urlset>", wait=3)  # after the indexes
    code, out, errors = crawl(site, db, "--max-size", "5M", "--no-warc")
    assert code == 0, errors
    assert "Stopped at --max-size" in out
    assert db.stat().st_size < 30_000_000
    kinds = dict(rows(db, "SELECT url, reason FROM urls WHERE kind = 'sitemap' AND state = 'done'"))
    assert {url.removeprefix(site.url): reason for url, reason in kinds.items()} == {
        "/sitemap.xml": "sitemap", "/pages.xml": "sitemap", "/map1.xml": "sitemap", "/map2.xml": "sitemap:nested_index",
        "/more1.xml": "sitemap:nested_index",
    }  # fmt: skip
    assert rows(db, "SELECT count(*) FROM urls WHERE kind = 'sitemap'") == [(5,)]
    assert "/map3.xml" not in site.paths()


def test_what_a_kill_left_is_set_aside_and_said(serve, tmp_path):
    site, db = site_of(serve), tmp_path / "a.db"
    assert crawl(site, db, "--max-pages", 2)[0] == 0
    (file,) = raws.files(db)
    with file.open("ab") as stream:
        stream.write(b"\x1f\x8b half a record")
    code, _, errors = crawl(site, db)
    assert code == 0
    (tail,) = file.parent.glob("*.tail-*")
    assert f"Moved 16 bytes that the last run could not commit to a.db.warc/{tail.name}." in errors
    assert tail.read_bytes() == b"\x1f\x8b half a record"
    raws.checked(db)
    assert_rows(db)
    assert command("verify", db)[0] == 0


def test_small_files_follow_one_another(serve, crawl):
    assert crawl(f"{site_of(serve).url}/", BROADSHEET_WARC_SIZE="4K").code == 0
    assert len(raws.files(crawl.db)) > 2
    raws.checked(crawl.db)
    assert_rows(crawl.db)
