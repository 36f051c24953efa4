"""Rescue of blocks that were not selected, though their surroundings show that they are the article's."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence, Set
from itertools import groupby, pairwise

from ..document import Block, BlockKind, Metadata
from ..page.running_text import (
    MAX_LINK_DENSITY,
    NON_ARTICLE_LANDMARKS,
    common_step_count,
    container_of,
    is_prose,
    prose_of,
    prose_words,
)
from ..rules.layout_rules import explain_layout
from ..rules.matcher import fold_text
from .headline_blocks import looks_like_standfirst

ADDRESS, STANDFIRST, LINK_LIST = "context/address", "context/standfirst", "context/link-list"
"""Rules that bring back an address on a line of its own, the standfirst, and a list of links that is the article."""

_ADDRESS = re.compile(r"(?:https?://|www\.)\S+")
_ADDRESS_STARTS = ("http", "www.")  # how a web address begins
_LEAD_REACH = 12  # blocks between the title and the first article paragraph that may hold the standfirst
_QUESTION_ENDS = ("?", "？", "؟")
_QUESTION_WORDS = 3
_SWITCH = re.compile(r">(?:button|summary|label)\b")  # what folds an answer out and in
_FOLDED = re.compile(r"accordion|faq|collaps|toggle|expand", re.IGNORECASE)  # in ids and classes around it
_ANSWER_DEPTH = 4  # steps of the answer's path below what it shares with the question's
_LEAST_SIBLINGS = 3  # of one path that are selected, before the others are brought back
_SIBLINGS_SHARE = 0.7  # of all blocks of the path
_CONTAINER_SHARE = 0.5  # of the prose: if one container holds so much, its other paragraphs are brought back
_FEW_LINKS = 0.25  # link density
_RUN_BLOCKS, _RUN_WORDS = 3, 30
_LIST_PAGE_WORDS = 60  # of prose: a page with fewer may be a list of links
_LISTED_LINKS, _LISTED_WORDS = 5, 15  # at least, in one list: more than the names of networks
_PARTS = frozenset(("main", "article"))
_PLAIN_TAGS = frozenset("p div span ul ol li dl dt dd blockquote pre h2 h3 h4 h5 h6 table strong em b i".split())


def rescued_blocks(
    blocks: Sequence[Block], selected_positions: frozenset[int], metadata: Metadata, body: range
) -> dict[int, str]:
    """Return the positions to bring back, each with the rule that does so. `body` spans the article's paragraphs."""
    rules = dict.fromkeys(_blocks_between_prose(blocks, selected_positions, body), "context/container")
    rules |= dict.fromkeys(_prose_of_container(blocks, selected_positions), "context/same-container")
    rules |= dict.fromkeys(_sibling_blocks(blocks, selected_positions, body), "context/siblings")
    rules |= dict.fromkeys(_address_lines(blocks, selected_positions), ADDRESS)
    rules |= dict.fromkeys(_standfirst_blocks(blocks, selected_positions, metadata, body), STANDFIRST)
    return rules


def _blocks_between_prose(blocks: Sequence[Block], selected_positions: frozenset[int], body: range) -> set[int]:
    """Return lists, quotes, subheads and paragraphs that stand between two selected paragraphs of one container."""
    positions: set[int] = set()
    prose_positions = sorted(n for n in selected_positions if n in body and is_prose(blocks[n]))
    for start, end in pairwise(prose_positions):
        container = container_of(blocks[start])
        if end - start > 1 and container == container_of(blocks[end]):
            positions_between = (n for n in range(start + 1, end) if n not in selected_positions)
            positions.update(n for n in positions_between if _is_plain_text_in(blocks[n], container))
    return positions


def _address_lines(blocks: Sequence[Block], selected_positions: frozenset[int]) -> set[int]:
    """Find web addresses alone on a line, or several in a row, next to selected text of their container.

    The text refers to them. Items of a list are left out: such a list is one of sources.
    """
    candidates = [b for b in blocks if b.text.startswith(_ADDRESS_STARTS) and b.kind is not BlockKind.LIST_ITEM]
    address_positions = [block.position for block in candidates if _ADDRESS.fullmatch(block.text)]
    if not address_positions:
        return set()
    text_positions = selected_positions.difference(address_positions)
    positions: set[int] = set()
    for _, run in groupby(enumerate(address_positions), key=lambda pair: pair[1] - pair[0]):  # of adjacent positions
        lines = [n for _, n in run]
        containers = [f"{container_of(blocks[n])}>" for n in (lines[0] - 1, lines[-1] + 1) if n in text_positions]
        positions.update(n for n in lines if any(blocks[n].path.startswith(container) for container in containers))
    return positions


def _prose_of_container(blocks: Sequence[Block], selected_positions: frozenset[int]) -> set[int]:
    """Find prose and runs of short blocks in the container with most of the prose, of those with selected prose."""
    containers = {container_of(blocks[n]) for n in selected_positions if is_prose(blocks[n])}
    prose_words: Counter[str] = Counter()
    for block in prose_of(blocks):
        if (container := container_of(block)) in containers:
            prose_words[container] += block.words
    if not prose_words:
        return set()
    main_container, words = max(prose_words.items(), key=lambda pair: (pair[1], pair[0]))
    if words < _CONTAINER_SHARE * prose_words.total():
        return set()
    unselected_blocks = [b for b in blocks if b.position not in selected_positions and b.link_density < _FEW_LINKS]
    candidates = [
        b for b in unselected_blocks if b.path.startswith(main_container) and container_of(b) == main_container
    ]
    return {block.position for block in prose_of(candidates)} | _runs_of_short_blocks(candidates)


def _runs_of_short_blocks(blocks: Sequence[Block]) -> set[int]:
    """Find runs of adjacent blocks of one path that together are as long as a paragraph: verse, dialogue."""
    positions: set[int] = set()
    run: list[Block] = []
    for block in [*blocks, None]:
        if run and (block is None or block.path != run[-1].path or block.position != run[-1].position + 1):
            if len(run) >= _RUN_BLOCKS and sum(b.words for b in run) >= _RUN_WORDS:
                positions.update(b.position for b in run)
            run = []
        if block is not None:
            run.append(block)
    return positions


def _is_plain_text_in(block: Block, container: str) -> bool:
    """Return whether a block is text of a container: no class, id, landmark or many links set it apart."""
    if not block.path.startswith(container + ">") or not _may_be_text(block):
        return False
    inner_steps = block.path[len(container) + 1 :].split(">")
    return all(step in _PLAIN_TAGS for step in inner_steps)


def _may_be_text(block: Block) -> bool:
    """Return whether a block is neither mostly links nor in a landmark outside the article."""
    return block.link_density < MAX_LINK_DENSITY and not block.landmarks & NON_ARTICLE_LANDMARKS


def _sibling_blocks(blocks: Sequence[Block], selected_positions: frozenset[int], body: range) -> set[int]:
    """Find blocks within the body whose path is that of several selected blocks, and mostly selected."""
    selected_counts = Counter([block.path for block in blocks if block.position in selected_positions])
    counts = Counter([block.path for block in blocks])
    paths = {
        path
        for path, count in selected_counts.items()
        if count >= _LEAST_SIBLINGS and count >= _SIBLINGS_SHARE * counts[path]
    }
    candidates = [n for n in body if n not in selected_positions and blocks[n].path in paths]
    return {n for n in candidates if _may_be_text(blocks[n])}


def _standfirst_blocks(
    blocks: Sequence[Block], selected_positions: frozenset[int], metadata: Metadata, body: range
) -> set[int]:
    """Return the standfirst between title and first paragraph, recognised by the description or by its class or id."""
    title_position = max(
        (b.position for b in blocks[: body.start] if b.kind is BlockKind.HEADING and b.level == 1), default=-1
    )
    start = max(title_position + 1 if title_position >= 0 else 0, body.start - _LEAD_REACH)
    description = fold_text(metadata.description)
    return {
        n
        for n in range(start, body.start)
        if n not in selected_positions and title_position >= 0 and looks_like_standfirst(blocks[n], description)
    }


def link_list(blocks: Sequence[Block], title_position: int | None, site_name: str) -> frozenset[int]:
    """Find the list of links that is the article: below the title and in its part of a page that has hardly any prose.

    All its items are links to other sites than that of `site_name`, and no name in the markup sets it apart.
    """
    if title_position is None or prose_words(blocks) >= _LIST_PAGE_WORDS:
        return frozenset()
    part = blocks[title_position].landmarks & _PARTS
    items = [b for b in blocks[title_position + 1 :] if part <= b.landmarks and _is_listed_link(b, site_name)]
    numbered_runs = groupby(enumerate(items), key=lambda pair: (pair[1].path, pair[1].position - pair[0]))
    longest = max(([block for _, block in run] for _, run in numbered_runs), key=len, default=[])
    is_long = len(longest) >= _LISTED_LINKS and sum(b.words for b in longest) >= _LISTED_WORDS
    return frozenset(b.position for b in longest) if is_long else frozenset()


def _is_listed_link(block: Block, site_name: str) -> bool:
    """Return whether a block is mostly a link to another site, and no name in its markup sets it apart."""
    address = block.markdown.partition("](http")[2]
    if block.link_density < MAX_LINK_DENSITY or not address or site_name in address:
        return False
    return explain_layout(block.path, block.landmarks) is None


def answered_questions(blocks: Sequence[Block], kept_positions: Set[int]) -> set[int]:
    """Return the questions above kept answers in fold-out lists; without them the answers make no sense."""
    questions = {n - 1 for n in kept_positions if n and _folds_out(blocks[n - 1], blocks[n])}
    kept_texts = {blocks[n].text for n in kept_positions} if questions else ()
    return {n for n in questions if blocks[n].text not in kept_texts}


def _folds_out(question: Block, answer: Block) -> bool:
    if question.words < _QUESTION_WORDS or not question.text.endswith(_QUESTION_ENDS):
        return False
    if not _SWITCH.search(question.path) or not _FOLDED.search(question.path):
        return False
    answer_steps = answer.path.split(">")
    return common_step_count(question.path.split(">"), answer_steps) >= len(answer_steps) - _ANSWER_DEPTH
