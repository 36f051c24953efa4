"""Blocks at the head of an article: its title, its standfirst, and lines that only repeat its metadata.

The standfirst is the lines between title and text that sum the article up; it is part of the text. Lines that repeat
the title, the authors, the tags or the breadcrumb are not.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from functools import lru_cache

from ..document import Block, BlockKind, Metadata, RemovalReason, Verdict
from ..page.running_text import MAX_LINK_DENSITY, NON_ARTICLE_LANDMARKS, is_prose, most_worded, prose_of
from ..page.url_shapes import is_named_by_slug, slug_words
from ..rules.matcher import fold_text, strip_outer_marks

_TITLE_WORDS = 3  # a shorter paragraph may equal the title by chance
_MIN_TITLE_SHARE = 0.6
SLACK_CHARS = 40  # characters of marks and spaces that a text may have around the title
_CACHED_CHARS = 4000  # several stages compare a block's text; longer ones are not cached to save memory


def find_title_line(blocks: Sequence[Block], metadata: Metadata) -> int | None:
    """Find the position of the block that is the title: a heading if there is one, else a paragraph that is no link."""
    title = strip_outer_marks(fold_text(metadata.title))
    lengths = range(int(_MIN_TITLE_SHARE * len(title)), len(title) + SLACK_CHARS)
    candidates = (
        [block for block in blocks if len(block.text) in lengths and is_title_text(comparable_text(block.text), title)]
        if title
        else []
    )
    headings = [block for block in candidates if block.kind is BlockKind.HEADING]
    title_blocks = (
        [block for block in headings if block.link_density < MAX_LINK_DENSITY]
        or headings
        or [block for block in candidates if _is_title_paragraph(block)]
    )
    return title_blocks[0].position if title_blocks else None


def find_url_headline(blocks: Sequence[Block], url: str) -> int | None:
    """Find the heading whose words are those of a page's URL; for a page whose title is not among its blocks."""
    slug = slug_words(url)
    headings = [b for b in blocks if b.kind is BlockKind.HEADING and b.link_density < MAX_LINK_DENSITY] if slug else ()
    return next((block.position for block in headings if is_named_by_slug(block.text, slug)), None)


def comparable_text(text: str) -> str:
    """Return a block's text as it is compared: folded, without surrounding punctuation."""
    return _cached_comparable_text(text) if len(text) <= _CACHED_CHARS else strip_outer_marks(fold_text(text))


@lru_cache(maxsize=2048)
def _cached_comparable_text(text: str) -> str:
    return strip_outer_marks(fold_text(text))


def _is_title_paragraph(block: Block) -> bool:
    return block.kind is BlockKind.PARAGRAPH and block.link_density < MAX_LINK_DENSITY and block.words >= _TITLE_WORDS


def is_title_text(text: str, title: str) -> bool:
    """Return whether a folded text is the title, with or without the site's name at its end."""
    return title.startswith(text) and len(text) >= _MIN_TITLE_SHARE * len(title)


_LEAST_DECK_WORDS, _DECK_LENGTH = 6, 1.5  # words below a headline's first line; of those in it
_TITLE_CASE = 0.7  # of the words of four letters or more that begin in upper case: then both lines are the headline
_LONG_WORD = re.compile(r"[^\W\d_]{4,}")
_DECK_STEP = ">span.deck"


def split_headline(
    blocks: Sequence[Block], metadata: Metadata, stated_titles: Iterable[str]
) -> tuple[tuple[Block, ...], Metadata]:
    """Split a headline in two lines into title and standfirst, in the blocks and in the metadata.

    `stated_titles` are what the page states for search engines. The lines stay together where one of these has both,
    and where the second is not a sentence: many headlines are only broken for their looks.
    """
    title = fold_text(metadata.title)
    broken = (block for block in blocks if block.kind is BlockKind.HEADING and "\n" in block.text)
    headline = next((block for block in broken if fold_text(block.text) == title), None)
    if headline is None:
        return tuple(blocks), metadata
    first, _, rest = headline.text.partition("\n")
    stated = [fold_text(text) for text in stated_titles]
    if any(title in text for text in stated) or not (_is_deck(first, rest) or fold_text(first) in stated):
        return tuple(blocks), metadata
    first_line, _, deck_markdown = headline.markdown.partition("\n")
    at = headline.position
    deck = replace(
        headline, kind=BlockKind.PARAGRAPH, text=rest, markdown=deck_markdown, path=headline.path + _DECK_STEP
    )
    lines = (replace(headline, text=first, markdown=first_line), deck)
    split_blocks = (*blocks[:at], *lines, *blocks[at + 1 :])
    return tuple(replace(one, position=n) for n, one in enumerate(split_blocks)), replace(metadata, title=first)


def _is_deck(first: str, rest: str) -> bool:
    """Return whether what follows a headline's first line is a sentence about the article."""
    if len(rest.split()) < max(_LEAST_DECK_WORDS, _DECK_LENGTH * len(first.split())) or rest[:1].islower():
        return False
    words = _LONG_WORD.findall(rest)
    return sum(not word[0].islower() for word in words) <= _TITLE_CASE * len(words)


_LEAST_STANDFIRST_WORDS = 8
_OPENING_BLOCKS = 3  # kept blocks below the title of which one may be it
_COMPARED_CHARS = 60  # of the description
_STANDFIRST_STEPS = 2  # of a path's end
_STANDFIRST_STEP = re.compile(
    r"(?:^|[-_. >#])(?:lead|lede|standfirst|dek|deck|intro|teaser-?text|subtitle|sub-?head(?:line)?|summary|excerpt"
    r"|chapo|entradilla|bajada|sottotitolo|vorspann|abstract|description)s?(?:$|[-_. >])",
    re.I,
)
_PICTURE_STEP = re.compile(r"(?:^|[-_. >#])(?:img|image|photo|picture|gallery|caption|video|media)", re.I)
_STANDFIRST_KINDS = (BlockKind.PARAGRAPH, BlockKind.HEADING, BlockKind.LIST_ITEM)


def looks_like_standfirst(block: Block, description: str) -> bool:
    """Return whether a block where a standfirst would be is one, by its class or id, or by the description.

    `description` is the page's, folded.
    """
    return _may_be_standfirst(block) and (_says_standfirst(block) or _is_description(block, description))


def find_standfirst(blocks: Sequence[Block], verdicts: Sequence[Verdict], metadata: Metadata) -> str:
    """Return the article's standfirst, as it stands in the text; empty where the page shows none.

    A first paragraph that looks like those below it does not count, even if the description repeats it.
    """
    title_position = find_title_line(blocks, metadata)
    kept_blocks = [
        block
        for block, verdict in zip(blocks, verdicts, strict=True)
        if verdict.kept and (title_position is None or block.position > title_position) and not _is_title_tag(block)
    ]
    text_path = most_worded(prose_of(kept_blocks), lambda block: block.path)
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
        block.words >= _LEAST_STANDFIRST_WORDS
        and block.link_density < MAX_LINK_DENSITY
        and block.kind in _STANDFIRST_KINDS
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
    return ">".join(block.path.split(">")[-_STANDFIRST_STEPS:])


def _is_title_tag(block: Block) -> bool:
    return block.kind is BlockKind.HEADING and block.level == 1


_SAME_TITLE = 0.9  # similarity, by difflib, from which two titles are the same
_TRAIL_CHARS = 60  # of a breadcrumb before its last part
_BELOW_TITLE = 0.75  # of the prose: if so much is below the title, what is above it is boilerplate


def metadata_blocks(blocks: Sequence[Block], metadata: Metadata, body: range) -> dict[int, RemovalReason]:
    """Return the reason (title, breadcrumb, byline, tags), by position, for blocks that only repeat the metadata."""
    reasons: dict[int, RemovalReason] = {}
    title = strip_outer_marks(fold_text(metadata.title))
    authors = {strip_outer_marks(fold_text(name)) for name in metadata.authors}
    tags = {strip_outer_marks(fold_text(tag)) for tag in metadata.tags}
    most_chars = max(2 * len(title), *map(len, (*authors, *tags)), 0) + SLACK_CHARS + _TRAIL_CHARS
    title_lengths = _lengths_near(title)
    for block in blocks:
        if len(block.text) > most_chars and block.kind is not BlockKind.HEADING:
            continue
        text = comparable_text(block.text)
        may_be_title = block.kind is BlockKind.HEADING or len(text) in title_lengths or title.startswith(text)
        if title and may_be_title and _echoes_title(block, text, title, body):
            reasons[block.position] = RemovalReason.TITLE
        elif title and (" > " in text or " » " in text) and _is_trail(text, title):
            reasons[block.position] = RemovalReason.BREADCRUMB
        elif text in authors:
            reasons[block.position] = RemovalReason.BYLINE
        elif text in tags and block.link_density > MAX_LINK_DENSITY:
            reasons[block.position] = RemovalReason.TAGS
    return reasons


def blocks_above_title(
    blocks: Sequence[Block], selected_positions: frozenset[int], title_position: int | None
) -> frozenset[int]:
    """Find selected blocks above the line that repeats the title, where most of the prose is below it."""
    if title_position is None:
        return frozenset()
    positions = frozenset(n for n in selected_positions if n < title_position)
    words_above = sum(blocks[n].words for n in positions if is_prose(blocks[n]))
    words_below = sum([block.words for block in prose_of(blocks[title_position + 1 :])])
    mostly_below = words_below and words_below >= _BELOW_TITLE * (words_above + words_below)
    return positions if mostly_below else frozenset()


def _echoes_title(block: Block, text: str, title: str, body: range) -> bool:
    if is_title_text(text, title) and block.words > 2:
        return True
    if block.position >= body.start and block.kind is not BlockKind.HEADING:
        return text == title and block.position > body.start
    if block.kind is BlockKind.HEADING and block.level == 1 and block.position <= body.start:
        return text in title or title in text or _nearly_equal(text, title)
    return len(text) in _lengths_near(title) and _nearly_equal(text, title)


def _lengths_near(title: str) -> range:
    """Return the lengths of texts that are nearly as long as a title."""
    slack = len(title) // 5
    return range(len(title) - slack, len(title) + slack + 1)


def _is_trail(text: str, title: str) -> bool:
    """Return whether a line is a breadcrumb: short names with separators between them, and the title last."""
    parents, _, last_name = text.rpartition(" > " if " > " in text else " » ")
    return len(parents) <= _TRAIL_CHARS and is_title_text(strip_outer_marks(last_name), title)


def _nearly_equal(text: str, title: str) -> bool:
    """Return whether two texts are nearly the same; those that differ too much in length or letters are not aligned."""
    if text == title:
        return True
    if 2 * min(len(text), len(title)) < _SAME_TITLE * (len(text) + len(title)):
        return False
    equal_letters = (Counter(text) & Counter(title)).total()
    if 2 * equal_letters / (len(text) + len(title)) < _SAME_TITLE:
        return False
    return SequenceMatcher(None, text, title).ratio() >= _SAME_TITLE
