"""Missing day of publication: looked for after the verdict, where an article's statements and headline show none.

The page's lines around the kept text are asked first, then its scripts, then htmldate. This is its only importer. A day
that the page shows only beside the article, in a sidebar or among other articles, does not count.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import chain

from lxml import etree

from ..document import Block, Metadata, RemovalReason, Verdict
from ..page.date_parser import LabelledDate, find_dates, is_possible, parse_date
from ..page.datelines import OLDEST_VISIBLE, UNRELATED_CLASS, is_dateline
from ..page.page_context import PageContext
from ..page.statements import element_text
from ..page.word_lists import alternatives_pattern, load_words

_ABOVE, _WITHIN, _BELOW = 12, 6, 4  # blocks around the first kept, and below the last, that may be the line
_DAY_REASONS = frozenset((RemovalReason.DATE, RemovalReason.BYLINE))
_LINE_REASONS = _DAY_REASONS | {RemovalReason.HEADER, RemovalReason.BOILERPLATE, RemovalReason.CLOSING}
_BESIDE_REASONS = frozenset(
    (RemovalReason.SIDEBAR, RemovalReason.RELATED, RemovalReason.NAVIGATION, RemovalReason.COMMENTS)
)
_ASIDE = re.compile(r".*>aside(?![a-z])[^>]*")
_CALENDAR_SIGNS = ("📅", "📆", "🗓")
_ICON_TAGS = ("i", "img", "span", "svg")
_MOST_LINES, _LINE_CHARS = 10, 80
_MAX_SCRIPT_CHARS = 2_000_000
_STEPS = 3  # of a line's path: names farther up are those of columns
_LATEST = "2100-01-01"  # htmldate's own limit is the clock's
_FAULTS = (etree.LxmlError, ValueError, TypeError, AttributeError, IndexError, KeyError, RecursionError, OverflowError)


def add_missing_day(
    metadata: Metadata, page: PageContext, blocks: Sequence[Block], verdicts: Sequence[Verdict]
) -> Metadata:
    """Return an article's metadata, with a day of publication added if it had none and the page shows one."""
    if metadata.published:
        return metadata
    for iso, source in chain(
        _days_around_text(page, blocks, verdicts),
        _days_at_icons(page, blocks),
        _days_in_scripts(page),
        _day_by_htmldate(page, blocks, verdicts),
    ):
        is_change = source in ("script", "htmldate") and iso[:10] == metadata.modified[:10]
        if iso >= OLDEST_VISIBLE and is_possible(iso, page.not_after) and not is_change:
            return replace(metadata, published=iso, sources={**metadata.sources, "published": source})
    return metadata


def _days_around_text(
    page: PageContext, blocks: Sequence[Block], verdicts: Sequence[Verdict]
) -> Iterator[tuple[str, str]]:
    """Yield the days found in lines removed just above the text, then in those below it."""
    kept = [n for n, verdict in enumerate(verdicts) if verdict.kept]
    if not kept:
        return
    asides = {
        _aside_of(block)
        for block, verdict in zip(blocks, verdicts, strict=True)
        if verdict.reason in _BESIDE_REASONS and "aside" in block.landmarks
    } - {""}
    above = sorted(range(max(kept[0] - _ABOVE, 0), min(kept[0] + _WITHIN, len(blocks))), key=lambda n: abs(n - kept[0]))
    for nearby in (above, range(kept[-1] + 1, min(kept[-1] + 1 + _BELOW, len(blocks)))):
        lines = [blocks[n].text for n in nearby if _is_line_with_day(blocks[n], verdicts[n], asides)]
        found = [day for line in lines for day in find_dates(line, page.language_hint) if not _is_unclear(line, day)]
        if nearby is above or len({day.iso[:10] for day in found}) == 1:
            yield from ((day.iso, "text") for day in sorted(found, key=lambda day: day.label == "updated"))


def _is_unclear(line: str, day: LabelledDate) -> bool:
    """Return whether a date with slashes could have its day and month swapped."""
    return bool(day.swapped_day) and "/" in line


def _aside_of(block: Block) -> str:
    """Return the path of the column that a block stands in; empty outside of one."""
    return match[0] if (match := _ASIDE.match(block.path)) else ""


def _is_line_with_day(block: Block, verdict: Verdict, asides: Collection[str]) -> bool:
    """Return whether a removed line may be the one with the day: one of its reason, or little more than a date.

    In `asides` stand other articles.
    """
    if UNRELATED_CLASS.search(">".join(block.path.split(">")[-_STEPS:])) or _aside_of(block) in asides:
        return False
    is_line = verdict.reason in _DAY_REASONS and len(block.text) <= _LINE_CHARS
    return is_line or (verdict.reason in _LINE_REASONS and is_dateline(block.text))


def _days_at_icons(page: PageContext, blocks: Sequence[Block]) -> Iterator[tuple[str, str]]:
    """Yield the days next to a calendar icon, be it a character or a picture."""
    lines = [block.text for block in blocks if block.text.startswith(_CALENDAR_SIGNS)]
    for icon in page.tree.iter(*_ICON_TAGS):
        parent = icon.getparent()
        if parent is not None and "calendar" in f"{icon.get('class', '')} {icon.get('src', '')}":
            lines += [element_text(parent)] if page.is_part_of_article(parent, UNRELATED_CLASS) else []
    for line in lines[:_MOST_LINES]:
        yield from ((day.iso, "text") for day in find_dates(line, page.language_hint) if len(line) <= _LINE_CHARS)


def _days_in_scripts(page: PageContext) -> Iterator[tuple[str, str]]:
    """Yield the day that the page's scripts state, if all members named after publication agree on it."""
    sources = (script.text or "" for script in page.tree.iter("script"))
    days = {
        iso[:10]: iso
        for source in sources
        for match in _member_pattern().finditer(source[:_MAX_SCRIPT_CHARS])
        if (iso := parse_date(match[1], page.language_hint))
    }
    if len(days) == 1:
        yield from ((iso, "script") for iso in days.values())


@cache
def _member_pattern() -> re.Pattern[str]:
    """Match a member of JSON, in a string of JSON too, and its value of a few characters."""
    names = alternatives_pattern(load_words("day_members"))
    return re.compile(rf"""\\?["'](?:{names})\\?["']\s{{0,3}}:\s{{0,3}}\\?["']?([^"'\\,}}]{{8,40}})""", re.IGNORECASE)


def _day_by_htmldate(
    page: PageContext, blocks: Sequence[Block], verdicts: Sequence[Verdict]
) -> Iterator[tuple[str, str]]:
    """Yield the day that htmldate finds in its fast mode. The tree is copied by htmldate, not changed."""
    from htmldate import find_date  # imported late: few articles lack a day

    try:
        latest = page.not_after[:10] or _LATEST
        day = find_date(page.tree, False, original_date=True, url=page.url, max_date=f"{latest}T23:59:59")
    except _FAULTS:
        return
    if day and not _is_only_beside(day, page, blocks, verdicts):
        yield day, "htmldate"


def _is_only_beside(day: str, page: PageContext, blocks: Sequence[Block], verdicts: Sequence[Verdict]) -> bool:
    """Return whether every place at which the page shows a day is beside its article; one may show it nowhere."""
    number = str(int(day[8:10]))
    places = [
        verdict.reason in _BESIDE_REASONS or "aside" in block.landmarks
        for block, verdict in zip(blocks, verdicts, strict=True)
        if number in block.text and any(date.iso[:10] == day for date in find_dates(block.text, page.language_hint))
    ]
    places += [
        not page.is_part_of_article(element, UNRELATED_CLASS)
        for element in page.statements.time_elements
        if (element.get("datetime") or "").startswith(day)
    ]
    return bool(places) and all(places)
