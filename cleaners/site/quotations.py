"""Quotations: pages whose text is the openings or titles of other pages, or cards of them, as in a list of excerpts.

An automatic excerpt is an opening cut short, so a block counts as one if its words begin the text of another page.
Texts of many pages are no evidence and are left out. A card is a linked title of another page with a few words on it
below, whoever wrote these: day, standfirst, tags. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import ceil
from typing import NamedTuple

from ..document import Block, BlockKind, RemovalReason, Verdict
from ..words import first_words, words_of

MIN_OPENING_WORDS = 8
"""Words that a block needs to be an opening; a shorter one may be a title."""

_KEY_WORDS = 6
_FIRST_BLOCKS = 3  # of a page, at which its text may be said to begin: a dateline may come before it
_SAME_SHARE = 0.85  # of a block's words, which the other page's text must begin with: the end may be cut or marked
_QUOTED_SHARE = 0.6  # of a page's words, for it to count as put together of others
_WHOLE_SHARE = 0.8  # of the words of a single article that a page may have and still be an excerpt of it
_MIN_TITLES, _MIN_TITLE_WORDS, _MAX_TITLE_WORDS = 3, 2, 30
_TITLE_SHARE = 0.5  # of the words of a block's first line that begins with a title: an author or a date may follow
_TEASER_WORDS = 60  # of a block whose first line is a title, for all of it to be about that page
_MAX_PAGES = 3  # with one opening, title or block; more and it is the site's


class BlockText:
    """The words of a block: its first ones, and all of them where they are asked for, as few blocks' are."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.first_words = first_words(text, MIN_OPENING_WORDS)

    @cached_property
    def words(self) -> list[str]:
        """Return all words of the block."""
        return words_of(self._text)

    @cached_property
    def line_length(self) -> int:
        """Count the words in the first line."""
        return len(words_of(self._text.partition("\n")[0]))


PageBlocks = Sequence[BlockText]
"""A page's blocks that have words, without those that many pages have."""


class Quotation(NamedTuple):
    """The pages whose openings or titles a page's text mostly is; `is_whole` if that is all of its text."""

    page_ids: frozenset[int]
    is_whole: bool


NO_QUOTATION = Quotation(frozenset(), False)


@dataclass(slots=True)
class OpeningIndex:
    """An index of the beginnings of texts: pages by the first words of their first blocks, and by their titles."""

    titles: Mapping[int, str]  # their words, by page
    pages_by_opening: dict[str, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    pages_by_title: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    title_beginnings: set[str] = field(default_factory=set)  # the first words of the titles, as many as any must have

    def add(self, page_id: int, blocks: PageBlocks) -> None:
        """Add a page's text."""
        for number, block in enumerate(blocks[:_FIRST_BLOCKS]):
            if len(block.first_words) >= _KEY_WORDS:
                self.pages_by_opening[_key(block)].append((page_id, number))
        if title := self.titles.get(page_id):
            self.pages_by_title[title].append(page_id)
            self.title_beginnings.add(_title_beginning(title.split(" ")))

    def pages_opening_with(self, page_id: int, block: BlockText) -> list[tuple[int, int]]:
        """Return other pages whose text begins like a block, and at which of their blocks; none if these are many."""
        starts = [start for start in self.pages_by_opening.get(_key(block), ()) if self._is_other(page_id, start[0])]
        return starts if len({page for page, _ in starts}) <= _MAX_PAGES else []

    def titled_pages(self, page_id: int, block: BlockText) -> tuple[str, list[int]]:
        """Return the longest title that a block begins with, if it is half of its first line, and other pages that bear
        it.
        """
        if _title_beginning(block.first_words) not in self.title_beginnings or len(block.words) > _TEASER_WORDS:
            return "", []
        words, line_length = block.words, block.line_length
        shortest = max(_MIN_TITLE_WORDS, ceil(_TITLE_SHARE * line_length))
        for length in range(min(line_length, _MAX_TITLE_WORDS), shortest - 1, -1):
            title = " ".join(words[:length])
            if pages := [page for page in self.pages_by_title.get(title, ()) if self._is_other(page_id, page)]:
                return title, sorted(pages)[:_MAX_PAGES]
        return "", []

    def _is_other(self, page_id: int, candidate: int) -> bool:
        return candidate != page_id and self.titles.get(candidate) != self.titles.get(page_id, "")


def quotation_of(
    page_id: int, blocks: PageBlocks, index: OpeningIndex, blocks_of: Callable[[int], PageBlocks]
) -> Quotation | None:
    """Find the articles whose openings or titles make up a page; None if most of its words are its own."""
    pages_by_block = _find_openings(page_id, blocks, index, blocks_of)
    titles = {
        number: index.titled_pages(page_id, block)
        for number, block in enumerate(blocks)
        if number not in pages_by_block
    }
    if len({title for title, pages in titles.values() if pages}) >= _MIN_TITLES:
        pages_by_block |= {number: pages for number, (_, pages) in titles.items() if pages}
    quoted_blocks, quoted_pages = pages_by_block.keys(), {page for pages in pages_by_block.values() for page in pages}
    if not quoted_pages:
        return None
    total_words = _count_words(blocks)
    if _count_words([blocks[number] for number in quoted_blocks]) < _QUOTED_SHARE * total_words:
        return None
    if len(quoted_pages) == 1 and total_words > _WHOLE_SHARE * _count_words(blocks_of(*quoted_pages)):
        return None
    return Quotation(frozenset(quoted_pages), len(quoted_blocks) == len(blocks))


def _find_openings(
    page_id: int, blocks: PageBlocks, index: OpeningIndex, blocks_of: Callable[[int], PageBlocks]
) -> dict[int, list[int]]:
    """Find the pages that a block opens, by the number of the block."""
    openings = {}
    for number, block in enumerate(blocks):
        if len(block.first_words) >= MIN_OPENING_WORDS:
            starts = index.pages_opening_with(page_id, block)
            if pages := [page for page, number_there in starts if _opens(block, blocks_of(page)[number_there:])]:
                openings[number] = pages
    return openings


def _opens(opening: BlockText, blocks: PageBlocks) -> bool:
    """Return whether a text, with its blocks joined, begins with a block's words."""
    same, words = 0, opening.words
    for word, opening_word in zip(words, (word for block in blocks for word in block.words), strict=False):
        if word != opening_word:
            break
        same += 1
    return same >= max(MIN_OPENING_WORDS - 1, _SAME_SHARE * len(words))


def _count_words(blocks: PageBlocks) -> int:
    return sum(len(block.words) for block in blocks)


def _key(block: BlockText) -> str:
    return " ".join(block.first_words[:_KEY_WORDS])


def _title_beginning(words: Sequence[str]) -> str:
    return " ".join(words[:_MIN_TITLE_WORDS])


_LINKED_SHARE = 0.9  # of a card's title that is linked
_CARD_WORDS, _CARD_BLOCKS = 80, 4  # below the title at most
_COVERED_SHARE = 0.8  # of a page's kept words that cards have, for the page to be put together of them
_MENU_LANDMARKS = frozenset({"nav", "header", "footer"})
_MENU_REASONS = frozenset({RemovalReason.NAVIGATION, RemovalReason.FOOTER})


def cards_of(judged_blocks: Sequence[tuple[Block, Verdict]], own_title: str, titles: Mapping[str, int]) -> Quotation:
    """Find the pages whose cards make up a page; none if more than a fifth of its words is its own.

    `titles` gives by its words, joined by spaces, the number of the page that bears a title; `own_title` is the page's.
    """
    quoted_pages: set[int] = set()
    total_words = covered_words = 0
    card_words, card_blocks, card_page = 0, 0, 0
    for block, verdict in judged_blocks:
        words = words_of(block.text)
        title = " ".join(words)
        if title != own_title and len(words) >= _MIN_TITLE_WORDS and _may_head_card(block, verdict) and title in titles:
            card_words, card_blocks = _CARD_WORDS + verdict.kept * len(words), _CARD_BLOCKS + verdict.kept
            card_page = titles[title]
        elif block.kind is BlockKind.HEADING and block.link_density < _LINKED_SHARE:
            card_page = 0
        if verdict.kept:
            total_words += len(words)
            card_words, card_blocks = card_words - len(words), card_blocks - 1
            if card_page and card_words >= 0 and card_blocks >= 0:
                covered_words += len(words)
                quoted_pages.add(card_page)
    is_put_together = covered_words and covered_words >= _COVERED_SHARE * total_words
    return Quotation(frozenset(quoted_pages), covered_words == total_words) if is_put_together else NO_QUOTATION


def _may_head_card(block: Block, verdict: Verdict) -> bool:
    """Return whether a block may be the title of a card: a link, and neither in a menu nor beside the text."""
    is_beside = verdict.reason == RemovalReason.SIDEBAR or "aside" in block.landmarks
    return block.link_density >= _LINKED_SHARE and not is_beside and not is_of_menu(block, verdict)


def is_of_menu(block: Block, verdict: Verdict) -> bool:
    """Return whether a removed block is of a menu, above or below the page's content."""
    return not verdict.kept and (verdict.reason in _MENU_REASONS or not _MENU_LANDMARKS.isdisjoint(block.landmarks))
