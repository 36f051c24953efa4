"""The head of a site in a store: which state counts, its generation, when it is due, how its last turn ended.

An attempt at a site reads the head when it begins. Each publication is one conditional put against the version that the
attempt last read or wrote, and raises the generation. So of all who publish at once one succeeds, the others are
refused, and no lease protects data. What an attempt uploads is labelled with the generation that it will publish: once
the head has passed that, nobody can publish it any more, and what no state names goes at once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from secrets import token_hex
from threading import Lock
from typing import Any

from .object_store import DamagedObject, NewerState, ObjectStore, StoreError, VersionedRecord, VersionMoved

FORMAT = 3
"""Of what a store says of a site: its head, and its manifests."""
OLDEST_FORMAT = 3
"""Of those that this version reads."""


class Overtaken(StoreError):  # noqa: N818 - named by what it is
    """Another attempt at a site, or a takedown, was published first; nothing more of this attempt can be."""


@dataclass(frozen=True, slots=True)
class SiteHead:
    """The word of a store on a site. `attempt` is the id of who wrote it.

    `manifest` is the key of the state that counts, empty at first. `turn` is the record of the last turn as JSON
    values, with the time when the site is due; empty for none. `takedowns` are patterns with their notes that whoever
    writes the next state carries out first. `pages` is what the archive knew of when it was saved, `schema` that of
    the archive: a version that knows only earlier ones leaves the site alone.
    """

    generation: int = 0
    attempt: str = ""
    manifest: str = ""
    turn: Mapping[str, Any] = field(default_factory=dict)
    takedowns: tuple[tuple[str, str], ...] = ()
    pages: int = 0
    schema: int = 0

    def to_json(self) -> bytes:
        """Return the head as it stands in the store."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1).encode()


def head_key(site: str) -> str:
    """Return the key of a site's head."""
    return f"sites/{site}/head.json"


def read_head(store: ObjectStore, site: str) -> SiteHead:
    """Read a site's head; generation 0 if there is none. DamagedObject if it makes no sense here."""
    return _parse(store.read_record(head_key(site)), site)


class SiteAttempt:
    """An attempt at a site, which began with the head as it was then. Several threads may publish."""

    def __init__(self, store: ObjectStore, site: str) -> None:
        record = store.read_record(head_key(site))
        self._store = store
        self._version = record.version if record else ""
        self._lock = Lock()
        self.site = site
        self.id = token_hex(8)
        self.head = _parse(record, site)
        """What this attempt last read or wrote."""
        self.is_overtaken = False

    def publish(self, **changes: Any) -> None:
        """Put the head with these fields changed, and its generation raised. Overtaken if it is another one by now."""
        with self._lock:
            head = replace(self.head, generation=self.head.generation + 1, attempt=self.id, **changes)
            if "manifest" in changes:
                head = replace(head, schema=_schema_version())
            try:
                self._version = self._put(head)
            except VersionMoved as error:
                self.is_overtaken = True
                raise Overtaken(f"{self.site} was published by somebody else meanwhile") from error
            self.head = head

    def _put(self, head: SiteHead) -> str:
        """Put the head. If the response to an earlier try was lost, accept the head that is there."""
        try:
            return self._store.replace_record(head_key(self.site), head.to_json(), self._version)
        except VersionMoved:
            record = self._store.read_record(head_key(self.site))
            if record is None or _parse(record, self.site) != head:
                raise
            return record.version


def _parse(record: VersionedRecord | None, site: str) -> SiteHead:
    if record is None:
        return SiteHead()
    try:
        values = json.loads(record.data)
        check_format(int(values["format"]), site)
        if (schema := int(values["schema"])) > (known := _schema_version()):
            raise _newer_state(site, f"schema {schema}", known)
        takedowns = tuple((str(pattern), str(note)) for pattern, note in values["takedowns"])
        return SiteHead(
            int(values["generation"]), str(values["attempt"]), str(values["manifest"]), dict(values["turn"]), takedowns,
            int(values["pages"]), schema,
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
