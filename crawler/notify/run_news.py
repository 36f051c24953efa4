"""What a run found that somebody may want to be told, and the message of it for one receiver."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from sqlite_utils import Database

from broadsheet.cleaners.compare.edit_kinds import EditKind
from broadsheet.cleaners.urls.canonical import host_of
from broadsheet.crawler.console.terminal import one_line
from broadsheet.crawler.notify.receivers import NewsEvent, Receiver
from broadsheet.output.db.text import inert_text
from broadsheet.output.report.plain_words import count_text
from broadsheet.output.watch.edit_list import ListedEdit, list_edits

_MOST_LINES = 50  # of a kind in a message; a chat cuts what is longer
_ALARMS = """SELECT a.host, a.message FROM alarms a JOIN runs r ON r.id = a.run_id WHERE r.started_at >= ?
    ORDER BY a.host, a.part, a.what"""
_SEEDS = "SELECT DISTINCT host FROM urls WHERE found_via = 'seed' ORDER BY host"


@dataclass(frozen=True, slots=True)
class NewsItem:
    """A piece of news: what it is, the hosts that it is of (none where they are not known), and its line."""

    event: NewsEvent
    hosts: tuple[str, ...]
    line: str


@dataclass(frozen=True, slots=True)
class NoticeText:
    """A message to a receiver."""

    title: str
    body: str


@dataclass(frozen=True, slots=True)
class ArchiveMoment:
    """A moment in the life of an archive: the last number in `changes`, and the time (UTC ISO 8601)."""

    seq: int
    time: str


def read_news(db: Database, since: ArchiveMoment, edit_summary: Callable[[ListedEdit], str]) -> Iterator[NewsItem]:
    """The edits that were found since, and the alarms of runs that began since."""
    for edit in list_edits(db, after_seq=since.seq):
        event = NewsEvent.WITHDRAWALS if edit.kind == EditKind.WITHDRAWN else NewsEvent.EDITS
        summary = edit_summary(edit)
        line = f"{edit.kind}: {edit.title}" + (f" ({summary})" if summary else "")
        yield NewsItem(event, (host_of(edit.url),), f"{line}\n  {edit.url}")
    for host, message in db.execute(_ALARMS, [since.time]).fetchall():
        yield NewsItem(NewsEvent.ALARMS, (host,), f"{host}: {message}")


def seed_hosts(db: Database) -> tuple[str, ...]:
    """The hosts of an archive's start URLs."""
    return tuple(host for (host,) in db.execute(_SEEDS))


def compose_notice(name: str, news: Iterable[NewsItem], receiver: Receiver) -> NoticeText | None:
    """The message of a run for a receiver; None if nothing in it is for it. `name` says which archive it is."""
    items = [item for item in news if item.event in receiver.events and _is_for(receiver, item)]
    if not items:
        return None
    items_by_event = {event: [item for item in items if item.event == event] for event in NewsEvent}
    counts = [count_text(len(lines), event.removesuffix("s")) for event, lines in items_by_event.items() if lines]
    sections = [_section(event, lines) for event, lines in items_by_event.items() if lines]
    return NoticeText(one_line(f"{name}: {', '.join(counts)}"), "\n\n".join(sections))


def _is_for(receiver: Receiver, item: NewsItem) -> bool:
    return not item.hosts or any(map(receiver.is_for, item.hosts))


def _section(event: NewsEvent, items: list[NewsItem]) -> str:
    lines = [inert_text(item.line) for item in items[:_MOST_LINES]]
    more = [f"… and {len(items) - _MOST_LINES:,} more"] if len(items) > _MOST_LINES else []
    return "\n".join([event.capitalize(), *lines, *more])
