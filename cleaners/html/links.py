"""The links that a page makes, canonicalised, in document order, each URL once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lxml import etree
from lxml.html import HtmlElement

from cleaners.document import Outlink
from cleaners.html.inline import fold
from cleaners.html.robots_directives import header_directives, meta_directives
from cleaners.html.tag_index import Walked
from cleaners.urls.canonical import canonicalise

_TAGS = ("a", "area", "link", "iframe", "frame", "meta")
_HEAD_RELS = {"canonical": "canonical", "next": "next", "prev": "next", "amphtml": ""}
_FEED_TYPES = frozenset(("application/rss+xml", "application/atom+xml", "application/feed+json", "application/rdf+xml"))
_TEXT_CHARS = 200


def base_url(tree: HtmlElement | Walked, url: str) -> str:
    """The URL that the page's relative links start from: its own, or what `<base href>` says."""
    for base in tree.iter("base"):
        if href := base.get("href"):
            return canonicalise(href, url) or url
    return url


def read_outlinks(tree: HtmlElement | Walked, base: str) -> tuple[Outlink, ...]:
    """Return the page's links to http and https URLs. A URL linked twice keeps its first text."""
    found: dict[str, Outlink] = {}
    for element in tree.iter(*_TAGS):
        for href, via in _targets(element):
            url = canonicalise(href, base) if href.strip() else None
            if url and (url not in found or via != "link"):
                found[url] = Outlink(url, _text(element), tuple((element.get("rel") or "").lower().split()), via)
    return tuple(found.values())


def robots_tokens(tree: HtmlElement | Walked, headers: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    """What the page's metas and its headers ask of robots, sorted, each once; see `html.robots_directives`."""
    return tuple(sorted({*header_directives(headers), *meta_directives(tree)}))


def _targets(element: etree._Element) -> Iterable[tuple[str, str]]:
    tag = element.tag
    if tag in ("a", "area"):
        return ((element.get("href") or "", "next" if "next" in (element.get("rel") or "").split() else "link"),)
    if tag == "link":
        return _head_link(element)
    if tag == "frame":
        return ((element.get("src") or "", "link"),)
    if tag == "meta" and (element.get("http-equiv") or "").lower() == "refresh":
        return (((element.get("content") or "").partition("=")[2].strip(" '\""), "redirect"),)
    return ()


def _head_link(element: etree._Element) -> Iterator[tuple[str, str]]:
    rels = (element.get("rel") or "").lower().split()
    href = element.get("href") or ""
    if "alternate" in rels and (element.get("type") or "").lower().strip() in _FEED_TYPES:
        yield href, "feed"
    elif "alternate" in rels and element.get("hreflang"):
        yield href, "link"
    for rel in rels:
        if via := _HEAD_RELS.get(rel):
            yield href, via


def _text(element: etree._Element) -> str:
    if element.tag != "a":
        return ""
    text = "".join(t for t in element.itertext() if isinstance(t, str)) if len(element) else element.text
    return fold(text)[:_TEXT_CHARS] if text else ""
