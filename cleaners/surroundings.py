"""What a block's surroundings say about it: the body's span, repeats, neighbours, the page's own metadata."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from itertools import pairwise

from cleaners.record import Block, Kind, Metadata
from cleaners.rules import Rule, core, explain_layout, fold
from cleaners.teasers import is_teaser

_BODY_WORDS = 15  # a kept block of so many words, mostly not links, is a paragraph of the article
_LINKED = 0.5
_LEAD_WORDS = 8
_LEAD_REACH = 12  # blocks between the title and the first article paragraph that may hold the standfirst
_BRIEF_WORDS = 6
_BRIEF_REACH = 3  # steps that a brief's text may stand above its heading: article > header > h1
_SAME_TITLE = 0.9
_MOST_OF_TITLE = 0.6
_TRAIL_CHARS = 60
_BELOW_TITLE = 0.75  # of the prose below the title, before what stands above is furniture
_FAMILY = 3  # siblings kept, before their like is brought back
_FAMILY_SHARE = 0.7
_OUTSIDE = frozenset(("nav", "aside", "form", "dialog", "button"))
_STRONG = frozenset(("navigation", "consent", "newsletter", "share", "comments", "related", "sidebar", "breadcrumb"))
_LEAD = re.compile(
    r"(?:^|[-_. >#])(?:lead|lede|standfirst|dek|deck|intro|teaser-?text|subtitle|sub-?head(?:line)?|summary|excerpt|chapo|entradilla|bajada|sottotitolo|vorspann|abstract|description)s?(?:$|[-_. >])",
    re.I,
)
_HOME_SHARE = 0.5  # of the selected prose under one parent, before its other paragraphs are brought back
_FEW_LINKS = 0.25
_RUN_BLOCKS, _RUN_WORDS = 3, 30
_BESIDE = frozenset(("byline", "date", "tags", "print", "caption", "author_bio"))
_BESIDE_WORDS = 14
_BOX_WORDS = 8
_HEAD_BLOCKS = 3  # below the standfirst that still may be byline and date
_TEXT_LEVEL = re.compile(r"(?:p|blockquote|ul|ol|li|dl|dt|dd|pre|h[2-6])(?:$|[.#])")
_CELL = re.compile(r"t[dh](?:$|[.#])")
_COLUMN_SHARE = 0.5  # of the prose in one column of a layout table, before the other columns are furniture
_WRAPPER_SHARE = 0.95  # a cell with nearly all of it is a frame around the page: look inside
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
_CLOCK = re.compile(r"\d{1,2}[:.h]\d{2}|\d{4}|\d{1,2}[./-]\d{1,2}")


def is_prose(block: Block) -> bool:
    """Whether a block reads like running text: long enough, and mostly not links."""
    return word_count(block) >= _BODY_WORDS and block.link_density < _LINKED


def word_count(block: Block) -> int:
    """Words of the block, white space apart; scripts without spaces count two characters as a word."""
    words = len(block.text.split())
    return max(words, len(block.text) // 2) if words <= 2 and not block.text.isascii() else words


def body_span(blocks: Sequence[Block], selected: frozenset[int]) -> range:
    """From the first to the last selected paragraph of prose; empty where there is none."""
    prose = sorted(n for n in selected if is_prose(blocks[n])) or sorted(selected)
    return range(prose[0], prose[-1] + 1) if prose else range(0)


def main_container(blocks: Sequence[Block]) -> frozenset[int]:
    """The prose of the container that holds most of it, for a page where the extractor found nothing."""
    weight: Counter[str] = Counter()
    for block in blocks:
        if not block.landmarks & _OUTSIDE and block.link_density < _LINKED and not block.landmarks & {"footer"}:
            weight[_parent(block)] += word_count(block) if word_count(block) >= 5 else 0
    if not weight:
        return frozenset()
    best = max(weight, key=lambda path: (weight[path], path))
    return frozenset(
        b.position for b in blocks if weight[best] and b.path.startswith(best) and b.link_density < _LINKED
    )


def _parent(block: Block) -> str:
    """The path of the container that a block's text stands in: lists, quotes and paragraphs are no containers."""
    steps = block.path.split(">")[:-1]
    while steps and _TEXT_LEVEL.match(steps[-1]):
        steps.pop()
    return ">".join(steps)


def brief(blocks: Sequence[Block], metadata: Metadata) -> frozenset[int]:
    """The text of a very short article: what follows the heading that says the title, in its container.

    `blocks` are those that no phrase rule takes for furniture.
    """
    title = core(fold(metadata.title))
    heads = [n for n, b in enumerate(blocks) if b.kind is Kind.HEADING and title and core(fold(b.text)) == title]
    if not heads:
        return frozenset()
    home = blocks[heads[-1]].path.split(">")
    found = []
    for block in blocks[heads[-1] + 1 :]:
        if block.kind is Kind.HEADING or _shared(home, block.path.split(">")) < len(home) - _BRIEF_REACH:
            break
        if word_count(block) >= _BRIEF_WORDS and block.link_density < _LINKED and not block.landmarks & _OUTSIDE:
            found.append(block.position)
    return frozenset(found)


def _shared(one: Sequence[str], other: Sequence[str]) -> int:
    """How many steps two paths have in common from the top."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def metadata_blocks(blocks: Sequence[Block], metadata: Metadata, body: range) -> dict[int, str]:
    """Blocks that only repeat the page's metadata, with the field: title, byline, date, tags."""
    found: dict[int, str] = {}
    title = core(fold(metadata.title))
    names = {core(fold(name)) for name in metadata.authors}
    tags = {core(fold(tag)) for tag in metadata.tags}
    for block in blocks:
        text = core(fold(block.text))
        if title and _is_title(block, text, title, body):
            found[block.position] = "title"
        elif title and _is_trail(text, title):
            found[block.position] = "breadcrumb"
        elif text in names:
            found[block.position] = "byline"
        elif text in tags and block.link_density > _LINKED:
            found[block.position] = "tags"
    return found


def _is_title(block: Block, text: str, title: str, body: range) -> bool:
    if _says_title(text, title) and word_count(block) > 2:
        return True
    if block.position >= body.start and block.kind is not Kind.HEADING:
        return text == title and block.position > body.start
    if block.kind is Kind.HEADING and block.level == 1 and block.position <= body.start:
        return _alike(text, title) or text in title or title in text
    return abs(len(text) - len(title)) <= len(title) // 5 and _alike(text, title)


def _is_trail(text: str, title: str) -> bool:
    """Whether a line is a path of short names that ends in the title."""
    lead, mark, last = text.rpartition(" > ") if " > " in text else text.rpartition(" » ")
    return bool(mark) and len(lead) <= _TRAIL_CHARS and _says_title(core(last), title)


def _says_title(text: str, title: str) -> bool:
    """Whether a folded text is the title, or what the page's head gives as title less the site's name behind it."""
    return text == title or (len(text) >= _MOST_OF_TITLE * len(title) and title.startswith(text))


def above_title(blocks: Sequence[Block], selected: frozenset[int], metadata: Metadata) -> frozenset[int]:
    """Selected blocks above the line that says the title, where nearly all the prose stands below it."""
    title = core(fold(metadata.title))
    says = [b for b in blocks if b.link_density < _LINKED and title and _says_title(core(fold(b.text)), title)]
    headings = [b for b in says if b.kind is Kind.HEADING] or [b for b in says if b.kind is Kind.PARAGRAPH]
    if not headings:
        return frozenset()
    line = headings[0].position
    upper = frozenset(n for n in selected if n < line)
    above = sum(word_count(blocks[n]) for n in upper if is_prose(blocks[n]))
    below = sum(word_count(b) for b in blocks[line + 1 :] if is_prose(b))
    return upper if below and below >= _BELOW_TITLE * (above + below) else frozenset()


def _alike(one: str, other: str) -> bool:
    return one == other or SequenceMatcher(None, one, other).ratio() >= _SAME_TITLE


def furniture(block: Block, selected: frozenset[int], body: range) -> Rule | None:
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
        return rule if near and word_count(block) <= _BESIDE_WORDS else None
    if rule.reason not in _STRONG:
        return None
    outside = bool(block.landmarks & _OUTSIDE)
    return rule if outside or block.link_density >= _LINKED else None


def other_cells(blocks: Sequence[Block], selected: frozenset[int]) -> frozenset[int]:
    """Selected blocks in another column of a layout table than the one that holds most of the page's prose."""
    chains = {b.position: chain for b in blocks if (chain := _cells(b))}
    home = _home_cell({n: word_count(blocks[n]) for n in chains if is_prose(blocks[n])}, chains)
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


def _cells(block: Block) -> tuple[str, ...]:
    """The paths of the layout cells that a block stands in, the outermost first."""
    steps = block.path.split(">")
    return tuple(">".join(steps[: n + 1]) for n, step in enumerate(steps) if _CELL.match(step))


def heads_box(blocks: Sequence[Block], position: int, prose: Iterable[int]) -> bool:
    """Whether a short line is the heading of a box that it shares with the block below it and with no kept `prose`."""
    if word_count(blocks[position]) > _BOX_WORDS:
        return False
    steps, others = (blocks[n].path.split(">") for n in (position, position + 1))
    shared = _shared(steps, others)
    box = ">".join(steps[:shared]) + ">"
    return shared >= len(others) - 2 and not any(blocks[n].path.startswith(box) for n in prose)


def repeats(blocks: Sequence[Block], selected: Iterable[int]) -> set[int]:
    """Selected blocks whose text stands in an earlier selected block already; verse and short lines may repeat."""
    seen: set[str] = set()
    again: set[int] = set()
    for n in sorted(selected):
        text = fold(blocks[n].text)
        if text in seen and word_count(blocks[n]) >= _LEAD_WORDS:
            again.add(n)
        seen.add(text)
    return again


def rescued(blocks: Sequence[Block], selected: frozenset[int], metadata: Metadata, body: range) -> dict[int, str]:
    """Blocks that the extractor left and that are the article's all the same, with the rule that says so."""
    found = dict.fromkeys(_contained(blocks, selected, body), "context/container")
    found |= dict.fromkeys(_same_container(blocks, selected), "context/same-container")
    found |= dict.fromkeys(_siblings(blocks, selected, body), "context/siblings")
    found |= dict.fromkeys(_standfirst(blocks, selected, metadata, body), "context/standfirst")
    return found


def _contained(blocks: Sequence[Block], selected: frozenset[int], body: range) -> set[int]:
    """Lists, quotes, subheads and paragraphs that stand between two selected paragraphs of one container."""
    found: set[int] = set()
    prose = sorted(n for n in selected if n in body and is_prose(blocks[n]))
    for before, after in pairwise(prose):
        home = _parent(blocks[before])
        if after - before > 1 and home == _parent(blocks[after]):
            found |= {n for n in range(before + 1, after) if n not in selected and _plainly_in(blocks[n], home)}
    return found


def _same_container(blocks: Sequence[Block], selected: frozenset[int]) -> set[int]:
    """Prose beside selected prose, under the parent that holds most of the prose of all that have some selected."""
    homes = {_parent(blocks[n]) for n in selected if is_prose(blocks[n])}
    weight: Counter[str] = Counter()
    for block in blocks:
        if is_prose(block) and (parent := _parent(block)) in homes:
            weight[parent] += word_count(block)
    if not weight:
        return set()
    home, words = max(weight.items(), key=lambda item: (item[1], item[0]))
    if words < _HOME_SHARE * weight.total():
        return set()
    left = [b for b in blocks if b.position not in selected and _parent(b) == home and b.link_density < _FEW_LINKS]
    return {b.position for b in left if is_prose(b)} | _runs(left)


def _runs(blocks: Sequence[Block]) -> set[int]:
    """Runs of short blocks of one kind that together are as long as a paragraph or two: verse, dialogue."""
    found: set[int] = set()
    run: list[Block] = []
    for block in [*blocks, None]:
        if run and (block is None or block.path != run[-1].path or block.position != run[-1].position + 1):
            if len(run) >= _RUN_BLOCKS and sum(map(word_count, run)) >= _RUN_WORDS:
                found.update(b.position for b in run)
            run = []
        if block is not None:
            run.append(block)
    return found


def _plainly_in(block: Block, home: str) -> bool:
    """Whether a block stands in the container with nothing but plain text markup between."""
    if not block.path.startswith(home + ">") or block.link_density >= _LINKED or block.landmarks & _OUTSIDE:
        return False
    inner = block.path[len(home) + 1 :].split(">")
    return all(step in _PLAIN_TAGS for step in inner)


def _siblings(blocks: Sequence[Block], selected: frozenset[int], body: range) -> set[int]:
    """Blocks within the body whose like, by path, are mostly selected."""
    kept: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for block in blocks:
        total[block.path] += 1
        kept[block.path] += block.position in selected
    return {
        n
        for n in body
        if n not in selected
        and kept[path := blocks[n].path] >= _FAMILY
        and kept[path] >= _FAMILY_SHARE * total[path]
        and blocks[n].link_density < _LINKED
        and not blocks[n].landmarks & _OUTSIDE
    }


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
        word_count(block) >= _LEAD_WORDS
        and block.link_density < _LINKED
        and block.kind in (Kind.PARAGRAPH, Kind.HEADING, Kind.LIST_ITEM)
        and not block.landmarks & (_OUTSIDE | {"figure"})
    )


def _is_lead(block: Block, description: str) -> bool:
    text = fold(block.text)
    if description and (description.startswith(text[:60]) or text.startswith(description[:60])):
        return True
    return bool(_LEAD.search(">".join(block.path.split(">")[-2:])))


def explain(block: Block, body: range) -> tuple[str, str]:
    """A name and reason for a block outside the article that no rule and no part of the page explains."""
    if block.link_density > _LINKED:
        return ("context/links", "navigation") if word_count(block) < 6 else ("context/teaser", "related")
    if block.kind is Kind.CAPTION or "figure" in block.landmarks:
        return "context/caption", "caption"
    if word_count(block) <= 6 and _CLOCK.search(block.text):
        return "context/date", "date"
    return "", ""
