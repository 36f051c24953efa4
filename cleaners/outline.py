"""A page's blocks as a small tree for an extractor: containers with their classes, one element a block, marked.

Only what may be the article goes in: nothing that no reader sees (blocks have none of it), no part of the page that
says it is not the article, no menu of short links. An extractor's time grows with the elements that it looks at, and a
page has four times as many as this tree.

A mark is two characters that no text begins with and no extractor drops (variation selectors: printed, not spaces, no
letters). They tell which blocks stand in an extractor's output, whatever it did to them in between.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

import numpy as np
from lxml import etree
from lxml.html import HtmlElement

from cleaners.prose import OUTSIDE
from cleaners.record import Block, Kind
from cleaners.site_labels import takes_out

MOST = 40_000
"""Blocks that can be marked; those after them are left out."""

_FIRST, _BASE = 0xE0100, 200  # the digits of a position
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff\U000e0100-\U000e01ef]")
_STEP = re.compile(r"(h\*|[a-z][a-z0-9]*)(?:#([^.]*))?(?:\.(.*))?$", re.IGNORECASE)
_ASIDE = OUTSIDE | {"footer", "figure"}
_FRAME = 0.5  # of the page's plain text, from which a part is a frame around the page, left open by mistake or design
_MENU_LINKS, _MENU_CHARS = 0.9, 60
_LINKED = 0.2  # of a block's text; fewer links are no matter
_ROOT = "body"

_parser = etree.HTMLParser()
_parser.set_element_class_lookup(etree.ElementDefaultClassLookup(element=HtmlElement))
_make: Callable[..., HtmlElement] = _parser.makeelement  # type: ignore[assignment]


def outline(blocks: Sequence[Block]) -> HtmlElement:
    """Return the tree of the blocks that may be the article. Neighbours under one path share their containers."""
    root = _make("html")
    away = _ASIDE - _frames(blocks)
    page = _Page(root, away)
    for block in blocks[:MOST]:
        if _may_be_article(block, away):
            page.add(block)
    return root


def marked(texts: Iterable[str]) -> frozenset[int]:
    """Return the positions of the blocks whose marks stand in the texts."""
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    digits = codes[(codes >= _FIRST) & (codes < _FIRST + _BASE)].astype(np.int64) - _FIRST
    return frozenset((digits[0::2] * _BASE + digits[1::2]).tolist())


def _frames(blocks: Sequence[Block]) -> frozenset[str]:
    """The landmarks that hold most of the page: they say nothing."""
    held: Counter[str] = Counter()
    total = 0
    for block in blocks:
        total += (plain := len(block.text) - block.link_chars)
        for landmark in block.landmarks:
            held[landmark] += plain
    return frozenset(landmark for landmark, plain in held.items() if plain > _FRAME * total)


def _may_be_article(block: Block, away: frozenset[str]) -> bool:
    if block.landmarks and (not block.landmarks.isdisjoint(away) or takes_out(block.landmarks)):
        return block.kind is Kind.TABLE and "figure" in block.landmarks
    return len(block.text) >= _MENU_CHARS or block.kind is Kind.HEADING or block.link_density <= _MENU_LINKS


class _Page:
    """The elements that are open, from the body down to the block that was added last."""

    def __init__(self, root: etree._Element, away: frozenset[str]) -> None:
        self._away = away
        self._path, self._steps = "", [_ROOT]
        self._open = [etree.SubElement(root, _ROOT)]

    def add(self, block: Block) -> None:
        """Add a block; its own element is new, unless it stands in one that is around the block before."""
        again = block.path == self._path
        steps = self._steps if again else _steps(block.path)
        del self._open[max(len(steps) - 1 if again else self._shared(steps), 1) :]
        for step in steps[len(self._open) :]:
            tag, attributes = _look(step)
            element = _make(self._tag(tag, block), attributes)
            self._open[-1].append(element)
            self._open.append(element)
        _write(self._open[-1], block)
        self._path, self._steps = block.path, steps

    def _shared(self, steps: list[str]) -> int:
        """How many of the open elements a block with these steps stands in."""
        most = min(len(steps), len(self._steps))
        return next((n for n in range(most) if steps[n] != self._steps[n]), most)

    def _tag(self, tag: str, block: Block) -> str:
        """A table is passed on as a paragraph, since an extractor would take it apart; a frame as a plain container."""
        if tag == "h*":  # paths are without digits
            return f"h{max(block.level, 1)}"
        if block.kind is Kind.TABLE and tag == "table":
            return "p"
        return "div" if tag in _ASIDE and (tag not in self._away or block.kind is Kind.TABLE) else tag


def _steps(path: str) -> list[str]:
    steps = path.split(">")
    return [_ROOT, *(steps[1:] if steps[0].startswith(_ROOT) else steps)]


@lru_cache(maxsize=4096)
def _look(step: str) -> tuple[str, dict[str, str]]:
    """The tag of a step of a path, with its id and classes; `div` where it is no name."""
    match = _STEP.match(step)
    if match is None:
        return "div", {}
    tag, identity, classes = match.groups()
    named = {"id": identity, "class": classes and classes.replace(".", " ")}
    return tag.lower(), {name: _UNFIT.sub("", value) for name, value in named.items() if value}


def _write(element: etree._Element, block: Block) -> None:
    """Add a block's mark and text to its element; what it has of links stands first, as one."""
    text = _UNFIT.sub("", block.text)
    mark = chr(_FIRST + block.position // _BASE) + chr(_FIRST + block.position % _BASE)
    if block.link_chars <= _LINKED * len(text):
        _add_text(element, mark + text)
        return
    _add_text(element, mark)
    link = etree.SubElement(element, "a", href="/")
    link.text, link.tail = text[: block.link_chars], text[block.link_chars :]


def _add_text(element: etree._Element, text: str) -> None:
    if len(element):
        last = element[-1]
        last.tail = f"{last.tail or ''} {text}"
    else:
        element.text = f"{element.text} {text}" if element.text else text
