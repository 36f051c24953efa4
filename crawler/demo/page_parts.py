"""The parts of a sample page: its template and wording, its head, the boilerplate around the story.

The three generations of page templates, and the wording of each language.

A skin file holds named HTML fragments with `$slots`. Slots that a caller leaves out are filled with the
language's phrases and paths, so that `$related` is the heading inside the fragment `related` and the whole
box inside the fragment `article`.

The boilerplate around the stories: teasers, sidebars, breadcrumbs, tags, bios, comments, share rows.

The HTML head of a page: title, feeds, canonical URL, Open Graph, JSON-LD.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from html import escape
from string import Template
from typing import Any

from broadsheet.crawler.demo.sample_stories import (
    SITE,
    SITE_NAME,
    Person,
    SampleArticle,
    articles,
    as_datetime,
    people,
    slug,
    to_blocks,
)

_FRAGMENT_MARK = re.compile(r"^<!-- fragment: (\w+) -->\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Promo:
    """A dated notice about the site's own campaigns."""

    title: str
    day: str
    text: str


@dataclass(frozen=True)
class Wording:
    """The phrases of the site in one language, the paths of its pages, and its format of dates."""

    language: str
    words: dict[str, str]
    paths: dict[str, str]
    promos: tuple[Promo, ...]
    months: tuple[str, ...]
    date: str
    conjunction: str

    def date_text(self, iso: str) -> str:
        """A date in the language's format."""
        day = as_datetime(iso)
        return self.date.format(day=day.day, month=self.months[day.month - 1], year=day.year)

    def month_text(self, iso: str) -> str:
        """The month and year of a date."""
        day = as_datetime(iso)
        return f"{self.months[day.month - 1]} {day.year}"


@dataclass(frozen=True)
class Skin:
    """A generation of templates, in one language."""

    fragments: dict[str, Template]
    wording: Wording

    def fill(self, fragment: str, **slots: str) -> str:
        """The fragment with its slots filled with HTML; KeyError for a slot that has no value."""
        return self.fragments[fragment].substitute(self._default_slots() | slots)

    def _default_slots(self) -> dict[str, str]:
        paths = {f"{name}_path": path for name, path in self.wording.paths.items()}
        return self.wording.words | paths


@cache
def load_skin(name: str, language: str) -> Skin:
    """The skin called `name` (modern, blocks, tables) in a language of the site."""
    return Skin(_fragments(name), load_wording(language))


@cache
def load_wording(language: str) -> Wording:
    """The phrases of a language of the site."""
    data: dict[str, Any] = tomllib.loads((SITE / "phrases" / f"{language}.toml").read_text("utf-8"))
    return Wording(
        language=language,
        words={name: escape(text) for name, text in data["words"].items()},
        paths=data["paths"],
        promos=tuple(Promo(**entry) for entry in data["promo"]),
        months=tuple(data["months"]),
        date=data["date"],
        conjunction=data["and"],
    )


@cache
def _fragments(name: str) -> dict[str, Template]:
    parts = _FRAGMENT_MARK.split((SITE / "skins" / f"{name}.html").read_text("utf-8"))
    return {title: Template(text.rstrip("\n")) for title, text in zip(parts[1::2], parts[2::2], strict=True)}


_EXCERPT_CHARS = 105  # about two lines of a teaser
_MOST_READ = 5
_RELATED = 3


def linked_stories(language: str) -> tuple[SampleArticle, ...]:
    """The stories of a language that the site itself links to, newest first."""
    return tuple(story for story in articles() if story.language == language and story.listed == "site")


def excerpt(article: SampleArticle) -> str:
    """The beginning of a story, cut at a word before the end of its first block, with `…` at the end."""
    text = article.standfirst or to_blocks(article.pages[0][0].text)[0]
    length = min(_EXCERPT_CHARS, len(text) * 2 // 3)
    return text[:length].rsplit(" ", 1)[0].rstrip(",.;:") + "…"


def cards(skin: Skin, stories: Iterable[SampleArticle]) -> str:
    """Teasers for the stories."""
    return "\n".join(_card(skin, story) for story in stories)


def sidebar(skin: Skin) -> str:
    """The most-read list and the notices about the site's own campaigns."""
    stories = sorted(linked_stories(skin.wording.language), key=lambda story: (-len(story.comments), story.path))
    items = "".join(skin.fill("most_read", url=story.path, title=escape(story.title)) for story in stories[:_MOST_READ])
    return skin.fill("sidebar", items=items, promo_items=_promos(skin))


def crumbs(skin: Skin, title: str) -> str:
    """The breadcrumb line to a page called `title`."""
    return skin.fill("crumbs", title=escape(title))


def related(skin: Skin, article: SampleArticle) -> str:
    """Three other stories of the language."""
    stories = [story for story in linked_stories(article.language) if story is not article]
    start = len(article.path) % len(stories)
    chosen = (stories[start:] + stories[:start])[:_RELATED]
    return skin.fill("related", cards=cards(skin, chosen))


def byline(skin: Skin, article: SampleArticle) -> str:
    """The line that names the authors, or nothing."""
    names = [skin.fill("byline_name", url=author_path(name), name=escape(name)) for name in article.authors]
    return skin.fill("byline", names=skin.wording.conjunction.join(names)) if names else ""


def bio(skin: Skin, article: SampleArticle) -> str:
    """A box on each author."""
    return "\n".join(_bio(skin, people()[name]) for name in article.authors)


def tags(skin: Skin, article: SampleArticle) -> str:
    """The list of the story's tags."""
    items = [skin.fill("tag", url=tag_path(tag, article.language), name=escape(tag)) for tag in article.tags]
    return skin.fill("tags", items=" ".join(items))


def comments(skin: Skin, article: SampleArticle) -> str:
    """The readers' comments and the form to write one; empty where there is no comment."""
    if not article.comments:
        return ""
    items = "\n".join(
        skin.fill(
            "comment",
            name=escape(comment.name),
            when=comment.when,
            date=skin.wording.date_text(comment.when),
            text=escape(comment.text),
        )
        for comment in article.comments
    )
    return skin.fill("comments", items=items, count=str(len(article.comments)), path=article.path)


def author_path(name: str) -> str:
    """The path of an author's page."""
    return load_wording(people()[name].language).paths["author"].format(slug=slug(name))


def tag_path(tag: str, language: str) -> str:
    """The path of a tag's page."""
    return load_wording(language).paths["tag"].format(slug=slug(tag))


def page_links(skin: Skin, pages: list[str], current: int) -> str:
    """Numbered links to `pages`, and links to the previous and the next one; `current` counts from 0."""
    if len(pages) < 2:
        return ""
    words = skin.wording.words
    links = [str(n + 1) if n == current else f'<a href="{path}">{n + 1}</a>' for n, path in enumerate(pages)]
    if current > 0:
        links.insert(0, f'<a rel="prev" class="prev" href="{pages[current - 1]}">‹ {words["previous"]}</a>')
    if current < len(pages) - 1:
        links.append(f'<a rel="next" class="next" href="{pages[current + 1]}">{words["next"]} ›</a>')
    return skin.fill("page_links", items=f"{words['page']} " + " ".join(links))


def _card(skin: Skin, story: SampleArticle) -> str:
    return skin.fill(
        "card",
        url=story.path,
        title=escape(story.title),
        iso=story.published,
        date=skin.wording.date_text(story.published),
        excerpt=escape(excerpt(story)),
    )


def _promos(skin: Skin) -> str:
    notices = skin.wording.promos
    return "\n".join(
        skin.fill("promo", title=escape(note.title), date=skin.wording.date_text(note.day), text=escape(note.text))
        for note in notices
    )


def _bio(skin: Skin, person: Person) -> str:
    facts = {name: escape(getattr(person, name)) for name in ("name", "role", "bio")}
    return skin.fill("bio", url=author_path(person.name), **facts)


RSS = "/feed.xml"
ATOM = "/atom.xml"
_LOCALES = {"en": "en_GB", "es": "es_ES", "de": "de_DE"}


@dataclass(frozen=True, slots=True)
class PageLocation:
    """Where a page of a story is served: the site's origin, the path, and which page of the story it is."""

    origin: str
    path: str
    page_number: int = 1


def plain_head(title: str, extra: str = "") -> str:
    """The head of a page that is no article. `title` is text; `extra` is HTML."""
    return "\n".join(['<meta charset="utf-8">', *_common_tags(f"{title} – {SITE_NAME}"), *([extra] if extra else [])])


def article_head(article: SampleArticle, location: PageLocation) -> str:
    """The head of one page of an article, with metadata in the formats that the article asks for."""
    lines = [*_charset_tags(article), *_common_tags(f"{article.title} | {SITE_NAME}"), *_link_tags(article, location)]
    if article.licence and "json-ld" not in article.meta:
        lines.append(_link_tag("license", article.licence))
    if "og" in article.meta:
        lines.extend(_open_graph_tags(article, location))
    if "json-ld" in article.meta:
        lines.append(_json_ld_script(article, location))
    return "\n".join(lines)


def _common_tags(title: str) -> list[str]:
    return [
        f"<title>{escape(title, quote=False)}</title>",
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<link rel="stylesheet" href="/static/site.css">',
        f'<link rel="alternate" type="application/rss+xml" title="{SITE_NAME}" href="{RSS}">',
        f'<link rel="alternate" type="application/atom+xml" title="{SITE_NAME} (es, de)" href="{ATOM}">',
    ]


def _charset_tags(article: SampleArticle) -> list[str]:
    if article.declared == "header":
        return []
    if article.skin == "tables":
        return [f'<meta http-equiv="Content-Type" content="text/html; charset={article.encoding}">']
    return [f'<meta charset="{article.encoding}">']


def _link_tags(article: SampleArticle, location: PageLocation) -> list[str]:
    links = []
    if _stated_path(article, location) != location.path:
        links.append(_link_tag("canonical", location.origin + article.path))
    elif not article.duplicates and article.skin != "tables":
        links.append(_link_tag("canonical", location.origin + location.path))
    if location.page_number > 1:
        links.append(_link_tag("prev", article.page_path(location.page_number - 1)))
    if location.page_number < len(article.pages):
        links.append(_link_tag("next", article.page_path(location.page_number + 1)))
    return links


def _stated_path(article: SampleArticle, location: PageLocation) -> str:
    """The path that the page gives as its own: a copy with rel=canonical gives the original's."""
    has_canonical = any(copy.canonical for copy in article.duplicates if copy.path == location.path)
    return article.path if has_canonical else location.path


def _link_tag(rel: str, href: str) -> str:
    return f'<link rel="{rel}" href="{escape(href)}">'


def _open_graph_tags(article: SampleArticle, location: PageLocation) -> list[str]:
    pairs = [
        ("og:type", "article"),
        ("og:site_name", SITE_NAME),
        ("og:title", article.title),
        ("og:description", article.standfirst),
        ("og:url", location.origin + _stated_path(article, location)),
        ("og:locale", _LOCALES[article.language]),
        ("og:image", location.origin + article.figures[0].image if article.figures else ""),
        ("article:published_time", article.published),
        ("article:modified_time", article.modified),
        ("article:section", article.section),
        *(("article:author", name) for name in article.authors),
        *(("article:tag", tag) for tag in article.tags),
    ]
    return [f'<meta property="{name}" content="{escape(value)}">' for name, value in pairs if value]


def _json_ld_script(article: SampleArticle, location: PageLocation) -> str:
    fields = {name: value for name, value in _json_ld_fields(article, location).items() if value not in ("", [])}
    graph = {"@context": "https://schema.org", "@graph": [{"@type": "WebSite", "name": SITE_NAME}, fields]}
    data = graph if article.skin == "blocks" else {"@context": "https://schema.org", **fields}
    return f'<script type="application/ld+json">{json.dumps(data, ensure_ascii=False)}</script>'


def _json_ld_fields(article: SampleArticle, location: PageLocation) -> dict[str, Any]:
    return {
        "@type": "NewsArticle",
        "headline": article.title,
        "description": article.standfirst,
        "inLanguage": article.language,
        "url": location.origin + location.path,
        "datePublished": article.published,
        "dateModified": article.modified,
        "author": [{"@type": "Person", "name": name} for name in article.authors],
        "articleSection": article.section,
        "keywords": list(article.tags),
        "license": article.licence,
        "isAccessibleForFree": not article.paywall,
        "publisher": {"@type": "NewsMediaOrganization", "name": SITE_NAME},
    }
