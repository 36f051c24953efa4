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
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from broadsheet.crawler.crawl.processes import Lifeline
from broadsheet.crawler.fleet.fleet_folder import disk_problem
from broadsheet.crawler.fleet.object_store import (
    DamagedObject,
    NotInStore,
    ObjectStore,
    Patience,
    PatientStore,
    StoreError,
    StoreFull,
    StoreUnreachable,
)
from broadsheet.crawler.fleet.site_copies import (
    LocalCopy,
    SiteManifest,
    beside_prefix,
    fetch_site,
    fetch_warc_files,
    manifest_prefix,
    read_manifest,
    read_origin,
    remove_copy,
    upload_site,
    write_origin,
)
from broadsheet.crawler.fleet.site_lease import (
    LeaseLost,
    LeaseSeeker,
    LeaseTerms,
    LeaseWatch,
    SiteIsLeased,
    SiteLease,
    beating,
)
from broadsheet.crawler.fleet.site_processes import KILLED_TRIES, page_count, run_site
from broadsheet.crawler.fleet.site_records import SAYS_NOTHING, next_record, parse_record, record_values, result_since
from broadsheet.crawler.fleet.site_task import SiteEnd, SiteResult, SiteTask
from broadsheet.crawler.fleet.store_address import check_identity, store_at
from broadsheet.crawler.workers.settle_pool import settle_in_processes
from broadsheet.output.archive.archive_errors import ArchiveError, InUse
from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.archive.archive_lock import hold_lock
from broadsheet.output.collections.archive_merge import merge_archive
from broadsheet.output.raw.warc_files import AwayFile, read_away_files, write_away_files
from broadsheet.output.write.archive_writer import Archive

_LOG = logging.getLogger(__name__)
_TAKEDOWNS = "SELECT pattern FROM takedowns"


def merge_beside(store: ObjectStore, copy: LocalCopy) -> Mapping[str, SiteManifest]:
    """Merge all that was put beside a site into its local copy, and settle; return what was merged, by key.

    That may go once the local copy is home. Merging the same again changes nothing. A state that cannot be merged stays
    beside, and keeps nobody from crawling the site.
    """
    merged = {}
    for key in store.keys(beside_prefix(copy.site)):
        try:
            manifest = read_manifest(store, key)
            _merge_state(store, copy, manifest, key)
        except (ArchiveError, DamagedObject, NotInStore) as error:
            _LOG.error("%s stays beside %s, as it cannot be merged: %s", key, copy.site, error)
            continue
        merged[key] = manifest
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
    fetch_warc_files(store, source.archive, names)
    if _takedowns(source) - _takedowns(copy):
        fetch_warc_files(store, source.archive, list(read_away_files(source.archive)))
        fetch_warc_files(store, copy.archive, list(shared_files))


def _share_files(store: ObjectStore, copy: LocalCopy, source: LocalCopy) -> None:
    """Name the files that took the place of a source's files whose bytes are gone by a takedown."""
    current_files = read_away_files(copy.archive)

    def current(file: AwayFile) -> AwayFile:
        other = current_files.get(file.name)
        is_replaced = other is not None and other.length == file.length and store.length(file.key) is None
        return other if other is not None and is_replaced else file

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
            result = crawl(site.copy.archive, is_lost)
        finally:
            _bring_home(site, lease, merged)
    return result


def _prepare(site: StoredSite, lease: SiteLease) -> dict[str, SiteManifest]:
    """Fetch the site's newest archive to the local disk, and merge what was put beside; return that."""
    try:
        _put_left_over_beside(site, lease)
        if not site.copy.is_left_over():
            _fetch(site, lease)
        return dict(merge_beside(site.store, site.copy))
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
        _LOG.info("%s has moved on since %s was left here; it is merged", site.copy.site, site.copy.archive)
        upload_site(site.store, site.copy, lease.record.generation, beside_prefix(site.copy.site))
        remove_copy(site.copy)


def _fetch(site: StoredSite, lease: SiteLease) -> None:
    if lease.manifest:
        fetch_site(site.store, read_manifest(site.store, lease.manifest), lease.manifest, site.copy)
    else:
        site.copy.folder.mkdir(parents=True, exist_ok=True)
        write_origin(site.copy, "")


def _bring_home(site: StoredSite, lease: SiteLease, merged: dict[str, SiteManifest]) -> None:
    """Bring the local copy to the store and give the lease back; the loser of a lease puts its copy beside."""
    if not site.copy.is_left_over():  # nothing was stored, so nothing is to be said
        with suppress(LeaseLost):
            lease.release()
        return
    key = upload_site(site.store, site.copy, lease.record.generation, manifest_prefix(site.copy.site))
    try:
        lease.state_manifest(key)
    except LeaseLost:
        upload_site(site.store, site.copy, lease.record.generation, beside_prefix(site.copy.site))
        site.store.delete(key)
        remove_copy(site.copy)
        _merge_now(site)
        return
    remove_copy(site.copy)
    _remove_replaced(site, key, lease.manifest, merged)


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


def _remove_replaced(site: StoredSite, current_key: str, old_key: str, merged: dict[str, SiteManifest]) -> None:
    """Remove the old state and the states that were merged from the store.

    A WARC file of the old state that the new one does not name stays, as its bytes are nowhere else.
    """
    replaced = dict(merged)
    if old_key:
        with suppress(NotInStore):
            replaced[old_key] = read_manifest(site.store, old_key)
    for key in replaced:
        site.store.delete(key)
    waiting_keys = site.store.keys(beside_prefix(site.copy.site))
    kept_keys = _file_keys(read_manifest(site.store, key) for key in [current_key, *waiting_keys])
    if old_key in replaced:
        kept_keys |= _missing_files(site.copy.site, replaced[old_key], read_manifest(site.store, current_key))
    for key in sorted(_file_keys(replaced.values()) - kept_keys):
        site.store.delete(key)


def _missing_files(name: str, old: SiteManifest, current: SiteManifest) -> set[str]:
    """Return the keys of WARC files that an earlier state of a site names and the current one does not."""
    current_names = {file.name for file in current.warc_files}
    missing_files = [file for file in old.warc_files if file.name not in current_names]
    for file in missing_files:
        _LOG.warning("%s is no longer named by %s; its bytes stay in the store as %s", file.name, name, file.key)
    return {file.key for file in missing_files}


def _file_keys(manifests: Iterable[SiteManifest]) -> set[str]:
    return {key for manifest in manifests for key in manifest.keys}


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
