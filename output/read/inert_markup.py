"""Inert Markdown and HTML of articles: no HTML of the page, no pictures, safe links.

Cleaning escapes an article's Markdown, but an archive may be of an earlier cleaner or of somebody else. So a text in
which something might act is parsed as CommonMark. If something does act, the characters that begin HTML or a link
become entities. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element, SubElement

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

from ..archive.pictures import count_letters
from ..archive.stored_text import inert_text

_SPECIAL = re.compile(r"[\\`*_\[\]#!|~&]")
_LINE_MARK = re.compile(r"^(\s*)(?:([-+=:])|(\d{1,9})([.)]))", re.MULTILINE)
_DOUBTFUL = re.compile(r"(?<!\\)<|\\\\<|!\[|\]:|\]\((?!https?://|mailto:)")
_ENTITIES = str.maketrans({"<": "&lt;", "[": "&#91;", "]": "&#93;"})
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")
_SAFE_SCHEMES = ("http:", "https:", "mailto:", "tel:")
_ACTIVE_TOKENS = frozenset({"html_block", "html_inline", "image"})


def escaped_words(text: str) -> str:
    r"""Escape a text as Markdown that shows it as it is, in a heading or a paragraph.

    >>> escaped_words("[a] <b>")
    '\\[a\\] &lt;b>'
    """
    escaped = _SPECIAL.sub(r"\\\g<0>", text).replace("<", "&lt;")
    return _LINE_MARK.sub(lambda match: f"{match[1]}{match[3] or ''}\\{match[2] or match[4]}", escaped)


def inert_markdown(markdown: str) -> str:
    """Return the Markdown unchanged if it is inert; else with its links and HTML shown as source.

    >>> inert_markdown("[x](javascript:alert) <b>")
    '&#91;x&#93;(javascript:alert) &lt;b>'
    """
    if not _DOUBTFUL.search(markdown) or not any(map(_is_active, _tokens(markdown))):
        return markdown
    return markdown.translate(_ENTITIES)


def _is_active(token: Token) -> bool:
    """Return whether a token is HTML, loads a picture, or has a link that must not be followed (`javascript:`)."""
    if token.type != "link_open":
        return token.type in _ACTIVE_TOKENS
    target = str(token.attrs["href"]).strip().lower()
    return bool(_SCHEME.match(target)) and not target.startswith(_SAFE_SCHEMES)


def _tokens(markdown: str) -> Iterator[Token]:
    waiting = _full_parser().parse(markdown)
    while waiting:
        token = waiting.pop()
        yield token
        waiting += token.children or []


@cache
def _full_parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    parser.validateLink = lambda url: True  # type: ignore[method-assign] # noqa: ARG005
    return parser


SAFE_SCHEMES = ("http", "https", "mailto")
_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")
_SMALLEST_HEADING = 6
_NONCHARACTERS = {0xFFFE: None, 0xFFFF: None}


def xml_text(value: object) -> str:
    """Return a value as text without characters that XML forbids or that act on a screen; empty for None."""
    return "" if value is None else inert_text(str(value)).translate(_NONCHARACTERS)


def xml_line(value: object) -> str:
    """Return the same in one line, white space folded."""
    return " ".join(xml_text(value).split())


def add_element(parent: Element, name: str, text: str) -> Element:
    """Add an XML element with a text to another one, and return it."""
    element = SubElement(parent, name)
    element.text = text
    return element


def language_tag(value: object) -> str:
    """Return a stored language if it looks like a tag (BCP 47), otherwise an empty string."""
    text = str(value or "")
    return text if _LANGUAGE_TAG.fullmatch(text) else ""


def article_tokens(article: Mapping[str, object]) -> list[Token]:
    """Return the tokens of an article's Markdown; without Markdown, one paragraph for each line of its text."""
    if markdown := article["markdown"]:
        return _inert_parser().parse(xml_text(markdown))
    paragraphs = xml_text(article["text"]).splitlines()
    return _inert_parser().parse("\n\n".join(map(escaped_words, paragraphs)))


Figure = tuple[int, str]
"""The number of letters of a text before a figure, and its HTML."""


def article_html(article: Mapping[str, object], figures: Sequence[Figure] = (), *, is_xml: bool = False) -> str:
    """Return the article's text as HTML to stand below a heading of the first level, with figures at their places; with
    `is_xml` as XHTML.
    """
    parser = _inert_parser()
    options = OptionsDict({**parser.options, "xhtmlOut": is_xml})  # type: ignore[typeddict-item]
    return str(parser.renderer.render(add_figures(nest_headings(article_tokens(article)), figures), options, {}))


def nest_headings(tokens: list[Token]) -> list[Token]:
    """Change the levels of headings to stand below one of the first level without skipping any, and return the tokens.

    A person who listens to a page moves through it by these levels, and texts begin with any.
    """
    above: list[str] = []  # the tags of the headings over the current one, as they were
    tag = ""
    for token in tokens:
        if token.type == "heading_open":
            above = [*(other for other in above if other < token.tag), token.tag]
            tag = f"h{min(1 + len(above), _SMALLEST_HEADING)}"
        if token.type in ("heading_open", "heading_close"):
            token.tag = tag
    return tokens


def add_figures(tokens: list[Token], figures: Sequence[Figure]) -> list[Token]:
    """Insert each figure between two blocks, at or near the end of the letters that precede it; return the tokens."""
    if not figures:
        return tokens
    letters, places = 0, list[tuple[int, int]]()
    for index, token in enumerate(tokens):
        if token.level == 0 and token.nesting >= 0:
            places.append((letters, index))
        letters += sum(map(count_letters, [part.content for part in token.children or [token]]))
    places.append((letters, len(tokens)))
    added: dict[int, list[Token]] = {}
    for letters_before, html in figures:
        _, index = min(places, key=lambda place: abs(place[0] - letters_before))
        added.setdefault(index, []).append(Token("html_block", "", 0, content=html))
    return [token for index, own in enumerate([*tokens, None]) for token in (*added.get(index, ()), own) if token]


def is_safe_link(url: str) -> bool:
    """Return whether a link's scheme is that of a page or a mail address."""
    try:
        return urlsplit(url.strip()).scheme.lower() in SAFE_SCHEMES
    except ValueError:
        return False


@cache
def _inert_parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    parser.validateLink = is_safe_link  # type: ignore[method-assign]
    return parser
