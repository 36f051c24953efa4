"""Repeated texts of a page: which blocks say again what a kept one says, and which one that is.

A text that repeats at its own place in the markup is the article's: a note under each of several pictures, a refrain, a
step of a how-to. A copy elsewhere is a second rendering, for another width of screen or for print, or a quote that an
editor pulled out of a paragraph.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from itertools import pairwise

from ..document import Block, BlockKind, RemovalReason, Verdict
from ..page.running_text import container_of, is_prose
from ..rules.matcher import fold_text

_LEAD_WORDS = 8
_SECOND_RENDERING_WORDS = 120  # repeated in one run, at the same place in the markup
_VERSE_LINES, _VERSE_LINE_WORDS = 3, 12  # at least, of a stanza or of code; at most, of each of its lines
_PULLED_SHARE = 0.8  # of a quote's runs of words in one paragraph, from which it is a pull quote of it
_MOST_QUOTES = 100  # on a page of more, quotes are the article
_ATTRIBUTION_WORDS = 10
_ATTRIBUTION = re.compile(r"(?:^|[\s”\"»’'])[—–―~]\s?(?P<name>[^—–―~]+)$")
_TEXT_KINDS = frozenset((BlockKind.PARAGRAPH, BlockKind.LIST_ITEM))
_WORD = re.compile(r"\w+")
_RUN_WORDS = 3
WordRun = tuple[str, ...]
_WITNESS_SHARE = 0.5  # of a duplicate's runs of words that the block which it repeats has at least


def repeated_blocks(blocks: Sequence[Block], positions: Iterable[int]) -> set[int]:
    """Find selected blocks with the text of an earlier selected block, in another place of the markup.

    At the same place a text repeats itself: a note under each of several pictures, a refrain, a step of a how-to. In a
    long run of such blocks a whole passage is there twice. So it is where short lines repeat beside a longer block, one
    after the other as before; alone, short lines, items of lists and verse may repeat.
    """
    order = sorted(positions)
    first_copies: dict[str, int] = {}
    earlier_paths: dict[str, set[str]] = {}
    duplicates: dict[int, int] = {}  # by position, the index in `order` of the first copy
    own_repeats: list[int] = []
    for index, n in enumerate(order):
        text = fold_text(blocks[n].text)
        paths = earlier_paths.setdefault(text, set())
        if blocks[n].path in paths:
            own_repeats.append(n)
        elif paths:
            duplicates[index] = first_copies[text]
        first_copies.setdefault(text, index)
        paths.add(blocks[n].path)
    second_renderings = {n for n in _second_renderings(blocks, own_repeats) if blocks[n].words >= _LEAD_WORDS}
    if not duplicates:
        return second_renderings
    selected = [blocks[n] for n in order]
    copies = _with_witness(duplicates, selected)
    return second_renderings | {order[n] for n in copies if not _is_said_again(selected, duplicates, copies, n)}


def _is_said_again(blocks: Sequence[Block], duplicates: Mapping[int, int], copies: Set[int], index: int) -> bool:
    """Return whether a text says again what the same container has said, with other prose right above and below it.

    A heading needs it below alone: a list of the text's parts may stand above.
    """
    beside = (index + 1,) if blocks[index].kind is BlockKind.HEADING else (index - 1, index + 1)
    if index + 1 == len(blocks) or not copies.isdisjoint(beside) or duplicates[index] in beside:
        return False
    is_text = all(is_prose(blocks[n]) for n in beside) and blocks[index].kind is not BlockKind.QUOTE
    return is_text and len({container_of(blocks[n]) for n in (*beside, index, duplicates[index])}) == 1


def _with_witness(duplicates: Mapping[int, int], blocks: Sequence[Block]) -> set[int]:
    """Return the duplicates that are longer, but for items of lists and stanzas, and those beside one, in the order of
    before.

    `duplicates` has, by the index in `blocks`, that of the first copy.
    """
    found = {n for n in duplicates if blocks[n].words >= _LEAD_WORDS and not _may_repeat(blocks[n])}
    for step in (1, -1):
        for n in sorted(duplicates, reverse=step < 0):
            if n - step in found and duplicates[n] - duplicates[n - step] == step:
                found.add(n)
    return found


def _may_repeat(block: Block) -> bool:
    """Return whether a block is an item of a list or made of short lines: a step taken twice, a refrain, code."""
    lines = block.text.split("\n")
    is_verse = len(lines) >= _VERSE_LINES and all(len(line.split()) <= _VERSE_LINE_WORDS for line in lines)
    return block.kind is BlockKind.LIST_ITEM or is_verse


def _second_renderings(blocks: Sequence[Block], repeats: Sequence[int]) -> set[int]:
    """Return the repeated blocks in runs long enough to show that a whole passage is on the page twice."""
    run_starts = [i for i, n in enumerate(repeats) if i == 0 or n != repeats[i - 1] + 1]
    runs = [repeats[start:end] for start, end in pairwise([*run_starts, len(repeats)])]
    return {n for run in runs if sum(blocks[n].words for n in run) >= _SECOND_RENDERING_WORDS for n in run}


def pull_quotes(
    blocks: Sequence[Block], kept_positions: Collection[int], lead_positions: Collection[int] = ()
) -> set[int]:
    """Find kept quotes, and `lead_positions`, that repeat a part of a kept paragraph above or below them.

    An editor who pulls a sentence out may cut it, or change a word: runs of three words are compared.
    """
    candidates = [n for n in kept_positions if blocks[n].kind is BlockKind.QUOTE or n in lead_positions]
    candidates = [n for n in candidates if blocks[n].words >= _LEAD_WORDS]
    if not 0 < len(candidates) <= _MOST_QUOTES:
        return set()
    text_positions = [n for n in kept_positions if blocks[n].kind in _TEXT_KINDS and n not in lead_positions]
    runs_by_quote = {n: runs for n in candidates if (runs := set(_word_runs(blocks[n].text)))}
    quoted = set[WordRun]().union(*runs_by_quote.values())
    shared_runs = [shared for n in text_positions if (shared := quoted.intersection(_word_runs(blocks[n].text)))]
    quotes = {
        n
        for n, runs in runs_by_quote.items()
        if any(len(runs & shared) >= _PULLED_SHARE * len(runs) for shared in shared_runs)
    }
    return {n for n in quotes if not _is_attributed(blocks, n, text_positions)}


def _is_attributed(blocks: Sequence[Block], position: int, text_positions: Collection[int]) -> bool:
    """Return whether a quote says who said it, at its end or in the line below, in words that the text lacks."""
    if blocks[position].kind is not BlockKind.QUOTE:
        return False
    names = _words_of(_attribution_of(blocks, position))
    return bool(names) and not names <= {word for n in text_positions for word in _words_of(blocks[n].text)}


def _attribution_of(blocks: Sequence[Block], position: int) -> str:
    """Return who said a quote, as its end or the next line of the same quotation states it; empty without either."""
    lines = [blocks[position].text]
    if position + 1 < len(blocks) and "blockquote" in blocks[position + 1].landmarks:
        lines.append(blocks[position + 1].text)
    found = (_ATTRIBUTION.search(line) for line in lines)
    names = (match["name"] for match in found if match)
    return next((name for name in names if len(name.split()) <= _ATTRIBUTION_WORDS), "")


def _words_of(text: str) -> set[str]:
    return set(_WORD.findall(text.lower()))


def _word_runs(text: str, length: int = _RUN_WORDS) -> Iterator[WordRun]:
    """Return all runs of this many words, in order. Building a set would take longer than looking for a few."""
    words = _WORD.findall(text.lower())
    return zip(*[words[start:] for start in range(length)], strict=False)


def name_repeated(blocks: Sequence[Block], verdicts: tuple[Verdict, ...]) -> tuple[Verdict, ...]:
    """Return the verdicts, those on duplicates with the position of the kept block that each repeats.

    A duplicate of which no kept block has half is none: the next vote against it decides.
    """
    duplicate = RemovalReason.DUPLICATE  # looked up once: each access to a member is a call
    duplicates = [n for n, verdict in enumerate(verdicts) if verdict.reason == duplicate]
    if not duplicates:
        return verdicts
    kept_blocks = [block for block, verdict in zip(blocks, verdicts, strict=True) if verdict.kept]
    first_positions = {block.text: block.position for block in reversed(kept_blocks)}
    runs_by_position = {n: _longest_runs(blocks[n].text) for n in duplicates if blocks[n].text not in first_positions}
    wanted = frozenset[WordRun]().union(*runs_by_position.values())
    lengths = {len(run) for run in wanted}
    shared_runs = [
        frozenset[WordRun]().union(*[wanted.intersection(_word_runs(block.text, length)) for length in lengths])
        for block in kept_blocks
    ]
    named = list(verdicts)
    for n in duplicates:
        position = first_positions.get(blocks[n].text)
        if position is None:
            position = _most_alike(runs_by_position[n], kept_blocks, shared_runs)
        named[n] = _without_witness(verdicts[n]) if position is None else replace(verdicts[n], repeats=position)
    return tuple(named)


def _without_witness(verdict: Verdict) -> Verdict:
    """Return the verdict of the next vote against a block; without one, nothing speaks for the block."""
    votes = (vote for vote in verdict.votes if not vote.keep and vote.reason != RemovalReason.DUPLICATE)
    if (vote := next(votes, None)) is None:
        return replace(verdict, reason=RemovalReason.NOT_SELECTED)
    return replace(verdict, reason=vote.reason, rule=vote.rule)


def _most_alike(
    runs: frozenset[WordRun], kept_blocks: Sequence[Block], shared_runs: Sequence[frozenset[WordRun]]
) -> int | None:
    """Return the position of the kept block with most of a duplicate's runs of words; None if none has half.

    `shared_runs` has, for each kept block, those of its runs that a duplicate has too.
    """
    counts = [len(runs & block_runs) for block_runs in shared_runs]
    shared, position = max(zip(counts, [-block.position for block in kept_blocks], strict=True), default=(0, 0))
    return -position if shared >= max(1, _WITNESS_SHARE * len(runs)) else None


def _longest_runs(text: str) -> frozenset[WordRun]:
    """Return all runs of three words, or of as many as the text has."""
    return frozenset(_word_runs(text, min(_RUN_WORDS, len(_WORD.findall(text)))))
