"""Where a site's articles are: what its sitemaps and feeds list, and which URLs look like an article. Pure.

Bytes in, frozen values out. What cannot be read is an outcome with a reason, and what could be read before that is
kept. Words and places are data (`discovery.toml`).
"""

from __future__ import annotations

import re
import tomllib
import zlib
from calendar import monthrange
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.sax import SAXException

import feedparser
from lxml import etree, html

from cleaners.urls import canonicalise

MAX_BYTES = 50 * 1024 * 1024
"""The protocol's bound for one sitemap, uncompressed (sitemaps.org)."""

MAX_ENTRIES = 200_000
"""The protocol allows 50,000; sites exceed it. This bounds memory."""

MAX_FEED_BYTES = 10 * 1024 * 1024
"""A feed's bound: its reader builds a tree and is slow."""

_GZIP_STEP = 4096  # bytes unpacked at a time: so much is lost at most where a file breaks
_MAX_MEMBERS = 64  # gzip files joined in one; more is an attack on time
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_FACTS = tomllib.loads(files(__package__).joinpath("discovery.toml").read_text(encoding="utf-8"))


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


def read_sitemap(body: bytes, url: str) -> Sitemap:
    """Read a sitemap, index, news sitemap, text sitemap or feed, gzipped or not, as far as it can be read."""
    data, reason = _unpacked(body)
    head = _head(data)
    root = _root(head)
    if not head.strip():
        return Sitemap(SitemapKind.NOT_A_SITEMAP, reason=reason or "empty")
    if root in _FEED_ROOTS:
        return _feed_as_sitemap(data, url, reason)
    if root:
        return _xml_sitemap(data, url, root, reason)
    late = _LATE_ROOT.search(data, 0, _HEAD_BYTES)
    if late:
        return _xml_sitemap(data[late.start() :], url, late[1].decode().lower(), reason or "broken_xml")
    return _text_sitemap(data, reason)


def _unpacked(body: bytes) -> tuple[bytes, str]:
    """The body without gzip (also twice: a stored .gz sent with a content encoding), and what went wrong."""
    reason = ""
    for _ in range(2):
        if not body.startswith(b"\x1f\x8b"):
            break
        body, failed = _gunzip(body)
        reason = reason or failed
    if len(body) > MAX_BYTES:
        return body[:MAX_BYTES], "too_large"
    return body, reason


def _gunzip(body: bytes) -> tuple[bytes, str]:
    """All members' data up to one byte over the bound; what a broken member gave before it broke is kept."""
    out = bytearray()
    for _ in range(_MAX_MEMBERS):
        if not body.startswith(b"\x1f\x8b"):
            break
        body, fault = _gunzip_member(body, out)
        if fault:
            return bytes(out), fault
    return bytes(out), ""


def _gunzip_member(body: bytes, out: bytearray) -> tuple[bytes, str]:
    """Append the first member's data to `out`; what follows it, and its fault."""
    member = zlib.decompressobj(wbits=31)
    for at in range(0, len(body), _GZIP_STEP):
        try:
            out += member.decompress(body[at : at + _GZIP_STEP], MAX_BYTES + 1 - len(out))
        except zlib.error:
            return b"", "bad_gzip"
        if len(out) > MAX_BYTES:
            return b"", "too_large"
        if member.eof:
            return member.unused_data + body[at + _GZIP_STEP :], ""
    return b"", "bad_gzip"


_HEAD_BYTES = 4096
_PROLOGUE = r"\s*(?>(?:<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>\[]*(?:\[.*?\]\s*)?>)\s*)*+"
_ROOT = re.compile(_PROLOGUE + r"<(?:[\w-]+:)?(\w+)", re.DOTALL | re.IGNORECASE)
_LATE_ROOT = re.compile(rb"<(?:\w+:)?(urlset|sitemapindex)[\s>]", re.IGNORECASE)  # after a program's error messages
_FEED_ROOTS = ("rss", "feed", "rdf")


def _head(data: bytes) -> str:
    """The beginning as text, enough to see what it is."""
    start = data[:_HEAD_BYTES]
    if start.startswith(_UTF16_MARKS):
        return start.decode("utf-16", "ignore")
    return start.decode("utf-8-sig", "replace")


def _root(head: str) -> str:
    """The local name of the root element in lower case; empty if this is no markup."""
    match = _ROOT.match(head)
    return match[1].lower() if match else ""


def _feed_as_sitemap(data: bytes, url: str, reason: str) -> Sitemap:
    feed = read_feed(data, url)
    entries = tuple(Entry(each.url, each.updated or each.published, title=each.title) for each in feed.entries)
    return Sitemap(SitemapKind.FEED, entries, reason or feed.reason)


def _text_sitemap(data: bytes, reason: str) -> Sitemap:
    """A URL a line; text of which not even half the lines are URLs is something else."""
    encoding = "utf-16" if data.startswith(_UTF16_MARKS) else "utf-8-sig"
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
    if data.startswith(_UTF16_MARKS):
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


def is_feed(body: bytes) -> bool:
    """Whether the body is RSS, Atom or RDF by its root element (gzip is looked through)."""
    return _root(_head(_unpacked(body)[0])) in _FEED_ROOTS


def read_feed(body: bytes, url: str) -> Feed:
    """Read RSS, Atom or RDF as far as it can be read."""
    data, reason = _unpacked(body)
    if len(data) > MAX_FEED_BYTES:
        data, reason = data[:MAX_FEED_BYTES], "too_large"
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


def feeds_in_head(page: bytes | html.HtmlElement, url: str) -> tuple[str, ...]:
    """The feeds that a page names by `link rel=alternate`, in order, without feeds of comments."""
    tree = _head_tree(page) if isinstance(page, bytes) else page
    if tree is None:
        return ()
    base = canonicalise((tree.xpath("//base/@href") or [""])[0], url) or url
    links = (link for link in tree.iter("link") if _names_feed(link))
    return tuple(dict.fromkeys(feed for link in links if (feed := canonicalise(link.get("href", ""), base))))


def _head_tree(page: bytes) -> html.HtmlElement | None:
    head = re.split(rb"<body[\s>]", page[:1_000_000], maxsplit=1, flags=re.IGNORECASE)[0]
    try:
        return html.document_fromstring(head, parser=html.HTMLParser(encoding="utf-8"))
    except (etree.ParserError, etree.XMLSyntaxError):
        return None


def _names_feed(link: html.HtmlElement) -> bool:
    kind = link.get("type", "").partition(";")[0].strip().lower()
    if kind not in _FACTS["feeds"]["types"] or "alternate" not in link.get("rel", "").lower().split():
        return False
    words = f"{unquote(link.get('href', ''))} {link.get('title', '')}".lower()
    return not any(word in words for word in _FACTS["feeds"]["comment_words"])


def usual_sitemap_places(origin: str) -> tuple[str, ...]:
    """Where to look for a sitemap that robots.txt does not name; `origin` is any URL of the host."""
    return _at(origin, _FACTS["places"]["sitemaps"])


def usual_feed_places(origin: str) -> tuple[str, ...]:
    """Where to look for a feed that no page names; `origin` is any URL of the host."""
    return _at(origin, _FACTS["places"]["feeds"])


def _at(origin: str, places: Iterable[str]) -> tuple[str, ...]:
    return tuple(url for place in places if (url := canonicalise(place, origin)))


_LIST_SEGMENTS = frozenset(_FACTS["lists"]["segments"])
_LIST_PARAMETERS = frozenset(_FACTS["lists"]["parameters"])
_ID_PARAMETERS = frozenset(_FACTS["articles"]["id_parameters"])
_DOCUMENT = re.compile(rf"(.+)\.(?:{'|'.join(_FACTS['articles']['extensions'])})$")
_FRONT_PAGES = frozenset(_FACTS["articles"]["front_pages"])
_DATED = re.compile(r"/(?:19|20)\d\d(?:[/-](?:[01]?\d|[a-z]{3}))?(?:[/-][0-3]?\d)?[/-][^/]*[^/\d][^/]*/?$")
_ONLY_DATE = re.compile(r"/(?:19|20)\d\d(?:[/-]\d{1,2}){0,2}/?$")
_PAGE_NUMBER = re.compile(r"/(?:p|page|seite|pagina|página)[/-]?\d+/?$|[-_/]page[-_]?\d+(?:\.\w+)?$")
_SLUG = re.compile(r"[^-_]+(?:[-_]+[^-_]+){2,}")
_NUMBERED = re.compile(r"(?:^|[-_])[a-z]?\d{4,}$")

_ARTICLE, _UNKNOWN, _LIST, _DEEP_LIST = 60, 40, 20, 10
_VIA = {"seed": 100, "robots": 90, "sitemap": 5, "feed": 8, "canonical": 5, "redirect": 5}


def priority(url: str, via: str = "link") -> int:
    """How soon to fetch a canonical URL found that way: higher is sooner, as in Scrapy; 10 to 160.

    What looks like an article (60) comes before what does not say (40), lists (20) and the lists' further pages,
    searches and date archives (10). A guess only: everything is fetched in the end.
    """
    return _looks(url) + _VIA.get(via, 0)


@lru_cache(maxsize=16384)
def _looks(url: str) -> int:
    parts = urlsplit(url)
    path = unquote(parts.path).lower()
    names = {name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    if _PAGE_NUMBER.search(path) or _ONLY_DATE.search(path) or names & _LIST_PARAMETERS:
        return _DEEP_LIST
    if names & _ID_PARAMETERS:
        return _ARTICLE
    segments = [segment for segment in path.split("/") if segment]
    if segments and _DOCUMENT.sub(r"\1", segments[-1]) in _FRONT_PAGES:
        return _UNKNOWN
    if _DATED.search(path):
        return _ARTICLE
    if not _LIST_SEGMENTS.isdisjoint(segments):
        return _LIST
    return _ARTICLE if segments and _names_article(segments[-1]) else _UNKNOWN


def _names_article(last: str) -> bool:
    """Whether a path's last segment reads like a document, a headline or a document's number."""
    return bool(_DOCUMENT.match(last) or _SLUG.fullmatch(last) or _NUMBERED.search(last))


def too_old(when: str, since: date) -> bool:
    """Whether a sitemap's or feed's date, as written, lies wholly before the day `since` (UTC).

    A year or month alone counts by its last day. A date that is missing or cannot be read is not too old.
    """
    last_day = _last_day(when.strip())
    return last_day is not None and last_day < since


def _last_day(when: str) -> date | None:
    short = re.fullmatch(r"(\d{4})(?:-(\d\d))?", when)
    try:
        if short:
            year, month = int(short[1]), int(short[2] or 12)
            return date(year, month, monthrange(year, month)[1])
        moment = _moment(when)
        return (moment.astimezone(UTC) if moment.tzinfo else moment).date()
    except (ValueError, OverflowError):
        return None


def _moment(when: str) -> datetime:
    """A W3C or RFC 822 date; ValueError if it is neither."""
    try:
        return datetime.fromisoformat(when)
    except ValueError:
        return parsedate_to_datetime(when)
