"""The sample site's stories and people, read from data files, and the prose of stories as HTML and as text.

A story is a Markdown file with TOML front matter between `+++` lines. Its body is a sequence of parts: prose, and
inserts on a line of their own such as `{{donate}}` or `{{figure name}}`; `{{page}}` starts the next page of a story
in several pages. A fence marked `verse` is a poem: a stanza is a block, its lines are broken with <br>.

HTML and text blocks come from the same markdown-it tokens, so that the expected outcome cannot drift from the page.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

SITE = Path(__file__).parent / "site"
SITE_NAME = "The Quillmere Lantern"
LANGUAGES = ("en", "es", "de")

_INSERT_LINE = re.compile(r"^\{\{(\w+)(?: (\w+))?\}\}$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Person:
    """An author of the site, who writes in one language."""

    name: str
    language: str
    role: str
    bio: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture in a story; `image` is a path on the site."""

    name: str
    image: str
    alt: str
    caption: str
    credit: str


@dataclass(frozen=True, slots=True)
class Comment:
    """A reader's comment under a story; `when` is a date."""

    name: str
    when: str
    text: str


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A second path that serves a story; `canonical` says whether it points to the first with rel=canonical."""

    path: str
    canonical: bool


@dataclass(frozen=True, slots=True)
class StoryPart:
    """A part of a story's body: prose (`kind` is text, `text` is Markdown), or an insert, `text` being its argument."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class SampleArticle:
    """A story as written, with the way it is served.

    `published` and `modified` are ISO 8601 exactly as the page states them: with time and zone, or a date alone.
    `meta` says in which ways the page states its metadata: json-ld, og, markup. `listed` says where its address
    appears: site (everywhere), sitemap (only there), feed (only there).
    """

    path: str
    title: str
    language: str
    skin: str
    section: str
    published: str
    pages: tuple[tuple[StoryPart, ...], ...]
    standfirst: str = ""
    modified: str = ""
    licence: str = ""
    meta: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    comments: tuple[Comment, ...] = ()
    duplicates: tuple[Duplicate, ...] = ()
    listed: str = "site"
    paywall: bool = False
    quirk: str = ""
    encoding: str = "utf-8"
    declared: str = "both"  # where the encoding is said: meta, header, both

    def page_path(self, number: int) -> str:
        """Return the path of the story's page `number`, counted from 1."""
        return self.path if number == 1 else f"{self.path}/{number}"

    def figure(self, name: str) -> Figure:
        """Return the figure that the body calls `name`; StopIteration means a mistake in the story file."""
        return next(figure for figure in self.figures if figure.name == name)


def as_datetime(iso: str) -> datetime:
    """Parse a date or time of the site as an aware datetime; a date alone is its midnight in UTC."""
    moment = datetime.fromisoformat(iso)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def slug(words: str) -> str:
    """Return words as a path segment: lower case, ASCII, hyphens.

    >>> slug("Public money")
    'public-money'
    """
    ascii_words = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", ascii_words.lower()).strip("-")


@cache
def articles() -> tuple[SampleArticle, ...]:
    """Read every story of the site, newest first."""
    stories = (_parse_article(path.read_text("utf-8")) for path in (SITE / "articles").glob("*.md"))
    return tuple(sorted(stories, key=lambda story: (as_datetime(story.published), story.path), reverse=True))


@cache
def people() -> dict[str, Person]:
    """Read everyone who writes for the site, by name."""
    entries = tomllib.loads((SITE / "people.toml").read_text("utf-8"))["person"]
    return {entry["name"]: Person(**entry) for entry in entries}


def _parse_article(source: str) -> SampleArticle:
    _, front_matter, body = source.split("+++\n", 2)
    return SampleArticle(pages=_parse_pages(body), **_article_fields(tomllib.loads(front_matter)))


def _article_fields(fields: dict[str, Any]) -> dict[str, Any]:
    nested = {"figures": Figure, "comments": Comment, "duplicates": Duplicate}
    records = {name: tuple(kind(**entry) for entry in fields.get(name, ())) for name, kind in nested.items()}
    lists = {name: tuple(value) for name, value in fields.items() if isinstance(value, list)}
    return fields | lists | records


def _parse_pages(body: str) -> tuple[tuple[StoryPart, ...], ...]:
    return tuple(_parse_parts(page) for page in body.split("{{page}}\n"))


def _parse_parts(body: str) -> tuple[StoryPart, ...]:
    texts = _INSERT_LINE.split(body)  # prose, insert, argument, prose, insert, argument, prose ...
    parts: list[StoryPart] = []
    for position in range(0, len(texts), 3):
        parts.append(StoryPart("text", texts[position].strip()))
        if position + 1 < len(texts):
            parts.append(StoryPart(texts[position + 1], texts[position + 2] or ""))
    return tuple(part for part in parts if part.kind != "text" or part.text)


_MARKDOWN = MarkdownIt("commonmark").enable("table")


def to_html(markdown: str) -> str:
    """Return the Markdown as HTML."""
    return "".join(_group_html(token) for token in _top_level(_MARKDOWN.parse(markdown)))


def to_blocks(markdown: str) -> tuple[str, ...]:
    """Return the visible text of the Markdown, block by block, without markup.

    A paragraph, heading, list item, code listing, stanza or table is one block; a table has a line a row,
    with ` | ` between its cells.
    """
    blocks: list[str] = []
    for group in _top_level(_MARKDOWN.parse(markdown)):
        blocks.extend(_group_texts(group))
    return tuple(blocks)


def _top_level(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """Group the tokens into a list for each element at the outermost level."""
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
