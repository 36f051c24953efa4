"""A turn of a site whose archive lives in a store: its head read, fetched, run, saved, brought home, published.

Whatever cuts it off, what was published is not lost: a running crawl is saved every few minutes. The local copy stays
until it is home, and the next attempt on this machine goes on from it, unless the site has moved on since.
"""

from __future__ import annotations

import logging
import os
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from broadsheet.output.archive.archive_errors import ArchiveError, InUse
from broadsheet.output.archive.archive_lock import hold_lock
from broadsheet.output.raw.erasure import waiting_files
from broadsheet.output.write.archive_writer import Archive

from ..crawl.processes import Lifeline
from .fleet_folder import disk_problem
from .fleet_takedowns import take_down_fetched
from .list_runs import is_current_run, thread_beside
from .object_store import NotInStore, ObjectStore, Patience, PatientStore, StoreError
from .site_copies import (
    LocalCopy,
    bring_copy_home,
    clear_place,
    fetch_copy,
    keep_base,
    read_origin,
    remove_old_bases,
    save_running,
    save_site,
    set_copy_aside,
    set_foreign_folders_aside,
    write_origin,
)
from .site_head import Overtaken, SiteAttempt, read_head
from .site_processes import crawl_environment, page_count, run_site
from .site_records import SAYS_NOTHING, next_record, parse_record, record_values, result_since
from .site_states import StateWriter, StoredState, collect_leftovers, read_manifest
from .site_task import SiteEnd, SiteResult, SiteTask
from .store_address import check_identity, store_at

_LOG = logging.getLogger(__name__)
_Result = TypeVar("_Result")
_SAVED_SHARE = 0.05  # of the time of a crawl that saving takes at most: of a large archive the whole file is read


@dataclass(frozen=True, slots=True)
class StoredSite:
    """A site in a store, and the place for its local copy. Files of this name elsewhere are other machines' copies."""

    store: ObjectStore
    copy: LocalCopy
    save_seconds: float = 300.0
    """Between two states that are saved while a crawl goes on: what a worker's death costs."""
    is_wanted: Callable[[], bool] = lambda: True
    """Whether the run that this is part of has the site still; asked after each save."""


def run_stored(
    site: StoredSite,
    crawl: Callable[[Path, threading.Event], _Result],
    attempt: SiteAttempt | None = None,
    last_words: Callable[[_Result], dict[str, Any]] = lambda _: {},
) -> _Result:
    """Run `crawl` on the site's archive, and bring the archive home, with what `last_words` says of the result.

    `crawl` gets the archive's path, where there may be nothing yet, and an event that is set when it is no longer
    wanted: it should then end in good order. What it stored is brought home also when it raises. Overtaken if somebody
    else has published the site meanwhile: what was crawled since the last save is then left. StoreError if the store
    fails for longer than its patience.
    """
    attempt = attempt or SiteAttempt(site.store, site.copy.site)
    must_stop = threading.Event()
    words: dict[str, Any] = {}
    try:
        _prepare(site, attempt)
        try:
            with _saving(site, attempt, must_stop):
                result = crawl(site.copy.archive, must_stop)
            words = last_words(result)
        finally:
            if attempt.is_overtaken:
                raise Overtaken(f"{attempt.site} was published by somebody else meanwhile")
            _bring_home(site, attempt, words)
    except (Overtaken, NotInStore) as error:  # pieces of a state that was replaced may be gone
        if read_head(site.store, attempt.site).generation == attempt.head.generation:
            raise
        set_copy_aside(site.copy)
        _collect(site.store, attempt.site)
        raise Overtaken(f"{attempt.site} was published by somebody else meanwhile") from error
    return result


def _prepare(site: StoredSite, attempt: SiteAttempt) -> None:
    """Fetch the site's state to the local disk, unless that is here; carry out the takedowns that wait for it."""
    copy, head = site.copy, attempt.head
    origin = read_origin(copy)
    copy.folder.mkdir(parents=True, exist_ok=True)
    with hold_lock(copy.archive):  # a crawl whose runner was killed takes a moment to stop
        if copy.is_left_over() and (origin is None or origin.key != head.manifest):
            _LOG.info("%s has moved on since %s was left here", copy.site, copy.archive)
            set_copy_aside(copy)
        if not copy.is_left_over():
            clear_place(copy, is_new=not head.manifest)
    if not copy.is_left_over():
        if head.manifest:
            fetch_copy(site.store, head.manifest, copy)
        else:
            write_origin(copy, StoredState.of_nothing(copy.site))
    if copy.is_left_over():
        set_foreign_folders_aside(copy)
    if head.takedowns and copy.is_left_over():
        for note in dict.fromkeys(note for _, note in head.takedowns):
            patterns = [pattern for pattern, other in head.takedowns if other == note]
            take_down_fetched(site.store, copy.archive, patterns, note)


def _saving(site: StoredSite, attempt: SiteAttempt, must_stop: threading.Event) -> AbstractContextManager[None]:
    """Save the site's state every few minutes for a `with` block. A state that fails is left to the next."""

    def save_again(has_ended: threading.Event) -> None:
        pause = site.save_seconds
        while not has_ended.wait(pause):
            started = time.monotonic()
            try:
                save_now(site, attempt)
                if not site.is_wanted():
                    _LOG.warning("another run has taken the list over; %s is stopped", attempt.site)
                    must_stop.set()
            except Overtaken as error:
                _LOG.warning("%s", error)
                must_stop.set()
                return
            except (StoreError, ArchiveError, sqlite3.Error, OSError) as error:
                _LOG.warning("%s was not saved while it is crawled: %s", attempt.site, error)
            pause = max(site.save_seconds, (time.monotonic() - started) / _SAVED_SHARE)

    return thread_beside(f"saving-{attempt.site}", save_again)


def save_now(site: StoredSite, attempt: SiteAttempt) -> None:
    """Make what a running crawl has committed the site's state in the store. Overtaken if that is refused."""
    saved = save_running(StateWriter(site.store, attempt), site.copy) if site.copy.is_left_over() else None
    if saved is None:
        return
    try:
        attempt.publish(manifest=saved.key, takedowns=(), pages=page_count(site.copy.archive))
    except Overtaken:
        assert saved.file
        saved.file.unlink()
        raise
    keep_base(site.copy, saved)
    collect_leftovers(site.store, attempt.site, attempt.head, saved.manifest)


def _bring_home(site: StoredSite, attempt: SiteAttempt, words: dict[str, Any]) -> None:
    """Bring the local copy to the store, and publish it."""
    if not site.copy.is_left_over():  # nothing was stored, so nothing is to be said
        return
    saved = save_site(StateWriter(site.store, attempt), site.copy)
    attempt.publish(manifest=saved.key, takedowns=(), pages=page_count(site.copy.archive), **words)
    bring_copy_home(site.copy, saved)
    remove_old_bases(site.copy.folder.parent)
    with suppress(StoreError):  # the next attempt collects them
        collect_leftovers(site.store, attempt.site, attempt.head, saved.manifest)


def _collect(store: ObjectStore, site: str) -> None:
    """Remove what an attempt that was refused has uploaded."""
    with suppress(StoreError):  # the next attempt collects them
        head = read_head(store, site)
        collect_leftovers(store, site, head, read_manifest(store, head.manifest) if head.manifest else None)


_FORGET_TRIES = 5


def forget_stored(site: StoredSite, patterns: Sequence[str], note: str) -> list[str]:
    """Take patterns down in an archive of a store; return the WARC files that wait to be erased.

    A head that names the takedown comes first: it refuses running attempts, and whoever writes the next state carries
    it out. InUse if a run on this machine has the site's copy in hand.
    """
    wanted = tuple((pattern, note) for pattern in patterns)
    for tries_left in reversed(range(_FORGET_TRIES)):
        try:
            attempt = SiteAttempt(site.store, site.copy.site)
            attempt.publish(takedowns=tuple(dict.fromkeys((*attempt.head.takedowns, *wanted))))
            with in_hand(site.copy):
                if site.copy.is_left_over():
                    with hold_lock(site.copy.archive):  # a crawl whose runner was killed takes a moment to stop
                        pass
                return run_stored(site, lambda file, _: waiting_in(file), attempt)
        except Overtaken:
            if not tries_left:
                raise
    return []


def waiting_in(archive: Path) -> list[str]:
    """Return the WARC files of an archive in which records wait to be erased."""
    with Archive.open(archive) as opened:
        return waiting_files(opened.db)


_SECRET_PREFIXES = ("AWS_", "OBJECT_STORE_")


@dataclass(frozen=True, slots=True)
class StorePlace:
    """A store as a task on any machine finds it: address, identity, the folder for local copies, and patience.

    Variables of that machine may stand in the folder, as in `$TMPDIR/broadsheet`. The task waits so many seconds for a
    store that is away.
    """

    address: str
    identity: str
    work_folder: str
    patience: Patience = field(default_factory=Patience)
    per_address: int = 4
    """Requests under way to one address, over the crawls of a machine."""
    run: str = ""
    """The id of the run that the task is part of; empty for none."""
    save_seconds: float = 300.0
    lost_seconds: float = 60.0
    """After so long without its scheduler a worker stops its crawls."""

    def environment(self) -> dict[str, str]:
        """Return the variables that a crawl gets: those of each, and no credentials of the store."""
        secrets = {name: "" for name in os.environ if name.startswith(_SECRET_PREFIXES)}
        return crawl_environment(self.per_address, self.local_folder / ".addresses", os.environ) | secrets

    @property
    def local_folder(self) -> Path:
        """Return the folder for local copies on this machine."""
        return Path(os.path.expandvars(self.work_folder)).expanduser().absolute()

    def copy(self, site: str) -> LocalCopy:
        """Return the place for a site's local copy on this machine."""
        return LocalCopy(self.local_folder / site, site, self.identity)


@dataclass(frozen=True)
class CrawlHost:
    """A machine's part in its crawls: the process that they stop with, and whether they are to stop."""

    lifeline: Lifeline
    is_stopped: Callable[[], bool]


def run_task(task: SiteTask, place: StorePlace, host: CrawlHost) -> SiteResult:
    """Run a task on a local copy of its archive, and bring the archive home with its record. A failure is a result too.

    A task that was finished meanwhile, here or elsewhere, gives the result that it had.
    """
    try:
        if problem := disk_problem(place.local_folder):
            return SiteResult.without_run(task, problem, SiteEnd.UNSUITABLE_DISK)
        store = _opened_store(place)
        copy = place.copy(task.name)
        site = StoredSite(store, copy, place.save_seconds, lambda: is_current_run(store, place.run))
        with in_hand(copy):
            return _run_in_hand(site, task, place, host)
    except Overtaken as error:
        return SiteResult.without_run(task, str(error), SiteEnd.OVERTAKEN)
    except InUse as error:
        return SiteResult.without_run(task, str(error), SiteEnd.IN_USE)
    except (StoreError, ArchiveError) as error:
        return SiteResult.without_run(task, str(error), SiteEnd.FAILED)
    except OSError as error:
        return SiteResult.without_run(
            task, f"{error.filename or place.local_folder}: {error.strerror or error}", SiteEnd.FAILED
        )


_checked_stores: set[tuple[str, str]] = set()


def _opened_store(place: StorePlace) -> PatientStore:
    """Open the store, whose identity is checked once in a process. StoreRefused if it is another one."""
    store = PatientStore(store_at(place.address), place.patience)
    if (place.address, place.identity) not in _checked_stores:
        check_identity(store, place.identity)
        if "://" in place.address:  # a folder may be mounted anew
            _checked_stores.add((place.address, place.identity))
    return store


@contextmanager
def in_hand(copy: LocalCopy) -> Iterator[None]:
    """Keep other runs on this machine from a local copy while the `with` block runs. InUse if one has it in hand."""
    copy.folder.parent.mkdir(parents=True, exist_ok=True)
    with hold_lock(copy.folder.with_name(f".{copy.site}"), refusal=f"{copy.site} is in hand on this machine"):
        yield


def runner_name() -> str:
    """Return what the store calls this runner: its host and process."""
    return f"{socket.gethostname()}, process {os.getpid()}"


def _run_in_hand(site: StoredSite, task: SiteTask, place: StorePlace, host: CrawlHost) -> SiteResult:
    """Crawl a site, unless it is no longer due, and bring it home. The errors of `run_stored`."""
    attempt = SiteAttempt(site.store, task.name)
    earlier = parse_record(attempt.head.turn)
    if result := result_since(task, earlier):
        return replace(result, archive=task.archive, is_published=True)

    def crawl(archive: Path, must_stop: threading.Event) -> SiteResult:
        local_task, log = replace(task, archive=archive), archive.with_suffix(".log")
        return run_site(
            local_task, host.lifeline, log, lambda: must_stop.is_set() or host.is_stopped(), place.environment()
        )

    def last_words(result: SiteResult) -> dict[str, Any]:
        if result.end in SAYS_NOTHING:
            return {}
        named = replace(result, archive=task.archive)
        return {"turn": record_values(next_record(task, named, earlier, runner_name()))}

    generation = attempt.head.generation
    result = run_stored(site, crawl, attempt, last_words)
    is_published = attempt.head.generation > generation and result.end not in SAYS_NOTHING
    return replace(result, archive=task.archive, is_published=is_published)
