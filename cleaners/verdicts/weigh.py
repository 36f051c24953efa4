"""The named voices and the learned one brought together: a verdict for each block, with the reason that says most.

A named rule decides unless the model is sure of the opposite. Elsewhere the model decides and the named voices
explain: what it removes keeps the reason that a rule or the page's own markup gives for it, if there is one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from cleaners.document import Block, Column, Kind, Verdict, Vote
from cleaners.learned.model import expected_f1
from cleaners.verdicts.explain import first_against, votes_against
from cleaners.verdicts.furniture import pull_quotes, repeats
from cleaners.verdicts.rescue import ADDRESS, STANDFIRST

SURE = 0.9  # the model's chance of a block from which it overrules a named rule on the block itself
SURE_ALONE = 0.98  # the same for the first look, which has not heard the rule
_RATHER = 0.8  # from which it overrules the section that a heading above opened, or the column beside the article's
_MORE, _LESS = 0.05, 0.05  # above the page's own line for blocks to bring back; below it for what the voices keep
_HARDLY = 0.1  # from which it leaves quotes, code and tables: often not annotated, yet they belong to the text
_OPENING = 0.3  # from which it leaves the sentence that the article opens with: it may be the standfirst
_LABEL_WORDS = 4
_BUTTON = re.compile(r">button(?:[.#][^>]*)?$")  # the end of a path
_OPENING_WORDS, _ENDS = 8, tuple(".!?…。！？")
_NAMED = frozenset(("metadata", "rule"))
_APART = frozenset((Kind.QUOTE, Kind.CODE, Kind.TABLE))
_INDIRECT = frozenset(("section", "heading"))  # votes that a rule on another block casts
_FOR = Vote("model", True, "model/kept", "rescued")
_COPY = Vote("context", False, "context/duplicate", "duplicate")
_LITTLE, _FEW_WORDS = 0.15, 60  # of the words that the named voices keep, below which the model is not believed


def weigh(
    blocks: Sequence[Block], named: Sequence[Verdict], chances: Column, authors: Sequence[str] = (), sure: float = SURE
) -> tuple[Verdict, ...]:
    """Return the verdicts; `named` are those of the named voices, `chances` the model's, 0 to 1.

    `sure` is the chance from which the model overrules a named rule.
    """
    line = expected_f1(np.array([block.words for block in blocks]), chances) / 2
    needed = _all_needed(blocks, named, line, sure)
    buttons = _buttons(blocks, named)
    for n in buttons:
        needed[n] = max(needed[n], sure)
    if (first := _opening(blocks, named)) is not None:
        needed[first] = min(needed[first], _OPENING)
    kept = _positions(chances >= np.array(needed, np.result_type(chances, np.float32)))
    copies = repeats(blocks, kept)
    leads = {n for n in kept if named[n].rule == STANDFIRST}
    copies |= pull_quotes(blocks, kept - copies, leads)
    kept -= copies
    labels = _labels(blocks, named, kept)
    kept -= labels
    if _loses_all(blocks, named, kept):
        return tuple(named)
    unliked = labels | (buttons - kept)
    liked = _positions(chances >= line + _MORE) - unliked
    against = votes_against(blocks, named, kept, authors, unasked=liked)
    owns = [against.get(n, _FOR) for n in range(len(blocks))]
    known: dict[tuple[int, int, bool, bool], Verdict] = {}
    keys = []
    for n, (verdict, own) in enumerate(zip(named, owns, strict=True)):
        keys.append(key := (id(verdict), id(own), n in kept, needed[n] == sure if n in kept else n in copies))
        if key not in known:
            known[key] = _kept(verdict, own, overruled=key[3]) if key[2] else _removed(verdict, own, copy=key[3])
    return tuple(known[key] for key in keys)


def _positions(told: Column) -> set[int]:
    return set(np.flatnonzero(told).tolist())


def _all_needed(blocks: Sequence[Block], named: Sequence[Verdict], line: float, sure: float) -> list[float]:
    """The model's chance from which each block is kept; blocks of one verdict and kind are worked out once."""
    known: dict[tuple[int, Kind], float] = {}
    found = []
    for block, verdict in zip(blocks, named, strict=True):
        key = (id(verdict), block.kind)
        if key not in known:
            known[key] = _needed(block, verdict, line, sure)
        found.append(known[key])
    return found


def _needed(block: Block, verdict: Verdict, line: float, sure: float) -> float:
    """The model's chance from which a block is kept, by what the named voices say of it."""
    against = {vote.rule.rpartition("/")[2] for vote in verdict.votes if vote.voter in _NAMED and not vote.keep}
    if against - _INDIRECT:
        return sure
    if "section" in against or any(vote.rule == "layout/other-column" for vote in verdict.votes):
        return _RATHER
    if any(vote.rule == ADDRESS for vote in verdict.votes):
        return 0  # all of it is a link, which looks like navigation to the model
    if not verdict.kept:
        return line + _MORE
    return _HARDLY if block.kind in _APART else line - _LESS


def _buttons(blocks: Sequence[Block], named: Sequence[Verdict]) -> set[int]:
    """What a button says and no named voice keeps: `Yes` below `Was this helpful?` is short like a line of dialogue."""
    inside = [(n, block.path) for n, block in enumerate(blocks) if ">button" in block.path]
    return {n for n, path in inside if _BUTTON.search(path) and not named[n].kept}


def _opening(blocks: Sequence[Block], named: Sequence[Verdict]) -> int | None:
    """The first block that the named voices keep, headings and a few words apart, if it is a sentence."""
    kept = (block for block, verdict in zip(blocks, named, strict=True) if verdict.kept)
    first = next((b for b in kept if b.kind is not Kind.HEADING and b.words >= _OPENING_WORDS), None)
    return first.position if first is not None and first.text.endswith(_ENDS) else None


def _labels(blocks: Sequence[Block], named: Sequence[Verdict], kept: set[int]) -> set[int]:
    """Kept lines of a few words and a colon that announce only a teaser that goes: `See also:` in any language."""
    found = set()
    for n in kept:
        text = blocks[n].text
        if text.endswith((":", "：")) and blocks[n].words <= _LABEL_WORDS and n + 1 < len(blocks):
            told = first_against(named[n + 1])
            if n + 1 not in kept and told is not None and told.reason == "related":
                found.add(n)
    return found


def _loses_all(blocks: Sequence[Block], named: Sequence[Verdict], kept: set[int]) -> bool:
    """Whether the model takes nearly all that the named voices keep, and puts nothing in its place."""
    before = sum(block.words for block, verdict in zip(blocks, named, strict=True) if verdict.kept)
    after = sum(blocks[n].words for n in kept)
    return after < _LITTLE * before or (after < _FEW_WORDS and after < before)


def _kept(verdict: Verdict, own: Vote, *, overruled: bool) -> Verdict:
    """A verdict that keeps: in the name of the voice that was for it, or of the model where that overruled a rule."""
    named = next((vote for vote in verdict.votes if vote.keep), own)
    return _in_the_name_of(own if overruled else named, verdict, own)


def _removed(verdict: Verdict, own: Vote, *, copy: bool) -> Verdict:
    """A verdict that removes: in the name of the first voice against it, or as a copy of a kept block."""
    return _in_the_name_of(_COPY if copy else first_against(verdict) or own, verdict, own)


def _in_the_name_of(first: Vote, verdict: Verdict, own: Vote) -> Verdict:
    others = tuple(vote for vote in (*verdict.votes, own) if vote != first)
    return Verdict(first.keep, first.reason, first.rule, (first, *others))
