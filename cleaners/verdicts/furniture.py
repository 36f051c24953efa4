"""Blocks that the extractor took, or left, and that the page itself shows to be no part of the article."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache

from cleaners.document import Block, Kind
from cleaners.html.prose import LINKED, OUTSIDE, is_prose, shared_steps
from cleaners.rules.layout import explain_layout
from cleaners.rules.matcher import fold
from cleaners.rules.rule import Rule
from cleaners.verdicts.teasers import is_teaser

_LEAD_WORDS = 8
_STRONG = frozenset(("navigation", "consent", "newsletter", "share", "comments", "related", "sidebar", "breadcrumb"))
_BESIDE = frozenset(("byline", "date", "tags", "print", "caption", "author_bio"))
_BESIDE_WORDS = 14
_ARTICLE_WORDS = 80
_BOX_WORDS = 8
_HEAD_BLOCKS = 3  # below the standfirst that still may be byline and date
_CELL = re.compile(r"t[dh](?:$|[.#])")
_COLUMN_SHARE = 0.5  # of the prose in one column of a layout table, before the other columns are furniture
_WRAPPER_SHARE = 0.95  # a cell with nearly all of it is a frame around the page: look inside
_PULLED = 0.8  # share of a quote's runs of words that stand in one paragraph, for it to be pulled out of that
_MOST_QUOTES = 100  # a page of more is made of quotes
_RUNNING = frozenset((Kind.PARAGRAPH, Kind.LIST_ITEM))
_WORD = re.compile(r"\w+")
_CLOCK = re.compile(r"\d{1,2}[:.h]\d{2}|\d{4}|\d{1,2}[./-]\d{1,2}")


def says_furniture(block: Block, body: range) -> Rule | None:
    """The layout rule by which a block that the extractor took is not the article's, if its part of the page says so.

    Class names alone mislead; so they decide only about a short or linked block whose like are mostly not selected.
    """
    rule = explain_layout(block.path, block.landmarks)
    if rule is not None and rule.reason == "related" and is_teaser(block):
        return rule
    if rule is None or is_prose(block):
        return None
    inside = body.start < block.position < body.stop - 1
    if rule.reason in _BESIDE:
        near = not inside or block.position <= body.start + _HEAD_BLOCKS or rule.reason == "caption"
        return rule if near and block.words <= _BESIDE_WORDS else None
    if rule.reason not in _STRONG:
        return None
    outside = bool(block.landmarks & OUTSIDE)
    return rule if outside or block.link_density >= LINKED else None


def readers_comments(blocks: Sequence[Block], selected: frozenset[int]) -> frozenset[int]:
    """Selected prose in a part of the page for comments, below an article of some length that stands outside it."""
    prose = [n for n in sorted(selected) if is_prose(blocks[n])]
    comments = frozenset(n for n in prose if _is_comment(blocks[n]))
    own = [n for n in prose if n not in comments]
    if sum(blocks[n].words for n in own) < _ARTICLE_WORDS:
        return frozenset()
    return frozenset(n for n in comments if n > own[-1])


def _is_comment(block: Block) -> bool:
    rule = explain_layout(block.path, block.landmarks)
    return rule is not None and rule.reason == "comments"


def other_cells(blocks: Sequence[Block], selected: frozenset[int]) -> frozenset[int]:
    """Selected blocks in another column of a layout table than the one that holds most of the page's prose."""
    cells = {path: chain for path in {block.path for block in blocks} if (chain := _cells(path))}
    if not cells:
        return frozenset()
    chains = {b.position: cells[b.path] for b in blocks if b.path in cells}
    home = _home_cell({n: blocks[n].words for n in chains if is_prose(blocks[n])}, chains)
    if not home:
        return frozenset()
    level = len(home) - 1
    return frozenset(n for n in selected if len(chains.get(n, ())) > level and chains[n][level] != home[level])


def _home_cell(weights: dict[int, int], chains: dict[int, tuple[str, ...]]) -> tuple[str, ...]:
    """The cells down to the column with most of the words; empty where no column has most of them."""
    home: tuple[str, ...] = ()
    while True:
        inside: Counter[tuple[str, ...]] = Counter()
        for n, words in weights.items():
            if chains[n][: len(home)] == home and len(chains[n]) > len(home):
                inside[chains[n][: len(home) + 1]] += words
        if not inside:
            return ()
        cell, words = max(inside.items(), key=lambda item: (item[1], item[0]))
        if words < _WRAPPER_SHARE * inside.total():
            return cell if words >= _COLUMN_SHARE * inside.total() else ()
        home = cell


@lru_cache(maxsize=1024)
def _cells(path: str) -> tuple[str, ...]:
    """The paths of the layout cells that a path goes through, the outermost first."""
    if ">td" not in path and ">th" not in path and path[:1] != "t":
        return ()
    steps = path.split(">")
    return tuple(">".join(steps[: n + 1]) for n, step in enumerate(steps) if _CELL.match(step))


def heads_box(blocks: Sequence[Block], position: int, prose: Iterable[int]) -> bool:
    """Whether a short line is the heading of a box that it shares with the block below it and with no kept `prose`."""
    if blocks[position].words > _BOX_WORDS:
        return False
    steps, others = (blocks[n].path.split(">") for n in (position, position + 1))
    shared = shared_steps(steps, others)
    box = ">".join(steps[:shared]) + ">"
    return shared >= len(others) - 2 and not any(blocks[n].path.startswith(box) for n in prose)


def repeats(blocks: Sequence[Block], selected: Iterable[int]) -> set[int]:
    """Selected blocks whose text stands in an earlier selected block already; verse and short lines may repeat."""
    seen: set[str] = set()
    again: set[int] = set()
    for n in sorted(selected):
        text = fold(blocks[n].text)
        if text in seen and blocks[n].words >= _LEAD_WORDS:
            again.add(n)
        seen.add(text)
    return again


def pull_quotes(blocks: Sequence[Block], kept: Collection[int], leads: Collection[int] = ()) -> set[int]:
    """Kept quotes, and `leads`, that say again what stands in a kept paragraph, before them or after.

    An editor who pulls a sentence out may cut it, or change a word: runs of three words are compared.
    """
    may = [n for n in kept if blocks[n].kind is Kind.QUOTE or n in leads]
    may = [n for n in may if blocks[n].words >= _LEAD_WORDS]
    if not 0 < len(may) <= _MOST_QUOTES:
        return set()
    said = [_runs(blocks[n].text) for n in kept if blocks[n].kind in _RUNNING and n not in leads]
    found = set()
    for n in may:
        runs = _runs(blocks[n].text)
        if runs and any(len(runs & other) >= _PULLED * len(runs) for other in said):
            found.add(n)
    return found


def _runs(text: str) -> set[tuple[str, ...]]:
    words = _WORD.findall(text.lower())
    return set(zip(words, words[1:], words[2:], strict=False))


def explain(block: Block) -> tuple[str, str]:
    """A name and reason for a block outside the article that no rule and no part of the page explains."""
    if block.link_density > LINKED:
        return ("context/links", "navigation") if block.words < 6 else ("context/teaser", "related")
    if block.kind is Kind.CAPTION or "figure" in block.landmarks:
        return "context/caption", "caption"
    if block.words <= 6 and _CLOCK.search(block.text):
        return "context/date", "date"
    return "", ""
