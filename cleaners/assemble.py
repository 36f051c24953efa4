"""Kept blocks to the article's text and markdown."""

from __future__ import annotations

from collections.abc import Sequence

from cleaners.record import Block, Kind, Verdict


def assemble(blocks: Sequence[Block], verdicts: Sequence[Verdict]) -> tuple[str, str]:
    """Return (text, markdown) of the kept blocks, in order: text one block a line, markdown with its structure."""
    kept = [block for block, verdict in zip(blocks, verdicts, strict=True) if verdict.kept]
    return plain_text(kept), markdown(kept)


def plain_text(blocks: Sequence[Block]) -> str:
    """The blocks' text, one block a line; a block of several lines (verse, code, table) keeps them."""
    return "\n".join(block.text for block in blocks)


def markdown(blocks: Sequence[Block]) -> str:
    """The blocks as CommonMark with tables; list items and quotes stand close together."""
    parts: list[str] = []
    before: Block | None = None
    for block in blocks:
        if before is not None:
            parts.append("\n" if block.kind is before.kind is Kind.LIST_ITEM else "\n\n")
        parts.append(_marked(block))
        before = block
    return "".join(parts)


def _marked(block: Block) -> str:
    body = block.markdown or block.text
    match block.kind:
        case Kind.HEADING:
            return f"{'#' * max(1, block.level)} {body.replace(chr(10), ' ')}"
        case Kind.LIST_ITEM:
            indent = "  " * (max(1, block.level) - 1)
            return f"{indent}- " + body.replace("\n", f"\n{indent}  ")
        case Kind.QUOTE:
            return "> " + body.replace("\n", "  \n> ")
        case Kind.CODE:
            fence = "```" if "```" not in body else "~~~~"
            return f"{fence}\n{body}\n{fence}"
        case Kind.TABLE:
            return body
    return body.replace("\n", "  \n")
