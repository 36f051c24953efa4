"""The whole sample site as values: path → what a server answers there. Pure: no socket, no clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import format_datetime

from crawler.demo import feeds, special
from crawler.demo.content import Article, articles, instant
from crawler.demo.head import ATOM, RSS, Place
from crawler.demo.lists import form_pages, list_pages
from crawler.demo.story import story_page

ORIGIN = "http://lantern.example.org"
_HTML = "text/html; charset=utf-8"
_TYPES = {feeds.ZIPPED: "application/gzip", RSS: "application/rss+xml", ATOM: "application/atom+xml"}


@dataclass(frozen=True, slots=True)
class Resource:
    """What one path answers: status, header fields (without length, date and ETag) and body."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def render(origin: str = ORIGIN) -> dict[str, Resource]:
    """Every resource of the site by path. `origin` (scheme, host, port) is what absolute links are made with."""
    pages = list_pages(special.old_addresses()) | form_pages()
    site = {path: Resource(200, {"Content-Type": _HTML}, page.encode()) for path, page in pages.items()}
    site |= dict(_stories(origin)) | dict(_machine_files(origin)) | dict(_specials(origin))
    for path, (content_type, body) in special.static_files().items():
        site[path] = Resource(200, {"Content-Type": content_type}, body)
    return site


def missing() -> Resource:
    """The answer for a path that the site does not have."""
    return Resource(404, {"Content-Type": _HTML}, special.not_found().encode())


def _stories(origin: str) -> Iterator[tuple[str, Resource]]:
    for article in articles():
        for number in range(1, len(article.pages) + 1):
            place = Place(origin, article.page_path(number), number)
            yield place.path, _story(article, place)
        for copy in article.duplicates:
            yield copy.path, _story(article, Place(origin, copy.path))


def _story(article: Article, place: Place) -> Resource:
    charset = "" if article.declared == "meta" else f"; charset={article.encoding}"
    headers = {
        "Content-Type": f"text/html{charset}",
        "Last-Modified": format_datetime(instant(feeds.changed(article)).astimezone(UTC), usegmt=True),
    }
    return Resource(200, headers, story_page(article, place).encode(article.encoding, "xmlcharrefreplace"))


def _machine_files(origin: str) -> Iterator[tuple[str, Resource]]:
    yield feeds.ROBOTS, Resource(200, {"Content-Type": "text/plain; charset=utf-8"}, feeds.robots(origin).encode())
    for path, body in (feeds.sitemaps(origin) | feeds.feeds(origin)).items():
        yield path, Resource(200, {"Content-Type": _TYPES.get(path, "application/xml")}, body)


def _specials(origin: str) -> Iterator[tuple[str, Resource]]:
    for page in special.specials():
        location = page.location.replace("{origin}", origin)
        headers = {"Content-Type": page.type} | ({"Location": location} if location else {})
        yield page.path, Resource(page.status, headers, page.body())
