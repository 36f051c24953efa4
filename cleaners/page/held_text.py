"""Text that a page holds but does not show: in a JSON-LD statement, in the state of its scripts, in `<template>`.

It becomes blocks whose paths begin with their source (`json_ld>p`). A page is searched for it only where little prose
is left of what it shows. Of several texts the one with the page's title, or the address, is the page's; where nothing
tells which, none is taken, and the reason says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from enum import StrEnum
from html import escape, unescape
from itertools import islice

from ..document import Block
from .canonical_urls import split_url
from .elements import is_in_boilerplate
from .markup_repairs import has_value_places
from .page_context import PageContext
from .page_state import MIN_BODY_WORDS, StatedText, read_state_texts, state_attributes
from .parsed_page import parse
from .running_text import LITTLE_PROSE_WORDS
from .statements import JsonLdNode, string_values
from .titles import fold_title
from .visible_blocks import read_blocks

_BODY_MEMBERS = ("articleBody", "text")
_MAX_TEXT_CHARS = 1_000_000
_MAX_BLOCKS = 5_000
_MAX_TEXTS = 200  # of a source that are compared
_JSON_LD_BODY = re.compile(r'"(?:articleBody|text)"')
_MAX_TEMPLATES = 200
_MIN_TEMPLATE_CHARS = 80  # in scripts without spaces as many characters are forty words
_MARKUP = re.compile(r"<(?:p|br|div|h[1-6]|[uo]l|li|blockquote|section|span|a|em|strong|b|i|figure|img)\b[^<>]*>", re.I)
_ESCAPED_MARKUP = re.compile(r"&lt;(?:p|br|div)\b", re.I)
_MIN_TITLE_WORD_CHARS = 4  # of a word that two titles about one thing share


class TextSource(StrEnum):
    """Place of a text that the page does not show."""

    JSON_LD = "json_ld"
    PAGE_STATE = "page_state"
    TEMPLATE = "template"


@dataclass(frozen=True, slots=True)
class HeldText:
    """Text that a page holds without showing it, as blocks counted from 0; `source` is None without such text.

    `reasons` say, as evidence, which texts were found but not used.
    """

    source: TextSource | None = None
    blocks: tuple[Block, ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def words(self) -> int:
        """Return the number of words in the blocks."""
        return sum(block.words for block in self.blocks)


_NOTHING = HeldText()


def find_held_text(page: PageContext, base: str) -> HeldText:
    """Return the text of `LITTLE_PROSE_WORDS` words or more that the page holds, from the first source that has one.

    Links in it are made absolute with `base`. The tree is not changed.
    """
    reasons: tuple[str, ...] = ()
    for read in (_read_json_ld, _read_page_state, _read_templates):
        held = read(page, base)
        if held is _NOTHING:
            continue
        reasons += held.reasons
        if held.source and held.words >= LITTLE_PROSE_WORDS:
            return replace(held, reasons=reasons)
    return HeldText(reasons=reasons) if reasons else _NOTHING


def _read_json_ld(page: PageContext, base: str) -> HeldText:
    if not _JSON_LD_BODY.search("".join([script.text or "" for script in page.tag_index.iter("script")])):
        return _NOTHING
    nodes = [node for node in page.article_nodes if any(node.get(name) for name in _BODY_MEMBERS)]
    own_nodes = [node for node in nodes if not _is_of_other_page(page, node)]
    held = _chosen_text(page, base, TextSource.JSON_LD, [text for node in own_nodes for text in _node_texts(node)])
    return held if own_nodes or not nodes else HeldText(reasons=(f"unused={TextSource.JSON_LD}: another address",))


def _is_of_other_page(page: PageContext, node: JsonLdNode) -> bool:
    """Return whether a node states another address than the page's, and another title, as one in a list does."""
    paths = [_path(address) for name in ("mainEntityOfPage", "url") for address in string_values(node.get(name))]
    return any(paths) and _path(page.url) not in paths and not _is_page_title(page, _node_title(node))


def _node_title(node: JsonLdNode) -> str:
    return str(node.get("headline") or node.get("name") or "")


def _node_texts(node: JsonLdNode) -> Iterator[StatedText]:
    for name in _BODY_MEMBERS:
        value = node.get(name)
        parts = [part for part in (value if isinstance(value, list) else [value]) if isinstance(part, str)]
        if parts:
            yield StatedText(_node_title(node), tuple(parts))


def _path(address: str) -> str:
    return split_url(address).path.rstrip("/")


def _read_page_state(page: PageContext, base: str) -> HeldText:
    texts, reasons = read_state_texts(page.tag_index.iter("script"), state_attributes(page.tree))
    held = _chosen_text(page, base, TextSource.PAGE_STATE, texts)
    return replace(held, reasons=(*reasons, *held.reasons)) if reasons else held


def _read_templates(page: PageContext, base: str) -> HeldText:
    """Return the text of the templates that hold prose, outside of boilerplate, with no place for values in it."""
    blocks: list[Block] = []
    for template in islice(page.tree.iter("template"), _MAX_TEMPLATES):
        if len("".join(template.itertext())) < _MIN_TEMPLATE_CHARS or is_in_boilerplate(template):
            continue
        body = deepcopy(template)
        body.tag, body.tail = "body", None
        template_blocks = read_blocks(body, base)
        text = " ".join(block.text for block in template_blocks)
        if sum(block.words for block in template_blocks) >= MIN_BODY_WORDS and not has_value_places(text):
            blocks += template_blocks
    return HeldText(TextSource.TEMPLATE, _counted(blocks, TextSource.TEMPLATE)) if blocks else _NOTHING


def _chosen_text(page: PageContext, base: str, source: TextSource, texts: Sequence[StatedText]) -> HeldText:
    """Return the blocks of the page's own text, or the reason why no text qualifies."""
    if not texts:
        return _NOTHING
    long_texts = [text for text in texts[:_MAX_TEXTS] if text.words >= LITTLE_PROSE_WORDS]
    candidates = [(text, _text_blocks(text, source, base)) for text in long_texts]
    candidates = [(text, blocks) for text, blocks in candidates if _words(blocks) >= LITTLE_PROSE_WORDS]
    if not candidates:
        return _NOTHING
    titled = [candidate for candidate in candidates if _is_page_title(page, candidate[0].title)]
    if titled or len(candidates) == 1:
        text, blocks = max(titled or candidates, key=lambda candidate: _words(candidate[1]))
        if titled or not _contradicts(page, text.title):
            return HeldText(source, blocks)
        return HeldText(reasons=(f"unused={source}: another title",))
    return HeldText(reasons=(f"unused={source}: {len(candidates)} texts",))


def _words(blocks: Sequence[Block]) -> int:
    return sum(block.words for block in blocks)


def _is_page_title(page: PageContext, title: str) -> bool:
    """Return whether a title is one of the page's, or either is a part of the other."""
    folded_title = fold_title(title)
    titles = [fold_title(page_title) for page_title in _page_titles(page)]
    return bool(folded_title) and any(own and (folded_title in own or own in folded_title) for own in titles)


def _page_titles(page: PageContext) -> list[str]:
    return [*page.statements.titles[:1], *_strong_titles(page)]


def _strong_titles(page: PageContext) -> list[str]:
    """Return the titles that are of this page alone: an empty shell may have the site's name in its `<title>`."""
    metas = list(page.statements.meta_contents(("og:title", "twitter:title")))
    return [*metas, *(text for text, _ in page.heading_candidates)]


def _contradicts(page: PageContext, title: str) -> bool:
    """Return whether the page states a title of its own that shares no longer word with the title of a text."""
    words = _long_words(title)
    own_words = set().union(*map(_long_words, _page_titles(page)))
    return bool(words and any(map(_long_words, _strong_titles(page)))) and words.isdisjoint(own_words)


def _long_words(title: str) -> set[str]:
    return {word for word in fold_title(title).split() if len(word) >= _MIN_TITLE_WORD_CHARS}


def _text_blocks(text: StatedText, source: TextSource, base: str) -> tuple[Block, ...]:
    """Return a text as blocks: HTML by its elements, plain text by its lines."""
    markup = "\n".join(map(_as_markup, text.parts))
    tree = parse(f"<body>{markup[:_MAX_TEXT_CHARS]}") if markup else None
    blocks = () if tree is None else read_blocks(tree, base)
    if blocks and fold_title(blocks[0].text) == fold_title(text.title):
        blocks = blocks[1:]
    return _counted(blocks, source)


def _as_markup(part: str) -> str:
    if _ESCAPED_MARKUP.search(part) and not _MARKUP.search(part):
        part = unescape(part)
    if _MARKUP.search(part):
        return f"<div>{part}</div>"
    return "".join(f"<p>{escape(unescape(line))}</p>" for line in part.splitlines() if line.strip())


def _counted(blocks: Sequence[Block], source: TextSource) -> tuple[Block, ...]:
    """Return the blocks with positions from 0 and paths that begin with their source.

    The step of a template has another name than its tag, which the layout rules take for hidden.
    """
    step = "template_text" if source is TextSource.TEMPLATE else source
    return tuple(
        replace(block, position=n, path=">".join((step, *block.path.split(">")[1:])))
        for n, block in enumerate(blocks[:_MAX_BLOCKS])
    )
