"""Verdicts on a page that shows no text: the text that it holds without showing it, or its pictures.

The blocks of a held text follow the visible ones and are kept, but for captions, bylines and other parts that its own
markup names. Where the visible blocks have most of its words, it is a vote for these, and no block is added. Otherwise
a visible block that it repeats is a duplicate. A kept line in a box, or without prose, such as the date of a related
article, is not selected.

An article of pictures is a comic, a photograph, an infographic. Without prose the models take for the text what
furniture says in short lines, such as the dates of related articles. The article is its pictures, and its text empty,
if the part of the page with the title has pictures, and only a few words are kept, outside of it or in boxes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ..document import ArticleImage, Block, KeepReason, RemovalReason, Verdict, Vote, cast_vote, verdict_by
from ..page.held_text import HeldText
from ..page.page_images import read_images_at
from ..page.running_text import LITTLE_PROSE_WORDS, is_prose, prose_words
from ..rules.layout_rules import box_apart, explain_layout
from ..rules.matcher import fold_text
from ..rules.rule import Rule
from .block_features import Reading
from .block_verdicts import JudgedBlocks
from .certainty import certain_chance
from .headline_blocks import find_title_line
from .page_boilerplate import boilerplate_rule

_SHORT_TEXT_WORDS = 3 * LITTLE_PROSE_WORDS  # a kept text with fewer words may be that of a dialog
_ANYWHERE = frozenset[str]()  # old pages stand in a form as a whole
_MOSTLY = 0.7  # of a held text's words; a page that shows this share has the text in its markup
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
            verdict_by(vote, *verdict.votes) if n in confirmed else verdict for n, verdict in enumerate(judged.verdicts)
        )
        return reading, replace(judged, verdicts=kept_verdicts), f"confirmed_by={held.source}"
    first = len(reading.blocks)
    blocks = tuple(replace(block, position=first + block.position) for block in held.blocks)
    verdicts = tuple(
        _beside(block, verdict, vote, is_repeated=block.position in shown)
        for block, verdict in zip(reading.blocks, judged.verdicts, strict=True)
    )
    # Where such names cover half of the words, they mean something else.
    rules = {block.position: box_apart(block.path) or boilerplate_rule(block, _NOWHERE) for block in blocks}
    named_words = sum(block.words for block in blocks if rules[block.position])
    if 2 * named_words >= sum(block.words for block in blocks):
        rules = {}
    held_verdicts = tuple(_held_verdict(vote, rules.get(block.position)) for block in blocks)
    chances = bytes(certain_chance(is_kept=verdict.kept) for verdict in held_verdicts)
    return (
        replace(reading, blocks=reading.blocks + blocks),
        JudgedBlocks(verdicts + held_verdicts, judged.chances + chances),
        f"text_source={held.source}",
    )


def _held_verdict(vote: Vote, rule: Rule | None) -> Verdict:
    if rule is None:
        return verdict_by(vote)
    return verdict_by(Vote("layout", False, rule.name, rule.reason), vote)


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
    return verdict_by(against, *verdict.votes)


_MOST_FURNITURE_WORDS = 30  # kept words, of a page whose text may be furniture
_LEVELS_UP = 4  # steps above the title's that may hold its picture: article > header > div > h1
_NO_CHANCE = b"\x00"
_VOTE = cast_vote("context", False, "context/pictures-only", RemovalReason.NOT_SELECTED)


def find_picture_article(reading: Reading, judged: JudgedBlocks) -> tuple[JudgedBlocks, tuple[ArticleImage, ...]]:
    """Return the verdicts without kept furniture and the article's pictures; no pictures where there is a text."""
    if next(iter(reading.index.iter("img")), None) is None:
        return judged, ()
    kept_blocks = [block for block, verdict in zip(reading.blocks, judged.verdicts, strict=True) if verdict.kept]
    if any(map(is_prose, kept_blocks)) or sum(block.words for block in kept_blocks) > _MOST_FURNITURE_WORDS:
        return judged, ()
    title_position = find_title_line(reading.blocks, reading.metadata)
    if title_position is None:
        return judged, ()
    steps = reading.blocks[title_position].path.split(">")
    for depth in range(len(steps) - 1, max(0, len(steps) - 1 - _LEVELS_UP), -1):
        root = ">".join(steps[:depth])
        images = read_images_at(reading.index, reading.base, root)
        if images:
            return (without_text(judged, _VOTE), images) if _all_furniture(kept_blocks, root) else (judged, ())
    return judged, ()


def _all_furniture(kept_blocks: Sequence[Block], root: str) -> bool:
    """Return whether each block stands outside of the part of the page at `root` or in a box there."""
    return all(
        not f"{block.path}>".startswith(f"{root}>")
        or explain_layout(block.path[len(root) :].lstrip(">"), block.landmarks) is not None
        for block in kept_blocks
    )


def without_text(judged: JudgedBlocks, vote: Vote) -> JudgedBlocks:
    """Return the verdicts with this vote cast against every kept block."""
    verdicts = tuple(verdict_by(vote, *verdict.votes) if verdict.kept else verdict for verdict in judged.verdicts)
    flags = zip(judged.verdicts, judged.chances, strict=False)
    chances = b"".join(_NO_CHANCE if verdict.kept else bytes((chance,)) for verdict, chance in flags)
    return replace(judged, verdicts=verdicts, chances=chances)
