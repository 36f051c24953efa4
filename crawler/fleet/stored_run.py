"""A task whose archive lives in a store: leased, fetched, run, brought home, merged, given back.

Whatever cuts it off, nothing is lost: until a manifest names what was uploaded, the local copy stays, and the next run
on this machine goes on from it or puts it beside. States of a site that another runner's came before are merged into
the site's archive.
"""

from __future__ import annotations

import logging
import os
import shutil
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TypeVar

from broadsheet.output.archive.archive_errors import ArchiveError, InUse
from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.archive.archive_lock import hold_lock
from broadsheet.output.collections.archive_merge import merge_archive
from broadsheet.output.raw.warc_files import AwayFile, read_away_files, write_away_files
from broadsheet.output.raw.warc_folders import MERGED_ENDING
from broadsheet.output.write.archive_writer import Archive

from ..crawl.processes import Lifeline
from ..workers.settle_pool import settle_in_processes
from .fleet_folder import disk_problem
from .object_store import (
    DamagedObject,
    NotInStore,
    ObjectStore,
    Patience,
    PatientStore,
    StoreError,
    StoreFull,
    StoreUnreachable,
)
from .site_copies import (
    LocalCopy,
    bring_copy_home,
    fetch_site,
    fetch_warc_files,
    fetch_with_base,
    is_home,
    keep_base,
    read_origin,
    remove_copy,
    remove_old_bases,
    save_beside,
    save_running,
    save_site,
    write_origin,
)
from .site_lease import (
    LeaseLost,
    LeaseSeeker,
    LeaseTerms,
    LeaseWatch,
    SiteIsLeased,
    SiteLease,
    beating,
    running_beside,
)
from .site_processes import KILLED_TRIES, page_count, run_site
from .site_records import SAYS_NOTHING, next_record, parse_record, record_values, result_since
from .site_states import (
    SiteManifest,
    StateWriter,
    beside_prefix,
    collect_pieces,
    manifest_prefix,
    read_manifest,
)
from .site_task import SiteEnd, SiteResult, SiteTask
from .store_address import check_identity, store_at

_LOG = logging.getLogger(__name__)
_TAKEDOWNS = "SELECT pattern FROM takedowns"


def merge_beside(store: ObjectStore, copy: LocalCopy) -> list[str]:
    """Merge all that was put beside a site into its local copy, and settle; return the keys of what was merged.

    That may go once the local copy is home. Merging the same again changes nothing. A state that cannot be merged stays
    beside, and keeps nobody from crawling the site.
    """
    merged = []
    for key in store.keys(beside_prefix(copy.site)):
        try:
            _merge_state(store, copy, read_manifest(store, key), key)
        except (ArchiveError, DamagedObject, NotInStore) as error:
            _LOG.error("%s stays beside %s, as it cannot be merged: %s", key, copy.site, error)
            continue
        merged.append(key)
    if merged:
        with Archive.open(copy.archive) as archive:
            settle_in_processes(archive.db)
    return merged


def _merge_state(store: ObjectStore, copy: LocalCopy, manifest: SiteManifest, key: str) -> None:
    source = LocalCopy(copy.folder / "beside", copy.site, copy.store)
    shutil.rmtree(source.folder, ignore_errors=True)  # of a merge that was cut off
    fetch_site(store, manifest, key, source)
    Archive.open(copy.archive).close()  # made, if there is none yet
    _bring_warc_files(store, copy, source)
    with Archive.open(copy.archive) as archive:
        merge_archive(archive.db, source.archive)
    remove_copy(source)


def _bring_warc_files(store: ObjectStore, copy: LocalCopy, source: LocalCopy) -> None:
    """Bring the files that merging copies beside the source: those that the site does not have.

    Where the source brings a takedown, the site's records may have to be written again before they are erased: then all
    of its files come here.
    """
    _share_files(store, copy, source)
    shared_files = read_away_files(copy.archive)
    names = [name for name, file in read_away_files(source.archive).items() if shared_files.get(name) != file]
    fetch_warc_files(store, copy.archive, _earlier_copies(copy, names))
    fetch_warc_files(store, source.archive, names)
    if _takedowns(source) - _takedowns(copy):
        fetch_warc_files(store, source.archive, list(read_away_files(source.archive)))
        fetch_warc_files(store, copy.archive, list(shared_files))


def _earlier_copies(copy: LocalCopy, names: Iterable[str]) -> list[str]:
    """Return the site's files that an earlier merge copied from these of the source: this one reads them."""
    stems = tuple(PurePosixPath(name).name.removesuffix(".warc.gz") for name in names)
    files = map(PurePosixPath, read_away_files(copy.archive))
    return [str(file) for file in files if file.parent.name.endswith(MERGED_ENDING) and file.name.startswith(stems)]


def _share_files(store: ObjectStore, copy: LocalCopy, source: LocalCopy) -> None:
    """Name the files that took the place of a source's files whose bytes are gone by a takedown."""
    current_files = read_away_files(copy.archive)

    def current(file: AwayFile) -> AwayFile:
        other = current_files.get(file.name)
        if other is None or other.length != file.length:
            return file
        return other if any(store.length(piece.key) is None for piece in file.pieces) else file

    write_away_files(source.archive, [current(file) for file in read_away_files(source.archive).values()])


def _takedowns(copy: LocalCopy) -> set[str]:
    with closing(open_database(copy.archive, read_only=True)) as db:
        return {str(pattern) for (pattern,) in db.execute(_TAKEDOWNS).fetchall()}


_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class StoredSite:
    """A site in a store, the place for its local copy, and its runner: words for people, such as host and process.

    `wait_seconds` is how long to wait for a site that another runner has.
    """

    store: ObjectStore
    copy: LocalCopy
    owner: str
    terms: LeaseTerms = field(default_factory=LeaseTerms)
    wait_seconds: float = 0.0
    save_seconds: float = 300.0
    """Between two states that are saved while a crawl goes on: what a worker's death costs."""

    def writer(self, lease: SiteLease) -> StateWriter:
        """Return the writer of states under a lease."""
        return StateWriter(self.store, self.copy.site, lease.record.generation)


def run_stored(site: StoredSite, crawl: Callable[[Path, threading.Event], _Result]) -> _Result:
    """Run `crawl` on the site's archive while no other runner has it, and bring the archive home.

    `crawl` gets the archive's path, where there may be nothing yet, and an event that is set when another runner has
    taken the site: it should then end in good order. What it stored is brought home also when it raises.
    SiteIsLeased if another runner has the site, or has taken it meanwhile and keeps it: what was crawled then waits
    beside it. StoreError if the store fails for longer than its patience.
    """
    lease = LeaseSeeker(site.store, site.owner, site.terms, site.wait_seconds).site(site.copy.site)
    return run_leased(site, lease, crawl)


def run_leased(site: StoredSite, lease: SiteLease, crawl: Callable[[Path, threading.Event], _Result]) -> _Result:
    """Run `crawl` likewise, under a lease that was acquired; what it notes there is stored with the archive's state."""
    is_lost = threading.Event()
    with beating(lease, is_lost.set, lambda: page_count(site.copy.archive)):
        merged = _prepare(site, lease)
        try:
            with _saving(site, lease, merged):
                result = crawl(site.copy.archive, is_lost)
        finally:
            _bring_home(site, lease, merged)
    return result


def _prepare(site: StoredSite, lease: SiteLease) -> list[str]:
    """Fetch the site's newest archive to the local disk, and merge what was put beside; return its keys."""
    try:
        _put_left_over_beside(site, lease)
        if not site.copy.is_left_over():
            _fetch(site, lease)
        if lease.manifest:  # what a runner that was killed had no time for
            collect_pieces(site.store, site.copy.site, lease.manifest)
        return merge_beside(site.store, site.copy)
    except BaseException:
        with suppress(StoreError):
            lease.release()
        raise


def _put_left_over_beside(site: StoredSite, lease: SiteLease) -> None:
    """Go on from what an earlier task left here, if the store has had nothing new since; else put it beside."""
    if not site.copy.is_left_over():
        return
    origin = read_origin(site.copy)
    if origin is None or origin.manifest != lease.manifest:
        if not (lease.manifest and is_home(site.copy, read_manifest(site.store, lease.manifest))):
            _LOG.info("%s has moved on since %s was left here; it is merged", site.copy.site, site.copy.archive)
            save_beside(site.writer(lease), site.copy, beside_prefix(site.copy.site))
        remove_copy(site.copy)


def _fetch(site: StoredSite, lease: SiteLease) -> None:
    if lease.manifest:
        fetch_with_base(site.store, lease.manifest, site.copy)
    else:
        site.copy.folder.mkdir(parents=True, exist_ok=True)
        write_origin(site.copy, "")


_SAVED_SHARE = 0.05  # of the time of a crawl that saving takes at most: of a large archive the whole file is read


@contextmanager
def _saving(site: StoredSite, lease: SiteLease, merged: Iterable[str]) -> Iterator[None]:
    """Save the site's state every few minutes while the `with` block runs. A state that fails is left to the next."""

    def save_again(has_ended: threading.Event) -> None:
        pause = site.save_seconds
        while not has_ended.wait(pause):
            started = time.monotonic()
            try:
                save_now(site, lease, merged)
            except LeaseLost:
                return
            except (StoreError, ArchiveError, sqlite3.Error, OSError) as error:
                _LOG.warning("%s was not saved while it is crawled: %s", site.copy.site, error)
            pause = max(site.save_seconds, (time.monotonic() - started) / _SAVED_SHARE)

    with running_beside(save_again, f"saving-{site.copy.site}"):
        yield


def save_now(site: StoredSite, lease: SiteLease, merged: Iterable[str] = ()) -> None:
    """Make what a running crawl has committed the site's state in the store. LeaseLost if another runner has it.

    `merged` are the keys of the states beside that it has taken in.
    """
    if not site.copy.is_left_over():
        return
    prefix = manifest_prefix(site.copy.site)
    saved = save_running(site.writer(lease), site.copy, prefix, _replaced_keys(lease, merged))
    if saved is None:
        return
    try:
        lease.state_manifest(saved.key)
    except LeaseLost:
        saved.database.unlink()
        site.store.delete(saved.key)
        raise
    write_origin(site.copy, saved.key)
    keep_base(site.copy, saved.manifest, saved.database)
    collect_pieces(site.store, site.copy.site, saved.key)


def _bring_home(site: StoredSite, lease: SiteLease, merged: Iterable[str]) -> None:
    """Bring the local copy to the store and give the lease back; the loser of a lease puts its copy beside."""
    if not site.copy.is_left_over():  # nothing was stored, so nothing is to be said
        with suppress(LeaseLost):
            lease.release()
        return
    prefix = manifest_prefix(site.copy.site)
    saved = save_site(site.writer(lease), site.copy, prefix, _replaced_keys(lease, merged))
    try:
        lease.state_manifest(saved.key)
    except LeaseLost:
        save_beside(site.writer(lease), site.copy, beside_prefix(site.copy.site))
        site.store.delete(saved.key)
        remove_copy(site.copy)
        _merge_now(site)
        return
    bring_copy_home(site.copy, saved)
    remove_old_bases(site.copy.folder.parent)
    try:
        collect_pieces(site.store, site.copy.site, saved.key)
    finally:
        with suppress(StoreError):  # it expires
            lease.release()


def _replaced_keys(lease: SiteLease, merged: Iterable[str]) -> list[str]:
    """Return the keys of the manifests whose place the next state takes."""
    return [*merged, *filter(None, [lease.record.manifest])]


def _merge_now(site: StoredSite) -> None:
    """Merge what was put beside. StoreError if somebody has the site, or the store fails.

    Whoever has the site next merges it, and until then nobody may say that the site is what was crawled here.
    """
    try:
        run_stored(site, leave_as_it_is)
    except StoreError as error:
        _LOG.info("what was put beside %s waits to be merged: %s", site.copy.site, error)
        raise


def leave_as_it_is(archive: Path, _is_lost: threading.Event) -> None:
    """Crawl nothing: states beside are merged before, and brought home after."""
    _LOG.info("%s has what was put beside it", archive)


_SECRET_PREFIXES = ("AWS_", "OBJECT_STORE_")


@dataclass(frozen=True, slots=True)
class StorePlace:
    """A store as a task on any machine finds it: address, identity, the folder for local copies, and patience.

    Variables of that machine may stand in the folder, as in `$TMPDIR/broadsheet`. The task waits so many seconds for a
    store that is away, and for a site that another runner has.
    """

    address: str
    identity: str
    work_folder: str
    terms: LeaseTerms = field(default_factory=LeaseTerms)
    patience: Patience = field(default_factory=Patience)
    wait_seconds: float = 0.0
    per_address: int = 4
    """Requests under way to one address, over all crawls of the fleet."""

    def environment(self, grants: Path | None = None) -> dict[str, str]:
        """Return the variables that a crawl gets: no credentials of the store, one worker process, and folders of
        address slots.  Crawls run side by side, hence one worker process. The folders are the one in which crawls
        share what they know of addresses, and the one of granted slots. A variable that the machine sets wins.
        """
        chosen = {
            "BROADSHEET_ADDRESS_GRANTS": str(grants or ""),
            "BROADSHEET_WORKERS": "1",
            "BROADSHEET_PER_ADDRESS": str(self.per_address),
            "BROADSHEET_ADDRESS_FOLDER": str(self.local_folder / ".addresses"),
        }
        secrets = {name: "" for name in os.environ if name.startswith(_SECRET_PREFIXES)}
        return {name: value for name, value in chosen.items() if name not in os.environ} | secrets

    @property
    def local_folder(self) -> Path:
        """Return the folder for local copies on this machine."""
        return Path(os.path.expandvars(self.work_folder)).expanduser().absolute()


@dataclass(frozen=True)
class CrawlHost:
    """A machine's part in its crawls: the process that they stop with, and whether they are to stop.

    `grants` is where they find slots for addresses, if all machines share them; `watch` is of other runners' leases.
    """

    lifeline: Lifeline
    is_stopped: Callable[[], bool]
    grants: Path | None = None
    watch: LeaseWatch | None = None


def run_task(task: SiteTask, store_place: StorePlace, host: CrawlHost) -> SiteResult:
    """Run a task on a local copy of its archive, and bring the archive home with its record. A failure is a result too.

    A task that was finished meanwhile, here or by another runner, gives the result that it had.
    """
    try:
        if problem := disk_problem(store_place.local_folder):
            return SiteResult.without_run(task, problem, SiteEnd.UNSUITABLE_DISK)
        store = PatientStore(store_at(store_place.address), store_place.patience)
        check_identity(store, store_place.identity)
        crawl = _TaskCrawl(task, store_place, store, host)
        with in_hand(crawl.site.copy):
            return crawl.run()
    except (SiteIsLeased, InUse) as error:
        return SiteResult.without_run(task, str(error), SiteEnd.IN_USE)
    except (StoreError, ArchiveError) as error:
        return SiteResult.without_run(task, str(error), SiteEnd.FAILED)
    except OSError as error:
        return SiteResult.without_run(
            task, f"{error.filename or store_place.local_folder}: {error.strerror or error}", SiteEnd.FAILED
        )


@contextmanager
def in_hand(copy: LocalCopy) -> Iterator[None]:
    """Keep other runs on this machine from a local copy while the `with` block runs. InUse if one has it in hand."""
    copy.folder.parent.mkdir(parents=True, exist_ok=True)
    with hold_lock(copy.folder.with_name(f".{copy.site}"), refusal=f"{copy.site} is in hand on this machine"):
        yield


def runner_name() -> str:
    """Return what the store calls this runner: its host and process."""
    return f"{socket.gethostname()}, process {os.getpid()}"


@dataclass(frozen=True)
class _TaskCrawl:
    """A task's crawl as a process, under the lease of its site. It stops when this process is gone."""

    task: SiteTask
    place: StorePlace
    store: ObjectStore
    host: CrawlHost

    @property
    def site(self) -> StoredSite:
        """Return the site with its local copy on this machine."""
        copy = LocalCopy(self.place.local_folder / self.task.name, self.task.name, self.place.identity)
        return StoredSite(self.store, copy, runner_name(), self.place.terms, self.place.wait_seconds)

    @property
    def seeker(self) -> LeaseSeeker:
        """Return this runner as one that wants leases."""
        return LeaseSeeker(self.store, runner_name(), self.place.terms, self.place.wait_seconds, self.host.watch)

    def run(self) -> SiteResult:
        """Take the site, unless it is no longer due, crawl it, and bring it home. The errors of `run_leased`."""
        site, task = self.site, self.task
        with self.seeker.held_hosts(task.shared_hosts):
            lease = self.seeker.site(task.name)
            if result := result_since(task, parse_record(lease.record.turn)):
                lease.release()
                return replace(result, archive=task.archive)
            try:
                result = run_leased(site, lease, lambda archive, is_lost: self._crawl(archive, is_lost, lease))
            except (SiteIsLeased, InUse, StoreUnreachable, StoreFull):
                raise
            except (StoreError, ArchiveError, OSError) as error:
                self._note_later(SiteResult.without_run(task, str(error), SiteEnd.FAILED), lease.record.generation)
                raise
            if lease.record.owner:  # another runner had taken it; what was crawled is merged by now
                self._note_later(result, lease.record.generation)
        return result

    def _crawl(self, archive: Path, is_lost: threading.Event, lease: SiteLease) -> SiteResult:
        """Run the crawl to its end; it is asked to stop when all are, or when another runner has the site."""

        def is_stopped() -> bool:
            return is_lost.is_set() or self.host.is_stopped()

        local_task, log = replace(self.task, archive=archive), archive.with_suffix(".log")
        for _ in range(KILLED_TRIES):
            environment = self.place.environment(self.host.grants)
            result = run_site(local_task, self.host.lifeline, log, is_stopped, environment)
            if result.end is not SiteEnd.KILLED or is_stopped():
                break
        result = replace(result, archive=self.task.archive)
        self._note(lease, result)
        return result

    def _note(self, lease: SiteLease, result: SiteResult) -> None:
        """Have the lease's next word to the store bring the record of a result, if that says something."""
        if result.end not in SAYS_NOTHING:
            earlier, generation = parse_record(lease.record.turn), lease.record.generation
            lease.note(turn=record_values(next_record(self.task, result, earlier, runner_name(), generation)))

    def _note_later(self, result: SiteResult, generation: int) -> None:
        """Bring the record of a result under a lease of its own, unless another runner has brought one since."""
        with suppress(StoreError):
            lease = self.seeker.site(self.task.name)
            earlier = parse_record(lease.record.turn)
            if earlier is None or earlier.generation <= generation:
                self._note(lease, result)
            lease.release()
