"""Blocks for tests of what judges them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from broadsheet.cleaners.document import Block, BlockKind, Metadata, Page
from broadsheet.cleaners.judge.block_features import Judgement, Reading
from broadsheet.cleaners.page.metadata_fields import metadata_context
from broadsheet.cleaners.page.parsed_page import parse

STORY = [f"Paragraph {n} tells at some length what the council of the town did about the mill." for n in range(5)]
PAGES = 20
PROSE = "The council met on Monday evening and spoke for three hours about the old mill by the river."


def block(position: int, text: str = PROSE, **fields: object) -> Block:
    return Block(position, fields.pop("kind", BlockKind.PARAGRAPH), text, **({"path": "body>div>p"} | fields))  # type: ignore[arg-type]


def reading(
    blocks: tuple[Block, ...],
    selected: Iterable[int] = (),
    metadata: Metadata | None = None,
    url: str = "https://a.example/x",
    judgement: Judgement | None = None,
) -> Reading:
    """Reading of a page of these blocks, with the judgement that these are likely the article's and no others."""
    tree = parse("<html></html>")
    assert tree is not None
    page, metadata = Page(url, b""), metadata or Metadata(language="en")
    probabilities = np.full(len(blocks), 0.1)
    probabilities[list(selected)] = 0.9
    judgement = judgement or Judgement(probabilities, 0.95)
    return Reading(page, metadata_context(tree, url), url, blocks, metadata, judgement=judgement)


def words(count: int, name: str = "w") -> str:
    return " ".join(f"{name}{n}" for n in range(count))


def holds_up_to(last: int, holds: Callable[[int], object]) -> bool:
    """Say whether something holds at a threshold and just above it no more."""
    return bool(holds(last)) and not holds(last + 1)


def linked(position: int, text: str, **fields: object) -> Block:
    return block(position, text, link_chars=len(text), **fields)
