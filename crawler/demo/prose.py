"""A story's Markdown as HTML, and as the text blocks that a reader would see.

Both come from the same markdown-it tokens, so that the truth cannot drift from the page. A fence marked
`verse` is a poem: a stanza is a block, its lines are broken with <br>.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from markdown_it import MarkdownIt
from markdown_it.token import Token

_MARKDOWN = MarkdownIt("commonmark").enable("table")


def to_html(markdown: str) -> str:
    """The Markdown as HTML."""
    return "".join(_group_html(token) for token in _top_level(_MARKDOWN.parse(markdown)))


def to_blocks(markdown: str) -> tuple[str, ...]:
    """The visible text of the Markdown, block by block, without markup.

    A paragraph, heading, list item, code listing, stanza or table is one block; a table has a line a row,
    with ` | ` between its cells.
    """
    blocks: list[str] = []
    for group in _top_level(_MARKDOWN.parse(markdown)):
        blocks.extend(_group_texts(group))
    return tuple(blocks)


def _top_level(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """The tokens, a list for each element at the outermost level."""
    group: list[Token] = []
    depth = 0
    for token in tokens:
        group.append(token)
        depth += token.nesting
        if depth == 0:
            yield group
            group = []


def _group_html(group: list[Token]) -> str:
    if _is_verse(group[0]):
        return "".join(f'<p class="verse">{_stanza_html(stanza)}</p>\n' for stanza in _stanzas(group[0]))
    if group[0].type == "table_open":
        group[0].attrSet("class", "data")
    return str(_MARKDOWN.renderer.render(group, _MARKDOWN.options, {}))


def _group_texts(group: list[Token]) -> list[str]:
    first = group[0]
    if _is_verse(first):
        return _stanzas(first)
    if first.type == "fence":
        return [first.content.rstrip("\n")]
    if first.type == "table_open":
        return ["\n".join(" | ".join(cells) for cells in _rows(group))]
    return [_inline_text(token) for token in group if token.type == "inline"]


def _rows(group: list[Token]) -> Iterator[list[str]]:
    cells: list[str] = []
    for token in group:
        if token.type == "inline":
            cells.append(_inline_text(token))
        elif token.type == "tr_close":
            yield cells
            cells = []


def _inline_text(token: Token) -> str:
    breaks = {"softbreak": " ", "hardbreak": "\n"}
    return "".join(breaks.get(child.type, child.content) for child in token.children or ())


def _is_verse(token: Token) -> bool:
    return token.type == "fence" and token.info == "verse"


def _stanzas(token: Token) -> list[str]:
    return token.content.strip().split("\n\n")


def _stanza_html(stanza: str) -> str:
    return "<br>\n".join(escape(line, quote=False) for line in stanza.split("\n"))
