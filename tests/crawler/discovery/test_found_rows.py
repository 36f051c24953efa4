"""Links and entries to rows of the queue."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from cleaners.document import Outlink
from crawler.discovery.feeds import FeedEntry
from crawler.discovery.found_rows import from_feed, from_outlinks, from_sitemap
from crawler.discovery.scope import Scope
from crawler.discovery.sitemaps import Entry, Sitemap, SitemapKind
from crawler.options import CrawlOptions
from output.queue.rows import QueuedUrl

HOME = "https://a.example/"
QUEUED = QueuedUrl(1, HOME, "a.example", "page", 2, 0, 0, "link", "", "")
OPTIONS = CrawlOptions((HOME,))
SCOPE = Scope.from_seeds([HOME], exclude=["/no/"], max_depth=3)


def test_links_lie_one_deeper_and_canonical_and_redirect_targets_do_not() -> None:
    links = [Outlink(HOME + "a"), Outlink(HOME + "b", via="canonical"), Outlink(HOME + "c", via="redirect")]
    rows = {row.url: row for row in from_outlinks(links, QUEUED, SCOPE, OPTIONS).found}
    assert {url: row.depth for url, row in rows.items()} == {HOME + "a": 3, HOME + "b": 2, HOME + "c": 2}
    assert rows[HOME + "a"].on == HOME
    assert rows[HOME + "b"].via == "canonical"


def test_other_hosts_are_counted_not_queued() -> None:
    links = [
        Outlink("https://b.example/1"),
        Outlink("https://b.example/2"),
        Outlink("https://c.example/", via="canonical"),
    ]
    found = from_outlinks(links, QUEUED, SCOPE, OPTIONS)
    assert found.found == ()
    assert found.outside == {"b.example": 2}


def test_what_is_not_wanted_has_a_row_with_its_reason() -> None:
    deep = replace(QUEUED, depth=3)
    links = [Outlink(HOME + "no/1"), Outlink(HOME + "film.mp4"), Outlink(HOME + "yes")]
    near = {row.url: (row.state, row.reason) for row in from_outlinks(links, QUEUED, SCOPE, OPTIONS).found}
    far = {row.url: (row.state, row.reason) for row in from_outlinks(links, deep, SCOPE, OPTIONS).found}
    assert near == {
        HOME + "no/1": ("skipped", "pattern"),
        HOME + "film.mp4": ("skipped", "media_type"),
        HOME + "yes": ("queued", ""),
    }
    assert far[HOME + "yes"] == ("skipped", "depth")


def test_without_links_the_canonical_url_is_still_followed() -> None:
    options = replace(OPTIONS, discover_links=False, discover_feeds=False)
    links = [Outlink(HOME + "a"), Outlink(HOME + "b", via="canonical"), Outlink(HOME + "feed", via="feed")]
    assert [row.url for row in from_outlinks(links, QUEUED, SCOPE, options).found] == [HOME + "b"]


def test_a_feed_on_another_host_counts_where_a_start_page_names_it() -> None:
    links = [Outlink("https://feeds.example/a", via="feed"), Outlink("https://www.a.example/b", via="feed")]
    found = from_outlinks(links, replace(QUEUED, depth=0), SCOPE, OPTIONS).found
    assert [(row.kind, row.host, row.state) for row in found] == [
        ("feed", "feeds.example", "queued"),
        ("feed", "www.a.example", "queued"),
    ]
    deeper = from_outlinks(links, QUEUED, SCOPE, OPTIONS).found
    assert [row.host for row in deeper] == ["www.a.example"], "pages deep in a site name strangers' feeds"


def test_a_sitemap_index_leads_to_sitemaps_wherever_they_are() -> None:
    index = Sitemap(SitemapKind.INDEX, (Entry("https://cdn.example/s.xml"),))
    (row,) = from_sitemap(index, QUEUED, SCOPE, OPTIONS).found
    assert (row.kind, row.via, row.host) == ("sitemap", "sitemap", "cdn.example")


def test_sitemap_entries_are_one_link_from_the_seed_and_keep_their_date() -> None:
    entries = (Entry(HOME + "a", "2024-05-01"), Entry("https://b.example/x"), Entry(HOME + "no/x"))
    found = from_sitemap(Sitemap(SitemapKind.URLSET, entries), QUEUED, SCOPE, OPTIONS)
    assert [(row.url, row.depth, row.lastmod, row.reason) for row in found.found] == [
        (HOME + "a", 1, "2024-05-01", ""),
        (HOME + "no/x", 1, "", "pattern"),
    ]
    assert found.outside == {"b.example": 1}


def test_entries_dated_before_since_are_too_old_and_undated_ones_are_not() -> None:
    options = replace(OPTIONS, since=date(2024, 1, 1))
    entries = [
        FeedEntry(HOME + "a", "2023-12-31"),
        FeedEntry(HOME + "b", "2020-01-01", "2024-02-01"),
        FeedEntry(HOME + "c"),
    ]
    rows = from_feed(entries, QUEUED, SCOPE, options).found
    assert {row.url: row.reason for row in rows} == {HOME + "a": "too_old", HOME + "b": "", HOME + "c": ""}
