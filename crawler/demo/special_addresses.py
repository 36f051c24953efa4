"""Addresses of the sample site without an article: robots.txt, sitemaps, feeds, redirects, errors, files."""

from __future__ import annotations

import gzip
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from email.utils import format_datetime
from functools import cache
from xml.sax.saxutils import escape

from .sample_pages import ATOM, RSS, load_wording, not_found_page
from .sample_stories import SITE, SITE_NAME, SampleArticle, articles, as_datetime

ROBOTS = "/robots.txt"
SITEMAP_INDEX = "/sitemap_index.xml"
GZIPPED_SITEMAP = "/sitemaps/stories-en.xml.gz"
PLAIN_SITEMAP = "/sitemaps/stories-es-de.xml"
NEWS_SITEMAP = "/news-sitemap.xml"
DISALLOWED_PATH = "/internal/"

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_SITEMAP_NS = "http://www.sitemaps.org/schemas/sitemap/0.9"
_NEWS_NS = "http://www.google.com/schemas/sitemap-news/0.9"
_FEED_LENGTH = 8
_NEWS_LENGTH = 3


def robots_txt(origin: str) -> str:
    """Return the site's robots.txt."""
    rules = f"User-agent: *\nDisallow: {DISALLOWED_PATH}\n\nUser-agent: examplebot\nDisallow: /\n"
    return f"{rules}\nSitemap: {origin}{SITEMAP_INDEX}\nSitemap: {origin}{NEWS_SITEMAP}\n"


def sitemaps(origin: str) -> dict[str, bytes]:
    """Return the sitemap index, its gzipped and its plain child, and the news sitemap, by path."""
    stories = [story for story in articles() if story.listed != "feed"]
    english_stories = [story for story in stories if story.language == "en"]
    other_stories = [story for story in stories if story.language != "en"]
    return {
        SITEMAP_INDEX: _index(origin).encode(),
        GZIPPED_SITEMAP: gzip.compress(_url_set(origin, english_stories).encode(), mtime=0),
        PLAIN_SITEMAP: _url_set(origin, other_stories).encode(),
        NEWS_SITEMAP: _news(
            origin, [story for story in english_stories if story.listed == "site"][:_NEWS_LENGTH]
        ).encode(),
    }


def feeds(origin: str) -> dict[str, bytes]:
    """Return the RSS feed of the English stories and the Atom feed of the others, by path."""
    stories = [story for story in articles() if story.listed != "sitemap"]
    english_stories = [story for story in stories if story.language == "en"]
    other_stories = [story for story in stories if story.language != "en"]
    return {
        RSS: _rss(origin, english_stories[:_FEED_LENGTH]).encode(),
        ATOM: _atom(origin, other_stories[:_FEED_LENGTH]).encode(),
    }


def last_changed(article: SampleArticle) -> str:
    """Return the time at which the article last changed, as the page states it."""
    return article.modified or article.published


def _index(origin: str) -> str:
    latest = last_changed(articles()[0])
    entries = "".join(
        f"<sitemap><loc>{origin}{path}</loc><lastmod>{latest}</lastmod></sitemap>\n"
        for path in (GZIPPED_SITEMAP, PLAIN_SITEMAP, NEWS_SITEMAP)
    )
    return f'{_DECLARATION}<sitemapindex xmlns="{_SITEMAP_NS}">\n{entries}</sitemapindex>\n'


def _url_set(origin: str, stories: Iterable[SampleArticle]) -> str:
    entries = "".join(
        f"<url><loc>{origin}{story.path}</loc><lastmod>{last_changed(story)}</lastmod></url>\n" for story in stories
    )
    return f'{_DECLARATION}<urlset xmlns="{_SITEMAP_NS}">\n{entries}</urlset>\n'


def _news(origin: str, stories: Iterable[SampleArticle]) -> str:
    entries = "".join(_news_entry(origin, story) for story in stories)
    return f'{_DECLARATION}<urlset xmlns="{_SITEMAP_NS}" xmlns:news="{_NEWS_NS}">\n{entries}</urlset>\n'


def _news_entry(origin: str, story: SampleArticle) -> str:
    publication = f"<news:name>{SITE_NAME}</news:name><news:language>{story.language}</news:language>"
    return (
        f"<url><loc>{origin}{story.path}</loc><lastmod>{last_changed(story)}</lastmod><news:news>"
        f"<news:publication>{publication}</news:publication>"
        f"<news:publication_date>{story.published}</news:publication_date>"
        f"<news:title>{escape(story.title)}</news:title></news:news></url>\n"
    )


def _rss(origin: str, stories: Iterable[SampleArticle]) -> str:
    items = "".join(
        f"<item><title>{escape(story.title)}</title><link>{origin}{story.path}</link>"
        f'<guid isPermaLink="true">{origin}{story.path}</guid>'
        f"<pubDate>{format_datetime(as_datetime(story.published))}</pubDate>"
        f"<description>{escape(story.standfirst)}</description></item>\n"
        for story in stories
    )
    head = f"<title>{SITE_NAME}</title><link>{origin}/</link><description>Slow reporting</description>\n"
    return f'{_DECLARATION}<rss version="2.0"><channel>{head}{items}</channel></rss>\n'


def _atom(origin: str, stories: list[SampleArticle]) -> str:
    entries = "".join(_atom_entry(origin, story) for story in stories)
    updated = as_datetime(last_changed(stories[0])).isoformat()
    head = (
        f"<title>{SITE_NAME}</title><id>{origin}{ATOM}</id>"
        f'<link rel="self" href="{origin}{ATOM}"/><updated>{updated}</updated>\n'
    )
    return f'{_DECLARATION}<feed xmlns="http://www.w3.org/2005/Atom">{head}{entries}</feed>\n'


def _atom_entry(origin: str, story: SampleArticle) -> str:
    names = "".join(f"<author><name>{escape(name)}</name></author>" for name in story.authors)
    published, updated = as_datetime(story.published).isoformat(), as_datetime(last_changed(story)).isoformat()
    return (
        f'<entry xml:lang="{story.language}"><title>{escape(story.title)}</title><id>{origin}{story.path}</id>'
        f'<link rel="alternate" href="{story.path}"/>{names}<published>{published}</published>'
        f"<updated>{updated}</updated><summary>{escape(story.standfirst)}</summary></entry>\n"
    )


_FILE_TYPES = {
    ".svg": "image/svg+xml", ".jpg": "image/jpeg", ".css": "text/css; charset=utf-8", ".json": "application/json",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SpecialAddress:
    """An address without an article, and the state and reason that a crawl should record for it.

    `kind` describes the body: redirect, not_found, javascript (text by script), empty (no bytes), hollow (markup
    without text), file. `text` is the text of the link to it; without one, only other pages link to it.
    """

    path: str
    status: int
    state: str
    reason: str
    kind: str = "redirect"
    location: str = ""
    text: str = ""
    file: str = ""
    type: str = "text/html; charset=utf-8"

    def body(self) -> bytes:
        """Return the body of the response."""
        if self.kind == "file":
            return (SITE / "files" / self.file).read_bytes()
        return _BODIES[self.kind]().encode()


@cache
def special_addresses() -> tuple[SpecialAddress, ...]:
    """Read all special addresses from the data file."""
    entries = tomllib.loads((SITE / "special.toml").read_text("utf-8"))["page"]
    return tuple(SpecialAddress(**entry) for entry in entries)


def old_addresses() -> list[tuple[str, str]]:
    """Return the archive page's links to special addresses and to the stories' second paths: (path, link text)."""
    copies = [(copy.path, story.title) for story in articles() for copy in story.duplicates]
    return copies + [(special.path, special.text) for special in special_addresses() if special.text]


def static_files() -> dict[str, tuple[str, bytes]]:
    """Return pictures, the stylesheet and what a script asks for, by path: content type and bytes."""
    files = [file for file in sorted((SITE / "files").iterdir()) if file.suffix in _FILE_TYPES]
    folders = {".css": "/static/", ".json": "/data/"}
    return {
        f"{folders.get(file.suffix, '/media/')}{file.name}": (_FILE_TYPES[file.suffix], file.read_bytes())
        for file in files
    }


_MAP_SCRIPT = """
fetch('/data/harbour-map.json').then(answer => answer.json()).then(story => {
  const article = document.createElement('article');
  const add = (name, text) => { article.appendChild(document.createElement(name)).textContent = text; };
  add('h1', story.title);
  story.paragraphs.forEach(text => add('p', text));
  document.getElementById('root').append(article);
});
"""


def _javascript_page() -> str:
    """Return a page whose text comes by its script."""
    words = load_wording("en").words
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Harbour map</title></head><body>'
        f'<div id="root"></div><noscript>{words["javascript"]}</noscript><script>{_MAP_SCRIPT}</script></body></html>'
    )


def _empty_body() -> str:
    return ""


def _empty_page() -> str:
    return '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title></title></head><body></body></html>'


_BODIES: dict[str, Callable[[], str]] = {
    "redirect": _empty_body,
    "empty": _empty_body,
    "not_found": not_found_page,
    "javascript": _javascript_page,
    "hollow": _empty_page,
}
