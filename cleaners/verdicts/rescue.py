"""Blocks that the extractor left, though all around them says that they are the article's."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import groupby, pairwise

from cleaners.document import Block, Kind, Metadata
from cleaners.html.prose import LINKED, OUTSIDE, container_of, is_prose
from cleaners.rules.matcher import fold

ADDRESS, STANDFIRST = "context/address", "context/standfirst"
"""The rules that bring back an address on a line of its own, and the standfirst."""

_ADDRESS = re.compile(r"(?:https?://|www\.)\S+")
_LEADS = ("http", "www.")  # what an address begins with
_LEAD_WORDS = 8
_LEAD_REACH = 12  # blocks between the title and the first article paragraph that may hold the standfirst
_FAMILY = 3  # siblings kept, before their like is brought back
_FAMILY_SHARE = 0.7
_LEAD = re.compile(
    r"(?:^|[-_. >#])(?:lead|lede|standfirst|dek|deck|intro|teaser-?text|subtitle|sub-?head(?:line)?|summary|excerpt"
    r"|chapo|entradilla|bajada|sottotitolo|vorspann|abstract|description)s?(?:$|[-_. >])",
    re.I,
)
_HOME_SHARE = 0.5  # of the selected prose under one parent, before its other paragraphs are brought back
_FEW_LINKS = 0.25
_RUN_BLOCKS, _RUN_WORDS = 3, 30
_PLAIN_TAGS = frozenset(
    [
        "p",
        "div",
        "span",
        "ul",
        "ol",
        "li",
        "dl",
        "dt",
        "dd",
        "blockquote",
        "pre",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "table",
        "strong",
        "em",
        "b",
        "i",
    ]
)


def rescued(blocks: Sequence[Block], selected: frozenset[int], metadata: Metadata, body: range) -> dict[int, str]:
    """Blocks that the extractor left and that are the article's all the same, with the rule that says so."""
    found = dict.fromkeys(_contained(blocks, selected, body), "context/container")
    found |= dict.fromkeys(_same_container(blocks, selected), "context/same-container")
    found |= dict.fromkeys(_siblings(blocks, selected, body), "context/siblings")
    found |= dict.fromkeys(_addresses(blocks, selected), ADDRESS)
    found |= dict.fromkeys(_standfirst(blocks, selected, metadata, body), STANDFIRST)
    return found


def _contained(blocks: Sequence[Block], selected: frozenset[int], body: range) -> set[int]:
    """Lists, quotes, subheads and paragraphs that stand between two selected paragraphs of one container."""
    found: set[int] = set()
    prose = sorted(n for n in selected if n in body and is_prose(blocks[n]))
    for before, after in pairwise(prose):
        home = container_of(blocks[before])
        if after - before > 1 and home == container_of(blocks[after]):
            found |= {n for n in range(before + 1, after) if n not in selected and _plainly_in(blocks[n], home)}
    return found


def _addresses(blocks: Sequence[Block], selected: frozenset[int]) -> set[int]:
    """Addresses alone on a line, or several, next to selected text of their container: where what is told leads to.

    A list of addresses is one of sources.
    """
    leading = [b for b in blocks if b.text.startswith(_LEADS) and b.kind is not Kind.LIST_ITEM]
    alone = [b.position for b in leading if _ADDRESS.fullmatch(b.text)]
    if not alone:
        return set()
    texts = selected.difference(alone)
    found: set[int] = set()
    for _, run in groupby(enumerate(alone), key=lambda numbered: numbered[1] - numbered[0]):
        lines = [n for _, n in run]
        homes = [f"{container_of(blocks[m])}>" for m in (lines[0] - 1, lines[-1] + 1) if m in texts]
        found.update(n for n in lines if any(blocks[n].path.startswith(home) for home in homes))
    return found


def _same_container(blocks: Sequence[Block], selected: frozenset[int]) -> set[int]:
    """Prose beside selected prose, under the parent that holds most of the prose of all that have some selected."""
    homes = {container_of(blocks[n]) for n in selected if is_prose(blocks[n])}
    weight: Counter[str] = Counter()
    for block in blocks:
        if is_prose(block) and (parent := container_of(block)) in homes:
            weight[parent] += block.words
    if not weight:
        return set()
    home, words = max(weight.items(), key=lambda item: (item[1], item[0]))
    if words < _HOME_SHARE * weight.total():
        return set()
    inside = [b for b in blocks if b.path.startswith(home) and b.position not in selected]
    left = [b for b in inside if b.link_density < _FEW_LINKS and container_of(b) == home]
    return {b.position for b in left if is_prose(b)} | _runs(left)


def _runs(blocks: Sequence[Block]) -> set[int]:
    """Runs of short blocks of one kind that together are as long as a paragraph or two: verse, dialogue."""
    found: set[int] = set()
    run: list[Block] = []
    for block in [*blocks, None]:
        if run and (block is None or block.path != run[-1].path or block.position != run[-1].position + 1):
            if len(run) >= _RUN_BLOCKS and sum(b.words for b in run) >= _RUN_WORDS:
                found.update(b.position for b in run)
            run = []
        if block is not None:
            run.append(block)
    return found


def _plainly_in(block: Block, home: str) -> bool:
    """Whether a block stands in the container with nothing but plain text markup between."""
    if not block.path.startswith(home + ">") or block.link_density >= LINKED or block.landmarks & OUTSIDE:
        return False
    inner = block.path[len(home) + 1 :].split(">")
    return all(step in _PLAIN_TAGS for step in inner)


def _siblings(blocks: Sequence[Block], selected: frozenset[int], body: range) -> set[int]:
    """Blocks within the body whose like, by path, are mostly selected."""
    kept = Counter(block.path for block in blocks if block.position in selected)
    total = Counter(block.path for block in blocks)
    homes = {path for path, count in kept.items() if count >= _FAMILY and count >= _FAMILY_SHARE * total[path]}
    left = [n for n in body if n not in selected and blocks[n].path in homes]
    return {n for n in left if blocks[n].link_density < LINKED and not blocks[n].landmarks & OUTSIDE}


def _standfirst(blocks: Sequence[Block], selected: frozenset[int], metadata: Metadata, body: range) -> set[int]:
    """The lead between the title and the first paragraph, known by its description or by what the page calls it."""
    heading = max((b.position for b in blocks[: body.start] if b.kind is Kind.HEADING and b.level == 1), default=-1)
    start = max(heading + 1 if heading >= 0 else 0, body.start - _LEAD_REACH)
    description = fold(metadata.description)
    return {
        n
        for n in range(start, body.start)
        if n not in selected and heading >= 0 and _may_lead(blocks[n]) and _is_lead(blocks[n], description)
    }


def _may_lead(block: Block) -> bool:
    return (
        block.words >= _LEAD_WORDS
        and block.link_density < LINKED
        and block.kind in (Kind.PARAGRAPH, Kind.HEADING, Kind.LIST_ITEM)
        and not block.landmarks & (OUTSIDE | {"figure"})
    )


def _is_lead(block: Block, description: str) -> bool:
    text = fold(block.text)
    if description and (description.startswith(text[:60]) or text.startswith(description[:60])):
        return True
    return bool(_LEAD.search(">".join(block.path.split(">")[-2:])))
