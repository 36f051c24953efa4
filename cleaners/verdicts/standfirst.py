"""The standfirst: the lines between an article's title and its text that sum it up. It is part of the text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from broadsheet.cleaners.document import Block, BlockKind, Metadata, Verdict
from broadsheet.cleaners.html.prose import MAX_LINK_DENSITY, NON_ARTICLE_LANDMARKS, is_prose, most_worded
from broadsheet.cleaners.metadata.title_line import find_title_line
from broadsheet.cleaners.rules.matcher import fold_text

_LEAST_WORDS = 8
_OPENING_BLOCKS = 3  # kept blocks below the title of which one may be it
_COMPARED_CHARS = 60  # of the description
_STEPS = 2  # of a path's end
_STANDFIRST_STEP = re.compile(
    r"(?:^|[-_. >#])(?:lead|lede|standfirst|dek|deck|intro|teaser-?text|subtitle|sub-?head(?:line)?|summary|excerpt"
    r"|chapo|entradilla|bajada|sottotitolo|vorspann|abstract|description)s?(?:$|[-_. >])",
    re.I,
)
_PICTURE_STEP = re.compile(r"(?:^|[-_. >#])(?:img|image|photo|picture|gallery|caption|video|media)", re.I)
_KINDS = (BlockKind.PARAGRAPH, BlockKind.HEADING, BlockKind.LIST_ITEM)


def looks_like_standfirst(block: Block, description: str) -> bool:
    """Whether a block that stands where a standfirst may stand is one: by its class or id, or by the description.

    `description` is the page's, folded.
    """
    return _may_be_standfirst(block) and (_says_standfirst(block) or _is_description(block, description))


def find_standfirst(blocks: Sequence[Block], verdicts: Sequence[Verdict], metadata: Metadata) -> str:
    """Return the article's standfirst, as it stands in the text; empty where the page shows none.

    A first paragraph that looks like those below it is none, though the description repeats it.
    """
    title_position = find_title_line(blocks, metadata)
    kept_blocks = [
        block
        for block, verdict in zip(blocks, verdicts, strict=True)
        if verdict.kept and (title_position is None or block.position > title_position) and not _is_title(block)
    ]
    text_path = most_worded(filter(is_prose, kept_blocks), lambda block: block.path)
    description = fold_text(metadata.description)
    lines: list[Block] = []
    for block in kept_blocks[:_OPENING_BLOCKS]:
        if block.path == text_path or (lines and block.path != lines[-1].path):
            break
        if looks_like_standfirst(block, description) and not _PICTURE_STEP.search(_end_of_path(block)):
            lines.append(block)
    return "\n".join(block.text for block in lines)


def _may_be_standfirst(block: Block) -> bool:
    return (
        block.words >= _LEAST_WORDS
        and block.link_density < MAX_LINK_DENSITY
        and block.kind in _KINDS
        and not block.landmarks & (NON_ARTICLE_LANDMARKS | {"figure"})
    )


def _says_standfirst(block: Block) -> bool:
    return bool(_STANDFIRST_STEP.search(_end_of_path(block)))


def _is_description(block: Block, description: str) -> bool:
    text = fold_text(block.text)
    return bool(description) and (
        description.startswith(text[:_COMPARED_CHARS]) or text.startswith(description[:_COMPARED_CHARS])
    )


def _end_of_path(block: Block) -> str:
    return ">".join(block.path.split(">")[-_STEPS:])


def _is_title(block: Block) -> bool:
    return block.kind is BlockKind.HEADING and block.level == 1
