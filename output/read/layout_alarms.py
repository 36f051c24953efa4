"""Alarms for hosts whose pages have new layouts: a new one takes over, or the one of articles is gone.

A page that was fetched again is compared with itself, a new page with stored pages of the same URL pattern. A layout is
recognised by what its pages are (`broadsheet.cleaners.compare.page_layouts`), since its number may change whenever the
archive is settled. A new layout beside the old one raises no alarm: a site grows.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from broadsheet.cleaners.compare.page_layouts import (
    MIN_SIMILARITY,
    group_signatures,
    signature_similarity,
    unpack_signature,
)
from broadsheet.cleaners.page.url_shapes import patterns_of

from .alarms import Alarm, PageShare, has_risen

NEW_LAYOUT, LAYOUT_GONE = "layout_new", "layout_gone"

_MOSTLY = 0.5  # share of the pages that a new layout has to have, if it has taken over
_DEFAULT_CHANGED_SHARE = PageShare(5, 100)  # of pages that are fetched again and have another layout by themselves

_LAST_RUN = """SELECT max(r.started_at) FROM _yields y JOIN runs r ON r.id = y.run_id
    WHERE y.run_id <> ?1 AND r.started_at <= (SELECT started_at FROM runs WHERE id = ?1)"""
_KNOWN_PAGES = """SELECT s.host, u.url, p.id, p.layout_id, g.signature, coalesce(e.signature, g.signature)
    FROM temp.surveyed s JOIN pages p ON p.id = s.page_id JOIN urls u ON u.id = p.id
        JOIN _page_signatures g ON g.page_id = p.id LEFT JOIN _earlier_signatures e ON e.page_id = p.id
    WHERE s.part = 'again' AND g.signature <> x'' ORDER BY s.host, u.url"""
# What was published before the last run was there then, whatever its layout; the day before it for other time zones.
_NEW_PAGES = """SELECT s.host, u.url, p.id, p.layout_id, g.signature, g.signature
    FROM temp.surveyed s JOIN pages p ON p.id = s.page_id JOIN urls u ON u.id = p.id
        JOIN _page_signatures g ON g.page_id = p.id LEFT JOIN articles a ON a.page_id = p.id
    WHERE s.part = 'new' AND g.signature <> x''
        AND (a.published_day IS NULL OR a.published_day >= date(?, '-1 day')) ORDER BY s.host, u.url"""
_OLDER_PAGES = """SELECT u.host, u.url, p.id, p.layout_id, g.signature, coalesce(e.signature, g.signature)
    FROM urls u JOIN pages p ON p.id = u.id JOIN _page_signatures g ON g.page_id = p.id
        LEFT JOIN _earlier_signatures e ON e.page_id = p.id
    WHERE u.host = ?1 AND u.first_seen < ?2 AND g.signature <> x'' AND p.own_type <> 'list'
        AND p.cleaner_version IN (SELECT n.cleaner_version FROM temp.surveyed s JOIN pages n ON n.id = s.page_id
            WHERE s.host = ?1 AND s.part = 'new')
    ORDER BY u.url"""
# A layout is known if a page had it before the run: one that was fetched before, and has not come to it since.
_IS_KNOWN = """SELECT 1 FROM pages p JOIN urls u ON u.id = p.id WHERE p.layout_id = ?1
    AND p.id NOT IN (SELECT page_id FROM temp.moved_pages)
    AND EXISTS (SELECT 1 FROM captures c WHERE c.url = u.url AND c.fetched_at < ?2) LIMIT 1"""
_LAYOUT_KIND = "SELECT kind FROM _layouts WHERE id = ?"
_SIGNATURES_OF_RUN = """SELECT DISTINCT g.signature FROM temp.surveyed s
        JOIN _page_signatures g ON g.page_id = s.page_id
    WHERE s.host = ? AND s.part = '*' AND g.signature <> x''
        AND s.page_id NOT IN (SELECT page_id FROM temp.moved_pages)"""


@dataclass(frozen=True, slots=True)
class _LaidOutPage:
    """A page with its layout's number as it was settled last, its signature, and the one that it had before the run."""

    host: str
    url: str
    page_id: int
    layout_id: int | None
    signature: bytes
    earlier_signature: bytes

    @property
    def has_moved(self) -> bool:
        """Return whether the page has another layout than before."""
        if self.signature == self.earlier_signature:
            return False
        signatures = unpack_signature(self.signature), unpack_signature(self.earlier_signature)
        return signature_similarity(*signatures) < MIN_SIMILARITY


@dataclass(frozen=True, slots=True)
class _Past:
    """The start of this run and of the last one that was surveyed, and the numbers of the layouts new in this one."""

    since: str
    last_run: str
    new_layouts: frozenset[int]

    @property
    def day(self) -> str:
        return self.since[:10]


def find_layout_alarms(db: Database, run_id: int, since: str) -> Iterator[Alarm]:
    """Find the alarms of the run that began at a time. Needs the temporary table `surveyed` with the run's pages."""
    (last_run,) = db.execute(_LAST_RUN, [run_id]).fetchone()
    if last_run is None:
        return
    known_pages = _read_pages(db, _KNOWN_PAGES, [])
    new_pages = _read_pages(db, _NEW_PAGES, [last_run])
    _note_moved_pages(db, known_pages)
    layout_ids = {page.layout_id for page in (*known_pages, *new_pages) if page.layout_id is not None}
    new_layouts = frozenset(layout for layout in layout_ids if not db.execute(_IS_KNOWN, [layout, since]).fetchone())
    past = _Past(since, last_run, new_layouts)
    for host in sorted({page.host for page in known_pages}):
        yield from _known_page_alarms(db, [page for page in known_pages if page.host == host], past)
    for host in sorted({page.host for page in new_pages if page.layout_id in new_layouts}):
        yield from _new_page_alarms(db, host, [page for page in new_pages if page.host == host], past)
    db.execute("DROP TABLE temp.moved_pages")


def _read_pages(db: Database, query: str, parameters: Sequence[object]) -> list[_LaidOutPage]:
    return [_LaidOutPage(*row) for row in db.execute(query, parameters)]


def _note_moved_pages(db: Database, known_pages: Iterable[_LaidOutPage]) -> None:
    """Make the temporary table `moved_pages` of the pages that are made otherwise than before."""
    db.execute("DROP TABLE IF EXISTS temp.moved_pages")
    db.execute("CREATE TEMP TABLE moved_pages (page_id INTEGER PRIMARY KEY)")
    rows = [(page.page_id,) for page in known_pages if page.has_moved]
    db.conn.executemany("INSERT INTO moved_pages (page_id) VALUES (?)", rows)


def _known_page_alarms(db: Database, pages: Sequence[_LaidOutPage], past: _Past) -> Iterator[Alarm]:
    """Yield the alarm of a host's pages that were articles before: most of them have come to another layout."""
    moved_pages = [page for page in pages if page.has_moved]
    if not has_risen(PageShare(len(moved_pages), len(pages)), [_DEFAULT_CHANGED_SHARE]):
        return
    layout_counts = Counter(page.layout_id for page in moved_pages)
    layout_id, count = max(layout_counts.items(), key=lambda pair: (pair[1], str(pair[0])))
    host, example = pages[0].host, next(page.url for page in moved_pages if page.layout_id == layout_id)
    figures = f"{len(moved_pages):,} of {len(pages):,} pages known as articles"
    if layout_id in past.new_layouts and count > _MOSTLY * len(pages):
        message = f"{figures} have left their layout, {count:,} of them for one that no page had before {past.day}"
        yield Alarm(host, "again", NEW_LAYOUT, f"{message}: {example}")
    elif not _is_article_layout(db, layout_id) and not _is_still_there(db, host, moved_pages):
        message = f"{figures} have lost the layout that they had before {past.day}, and no page of this run has it"
        yield Alarm(host, "again", LAYOUT_GONE, f"{message}: {example}")


def _is_article_layout(db: Database, layout_id: int | None) -> bool:
    """Return whether a layout is a main layout of articles, to which old pages come one by one after a redesign."""
    row = db.execute(_LAYOUT_KIND, [layout_id]).fetchone()
    return row is not None and row[0] == "article"


def _is_still_there(db: Database, host: str, moved_pages: Sequence[_LaidOutPage]) -> bool:
    """Return whether another page of the run has the layout that most of these pages had."""
    present_signatures = {bytes(signature) for (signature,) in db.execute(_SIGNATURES_OF_RUN, [host])}
    names = _layout_names([*present_signatures, *(page.earlier_signature for page in moved_pages)])
    (name, _), *_ = Counter(names[page.earlier_signature] for page in moved_pages).most_common(1)
    return any(names[signature] == name for signature in present_signatures)


def _new_page_alarms(db: Database, host: str, new_pages: Sequence[_LaidOutPage], past: _Past) -> Iterator[Alarm]:
    """Yield the alarms of a host's new pages: those like pages that the archive had are made otherwise."""
    pages_by_pattern: dict[str, list[_LaidOutPage]] = defaultdict(list)
    for page in new_pages:
        pages_by_pattern[patterns_of(page.url).wide].append(page)
    older_by_pattern: dict[str, list[_LaidOutPage]] = defaultdict(list)
    for page in _read_pages(db, _OLDER_PAGES, [host, past.since]):
        older_by_pattern[patterns_of(page.url).wide].append(page)
    for pattern, pages in sorted(pages_by_pattern.items()):
        alarm_message = _takeover_message(pattern, pages, older_by_pattern[pattern], past)
        if alarm_message:
            yield Alarm(host, pattern, NEW_LAYOUT, alarm_message)


def _takeover_message(
    pattern: str, pages: Sequence[_LaidOutPage], older_pages: Sequence[_LaidOutPage], past: _Past
) -> str:
    """Describe new pages of a pattern, most of which have a layout that no older page had; empty if most do not."""
    new_counts = Counter(page.layout_id for page in pages if page.layout_id in past.new_layouts)
    layout_id, count = max(new_counts.items(), key=lambda pair: (pair[1], str(pair[0])), default=(None, 0))
    if not has_risen(PageShare(count, len(pages)), [PageShare(0, len(older_pages))], _MOSTLY):
        return ""
    names = _layout_names(signature for page in (*pages, *older_pages) for signature in _signatures(page))
    (old_name, old_count), *_ = Counter(names[page.earlier_signature] for page in older_pages).most_common(1)
    remaining_count = sum(names[page.signature] == old_name for page in pages)
    old_example = next(page.url for page in older_pages if names[page.earlier_signature] == old_name)
    example = next(page.url for page in pages if page.layout_id == layout_id)
    return (
        f"until {past.last_run[:10]}, {old_count:,} of {len(older_pages):,} pages like {pattern} had the layout of"
        f" {old_example}; of {len(pages):,} new ones {remaining_count or 'none'} has it, and {count:,} have a new one,"
        f" that of {example}"
    )


def _signatures(page: _LaidOutPage) -> tuple[bytes, bytes]:
    return page.signature, page.earlier_signature


def _layout_names(signatures: Iterable[bytes]) -> Mapping[bytes, bytes]:
    """Return the layout of each signature, named by the lowest signature of the group."""
    return {signature: group[0] for group in group_signatures(set(signatures)) for signature in group}
