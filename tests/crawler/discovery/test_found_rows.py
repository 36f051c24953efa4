"""Links and entries to rows of the queue."""

from dataclasses import replace
from datetime import date

from broadsheet.cleaners.document import Outlink
from broadsheet.crawler.discovery import found_rows
from broadsheet.crawler.discovery.feed_reader import FeedEntry
from broadsheet.crawler.discovery.found_rows import urls_from_feed, urls_from_outlinks, urls_from_sitemap
from broadsheet.crawler.discovery.scope import Scope
from broadsheet.crawler.discovery.sitemaps import Sitemap, SitemapEntry, SitemapKind
from broadsheet.crawler.options import CrawlOptions
from broadsheet.output.write.outcome import DiscoveredUrl
from broadsheet.output.write.url_queue import QueuedUrl

HOME = "https://a.example/"
QUEUED = QueuedUrl(1, HOME, "a.example", "page", 2, 0, 0, "link", "", "")
OPTIONS = CrawlOptions((HOME,))
SCOPE = Scope.from_seeds([HOME], exclude=["/no/"], max_depth=3)


def test_links_lie_one_deeper_and_canonical_and_redirect_targets_do_not():
    links = [Outlink(HOME + "a"), Outlink(HOME + "b", via="canonical"), Outlink(HOME + "c", via="redirect")]
    assert urls_from_outlinks(links, QUEUED, SCOPE, OPTIONS).rows == (
        DiscoveredUrl(HOME + "a", "a.example", "page", "link", HOME, 3, 40),
        DiscoveredUrl(HOME + "b", "a.example", "page", "canonical", HOME, 2, 45),
        DiscoveredUrl(HOME + "c", "a.example", "page", "redirect", HOME, 2, 45),
    )


def test_other_hosts_are_counted_not_queued():
    links = [
        Outlink("https://b.example/1"),
        Outlink("https://b.example/2"),
        Outlink("https://c.example/", via="canonical"),
    ]
    discovered = urls_from_outlinks(links, QUEUED, SCOPE, OPTIONS)
    assert discovered.rows == ()
    assert discovered.outside_hosts == {"b.example": 2}


def test_what_is_not_wanted_has_a_row_with_its_reason():
    deep = replace(QUEUED, depth=3)
    """What a page says of its own address is no trap and no feed of comments."""
    loop, comments = HOME + "a/b/a/b/a/b", HOME + "comments/feed/"
    links = [Outlink(HOME + "no/1"), Outlink(HOME + "film.mp4"), Outlink(HOME + "yes"), Outlink(loop),
             Outlink(comments), Outlink(HOME + "no/comments/feed/")]  # fmt: skip
    near = {row.url: (row.state, row.reason) for row in urls_from_outlinks(links, QUEUED, SCOPE, OPTIONS).rows}
    far = {row.url: (row.state, row.reason) for row in urls_from_outlinks(links, deep, SCOPE, OPTIONS).rows}
    assert near == {
        HOME + "no/1": ("skipped", "pattern"),
        HOME + "film.mp4": ("skipped", "media_type"),
        HOME + "yes": ("queued", ""),
        loop: ("skipped", "trap:repeating_path"),
        comments: ("skipped", "comment_feed"),
        HOME + "no/comments/feed/": ("skipped", "pattern"),
    }
    assert far[HOME + "yes"] == ("skipped", "depth")
    stated = [Outlink(url, via="canonical") for url in (loop, comments)]
    assert [row.reason for row in urls_from_outlinks(stated, QUEUED, SCOPE, OPTIONS).rows] == ["", ""]


def test_without_links_the_canonical_url_is_still_followed():
    options = replace(OPTIONS, links=False, feeds=False, sitemaps=False)
    links = [Outlink(HOME + "a"), Outlink(HOME + "b", via="canonical"), Outlink(HOME + "feed", via="feed"),
             Outlink(HOME + "map", via="sitemap")]  # fmt: skip
    assert [row.url for row in urls_from_outlinks(links, QUEUED, SCOPE, options).rows] == [HOME + "b"]
    maps = replace(options, sitemaps=True)
    assert [row.url for row in urls_from_outlinks(links, QUEUED, SCOPE, maps).rows] == [HOME + "b", HOME + "map"]


def test_a_feed_on_another_host_counts_where_a_start_page_names_it():
    links = [Outlink("https://feeds.example/a", via="feed"), Outlink("https://www.a.example/b", via="feed")]
    discovered = urls_from_outlinks(links, replace(QUEUED, depth=0), SCOPE, OPTIONS).rows
    assert [(row.kind, row.host, row.state) for row in discovered] == [
        ("feed", "feeds.example", "queued"),
        ("feed", "www.a.example", "queued"),
    ]
    deeper = urls_from_outlinks(links, QUEUED, SCOPE, OPTIONS).rows
    assert [row.host for row in deeper] == ["www.a.example"], "pages deep in a site name strangers' feeds"
    on_www = replace(QUEUED, host="www.a.example")
    listings = [Outlink(HOME + "comments/feed/", via="feed"), Outlink(HOME + "comments.rss", via="sitemap")]
    assert [(row.depth, row.reason) for row in urls_from_outlinks(listings, on_www, SCOPE, OPTIONS).rows] == [
        (0, "comment_feed"), (0, ""),
    ]  # fmt: skip


def test_a_sitemap_index_leads_to_sitemaps_wherever_they_are():
    index = Sitemap(SitemapKind.INDEX, (SitemapEntry("https://cdn.example/s.xml"),))
    (row,) = urls_from_sitemap(index, QUEUED, SCOPE, OPTIONS).rows
    assert (row.kind, row.found_via, row.host) == ("sitemap", "sitemap", "cdn.example")


def test_sitemap_entries_are_one_link_from_the_seed_and_keep_their_date():
    entries = (SitemapEntry(HOME + "a", "2024-05-01"), SitemapEntry("https://b.example/x"),
               SitemapEntry(HOME + "no/x", "2001"), SitemapEntry(HOME + "film.mp4"))  # fmt: skip
    options, scope = replace(OPTIONS, since=date(2024, 1, 1)), replace(SCOPE, max_depth=1)
    discovered = urls_from_sitemap(Sitemap(SitemapKind.URLSET, entries), QUEUED, scope, options)
    assert [(row.url, row.depth, row.lastmod, row.state, row.reason) for row in discovered.rows] == [
        (HOME + "a", 1, "2024-05-01", "queued", ""),
        (HOME + "no/x", 1, "2001", "skipped", "pattern"),
        (HOME + "film.mp4", 1, "", "skipped", "media_type"),
    ]
    assert discovered.outside_hosts == {"b.example": 1}


def test_entries_dated_before_since_are_too_old_and_undated_ones_are_not():
    options = replace(OPTIONS, since=date(2024, 1, 1))
    entries = [
        FeedEntry(HOME + "a", "2023-12-31"),
        FeedEntry(HOME + "b", "2020-01-01", "2024-02-01"),
        FeedEntry(HOME + "c"),
    ]
    rows = urls_from_feed(entries, QUEUED, SCOPE, options).rows
    assert {row.url: row.reason for row in rows} == {HOME + "a": "too_old", HOME + "b": "", HOME + "c": ""}


def test_a_link_is_judged_once_and_its_row_still_says_which_page_named_it():
    found_rows._judge_link.cache_clear()
    links = [Outlink(HOME + "no/1"), Outlink(HOME + "film.mp4"), Outlink(HOME + "yes"), Outlink("https://b.example/")]
    pages = [replace(QUEUED, url=f"{HOME}page-{number}") for number in range(5)]
    discoveries = [urls_from_outlinks(links, page, SCOPE, OPTIONS) for page in pages]
    assert found_rows._judge_link.cache_info().misses == len(links)
    assert [{row.found_on for row in discovery.rows} for discovery in discoveries] == [{page.url} for page in pages]
    assert {tuple((row.url, row.state, row.reason, row.priority) for row in d.rows) for d in discoveries} == {
        (
            (HOME + "no/1", "skipped", "pattern", discoveries[0].rows[0].priority),
            (HOME + "film.mp4", "skipped", "media_type", discoveries[0].rows[1].priority),
            (HOME + "yes", "queued", "", discoveries[0].rows[2].priority),
        )
    }


def test_the_same_link_is_another_pages_own_feed_and_not_this_ones():
    feed = Outlink(f"{HOME}2024/story/feed/")
    own = replace(QUEUED, url=f"{HOME}2024/story/")
    reasons = [urls_from_outlinks([feed], page, SCOPE, OPTIONS, True).rows[0].reason for page in (QUEUED, own, QUEUED)]
    assert reasons == ["", "comment_feed", ""]


def test_a_link_is_judged_anew_by_another_scope():
    link = [Outlink(HOME + "no/1")]
    assert urls_from_outlinks(link, QUEUED, SCOPE, OPTIONS).rows[0].reason == "pattern"
    assert urls_from_outlinks(link, QUEUED, Scope.from_seeds([HOME]), OPTIONS).rows[0].reason == ""
