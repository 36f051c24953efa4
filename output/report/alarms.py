"""Hosts whose pages are not what they were: articles turn short, empty or alike, a rule that always fired is silent.

Each run is held against the same host's earlier runs with the same cleaner (`output.report.drift` says how). An alarm
says that somebody should look at the site; it changes nothing in the archive.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from output.report.drift import LEAST, Share, fell, rose

_PAST_RUNS = 10
_ALWAYS = 0.9  # share of pages from which a rule is said to fire always
_MOSTLY_GONE = 0.4

# What is known of articles fetched again before there is any past: they were articles, and seldom cease to be.
_WERE_ARTICLES, _WERE_BARREN = Share(95, 100), Share(5, 100)

_PARTS = """SELECT host, part, pages, articles, barren, alike, words_low, words_median, cleaner_version
    FROM yields WHERE run_id = ? ORDER BY host, part"""
_PAST = f"""SELECT y.pages, y.articles, y.barren, y.alike, y.words_low, y.words_median, y.run_id
    FROM yields y JOIN runs r ON r.id = y.run_id
    WHERE y.host = ?1 AND y.part = ?2 AND y.run_id <> ?3 AND y.cleaner_version = ?4 AND y.pages >= {LEAST}
        AND r.started_at <= (SELECT started_at FROM runs WHERE id = ?3)
    ORDER BY r.started_at DESC LIMIT {_PAST_RUNS}"""
_ALARMED = "SELECT DISTINCT run_id FROM alarms WHERE host = ? AND part = ? AND what = ?"
_BELOW = "SELECT count(*) FROM surveyed WHERE host = ? AND part = ? AND article AND words < ?"
_FIRED = """SELECT r.id, r.reason, r.rule, coalesce(n.pages, 0) FROM rule_rates p JOIN reasons r ON r.id = p.reason_id
        LEFT JOIN rule_rates n ON n.run_id = ?1 AND n.host = p.host AND n.reason_id = p.reason_id
    WHERE p.host = ?2 AND p.run_id = ?3 AND p.pages >= ?4 ORDER BY r.reason, r.rule"""
_HITS = "SELECT pages FROM rule_rates WHERE run_id = ? AND host = ? AND reason_id = ?"


@dataclass(frozen=True, slots=True)
class Alarm:
    """What is out of line, of which part of a host's pages, and the figures in words."""

    host: str
    part: str
    what: str
    message: str


@dataclass(frozen=True, slots=True)
class _Then:
    """A part of a host's pages in one earlier run."""

    pages: int
    articles: int
    barren: int
    alike: int
    words_low: int
    words_median: int
    run_id: int


@dataclass(frozen=True, slots=True)
class _Now:
    host: str
    part: str
    pages: int
    articles: int
    barren: int
    alike: int
    words_low: int
    words_median: int
    cleaner_version: str


def raise_alarms(db: Database, run_id: int, at: str) -> int:
    """Hold a run's yields against the past and store the alarms; needs the table of its pages, `surveyed`."""
    found: list[Alarm] = []
    for row in db.execute(_PARTS, [run_id]).fetchall():
        now = _Now(*row)
        found += _of_rules(db, run_id, now) if now.part == "*" else _of_part(db, run_id, now)
    db.conn.executemany(
        "INSERT INTO alarms (run_id, at, host, part, what, message) VALUES (?, ?, ?, ?, ?, ?)",
        [(run_id, at, each.host, each.part, each.what, each.message) for each in found],
    )
    return len(found)


def _of_part(db: Database, run_id: int, now: _Now) -> Iterator[Alarm]:
    past = _past(db, run_id, now, now.part)
    again = now.part == "again"
    yields = [Share(each.articles, each.pages) for each in _calm(db, past, now, "yield")]
    barren = [Share(each.barren, each.pages) for each in _calm(db, past, now, "barren")]
    if again:
        yields, barren = yields or [_WERE_ARTICLES], barren or [_WERE_BARREN]
        past = past or _past(db, run_id, now, "*")
    whose = _called(now.part)
    if rose(got := Share(now.barren, now.pages), barren):
        yield Alarm(now.host, now.part, "barren", f"{_of(got)} {whose} have nothing to read; before {_pooled(barren)}")
    elif fell(got := Share(now.articles, now.pages), yields, _MOSTLY_GONE if now.part == "new" else 0.25):
        yield Alarm(now.host, now.part, "yield", f"{_of(got)} {whose} are articles; before {_pooled(yields)}")
    if now.part != "new":
        yield from _of_texts(db, now, past)


def _of_texts(db: Database, now: _Now, past: Sequence[_Then]) -> Iterator[Alarm]:
    """What is out of line with the texts of the articles that there are."""
    whose = _called(now.part)
    alike = [Share(each.alike, each.articles) for each in _calm(db, past, now, "alike")]
    if rose(got := Share(now.alike, now.articles), alike):
        yield Alarm(now.host, now.part, "alike", f"{_of(got)} articles of {whose} are alike; before {_pooled(alike)}")
    calm = [each for each in _calm(db, past, now, "short") if each.articles >= LEAST]
    if not calm:
        return
    low, median = min(each.words_low for each in calm), min(each.words_median for each in calm)
    below = Share(db.execute(_BELOW, [now.host, now.part, low]).fetchone()[0], now.articles)
    if rose(below, [Share(each.articles // 10, each.articles) for each in calm], 0.5):
        message = f"articles of {whose} have {now.words_median} words in the median; before {median}"
        yield Alarm(now.host, now.part, "short", message)


def _of_rules(db: Database, run_id: int, now: _Now) -> Iterator[Alarm]:
    """Rules that fired on nearly every article page of each earlier run, and do no more."""
    past = [each for each in _past(db, run_id, now, "*") if each.articles >= LEAST]
    if not past or now.articles < LEAST:
        return
    latest = past[0]
    for reason_id, reason, rule, hits in db.execute(
        _FIRED, [run_id, now.host, latest.run_id, latest.articles * _ALWAYS]
    ):
        before = [Share(_hits(db, each.run_id, now.host, reason_id), each.articles) for each in past]
        if min(each.share for each in before) >= _ALWAYS and fell(
            got := Share(hits, now.articles), before, _MOSTLY_GONE
        ):
            message = f"the rule {rule} ({reason}) fired on {_of(got)} article pages; before on {_pooled(before)}"
            yield Alarm(now.host, "*", f"rule:{rule}", message)


def _hits(db: Database, run_id: int, host: str, reason_id: int) -> int:
    row = db.execute(_HITS, [run_id, host, reason_id]).fetchone()
    return int(row[0]) if row else 0


def _past(db: Database, run_id: int, now: _Now, part: str) -> list[_Then]:
    """The same part in earlier runs, the latest first."""
    return [_Then(*row) for row in db.execute(_PAST, [now.host, part, run_id, now.cleaner_version])]


def _calm(db: Database, past: Sequence[_Then], now: _Now, what: str) -> list[_Then]:
    """The earlier runs without the same alarm: what is broken goes on being told, until it is mended."""
    alarmed = {run_id for (run_id,) in db.execute(_ALARMED, [now.host, now.part, what])}
    return [each for each in past if each.run_id not in alarmed]


def _called(part: str) -> str:
    named = {"again": "pages known as articles", "new": "new pages"}
    return named.get(part, f"new pages like {part}")


def _of(share: Share) -> str:
    return f"{share.hits:,} of {share.pages:,}"


def _pooled(past: Sequence[Share]) -> str:
    return _of(Share(sum(each.hits for each in past), sum(each.pages for each in past)))
