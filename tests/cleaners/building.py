"""Blocks for tests of what judges them."""

from __future__ import annotations

from broadsheet.cleaners.document import Block, BlockKind

STORY = [f"Paragraph {n} tells at some length what the council of the town did about the mill." for n in range(5)]
PAGES = 20
PROSE = "The council met on Monday evening and spoke for three hours about the old mill by the river."


def block(position: int, text: str = PROSE, **fields: object) -> Block:
    return Block(position, fields.pop("kind", BlockKind.PARAGRAPH), text, **({"path": "body>div>p"} | fields))  # type: ignore[arg-type]


def linked(position: int, text: str, **fields: object) -> Block:
    return block(position, text, link_chars=len(text), **fields)
