"""The statements of one page, and what several fields derive from them: article nodes, site names, the headline."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from typing import Any
from urllib.parse import urlsplit

from broadsheet.cleaners.html.tag_index import TagIndex
from broadsheet.cleaners.metadata import around_headline
from broadsheet.cleaners.metadata.json_ld import JsonLdNode, is_article, resolve_references, string_values, types_of
from broadsheet.cleaners.metadata.statements import (
    Element,
    PageStatements,
    element_text,
    find_bylines_and_dates,
    normalise_text,
)
from broadsheet.cleaners.metadata.titles import fold_title
from broadsheet.cleaners.metadata.word_lists import meta_names

_SITE_TYPES = frozenset({"WebSite", "Organization", "NewsMediaOrganization", "Blog", "Corporation"})
_OUTSIDE_TAGS = frozenset({"nav", "aside", "footer"})
_UNRELATED_TAGS = _OUTSIDE_TAGS | {"figure", "figcaption", "blockquote"}
_ROOT_TAGS = frozenset({"html", "body", "main"})  # their classes are those of the whole page
_GENERIC_HOST_LABELS = frozenset({"www", "m", "amp", "blog", "news"})


@dataclass(frozen=True)
class PageContext:
    """A page whose metadata is being read. Its properties are computed on first use."""

    tag_index: TagIndex
    url: str
    statements: PageStatements
    not_after: str = ""

    @property
    def tree(self) -> Element:
        """The parsed page."""
        return self.tag_index.tree

    @cached_property
    def nodes_by_id(self) -> dict[str, JsonLdNode]:
        """The JSON-LD nodes that have an `@id` and other members."""
        return {
            node["@id"]: node
            for node in self.statements.json_ld_nodes
            if isinstance(node.get("@id"), str) and len(node) > 1
        }

    @cached_property
    def article_nodes(self) -> list[JsonLdNode]:
        """The JSON-LD nodes that describe the page's text: the article first, then the page itself."""
        text_nodes = sorted(
            (node for node in self.statements.json_ld_nodes if is_article(node)), key=self._node_distance
        )
        page_nodes = [
            node for node in self.statements.json_ld_nodes if any(name.endswith("Page") for name in types_of(node))
        ]
        return text_nodes[:3] + page_nodes

    def member_values(self, name: str) -> list[Any]:
        """Return the values of a member in the article's nodes, references resolved, the best node first."""
        return [resolve_references(node[name], self.nodes_by_id) for node in self.article_nodes if node.get(name)]

    def _node_distance(self, node: JsonLdNode) -> int:
        """How unlikely a node describes this page and not one that it lists: 0 (headline and URL match) to 2."""
        headline = fold_title(str(node.get("headline") or node.get("name") or ""))
        page_title = fold_title(" ".join(self.statements.titles[:1]))
        addresses = [*string_values(node.get("mainEntityOfPage")), *string_values(node.get("url"))]
        path = _host_and_path(self.url)[1].rstrip("/")
        has_page_path = any(path and path in address for address in addresses)
        return 2 - int(bool(headline and headline in page_title)) - int(has_page_path)

    @cached_property
    def site_names(self) -> tuple[str, ...]:
        """All names of the site that the page states, then the host and its labels."""
        host = _host_and_path(self.url)[0]
        labels = [label for label in host.split(".") if label not in _GENERIC_HOST_LABELS][:-1]
        return (
            *self.statements.meta_contents(meta_names("sitename")),
            *self._stated_site_names(),
            *self._home_headings(),
            host,
            host.removeprefix("www."),
            *labels,
        )

    def _stated_site_names(self) -> list[str]:
        names = [name for value in self.member_values("publisher") for name in list(string_values(value))[:1]]
        for node in self.statements.json_ld_nodes:
            if _SITE_TYPES.intersection(types_of(node)):
                names.extend(list(string_values(node.get("name")))[:1])
        return [normalise_text(name) for name in names if not name.startswith("http")]

    def _home_headings(self) -> list[str]:
        """The headings that are nothing but a link to the front page: they are the site's name."""
        texts_and_headings = [(element_text(heading), heading) for heading in self.statements.h1_elements[:6]]
        return [
            text
            for text, heading in texts_and_headings
            if text and any(element_text(link) == text for link in _home_links(heading))
        ]

    @cached_property
    def heading_candidates(self) -> list[tuple[str, Element]]:
        """The first-level headings that may be the article's, as (text, element); the site's name is left out."""
        site_names = {fold_title(name) for name in self.site_names}
        texts_and_elements = [
            (element_text(element), element)
            for element in self.statements.h1_elements[:6]
            if not _has_outside_ancestor(element)
        ]
        return [(text, element) for text, element in texts_and_elements if text and fold_title(text) not in site_names]

    @cached_property
    def headline(self) -> Element | None:
        """The heading of the article: the one that is part of the page's title, else the first; None without any."""
        page_title = fold_title(" ".join([*self.statements.titles[:1], *self.statements.meta_contents(("og:title",))]))
        for text, element in self.heading_candidates:
            if (folded_heading := fold_title(text)) and folded_heading in page_title:
                return element
        return self.heading_candidates[0][1] if self.heading_candidates else self._find_lower_heading(page_title)

    def _find_lower_heading(self, page_title: str) -> Element | None:
        """Return the second- or third-level heading of three words or more that is part of the page's title."""
        for element in islice(self.tree.iter("h2", "h3"), 30):
            folded_heading = fold_title(element_text(element))
            if folded_heading.count(" ") >= 2 and folded_heading in page_title:
                return element
        return None

    @cached_property
    def headline_ancestors(self) -> frozenset[Element]:
        """The ancestors of the headline: the article is in them, whatever their class."""
        return frozenset(self.headline.iterancestors()) if self.headline is not None else frozenset()

    def is_part_of_article(self, element: Element, unrelated_pattern: re.Pattern[str]) -> bool:
        """Whether an element is part of the article: no ancestor is navigation or has a class or id of the pattern."""
        for ancestor in (element, *element.iterancestors()):
            if ancestor in self.headline_ancestors or ancestor.tag in _ROOT_TAGS:
                return True
            if ancestor.tag in _UNRELATED_TAGS and not (ancestor.tag == "footer" and _has_article_ancestor(ancestor)):
                return False
            if unrelated_pattern.search(f"{ancestor.get('class', '')} {ancestor.get('id', '')}"):
                return False
        return True

    @cached_property
    def runs_after(self) -> list[around_headline.TextRun]:
        """The text runs after the headline; those at the beginning of the article if there is no headline."""
        if self.headline is not None:
            return around_headline.runs_after(self.headline)
        start_element = next(chain(self.tree.iter("article"), self.tree.iter("main"), self.tree.iter("body")), None)
        return around_headline.runs_within(start_element) if start_element is not None else []

    @cached_property
    def runs_before(self) -> list[around_headline.TextRun]:
        """The text runs before the headline, the nearest first."""
        return around_headline.runs_before(self.headline) if self.headline is not None else []

    @cached_property
    def bylines_and_dates(self) -> tuple[list[Element], list[Element]]:
        """The elements whose attributes call them a byline, and those whose class calls them a date."""
        return find_bylines_and_dates(self.tag_index.elements)

    @property
    def language_hint(self) -> str:
        """The language with its region by the page's root element; it decides the order of day and month."""
        return (self.statements.html_languages or [""])[0].replace("_", "-")


def _has_article_ancestor(element: Element) -> bool:
    return any(parent.tag == "article" for parent in element.iterancestors())


def _has_outside_ancestor(element: Element) -> bool:
    return any(parent.tag in _OUTSIDE_TAGS for parent in element.iterancestors())


def _host_and_path(url: str) -> tuple[str, str]:
    """Return a URL's host and path; both empty if it cannot be parsed."""
    try:
        parts = urlsplit(url)
        return parts.hostname or "", parts.path
    except ValueError:  # a host in broken brackets
        return "", ""


def _home_links(heading: Element) -> list[Element]:
    """The links in a heading, or around it, that lead to the front page."""
    enclosing_links = list(heading.iterancestors("a"))[:1]
    return [
        link
        for link in [*heading.iter("a"), *enclosing_links]
        if "home" in link.get("rel", "").split() or _is_front_page(link.get("href"))
    ]


def _is_front_page(href: str | None) -> bool:
    if href is None:
        return False
    try:
        parts = urlsplit(href)
    except ValueError:
        return False
    return parts.path in (("/",) if not parts.netloc else ("/", "")) and not parts.query
