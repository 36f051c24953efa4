"""Sitemaps: bytes in, frozen entries out; broken files are read in part. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from io import BytesIO
from typing import Any

from lxml import etree

from broadsheet.cleaners.page.canonical_urls import canonicalise

from .feed_reader import FEED_ROOTS, read_feed
from .response_bodies import HEAD_BYTES, UTF16_MARKS, gunzip_body, head_text, root_name

MAX_ENTRIES = 200_000
"""The protocol allows 50,000; sites exceed it. This bounds memory."""

MAX_INDEX_ENTRIES = 20_000
"""Sitemaps of an index: one a day of 54 years."""

_MISPLACED_ROOT = re.compile(rb"<(?:\w+:)?(urlset|sitemapindex)[\s>]", re.IGNORECASE)
"""A root element after other text, such as a program's error messages."""


class SitemapKind(StrEnum):
    """The kinds of body that may come in answer to a request for a sitemap."""

    INDEX = "index"  # its entries are sitemaps
    URLSET = "urlset"
    FEED = "feed"  # RSS or Atom in a sitemap's place
    TEXT = "text"  # a URL a line
    NOT_A_SITEMAP = "not_a_sitemap"


@dataclass(frozen=True, slots=True)
class SitemapEntry:
    """A URL of a sitemap. `lastmod` is as written; for a news entry without one it is the publication date."""

    url: str
    lastmod: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Sitemap:
    """A sitemap's entries, each URL once. `reason` is empty, or says why it is incomplete or not a sitemap: bad_gzip,
    too_large, too_many_entries, broken_xml, empty, html, unknown.
    """

    kind: SitemapKind
    entries: tuple[SitemapEntry, ...] = ()
    reason: str = ""


def read_sitemap(body: bytes, url: str) -> Sitemap:
    """Read a sitemap, index, news sitemap, text sitemap or feed, gzipped or not, broken ones in part."""
    data, reason = gunzip_body(body)
    head = head_text(data)
    root = root_name(head)
    if not head.strip():
        return Sitemap(SitemapKind.NOT_A_SITEMAP, reason=reason or "empty")
    if root in FEED_ROOTS:
        feed = read_feed(data, url)
        entries = tuple(
            SitemapEntry(entry.url, entry.updated or entry.published, title=entry.title) for entry in feed.entries
        )
        return Sitemap(SitemapKind.FEED, entries, reason or feed.reason)
    if root:
        return _xml_sitemap(data, url, root, reason)
    root_match = _MISPLACED_ROOT.search(data, 0, HEAD_BYTES)
    if root_match:
        return _xml_sitemap(data[root_match.start() :], url, root_match[1].decode().lower(), reason or "broken_xml")
    return _text_sitemap(data, reason)


def _text_sitemap(data: bytes, reason: str) -> Sitemap:
    """Read a text with one URL per line. It is not a sitemap if fewer than half of its lines are URLs."""
    encoding = "utf-16" if data.startswith(UTF16_MARKS) else "utf-8-sig"
    lines = [line for line in data.decode(encoding, "replace").splitlines() if line.strip()]
    urls = [url for line in lines if (url := canonicalise(line))]
    if len(urls) * 2 < len(lines):
        return Sitemap(SitemapKind.NOT_A_SITEMAP, reason=reason or "unknown")
    return _bounded_sitemap(SitemapKind.TEXT, map(SitemapEntry, urls), reason)


def _bounded_sitemap(kind: SitemapKind, entries: Iterable[SitemapEntry], reason: str) -> Sitemap:
    """Make the sitemap with each URL once, by its first entry, and a bounded number of them."""
    entries_by_url: dict[str, SitemapEntry] = {}
    max_entries = MAX_INDEX_ENTRIES if kind is SitemapKind.INDEX else MAX_ENTRIES
    for entry in entries:
        if len(entries_by_url) >= max_entries:
            return Sitemap(kind, tuple(entries_by_url.values()), reason or "too_many_entries")
        entries_by_url.setdefault(entry.url, entry)
    return Sitemap(kind, tuple(entries_by_url.values()), reason)


def _xml_sitemap(data: bytes, url: str, root: str, reason: str) -> Sitemap:
    """Parse XML as a stream, so that 50,000 entries never form a tree. Entities are not expanded, and nothing external
    is loaded.
    """
    # libxml2 keeps its own bounds on depth and text size while huge_tree is off
    events = etree.iterparse(
        BytesIO(_repair_xml(data)), events=("end",), recover=True, resolve_entities=False, no_network=True,
        huge_tree=False, remove_comments=True, remove_pis=True,
    )  # fmt: skip
    kind = SitemapKind.INDEX if root == "sitemapindex" else SitemapKind.URLSET
    sitemap = _bounded_sitemap(kind, _read_entries(events, url), reason)
    if not sitemap.entries and root not in ("urlset", "sitemapindex"):
        return Sitemap(SitemapKind.NOT_A_SITEMAP, reason=reason or ("html" if root == "html" else "unknown"))
    is_broken = any(error.level == etree.ErrorLevels.FATAL for error in events.error_log)
    return replace(sitemap, reason=sitemap.reason or ("broken_xml" if is_broken else ""))


_BARE_AMPERSAND = re.compile(rb"&(?!#?\w{1,31};)")


def _repair_xml(data: bytes) -> bytes:
    """Drop everything before the XML prologue, and escape bare ampersands, which a recovering parser would drop."""
    if data.startswith(UTF16_MARKS):
        return data
    return _BARE_AMPERSAND.sub(b"&amp;", data.removeprefix(b"\xef\xbb\xbf").lstrip())


_ENTRY_TAGS = ("url", "sitemap")


def _read_entries(events: Any, base: str) -> Iterator[SitemapEntry]:
    for _, element in _events_until_failure(events):
        if _local_name(element) in _ENTRY_TAGS:
            yield from _read_entry(element, base)
            _free_element(element)


def _events_until_failure(events: Any) -> Iterator[tuple[str, Any]]:
    """Yield the parser's events up to where even the recovering parser gives up; its error log then has the error."""
    try:
        yield from events
    except etree.XMLSyntaxError:
        return


def _local_name(element: Any) -> str:
    """Return the tag's name without namespace or undeclared prefix, in lower case."""
    return str(element.tag).rpartition("}")[2].rpartition(":")[2].lower()


def _read_entry(element: Any, base: str) -> Iterator[SitemapEntry]:
    """Read the entry, and its translations (`xhtml:link rel=alternate hreflang`), which are pages of their own."""
    fields = {
        _local_name(child): (child.text or "").strip() for child in reversed(element) if isinstance(child.tag, str)
    }
    news_fields = {
        _local_name(news_child): (news_child.text or "").strip()
        for child in element
        if _local_name(child) == "news"
        for news_child in child
    }
    lastmod = fields.get("lastmod") or news_fields.get("publication_date", "")
    url = canonicalise(fields["loc"], base) if fields.get("loc") else None
    if url:
        yield SitemapEntry(url, lastmod, news_fields.get("title", ""))
    for child in element:
        if child.get("hreflang") and (translation_url := canonicalise(child.get("href", ""), base)):
            yield SitemapEntry(translation_url, lastmod)


def _free_element(element: Any) -> None:
    """Free the element and its earlier siblings, unless it is inside another entry that was never closed."""
    element.clear()
    parent = element.getparent()
    while parent is not None and _local_name(parent) not in _ENTRY_TAGS and element.getprevious() is not None:
        del parent[0]
