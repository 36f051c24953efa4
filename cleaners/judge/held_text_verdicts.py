"""Verdicts on the text that a page holds without showing it, and on the blocks that it shows beside.

The blocks of a held text follow the visible ones and are kept, but for captions, bylines and other parts that its own
markup names. Where the visible blocks have most of its words, it is a vote for these, and no block is added. Otherwise
a visible block that it repeats is a duplicate, and a kept line that is no prose, such as the date of a related article,
or that stands in a box, is not selected.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ..document import Block, KeepReason, RemovalReason, Verdict, Vote
from ..page.held_text import HeldText
from ..page.running_text import LITTLE_PROSE_WORDS, is_prose, prose_words
from ..rules.layout_rules import box_apart, explain_layout
from ..rules.matcher import fold_text
from ..rules.rule import Rule
from .block_features import Reading
from .block_verdicts import JudgedBlocks
from .certainty import certain_chance
from .page_boilerplate import boilerplate_rule

_SHORT_TEXT_WORDS = 3 * LITTLE_PROSE_WORDS  # a kept text with fewer words may be that of a dialog
_ANYWHERE = frozenset[str]()  # old pages stand in a form as a whole
_MOSTLY = 0.7  # of a held text's words: a page that shows so many has the text in its markup
_MIN_WORDS = 3  # of a block that is looked for in a held text
_NOWHERE = range(0)  # a held text has no body yet, within which a short line may be the text's
_WORD = re.compile(r"\w+")


def kept_prose_words(reading: Reading, verdicts: Sequence[Verdict]) -> int:
    """Count the kept words of prose; where a short text begins in a box, such as a dialog, without those in boxes."""
    kept_blocks = [block for block, verdict in zip(reading.blocks, verdicts, strict=True) if verdict.kept]
    words = prose_words(kept_blocks, _ANYWHERE)
    if not LITTLE_PROSE_WORDS <= words < _SHORT_TEXT_WORDS or not _is_in_box(kept_blocks[0]):
        return words
    return prose_words([block for block in kept_blocks if not _is_in_box(block)], _ANYWHERE)


def _is_in_box(block: Block) -> bool:
    return explain_layout(block.path, block.landmarks) is not None


def add_held_text(reading: Reading, judged: JudgedBlocks, held: HeldText) -> tuple[Reading, JudgedBlocks, str]:
    """Return the reading and the verdicts with a page's held text, and the evidence for it.

    The evidence is `text_source=json_ld`, or `confirmed_by=json_ld` where the visible blocks have the text.
    """
    vote = Vote("statement", True, f"statement/{held.source}", KeepReason.RESCUED)
    held_words = _words_of(held.blocks)
    shown = {
        block.position for block in reading.blocks if block.words >= _MIN_WORDS and _words_of([block]) in held_words
    }
    if sum(reading.blocks[n].words for n in shown) >= _MOSTLY * held.words:
        confirmed = set(_first_showings(reading.blocks, judged.verdicts, shown))
        kept_verdicts = tuple(
            Verdict(True, vote.reason, vote.rule, (vote, *verdict.votes)) if n in confirmed else verdict
            for n, verdict in enumerate(judged.verdicts)
        )
        return reading, replace(judged, verdicts=kept_verdicts), f"confirmed_by={held.source}"
    first = len(reading.blocks)
    blocks = tuple(replace(block, position=first + block.position) for block in held.blocks)
    verdicts = tuple(
        _beside(block, verdict, vote, is_repeated=block.position in shown)
        for block, verdict in zip(reading.blocks, judged.verdicts, strict=True)
    )
    held_verdicts = _held_verdicts(blocks, vote)
    chances = bytes(certain_chance(is_kept=verdict.kept) for verdict in held_verdicts)
    return (
        replace(reading, blocks=reading.blocks + blocks),
        JudgedBlocks(verdicts + held_verdicts, judged.chances + chances),
        f"text_source={held.source}",
    )


def _held_verdicts(blocks: Sequence[Block], vote: Vote) -> tuple[Verdict, ...]:
    """Return the verdicts on a held text: all is kept but captions, bylines and the like that its markup names.

    Where these are half of the words, the names mean something else.
    """
    rules = {block.position: box_apart(block.path) or boilerplate_rule(block, _NOWHERE) for block in blocks}
    named_words = sum(block.words for block in blocks if rules[block.position])
    if 2 * named_words >= sum(block.words for block in blocks):
        rules = {}
    return tuple(_held_verdict(vote, rules.get(block.position)) for block in blocks)


def _held_verdict(vote: Vote, rule: Rule | None) -> Verdict:
    if rule is None:
        return Verdict(True, vote.reason, vote.rule, (vote,))
    against = Vote("layout", False, rule.name, rule.reason)
    return Verdict(False, rule.reason, rule.name, (against, vote))


def _words_of(blocks: Sequence[Block]) -> str:
    """Return the words of blocks between single spaces, with one before and one after, so that each is found whole."""
    return f" {' '.join(_WORD.findall(fold_text(' '.join(block.text for block in blocks))))} "


def _first_showings(blocks: Sequence[Block], verdicts: Sequence[Verdict], shown: set[int]) -> Iterator[int]:
    """Yield the positions of removed blocks that show a part of the text which no kept or earlier block shows."""
    texts = {_words_of([block]) for block, verdict in zip(blocks, verdicts, strict=True) if verdict.kept}
    for n in sorted(shown):
        if not verdicts[n].kept and (text := _words_of([blocks[n]])) not in texts:
            texts.add(text)
            yield n


def _beside(block: Block, verdict: Verdict, vote: Vote, *, is_repeated: bool) -> Verdict:
    """Return the verdict on a visible block beside a held text."""
    is_text = is_prose(block) and not _is_in_box(block)
    if not verdict.kept or (is_text and not is_repeated):
        return verdict
    reason = RemovalReason.DUPLICATE if is_repeated else RemovalReason.NOT_SELECTED
    against = replace(vote, keep=False, rule=f"{vote.rule}-{'repeats' if is_repeated else 'lacks'}", reason=reason)
    return Verdict(False, reason, against.rule, (against, *verdict.votes))
