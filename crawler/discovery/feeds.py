"""RSS, Atom and RDF feeds: bytes in, frozen entries out, read as far as they can be read. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from xml.sax import SAXException

from cleaners.urls.canonical import canonicalise
from crawler.discovery.xml_body import UTF16_MARKS, unpacked

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
    """A feed's entries, each URL once. `following` is the URL of its next page (RFC 5005) or empty.
    `reason` is empty, or: bad_gzip, too_large, broken_xml, not_a_feed."""

    entries: tuple[FeedEntry, ...] = ()
    following: str = ""
    reason: str = ""


def read_feed(body: bytes, url: str) -> Feed:
    """Read RSS, Atom or RDF as far as it can be read."""
    data, reason = unpacked(body)
    if len(data) > MAX_FEED_BYTES:
        data, reason = data[:MAX_FEED_BYTES], "too_large"
    if not data.startswith(UTF16_MARKS) and not _FEED_TAG.search(data):
        return Feed(reason=reason or "not_a_feed")  # its reader is slow, most of all with what is no feed
    parsed = _parsed(data, url)
    if not parsed.get("version"):
        return Feed(reason=reason or "not_a_feed")
    entries: dict[str, FeedEntry] = {}
    for item in parsed.entries:
        if entry := _feed_entry(item, url):
            entries.setdefault(entry.url, entry)
    broken = isinstance(parsed.get("bozo_exception"), SAXException)
    return Feed(tuple(entries.values()), _following(parsed.feed, url), reason or ("broken_xml" if broken else ""))


def _parsed(data: bytes, url: str) -> Any:
    import feedparser  # not in the crawl's own process, which names what workers do and reads no feed

    # A stream, never bytes or text: feedparser would take those for a URL to ask or a file to open.
    headers = {"content-location": url}
    return feedparser.parse(BytesIO(data), response_headers=headers, sanitize_html=False, resolve_relative_uris=False)


def _following(feed: Any, base: str) -> str:
    links = (link.get("href") for link in feed.get("links", ()) if link.get("rel") == "next")
    return next((url for link in links if link and (url := canonicalise(link, base))), "")


def _feed_entry(item: Any, base: str) -> FeedEntry | None:
    link = item.get("feedburner_origlink") or item.get("link")
    url = canonicalise(link, base) if link else None
    if url is None:
        return None
    updated = dict.get(item, "updated", "")  # the item's own `get` would answer with `published`
    return FeedEntry(url, item.get("published", ""), updated, item.get("title", ""))
