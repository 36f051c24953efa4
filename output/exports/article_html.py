"""An article's Markdown as HTML in which nothing acts: no HTML of a page's own, no pictures, links to http and mail."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

from broadsheet.output.db.text import inert_text
from broadsheet.output.exports.inert_markdown import escaped_words

SAFE_SCHEMES = ("http", "https", "mailto")
_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")
_SMALLEST_HEADING = 6
_NONCHARACTERS = {0xFFFE: None, 0xFFFF: None}


def xml_text(value: object) -> str:
    """A value as text without the characters that XML does not allow, or that act on a screen; empty for None."""
    return "" if value is None else inert_text(str(value)).translate(_NONCHARACTERS)


def xml_line(value: object) -> str:
    """The same in one line, white space folded."""
    return " ".join(xml_text(value).split())


def language_tag(value: object) -> str:
    """A stored language where it has the form of a tag (BCP 47), else an empty text."""
    text = str(value or "")
    return text if _LANGUAGE_TAG.fullmatch(text) else ""


def article_tokens(article: Mapping[str, object]) -> list[Token]:
    """The tokens of an article's Markdown; of one without, of its text, a paragraph a line."""
    if markdown := article["markdown"]:
        return _parser().parse(xml_text(markdown))
    paragraphs = xml_text(article["text"]).splitlines()
    return _parser().parse("\n\n".join(map(escaped_words, paragraphs)))


def article_html(article: Mapping[str, object]) -> str:
    """The article's text as HTML to stand below a heading of the first level."""
    parser = _parser()
    return str(parser.renderer.render(nest_headings(article_tokens(article)), parser.options, {}))


def nest_headings(tokens: list[Token]) -> list[Token]:
    """The tokens with headings that stand below one of the first level, and skip none: who listens to a page goes
    through it by their levels, and texts begin with any."""
    above: list[str] = []  # the tags of the headings over the current one, as they were
    tag = ""
    for token in tokens:
        if token.type == "heading_open":
            above = [*(other for other in above if other < token.tag), token.tag]
            tag = f"h{min(1 + len(above), _SMALLEST_HEADING)}"
        if token.type in ("heading_open", "heading_close"):
            token.tag = tag
    return tokens


def is_safe_link(url: str) -> bool:
    """Whether a link leads to a page or a mail address, by its scheme."""
    try:
        return urlsplit(url.strip()).scheme.lower() in SAFE_SCHEMES
    except ValueError:
        return False


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    parser.validateLink = is_safe_link  # type: ignore[method-assign]
    return parser
