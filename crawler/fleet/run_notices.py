"""Notices of a run: the receivers, the news for each, the message, and its sending by Apprise.

Addresses are Apprise's (`mailto://`, `slack://`, `json://` …) and hold passwords and tokens. They are never shown: not
in a message, not in a representation, not in the archive. A message names a receiver by its kind and its number. A
message that cannot be sent never costs the run.
"""

from __future__ import annotations

import logging
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from shlex import quote
from typing import Any

from sqlite_utils import Database

from broadsheet.cleaners.compare.edit_kinds import EditKind
from broadsheet.cleaners.page.canonical_urls import host_of
from broadsheet.output.archive.archive_file import database_file
from broadsheet.output.archive.stored_text import inert_text
from broadsheet.output.read.coverage import measure_coverage
from broadsheet.output.read.edit_diffs import EditDiff, marked_blocks, read_edit_diff, version_links
from broadsheet.output.read.edit_history import ListedEdit
from broadsheet.output.read.judgement import TOLD_BY_LETTER, Look, LookKind, judge_archive, needs_look
from broadsheet.output.read.plain_words import count_text
from broadsheet.output.read.run_letter import read_letter

from ..cli.command_line import CommandError, is_file_of_receivers
from ..cli.terminal import one_line
from ..plugins import NOTIFIERS, call_plugin, has_plugin, load_plugin

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://.", re.IGNORECASE)
_RECEIVER_KEYS = ("url", "url_env", "sites", "events")


class NewsEvent(StrEnum):
    """The kind of a piece of news of a run."""

    NEW = "new"
    EDITS = "edits"
    WITHDRAWALS = "withdrawals"
    ALARMS = "alarms"
    FAILURES = "failures"


@dataclass(frozen=True, slots=True)
class Receiver:
    """A receiver of news: of hosts that match one of `sites` (all, if there is none), of these events.

    `label` is what messages call it.
    """

    url: str = field(repr=False)
    label: str
    sites: tuple[str, ...] = ()
    events: frozenset[NewsEvent] = frozenset(NewsEvent)

    def is_for(self, host: str) -> bool:
        """Tell whether news of a host are for it. A port does not count; a site is a host, or a pattern with `*`."""
        bare_host = re.sub(r":\d+$", "", host)
        return not self.sites or any(fnmatchcase(name, site) for name in (host, bare_host) for site in self.sites)


def read_receivers(words: Iterable[str]) -> tuple[Receiver, ...]:
    """Read the receivers that `--notify` names: addresses, and TOML files of them.

    CommandError, without any address, if one cannot be used.
    """
    receivers: list[Receiver] = []
    for word in words:
        receivers += (
            _read_receiver_file(Path(word))
            if is_file_of_receivers(word)
            else [_make_receiver({"url": word}, "--notify")]
        )
    return tuple(receivers)


def _read_receiver_file(path: Path) -> list[Receiver]:
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise CommandError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:  # the message may quote the line, and an address with it
        raise CommandError(f"{path} is not TOML{_error_line(error)}") from None
    entries = values.get("notify")
    if values.keys() != {"notify"} or not isinstance(entries, list):
        raise CommandError(f"{path} must hold [[notify]] tables and nothing else")
    return [_make_receiver(entry, f"{path.name}, [[notify]] {number}") for number, entry in enumerate(entries, 1)]


def _error_line(error: ValueError) -> str:
    match = re.search(r"at line \d+", str(error))
    return f" ({match[0]})" if match else ""


def _make_receiver(entry: Any, origin: str) -> Receiver:
    """Make a receiver. CommandError that names the origin and what is wrong, never the address."""
    if not isinstance(entry, dict) or (unknown_keys := entry.keys() - set(_RECEIVER_KEYS)):
        names = ", ".join(sorted(unknown_keys)) if isinstance(entry, dict) else "a value"
        raise CommandError(f"{origin}: {names} is not known; {', '.join(_RECEIVER_KEYS)} are")
    url = _address_of(entry, origin)
    scheme = _SCHEME.match(url)
    if scheme is None:
        raise CommandError(f"{origin}: this is not an address for Apprise (and is not shown, since it may be a secret)")
    events = _list_of(entry, "events", origin, NewsEvent)
    sites = _list_of(entry, "sites", origin, str.lower)
    return Receiver(url, f"{scheme[1].lower()} ({origin})", tuple(sites), frozenset(events or NewsEvent))


def _address_of(entry: Mapping[str, Any], origin: str) -> str:
    """Return the address itself, or that of the variable of the environment that is named."""
    if ("url" in entry) == ("url_env" in entry):
        raise CommandError(f"{origin}: give url or url_env, one of them")
    value = entry["url"] if "url" in entry else os.environ.get(str(entry["url_env"]), "")
    if "url_env" in entry and not value:
        raise CommandError(f"{origin}: the variable {entry['url_env']} is not set")
    return value if isinstance(value, str) else ""


def _list_of(entry: Mapping[str, Any], key: str, origin: str, convert: Callable[[str], Any]) -> list[Any]:
    values = entry.get(key, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise CommandError(f"{origin}: {key} is not a list of texts")
    try:
        return [convert(value) for value in values]
    except ValueError as error:
        raise CommandError(f"{origin}: {key} are {', '.join(NewsEvent)}") from error


_MOST_LINES = 50  # of a kind in a message; a chat cuts what is longer
_SEEDS = "SELECT DISTINCT host FROM urls WHERE found_via = 'seed' ORDER BY host"


@dataclass(frozen=True, slots=True)
class NewsItem:
    """A piece of news: its kind, the hosts that it is of (none where they are not known), and its line.

    The sentence of completeness is of no kind: it ends a message, and is none alone.
    """

    event: NewsEvent | None
    hosts: tuple[str, ...]
    line: str


@dataclass(frozen=True, slots=True)
class NoticeText:
    """A message to a receiver."""

    title: str
    body: str


@dataclass(frozen=True, slots=True)
class ArchiveMoment:
    """A moment in the life of an archive: the last number in `changes`, the time (UTC ISO 8601), and the keys of its
    judgement.
    """

    seq: int
    time: str
    known_looks: frozenset[str] = frozenset()


def read_news(
    db: Database, since: ArchiveMoment, edit_summary: Callable[[ListedEdit], str], room: str = ""
) -> Iterator[NewsItem]:
    """Read the letter of what came since: new articles, edits with their words, what needs a look that did not then.

    `room` is the address of the archive in a reading room, to which edits link.
    """
    coverage = measure_coverage(db)
    letter = read_letter(db, coverage, after_seq=since.seq, most_new=-1)
    for article in letter.new:
        title = f"{article.title} ({article.day})" if article.day else article.title
        yield NewsItem(NewsEvent.NEW, (host_of(article.url),), f"{title}\n  {article.url}")
    for edit in (*letter.edits, *letter.withdrawals, *letter.returns):
        event = NewsEvent.WITHDRAWALS if edit.kind == EditKind.WITHDRAWN else NewsEvent.EDITS
        summary = edit_summary(edit)
        line = f"{edit.kind}: {edit.title}" + (f" ({summary})" if summary else "")
        diff = read_edit_diff(db, edit.article_id, edit.revision)
        words = _diff_lines(db, diff, room) if diff else []
        yield NewsItem(event, (host_of(edit.url),), "\n".join((line, f"  {edit.url}", *words)))
    for look in needs_look(judge_archive(db, coverage=coverage)):
        if look.kind not in TOLD_BY_LETTER and look.key not in since.known_looks:
            line = f"{look.sentence}\n  {look.advice}" if look.advice else look.sentence
            yield NewsItem(NewsEvent.ALARMS, _hosts_of(look), line)
    if letter.completeness:
        yield NewsItem(None, (), letter.completeness)


def _diff_lines(db: Database, diff: EditDiff, room: str) -> list[str]:
    """Return the words of an edit, then where both versions are: pages of a reading room, or the command that shows
    them.
    """
    command = f"broadsheet diff {quote(str(database_file(db)))} {diff.article_id} --from {diff.first} --to {diff.last}"
    places = version_links(diff, room) if room else [("both versions", command)]
    return [f"  {text}" for text in (*marked_blocks(diff), *(f"{name}: {place}" for name, place in places))]


def _hosts_of(look: Look) -> tuple[str, ...]:
    """Return the hosts that a look is about; none where it is about the archive."""
    if look.kind == LookKind.ALARM:
        return (look.subject.partition("/")[0],)
    urls = (look.subject, *(example.url for example in look.examples))
    return tuple(dict.fromkeys(host for url in urls if "://" in url and (host := host_of(url))))


def seed_hosts(db: Database) -> tuple[str, ...]:
    """Return the hosts of an archive's start URLs."""
    return tuple(host for (host,) in db.execute(_SEEDS))


def compose_notice(name: str, news: Sequence[NewsItem], receiver: Receiver) -> NoticeText | None:
    """Compose the message of a run for a receiver; None if nothing in it is for it. `name` says which archive it is."""
    items = [item for item in news if item.event in receiver.events and _is_for(receiver, item)]
    if not items:
        return None
    items_by_event = {event: [item for item in items if item.event == event] for event in NewsEvent}
    counts = [_count_of(event, len(lines)) for event, lines in items_by_event.items() if lines]
    sections = [_notice_section(event, lines) for event, lines in items_by_event.items() if lines]
    if not receiver.sites:  # the sentence is about the whole archive
        sections += [inert_text(item.line) for item in news if item.event is None]
    return NoticeText(one_line(f"{name}: {', '.join(counts)}"), "\n\n".join(sections))


def _is_for(receiver: Receiver, item: NewsItem) -> bool:
    return not item.hosts or any(map(receiver.is_for, item.hosts))


def _count_of(event: NewsEvent, count: int) -> str:
    if event is NewsEvent.ALARMS:
        return f"{count_text(count, 'thing')} to look at"
    return count_text(count, "new article" if event is NewsEvent.NEW else event.removesuffix("s"))


def _notice_section(event: NewsEvent, items: list[NewsItem]) -> str:
    lines = [inert_text(item.line) for item in items[:_MOST_LINES]]
    more = [f"… and {len(items) - _MOST_LINES:,} more"] if len(items) > _MOST_LINES else []
    title = {NewsEvent.ALARMS: "Needs a look", NewsEvent.NEW: "New articles"}.get(event, event.capitalize())
    return "\n".join([title, *lines, *more])


_LOGGERS = ("apprise", "requests", "urllib3", "requests_oauthlib", "oauthlib")
"""What would log addresses, tokens and answers of receivers."""

Send = Callable[[Receiver, NoticeText], bool]


def send_notices(name: str, news: Iterable[NewsItem], receivers: Sequence[Receiver], send: Send) -> list[str]:
    """Send each receiver its message, one at most; returns a line for each that could not be reached."""
    items = list(news)
    problems = []
    for receiver in receivers:
        notice = compose_notice(name, items, receiver)
        if notice and not send(receiver, notice):
            problems.append(f"the message to {receiver.label} could not be sent")
    return problems


def send_by_apprise(receiver: Receiver, notice: NoticeText) -> bool:
    """Send a message; False if it could not be, for whatever reason. Nothing is logged: an address is a secret."""
    import apprise

    _silence_loggers()
    messenger = apprise.Apprise(asset=apprise.AppriseAsset(secure_logging=True, storage_mode="memory"))
    try:
        has_address = messenger.add(receiver.url)
        return bool(has_address and messenger.notify(notice.body, notice.title, body_format=apprise.NotifyFormat.TEXT))
    except Exception:  # noqa: BLE001 - over a hundred services; what they raise would quote addresses
        return False


def send_notice(receiver: Receiver, notice: NoticeText) -> bool:
    """Send a message by the notifier that has the address's scheme as its name, else by Apprise; False if it fails."""
    if not has_plugin(NOTIFIERS, _scheme_of(receiver)):
        return send_by_apprise(receiver, notice)
    try:
        return bool(call_plugin(NOTIFIERS, _scheme_of(receiver), receiver.url, notice.title, notice.body))
    except Exception:  # noqa: BLE001 - what a plug-in raises may quote the address
        return False


def _scheme_of(receiver: Receiver) -> str:
    return receiver.url.partition("://")[0].lower()


def is_known_address(receiver: Receiver) -> bool:
    """Return whether a notifier or Apprise knows what the address of a receiver means; send nothing."""
    if has_plugin(NOTIFIERS, _scheme_of(receiver)):
        load_plugin(NOTIFIERS, _scheme_of(receiver))
        return True
    import apprise

    _silence_loggers()
    return bool(apprise.Apprise().add(receiver.url))


def _silence_loggers() -> None:
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.setLevel(logging.CRITICAL + 1)
        logger.propagate = False
