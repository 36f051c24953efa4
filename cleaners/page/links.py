"""Links on a page, as canonical URLs in document order, each URL once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from lxml import etree
from lxml.html import HtmlElement

from ..document import Outlink, UrlSource
from .canonical_urls import canonicalise
from .elements import TagIndex
from .inline_text import fold_spaces

_LINK_TAGS = ("a", "area", "link", "frame", "meta")
_VIA_BY_REL = {"canonical": UrlSource.CANONICAL, "next": UrlSource.NEXT, "prev": UrlSource.NEXT}
_SITEMAP_ENDS = (".xml", ".txt", ".gz")  # of a path: others are pages of links for people
_FEED_TYPES = frozenset(("application/rss+xml", "application/atom+xml", "application/feed+json", "application/rdf+xml"))
_MAX_TEXT_CHARS = 200
_ALL_TEXT = etree.XPath("string()", smart_strings=False)


def base_url(tree: HtmlElement | TagIndex, url: str) -> str:
    """Return the base of the page's relative links: `<base href>`, or the page's own URL."""
    for base in tree.iter("base"):
        if href := base.get("href"):
            return canonicalise(href, url) or url
    return url


def read_outlinks(tree: HtmlElement | TagIndex, base: str) -> tuple[Outlink, ...]:
    """Return the page's links to http and https URLs, resolved against `base`, each URL once.

    Of several links to a URL the first counts, unless a later one says more: canonical, next, feed, sitemap,
    redirect.
    """
    outlinks: dict[str, Outlink] = {}
    for element in tree.iter(*_LINK_TAGS):
        rels = tuple(rel.lower().split()) if (rel := element.get("rel")) else ()
        for href, via in _targets(element, rels):
            url = canonicalise(href, base) if href.strip() else None
            if url and (url not in outlinks or via != UrlSource.LINK):
                outlinks[url] = Outlink(url, _link_text(element), rels, via)
    return tuple(outlinks.values())


def _targets(element: etree._Element, rels: Collection[str]) -> Iterable[tuple[str, UrlSource]]:
    """Return the (href, via) pairs of an element that may link: `via` is the kind of link, as in `Outlink`."""
    tag = element.tag
    if tag in ("a", "area"):
        return ((element.get("href") or "", UrlSource.NEXT if "next" in rels else UrlSource.LINK),)
    if tag == "link":
        return _head_link_targets(element, rels)
    if tag == "frame":
        return ((element.get("src") or "", UrlSource.LINK),)
    if tag == "meta" and (element.get("http-equiv") or "").lower() == "refresh":
        return (((element.get("content") or "").partition("=")[2].strip(" '\""), UrlSource.REDIRECT),)
    return ()


def _head_link_targets(element: etree._Element, rels: Collection[str]) -> Iterator[tuple[str, UrlSource]]:
    href = element.get("href") or ""
    if "alternate" in rels and (element.get("type") or "").lower().strip() in _FEED_TYPES:
        yield href, UrlSource.FEED
    elif "alternate" in rels and element.get("hreflang"):
        yield href, UrlSource.LINK
    if "sitemap" in rels:
        is_file = "xml" in (element.get("type") or "").lower() or href.partition("?")[0].endswith(_SITEMAP_ENDS)
        yield href, UrlSource.SITEMAP if is_file else UrlSource.LINK
    for rel in rels:
        if via := _VIA_BY_REL.get(rel):
            yield href, via


def _link_text(element: etree._Element) -> str:
    if element.tag == "link":
        return fold_spaces(element.get("title") or "")[:_MAX_TEXT_CHARS]
    if element.tag != "a":
        return ""
    text = _ALL_TEXT(element) if len(element) else element.text
    return fold_spaces(text)[:_MAX_TEXT_CHARS] if text else ""
