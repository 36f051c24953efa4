"""Context of metadata fields: a page's statements, article nodes, site names, headline and text around it.

Bylines and datelines usually stand in the visible text around the headline.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, islice
from typing import Any, NamedTuple

from lxml import etree

from .canonical_urls import split_url
from .date_parser import LabelledDate, date_in_url
from .elements import TagIndex
from .statements import (
    Element,
    JsonLdNode,
    PageStatements,
    element_text,
    find_bylines_and_dates,
    is_article_node,
    normalise_text,
    resolve_references,
    string_values,
    types_of,
)
from .titles import fold_title
from .url_shapes import is_named_by_slug, slug_words
from .word_lists import load_words, meta_names

_INVISIBLE_TAGS = frozenset({"script", "style", "template", "noscript", "svg", "select", "option", "iframe", "form"})
_INLINE_TAGS = frozenset(
    {"a", "b", "i", "em", "strong", "span", "time", "abbr", "small", "font", "u", "address", "cite", "bdi"}
)
MAX_RUNS_AFTER = 30  # text runs that are read after the headline
MAX_RUNS_BEFORE = 20  # and before it
_MAX_LEVELS = 5  # ancestors of the headline whose preceding siblings are read


class TextRun(NamedTuple):
    """Visible text between two block boundaries, across inline markup.

    `container` is the element in which its first text stands, and `time_elements` are those in the run.
    """

    text: str
    time_elements: tuple[Element, ...] = ()
    container: Element | None = None


def runs_after(headline: Element, limit: int = MAX_RUNS_AFTER) -> list[TextRun]:
    """Return the first text runs that follow the headline in the document."""
    return list(_text_runs(_events_after(headline), limit))


def runs_before(headline: Element, limit: int = MAX_RUNS_BEFORE) -> list[TextRun]:
    """Return the last text runs before the headline, the nearest first."""
    preceding_runs: list[TextRun] = []
    for sibling in _preceding_elements(headline):
        sibling_runs = list(_text_runs(_events_within(sibling), limit))
        preceding_runs.extend(reversed(sibling_runs))
        if len(preceding_runs) >= limit:
            break
    return preceding_runs[:limit]


def runs_within(element: Element, limit: int = MAX_RUNS_AFTER) -> list[TextRun]:
    """Return the first text runs inside an element."""
    return list(_text_runs(_events_within(element), limit))


def _preceding_elements(headline: Element) -> Iterator[Element]:
    """Yield the siblings before the headline and its nearest ancestors, the nearest first."""
    element: Element | None = headline
    for _ in range(_MAX_LEVELS):
        if element is None or element.tag == "body":
            return
        for sibling in element.itersiblings(preceding=True):
            if sibling.tag not in ("head", "nav", "header", "aside"):
                yield sibling
        element = element.getparent()


TextEvent = tuple[str, Element | None]
"""A text and the element in which it stands; or an empty text and an element that begins or ends."""


def _events_within(element: Element) -> Iterator[TextEvent]:
    """Yield the visible texts in an element, and the elements that begin and end around them, in document order."""
    is_skipped = not isinstance(element.tag, str)
    if is_skipped:
        return
    walker = etree.iterwalk(element, events=("start", "end", "comment", "pi"))
    for event, event_element in walker:
        if event == "start":
            if event_element.tag in _INVISIBLE_TAGS:
                walker.skip_subtree()
                is_skipped = True
                continue
            yield ("", event_element)
            if event_element.text:
                yield (event_element.text, event_element)
            continue
        if event == "end" and not is_skipped:
            yield ("", event_element)
        is_skipped = False
        if event_element.tail and event_element is not element:
            yield (event_element.tail, event_element.getparent())


def _events_after(headline: Element) -> Iterator[TextEvent]:
    """Yield the events from the end of the headline to the end of the body."""
    element: Element | None = headline
    while element is not None and element.tag != "body":
        parent = element.getparent()
        if element.tail:
            yield (element.tail, parent)
        for sibling in element.itersiblings():
            yield from _events_within(sibling)
            if sibling.tail:
                yield (sibling.tail, parent)
        yield ("", element)
        element = parent


def _text_runs(events: Iterator[TextEvent], limit: int) -> Iterator[TextRun]:
    """Join the texts between block boundaries, up to `limit` runs."""
    parts: list[str] = []
    time_elements: list[Element] = []
    container: Element | None = None
    for text, element in events:
        if text:
            parts.append(text)
            container = element if container is None else container
        elif element is None:
            continue
        elif element.tag == "time" and element not in time_elements:
            time_elements.append(element)
        elif element.tag not in _INLINE_TAGS and parts:
            if (run_text := normalise_text("".join(parts))) or time_elements:
                yield TextRun(run_text, tuple(time_elements), container)
                limit -= 1
            parts, time_elements, container = [], [], None
        if limit <= 0:
            return
    if run_text := normalise_text("".join(parts)):
        yield TextRun(run_text, tuple(time_elements), container)


_SITE_TYPES = frozenset({"WebSite", "Organization", "NewsMediaOrganization", "Blog", "Corporation"})
_OUTSIDE_TAGS = frozenset({"nav", "aside", "footer"})
_UNRELATED_TAGS = _OUTSIDE_TAGS | {"figure", "figcaption", "blockquote"}
_ROOT_TAGS = frozenset({"html", "body", "main"})  # their classes are those of the whole page
_ENTRY_TITLE = re.compile(r"(?:^|[\s_-])(?:entry|post|article)[_-]?(?:title|headline)(?:$|[\s_-])", re.IGNORECASE)
_SITE_TITLE = re.compile(r"(?:^|[\s_-])(?:site|blog)[_-]?(?:title|name|logo)(?:$|[\s_-])", re.IGNORECASE)
_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_GENERIC_HOST_LABELS = frozenset({"www", "m", "amp", "blog", "news"})


@dataclass
class PageContext:
    """Page whose metadata is being read. Its properties are computed on first use.

    So are its `visible_dates`, its `ranked_bylines`, the names that each source states, and `parts`: by the pattern of
    unrelated names, whether an element is part of the article.
    """

    tag_index: TagIndex
    url: str
    statements: PageStatements
    not_after: str = ""
    visible_dates: Sequence[LabelledDate] | None = None
    ranked_bylines: Sequence[tuple[int, Element]] | None = None
    names_by_source: dict[str, list[str]] = field(default_factory=dict)
    parts: dict[str, dict[Element, bool]] = field(default_factory=dict)

    @property
    def tree(self) -> Element:
        """Return the parsed page."""
        return self.tag_index.tree

    @cached_property
    def nodes_by_id(self) -> dict[str, JsonLdNode]:
        """Return the JSON-LD nodes that have an `@id` and other members."""
        return {
            node["@id"]: node
            for node in self.statements.json_ld_nodes
            if isinstance(node.get("@id"), str) and len(node) > 1
        }

    @cached_property
    def article_nodes(self) -> list[JsonLdNode]:
        """Return the JSON-LD nodes that describe the page's text: the article first, then the page itself."""
        text_nodes = sorted(
            (node for node in self.statements.json_ld_nodes if is_article_node(node)), key=self._node_distance
        )
        page_nodes = [
            node for node in self.statements.json_ld_nodes if any(name.endswith("Page") for name in types_of(node))
        ]
        return text_nodes[:3] + page_nodes

    def member_values(self, name: str) -> list[Any]:
        """Return the values of a member in the article's nodes, references resolved, the best node first."""
        return [resolve_references(node[name], self.nodes_by_id) for node in self.article_nodes if node.get(name)]

    def _node_distance(self, node: JsonLdNode) -> int:
        """Rate how unlikely a node describes this page and not one that it lists: 0 (headline and URL match) to 2."""
        headline = fold_title(str(node.get("headline") or node.get("name") or ""))
        page_title = fold_title(" ".join(self.statements.titles[:1]))
        addresses = [*string_values(node.get("mainEntityOfPage")), *string_values(node.get("url"))]
        path = split_url(self.url).path.rstrip("/")
        has_page_path = any(path and path in address for address in addresses)
        return 2 - int(bool(headline and headline in page_title)) - int(has_page_path)

    @cached_property
    def site_names(self) -> tuple[str, ...]:
        """Return all names of the site that the page states, then the host and its labels."""
        host = split_url(self.url).hostname or ""
        labels = [label for label in host.split(".") if label not in _GENERIC_HOST_LABELS][:-1]
        names = [name for value in self.member_values("publisher") for name in list(string_values(value))[:1]]
        for node in self.statements.json_ld_nodes:
            if _SITE_TYPES.intersection(types_of(node)):
                names.extend(list(string_values(node.get("name")))[:1])
        return (
            *self.statements.meta_contents(meta_names("sitename")),
            *[normalise_text(name) for name in names if not name.startswith("http")],
            *self._home_headings(),
            host,
            host.removeprefix("www."),
            *labels,
        )

    def _home_headings(self) -> list[str]:
        """Return the headings that are nothing but a link to the front page: they are the site's name."""
        texts_and_headings = [(element_text(heading), heading) for heading in self.statements.h1_elements[:6]]
        return [
            text
            for text, heading in texts_and_headings
            if text and any(element_text(link) == text for link in _home_links(heading))
        ]

    @cached_property
    def heading_candidates(self) -> list[tuple[str, Element]]:
        """Return the headings that may be the article's, as (text, element), without the site's name.

        They are those of the first level; the one with the words of the URL comes first. If one has the class of an
        entry's title, those with the class of a site's title are left out. If none has it, but a single heading of the
        second level does, that one comes before them all.
        """
        site_names = {fold_title(name) for name in self.site_names}
        firsts, entries = self.statements.h1_elements[:6], self._second_level_entries()
        has_entry = any(_ENTRY_TITLE.search(element.get("class", "")) for element in firsts)
        texts_and_elements = [
            (element_text(element), element)
            for element in (firsts if has_entry or len(entries) != 1 else [*entries, *firsts])
            if next(element.iterancestors(*_OUTSIDE_TAGS), None) is None
        ]
        found = [pair for pair in texts_and_elements if pair[0] and fold_title(pair[0]) not in site_names]
        if any(_ENTRY_TITLE.search(element.get("class", "")) for _, element in found):
            found = [pair for pair in found if not _SITE_TITLE.search(pair[1].get("class", ""))]
        slug = slug_words(self.url) if len(found) > 1 else frozenset()
        return sorted(found, key=lambda pair: not is_named_by_slug(pair[0], slug)) if slug else found

    def _second_level_entries(self) -> list[Element]:
        """Return the headings of the second level whose class says that they are an entry's title."""
        return [element for element in self.statements.h2_elements if _ENTRY_TITLE.search(element.get("class", ""))]

    @cached_property
    def headline(self) -> Element | None:
        """Find the article's heading: the one contained in the page's title, or the first; None without headings."""
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
        """Return the ancestors of the headline. They contain the article, whatever their class says."""
        return frozenset(self.headline.iterancestors()) if self.headline is not None else frozenset()

    def is_part_of_article(self, element: Element, unrelated_pattern: re.Pattern[str]) -> bool:
        """Return whether an element is part of the article: no ancestor is navigation or matches the pattern."""
        parts = self.parts.setdefault(unrelated_pattern.pattern, {})
        passed, is_part = [], True
        for ancestor in chain((element,), element.iterancestors()):
            if (found := parts.get(ancestor)) is None:
                passed.append(ancestor)
                found = self._is_part_by_itself(ancestor, unrelated_pattern)
            if found is not None:
                is_part = found
                break
        parts.update(dict.fromkeys(passed, is_part))
        return is_part

    def _is_part_by_itself(self, element: Element, unrelated_pattern: re.Pattern[str]) -> bool | None:
        """Return whether an element's markup places it inside the article or outside; None if its parent decides."""
        if element in self.headline_ancestors or element.tag in _ROOT_TAGS:
            return True
        if element.tag in _UNRELATED_TAGS and not (
            element.tag == "footer" and next(element.iterancestors("article"), None) is not None
        ):
            return False
        return False if unrelated_pattern.search(f"{element.get('class', '')} {element.get('id', '')}") else None

    @cached_property
    def runs_after(self) -> list[TextRun]:
        """Return the text runs after the headline; those at the beginning of the article if there is no headline."""
        if self.headline is not None:
            return runs_after(self.headline)
        start_element = next(chain(self.tree.iter("article"), self.tree.iter("main"), self.tree.iter("body")), None)
        return runs_within(start_element) if start_element is not None else []

    @cached_property
    def runs_before(self) -> list[TextRun]:
        """Return the text runs before the headline, the nearest first."""
        return runs_before(self.headline) if self.headline is not None else []

    @cached_property
    def bylines_and_dates(self) -> tuple[list[Element], list[Element]]:
        """Return the elements whose attributes call them a byline, and those whose class calls them a date."""
        return find_bylines_and_dates(self.tag_index.elements)

    @cached_property
    def stated_days(self) -> frozenset[str]:
        """Return the days that JSON-LD, metas, `time` elements and the URL state in ISO 8601."""
        members = ("datePublished", "dateModified", "dateCreated")
        texts = chain(
            (str(value) for member in members for value in self.member_values(member)),
            chain.from_iterable(self.statements.metas.values()),
            (element.get("datetime") or "" for element in self.statements.time_elements),
        )
        matches = (_ISO_DAY.match(text) for text in texts)
        return frozenset((date_in_url(self.url), *(match[0] for match in matches if match)))

    @cached_property
    def language_hint(self) -> str:
        """Return the language with its region, which decides the order of day and month.

        The region is that of the host's top-level domain, if it is a country's own: templates state `en-US` anywhere.
        """
        language = (self.statements.html_languages or [""])[0].replace("_", "-")
        domain = (split_url(self.url).hostname or "").rpartition(".")[2]
        if len(domain) != 2 or not domain.isalpha() or domain in load_words("worldwide_domains"):
            return language
        return f"{language.partition('-')[0] or 'und'}-{domain}"


def _home_links(heading: Element) -> list[Element]:
    """Return the links to the front page in or around a heading."""
    enclosing_links = list(heading.iterancestors("a"))[:1]
    return [
        link
        for link in [*heading.iter("a"), *enclosing_links]
        if "home" in link.get("rel", "").split() or _is_front_page(link.get("href", ""))
    ]


def _is_front_page(href: str) -> bool:
    parts = split_url(href)
    return parts.path in (("/",) if not parts.netloc else ("/", "")) and not parts.query
