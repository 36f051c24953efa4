"""The lease of a site: who runs it, until when, and which manifest says what the store holds of it.

All of that is one record, so that one conditional put decides everything: a runner whose lease another one has taken,
because it expired, holds an old version, and whatever it then wants to state is refused. Clocks only decide how long
others wait; that nothing is lost does not depend on them.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from secrets import token_hex

from broadsheet.crawler.fleet.object_store import DamagedObject, ObjectStore, StoreError, VersionedRecord, VersionMoved
from broadsheet.output.archive.stored_values import utc_now

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

    `manifest` is the key of what was last brought home, empty at first; `write_id` is of this very version.
    """

    generation: int = 0
    owner: str = ""
    expires_at: str = ""
    manifest: str = ""
    write_id: str = ""

    def to_json(self) -> bytes:
        """Return the record as it stands in the store."""
        return json.dumps(asdict(self), indent=1).encode()

    def is_free(self, terms: LeaseTerms) -> bool:
        """Tell whether the site may be taken."""
        return not self.owner or terms.has_expired(self.expires_at)


def record_key(site: str) -> str:
    """Return the key of a site's record."""
    return f"sites/{site}/site.json"


def read_site(store: ObjectStore, site: str) -> LeaseRecord:
    """Read a site's record in the store; generation 0 if there is none. DamagedObject if it makes no sense."""
    record = store.read_record(record_key(site))
    return _parse(record, site) if record else LeaseRecord()


@dataclass(frozen=True, slots=True)
class LeasedThing:
    """A thing that can be leased: its name in messages, and the key of its record."""

    name: str
    key: str


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

    def renew(self) -> None:
        """Say that the runner is alive. LeaseLost if another one has the site."""
        self._write(lambda record: replace(record, expires_at=self.terms.expiry()))

    def state_manifest(self, manifest: str) -> None:
        """Make a manifest the site's. LeaseLost if another runner has the site, or had it since."""
        self._write(lambda record: replace(record, manifest=manifest))

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


def acquire_thing(store: ObjectStore, leased: LeasedThing, owner: str, terms: LeaseTerms) -> SiteLease:
    """Take any leased thing likewise."""
    for _ in range(_ACQUIRE_TRIES):
        stored = store.read_record(leased.key)
        record = _parse(stored, leased.name) if stored else LeaseRecord()
        if not record.is_free(terms):
            break
        taken = LeaseRecord(record.generation + 1, owner, terms.expiry(), record.manifest, token_hex(8))
        with suppress(VersionMoved):
            version = _replace(store, leased.key, taken, stored.version if stored else "")
            return SiteLease(store, leased, taken, version, terms)
    runner = record.owner or "another runner"
    raise SiteIsLeased(f"{leased.name} is run by {runner}, until {record.expires_at} at least")


def acquire_within(store: ObjectStore, site: str, owner: str, terms: LeaseTerms, wait_seconds: float) -> SiteLease:
    """Take a site, waiting so long for it at most. A runner that was killed holds it until its lease expires."""
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            return acquire(store, site, owner, terms)
        except SiteIsLeased:
            if time.monotonic() > deadline:
                raise
        time.sleep(min(_POLL_SECONDS, terms.seconds / 4))


def _replace(store: ObjectStore, key: str, record: LeaseRecord, version: str) -> str:
    """Replace a version. Where the answer to an earlier try was lost, the record that is there is the one meant."""
    try:
        return store.replace_record(key, record.to_json(), version)
    except VersionMoved:
        stored = store.read_record(key)
        if stored is None or _parse(stored, key).write_id != record.write_id:
            raise
        return stored.version


def _parse(record: VersionedRecord, site: str) -> LeaseRecord:
    try:
        values = json.loads(record.data)
        words = [str(values[name]) for name in ("owner", "expires_at", "manifest", "write_id")]
        return LeaseRecord(int(values["generation"]), *words)
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedObject(f"what the store says of {site} makes no sense") from error


def _later(moment: str, seconds: float) -> str:
    """Return a time of ISO 8601, so many seconds later, in the same spelling."""
    return (datetime.fromisoformat(moment) + timedelta(seconds=seconds)).isoformat()


_LOG = logging.getLogger(__name__)


@contextmanager
def beating(lease: SiteLease, on_loss: Callable[[], object]) -> Iterator[None]:
    """Renew a lease thrice in its time, while the `with` block runs.

    A store that is away is no loss: the next beat tries again. `on_loss` is called, once, in the thread, when another
    runner has the site: what goes on now has to be merged later.
    """
    has_ended = threading.Event()

    def beat() -> None:
        while not has_ended.wait(lease.terms.seconds / 3):
            try:
                lease.renew()
            except LeaseLost as error:
                _LOG.warning("%s", error)
                on_loss()
                return
            except StoreError as error:
                _LOG.warning("no heartbeat for %s: %s", lease.site, error)

    thread = threading.Thread(target=beat, name=f"lease-{lease.site}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        has_ended.set()
        thread.join()
