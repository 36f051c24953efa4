"""Feeds of an archive, Atom (RFC 4287) and JSON Feed 1.1: new articles, or edits to articles, newest first."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from html import escape
from typing import NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid5
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from sqlite_utils import Database

from ..archive.archive_file import database_file
from ..archive.article_filter import host_condition
from ..archive.stored_text import escaped_json
from ..archive.stored_values import LARGEST_INTEGER, stored_texts
from .coverage import Coverage, measure_coverage
from .edit_diffs import EditDiff, diff_html, read_edit_diff, version_links
from .inert_markup import add_element, article_html, is_safe_link, language_tag, xml_line, xml_text
from .run_letter import completeness, letter_lines, read_letter

_EPOCH = "1970-01-01T00:00:00Z"
_NEW_ARTICLES = """SELECT a.id, a.url, a.title, a.authors, a.published, a.first_seen, a.description, a.language, a.tags,
        a.text, a.markdown
    FROM articles a WHERE {host} ORDER BY a.first_seen DESC, a.id LIMIT ?1"""
_EDITS = """SELECT e.seq, e.url, e.title, e.kind, e.at, coalesce(e.title_before, ''), e.added, e.removed, e.rewritten,
        e.note, coalesce(a.language, s.language, ''), e.article_id, e.revision
    FROM edits e LEFT JOIN articles a ON a.id = e.article_id LEFT JOIN shelved s ON s.id = e.article_id
    WHERE {host} AND {kinds} ORDER BY e.seq DESC LIMIT ?1"""


@dataclass(frozen=True, slots=True)
class FeedScope:
    """The scope of a feed: new articles or edits, by host or domain and kind, with a maximum number of entries.

    `room` is the archive's address in a reading room, to whose versions edits link.
    """

    of_edits: bool = False
    host: str = ""
    kinds: tuple[str, ...] = ()
    limit: int = 100
    room: str = ""

    @property
    def title(self) -> str:
        """Return the title that a feed reader shows."""
        what = ("Edits: " + ", ".join(self.kinds) if self.kinds else "Edits") if self.of_edits else "New articles"
        return f"{what} of {self.host}" if self.host else what


class WebFeedEntry(NamedTuple):
    """An entry. `id` is a permanent IRI, so that feed readers show it once. Times are UTC, empty if unknown.

    The time at which an article came into the archive is not its publication time.
    """

    id: str
    url: str
    title: str
    updated: str
    published: str = ""
    authors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    language: str = ""
    summary: str = ""
    html: str = ""


@dataclass(frozen=True, slots=True)
class WebFeed:
    """A feed with its entries. `id` is the same whenever the feed of this archive is written; `updated` is UTC."""

    id: str
    title: str
    updated: str
    entries: tuple[WebFeedEntry, ...]


def read_feed(db: Database, scope: FeedScope, coverage: Sequence[Coverage] | None = None) -> WebFeed:
    """Read the feed of an archive in this scope. `coverage` is measured if it is needed and not given."""
    name = database_file(db).stem
    feed_id = uuid5(NAMESPACE_URL, f"broadsheet:{name}:{scope.of_edits}:{scope.host}:{','.join(scope.kinds)}")
    entries = tuple(_read_edits(db, scope) if scope.of_edits else _read_articles(db, scope))
    if scope.of_edits and not (scope.host or scope.kinds):
        entries = (*_letter_entries(db, feed_id, coverage), *entries)[: scope.limit]
    updated = max((entry.updated for entry in entries), default=_EPOCH)
    return WebFeed(feed_id.urn, xml_text(f"{scope.title} ({name})"), updated, entries)


def _letter_entries(db: Database, feed_id: UUID, coverage: Sequence[Coverage] | None) -> Iterable[WebFeedEntry]:
    """Yield the letter of the last run, if it brought anything: its entry stays in a reader that has shown it."""
    letter = read_letter(db, ())
    if letter.headline and letter.run_id:
        measured = measure_coverage(db) if coverage is None else coverage
        letter = replace(letter, completeness=completeness(db, measured))
        lines = "".join(f"<p>{escape(xml_line(line))}</p>" for line in letter_lines(letter))
        yield WebFeedEntry(
            id=f"{feed_id.urn}#run-{letter.run_id}", url="", title=xml_line(f"The last run: {letter.headline}"),
            updated=_utc(letter.ended_at) or _EPOCH, published=_utc(letter.ended_at),
            summary=xml_line(letter.completeness), html=xml_text(lines),
        )  # fmt: skip


def _read_articles(db: Database, scope: FeedScope) -> Iterable[WebFeedEntry]:
    names = ("id", "url", "title", "authors", "published", "first_seen", "description", "language", "tags", "text")
    for row in db.execute(
        _NEW_ARTICLES.format(host=host_condition(scope.host, "a.host")), [min(scope.limit, LARGEST_INTEGER)]
    ):
        article = dict(zip((*names, "markdown"), row, strict=True))
        yield WebFeedEntry(
            id=xml_line(article["url"]),
            url=xml_line(article["url"]),
            title=xml_line(article["title"]) or xml_line(article["url"]),
            updated=_utc(article["first_seen"]) or _EPOCH,
            published=_utc(article["published"]),
            authors=_lines(stored_texts(article["authors"], "articles", "authors", article["id"])),
            tags=_lines(stored_texts(article["tags"], "articles", "tags", article["id"])),
            language=language_tag(article["language"]),
            summary=xml_line(article["description"]),
            html=article_html(article),
        )


def _read_edits(db: Database, scope: FeedScope) -> Iterable[WebFeedEntry]:
    numbers = (f"?{number}" for number in range(2, 2 + len(scope.kinds)))
    kinds = f"e.kind IN ({', '.join(numbers)})" if scope.kinds else "e.kind NOT IN ('new', 'cleaner')"
    host = host_condition(scope.host, "coalesce(a.host, s.host)")
    rows = db.execute(_EDITS.format(host=host, kinds=kinds), [min(scope.limit, LARGEST_INTEGER), *scope.kinds])
    for seq, url, title, kind, at, title_before, *counts, note, language, article_id, revision in rows:
        summary = xml_line(edit_text(title if kind == "headline" else "", title_before, counts, note))
        diff = read_edit_diff(db, article_id, revision)
        yield WebFeedEntry(
            id=f"{xml_line(url)}#broadsheet-edit-{seq}",
            url=xml_line(url),
            title=xml_line(f"{kind}: {title or url}"),
            updated=_utc(at) or _EPOCH,
            published=_utc(at),
            language=language_tag(language),
            summary=summary,
            html=xml_text(_edit_html(diff, scope.room, summary)) if diff else "",
        )


def _edit_html(diff: EditDiff, room: str, summary: str) -> str:
    """Return an edit as HTML: its kind, its words, and links to both versions, or the command that shows them."""
    links = [f'<a href="{escape(url)}">{name}</a>' for name, url in version_links(diff, room)] if room else []
    versions = " · ".join(links) or (
        f"Both versions: <code>broadsheet diff DB {diff.article_id} --from {diff.first} --to {diff.last}</code>"
    )
    return f"<p>{escape(summary)}</p>{diff_html(diff)}<p>{versions}</p>"


def edit_text(title: str, title_before: str, counts: Sequence[int], note: str) -> str:
    """Describe an edit in a line: the headline before, blocks added, removed and rewritten, the notice."""
    parts = [f"was “{title_before}”"] if title and title_before else []
    count_verbs = zip(counts, ("added", "removed", "rewritten"), strict=True)
    parts += [f"{count} {verb}" for count, verb in count_verbs if count]
    return "; ".join((*parts, note) if note else parts)


def _utc(time: str | None) -> str:
    """Return a stored time in RFC 3339 format; empty for a missing or invalid time."""
    try:
        moment = datetime.fromisoformat(time or "")
    except ValueError:
        return ""
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _lines(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(line for line in map(xml_line, values) if line)


_ATOM = "http://www.w3.org/2005/Atom"
_XML_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_GENERATOR = "Broadsheet"


def atom_document(feed: WebFeed) -> bytes:
    """Return the feed as an XML document in UTF-8."""
    root = Element("feed", {"xmlns": _ATOM})
    add_element(root, "id", feed.id)
    add_element(root, "title", feed.title)
    add_element(root, "updated", feed.updated)
    add_element(SubElement(root, "author"), "name", _GENERATOR)
    add_element(root, "generator", _GENERATOR)
    for entry in feed.entries:
        root.append(_entry_element(entry))
    document: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _entry_element(entry: WebFeedEntry) -> Element:
    element = Element("entry", {_XML_LANGUAGE: entry.language} if entry.language else {})
    for name, text in (("id", entry.id), ("title", entry.title), ("updated", entry.updated)):
        add_element(element, name, text)
    if entry.published:
        add_element(element, "published", entry.published)
    if has_link := is_safe_link(entry.url):
        SubElement(element, "link", {"rel": "alternate", "href": entry.url})
    for author in entry.authors:
        add_element(SubElement(element, "author"), "name", author)
    for tag in entry.tags:
        SubElement(element, "category", {"term": tag})
    add_element(element, "summary", entry.summary)
    if entry.html:
        add_element(element, "content", entry.html).set("type", "html")
    elif not has_link:  # one of them there must be
        add_element(element, "content", entry.summary or entry.title).set("type", "text")
    return element


_JSON_FEED_VERSION = "https://jsonfeed.org/version/1.1"


def json_feed_document(feed: WebFeed) -> bytes:
    """Return the feed as a JSON document in UTF-8."""
    items = [_json_item(entry) for entry in feed.entries]
    values = {"version": _JSON_FEED_VERSION, "title": feed.title, "items": items}
    return (escaped_json(json.dumps(values, ensure_ascii=False, indent=1)) + "\n").encode()


def _json_item(entry: WebFeedEntry) -> dict[str, object]:
    optional = {
        "url": entry.url if is_safe_link(entry.url) else "",
        "summary": entry.summary,
        "date_published": entry.published,
        "date_modified": entry.updated,
        "authors": [{"name": name} for name in entry.authors],
        "tags": list(entry.tags),
        "language": entry.language,
    }
    content = {"content_html": entry.html} if entry.html else {"content_text": entry.summary or entry.title}
    return {
        "id": entry.id,
        "title": entry.title,
        **content,
        **{name: value for name, value in optional.items() if value},
    }
