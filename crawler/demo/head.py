"""What a page says about itself in its head: title, feeds, canonical URL, Open Graph, JSON-LD."""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape
from typing import Any

from crawler.demo.content import NAME, Article

RSS = "/feed.xml"
ATOM = "/atom.xml"
_LOCALES = {"en": "en_GB", "es": "es_ES", "de": "de_DE"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of a story is served: the site's origin, the path, and which page of the story it is."""

    origin: str
    path: str
    number: int = 1


def plain_head(title: str, extra: str = "") -> str:
    """The head of a page that is no article. `title` is text; `extra` is HTML."""
    return "\n".join(['<meta charset="utf-8">', *_common(f"{title} – {NAME}"), *([extra] if extra else [])])


def article_head(article: Article, place: Place) -> str:
    """The head of one page of an article, with metadata in the ways that the article asks for."""
    lines = [*_charset(article), *_common(f"{article.title} | {NAME}"), *_relations(article, place)]
    if article.licence and "json-ld" not in article.meta:
        lines.append(_link("license", article.licence))
    if "og" in article.meta:
        lines.extend(_open_graph(article, place))
    if "json-ld" in article.meta:
        lines.append(_json_ld(article, place))
    return "\n".join(lines)


def _common(title: str) -> list[str]:
    return [
        f"<title>{escape(title, quote=False)}</title>",
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<link rel="stylesheet" href="/static/site.css">',
        f'<link rel="alternate" type="application/rss+xml" title="{NAME}" href="{RSS}">',
        f'<link rel="alternate" type="application/atom+xml" title="{NAME} (es, de)" href="{ATOM}">',
    ]


def _charset(article: Article) -> list[str]:
    if article.declared == "header":
        return []
    if article.skin == "tables":
        return [f'<meta http-equiv="Content-Type" content="text/html; charset={article.encoding}">']
    return [f'<meta charset="{article.encoding}">']


def _relations(article: Article, place: Place) -> list[str]:
    links = []
    if _own_path(article, place) != place.path:
        links.append(_link("canonical", place.origin + article.path))
    elif not article.duplicates and article.skin != "tables":
        links.append(_link("canonical", place.origin + place.path))
    if place.number > 1:
        links.append(_link("prev", article.page_path(place.number - 1)))
    if place.number < len(article.pages):
        links.append(_link("next", article.page_path(place.number + 1)))
    return links


def _own_path(article: Article, place: Place) -> str:
    """The path that the page gives as its own: a copy with rel=canonical gives the original's."""
    canonical = any(copy.canonical for copy in article.duplicates if copy.path == place.path)
    return article.path if canonical else place.path


def _link(rel: str, href: str) -> str:
    return f'<link rel="{rel}" href="{escape(href)}">'


def _open_graph(article: Article, place: Place) -> list[str]:
    pairs = [
        ("og:type", "article"),
        ("og:site_name", NAME),
        ("og:title", article.title),
        ("og:description", article.standfirst),
        ("og:url", place.origin + _own_path(article, place)),
        ("og:locale", _LOCALES[article.language]),
        ("og:image", place.origin + article.figures[0].image if article.figures else ""),
        ("article:published_time", article.published),
        ("article:modified_time", article.modified),
        ("article:section", article.section),
        *(("article:author", name) for name in article.authors),
        *(("article:tag", tag) for tag in article.tags),
    ]
    return [f'<meta property="{name}" content="{escape(value)}">' for name, value in pairs if value]


def _json_ld(article: Article, place: Place) -> str:
    facts = {name: value for name, value in _facts(article, place).items() if value not in ("", [])}
    graph = {"@context": "https://schema.org", "@graph": [{"@type": "WebSite", "name": NAME}, facts]}
    data = graph if article.skin == "blocks" else {"@context": "https://schema.org", **facts}
    return f'<script type="application/ld+json">{json.dumps(data, ensure_ascii=False)}</script>'


def _facts(article: Article, place: Place) -> dict[str, Any]:
    return {
        "@type": "NewsArticle",
        "headline": article.title,
        "description": article.standfirst,
        "inLanguage": article.language,
        "url": place.origin + place.path,
        "datePublished": article.published,
        "dateModified": article.modified,
        "author": [{"@type": "Person", "name": name} for name in article.authors],
        "articleSection": article.section,
        "keywords": list(article.tags),
        "license": article.licence,
        "isAccessibleForFree": not article.paywall,
        "publisher": {"@type": "NewsMediaOrganization", "name": NAME},
    }
