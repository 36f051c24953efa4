"""The lease of a site: who runs it, until when, which manifest says what the store holds of it, and its last turn.

All of that is one record, so that one conditional put decides everything: a runner whose lease another one has taken,
because it expired, holds an old version, and whatever it then wants to state is refused. Clocks only decide how long
others wait; that nothing is lost does not depend on them. Clocks of two machines may differ by hours: who waits watches
for heartbeats by its own clock.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any

from broadsheet.output.archive.stored_values import utc_now

from .object_store import (
    DamagedObject,
    NewerState,
    ObjectStore,
    StoreError,
    VersionedRecord,
    VersionMoved,
)

FORMAT = 2
"""Of what a store says of a site: its record, and its manifests."""
OLDEST_FORMAT = 2
"""Of those that this version reads. Format 1 had archives as whole files, of before 0.1.0."""

_ACQUIRE_TRIES = 5
_POLL_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class LeaseTerms:
    """The seconds that a lease lasts without a heartbeat, and by which the clocks of two machines may differ.

    A runner sends three heartbeats in the first time; in the second, a lease that has expired is not taken yet.
    """

    seconds: float = 120.0
    skew_seconds: float = 10.0
    clock: Callable[[], str] = utc_now

    @property
    def longest_seconds(self) -> float:
        """Return how long a runner that was killed may keep others from its site, and a bit more."""
        return 1.1 * (self.seconds + self.skew_seconds)

    @property
    def silent_seconds(self) -> float:
        """Return how long a living runner may be silent: a heartbeat and a bit more."""
        return self.seconds / 3 + self.skew_seconds

    def expiry(self) -> str:
        """Return the time at which a lease that is renewed now expires."""
        return _later(self.clock(), self.seconds)

    def has_expired(self, expires_at: str) -> bool:
        """Tell whether the holder of a lease has not been heard of for longer than agreed."""
        return _later(expires_at, self.skew_seconds) < self.clock()


class SiteIsLeased(StoreError):  # noqa: N818 - named by what it is
    """A site is another runner's; the message says whose, and until when."""


class LeaseLost(StoreError):  # noqa: N818
    """A lease had expired and another runner took the site. What this runner holds has to be put beside."""


@dataclass(frozen=True, slots=True)
class LeaseRecord:
    """A site's record in the store. `generation` counts leases; `owner` is empty while nobody runs it.

    `manifest` is the key of what was last brought home, empty at first; `write_id` is of this very version. `pages` is
    what the runner's archive knew of at the last heartbeat, `turn` the site's record as JSON values, empty for none.
    `schema` is that of the archive; a version that knows only earlier ones leaves the site alone.
    """

    generation: int = 0
    owner: str = ""
    expires_at: str = ""
    manifest: str = ""
    write_id: str = ""
    taken_at: str = ""
    pages: int = 0
    turn: Mapping[str, Any] = field(default_factory=dict)
    schema: int = 0

    def to_json(self) -> bytes:
        """Return the record as it stands in the store."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1).encode()

    def is_free(self, terms: LeaseTerms) -> bool:
        """Tell whether the site may be taken."""
        return not self.owner or terms.has_expired(self.expires_at)


def record_key(site: str) -> str:
    """Return the key of a site's record."""
    return f"sites/{site}/site.json"


def read_site(store: ObjectStore, site: str) -> LeaseRecord:
    """Read a site's record in the store; generation 0 if there is none. DamagedObject if it makes no sense here."""
    record = store.read_record(record_key(site))
    return _parse(record, site) if record else LeaseRecord()


@dataclass(frozen=True, slots=True)
class LeasedThing:
    """A thing that can be leased: its name in messages, and the key of its record."""

    name: str
    key: str


class LeaseWatch:
    """An observer of other runners' leases, by this machine's own clock: `clock` counts seconds from anywhere.

    A runner is taken for dead whose record has not changed for as long as a lease lasts. Where the times in the record
    say so too, a missed heartbeat is enough. So a clock that is wrong by an hour takes no site of a living one.
    """

    def __init__(self, terms: LeaseTerms, clock: Callable[[], float] = time.monotonic) -> None:
        self._terms = terms
        self._clock = clock
        self._seen: dict[str, tuple[str, float]] = {}
        self._alive: set[str] = set()

    def is_free(self, key: str, record: LeaseRecord) -> bool:
        """Tell whether a thing may be taken: nobody has it, or who has it is taken for dead."""
        now = self._clock()
        write_id, since = self._seen.setdefault(key, (record.write_id, now))
        if write_id != record.write_id:
            self._seen[key], since = (record.write_id, now), now
            self._alive.add(key)
        if not record.owner:
            del self._seen[key]
            self._alive.discard(key)
            return True
        silence = now - since
        is_expired = self._terms.has_expired(record.expires_at)
        return silence > self._terms.longest_seconds or (is_expired and silence > self._terms.silent_seconds)

    def is_alive(self, key: str) -> bool:
        """Tell whether a heartbeat of the one who has a thing was seen."""
        return key in self._alive


class SiteLease:
    """A lease that was acquired. Its methods may be called from several threads."""

    def __init__(
        self, store: ObjectStore, leased: LeasedThing, record: LeaseRecord, version: str, terms: LeaseTerms
    ) -> None:
        self._store = store
        self._key = leased.key
        self._record = record
        self._version = version
        self._lock = threading.Lock()
        self.terms = terms
        self.site = leased.name
        self.manifest = record.manifest
        """The key of the manifest that the site had when it was acquired; empty for none."""

    @property
    def record(self) -> LeaseRecord:
        """Return what this runner last wrote."""
        return self._record

    def note(self, **values: Any) -> None:
        """Set fields of the record, such as `pages` and `turn`; they are stored with the next thing that is."""
        with self._lock:
            self._record = replace(self._record, **values)

    def renew(self) -> None:
        """Say that the runner is alive. LeaseLost if another one has the site."""
        self._write(lambda record: replace(record, expires_at=self.terms.expiry()))

    def state_manifest(self, manifest: str) -> None:
        """Make a manifest the site's. LeaseLost if another runner has the site, or had it since."""
        self._write(lambda record: replace(record, manifest=manifest, schema=_schema_version()))

    def release(self) -> None:
        """Give the site back. LeaseLost likewise."""
        self._write(lambda record: replace(record, owner="", expires_at=""))

    def _write(self, change: Callable[[LeaseRecord], LeaseRecord]) -> None:
        with self._lock:
            record = replace(change(self._record), write_id=token_hex(8))
            try:
                self._version = _replace(self._store, self._key, record, self._version)
            except VersionMoved as error:
                raise LeaseLost(f"another runner took {self.site}: its lease had expired") from error
            self._record = record


def acquire(store: ObjectStore, site: str, owner: str, terms: LeaseTerms | None = None) -> SiteLease:
    """Take a site that is free. SiteIsLeased if another runner has it, or was quicker."""
    return acquire_thing(store, LeasedThing(site, record_key(site)), owner, terms or LeaseTerms())


def acquire_thing(
    store: ObjectStore, leased: LeasedThing, owner: str, terms: LeaseTerms, watch: LeaseWatch | None = None
) -> SiteLease:
    """Take any leased thing likewise; with a watch, by what was seen rather than by the times in the record."""
    for _ in range(_ACQUIRE_TRIES):
        stored = store.read_record(leased.key)
        record = _parse(stored, leased.name) if stored else LeaseRecord()
        if not (watch.is_free(leased.key, record) if watch else record.is_free(terms)):
            break
        taken = replace(
            record, generation=record.generation + 1, owner=owner, expires_at=terms.expiry(), write_id=token_hex(8),
            taken_at=terms.clock(), pages=0,
        )  # fmt: skip
        with suppress(VersionMoved):
            version = _replace(store, leased.key, taken, stored.version if stored else "")
            return SiteLease(store, leased, taken, version, terms)
    runner = record.owner or "another runner"
    raise SiteIsLeased(f"{leased.name} is run by {runner}, until {record.expires_at} at least")


@dataclass(frozen=True, slots=True)
class LeaseSeeker:
    """A runner that wants leases: its store, what people call it, its terms, and how long it waits for a lease.

    One that waits watches leases; `watch` is one that has watched before. A runner that was killed holds its site until
    its lease expires.
    """

    store: ObjectStore
    owner: str
    terms: LeaseTerms = field(default_factory=LeaseTerms)
    wait_seconds: float = 0.0
    watch: LeaseWatch | None = None

    def site(self, name: str) -> SiteLease:
        """Take a site. SiteIsLeased if another runner has it."""
        return self._thing(LeasedThing(name, record_key(name)))

    @contextmanager
    def held_hosts(self, hosts: Iterable[str]) -> Iterator[None]:
        """Hold hosts that several sites have while the `with` block runs: one crawl keeps a host's pace.

        SiteIsLeased if another runner has one.
        """
        with ExitStack() as stack:
            for host in sorted(hosts):
                lease = self._thing(LeasedThing(f"the host {host}", f"hosts/{host.replace(':', '_')}.json"))
                stack.callback(_release_quietly, lease)
                stack.enter_context(beating(lease, lambda: None))
            yield

    def _thing(self, leased: LeasedThing) -> SiteLease:
        deadline = time.monotonic() + self.wait_seconds
        watch = self.watch or (LeaseWatch(self.terms) if self.wait_seconds else None)
        while True:
            try:
                return acquire_thing(self.store, leased, self.owner, self.terms, watch)
            except SiteIsLeased:
                if time.monotonic() > deadline:
                    raise
            time.sleep(min(_POLL_SECONDS, self.terms.seconds / 4))


def _release_quietly(lease: SiteLease) -> None:
    with suppress(StoreError):  # it expires
        lease.release()


def _replace(store: ObjectStore, key: str, record: LeaseRecord, version: str) -> str:
    """Replace a version. Where the answer to an earlier try was lost, the record that is there is the one meant."""
    try:
        return store.replace_record(key, record.to_json(), version)
    except VersionMoved:
        stored = store.read_record(key)
        if stored is None or _parse(stored, key).write_id != record.write_id:
            raise
        return stored.version


_WORDS = ("owner", "expires_at", "manifest", "write_id", "taken_at")


def _parse(record: VersionedRecord, site: str) -> LeaseRecord:
    try:
        values = json.loads(record.data)
        check_format(int(values.get("format", OLDEST_FORMAT)), site)
        if (schema := int(values.get("schema", 0))) > (known := _schema_version()):
            raise _newer_state(site, f"schema {schema}", known)
        owner, expires_at, manifest, write_id, taken_at = (str(values[name]) for name in _WORDS)
        return LeaseRecord(
            int(values["generation"]), owner, expires_at, manifest, write_id, taken_at, int(values["pages"]),
            dict(values["turn"]), schema,
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedObject(f"what the store says of {site} makes no sense") from error


def check_format(written_format: int, name: str) -> None:
    """Raise NewerState for a format that only newer versions read, DamagedObject for one that none reads any more."""
    if written_format > FORMAT:
        raise _newer_state(name, f"format {written_format}", FORMAT)
    if written_format < OLDEST_FORMAT:
        raise DamagedObject(f"{name} has format {written_format}, this version reads {FORMAT}: use a new store")


def _schema_version() -> int:
    """Return the schema of the archives that this version writes."""
    from broadsheet.output.archive.migrations import SCHEMA_VERSION  # needs sqlite-utils, which is slow to import

    return SCHEMA_VERSION


def _newer_state(name: str, written: str, newest: int) -> NewerState:
    return NewerState(
        f"{name} was stored by a newer version of Broadsheet ({written}, this one reads {newest}) and is left alone: "
        "update this machine"
    )


def _later(moment: str, seconds: float) -> str:
    """Return a time of ISO 8601, so many seconds later, in the same spelling."""
    return (datetime.fromisoformat(moment) + timedelta(seconds=seconds)).isoformat()


_LOG = logging.getLogger(__name__)


@contextmanager
def running_beside(work: Callable[[threading.Event], None], name: str) -> Iterator[None]:
    """Run `work` in a thread of that name beside the `with` block; its event is set at the end, and it is awaited."""
    has_ended = threading.Event()
    thread = threading.Thread(target=work, args=(has_ended,), name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        has_ended.set()
        thread.join()


@contextmanager
def beating(
    lease: SiteLease, on_loss: Callable[[], object], count_pages: Callable[[], int] = lambda: 0
) -> Iterator[None]:
    """Renew a lease thrice in its time, while the `with` block runs, and say how many pages there are.

    A store that is away is no loss: the next beat tries again. `on_loss` is called, once, in the thread, when another
    runner has the site: what goes on now has to be merged later.
    """

    def beat(has_ended: threading.Event) -> None:
        while not has_ended.wait(lease.terms.seconds / 3):
            lease.note(pages=count_pages())
            try:
                lease.renew()
            except LeaseLost as error:
                _LOG.warning("%s", error)
                on_loss()
                return
            except StoreError as error:
                _LOG.warning("no heartbeat for %s: %s", lease.site, error)

    with running_beside(beat, f"lease-{lease.site}"):
        yield
