"""The record of who runs a list against a store: one process for each part, renewed four times a minute.

Data is protected by the heads of sites; this is for the sites' sake, of which each host is crawled by one crawl. So a
second run is refused, until the record of the first is old and somebody has it taken over.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from secrets import token_hex

from broadsheet.output.archive.stored_values import utc_now

from .object_store import ObjectStore, StoreError, StoreRefused, VersionMoved

_LOG = logging.getLogger(__name__)
RUN_KEY = "run.json"
_RENEW_SECONDS = 15.0
_PUT_TRIES = 20
WHOLE = "1/1"
"""The part that is the whole list."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run of a part of a list: its id, what people call it, when it was last renewed, and the sites that are running
    with the pages that each has by now.

    Those that are `waiting` have lost their worker, and run again once it has surely stopped.

    `place` is the machine and the lock that the run holds there: who has the same lock knows that this run is gone.
    """

    id: str
    owner: str
    place: str
    renewed_at: str
    running: Mapping[str, int] = field(default_factory=dict)
    waiting: tuple[str, ...] = ()


class RunRefused(StoreError):  # noqa: N818 - named by what it is
    """Another run is at work for the store; the message says since when its record was not renewed."""


def read_runs(store: ObjectStore) -> dict[str, RunRecord]:
    """Read the runs of a store, by their parts. What makes no sense counts for none."""
    record = store.read_record(RUN_KEY)
    return _parse(record.data) if record else {}


def is_current_run(store: ObjectStore, run: str) -> bool:
    """Tell whether a run is still in the store's record, as one that was not taken over is; also without a run."""
    return not run or any(record.id == run for record in read_runs(store).values())


def _parse(data: bytes) -> dict[str, RunRecord]:
    with suppress(ValueError, TypeError, KeyError):
        values = json.loads(data)
        waiting, pages = values.get("waiting", {}), values.get("pages", {})
        return {
            part: RunRecord(
                **{**run, "running": {site: int(pages.get(part, {}).get(site, 0)) for site in run["running"]}},
                waiting=tuple(waiting.get(part, ())),
            )
            for part, run in values["runs"].items()
        }
    return {}


@dataclass
class ListRun:
    """A run of a part of a list, which it takes for the `with` block of `held`.

    `part` is as in `2/3`. A run whose record is older than `take_over` seconds is taken over; without it none is, but
    one of this very place.
    """

    store: ObjectStore
    part: str
    owner: str
    place: str
    take_over: float | None = None
    clock: Callable[[], str] = utc_now
    is_lost: bool = field(default=False, init=False)
    """Whether another run has taken this one over."""
    id: str = field(init=False)

    def __post_init__(self) -> None:
        self.id = f"{self.part} {token_hex(8)}"

    @contextmanager
    def held(
        self,
        running: Callable[[], Mapping[str, int]],
        on_loss: Callable[[], object],
        waiting: Callable[[], Sequence[str]] = tuple,
    ) -> Iterator[None]:
        """Take the list's part and keep it. RunRefused if another run has it; `on_loss` is called if one takes it."""
        self._change(self._taken)

        def renew(has_ended: threading.Event) -> None:
            while not has_ended.wait(_RENEW_SECONDS):
                try:
                    self._change(lambda runs: self._renewed(runs, running(), tuple(waiting())))
                except RunRefused as error:
                    _LOG.warning("%s", error)
                    self.is_lost = True
                    on_loss()
                    return
                except StoreError as error:
                    _LOG.warning("the run cannot say in the store that it goes on: %s", error)

        try:
            with thread_beside("run-record", renew):
                yield
        finally:
            with suppress(StoreError):  # it gets old
                self._change(lambda runs: {part: run for part, run in runs.items() if run.id != self.id})

    def _taken(self, runs: Mapping[str, RunRecord]) -> dict[str, RunRecord]:
        others = {part: run for part, run in runs.items() if overlap(part, self.part)}
        for part, run in others.items():
            if run.place != self.place and not self._is_old(run):
                what = "the list" if part == WHOLE else f"part {part} of it"
                raise RunRefused(
                    f"{run.owner} runs {what} for {self.store.address}, last renewed {run.renewed_at[:19]}Z; if it is "
                    "gone, --take-over 30m takes over one of that age"
                )
        kept = {part: run for part, run in runs.items() if part not in others}
        return kept | {self.part: RunRecord(self.id, self.owner, self.place, self.clock())}

    def _is_old(self, run: RunRecord) -> bool:
        if self.take_over is None:
            return False
        age = datetime.fromisoformat(self.clock()) - datetime.fromisoformat(run.renewed_at)
        return age > timedelta(seconds=self.take_over)

    def _renewed(
        self, runs: Mapping[str, RunRecord], running: Mapping[str, int], waiting: tuple[str, ...]
    ) -> dict[str, RunRecord]:
        run = runs.get(self.part)
        if run is None or run.id != self.id:
            owner = run.owner if run else "somebody"
            raise RunRefused(f"{owner} has taken the list over; what runs here stops")
        return {**runs, self.part: replace(run, renewed_at=self.clock(), running=running, waiting=waiting)}

    def _change(self, change: Callable[[Mapping[str, RunRecord]], dict[str, RunRecord]]) -> None:
        for _ in range(_PUT_TRIES):
            stored = self.store.read_record(RUN_KEY)
            runs = change(_parse(stored.data) if stored else {})
            values = {part: {**asdict(run), "running": list(run.running)} for part, run in runs.items()}
            waiting = {part: run.pop("waiting") for part, run in values.items()}  # apart: 0.1.0 refuses other fields
            pages = {part: dict(run.running) for part, run in runs.items()}
            content = {"runs": values, "waiting": waiting, "pages": pages, "write_id": token_hex(8)}
            data = json.dumps(content, indent=1).encode()
            with suppress(VersionMoved):
                self.store.replace_record(RUN_KEY, data, stored.version if stored else "")
                return
        raise StoreRefused(f"{self.store.address}/{RUN_KEY} changes faster than it can be written")


@contextmanager
def thread_beside(name: str, work: Callable[[threading.Event], object]) -> Iterator[None]:
    """Run `work` in a thread for the `with` block, at whose end its event is set, and it is waited for."""
    has_ended = threading.Event()
    thread = threading.Thread(target=work, args=(has_ended,), name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        has_ended.set()
        thread.join()


def overlap(part: str, other: str) -> bool:
    """Tell whether two parts of a list may share a site; parts of different counts may."""
    return part == other or part.partition("/")[2] != other.partition("/")[2]
