"""Elements of a parsed page: indexed by tag in one walk; hidden by the page's own markup.

Some ten functions look for elements on each page, and walking a large tree takes longer than most of what they do with
the elements, so all share one index. It keeps references to the elements, since lxml would create the Python objects
again in each walk.

A reader can open folded answers, tabs, slides and the like, and finds the article's own words in them. Parts that open
over the page (dialogs, menus, forms) and hidden boilerplate (comments, teasers) stay hidden; they are recognised by
their ids and classes, with `rules/layout.toml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

from lxml import etree
from lxml.html import HtmlElement

from ..document import RemovalReason
from ..rules.layout_rules import explain_layout

_INDEXED_TAGS = frozenset(
    "a area article base body button form frame h1 html iframe img input link meta noscript script time title".split()
)


BYLINE_CLASSES, DATE_CLASSES = ("uthor", "yline", "writer", "creator"), ("date", "Date")
"""Parts of a class that call an element a byline or a date."""

AUTHOR_HREFS = ("/author", "/autor", "author=")
"""Parts of the address of an author's page."""

BYLINE_ATTRIBUTES = frozenset(("itemprop", "data-testid", "rel"))
"""Attributes besides class and href that may call an element a byline or a date."""


class TagIndex:
    """Elements of a tree by tag, collected when first asked for. Later changes of the tree are not seen."""

    def __init__(self, tree: HtmlElement) -> None:
        self.tree = tree

    @cached_property
    def elements(self) -> list[HtmlElement]:
        """Return all elements in document order."""
        return list(self.tree.iter(etree.Element))

    @cached_property
    def _tagged_and_typed(self) -> tuple[list[tuple[str, HtmlElement]], list[HtmlElement]]:
        """Return the (tag, element) pairs with one of `_INDEXED_TAGS`, and the elements with an `itemtype`."""
        tagged, typed = [], []
        for element in self.elements:
            if (tag := element.tag) in _INDEXED_TAGS:
                tagged.append((tag, element))
            if element.get("itemtype"):
                typed.append(element)
        return tagged, typed

    @cached_property
    def _by_tag(self) -> dict[str, list[HtmlElement]]:
        elements: dict[str, list[HtmlElement]] = {tag: [] for tag in _INDEXED_TAGS}
        for tag, element in self._tagged_and_typed[0]:
            elements[tag].append(element)
        return elements

    def iter(self, *tags: str) -> Iterator[HtmlElement]:
        """Return the elements with one of these tags in document order, exactly as the tree's own `iter` does."""
        if not _INDEXED_TAGS.issuperset(tags):
            return self.tree.iter(*tags)
        if len(tags) == 1:
            return iter(self._by_tag[tags[0]])
        return iter([element for tag, element in self._tagged_and_typed[0] if tag in tags])

    @property
    def typed_elements(self) -> list[HtmlElement]:
        """Return the elements with a microdata type (`itemtype`), in document order."""
        return self._tagged_and_typed[1]


def index_tags(tree: HtmlElement | TagIndex) -> TagIndex:
    """Return an index of the tree; an index is returned as it is."""
    return tree if isinstance(tree, TagIndex) else TagIndex(tree)


INVISIBLE_TAGS = frozenset(
    (
        "annotation annotation-xml applet area audio base canvas datalist desc embed head iframe link map "
        "meta metadata noembed noframes noscript object param rp script source style template textarea title "
        "track video"
    ).split()
)
HIDING_ATTRIBUTES = frozenset(("hidden", "aria-hidden", "style"))
"""The attributes that may hide an element."""

_HIDING_STYLE = re.compile(r"(?:^|[;\s])(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.I)
MIN_PROSE_CHARS = 500
"""Characters of prose: a hidden part with fewer is a menu, a dialog or a label."""

_MIN_RUN_CHARS = 40  # of text between two tags: a shorter one is a menu's entry or a label
_NO_RUN_TAGS = INVISIBLE_TAGS.union(("a", "button", "option", "svg"))
_MAX_CONTAINERS = 3  # that are looked at, the hidden element itself among them
_BOILERPLATE_REASONS = frozenset((
    RemovalReason.ADVERTISEMENT, RemovalReason.APP, RemovalReason.COMMENTS, RemovalReason.CONSENT,
    RemovalReason.DIALOG, RemovalReason.DONATION, RemovalReason.FEEDBACK, RemovalReason.FOOTER, RemovalReason.FORM,
    RemovalReason.NAVIGATION, RemovalReason.NEWSLETTER, RemovalReason.PRINT, RemovalReason.PROMO,
    RemovalReason.RELATED, RemovalReason.SHARE, RemovalReason.SIDEBAR,
))  # fmt: skip
_BOILERPLATE_ROLES = frozenset(("dialog", "alertdialog", "menu", "navigation"))
_BODY_TAGS = frozenset(("body", "main", "article"))


def is_hidden(element: etree._Element) -> bool:
    """Return whether the element's own attributes hide it and all inside it."""
    if HIDING_ATTRIBUTES.isdisjoint(element.keys()):
        return False
    if element.get("hidden", "until-found") != "until-found" or element.get("aria-hidden") == "true":
        return True
    style = element.get("style")
    return bool(
        style and ("dden" in (lower_style := style.lower()) or "none" in lower_style) and _HIDING_STYLE.search(style)
    )


def prose_chars(element: etree._Element) -> int:
    """Return the number of characters in the element's paragraphs."""
    texts = (text for paragraph in element.iter("p") for text in paragraph.itertext())
    return sum(len(text) for text in texts if isinstance(text, str))


def running_chars(element: etree._Element) -> int:
    """Return the number of characters in runs of text, in any element inside that shows text, links and buttons apart.

    >>> from lxml.html import fromstring
    >>> running_chars(fromstring("<div>Menu<section>The mill by the river burned down on Monday.</section></div>"))
    44
    """
    chars = 0
    walker = etree.iterwalk(element, events=("start", "end"))
    for event, part in walker:
        if event == "start":
            if part is not element and str(part.tag) in _NO_RUN_TAGS:
                walker.skip_subtree()
            elif (text := part.text) and len(text := text.strip()) >= _MIN_RUN_CHARS:
                chars += len(text)
        elif part is not element and (tail := part.tail) and len(tail := tail.strip()) >= _MIN_RUN_CHARS:
            chars += len(tail)
    return chars


def is_in_boilerplate(element: etree._Element) -> bool:
    """Return whether a hidden element, or a container close around it, is boilerplate by its role, id or classes."""
    for depth, container in enumerate((element, *element.iterancestors())):
        if depth == _MAX_CONTAINERS or container.tag in _BODY_TAGS:
            return False
        rule = explain_layout(_full_step(container))
        if container.get("role") in _BOILERPLATE_ROLES or (rule is not None and rule.reason in _BOILERPLATE_REASONS):
            return True
    return False


def _full_step(element: etree._Element) -> str:
    """Return the element as one step of a block's path, with its id and all its classes."""
    names = [name for key in ("id", "class") for name in (element.get(key) or "").split()]
    tag = "div" if element.tag == "template" else str(element.tag)  # rules on templates must not match elements inside
    return ".".join((tag, *names)).replace(">", "")
