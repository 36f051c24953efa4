"""Datelines: the times at which an article was published and modified.

They are read from JSON-LD, metas, time elements, the URL, or visible text. The day in a URL's path outvotes the others,
since systems make addresses of the day of publication; visible text decides between statements that differ.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from functools import cache
from itertools import chain, islice, takewhile
from operator import itemgetter

from ..document import DAY_MONTH, PUBLISHED, FieldStatement
from .date_parser import (
    LabelledDate,
    assumed_order,
    date_in_url,
    days_before,
    find_dates,
    in_local_zone,
    is_possible,
    label_before,
    month_in_url,
    orders_shown,
    parse_date,
    swapped_day,
)
from .page_context import PageContext, TextRun, runs_within
from .statements import Element, element_text
from .word_lists import alternatives_pattern, load_words, meta_names

SourcedDates = Iterator[tuple[str, str]]  # ISO dates and their sources, the best first

_PUBLISHED_MARK = re.compile(r"publi[sc]|entry-date|post-?date|created|dateline", re.IGNORECASE)
_UPDATED_MARK = re.compile(r"updat|modifi", re.IGNORECASE)
UNRELATED_CLASS = re.compile(r"comment|related|recommend|sidebar|teaser|latest|popular", re.IGNORECASE)
"""Names of boxes that hold no date of the article."""
CARD_CLASS = re.compile(r"related|recommend|sidebar|teaser|latest|popular", re.IGNORECASE)
"""Names of boxes that may be another article's card."""
TITLE_SPACES = 2
"""Spaces between the words of a link from which on it may be the title of an article."""
_TITLE_TAGS = ("a", "h2", "h3", "h4", "h5")
_COMMENT_CLASS = re.compile(
    r"(?:^|[\s_-])comments?(?:[\s_-]?(?:list|body|content|meta|text|thread|author|area|wrap\w*))?(?:$|\s)|disqus", re.I
)
_META_NAME_PATTERNS = {
    "published": re.compile(
        r"publi(?:sh|c)\w*[-_.:]?(?:date|time|on)\b|(?:date|time)[-_.:]?(?:publi|creat|issue)", re.I
    ),
    "modified": re.compile(r"(?:modifi|updat)\w*[-_.:]?(?:date|time|on)\b|(?:date|time)[-_.:]?(?:modif|updat)", re.I),
}
_RUNS_UNDER, _RUNS_OVER = 12, 3  # text runs under and over the headline that may be a dateline
_DIGIT = re.compile(r"\d")
_DAY_CHARS = 40  # most characters of a text run that is nothing but a date
_MAX_UNLABELLED_CHARS = 80  # most characters of a text run whose date has no label
_MAX_RUN_CHARS = 200  # a longer text run is a paragraph, and its dates belong to the story
_DATELINE = re.compile(  # opens a paragraph: `Berlin, 27. Januar 2022 - `, `27. Januar 2022. `
    r"(?P<date>.{5,39}?\d)\s*[-–—|:]\s|(?P<day>\d.{4,22}?\d)\.\s"
)
_NOT_ALONE = 12  # penalty, in text runs, for a date among other words
OLDEST_VISIBLE = "1995"
"""The web is hardly older: an earlier date in a text is part of the story."""
_STATED_TIME = re.compile(r"(?:19|20)\d{2}-\d{2}-\d{2}T\d{2}:\d{2}")
_UPLOAD_NAME = re.compile(r"upload|posted|publi[sc]|creat", re.IGNORECASE)
_SENTENCE_ENDS = (".", "!", "?", "…", "。")
_CARD_CHARS = 300  # maximum text of a card: its title, a day, a line of excerpt
_RUNS_OVER_ANY = 8  # text runs above the headline in which any line counts; farther up only a dateline
_NO_DATELINE_TAGS = frozenset({"pre", "code", "samp", "kbd", "textarea", "figure", "figcaption"})


def find_published(page: PageContext) -> tuple[str, str]:
    """Return when the article was published, in ISO 8601, and the source; both empty if no date is found."""
    iso, source = _first_possible(page, _published_dates(page))
    iso = in_local_zone(iso, _local_times(page), date_in_url(page.url))
    if (day := _dated_path(page.url, iso)) and is_possible(day, page.not_after):
        return day, "url"
    if source in ("json-ld", "meta"):
        for find_day in (_earlier_visible_day, _confirmed_day):
            if day := find_day(page, iso):
                return day, "text"
    return iso, source


def _published_dates(page: PageContext) -> SourcedDates:
    yield from _stated_dates(page, ("datePublished",), "published")
    yield from _marked_dates(page, "published")
    yield from _url_dates(page)
    for element in page.bylines_and_dates[1][:50]:
        if element.get("itemprop") == "datePublished" and page.is_part_of_article(element, UNRELATED_CLASS):
            yield parse_date(element.get("content") or element.get("datetime") or "", page.language_hint), "markup"
    yield from _visible_dates(page, "published")
    yield from _stated_dates(page, ("dateCreated", "uploadDate"), "")
    for content in _contents_by_name(page, _UPLOAD_NAME.search):
        if _STATED_TIME.match(content):
            yield parse_date(content), "meta"


def _dated_path(url: str, iso: str) -> str:
    """Return the day in the folders of a URL's path, if it is another than the date's."""
    day = date_in_url(url)
    year, month, day_of_month = day.split("-") if day else ("", "0", "0")
    folders = (f"/{year}/{month}/{day_of_month}/", f"/{year}/{int(month)}/{int(day_of_month)}/")
    return day if day and day != iso[:10] and any(folder in url for folder in folders) else ""


def _local_times(page: PageContext) -> Iterator[str]:
    """Yield the texts that may state the time of publication in the publisher's zone."""
    for element in page.statements.time_elements:
        yield element.get("datetime") or ""
    for value in page.member_values("datePublished"):
        yield str(value)
    yield from page.statements.meta_contents(meta_names("published"))
    for element in page.statements.time_elements[:5]:
        if not _UPDATED_MARK.search(_class_text(element)):
            yield "".join(element.itertext())
    for run in islice(_dateline_runs(page), 8):
        if label_before(run.text[: _DAY_CHARS // 2]) != "updated":
            yield run.text


def _dateline_runs(page: PageContext) -> Iterator[TextRun]:
    """Yield the short text runs near the headline."""
    yield from takewhile(lambda run: len(run.text) <= _MAX_RUN_CHARS, page.runs_after[:_RUNS_UNDER])
    yield from page.runs_before[:_RUNS_OVER]


def _earlier_visible_day(page: PageContext, iso: str) -> str:
    """Return the earlier day that alone stands near the headline, if the stated date is that of the last change.

    Systems that republish a page state the new time for both. A difference of one day may come from the time zone.
    """
    modified, _ = find_modified(page)
    days = set(_days_alone(page))
    if not modified or modified[:10] > iso[:10] or len(days) != 1:
        return ""
    (day,) = days
    return day if day < days_before(iso[:10], int(iso[11:13] < "14")) else ""


def _confirmed_day(page: PageContext, iso: str) -> str:
    """Return the day that stands nearest to the headline, if another statement of publication confirms it.

    Sites whose statements differ show readers the day that they mean. It is confirmed, too, by a statement in numbers
    whose day and month were read in the wrong order.
    """
    visible_days = (found.iso[:10] for found in _dates_near_headline(page) if found.label != "updated")
    day = next(visible_days, "")
    if not day or abs((date.fromisoformat(day) - date.fromisoformat(iso[:10])).days) < 2:
        return ""
    if day == swapped_day(iso) and iso[:10] not in page.stated_days:
        return day
    modified, _ = find_modified(page)
    stated_dates = _stated_dates(page, ("datePublished",), "published")
    return day if day != modified[:10] and any(other.startswith(day) for other, _ in stated_dates) else ""


def _days_alone(page: PageContext) -> Iterator[str]:
    """Yield the possible days that stand alone near the headline, without those of a change."""
    for run in _dateline_runs(page):
        is_alone = len(run.text) <= _DAY_CHARS and _DIGIT.search(run.text) and not _is_in_card(page, run)
        for found in _dates_in(page, run.text) if is_alone else ():
            if found.label != "updated" and is_possible(found.iso, page.not_after):
                yield found.iso[:10]


def _is_in_card(page: PageContext, run: TextRun) -> bool:
    """Return whether a text run is in a card: a box with few words and a linked title."""
    element = run.container
    boxes = () if element is None else (element, *element.iterancestors())
    own_boxes = takewhile(lambda box: box not in page.headline_ancestors, boxes)
    cards = takewhile(lambda box: len(element_text(box)) <= _CARD_CHARS, own_boxes)
    return any(element_text(link).count(" ") > TITLE_SPACES for box in cards for link in islice(box.iter("a"), 3))


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
    """Yield the dates of JSON-LD members, then those of the metas of a word list, if one is named."""
    for member in members:
        for value in page.member_values(member):
            yield (
                parse_date(str(value[0] if isinstance(value, list) and value else value), page.language_hint),
                "json-ld",
            )
    if meta_list:
        for content in chain(
            page.statements.meta_contents(meta_names(meta_list)),
            _contents_by_name(page, _META_NAME_PATTERNS[meta_list].search),
        ):
            yield parse_date(content, page.language_hint), "meta"


def _contents_by_name(page: PageContext, is_wanted: Callable[[str], object]) -> Iterator[str]:
    """Yield the contents of metas with wanted names; these are not in the word lists."""
    for name, contents in page.statements.metas.items():
        if is_wanted(name):
            yield from contents


def _url_dates(page: PageContext) -> SourcedDates:
    yield date_in_url(page.url), "url"


def _marked_dates(page: PageContext, label: str) -> SourcedDates:
    """Yield dates of `time` elements: those whose markup has the label, then for `published` any near the headline."""
    label_pattern = _PUBLISHED_MARK if label == "published" else _UPDATED_MARK
    other_label_pattern = _UPDATED_MARK if label == "published" else _PUBLISHED_MARK
    time_elements = [
        element for element in page.statements.time_elements[:30] if page.is_part_of_article(element, UNRELATED_CLASS)
    ]
    for element in time_elements:
        if (label == "published" and "pubdate" in element.attrib) or label_pattern.search(_class_text(element)):
            yield _element_date(element, page), "markup"
    if label == "published":
        runs = chain(page.runs_before[:8], page.runs_after[:30])
        for element in chain.from_iterable(run.time_elements for run in runs):
            if page.is_part_of_article(element, UNRELATED_CLASS) and not other_label_pattern.search(
                _class_text(element)
            ):
                yield _element_date(element, page), "markup"


def _class_text(element: Element) -> str:
    return f"{element.get('itemprop', '')} {element.get('class', '')}"


def _element_date(element: Element, page: PageContext) -> str:
    """Return the date of a `time` element, from its `datetime` or its text; empty if neither is a date."""
    iso = parse_date(element.get("datetime") or "", page.language_hint)
    return iso or parse_date("".join(element.itertext()).strip(), page.language_hint)


def _visible_dates(page: PageContext, label: str) -> SourcedDates:
    """Yield the dates in visible text: those with the label, then for `published` those without one and all others."""
    dates = [found for found in _dates_near_headline(page) if found.label or found.iso >= OLDEST_VISIBLE]
    yield from ((found.iso, "text") for found in dates if found.label == label)
    if label == "published":
        yield from _in_month_of_url(page, [found.iso for found in dates if not found.label])
        yield from _dates_by_class(page)
        yield from ((found.iso, "text") for found in dates if found.label)


def _in_month_of_url(page: PageContext, dates: list[str]) -> SourcedDates:
    """Yield visible dates, those in the month of the URL or the one after first."""
    month = month_in_url(page.url)
    for iso in sorted(dates, key=lambda iso: not month <= iso[:7] <= _month_after(month)) if month else dates:
        yield iso, "text"


def _month_after(month: str) -> str:
    """Return the month after an ISO month."""
    return (date.fromisoformat(f"{month}-01") + timedelta(days=31)).isoformat()[:7]


def _dates_near_headline(page: PageContext) -> Sequence[LabelledDate]:
    """Return the dates in text runs near the headline, the nearest first; a label may be in the text run before. At
    equal distance a date on its own goes before one among other words. Dates in sentences of the story are ignored. The
    result is computed once a page.
    """
    if page.visible_dates is None:
        before, after = page.runs_before, page.runs_after
        numbered_runs = [(n, run, after[n - 1 : n]) for n, run in enumerate(after) if _DIGIT.search(run.text)]
        numbered_runs += [
            (2 * n, run, before[n + 1 : n + 2])
            for n, run in enumerate(before)
            if _DIGIT.search(run.text) and (n < _RUNS_OVER_ANY or is_dateline(run.text))
        ]
        ranked_dates = [
            (distance + _NOT_ALONE * (len(run.text) > _DAY_CHARS), found)
            for distance, run, previous_runs in numbered_runs
            for found in _dates_in_run(page, run, "".join(map(_label_alone, previous_runs)))
        ]
        page.visible_dates = [found for _, found in sorted(ranked_dates, key=itemgetter(0))]
    return page.visible_dates


def is_dateline(text: str) -> bool:
    """Return whether a text run is little more than a date, or begins with one and a byline."""
    return len(text) <= _DAY_CHARS or bool(_date_and_byline_pattern().match(text))


def _dates_in_run(page: PageContext, run: TextRun, label: str) -> Iterator[LabelledDate]:
    """Yield the dates in a text run that is neither a paragraph nor part of a comment, a caption or a listing.

    Of a paragraph the date that opens it counts: `Berlin, 27 January 2022 – `. A date before a byline is that of
    publication, however many the authors are.
    """
    text = run.text
    opening = _DATELINE.match(text) if len(text) > _MAX_UNLABELLED_CHARS else None
    if byline := _date_and_byline_pattern().match(text):
        text, label = byline[1], label or "published"
    elif opening:
        text = opening["date"] or opening["day"]
    elif len(text) > _MAX_RUN_CHARS:
        return
    is_line = len(text) <= _DAY_CHARS or (len(text) <= _MAX_UNLABELLED_CHARS and not text.endswith(_SENTENCE_ENDS))
    for found in _dates_in(page, text):
        if (found.label or label or opening or is_line) and _is_own(page, run):
            yield found._replace(label=found.label or label)


@cache
def _date_and_byline_pattern() -> re.Pattern[str]:
    """Match a line with a date followed by `by`: `27.01.2022 von Anna Groß, Bernd Klein`."""
    return re.compile(
        rf"\s*([^\n]{{0,12}}\d[^\n]{{4,24}}?)[\s|·•,–-]+(?:{alternatives_pattern(load_words('sentence_by'))})\s",
        re.IGNORECASE,
    )


def _is_own(page: PageContext, run: TextRun) -> bool:
    """Return whether a text run belongs to the article: not to a comment, a caption, a listing or another's card."""
    element = run.container
    if element is None:
        return True
    for ancestor in (element, *element.iterancestors()):
        if ancestor in page.headline_ancestors:
            return True
        names = f"{ancestor.get('class', '')} {ancestor.get('id', '')}"
        if ancestor.tag in _NO_DATELINE_TAGS or _COMMENT_CLASS.search(names):
            return False
        if CARD_CLASS.search(names) and _names_another(ancestor):
            return False
    return True


def _names_another(box: Element) -> bool:
    """Return whether a box has a heading, or a link of some words: the title of another article."""
    return any(element_text(element).count(" ") >= TITLE_SPACES for element in islice(box.iter(*_TITLE_TAGS), 20))


def _dates_in(page: PageContext, text: str) -> Iterator[LabelledDate]:
    """Yield the dates in a visible text, with day and month in the order that agrees with the page's statements."""
    for found in find_dates(text, page.language_hint):
        is_swapped = found.swapped_day and found.swapped_day in page.stated_days
        yield found._replace(iso=found.swapped_day) if is_swapped and found.iso[:10] not in page.stated_days else found


def _label_alone(run: TextRun) -> str:
    """Return the label if the text run holds nothing else, as where label and date are in separate cells."""
    return label_before(f"{run.text} ") if len(run.text) <= 30 else ""


def _dates_by_class(page: PageContext) -> SourcedDates:
    """Yield the dates in elements of the article with `date` in their class, and those of its first time elements."""
    date_elements = [
        element for element in page.bylines_and_dates[1][:50] if page.is_part_of_article(element, UNRELATED_CLASS)
    ]
    for run in chain.from_iterable(runs_within(element, 3) for element in date_elements):
        if len(run.text) <= _MAX_UNLABELLED_CHARS:
            yield from ((found.iso, "markup") for found in _dates_in(page, run.text))
    for element in date_elements:
        yield parse_date(element.get("title") or "", page.language_hint), "markup"
    for element in page.statements.time_elements[:10]:
        if page.is_part_of_article(element, UNRELATED_CLASS):
            yield _element_date(element, page), "markup"


_MAX_STATEMENTS = 12  # of a page: sources that state the same day count once
_LATE, _UNSET = "later than the fetch", "no possible date"
_CHANGED, _OTHER = "says when it was changed", "another goes first"


def date_statements(page: PageContext, published: str) -> Iterator[FieldStatement]:
    """Yield the days that the page's sources state, with the reason why each is not `published`, and its order of day
    and month where numbers show or need one.
    """
    visible_dates = _dates_near_headline(page)
    candidates = chain(
        ((iso, source, "") for iso, source in _stated_dates(page, ("datePublished",), "published")),
        ((iso, source, "") for iso, source in _marked_dates(page, "published")),
        ((iso, source, "") for iso, source in _url_dates(page)),
        ((iso, source, _CHANGED) for iso, source in _stated_dates(page, ("dateModified",), "modified")),
        ((found.iso, "text", _CHANGED if found.label == "updated" else "") for found in visible_dates),
    )
    statements: dict[tuple[str, str], FieldStatement] = {}
    for iso, source, note in candidates:
        if iso and len(statements) < _MAX_STATEMENTS:
            note = "" if iso[:10] == published[:10] else note or _reason_against(page, iso)
            statements.setdefault((source, iso[:10]), FieldStatement(PUBLISHED, source, iso, note))
    yield from statements.values()
    yield from _day_month_statements(page, published)


def _reason_against(page: PageContext, iso: str) -> str:
    """Return why a date that is not that of a change is not the page's."""
    if is_possible(iso, page.not_after):
        return _OTHER
    return _LATE if is_possible(iso) else _UNSET


def _day_month_statements(page: PageContext, published: str) -> Iterator[FieldStatement]:
    """Yield the order of day and month that a visible date in numbers shows, and the one that was assumed."""
    shown_orders = {order for run in _dateline_runs(page) for order in orders_shown(run.text)}
    if len(shown_orders) == 1:
        yield FieldStatement(DAY_MONTH, "shown", *shown_orders)
    for found in _dates_near_headline(page):
        if found.swapped_day and found.iso[:10] == published[:10] and published[:10] not in page.stated_days:
            order = assumed_order(page.language_hint)
            yield FieldStatement(DAY_MONTH, "assumed", f"{order} {published[:10]}")
            return
