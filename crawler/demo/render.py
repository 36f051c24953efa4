"""The whole sample site as values: path → what a server answers there. Pure: no socket, no clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import format_datetime

from broadsheet.crawler.demo import feeds, special
from broadsheet.crawler.demo.content import SampleArticle, articles, as_datetime
from broadsheet.crawler.demo.head import ATOM, RSS, PageLocation
from broadsheet.crawler.demo.lists import form_pages, list_pages
from broadsheet.crawler.demo.story import story_page

ORIGIN = "http://lantern.example.org"
_HTML = "text/html; charset=utf-8"
_CONTENT_TYPES = {feeds.GZIPPED_SITEMAP: "application/gzip", RSS: "application/rss+xml", ATOM: "application/atom+xml"}


@dataclass(frozen=True, slots=True)
class Resource:
    """What one path answers: status, header fields (without length, date and ETag) and body."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def render(origin: str = ORIGIN) -> dict[str, Resource]:
    """Every resource of the site by path. `origin` (scheme, host, port) is what absolute links are made with."""
    pages = list_pages(special.old_addresses()) | form_pages()
    resources = {path: Resource(200, {"Content-Type": _HTML}, page.encode()) for path, page in pages.items()}
    resources |= dict(_story_resources(origin)) | dict(_machine_resources(origin)) | dict(_special_resources(origin))
    for path, (content_type, body) in special.static_files().items():
        resources[path] = Resource(200, {"Content-Type": content_type}, body)
    return resources


def not_found_resource() -> Resource:
    """The answer for a path that the site does not have."""
    return Resource(404, {"Content-Type": _HTML}, special.not_found_page().encode())


def _story_resources(origin: str) -> Iterator[tuple[str, Resource]]:
    for article in articles():
        for number in range(1, len(article.pages) + 1):
            location = PageLocation(origin, article.page_path(number), number)
            yield location.path, _story_resource(article, location)
        for copy in article.duplicates:
            yield copy.path, _story_resource(article, PageLocation(origin, copy.path))


def _story_resource(article: SampleArticle, location: PageLocation) -> Resource:
    charset = "" if article.declared == "meta" else f"; charset={article.encoding}"
    headers = {
        "Content-Type": f"text/html{charset}",
        "Last-Modified": format_datetime(as_datetime(feeds.last_changed(article)).astimezone(UTC), usegmt=True),
    }
    return Resource(200, headers, story_page(article, location).encode(article.encoding, "xmlcharrefreplace"))


def _machine_resources(origin: str) -> Iterator[tuple[str, Resource]]:
    yield feeds.ROBOTS, Resource(200, {"Content-Type": "text/plain; charset=utf-8"}, feeds.robots_txt(origin).encode())
    for path, body in (feeds.sitemaps(origin) | feeds.feeds(origin)).items():
        yield path, Resource(200, {"Content-Type": _CONTENT_TYPES.get(path, "application/xml")}, body)


def _special_resources(origin: str) -> Iterator[tuple[str, Resource]]:
    for page in special.special_addresses():
        location = page.location.replace("{origin}", origin)
        headers = {"Content-Type": page.type} | ({"Location": location} if location else {})
        yield page.path, Resource(page.status, headers, page.body())
