"""Datelines: the times at which an article was published and modified.

They are read from JSON-LD, metas, time elements, the URL, or visible text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain, takewhile

from broadsheet.cleaners.page.date_parser import (
    LabelledDate,
    date_in_url,
    days_before,
    find_dates,
    in_local_zone,
    is_possible,
    label_before,
    parse_date,
)
from broadsheet.cleaners.page.page_context import PageContext, TextRun, runs_within
from broadsheet.cleaners.page.statements import Element
from broadsheet.cleaners.page.word_lists import meta_names

SourcedDates = Iterator[tuple[str, str]]  # ISO dates and their sources, the best first

_PUBLISHED_MARK = re.compile(r"publi[sc]|entry-date|post-?date|created|dateline", re.IGNORECASE)
_UPDATED_MARK = re.compile(r"updat|modifi", re.IGNORECASE)
_UNRELATED_CLASS = re.compile(r"comment|related|recommend|sidebar|teaser|latest|popular", re.IGNORECASE)
_META_NAME_PATTERNS = {
    "published": re.compile(
        r"publi(?:sh|c)\w*[-_.:]?(?:date|time|on)\b|(?:date|time)[-_.:]?(?:publi|creat|issue)", re.I
    ),
    "modified": re.compile(r"(?:modifi|updat)\w*[-_.:]?(?:date|time|on)\b|(?:date|time)[-_.:]?(?:modif|updat)", re.I),
}
_RUNS_UNDER, _RUNS_OVER = 12, 3  # text runs under and over the headline that may be a dateline
_DAY_CHARS = 40  # most characters of a text run that is nothing but a date
_MAX_UNLABELLED_CHARS = 80  # most characters of a text run whose date has no label
_MAX_RUN_CHARS = 200  # a longer text run is a paragraph, and its dates belong to the story


def find_published(page: PageContext) -> tuple[str, str]:
    """Return when the article was published, in ISO 8601, and the source; both empty if no date is found."""
    stated_dates, marked_dates = _stated_dates(page, ("datePublished",), "published"), _marked_dates(page, "published")
    visible_dates, creation_dates = (
        _visible_dates(page, "published"),
        _stated_dates(page, ("dateCreated", "uploadDate"), ""),
    )
    iso, source = _first_possible(
        page, chain(stated_dates, marked_dates, _url_dates(page), visible_dates, creation_dates)
    )
    iso = in_local_zone(
        iso, (element.get("datetime") or "" for element in page.statements.time_elements), date_in_url(page.url)
    )
    if source in ("json-ld", "meta") and (day := _earlier_visible_day(page, iso)):
        return day, "text"
    return iso, source


def _earlier_visible_day(page: PageContext, iso: str) -> str:
    """Return the earlier date that stands alone near the headline, if the stated date is that of the last change.

    Systems that publish a page anew state that time for both. A difference of one day may come from the time zone.
    """
    modified, _ = find_modified(page)
    if not modified or modified[:10] > iso[:10]:
        return ""
    runs = [
        *takewhile(lambda run: len(run.text) <= _MAX_RUN_CHARS, page.runs_after[:_RUNS_UNDER]),
        *page.runs_before[:_RUNS_OVER],
    ]
    short_texts = (run.text for run in runs if len(run.text) <= _DAY_CHARS)
    days = (
        match.iso for text in short_texts for match in find_dates(text, page.language_hint) if match.label != "updated"
    )
    day = next((day for day in days if is_possible(day, page.not_after)), "")[:10]
    return day if day and day < days_before(iso[:10], int(iso[11:13] < "14")) else ""


def find_modified(page: PageContext) -> tuple[str, str]:
    """Return when the article was last modified, in ISO 8601, and the source; both empty if no date is found."""
    dates = chain(
        _stated_dates(page, ("dateModified",), "modified"),
        _marked_dates(page, "updated"),
        _visible_dates(page, "updated"),
    )
    return _first_possible(page, dates)


def _first_possible(page: PageContext, dates: SourcedDates) -> tuple[str, str]:
    return next(((iso, source) for iso, source in dates if iso and is_possible(iso, page.not_after)), ("", ""))


def _stated_dates(page: PageContext, members: tuple[str, ...], meta_list: str) -> SourcedDates:
    """Yield the dates of JSON-LD members, then those of the metas of a word list (none if its name is empty)."""
    for member in members:
        for value in page.member_values(member):
            yield (
                parse_date(str(value[0] if isinstance(value, list) and value else value), page.language_hint),
                "json-ld",
            )
    if meta_list:
        for content in chain(
            page.statements.meta_contents(meta_names(meta_list)),
            _contents_by_name(page, _META_NAME_PATTERNS[meta_list]),
        ):
            yield parse_date(content, page.language_hint), "meta"


def _contents_by_name(page: PageContext, pattern: re.Pattern[str]) -> Iterator[str]:
    """Yield the contents of metas whose names match a pattern; these are not in the word lists."""
    for name, contents in page.statements.metas.items():
        if pattern.search(name):
            yield from contents


def _url_dates(page: PageContext) -> SourcedDates:
    yield date_in_url(page.url), "url"


def _marked_dates(page: PageContext, label: str) -> SourcedDates:
    """Yield dates of `time` elements: those whose markup has the label, then for `published` any near the headline."""
    label_pattern = _PUBLISHED_MARK if label == "published" else _UPDATED_MARK
    other_label_pattern = _UPDATED_MARK if label == "published" else _PUBLISHED_MARK
    time_elements = [
        element for element in page.statements.time_elements[:30] if page.is_part_of_article(element, _UNRELATED_CLASS)
    ]
    for element in time_elements:
        if (label == "published" and "pubdate" in element.attrib) or label_pattern.search(_class_text(element)):
            yield _element_date(element, page), "markup"
    if label == "published":
        runs = chain(page.runs_before[:8], page.runs_after[:30])
        for element in chain.from_iterable(run.time_elements for run in runs):
            if page.is_part_of_article(element, _UNRELATED_CLASS) and not other_label_pattern.search(
                _class_text(element)
            ):
                yield _element_date(element, page), "markup"


def _class_text(element: Element) -> str:
    return f"{element.get('itemprop', '')} {element.get('class', '')}"


def _element_date(element: Element, page: PageContext) -> str:
    """Return the date of a `time` element: of its `datetime`, else of its text; empty if neither is a date."""
    date = parse_date(element.get("datetime") or "", page.language_hint)
    return date or parse_date("".join(element.itertext()).strip(), page.language_hint)


def _visible_dates(page: PageContext, label: str) -> SourcedDates:
    """Yield the dates in visible text: those with the label, then for `published` those without one and all others."""
    dates = list(_dates_near_headline(page))
    yield from ((date.iso, "text") for date in dates if date.label == label)
    if label == "published":
        yield from ((date.iso, "text") for date in dates if not date.label)
        yield from _dates_by_class(page)
        yield from ((date.iso, "text") for date in dates if date.label)


def _dates_near_headline(page: PageContext) -> Iterator[LabelledDate]:
    """Yield the dates in text runs near the headline; a label may be the text run before."""
    label = ""
    for run in chain(page.runs_after[:30], page.runs_before[:8]):
        for date in find_dates(run.text, page.language_hint) if len(run.text) <= _MAX_RUN_CHARS else ():
            if date.label or label or len(run.text) <= _MAX_UNLABELLED_CHARS:
                yield LabelledDate(date.iso, date.label or label)
        label = _label_alone(run)


def _label_alone(run: TextRun) -> str:
    """Return the label if the text run is nothing else, as where label and date are in cells of their own."""
    return label_before(f"{run.text} ") if len(run.text) <= 30 else ""


def _dates_by_class(page: PageContext) -> SourcedDates:
    """Yield the dates in elements of the article with `date` in their class, and those of its first time elements."""
    date_elements = (
        element for element in page.bylines_and_dates[1][:50] if page.is_part_of_article(element, _UNRELATED_CLASS)
    )
    for run in chain.from_iterable(runs_within(element, 3) for element in date_elements):
        if len(run.text) <= _MAX_UNLABELLED_CHARS:
            yield from ((date.iso, "markup") for date in find_dates(run.text, page.language_hint))
    for element in page.statements.time_elements[:10]:
        if page.is_part_of_article(element, _UNRELATED_CLASS):
            yield _element_date(element, page), "markup"
