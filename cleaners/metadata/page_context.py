"""The clues of one page with what several fields need of them: the article's node, the site's names, the headline."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from typing import Any
from urllib.parse import urlsplit

from cleaners.html.tag_index import Walked
from cleaners.metadata import around_headline
from cleaners.metadata.json_ld import Node, is_article, resolve, strings, types_of
from cleaners.metadata.statements import Clues, Element, fold, named_elements, text_of
from cleaners.metadata.titles import fold_title
from cleaners.metadata.word_lists import meta_names

_SITE_TYPES = frozenset({"WebSite", "Organization", "NewsMediaOrganization", "Blog", "Corporation"})
_OUTSIDE = frozenset({"nav", "aside", "footer"})
_ELSEWHERE = _OUTSIDE | {"figure", "figcaption", "blockquote"}
_ROOTS = frozenset({"html", "body", "main"})  # their classes speak of the whole page
_PLAIN_LABELS = frozenset({"www", "m", "amp", "blog", "news"})


@dataclass(frozen=True)
class Context:
    """One page under reading. Its properties are computed when a field first asks."""

    walked: Walked
    url: str
    clues: Clues
    not_after: str = ""

    @property
    def tree(self) -> Element:
        """The parsed page."""
        return self.walked.tree

    @cached_property
    def by_id(self) -> dict[str, Node]:
        """The JSON-LD nodes that have an `@id` and more than it."""
        return {node["@id"]: node for node in self.clues.nodes if isinstance(node.get("@id"), str) and len(node) > 1}

    @cached_property
    def articles(self) -> list[Node]:
        """The JSON-LD nodes that describe the page's text: the article first, then the page itself."""
        texts = sorted((node for node in self.clues.nodes if is_article(node)), key=self._distance)
        pages = [node for node in self.clues.nodes if any(name.endswith("Page") for name in types_of(node))]
        return texts[:3] + pages

    def members(self, name: str) -> list[Any]:
        """Return what the article's nodes state for a member, references resolved, the best first."""
        return [resolve(node[name], self.by_id) for node in self.articles if node.get(name)]

    def _distance(self, node: Node) -> int:
        """Tell the node of this page from those of others that it lists: 0 is surely this page's."""
        headline = fold_title(str(node.get("headline") or node.get("name") or ""))
        told = fold_title(" ".join(self.clues.titles[:1]))
        addresses = [*strings(node.get("mainEntityOfPage")), *strings(node.get("url"))]
        path = _parts(self.url)[1].rstrip("/")
        here = any(path and path in address for address in addresses)
        return 2 - int(bool(headline and headline in told)) - int(here)

    @cached_property
    def site_names(self) -> tuple[str, ...]:
        """Every name the page gives its site, the host and its labels last."""
        host = _parts(self.url)[0]
        labels = [label for label in host.split(".") if label not in _PLAIN_LABELS][:-1]
        return (
            *self.clues.meta(meta_names("sitename")),
            *self._stated_sites(),
            *self._home_headings(),
            host,
            host.removeprefix("www."),
            *labels,
        )

    def _stated_sites(self) -> list[str]:
        found = [name for value in self.members("publisher") for name in list(strings(value))[:1]]
        for node in self.clues.nodes:
            if _SITE_TYPES.intersection(types_of(node)):
                found.extend(list(strings(node.get("name")))[:1])
        return [fold(name) for name in found if not name.startswith("http")]

    def _home_headings(self) -> list[str]:
        """The headings that are wholly a link to the front page: they say the site's name, not the article's."""
        texts = [(text_of(each), each) for each in self.clues.headings[:6]]
        return [text for text, each in texts if text and any(text_of(a) == text for a in _home_links(each))]

    @cached_property
    def headings(self) -> list[tuple[str, Element]]:
        """The texts of the top headings that may be the article's, with their elements; not the site's name."""
        sites = {fold_title(name) for name in self.site_names}
        texts = [(text_of(each), each) for each in self.clues.headings[:6] if not _is_outside(each)]
        return [(text, each) for text, each in texts if text and fold_title(text) not in sites]

    @cached_property
    def headline(self) -> Element | None:
        """The heading that stands above the article: the one that the page's title repeats, else the first."""
        told = fold_title(" ".join([*self.clues.titles[:1], *self.clues.meta(("og:title",))]))
        for text, element in self.headings:
            if (folded := fold_title(text)) and folded in told:
                return element
        return self.headings[0][1] if self.headings else self._lesser_heading(told)

    def _lesser_heading(self, told: str) -> Element | None:
        """Return the second- or third-level heading that the page's title repeats, where no first-level one is."""
        for element in islice(self.tree.iter("h2", "h3"), 30):
            folded = fold_title(text_of(element))
            if folded.count(" ") >= 2 and folded in told:
                return element
        return None

    @cached_property
    def shell(self) -> frozenset[Element]:
        """The elements around the headline: whatever their class says, the article is in them."""
        return frozenset(self.headline.iterancestors()) if self.headline is not None else frozenset()

    def is_own(self, element: Element, unrelated: re.Pattern[str]) -> bool:
        """Say whether an element belongs to the article: no box around it is navigation or has an `unrelated` class."""
        for each in (element, *element.iterancestors()):
            if each in self.shell or each.tag in _ROOTS:
                return True
            if each.tag in _ELSEWHERE and not (each.tag == "footer" and _is_in_article(each)):
                return False
            if unrelated.search(f"{each.get('class', '')} {each.get('id', '')}"):
                return False
        return True

    @cached_property
    def after(self) -> list[around_headline.Piece]:
        """The visible text after the headline; that at the page's beginning where there is none."""
        if self.headline is not None:
            return around_headline.after(self.headline)
        start = next(chain(self.tree.iter("article"), self.tree.iter("main"), self.tree.iter("body")), None)
        return around_headline.within(start) if start is not None else []

    @cached_property
    def before(self) -> list[around_headline.Piece]:
        """The visible text before the headline, the nearest first."""
        return around_headline.before(self.headline) if self.headline is not None else []

    @cached_property
    def named(self) -> tuple[list[Element], list[Element]]:
        """The elements that are called a byline, and those that are called a date."""
        return named_elements(self.walked.elements)

    @property
    def language_hint(self) -> str:
        """The language with its region as the page's root states it, for reading dates."""
        return (self.clues.html_lang or [""])[0].replace("_", "-")


def _is_in_article(element: Element) -> bool:
    return any(parent.tag == "article" for parent in element.iterancestors())


def _is_outside(element: Element) -> bool:
    return any(parent.tag in _OUTSIDE for parent in element.iterancestors())


def _parts(url: str) -> tuple[str, str]:
    """Return a URL's host and path; both empty if it cannot be read."""
    try:
        parts = urlsplit(url)
        return parts.hostname or "", parts.path
    except ValueError:  # a host in broken brackets
        return "", ""


def _home_links(heading: Element) -> list[Element]:
    """The links in a heading, or around it, that lead to the front page."""
    around = list(heading.iterancestors("a"))[:1]
    return [a for a in [*heading.iter("a"), *around] if "home" in a.get("rel", "").split() or _is_front(a.get("href"))]


def _is_front(href: str | None) -> bool:
    if href is None:
        return False
    try:
        parts = urlsplit(href)
    except ValueError:
        return False
    return parts.path in (("/",) if not parts.netloc else ("/", "")) and not parts.query
