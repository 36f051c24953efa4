"""The sample site's pages: stories, front pages, sections, tags, authors, the archive and forms.

Each of three generations of the site's look is a Jinja template in `site/skins`; the phrases of each language are a
TOML file in `site/phrases`. This module computes what the templates show.
"""

from __future__ import annotations

import json
import tomllib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from html import escape
from itertools import groupby
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from .sample_stories import (
    LANGUAGES,
    SITE,
    SITE_NAME,
    Person,
    SampleArticle,
    articles,
    as_datetime,
    people,
    slug,
    to_blocks,
    to_html,
)

RSS = "/feed.xml"
ATOM = "/atom.xml"
_LOCALES = {"en": "en_GB", "es": "es_ES", "de": "de_DE"}
_LIST_SKINS = {"en": "modern", "es": "blocks", "de": "modern"}
_EXCERPT_CHARS = 105  # about two lines of a teaser
_MOST_READ = 5
_RELATED = 3
_STORIES_PER_PAGE = 4
_FRONT_PAGE_STORIES = 6


@dataclass(frozen=True, slots=True)
class Promo:
    """A dated notice about the site's own campaigns."""

    title: str
    day: str
    text: str


@dataclass(frozen=True)
class Wording:
    """The phrases of the site in one language, the paths of its pages, and its format of dates; `words` are HTML."""

    words: dict[str, str]
    paths: dict[str, str]
    promos: tuple[Promo, ...]
    months: tuple[str, ...]
    date: str
    conjunction: str

    def date_text(self, iso: str) -> str:
        """Format a date in the language."""
        day = as_datetime(iso)
        return self.date.format(day=day.day, month=self.months[day.month - 1], year=day.year)

    def month_text(self, iso: str) -> str:
        """Format the month and year of a date."""
        day = as_datetime(iso)
        return f"{self.months[day.month - 1]} {day.year}"

    def tag_path(self, tag: str) -> str:
        """Return the path of a tag's page."""
        return self.paths["tag"].format(slug=slug(tag))


@cache
def load_wording(language: str) -> Wording:
    """Read the phrases of a language of the site."""
    data: dict[str, Any] = tomllib.loads((SITE / "phrases" / f"{language}.toml").read_text("utf-8"))
    return Wording(
        words={name: escape(text) for name, text in data["words"].items()},
        paths=data["paths"],
        promos=tuple(Promo(**entry) for entry in data["promo"]),
        months=tuple(data["months"]),
        date=data["date"],
        conjunction=data["and"],
    )


@dataclass(frozen=True, slots=True)
class PageLocation:
    """The place of a page of a story: the site's origin, the path, and the number of the page, from 1."""

    origin: str
    path: str
    page_number: int = 1


def story_page(article: SampleArticle, location: PageLocation) -> str:
    """Return the HTML of one page of an article."""
    html = _page(
        article.skin,
        article.language,
        "story",
        article.title,
        story=article,
        number=location.page_number - 1,
        pages=[article.page_path(number + 1) for number in range(len(article.pages))],
        path=location.path,
        url=quote(location.origin + location.path, safe=""),
        canonical=_canonical_url(article, location),
        open_graph=_open_graph(article, location) if "og" in article.meta else (),
        json_ld=_json_ld(article, location) if "json-ld" in article.meta else "",
        post_number=zlib.crc32(article.path.encode()) % 9000,
        standfirst=article.standfirst if location.page_number == 1 else "",
        writers=[people()[name] for name in article.authors],
        related=_related(article),
    )
    return _break_markup(html) if article.quirk == "broken" else html


def list_pages(old_addresses: list[tuple[str, str]]) -> dict[str, str]:
    """Return every list page, path to HTML. `old_addresses` are (path, link text) for the end of the archive page."""
    pages: dict[str, str] = {}
    for language in LANGUAGES:
        pages |= dict(_front_page(language)) | dict(_section_pages(language)) | dict(_tag_pages(language))
    pages |= {_author_path(person.name): _author_page(person) for person in people().values()}
    return pages | {load_wording("en").paths["archive"]: _archive_page(old_addresses)}


def form_pages() -> dict[str, str]:
    """Return the contact and support forms, path to HTML."""
    return {
        load_wording(language).paths[name]: _list_page(language, load_wording(language).words[name], "form", name=name)
        for language in LANGUAGES
        for name in ("contact", "support")
    }


def not_found_page() -> str:
    """Return the page of a soft 404: it says that there is no such page."""
    return _list_page("en", load_wording("en").words["not_found"], "error")


@cache
def _templates() -> Environment:
    """Make the templates' environment: a value is text as it is, unless `e` (quotes too) or `text` escapes it."""
    environment = Environment(loader=FileSystemLoader(SITE / "skins"), undefined=StrictUndefined, trim_blocks=True)
    environment.filters |= {
        "e": escape,
        "text": lambda words: escape(words, quote=False),
        "markdown": to_html,
        "excerpt": _excerpt,
        "author_path": _author_path,
    }
    environment.globals |= {"site_name": SITE_NAME, "rss": RSS, "atom": ATOM}
    return environment


def _page(skin: str, language: str, kind: str, title: str, **values: object) -> str:
    wording = load_wording(language)
    return (
        _templates()
        .get_template(f"{skin}.html")
        .render(
            {"story": None, "pages": (), "number": 0} | values,
            kind=kind,
            title=title,
            language=language,
            wording=wording,
            words=wording.words,
            paths=wording.paths,
            most_read=_most_read(language),
        )
    )


def _list_page(language: str, title: str, kind: str = "listing", **values: object) -> str:
    defaults: dict[str, object] = {"stories": (), "person": None, "link_lists": (), "section_link": ""}
    return _page(_LIST_SKINS[language], language, kind, title, **(defaults | values))


def _linked_stories(language: str) -> tuple[SampleArticle, ...]:
    """Return the stories of a language that the site itself links to, newest first."""
    return tuple(story for story in articles() if story.language == language and story.listed == "site")


def _most_read(language: str) -> list[SampleArticle]:
    return sorted(_linked_stories(language), key=lambda story: (-len(story.comments), story.path))[:_MOST_READ]


def _related(article: SampleArticle) -> list[SampleArticle]:
    """Choose three other stories of the language."""
    stories = [story for story in _linked_stories(article.language) if story is not article]
    start = len(article.path) % len(stories)
    return (stories[start:] + stories[:start])[:_RELATED]


def _excerpt(article: SampleArticle) -> str:
    """Return the beginning of a story, cut at a word before the end of its first block, with `…` at the end."""
    text = article.standfirst or to_blocks(article.pages[0][0].text)[0]
    length = min(_EXCERPT_CHARS, len(text) * 2 // 3)
    return text[:length].rsplit(" ", 1)[0].rstrip(",.;:") + "…"


def _author_path(name: str) -> str:
    return load_wording(people()[name].language).paths["author"].format(slug=slug(name))


def _break_markup(page: str) -> str:
    """Remove the closing paragraph tags, and cut the page off in the middle of the comments."""
    comments_start = page.index('name="comments"')
    return page[: page.index("<b>", comments_start) + 40].replace("</p>", "")


def _front_page(language: str) -> Iterator[tuple[str, str]]:
    wording, stories = load_wording(language), _linked_stories(language)[:_FRONT_PAGE_STORIES]
    link = f'<a href="{wording.paths["section"]}">{wording.words["section"]}</a>'
    yield wording.paths["home"], _list_page(language, SITE_NAME, stories=stories, section_link=link)


def _section_pages(language: str) -> Iterator[tuple[str, str]]:
    stories, wording = _linked_stories(language), load_wording(language)
    count = -(-len(stories) // _STORIES_PER_PAGE)
    pages = [wording.paths["section"], *(wording.paths["page"].format(n=number) for number in range(2, count + 1))]
    for number, path in enumerate(pages):
        shown = stories[number * _STORIES_PER_PAGE : (number + 1) * _STORIES_PER_PAGE]
        yield path, _list_page(language, wording.words["section"], stories=shown, pages=pages, number=number)


def _tag_pages(language: str) -> Iterator[tuple[str, str]]:
    for tag in sorted({tag for story in articles() if story.language == language for tag in story.tags}):
        stories = [story for story in _linked_stories(language) if tag in story.tags]
        yield load_wording(language).tag_path(tag), _list_page(language, tag, stories=stories)


def _author_page(person: Person) -> str:
    stories = [story for story in _linked_stories(person.language) if person.name in story.authors]
    return _list_page(person.language, person.name, stories=stories, person=person)


def _archive_page(old_addresses: list[tuple[str, str]]) -> str:
    wording = load_wording("en")
    stories = [story for story in articles() if story.listed == "site"]
    months = groupby(stories, key=lambda story: wording.month_text(story.published))
    boxes = [
        (month, [(story.path, f"{story.title}, {wording.date_text(story.published)}") for story in group])
        for month, group in months
    ]
    boxes.append((wording.words["old_addresses"], old_addresses))
    return _list_page("en", wording.words["archive"], link_lists=boxes)


def _canonical_url(article: SampleArticle, location: PageLocation) -> str:
    """Return the URL that the page gives as canonical, or an empty string if it gives none."""
    stated_path = _stated_path(article, location)
    is_silent = article.duplicates or article.skin == "tables"
    return "" if stated_path == location.path and is_silent else location.origin + stated_path


def _stated_path(article: SampleArticle, location: PageLocation) -> str:
    """Return the path that the page gives as its own: a copy with rel=canonical gives the original's."""
    has_canonical = any(copy.canonical for copy in article.duplicates if copy.path == location.path)
    return article.path if has_canonical else location.path


def _open_graph(article: SampleArticle, location: PageLocation) -> list[tuple[str, str]]:
    return [
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


def _json_ld(article: SampleArticle, location: PageLocation) -> str:
    fields = {name: value for name, value in _json_ld_fields(article, location).items() if value not in ("", [])}
    graph = {"@context": "https://schema.org", "@graph": [{"@type": "WebSite", "name": SITE_NAME}, fields]}
    data = graph if article.skin == "blocks" else {"@context": "https://schema.org", **fields}
    return json.dumps(data, ensure_ascii=False)


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
