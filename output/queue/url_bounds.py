"""Bounds on URLs that go on without end, kept beside what a crawl stores, so that they outlive a killed crawl.

Each URL found on a page belongs to its pattern, to a wider one and to its host (`cleaners.urls.pattern`). A new
article, or one that a page first linked to, sets the page's patterns back to the start; a page that brings neither
counts against them. A pattern that has gone on too long without anything new is spent: what is queued of it is
skipped, until it yields again. Patterns that yield have no bound. What seeds, sitemaps and feeds name is a list that
somebody wrote down: it is always fetched and counts against nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlite_utils import Database

from cleaners.document import Cleaned, PageType
from cleaners.urls.canonical import host_of
from cleaners.urls.pattern import NUMBER, parameter_order, patterns_of
from cleaners.urls.shape import LIST_SEGMENTS, Shape, shape_of
from output.db.ids import content_id
from output.db.text import storable
from output.outcome import Outcome
from output.store.page_rows import PreparedPage, prepared

HOST = "*"
_LISTED = frozenset(("seed", "sitemap", "feed", "robots", "guess"))
_STATED = frozenset(("canonical", "redirect"))  # the same page under its proper name: another order of parameters too
_LEFT_OUT = frozenset(  # articles, though not wanted
    ("language", "too_old", "noindex", "noarchive", "noai", "tdm_reservation", "unavailable_after")
)
_HIDING = frozenset((PageType.WALL, PageType.CAPTCHA, PageType.ERROR, PageType.NEEDS_JAVASCRIPT))
_BY_PATTERN, _BY_HOST, _BY_ORDER = "trap:pattern", "trap:host_bound", "trap:parameter_order"
_HOPE = 10  # hopeful pages that weigh as much as a dry one

_ROW = "SELECT found_via, coalesce(found_on, ''), host FROM urls WHERE id = ?"
_FRESH = "SELECT id, url, host, kind, state, found_via FROM urls WHERE id > ?"
_COUNTS = "host, pattern, articles, led, dry, hopes"
_BUMP = f"""INSERT INTO url_patterns (host, pattern, fetched, articles, led, dry, hopes) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (host, pattern) DO UPDATE SET fetched = fetched + excluded.fetched,
        articles = articles + excluded.articles, led = led + excluded.led,
        dry = CASE WHEN excluded.articles + excluded.led THEN 0 ELSE dry + excluded.dry END,
        hopes = CASE WHEN excluded.articles + excluded.led THEN 0 ELSE hopes + excluded.hopes END
    RETURNING {_COUNTS}"""
_FOUND = """INSERT INTO url_patterns (host, pattern, found) VALUES (?, ?, 1)
    ON CONFLICT (host, pattern) DO UPDATE SET found = found + 1"""
_ROWS = "SELECT id, url, host, kind, state, found_via FROM urls WHERE host = ?1 AND"
_SWEPT = f"""{_ROWS} state = 'queued' AND not_before IS NULL
        AND held_at IS NULL
    UNION ALL {_ROWS} state = 'skipped' AND kind = 'page' AND reason IN ('{_BY_PATTERN}', '{_BY_HOST}')"""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Pages without anything new after which a pattern, a wide one, a host, and sitemaps or feeds are spent."""

    own: int = 500
    wide: int = 1_500
    host: int = 20_000
    files: int = 1_000


@dataclass(frozen=True, slots=True)
class _Counts:
    host: str
    pattern: str
    articles: int
    led: int
    dry: int
    hopes: int


@dataclass(frozen=True, slots=True)
class _Fresh:
    """A row of `urls` that is new, or looked at again."""

    id: int
    url: str
    host: str
    kind: str
    state: str
    via: str

    def patterns(self) -> Iterator[tuple[str, str]]:
        """What bounds it: (host, pattern), narrowest first."""
        if self.kind == "page":
            found = patterns_of(self.url)
            yield from ((self.host, found.own), (self.host, found.wide), (self.host, HOST))
        else:
            yield self.host, _file_pattern(self.kind, self.url)

    @property
    def bounded(self) -> bool:
        """Whether a spent pattern keeps it from being fetched."""
        return self.kind in ("sitemap", "feed") or (self.kind == "page" and self.via not in _LISTED)


def is_new_text(db: Database, url: str, cleaned: Cleaned | PreparedPage) -> bool:
    """Whether a page is an article that no other page has brought. Ask before the page is stored."""
    if not cleaned.is_article:
        return False
    page = prepared(cleaned)
    same = """SELECT 1 FROM pages p JOIN urls u ON u.id = p.id
        WHERE p.text_digest = ? AND p.own_type IN ('article', 'teaser') AND u.url <> ?"""
    if db.execute(same, [page.digest, storable(url)]).fetchone():
        return False
    said, name = storable(page.metadata.title), storable(page.metadata.canonical_url)
    alike = """SELECT 1 FROM pages p JOIN urls u ON u.id = p.id
        WHERE p.canonical_url = ? AND p.title = ? AND abs(p.word_count - ?) < 10 AND u.url <> ?"""
    return not (name and db.execute(alike, [name, said, page.words, storable(url)]).fetchone())


def newest_url(db: Database) -> int:
    """The highest number in `urls`; what is found later has a higher one."""
    return int(db.execute("SELECT coalesce(max(id), 0) FROM urls").fetchone()[0])


@dataclass(slots=True)
class Patterns:
    """The bounds of an archive's patterns. All its writing runs in the caller's transaction.

    It remembers what the table says; after a transaction that failed, `reload` it.
    """

    db: Database
    bounds: Bounds = field(default_factory=Bounds)
    _spent: set[tuple[str, str]] = field(default_factory=set)
    _articles: dict[str, int] = field(default_factory=dict)

    def reload(self) -> None:
        """Read from the table what is spent."""
        rows = [_Counts(*row) for row in self.db.execute(f"SELECT {_COUNTS} FROM url_patterns")]
        self._articles = {row.host: row.articles for row in rows if row.pattern == HOST}
        self._spent = {(row.host, row.pattern) for row in rows if self._is_spent(row)}

    def note(self, url_id: int, outcome: Outcome, new_text: bool, newest: int, *, again: bool = False) -> None:
        """Take note of a stored outcome; the URLs it led to are those after `newest`.

        A page that was looked at `again` counts for and against nothing.
        """
        fresh = [_Fresh(*row) for row in self.db.execute(_FRESH, [newest])]
        opened = [row for row in fresh if self._admitted(row)]
        if again:
            return
        via, found_on, host = self.db.execute(_ROW, [url_id]).fetchone()
        page = _Fresh(url_id, outcome.url, host, outcome.kind, outcome.state, via)
        if outcome.kind in ("sitemap", "feed") and outcome.state == "done":
            self._count(page, gained=any(row.kind == "page" for row in fresh))
        elif outcome.cleaned or (outcome.location and outcome.state == "done"):
            gained = new_text or outcome.reason in _LEFT_OUT
            self._count(page, gained, hopeful=_hides(outcome) or _leads_on(page, opened))
            if new_text and found_on and via not in _LISTED:
                self._credit(found_on)

    def _admitted(self, row: _Fresh) -> bool:
        """Count a URL that was found, and skip it if its pattern is spent; whether it is still queued."""
        if row.state != "queued":
            return False
        reason = self._refusal(row) or self._order_refusal(row)
        if reason:
            self.db.execute("UPDATE urls SET state = 'skipped', reason = ? WHERE id = ?", [reason, row.id])
            return False
        if row.bounded:
            self.db.execute(_FOUND, next(row.patterns()))
        return True

    def _refusal(self, row: _Fresh) -> str:
        if not self._spent or not row.bounded:
            return ""
        spent = [pattern for host, pattern in row.patterns() if (host, pattern) in self._spent]
        if not spent:
            return ""
        return _BY_HOST if spent == [HOST] else _BY_PATTERN

    def _order_refusal(self, row: _Fresh) -> str:
        """Whether the same parameters stand in the queue in another order."""
        key = parameter_order(row.url) if row.kind == "page" and "&" in row.url else ""
        if not key:
            return ""
        first = self.db.execute("INSERT OR IGNORE INTO url_orders (id) VALUES (?)", [content_id(key)]).rowcount
        return "" if first or row.via in _LISTED or row.via in _STATED else _BY_ORDER

    def _count(self, page: _Fresh, gained: bool, hopeful: bool = False) -> None:
        against = not gained and page.bounded
        articles, dry, hopes = int(gained), int(against and not hopeful), int(against and hopeful)
        for host, pattern in page.patterns():
            self._bump(host, pattern, [1, articles, 0, dry, hopes])

    def _credit(self, found_on: str) -> None:
        """A new article speaks for the pages that lead to articles."""
        page = _Fresh(0, found_on, host_of(found_on), "page", "", "link")
        for host, pattern in page.patterns():
            self._bump(host, pattern, [0, 0, 1, 0, 0])

    def _bump(self, host: str, pattern: str, counts: list[int]) -> None:
        row = _Counts(*self.db.execute(_BUMP, [host, pattern, *counts]).fetchone())
        if pattern == HOST:
            self._articles[host] = row.articles
        key, spent = (host, pattern), self._is_spent(row)
        if spent != (key in self._spent):
            self._spent.symmetric_difference_update({key})
            self._sweep(host)

    def _is_spent(self, row: _Counts) -> bool:
        return row.dry * _HOPE + row.hopes > self._allowance(row) * _HOPE

    def _allowance(self, row: _Counts) -> int:
        """Dry pages that a pattern may have: more for one that has yielded, and for lists of what is known already."""
        if row.pattern.startswith(("sitemap ", "feed ")):
            return self.bounds.files
        known = self._articles.get(row.host, 0)
        if row.pattern == HOST:
            return self.bounds.host + known
        base = self.bounds.wide if row.pattern.startswith("*") else self.bounds.own
        return base + row.articles + row.led + (known if _is_archive(row.pattern) else known // 4)

    def _sweep(self, host: str) -> None:
        """Skip what is queued of a spent pattern, and queue again what was skipped of one that yields again."""
        changes = []
        for row in [_Fresh(*row) for row in self.db.execute(_SWEPT, [host])]:
            reason = self._refusal(row)
            if bool(reason) == (row.state == "queued"):
                changes.append(("skipped" if reason else "queued", reason, row.id))
        self.db.conn.executemany("UPDATE urls SET state = ?, reason = ? WHERE id = ?", changes)


def _file_pattern(kind: str, url: str) -> str:
    return f"{kind} {patterns_of(url).own}"


def _hides(outcome: Outcome) -> bool:
    return outcome.cleaned is not None and outcome.cleaned.verdict.page_type in _HIDING


def _leads_on(page: _Fresh, opened: list[_Fresh]) -> bool:
    """Whether a page was the first to name a URL of quite another kind that is no list by its address."""
    own, lists = patterns_of(page.url).wide, (Shape.LIST, Shape.DEEP_LIST)
    return any(
        row.kind != "page" or (patterns_of(row.url).wide != own and shape_of(row.url) not in lists) for row in opened
    )


def _is_archive(pattern: str) -> bool:
    """Whether a pattern is of dates or page numbers alone: its pages may name one known article each."""
    path, _, query = pattern.partition("?")
    parts = [part for part in path.split("/") if part not in ("", "*")]
    return bool(parts) and not query and all(part == NUMBER or part in LIST_SEGMENTS for part in parts)
