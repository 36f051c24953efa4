"""Feeds of RSS, Atom and RDF: bytes in, frozen entries out; and feeds of readers' comments. Pure.

On many sites every article links to a feed of its comments, which leads to no article.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit
from xml.sax import SAXException

from broadsheet.cleaners.package_data import read_toml
from broadsheet.cleaners.page.canonical_urls import canonicalise

from .response_bodies import UTF16_MARKS, gunzip_body

MAX_FEED_BYTES = 10 * 1024 * 1024
"""A feed's bound: its reader builds a tree and is slow."""

FEED_ROOTS = ("rss", "feed", "rdf")
_FEED_TAG = re.compile(rb"<(?:[\w-]+:)?(?:rss|feed|rdf|channel)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """An entry of a feed; `published` and `updated` as written, or empty."""

    url: str
    published: str = ""
    updated: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed's entries, each URL once. `next_url` is the URL of its next page (RFC 5005) or empty.

    `reason` says what is wrong with it, if anything: bad_gzip, too_large, broken_xml, not_a_feed.
    """

    entries: tuple[FeedEntry, ...] = ()
    next_url: str = ""
    reason: str = ""


def read_feed(body: bytes, url: str) -> Feed:
    """Read RSS, Atom or RDF, also broken ones in part; links are resolved against `url`, the feed's own."""
    data, reason = gunzip_body(body)
    if len(data) > MAX_FEED_BYTES:
        data, reason = data[:MAX_FEED_BYTES], "too_large"
    if not data.startswith(UTF16_MARKS) and not _FEED_TAG.search(data):
        return Feed(reason=reason or "not_a_feed")  # feedparser is slow, above all with other content
    parsed = _parse(data, url)
    if not parsed.get("version"):
        return Feed(reason=reason or "not_a_feed")
    entries: dict[str, FeedEntry] = {}
    for parsed_entry in parsed.entries:
        if entry := _feed_entry(parsed_entry, url):
            entries.setdefault(entry.url, entry)
    is_broken = isinstance(parsed.get("bozo_exception"), SAXException)
    return Feed(
        tuple(entries.values()), _next_page_url(parsed.feed, url), reason or ("broken_xml" if is_broken else "")
    )


def _parse(data: bytes, url: str) -> Any:
    import feedparser  # not in the crawl's own process, which names what workers do and reads no feed

    # A stream, never bytes or text: feedparser would take those for a URL to ask or a file to open.
    headers = {"content-location": url}
    return feedparser.parse(BytesIO(data), response_headers=headers, sanitize_html=False, resolve_relative_uris=False)


def _next_page_url(feed: Any, base: str) -> str:
    links = (link.get("href") for link in feed.get("links", ()) if link.get("rel") == "next")
    return next((url for link in links if link and (url := canonicalise(link, base))), "")


def _feed_entry(parsed_entry: Any, base: str) -> FeedEntry | None:
    link = parsed_entry.get("feedburner_origlink") or parsed_entry.get("link")
    url = canonicalise(link, base) if link else None
    if url is None:
        return None
    updated = dict.get(parsed_entry, "updated", "")  # the item's own `get` would answer with `published`
    return FeedEntry(url, parsed_entry.get("published", ""), updated, parsed_entry.get("title", ""))


_COMMENT_DATA = read_toml(__package__, "comment_feeds.toml")
_PLACES = tuple(re.compile(pattern) for pattern in _COMMENT_DATA["places"].values())
_OWN_SUFFIX = re.compile(_COMMENT_DATA["own"]["suffix"])
_COMMENT_WORDS = re.compile(_COMMENT_DATA["names"]["comments"])


@dataclass(frozen=True, slots=True)
class NamingPage:
    """The page that names a feed: its canonical URL, and whether it is an article."""

    url: str
    is_article: bool = False


def is_comment_feed(feed_url: str, name: str, page: NamingPage) -> bool:
    """Tell whether a feed lists comments, by its address or because it belongs to the page.

    An article's own feed (`…/story/feed/`) is taken for its comments; another page's feed, such as a section's, only if
    its `name` says so.
    """
    return is_comment_place(feed_url) or is_own_comment_feed(feed_url, name, page)


@lru_cache(maxsize=4096)
def is_comment_place(feed_url: str) -> bool:
    """Return whether a URL looks like a feed of comments, whatever page links to it."""
    parts = urlsplit(feed_url.lower())
    place = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return any(pattern.search(place) for pattern in _PLACES)


def is_own_comment_feed(feed_url: str, name: str, page: NamingPage) -> bool:
    """Tell whether a feed is the page's own and lists its comments."""
    return _is_own_feed(feed_url, page.url) and (page.is_article or bool(_COMMENT_WORDS.search(name)))


def _is_own_feed(feed_url: str, page_url: str) -> bool:
    """Tell whether a feed's address lies below the page's. The feed of a front page is the host's, not the page's."""
    page_host, page_path = _own_place(page_url)
    if not page_path or page_path not in feed_url:  # nearly all links of a page
        return False
    feed = urlsplit(feed_url)
    if feed.netloc != page_host or not feed.path.startswith(page_path):
        return False
    return bool(_OWN_SUFFIX.fullmatch(f"{feed.path}?{feed.query}" if feed.query else feed.path, len(page_path)))


@lru_cache(maxsize=4)
def _own_place(page_url: str) -> tuple[str, str]:
    """Return the host of a page, and the path that its own feeds begin with.

    The path is empty for a front page, and for a page whose address has a query, since other pages may have the same
    path.
    """
    page = urlsplit(page_url)
    return page.netloc, "" if page.query else page.path.removesuffix("index.html").rstrip("/")
