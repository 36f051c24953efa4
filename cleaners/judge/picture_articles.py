"""Articles of pictures without text: a comic, a photograph, an infographic.

Without prose the models take for the text what furniture says in short lines, such as the dates of related articles.
Where the part of the page with the title has pictures, and all that is kept are a few words outside of it or in boxes
apart from a text, the article is its pictures, and its text is empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..document import ArticleImage, Block, RemovalReason, Verdict, Vote, cast_vote
from ..page.page_images import read_images_at
from ..page.running_text import is_prose
from ..rules.layout_rules import explain_layout
from .block_features import Reading
from .block_verdicts import JudgedBlocks
from .headline_blocks import find_title_line

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
    """Return the verdicts with this vote against all that is kept."""
    verdicts = tuple(
        Verdict(False, vote.reason, vote.rule, (vote, *verdict.votes)) if verdict.kept else verdict
        for verdict in judged.verdicts
    )
    flags = zip(judged.verdicts, judged.chances, strict=False)
    chances = b"".join(_NO_CHANCE if verdict.kept else bytes((chance,)) for verdict, chance in flags)
    return replace(judged, verdicts=verdicts, chances=chances)
