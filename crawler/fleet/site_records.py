"""Records of sites: the last result of each, when it is due again, and what the next result makes of it.

A fleet on one machine keeps its records beside the archives (`fleet_folder.py`). With a store they are in the sites'
heads: a record is published together with the state of the archive. So all machines with one list and one store know
the same. A site that one of them has updated is due on none.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Container, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from broadsheet.output.archive.stored_values import utc_now, utc_text

from .object_store import DamagedObject, NotInStore, ObjectStore
from .site_head import SiteHead, read_head
from .site_task import SiteCounts, SiteEnd, SiteResult, SiteTask

_SLACK = 0.1
"""The part of `every` by which a site may be early, so that a daily job finds its sites if it starts a bit earlier."""
_MAX_SLACK = timedelta(hours=1)
_FIRST_RETRY = timedelta(hours=1)
"""After this a site is tried again that failed once; twice as long after each further failure, up to `every`."""
_MAX_DOUBLINGS = 20
_KILLS_AT_ONCE = 3
"""Turns in a row that may be killed before a site waits like one that failed."""
UNFINISHED = (SiteEnd.STOPPED, SiteEnd.NOT_STARTED, SiteEnd.IN_USE, SiteEnd.OVERTAKEN)
"""Ends after which the same task is due at once."""
_FAILURES = (SiteEnd.FAILED, SiteEnd.BAD_OPTIONS, SiteEnd.UNSUITABLE_DISK, SiteEnd.KILLED)
SAYS_NOTHING = (SiteEnd.IN_USE, SiteEnd.OVERTAKEN, SiteEnd.NOT_STARTED)
"""Ends that say nothing new of a site, and leave its record as it is."""


@dataclass(frozen=True, slots=True)
class SiteRecord:
    """The last result of a site. Times are UTC, ISO 8601."""

    result: SiteResult
    turn_at: str
    """When the command was started that crawled it; the next turn is counted from then, so that sites that had to wait
    for others do not drift."""
    finished_at: str
    words_digest: str
    """What the site was crawled with, as a digest: the words may hold secrets."""
    is_crawled: bool
    """Whether a crawl with these words was ever finished, so that an update is the next thing to do."""
    failures: int = 0
    """How many turns in a row have failed or were killed, this one included."""
    due_at: str = ""
    """When it is due again, as the runner saw it; empty for at once."""
    worker: str = ""
    """Who crawled it, with a store: host and process."""


class DueTerms(Protocol):
    """A site's part in when it is due: the seconds between two turns, and the digest of its words."""

    @property
    def every(self) -> float:
        """Return the seconds between two looks at the site."""

    @property
    def words_digest(self) -> str:
        """Return the digest of what it is crawled with."""


def digest_of(words: Sequence[str]) -> str:
    """Return a short digest of command line words."""
    return hashlib.sha256("\0".join(words).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def parse_record(values: Mapping[str, Any]) -> SiteRecord | None:
    """Parse a record's JSON; None if it makes no sense. A lost record costs a crawl that finds little to do."""
    try:
        fields = dict(values)
        result = dict(fields.pop("result"))
        counts = SiteCounts(**{name: int(count) for name, count in result.pop("counts").items()})
        result |= {"end": SiteEnd(result["end"]), "archive": Path(result["archive"]), "counts": counts}
        return SiteRecord(result=SiteResult(**result), **fields)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def record_values(record: SiteRecord) -> dict[str, Any]:
    """Return a record as JSON values."""
    values = asdict(record)
    values["result"]["archive"] = str(record.result.archive)
    return values


def next_due(terms: DueTerms, record: SiteRecord | None) -> datetime | None:
    """Return the time at which a site is due; None for at once."""
    if record is None or record.result.end in UNFINISHED or record.words_digest != terms.words_digest:
        return None
    if record.result.end is SiteEnd.KILLED and record.failures < _KILLS_AT_ONCE:
        return None
    return due_by_time(terms, record)


def due_by_time(terms: DueTerms, record: SiteRecord) -> datetime | None:
    """Return the time at which a site is due that was crawled to an end; None if its record has no time."""
    wait = timedelta(seconds=terms.every)
    if record.failures:
        wait = min(wait, _FIRST_RETRY * 2 ** min(record.failures - 1, _MAX_DOUBLINGS))
    try:
        return datetime.fromisoformat(record.turn_at) + wait - min(wait * _SLACK, _MAX_SLACK)
    except (ValueError, OverflowError):
        return None


def next_record(task: SiteTask, result: SiteResult, earlier: SiteRecord | None, worker: str = "") -> SiteRecord:
    """Make the record that a result leaves, after the one before it."""
    failures = 1 + (earlier.failures if earlier else 0) if result.end in _FAILURES else 0
    is_crawled = task.is_update or result.end is SiteEnd.DONE
    turn_at = task.turn_at or utc_now()
    record = SiteRecord(result, turn_at, utc_now(), task.words_digest, is_crawled, failures, "", worker)
    due = next_due(task, record)
    return replace(record, due_at=utc_text(due) if due else "")


def result_since(task: SiteTask, record: SiteRecord | None) -> SiteResult | None:
    """Return the result that a site had after the task was made, if the task finds it not due again; else None.

    So a task whose word was lost on the way is not run twice.
    """
    if record is None or record.finished_at == task.after:
        return None
    due = next_due(task, record)
    return record.result if due and utc_text(due) > task.turn_at else None


@dataclass(frozen=True, slots=True)
class StoredSiteState:
    """A site as a store knows it: its head, the record of its last turn, and why there is none that can be read."""

    head: SiteHead
    record: SiteRecord | None
    problem: str = ""


_READERS = 8  # requests at once: a list of a thousand sites is looked through in seconds, not minutes


def read_states(store: ObjectStore, names: Iterable[str]) -> dict[str, StoredSiteState]:
    """Read what a store knows of sites, by their names. StoreError."""

    def state(name: str) -> StoredSiteState:
        try:
            head = read_head(store, name)
        except DamagedObject as error:  # said by who attempts the site
            return StoredSiteState(SiteHead(), None, str(error))
        return StoredSiteState(head, parse_record(head.turn))

    listed_names = list(names)
    with ThreadPoolExecutor(_READERS, "site-records") as pool:
        return dict(zip(listed_names, pool.map(state, listed_names), strict=True))


_INDEX = "index/"
"""What runs tell of sites besides the heads, an object a part of the list: for who wants to know of thousands."""
_FEW = 50
"""Sites of which the heads are read at once."""


def put_index(store: ObjectStore, part: str, records: Mapping[str, SiteRecord | None]) -> None:
    """Add these records to the index of a part of a list. StoreError."""
    values = {name: record and record_values(record) for name, record in records.items()}
    key = f"{_INDEX}{part.replace('/', '-')}.json.gz"
    store.put_bytes(key, gzip.compress(json.dumps({**_read_index(store, key), **values}).encode(), 1))


def indexed_states(store: ObjectStore, names: Iterable[str], running: Container[str]) -> dict[str, StoredSiteState]:
    """Return what the indexes of a store say of sites; of few, those that are running or in none, what their heads say.

    An index may be a minute old. A run that was killed leaves it so. StoreError.
    """
    listed_names, indexed = list(names), dict[str, SiteRecord | None]()
    for key in store.keys(_INDEX) if len(listed_names) > _FEW else ():
        for name, values in _read_index(store, key).items():
            record, other = values and parse_record(values), indexed.get(name)
            indexed[name] = record if not other or (record and record.finished_at > other.finished_at) else other
    unknown = [name for name in listed_names if name in running or name not in indexed]
    states = read_states(store, unknown)
    return {name: states.get(name) or StoredSiteState(SiteHead(), indexed[name]) for name in listed_names}


def _read_index(store: ObjectStore, key: str) -> dict[str, Any]:
    """Read the records of an index as JSON values; none if it is missing or makes no sense."""
    try:
        return dict(json.loads(gzip.decompress(b"".join(store.chunks(key)))))
    except (NotInStore, OSError, EOFError, zlib.error, ValueError, TypeError):
        return {}


def stored_site_names(store: ObjectStore) -> list[str]:
    """List the sites of a store, for who has no list of them. It costs a listing of all that the store has."""
    return sorted({key.split("/")[1] for key in store.keys("sites/")})
