"""The sample site's stories and people, read from the data files.

A story is a Markdown file with TOML front matter between `+++` lines. Its body is a sequence of pieces:
prose, and inserts on a line of their own such as `{{donate}}` or `{{figure name}}`; `{{page}}` starts the
next page of a story that runs over several.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

SITE = Path(__file__).parent / "site"
NAME = "The Quillmere Lantern"
LANGUAGES = ("en", "es", "de")

_INSERT = re.compile(r"^\{\{(\w+)(?: (\w+))?\}\}$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who writes for the site, in one language."""

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
    """What a reader wrote under a story; `when` is a date."""

    name: str
    when: str
    text: str


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A second path that serves a story; `canonical` says whether it points to the first with rel=canonical."""

    path: str
    canonical: bool


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a story's body: `text` (Markdown) or an insert of that name with its argument in `text`."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Article:
    """One story as written, with how it is to be served.

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
    pages: tuple[tuple[Piece, ...], ...]
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
        """The path of the story's page `number`, counted from 1."""
        return self.path if number == 1 else f"{self.path}/{number}"

    def figure(self, name: str) -> Figure:
        """The figure that the body calls `name`; StopIteration means a mistake in the story file."""
        return next(figure for figure in self.figures if figure.name == name)


def instant(iso: str) -> datetime:
    """A date or time of the site as an aware datetime; a date alone is its midnight in UTC."""
    moment = datetime.fromisoformat(iso)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def slug(words: str) -> str:
    """Words as a path segment: lower case, ASCII, hyphens."""
    plain = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


@cache
def articles() -> tuple[Article, ...]:
    """Every story of the site, newest first."""
    stories = (_article(path.read_text("utf-8")) for path in (SITE / "articles").glob("*.md"))
    return tuple(sorted(stories, key=lambda story: (instant(story.published), story.path), reverse=True))


@cache
def people() -> dict[str, Person]:
    """Everyone who writes for the site, by name."""
    entries = tomllib.loads((SITE / "people.toml").read_text("utf-8"))["person"]
    return {entry["name"]: Person(**entry) for entry in entries}


def _article(source: str) -> Article:
    _, front, body = source.split("+++\n", 2)
    return Article(pages=_pages(body), **_front(tomllib.loads(front)))


def _front(fields: dict[str, Any]) -> dict[str, Any]:
    nested = {"figures": Figure, "comments": Comment, "duplicates": Duplicate}
    made = {name: tuple(kind(**entry) for entry in fields.get(name, ())) for name, kind in nested.items()}
    lists = {name: tuple(value) for name, value in fields.items() if isinstance(value, list)}
    return fields | lists | made


def _pages(body: str) -> tuple[tuple[Piece, ...], ...]:
    return tuple(_pieces(page) for page in body.split("{{page}}\n"))


def _pieces(body: str) -> tuple[Piece, ...]:
    texts = _INSERT.split(body)  # prose, insert, argument, prose, insert, argument, prose ...
    found: list[Piece] = []
    for position in range(0, len(texts), 3):
        found.append(Piece("text", texts[position].strip()))
        if position + 1 < len(texts):
            found.append(Piece(texts[position + 1], texts[position + 2] or ""))
    return tuple(piece for piece in found if piece.kind != "text" or piece.text)
