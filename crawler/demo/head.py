"""The HTML head of a page: title, feeds, canonical URL, Open Graph, JSON-LD."""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape
from typing import Any

from broadsheet.crawler.demo.content import SITE_NAME, SampleArticle

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
