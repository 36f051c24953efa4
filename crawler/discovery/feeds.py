"""RSS, Atom and RDF feeds: bytes in, frozen entries out, as far as the feed can be read. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from xml.sax import SAXException

from broadsheet.cleaners.urls.canonical import canonicalise
from broadsheet.crawler.discovery.xml_body import UTF16_MARKS, gunzip_body

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
    """Read RSS, Atom or RDF as far as it can be read; `url` is the feed's own, against which its links are resolved."""
    data, reason = gunzip_body(body)
    if len(data) > MAX_FEED_BYTES:
        data, reason = data[:MAX_FEED_BYTES], "too_large"
    if not data.startswith(UTF16_MARKS) and not _FEED_TAG.search(data):
        return Feed(reason=reason or "not_a_feed")  # its reader is slow, most of all with what is no feed
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
