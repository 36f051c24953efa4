"""Text made inert for Markdown as CommonMark has it: words that stay words, and stored Markdown without HTML. Pure.

Articles' Markdown is escaped when a page is cleaned, but an archive may be of an earlier cleaner, or somebody else's.
So a text in which something might act is parsed, and where it does, what could begin HTML or a link becomes an entity.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

_SPECIAL = re.compile(r"[\\`*_\[\]#!|~&]")
_LINE_MARK = re.compile(r"^(\s*)(?:([-+=:])|(\d{1,9})([.)]))", re.MULTILINE)
_DOUBTFUL = re.compile(r"(?<!\\)<|\\\\<|!\[|\]:|\]\((?!https?://|mailto:)")
_ENTITIES = str.maketrans({"<": "&lt;", "[": "&#91;", "]": "&#93;"})
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")
_SAFE_SCHEMES = ("http:", "https:", "mailto:", "tel:")
_ACTIVE_TOKENS = frozenset({"html_block", "html_inline", "image"})


def escaped_words(text: str) -> str:
    """Text as Markdown that shows it as it is: no character of it has a meaning, in a heading or a paragraph."""
    escaped = _SPECIAL.sub(r"\\\g<0>", text).replace("<", "&lt;")
    return _LINE_MARK.sub(lambda match: f"{match[1]}{match[3] or ''}\\{match[2] or match[4]}", escaped)


def inert_markdown(markdown: str) -> str:
    """The Markdown as it is where nothing in it acts; else without its links and HTML, whose source is then shown."""
    if not _DOUBTFUL.search(markdown) or not any(map(_is_active, _tokens(markdown))):
        return markdown
    return markdown.translate(_ENTITIES)


def _is_active(token: Token) -> bool:
    """Whether a token is HTML, loads a picture, or links to what a reader cannot follow, such as `javascript:`."""
    if token.type != "link_open":
        return token.type in _ACTIVE_TOKENS
    target = str(token.attrs["href"]).strip().lower()
    return bool(_SCHEME.match(target)) and not target.startswith(_SAFE_SCHEMES)


def _tokens(markdown: str) -> Iterator[Token]:
    waiting = _parser().parse(markdown)
    while waiting:
        token = waiting.pop()
        yield token
        waiting += token.children or []


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    parser.validateLink = lambda url: True  # type: ignore[method-assign] # noqa: ARG005
    return parser
