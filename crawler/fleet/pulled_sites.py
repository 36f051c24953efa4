"""Due sites of a list as the store knows them, and the work of a worker that takes one after the other."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from broadsheet.output.read.plain_words import count_text

from .fleet_turn import UNQUIET_ENDS, result_line, running_text, site_task, tell
from .object_store import ObjectStore, StoreError, StoreRefused
from .site_lease import LeaseWatch, record_key
from .site_records import SiteRecord, StoredSiteState, due_by_time, next_due, read_states
from .site_task import Engine, SiteEnd, SiteResult, SiteTask
from .sites_file import Site, SiteList
from .store_address import check_writable

_LOG = logging.getLogger(__name__)
_LOOK_SECONDS = 15.0  # between two looks at the store where nothing is due
_IN_USE_TRIES = 10  # such looks, more than a lease lasts, until a site is left whose host another worker has
_AGAIN = timedelta(minutes=5)  # until a waiting worker tries a site again that did not end well here
_NEVER = datetime.max.replace(tzinfo=UTC)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class DueSites:
    """A source of the tasks of sites that are due and free, the longest due first. See `TaskSource`.

    It is over when nothing is due any more that no living worker has; with `is_waiting` it never is. `watch` tells
    living workers from dead ones, and frees the sites of these. What did not end well is not given again, with
    `is_waiting` not soon.
    """

    fleet: SiteList
    sites: Sequence[Site]
    store: ObjectStore
    watch: LeaseWatch
    is_waiting: bool = False
    everything: bool = False
    """Whether every site is due that had no turn since the start."""
    say: Callable[[str], object] = print
    clock: Callable[[], datetime] = _now
    started_at: datetime = field(init=False)
    _given: dict[str, SiteTask] = field(default_factory=dict, init=False)
    _candidates: list[Site] = field(default_factory=list, init=False)
    _not_before: dict[str, datetime] = field(default_factory=dict, init=False)
    _in_use: Counter[str] = field(default_factory=Counter, init=False)
    _crawled: set[str] = field(default_factory=set, init=False)
    _undecided: dict[str, str] = field(default_factory=dict, init=False)
    """Sites that others have, of which it is not known yet whether they are alive: a sentence about each."""
    _is_told: bool = field(default=False, init=False)
    _next_look: float = field(default=0.0, init=False)
    _is_looked_through: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self.started_at = self.clock()

    def take(self) -> Sequence[SiteTask]:
        """Return the task of a site that is due and free, or none. StoreError."""
        while self._candidates or self._look_through():
            site = self._candidates.pop(0)
            if (task := self._task(site, read_states(self.store, [site.name])[site.name])) is not None:
                self._given[site.name] = task
                return (task,)
        return ()

    def is_over(self) -> bool:
        """Tell whether nothing is due any more that no living worker has."""
        return self._is_looked_through and not (self.is_waiting or self._candidates or self._undecided)

    def end(self, result: SiteResult) -> SiteTask:
        """Note the result of a task, and return the task. The store says when the site is due again."""
        task = self._given.pop(result.name)
        self._next_look = 0.0
        if result.end is SiteEnd.DONE:
            self._crawled.add(task.name)
        elif result.end is not SiteEnd.IN_USE:
            self._not_before[task.name] = self.clock() + _AGAIN if self.is_waiting else _NEVER
        else:
            self._put_off_used(task.name, result.message)
        return task

    def refusal(self) -> str:
        """Return why the store takes nothing, for whichever site; empty if it does, or does not answer now."""
        try:
            check_writable(self.store)
        except StoreRefused as error:
            return str(error)
        except StoreError:
            return ""
        return ""

    def _put_off_used(self, name: str, message: str) -> None:
        """Leave a site that somebody else has; one whose lease is free waits for a host."""
        self._in_use[name] += 1
        is_given_up = not self.is_waiting and self._in_use[name] > _IN_USE_TRIES
        self._not_before[name] = _NEVER if is_given_up else self.clock() + timedelta(seconds=_LOOK_SECONDS)
        self._note_undecided(name, "" if is_given_up else message)

    def _note_undecided(self, name: str, message: str) -> None:
        """Note in a sentence that who has a site may be dead; an empty one if that is not so."""
        self._undecided.pop(name, None)
        if message:
            self._undecided[name] = message

    def _look_through(self) -> bool:
        """Read what the store knows of the sites that may be due, some seconds after the last time at the earliest."""
        if time.monotonic() < self._next_look:
            return False
        now = self.clock()
        sites = [
            site for site in self.sites
            if site.name not in self._given and self._not_before.get(site.name, now) <= now
        ]  # fmt: skip
        states = read_states(self.store, [site.name for site in sites])
        due = [site for site in sites if self._task(site, states[site.name]) is not None]
        self._candidates = sorted(due, key=lambda site: self._not_before.pop(site.name, now))
        self._next_look, self._is_looked_through = time.monotonic() + _LOOK_SECONDS, True
        if self._undecided and not (self._candidates or self._given or self.is_waiting or self._is_told):
            self._is_told = True
            self.say(f"{next(iter(self._undecided.values()))}; waiting, in case that was killed")
        return bool(self._candidates)

    def _task(self, site: Site, state: StoredSiteState) -> SiteTask | None:
        """Return the task of a site; None if it is not due, or another worker's."""
        now, due = self.clock(), self._due(site, state.record)
        if due is not None:
            self._not_before[site.name] = due
        key = record_key(site.name)
        is_due, is_free = due is None or due <= now, self.watch.is_free(key, state.lease)
        is_open = is_due and not is_free and not self.watch.is_alive(key)
        self._note_undecided(site.name, f"{site.name} is run by {state.lease.owner}" if is_open else "")
        return site_task(self.fleet, site, state.record, now) if is_due and is_free else None

    def _due(self, site: Site, record: SiteRecord | None) -> datetime | None:
        """Return when a site is due; None for at once. Workers whose lists differ do not crawl it in turns."""
        if self.everything and (record is None or record.turn_at < self.started_at.isoformat(timespec="seconds")):
            return None
        if record and record.words_digest != site.words_digest and site.name in self._crawled:
            _LOG.warning("%s: another worker crawls it with other options; give all workers one list", site.name)
            return due_by_time(site, record)
        return next_due(site, record)


@dataclass
class PulledWork:
    """The work of a worker: tasks as the source gives them, a line and notices for each result.

    `lines` gets them, with `is_quiet` only those that a person should see in any case.
    """

    source: DueSites
    engine: Engine
    count_pages: Callable[[SiteTask], int]
    is_quiet: bool = False
    lines: list[str] = field(default_factory=list, init=False)
    ends: Counter[SiteEnd] = field(default_factory=Counter, init=False)
    results: list[SiteResult] = field(default_factory=list, init=False)
    """The results of all sites, unless it goes on for ever."""
    refusal: str = field(default="", init=False)
    """Why the store takes nothing; then the work is stopped, since every further site would fail likewise."""

    def say(self, line: str) -> None:
        """Add a line that nobody has to see."""
        if not self.is_quiet:
            self.lines.append(line)

    def run(self) -> None:
        """Work until nothing is due, or until the engine is stopped."""
        self.engine.run((), self._take)

    def progress_line(self) -> str:
        """Say in one line what was done, and what is running."""
        failed_count = sum(self.ends[end] for end in UNQUIET_ENDS)
        failures = f", {failed_count:,} of them not well" if failed_count else ""
        running = running_text(self.engine.running(), self.count_pages)
        return f"{count_text(self.ends.total(), 'site')}{failures}; running: {running}"

    def _take(self, result: SiteResult) -> None:
        task = self.source.end(result)
        if result.end is SiteEnd.IN_USE:  # another worker's, who says what came of it
            return
        self.ends[result.end] += 1
        if not self.source.is_waiting:
            self.results.append(result)
        (self.lines.append if result.end in UNQUIET_ENDS else self.say)(result_line(result))
        self.lines += tell(task, result)
        if result.end is SiteEnd.FAILED and not self.refusal and (refusal := self.source.refusal()):
            self.refusal = refusal
            self.engine.stop()
