"""An index of a parsed page's elements by tag, made in one walk and shared by all code that looks for elements.

Some ten functions do so on each page, and walking a large tree takes longer than most of what they do with the
elements. The index keeps references to the elements, since lxml would create the Python objects again in each walk.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from lxml import etree
from lxml.html import HtmlElement

_INDEXED_TAGS = frozenset(
    "a area article base body button form frame h1 html iframe img input link meta noscript script time title".split()
)


class TagIndex:
    """The elements of a tree by tag, collected when first asked for. Later changes of the tree are not seen."""

    def __init__(self, tree: HtmlElement) -> None:
        self.tree = tree

    @cached_property
    def elements(self) -> list[HtmlElement]:
        """All elements in document order."""
        return list(self.tree.iter(etree.Element))

    @cached_property
    def _tagged_and_typed(self) -> tuple[list[tuple[str, HtmlElement]], list[HtmlElement]]:
        """The (tag, element) pairs with one of `_INDEXED_TAGS`, and the elements with an `itemtype`."""
        tagged, typed = [], []
        for element in self.elements:
            tag = str(element.tag)
            if tag in _INDEXED_TAGS:
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
        """The elements with a microdata type (`itemtype`), in document order."""
        return self._tagged_and_typed[1]


def index_tags(tree: HtmlElement | TagIndex) -> TagIndex:
    """Return an index of the tree; an index is returned as it is."""
    return tree if isinstance(tree, TagIndex) else TagIndex(tree)
