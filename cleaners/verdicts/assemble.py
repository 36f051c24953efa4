"""Kept blocks to the article's text and markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cleaners.document import Block, Kind, Verdict

_LISTS = ("ul", "ol", "dl", "menu", "dir")
_BULLET = "- "
_MARKS = tuple("#>+-=~")
"""What a line that reads as structure begins with, where it does not begin with a digit."""
_MARK = re.compile(r"^(?:(#{1,6}(?=\s|$)|>|[+-](?=\s|$)|(?:-{2,}|=+)\s*$|~{3,})|(\d{1,9})([.)])(?=\s|$))", re.MULTILINE)


def assemble(blocks: Sequence[Block], verdicts: Sequence[Verdict]) -> tuple[str, str]:
    """Return (text, markdown) of the kept blocks, in order: text one block a line, markdown with its structure."""
    kept = [block for block, verdict in zip(blocks, verdicts, strict=True) if verdict.kept]
    return plain_text(kept), markdown(kept)


def plain_text(blocks: Sequence[Block]) -> str:
    """The blocks' text, one block a line; a block of several lines (verse, code, table) keeps them."""
    return "\n".join(block.text for block in blocks)


def markdown(blocks: Sequence[Block]) -> str:
    """The blocks as CommonMark with tables; the items of a list and the paragraphs of a quote stand close together."""
    parts: list[str] = []
    before: Block | None = None
    markers: list[str] = []
    for block in blocks:
        if before is not None:
            parts.append(_between(before, block))
        if block.kind is Kind.LIST_ITEM:
            markers = _markers(markers, block)
            parts.append(_item(block, markers))
        else:
            markers = []
            parts.append(_marked(block))
        before = block
    return "".join(parts)


def _between(before: Block, block: Block) -> str:
    if block.kind is before.kind is Kind.LIST_ITEM:
        return "\n"
    same_quote = block.kind is before.kind is Kind.QUOTE and before.path and before.path == block.path
    return "\n>\n" if same_quote else "\n\n"


def _markers(before: list[str], block: Block) -> list[str]:
    """The markers of the lists around an item, the outermost first, its own last; those of the item before it given."""
    level = max(1, block.level)
    known = before[:level] + [_BULLET] * (level - 1 - len(before))
    if not _is_numbered(block.path):
        return [*known[: level - 1], _BULLET]
    last = known[level - 1] if len(known) >= level else ""
    return [*known[: level - 1], f"{int(last[:-2]) + 1}. " if last.endswith(". ") else "1. "]


def _is_numbered(path: str) -> bool:
    """Whether the innermost list that a block stands in numbers its items."""
    tags = (step.partition(".")[0].partition("#")[0] for step in reversed(path.split(">")))
    return next((tag for tag in tags if tag in _LISTS), "") == "ol"


def _item(block: Block, markers: list[str]) -> str:
    indent = " " * sum(map(len, markers[:-1]))
    inner = indent + " " * len(markers[-1])
    return f"{indent}{markers[-1]}" + _escaped(block.markdown or block.text).replace("\n", f"\n{inner}")


def _escaped(body: str) -> str:
    """Running text whose lines would else read as headings, quotes, lists or rules."""
    if "\n" not in body and not body.startswith(_MARKS) and not body[:1].isdecimal():
        return body
    return _MARK.sub(lambda mark: f"\\{mark[1]}" if mark[1] else f"{mark[2]}\\{mark[3]}", body)


def _marked(block: Block) -> str:
    body = block.markdown or block.text
    match block.kind:
        case Kind.HEADING:
            return f"{'#' * max(1, block.level)} {body.replace(chr(10), ' ')}"
        case Kind.QUOTE:
            return "> " + _escaped(body).replace("\n", "  \n> ")
        case Kind.CODE:
            fence = "```" if "```" not in body else "~~~~"
            return f"{fence}\n{body}\n{fence}"
        case Kind.TABLE:
            return body
    return _escaped(body).replace("\n", "  \n")
