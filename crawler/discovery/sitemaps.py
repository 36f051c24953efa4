"""Sitemaps: bytes in, frozen entries out, read as far as they can be read. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from io import BytesIO
from typing import Any

from lxml import etree

from cleaners.urls.canonical import canonicalise
from crawler.discovery.feeds import FEED_ROOTS, read_feed
from crawler.discovery.xml_body import HEAD_BYTES, UTF16_MARKS, head_of, root_of, unpacked

MAX_ENTRIES = 200_000
"""The protocol allows 50,000; sites exceed it. This bounds memory."""

_LATE_ROOT = re.compile(rb"<(?:\w+:)?(urlset|sitemapindex)[\s>]", re.IGNORECASE)  # after a program's error messages


class SitemapKind(StrEnum):
    """What a body fetched as a sitemap is."""

    INDEX = "index"  # its entries are sitemaps
    URLSET = "urlset"
    FEED = "feed"  # RSS or Atom in a sitemap's place
    TEXT = "text"  # a URL a line
    NOT_A_SITEMAP = "not_a_sitemap"


@dataclass(frozen=True, slots=True)
class Entry:
    """A URL of a sitemap. `lastmod` is as written; for a news entry without one it is the publication date."""

    url: str
    lastmod: str = ""
    is_news: bool = False
    title: str = ""


@dataclass(frozen=True, slots=True)
class Sitemap:
    """A sitemap's entries, each URL once. `reason` is empty, or why it may be incomplete or is none:
    bad_gzip, too_large, too_many_entries, broken_xml, empty, html, unknown."""

    kind: SitemapKind
    entries: tuple[Entry, ...] = ()
    reason: str = ""


def read_sitemap(body: bytes, url: str) -> Sitemap:
    """Read a sitemap, index, news sitemap, text sitemap or feed, gzipped or not, as far as it can be read."""
    data, reason = unpacked(body)
    head = head_of(data)
    root = root_of(head)
    if not head.strip():
        return Sitemap(SitemapKind.NOT_A_SITEMAP, reason=reason or "empty")
    if root in FEED_ROOTS:
        return _feed_as_sitemap(data, url, reason)
    if root:
        return _xml_sitemap(data, url, root, reason)
    late = _LATE_ROOT.search(data, 0, HEAD_BYTES)
    if late:
        return _xml_sitemap(data[late.start() :], url, late[1].decode().lower(), reason or "broken_xml")
    return _text_sitemap(data, reason)


def _feed_as_sitemap(data: bytes, url: str, reason: str) -> Sitemap:
    feed = read_feed(data, url)
    entries = tuple(Entry(each.url, each.updated or each.published, title=each.title) for each in feed.entries)
    return Sitemap(SitemapKind.FEED, entries, reason or feed.reason)


def _text_sitemap(data: bytes, reason: str) -> Sitemap:
    """A URL a line; text of which not even half the lines are URLs is something else."""
    encoding = "utf-16" if data.startswith(UTF16_MARKS) else "utf-8-sig"
    lines = [line for line in data.decode(encoding, "replace").splitlines() if line.strip()]
    urls = [url for line in lines if (url := canonicalise(line))]
    if len(urls) * 2 < len(lines):
        return Sitemap(SitemapKind.NOT_A_SITEMAP, reason=reason or "unknown")
    return _bounded(SitemapKind.TEXT, map(Entry, urls), reason)


def _bounded(kind: SitemapKind, entries: Iterable[Entry], reason: str) -> Sitemap:
    """Each URL once, the first time it stands, up to the bound."""
    seen: dict[str, Entry] = {}
    for entry in entries:
        if len(seen) >= MAX_ENTRIES:
            return Sitemap(kind, tuple(seen.values()), reason or "too_many_entries")
        seen.setdefault(entry.url, entry)
    return Sitemap(kind, tuple(seen.values()), reason)


def _xml_sitemap(data: bytes, url: str, root: str, reason: str) -> Sitemap:
    """Streamed, so that 50,000 entries take no tree; entities are not expanded, nothing is loaded."""
    # libxml2 keeps its own bounds on depth and text size while huge_tree is off
    walk = etree.iterparse(
        BytesIO(_repaired(data)), events=("end",), recover=True, resolve_entities=False, no_network=True,
        huge_tree=False, remove_comments=True, remove_pis=True,
    )  # fmt: skip
    kind = SitemapKind.INDEX if root == "sitemapindex" else SitemapKind.URLSET
    found = _bounded(kind, _entries(walk, url), reason)
    if not found.entries and root not in ("urlset", "sitemapindex"):
        return Sitemap(SitemapKind.NOT_A_SITEMAP, reason=reason or ("html" if root == "html" else "unknown"))
    broken = any(error.level == etree.ErrorLevels.FATAL for error in walk.error_log)
    return replace(found, reason=found.reason or ("broken_xml" if broken else ""))


_BARE_AMPERSAND = re.compile(rb"&(?!#?\w{1,31};)")


def _repaired(data: bytes) -> bytes:
    """Without what stands before the prologue, and with the ampersands escaped that a recovering parser would drop."""
    if data.startswith(UTF16_MARKS):
        return data
    return _BARE_AMPERSAND.sub(b"&amp;", data.removeprefix(b"\xef\xbb\xbf").lstrip())


_ITEMS = ("url", "sitemap")


def _entries(walk: Any, base: str) -> Iterator[Entry]:
    for _, element in _patient(walk):
        if _local(element) in _ITEMS:
            yield from _entry(element, base)
            _forget(element)


def _patient(walk: Any) -> Iterator[tuple[str, Any]]:
    """The events up to where even the recovering parser gives up (its error log says that it did)."""
    try:
        yield from walk
    except etree.XMLSyntaxError:
        return


def _local(element: Any) -> str:
    """The name without namespace or an undeclared prefix, in lower case."""
    return str(element.tag).rpartition("}")[2].rpartition(":")[2].lower()


def _entry(element: Any, base: str) -> Iterator[Entry]:
    """The entry and its translations (`xhtml:link rel=alternate hreflang`), which are pages of their own."""
    own = {_local(child): (child.text or "").strip() for child in reversed(element) if isinstance(child.tag, str)}
    news = {_local(each): (each.text or "").strip() for child in element if _local(child) == "news" for each in child}
    lastmod = own.get("lastmod") or news.get("publication_date", "")
    url = canonicalise(own["loc"], base) if own.get("loc") else None
    if url:
        yield Entry(url, lastmod, bool(news), news.get("title", ""))
    for child in element:
        if child.get("hreflang") and (other := canonicalise(child.get("href", ""), base)):
            yield Entry(other, lastmod)


def _forget(element: Any) -> None:
    """Free the entry and all before it, unless it stands in another one that was never closed."""
    element.clear()
    parent = element.getparent()
    while parent is not None and _local(parent) not in _ITEMS and element.getprevious() is not None:
        del parent[0]
