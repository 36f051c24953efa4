"""Blocks for tests of what judges them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from broadsheet.cleaners.document import Block, BlockKind, Metadata, Page
from broadsheet.cleaners.judge.block_features import FirstLook, Reading
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
    look: FirstLook | None = None,
) -> Reading:
    """Reading of a page of these blocks, as selected by the extractor, or by a first look if there is one."""
    tree = parse("<html></html>")
    assert tree is not None
    page, metadata = Page(url, b""), metadata or Metadata(language="en")
    context, is_asked = metadata_context(tree, url), look is None
    return Reading(
        page, context, url, blocks, metadata, selected=frozenset(selected), look=look, asked_extractor=is_asked
    )


def words(count: int, name: str = "w") -> str:
    return " ".join(f"{name}{n}" for n in range(count))


def holds_up_to(last: int, holds: Callable[[int], object]) -> bool:
    """Say whether something holds at a threshold and just above it no more."""
    return bool(holds(last)) and not holds(last + 1)


def linked(position: int, text: str, **fields: object) -> Block:
    return block(position, text, link_chars=len(text), **fields)
