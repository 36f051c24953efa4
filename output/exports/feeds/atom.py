"""A feed as Atom (RFC 4287)."""

from __future__ import annotations

from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from broadsheet.output.exports.article_html import is_safe_link
from broadsheet.output.exports.feeds.entries import WebFeed, WebFeedEntry

_ATOM = "http://www.w3.org/2005/Atom"
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_GENERATOR = "Broadsheet"


def atom_document(feed: WebFeed) -> bytes:
    """The feed as an XML document in UTF-8."""
    root = Element("feed", {"xmlns": _ATOM})
    _add(root, "id", feed.id)
    _add(root, "title", feed.title)
    _add(root, "updated", feed.updated)
    _add(SubElement(root, "author"), "name", _GENERATOR)
    _add(root, "generator", _GENERATOR)
    for entry in feed.entries:
        root.append(_entry_element(entry))
    document: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _entry_element(entry: WebFeedEntry) -> Element:
    element = Element("entry", {_LANGUAGE: entry.language} if entry.language else {})
    for name, text in (("id", entry.id), ("title", entry.title), ("updated", entry.updated)):
        _add(element, name, text)
    if entry.published:
        _add(element, "published", entry.published)
    if has_link := is_safe_link(entry.url):
        SubElement(element, "link", {"rel": "alternate", "href": entry.url})
    for author in entry.authors:
        _add(SubElement(element, "author"), "name", author)
    for tag in entry.tags:
        SubElement(element, "category", {"term": tag})
    _add(element, "summary", entry.summary)
    if entry.html:
        _add(element, "content", entry.html).set("type", "html")
    elif not has_link:  # one of them there must be
        _add(element, "content", entry.summary or entry.title).set("type", "text")
    return element


def _add(parent: Element, name: str, text: str) -> Element:
    element = SubElement(parent, name)
    element.text = text
    return element
