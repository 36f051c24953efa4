"""URLs by coverage, down to each URL, and single responses.

Of a response the page shows its head, what it asked of robots, and the place of its record.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import compress
from pathlib import Path
from typing import NamedTuple

from sqlite_utils import Database

from ..archive.stored_values import stored_texts
from ..raw.raw_exchange import RecordLocation
from ..raw.warc_folders import shown_name
from ..raw.warc_reader import RecordError, read_response, read_span
from ..read.coverage import Coverage, CoveredUrl, Gap, hint_for, list_covered_urls
from .article_page import MOST_ROWS
from .strict_requests import Arguments, NotHereError

_CAPTURE = """SELECT c.id, c.url, c.fetched_at, coalesce(c.http_status, 0), c.final_url, c.content_type,
        c.payload_digest, c.payload_length, coalesce(c.warc_file, ''), coalesce(c.warc_offset, 0),
        coalesce(c.warc_length, 0), c.directives, c.usage_stated, coalesce(c.truncated, ''),
        coalesce(c.record_faults, ''),
        coalesce((SELECT p.article_id FROM pages p WHERE p.capture_id = c.id), 0),
        coalesce((SELECT r.access || ' (' || r.reason || ')' FROM robots_files r WHERE r.id = c.robots_id), ''),
        coalesce(c.rendered_for, '')
    FROM captures c WHERE c.id = ?"""
# The document that a browser made of a response, and the response of a document: one after the other in time.
_DOCUMENT = """SELECT id, fetched_at FROM captures WHERE rendered_for = ?1 AND url = ?1 AND fetched_at >= ?2
    ORDER BY fetched_at, id LIMIT 1"""
_RESPONSE = """SELECT id FROM captures
    WHERE url = ?1 AND rendered_for IS NULL AND http_status = 200 AND fetched_at <= ?2
    ORDER BY fetched_at DESC, id LIMIT 1"""
_HAS_FILES = """SELECT EXISTS (SELECT 1 FROM urls u JOIN _page_files f ON f.user_id = u.id
    JOIN _pictures p ON p.url_id = f.url_id WHERE u.url = ?)"""
_PLACE = "SELECT warc_file, warc_offset, warc_length FROM captures WHERE id = ?"
_FILE_PLACE = 8  # of the name of the WARC file in the row
_TEXT_LISTS = {11: "directives", 12: "usage_stated"}  # columns that hold JSON arrays, by their place in the row


class RawDocument(NamedTuple):
    """A response's body as text, and whether it is a page."""

    text: str
    is_html: bool


RawReader = Callable[[RecordLocation, RecordLocation | None, Path], RawDocument]
"""Reads the response at a place (a revisit with its body at another) below a folder. NotHereError if it cannot be."""


class RenderedViews(NamedTuple):
    """Both views of a rendered page, as numbers of captures: its response, and the document that a browser made."""

    response: int
    document: int


class CaptureView(NamedTuple):
    """A capture with the head of its response as sent, or the fault of its record.

    `robots` is what the host's robots.txt said then; `article_id` is 0 where no current text comes from it.
    `rendered_for` is the page for which a browser asked for it, `views` the two captures of a page that a browser
    rendered. `has_files`: the style sheets or pictures that it shows are stored.
    """

    id: int
    url: str
    fetched_at: str
    http_status: int
    final_url: str
    content_type: str
    payload_digest: str
    payload_length: int
    warc_file: str
    warc_offset: int
    warc_length: int
    directives: tuple[str, ...]
    usage_stated: tuple[str, ...]
    truncated: str
    record_faults: str
    article_id: int
    robots: str
    rendered_for: str
    head: str
    fault: str
    views: RenderedViews | None
    has_files: bool


def read_capture(db: Database, capture_id: int, folder: Path) -> CaptureView:
    """Read the capture of a number; `folder` is the archive's file.

    Raises NotHereError if there is none.
    """
    row = db.execute(_CAPTURE, [capture_id]).fetchone()
    if row is None:
        raise NotHereError("the archive has no capture of that number")
    values = list(row)
    values[_FILE_PLACE] = shown_name(folder, row[_FILE_PLACE])
    for place, name in _TEXT_LISTS.items():
        values[place] = stored_texts(row[place], "captures", name, capture_id)
    views = find_views(db, capture_id, row[1], row[2], row[-1])
    has_files = bool(db.execute(_HAS_FILES, [row[1]]).fetchone()[0])
    return CaptureView(*[*values, *_read_head(db, capture_id, folder), views, has_files])


def find_views(db: Database, capture_id: int, url: str, fetched_at: str, rendered_for: str) -> RenderedViews | None:
    """Find both views of the page that a capture shows; None where no browser rendered it.

    A document follows its response in time, and no other response of the page lies between them.
    """
    if rendered_for not in ("", url):
        return None
    document = (capture_id, fetched_at) if rendered_for else db.execute(_DOCUMENT, [url, fetched_at]).fetchone()
    response = db.execute(_RESPONSE, [url, document[1]]).fetchone() if document else None
    if response is None or (not rendered_for and response[0] != capture_id):
        return None
    return RenderedViews(response[0], document[0])


def _read_head(db: Database, capture_id: int, folder: Path) -> tuple[str, str]:
    """Read (head, fault): the response's head as text, or why there is none; both are empty where none was kept."""
    try:
        exchange = read_response(db, folder, capture_id)
    except RecordError as error:
        return "", str(error)
    return (exchange.head.decode("latin-1").strip(), "") if exchange else ("", "")


def read_record_bytes(db: Database, capture_id: int, folder: Path) -> tuple[str, bytes]:
    """Read the name of a capture's WARC file, and its record's bytes.

    Raises NotHereError if there is no such record.
    """
    row = db.execute(_PLACE, [capture_id]).fetchone()
    if row is None or row[0] is None:
        raise NotHereError("no raw response of that number was kept")
    try:
        if read_response(db, folder, capture_id) is None:
            raise NotHereError("no raw response of that number was kept")
        return Path(row[0]).name, read_span(folder, *row)
    except RecordError as error:
        raise NotHereError(str(error)) from error


SOURCES = ("sitemap", "feed", "link")
PAGE_SIZE = 100

_URL = """SELECT u.url, u.host, u.kind, u.state, u.reason, u.found_via, coalesce(u.found_on, ''), u.depth, u.attempts,
        u.first_seen, coalesce(u.fetched_at, ''), coalesce(u.http_status, 0), coalesce(u.location, ''),
        coalesce(u.lastmod, '') FROM urls u WHERE u.id = ?"""
_LISTED = "SELECT in_sitemap, in_feed FROM urls WHERE id = ?"  # in the order of `SOURCES`
_PAGE = "SELECT page_type, title, evidence, coalesce(article_id, 0) FROM pages WHERE id = ?"
_CAPTURES = f"""SELECT id, fetched_at, coalesce(http_status, 0), content_type, payload_length,
        rendered_for IS NOT NULL FROM captures
    WHERE url = ? ORDER BY fetched_at DESC, id LIMIT {MOST_ROWS}"""


class BarPart(NamedTuple):
    """A part of a bar that is 100 wide: its name, its value, where it begins and how wide it is."""

    name: str
    value: int
    x: float
    width: float


class SourceCoverage(NamedTuple):
    """The outcome of the URLs that one source names."""

    source: str
    named: int
    articles: int
    parts: tuple[BarPart, ...]
    pages: tuple[Gap, ...]
    gaps: tuple[Gap, ...]
    unnamed: int
    unnamed_examples: tuple[str, ...]


class CoverageView(NamedTuple):
    """The coverage of each source; None while it is being counted."""

    sources: tuple[SourceCoverage, ...] | None


class CoveredUrls(NamedTuple):
    """The URLs of a source that ended in one state for one reason, what may be done, and where the next page begins (0
    for none).
    """

    source: str
    state: str
    reason: str
    hint: str
    urls: tuple[CoveredUrl, ...]
    following: int


class UrlCapture(NamedTuple):
    """A response to a URL, or the document that a browser made of one."""

    id: int
    fetched_at: str
    http_status: int
    content_type: str
    payload_length: int
    is_rendered: bool


class UrlView(NamedTuple):
    """Everything that the archive knows of a URL.

    `page_type` and `evidence` are empty where it gave no page, `article_id` is 0 where it leads to no article.
    """

    url: str
    host: str
    kind: str
    state: str
    reason: str
    found_via: str
    found_on: str
    depth: int
    attempts: int
    first_seen: str
    fetched_at: str
    http_status: int
    location: str
    lastmod: str
    hint: str
    listed_in: tuple[str, ...]
    page_type: str
    title: str
    evidence: tuple[str, ...]
    article_id: int
    captures: tuple[UrlCapture, ...]


def show_coverage(coverage: Sequence[Coverage] | None) -> CoverageView:
    """Return the report's coverage with a bar for each source."""
    return CoverageView(None if coverage is None else tuple(map(source_coverage, coverage)))


def bar_parts(values: Sequence[tuple[str, int]]) -> tuple[BarPart, ...]:
    """Divide a bar by shares; every part above zero is wide enough to be seen."""
    total, x = sum(value for _, value in values), 0.0
    parts = []
    for name, value in values:
        width = round(100 * value / total, 2) if total else 0.0
        parts.append(BarPart(name, value, round(x, 2), max(width, 0.4) if value else 0.0))
        x += width
    return tuple(parts)


def source_coverage(source: Coverage) -> SourceCoverage:
    """Return the outcome of the URLs that a source names, with its bar: those that were not read by their state."""
    not_read = Counter[str]()
    for gap in source.gaps:
        not_read["leads elsewhere" if gap.state == "done" else gap.state] += gap.urls
    pages = sum(gap.urls for gap in source.pages)
    parts = bar_parts([("articles", source.articles), ("other pages", pages), *not_read.most_common()])
    return SourceCoverage(
        source.source, source.named, source.articles, parts, source.pages, source.gaps, source.unnamed,
        source.unnamed_examples,
    )  # fmt: skip


def list_urls(db: Database, arguments: Arguments) -> CoveredUrls:
    """List the URLs that the arguments `source`, `state` and `reason` name, from the end after number `after` on."""
    source = arguments.choice("source", SOURCES, "sitemap")
    outcome = arguments.text("state"), arguments.text("reason")
    urls = list_covered_urls(db, source, outcome, arguments.number("after", 0), PAGE_SIZE)
    is_full = len({url.end_id for url in urls}) == PAGE_SIZE
    hint = "" if outcome[0] == "done" and outcome[1] != "redirect" else hint_for(*outcome)  # type: ignore[arg-type]
    return CoveredUrls(source, *outcome, hint, tuple(urls), urls[-1].end_id if is_full else 0)


def read_url(db: Database, url_id: int) -> UrlView:
    """Read a URL by its number in `urls`.

    Raises NotHereError if there is none.
    """
    row = db.execute(_URL, [url_id]).fetchone()
    if row is None:
        raise NotHereError("the archive has no URL of that number")
    page_type, title, evidence, article_id = db.execute(_PAGE, [url_id]).fetchone() or ("", "", "[]", 0)
    is_read = row[3] == "done" and row[4] != "redirect"
    captures = tuple(
        UrlCapture(*[*values, bool(is_rendered)]) for *values, is_rendered in db.execute(_CAPTURES, [row[0]])
    )
    facts = stored_texts(evidence, "pages", "evidence", url_id)
    hint = "" if is_read else hint_for(row[3], row[4])
    sources = tuple(compress(SOURCES, db.execute(_LISTED, [url_id]).fetchone()))
    return UrlView(*[*row, hint, sources, page_type, title, facts, article_id, captures])
