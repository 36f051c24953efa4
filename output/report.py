"""What a crawl came to: every URL by outcome, what was removed and why, what lay outside, how it was found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from output.text import inert

_URLS = (
    "SELECT kind, state, reason, count(*) FROM urls GROUP BY kind, state, reason ORDER BY kind, 4 DESC, state, reason"
)

# Words are counted by their spaces here: exact enough for a sum, and SQLite does it without leaving C.
_REMOVED = """SELECT r.reason, r.rule, count(*),
        sum(length(t.text) - length(replace(replace(t.text, ' ', ''), char(10), '')) + 1)
    FROM articles a JOIN page_blocks b ON b.page_id = a.page_id JOIN block_texts t ON t.id = b.block_id
        JOIN reasons r ON r.id = b.reason_id
    WHERE b.kept = 0 GROUP BY r.id ORDER BY 3 DESC, 1, 2"""

_COVERAGE = """SELECT u.found_via, count(*), sum(u.state = 'done'), sum(a.id IS NOT NULL)
    FROM urls u LEFT JOIN articles a ON a.page_id = u.id
    WHERE u.kind = 'page' GROUP BY u.found_via ORDER BY 2 DESC, 1"""

_RUNS = """SELECT started_at, coalesce(finished_at, ''), command, coalesce(outcome, 'running'), coalesce(reason, '')
    FROM runs ORDER BY started_at, id"""


@dataclass(frozen=True, slots=True)
class UrlCount:
    """How many URLs of a kind ended in a state for a reason."""

    kind: str
    state: str
    reason: str
    urls: int


@dataclass(frozen=True, slots=True)
class RemovedCount:
    """How many blocks and words of the articles' pages a rule removed for a reason."""

    reason: str
    rule: str
    blocks: int
    words: int


@dataclass(frozen=True, slots=True)
class HostCount:
    """How many links left the scope for a host."""

    host: str
    links: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """Page URLs that were first seen in one way: how many, how many were fetched, how many name an article."""

    found_via: str
    found: int
    captured: int
    articles: int


@dataclass(frozen=True, slots=True)
class RunLine:
    """One run: when, with which command, and how it ended."""

    started_at: str
    finished_at: str
    command: str
    outcome: str
    reason: str


@dataclass(frozen=True, slots=True)
class Report:
    """Everything `broadsheet report` tells. `shelved` counts duplicates and lists taken out of the articles."""

    articles: int
    shelved: tuple[tuple[str, int], ...]
    urls: tuple[UrlCount, ...]
    removed: tuple[RemovedCount, ...]
    outside: tuple[HostCount, ...]
    coverage: tuple[Coverage, ...]
    runs: tuple[RunLine, ...]


def report(db: Database) -> Report:
    """Gather the report from an archive; a reading connection is enough."""
    return Report(
        articles=db.execute("SELECT count(*) FROM articles").fetchone()[0],
        shelved=tuple(db.execute("SELECT why, count(*) FROM shelved GROUP BY why ORDER BY why").fetchall()),
        urls=tuple(UrlCount(*row) for row in db.execute(_URLS)),
        removed=tuple(RemovedCount(*row) for row in db.execute(_REMOVED)),
        outside=tuple(
            HostCount(*row) for row in db.execute("SELECT host, links FROM outside_hosts ORDER BY links DESC, host")
        ),
        coverage=tuple(Coverage(*row) for row in db.execute(_COVERAGE)),
        runs=tuple(RunLine(*row) for row in db.execute(_RUNS)),
    )


def render(found: Report, width: int = 80, most: int = 20) -> str:
    """The report as plain text, no line wider than `width`; long lists end after `most` lines and say so."""
    shelved = "".join(f", {count} taken out as {why}" for why, count in found.shelved)
    sections = (
        f"{found.articles} articles{shelved}",
        _table("URLs", ("kind", "state", "reason", "URLs"), _cells(found.urls), width, most),
        _table("How pages were found", ("via", "found", "fetched", "articles"), _cells(found.coverage), width, most),
        _table("Removed from articles", ("reason", "rule", "blocks", "words"), _cells(found.removed), width, most),
        _table("Links to other hosts", ("host", "links"), _cells(found.outside), width, most),
        _table("Runs", ("started", "finished", "command", "outcome", "why"), _cells(found.runs), width, most),
    )
    return "\n\n".join(section for section in sections if section) + "\n"


def _cells(rows: Iterable[object]) -> list[list[str]]:
    """The fields of frozen values as one-line strings, numbers with thousands separated."""
    return [[_cell(getattr(row, name)) for name in row.__slots__] for row in rows]  # type: ignore[attr-defined]


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else " ".join(inert(str(value)).split())


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], width: int, most: int) -> str:
    if not rows:
        return ""
    shown = rows[:most]
    widths = _fit([max(len(row[place]) for row in (heads, *shown)) for place in range(len(heads))], width)
    numeric = [all(row[place].replace(",", "").isdigit() for row in shown) for place in range(len(heads))]
    lines = [title, _line(heads, widths, numeric), *(_line(row, widths, numeric) for row in shown)]
    if len(rows) > most:
        lines.append(f"  … and {len(rows) - most} more")
    return "\n".join(lines)


def _fit(widths: list[int], width: int) -> list[int]:
    """Narrow the widest column, a character at a time, until indent, columns and gaps fit the width."""
    while 2 * len(widths) + sum(widths) > width and max(widths) > 1:
        widths[widths.index(max(widths))] -= 1
    return widths


def _line(cells: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> str:
    padded = [
        _cut(cell, size).rjust(size) if right else _cut(cell, size).ljust(size)
        for cell, size, right in zip(cells, widths, numeric, strict=True)
    ]
    return ("  " + "  ".join(padded)).rstrip()


def _cut(text: str, size: int) -> str:
    return text if len(text) <= size else text[: size - 1] + "…"
