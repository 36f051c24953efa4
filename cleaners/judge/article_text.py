"""Text and markdown of an article, assembled from its kept blocks."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..document import Block, BlockKind, Verdict

_LIST_TAGS = ("ul", "ol", "dl", "menu", "dir")
_BULLET = "- "
_MARK_CHARACTERS = tuple("#>+-=~")
"""Beginnings of a line that markdown would read as structure, apart from digits."""
_BACKTICKS = re.compile("`+")
_MARK = re.compile(r"^(?:(#{1,6}(?=\s|$)|>|[+-](?=\s|$)|(?:-{2,}|=+)\s*$|~{3,})|(\d{1,9})([.)])(?=\s|$))", re.MULTILINE)


def assemble(blocks: Sequence[Block], verdicts: Sequence[Verdict]) -> tuple[str, str]:
    """Return (text, markdown) of the kept blocks, in order: text one block a line, markdown with its structure."""
    kept_blocks = [block for block, verdict in zip(blocks, verdicts, strict=True) if verdict.kept]
    return plain_text(kept_blocks), markdown(kept_blocks)


def plain_text(blocks: Sequence[Block]) -> str:
    """Join the blocks' text, one block a line; a block of several lines (verse, code, table) keeps them."""
    return "\n".join(block.text for block in blocks)


def markdown(blocks: Sequence[Block]) -> str:
    """Write the blocks as CommonMark with tables; consecutive items form one list, a quote's paragraphs one quote."""
    parts: list[str] = []
    previous_block: Block | None = None
    markers: list[str] = []
    for block in blocks:
        if previous_block is not None:
            parts.append(_separator(previous_block, block))
        if block.kind is BlockKind.LIST_ITEM:
            markers = _list_markers(markers, block)
            parts.append(_list_item(block, markers))
        else:
            markers = []
            parts.append(_block_markdown(block))
        previous_block = block
    return "".join(parts)


def _separator(previous_block: Block, block: Block) -> str:
    if block.kind is previous_block.kind is BlockKind.LIST_ITEM:
        return "\n"
    same_quote = (
        block.kind is previous_block.kind is BlockKind.QUOTE
        and previous_block.path
        and previous_block.path == block.path
    )
    return "\n>\n" if same_quote else "\n\n"


def _list_markers(previous_markers: list[str], block: Block) -> list[str]:
    """Return the markers of the lists around an item, the outermost first and the item's own last.

    `previous_markers` are those of the item before it, whose number is counted on; empty for a first item.
    """
    level = max(1, block.level)
    markers = previous_markers[:level] + [_BULLET] * (level - 1 - len(previous_markers))
    # Only an innermost `ol` numbers its items.
    tags = (step.partition(".")[0].partition("#")[0] for step in reversed(block.path.split(">")))
    if next((tag for tag in tags if tag in _LIST_TAGS), "") != "ol":
        return [*markers[: level - 1], _BULLET]
    previous_marker = markers[level - 1] if len(markers) >= level else ""
    number = int(previous_marker[:-2]) + 1 if previous_marker.endswith(". ") else 1
    return [*markers[: level - 1], f"{number}. "]


def _list_item(block: Block, markers: list[str]) -> str:
    indent = " " * sum(map(len, markers[:-1]))
    text_indent = indent + " " * len(markers[-1])
    return f"{indent}{markers[-1]}" + _escape_marks(block.markdown or block.text).replace("\n", f"\n{text_indent}")


def _escape_marks(body: str) -> str:
    """Escape the marks by which lines of text would read as headings, quotes, lists or rules."""
    if "\n" not in body and not body.startswith(_MARK_CHARACTERS) and not body[:1].isdecimal():
        return body
    return _MARK.sub(lambda match: f"\\{match[1]}" if match[1] else f"{match[2]}\\{match[3]}", body)


def _block_markdown(block: Block) -> str:
    body = block.markdown or block.text
    match block.kind:
        case BlockKind.HEADING:
            return f"{'#' * max(1, block.level)} {body.replace(chr(10), ' ')}"
        case BlockKind.QUOTE:
            return "> " + _escape_marks(body).replace("\n", "  \n> ")
        case BlockKind.CODE:
            fence = "`" * max(3, 1 + max(map(len, _BACKTICKS.findall(body)), default=0))
            return f"{fence}\n{body}\n{fence}"
        case BlockKind.TABLE:
            return body
    return _escape_marks(body).replace("\n", "  \n")
