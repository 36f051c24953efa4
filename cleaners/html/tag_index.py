"""A parsed page that is walked once for all readers that look for elements by their tags.

A page has some ten such readers, and a walk over a large tree takes longer than what most of them do with what they
find. The elements are held, since lxml would make each of them anew for every walk that comes upon it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from lxml import etree
from lxml.html import HtmlElement

_TAGS = frozenset(
    "a area article base body button form frame h1 html iframe img input link meta noscript script time title".split()
)


class Walked:
    """The elements of a tree by tag. It does not notice when the tree changes."""

    def __init__(self, tree: HtmlElement) -> None:
        self.tree = tree

    @cached_property
    def elements(self) -> list[HtmlElement]:
        """All elements in document order."""
        return list(self.tree.iter(etree.Element))

    @cached_property
    def _found(self) -> tuple[list[tuple[str, HtmlElement]], list[HtmlElement]]:
        """The elements with one of `_TAGS`, each with its tag, and those with a type."""
        tagged, typed = [], []
        for element in self.elements:
            tag = str(element.tag)
            if tag in _TAGS:
                tagged.append((tag, element))
            if element.get("itemtype"):
                typed.append(element)
        return tagged, typed

    @cached_property
    def _by_tag(self) -> dict[str, list[HtmlElement]]:
        found: dict[str, list[HtmlElement]] = {tag: [] for tag in _TAGS}
        for tag, element in self._found[0]:
            found[tag].append(element)
        return found

    def iter(self, *tags: str) -> Iterator[HtmlElement]:
        """The elements with one of these tags in document order, as the tree's own `iter` gives them."""
        if not _TAGS.issuperset(tags):
            return self.tree.iter(*tags)
        if len(tags) == 1:
            return iter(self._by_tag[tags[0]])
        return iter([element for tag, element in self._found[0] if tag in tags])

    @property
    def typed(self) -> list[HtmlElement]:
        """The elements that state a type in microdata, in document order."""
        return self._found[1]


def walked(tree: HtmlElement | Walked) -> Walked:
    """The tree, to be walked once; what is walked already stays as it is."""
    return tree if isinstance(tree, Walked) else Walked(tree)
