"""Where a page says when its article appeared and changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain, takewhile

from cleaners.metadata import around_headline
from cleaners.metadata.around_headline import Piece
from cleaners.metadata.dates import (
    Found,
    date_in_url,
    days_before,
    find_dates,
    in_local_zone,
    is_possible,
    label_before,
    parse_date,
)
from cleaners.metadata.page_context import Context
from cleaners.metadata.statements import Element
from cleaners.metadata.word_lists import meta_names

Dated = Iterator[tuple[str, str]]  # ISO dates and their sources, the best first

_PUBLISHED_MARK = re.compile(r"publi[sc]|entry-date|post-?date|created|dateline", re.IGNORECASE)
_UPDATED_MARK = re.compile(r"updat|modifi", re.IGNORECASE)
_UNRELATED = re.compile(r"comment|related|recommend|sidebar|teaser|latest|popular", re.IGNORECASE)
_ODD_NAMES = {
    "published": re.compile(
        r"publi(?:sh|c)\w*[-_.:]?(?:date|time|on)\b|(?:date|time)[-_.:]?(?:publi|creat|issue)", re.I
    ),
    "modified": re.compile(r"(?:modifi|updat)\w*[-_.:]?(?:date|time|on)\b|(?:date|time)[-_.:]?(?:modif|updat)", re.I),
}
_UNDER, _OVER, _DAY_ALONE = 12, 3, 40  # pieces under and over the headline; characters of one that is but a date
_MAX_BARE = 80  # characters of a text whose date has no label
_MAX_PIECE = 200  # characters; a longer piece is a paragraph, and its dates are the story's


def find_published(page: Context) -> tuple[str, str]:
    """Return when the article appeared, in ISO 8601, and the source."""
    stated, marked = _stated(page, ("datePublished",), "published"), _times(page, "published")
    seen, created = _visible(page, "published"), _stated(page, ("dateCreated", "uploadDate"), "")
    iso, source = _first(page, chain(stated, marked, _by_url(page), seen, created))
    iso = in_local_zone(iso, (each.get("datetime") or "" for each in page.clues.times), date_in_url(page.url))
    if source in ("json-ld", "meta") and (day := _day_before(page, iso)):
        return day, "text"
    return iso, source


def _day_before(page: Context, iso: str) -> str:
    """The earlier day that stands by itself under the headline, where the stated date is that of the last change.

    A system that publishes a page anew states that moment as both. A day's difference may only be that of the zone.
    """
    changed, _ = find_modified(page)
    if not changed or changed[:10] > iso[:10]:
        return ""
    near = [*takewhile(lambda piece: len(piece.text) <= _MAX_PIECE, page.after[:_UNDER]), *page.before[:_OVER]]
    short = (piece.text for piece in near if len(piece.text) <= _DAY_ALONE)
    days = (found.iso for text in short for found in find_dates(text, page.language_hint) if found.label != "updated")
    day = next((day for day in days if is_possible(day, page.not_after)), "")[:10]
    return day if day and day < days_before(iso[:10], int(iso[11:13] < "14")) else ""


def find_modified(page: Context) -> tuple[str, str]:
    """Return when the article last changed, in ISO 8601, and the source."""
    stated = chain(_stated(page, ("dateModified",), "modified"), _times(page, "updated"), _visible(page, "updated"))
    return _first(page, stated)


def _first(page: Context, dates: Dated) -> tuple[str, str]:
    return next(((iso, source) for iso, source in dates if iso and is_possible(iso, page.not_after)), ("", ""))


def _stated(page: Context, members: tuple[str, ...], metas: str) -> Dated:
    for member in members:
        for value in page.members(member):
            yield (
                parse_date(str(value[0] if isinstance(value, list) and value else value), page.language_hint),
                "json-ld",
            )
    if metas:
        for content in chain(page.clues.meta(meta_names(metas)), _oddly_named(page, _ODD_NAMES[metas])):
            yield parse_date(content, page.language_hint), "meta"


def _oddly_named(page: Context, pattern: re.Pattern[str]) -> Iterator[str]:
    """Yield the contents of metas that no list has, but whose names say what they are."""
    for name, contents in page.clues.metas.items():
        if pattern.search(name):
            yield from contents


def _by_url(page: Context) -> Dated:
    yield date_in_url(page.url), "url"


def _times(page: Context, label: str) -> Dated:
    """Yield the marked dates: those that say what they are, then for `published` any near the headline."""
    wanted = _PUBLISHED_MARK if label == "published" else _UPDATED_MARK
    other = _UPDATED_MARK if label == "published" else _PUBLISHED_MARK
    times = [each for each in page.clues.times[:30] if page.is_own(each, _UNRELATED)]
    for each in times:
        if (label == "published" and "pubdate" in each.attrib) or wanted.search(_marks(each)):
            yield _date_of(each, page), "markup"
    if label == "published":
        near = chain(page.before[:8], page.after[:30])
        for each in chain.from_iterable(piece.times for piece in near):
            if page.is_own(each, _UNRELATED) and not other.search(_marks(each)):
                yield _date_of(each, page), "markup"


def _marks(element: Element) -> str:
    return f"{element.get('itemprop', '')} {element.get('class', '')}"


def _date_of(element: Element, page: Context) -> str:
    stated = parse_date(element.get("datetime") or "", page.language_hint)
    return stated or parse_date("".join(element.itertext()).strip(), page.language_hint)


def _visible(page: Context, label: str) -> Dated:
    """Yield the dates near the headline: with the wanted label first, then for `published` without any."""
    found = list(_near(page))
    yield from ((date.iso, "text") for date in found if date.label == label)
    if label == "published":
        yield from ((date.iso, "text") for date in found if not date.label)
        yield from _by_class(page)
        yield from ((date.iso, "text") for date in found if date.label)


def _near(page: Context) -> Iterator[Found]:
    label = ""
    for piece in chain(page.after[:30], page.before[:8]):
        for found in find_dates(piece.text, page.language_hint) if len(piece.text) <= _MAX_PIECE else ():
            if found.label or label or len(piece.text) <= _MAX_BARE:
                yield Found(found.iso, found.label or label)
        label = _label_alone(piece)


def _label_alone(piece: Piece) -> str:
    """Return the label if the piece is nothing but one, as where the date stands in a cell of its own."""
    return label_before(f"{piece.text} ") if len(piece.text) <= 30 else ""


def _by_class(page: Context) -> Dated:
    """Yield the dates in elements whose class says `date`, and the other marked times, wherever they stand."""
    boxes = (element for element in page.named[1][:50] if page.is_own(element, _UNRELATED))
    for piece in chain.from_iterable(around_headline.within(box, 3) for box in boxes):
        if len(piece.text) <= _MAX_BARE:
            yield from ((found.iso, "markup") for found in find_dates(piece.text, page.language_hint))
    for element in page.clues.times[:10]:
        if page.is_own(element, _UNRELATED):
            yield _date_of(element, page), "markup"
