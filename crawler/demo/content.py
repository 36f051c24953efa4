"""The sample site's stories and people, read from the data files.

A story is a Markdown file with TOML front matter between `+++` lines. Its body is a sequence of parts:
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
SITE_NAME = "The Quillmere Lantern"
LANGUAGES = ("en", "es", "de")

_INSERT_LINE = re.compile(r"^\{\{(\w+)(?: (\w+))?\}\}$", re.MULTILINE)


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
    """A part of a story's body: prose (`kind` is text, `text` is Markdown), or an insert with its argument in
    `text`."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class SampleArticle:
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
        """The path of the story's page `number`, counted from 1."""
        return self.path if number == 1 else f"{self.path}/{number}"

    def figure(self, name: str) -> Figure:
        """The figure that the body calls `name`; StopIteration means a mistake in the story file."""
        return next(figure for figure in self.figures if figure.name == name)


def as_datetime(iso: str) -> datetime:
    """A date or time of the site as an aware datetime; a date alone is its midnight in UTC."""
    moment = datetime.fromisoformat(iso)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def slug(words: str) -> str:
    """Words as a path segment: lower case, ASCII, hyphens."""
    ascii_words = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", ascii_words.lower()).strip("-")


@cache
def articles() -> tuple[SampleArticle, ...]:
    """Every story of the site, newest first."""
    stories = (_parse_article(path.read_text("utf-8")) for path in (SITE / "articles").glob("*.md"))
    return tuple(sorted(stories, key=lambda story: (as_datetime(story.published), story.path), reverse=True))


@cache
def people() -> dict[str, Person]:
    """Everyone who writes for the site, by name."""
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
