"""Archives of other crawlers through the same pipeline as a crawl, without a network.

Each record is an answer: the same worker cleans it, the same outcome is stored, and the archive is settled at the end.
A record whose capture the archive holds already is left out, so that an import that was cut off goes on, and a second
one changes nothing.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scrapy.http import Response

from cleaners.urls.canonical import canonicalise, host_of
from crawler.answers.outcomes import Answer, Outcomes
from crawler.discovery.scope import Scope
from crawler.fetch.faults import Retries
from crawler.frontier.robots_txt import Robots
from crawler.options import CrawlOptions
from crawler.replay.record_index import BROKEN
from crawler.replay.record_order import Job, Order, is_robots
from crawler.replay.recorded_response import Replayed, ReplayError, read_place, revisited
from crawler.session.writer import Writer
from crawler.workers.bounded_tasks import pump
from crawler.workers.pool import Workers
from crawler.workers.worker import processes
from output.outcome import Found, Outcome
from output.queue.imports import NOT_HELD, Row, held_capture, row_of
from output.queue.rows import QueuedUrl
from output.raw.capture import Capture
from output.store.page_rows import PreparedPage, marked
from output.write.archive import Archive
from output.write.forget import FORGOTTEN, is_forgotten

ARCHIVED = "archive"
"""How a URL was found that nothing but its own record names."""

_OF_RECORD = ("payload_digest", "warc_file", "warc_offset", "warc_length", "refers_to", "truncated")
_AHEAD = 4  # records under way for each worker


@dataclass(slots=True)
class Tally:
    """What an import came to: outcomes by `state/reason`, records by what was done with them."""

    stored: Counter[str]
    records: Counter[str]


class Importing:
    """Works on the jobs of an order, and stores what comes of them. `tell` gets a line for each broken record."""

    def __init__(
        self, archive: Archive, reading: Any, order: Order, options: CrawlOptions, tell: Callable[[str], None]
    ) -> None:
        self._archive = archive
        self._reading = reading
        self._order = order
        self._options = options
        self._tell = tell
        self._folder = Path(".")
        self._scope = Scope.of_hosts(order.hosts(), options.include, options.exclude)
        self._robots: dict[str, int] = {}  # by host: the robots.txt in force
        self._busy: dict[str, asyncio.Future[None]] = {}  # by URL: its latest record under way
        self._naming: asyncio.Future[None] | None = None  # the latest robots.txt, sitemap or feed
        self.tally = Tally(Counter(), Counter())
        self.stopping = False

    async def run(self, folder: Path, count: int = 0) -> None:
        """Do all jobs with `count` workers, one a processor if 0; paths are relative to `folder`."""
        self._folder = folder
        count = processes(count)
        # So few are under way that a batch which waited for more would hold all of them back.
        workers, writer = Workers(count), Writer(self._archive, lambda: 0)
        outcomes = Outcomes(self._options, self._scope, workers, Retries(0))
        try:
            await pump(
                self._order.jobs(),
                lambda job: self._in_turn(job, outcomes, writer),
                count * _AHEAD,
                lambda: self.stopping,
            )
        finally:
            writer.close()
            workers.close()

    async def _in_turn(self, job: Job, outcomes: Outcomes, writer: Writer) -> None:
        """Work on a record after those of its URL that came before, and after what may name it."""
        before, mine = self._busy.get(job.url), asyncio.get_running_loop().create_future()
        naming, self._busy[job.url] = self._naming, mine
        if job.names_others:
            self._naming = mine
        try:
            for earlier in (naming, before):
                if earlier is not None:
                    await earlier
            await self._one(job, outcomes, writer)
        finally:
            mine.set_result(None)
            if self._busy.get(job.url) is mine:
                del self._busy[job.url]

    async def _one(self, job: Job, outcomes: Outcomes, writer: Writer) -> None:
        row = row_of(self._reading, job.url)
        outcome = await self._outcome(job, row, outcomes)
        if outcome is None:
            return
        await writer.save(outcome)
        if outcome.older:
            self.tally.records["older"] += 1
        else:
            self.tally.stored[f"{outcome.state}/{outcome.reason}"] += 1

    async def _outcome(self, job: Job, row: Row | None, outcomes: Outcomes) -> Outcome | None:
        """What a record comes to; None if it is known already."""
        if is_forgotten(self._reading, job.url):
            return self._unless_known(Outcome(job.url, "skipped", FORGOTTEN, via=ARCHIVED), row)
        if not is_robots(job.url) and (left_out := self._scope.decide(job.url, 1).skip_reason):
            return self._unless_known(Outcome(job.url, "skipped", left_out, via=ARCHIVED), row)
        try:
            replayed, original = self._replayed(job)
        except ReplayError as error:
            return self._unreadable(job, row, error)
        if replayed is None:
            return self._unless_known(Outcome(job.url, "skipped", NOT_HELD, via=ARCHIVED), row)
        answer = self._answer(job, row, replayed)
        capture = _capture(job, answer.stamp, replayed, self._held(original))
        if held_capture(self._reading, capture) is not None:
            self.tally.records["known"] += 1
            return None
        outcome = _noted(await self._made(answer, outcomes), capture)
        older = row is not None and row.state != "queued" and row.fetched_at > answer.stamp
        return replace(_marked(outcome, replayed), older=older)

    async def _made(self, answer: Answer, outcomes: Outcomes) -> Outcome:
        if not is_robots(answer.queued.url):
            return await outcomes.of_answer(answer)
        response, host = answer.response, answer.queued.host
        robots = Robots.from_response(response.status, response.body, response.url, host)
        self._robots[host] = robots.id
        outcome = await outcomes.of_answer(replace(answer, robots_id=robots.id), robots)
        return replace(outcome, robots_file=robots.file(answer.stamp))

    def _answer(self, job: Job, row: Row | None, replayed: Replayed) -> Answer:
        queued = row.queued if row else _unqueued(job.url)
        headers: dict[str, list[str]] = {}
        for name, value in replayed.headers:
            headers.setdefault(name, []).append(value)
        fields = {name: [value.encode("latin-1", "replace") for value in each] for name, each in headers.items()}
        response = Response(job.url, status=replayed.status, headers=fields, body=replayed.body)
        at = datetime.fromisoformat(job.entry.at) if job.entry.at else datetime.fromtimestamp(0, UTC)
        return Answer(queued, response, at, self._robots.get(queued.host))

    def _replayed(self, job: Job) -> tuple[Replayed | None, Replayed | None]:
        """The response of a record, None if its body is nowhere; and, for a revisit, the response that holds it."""
        if job.entry.kind == BROKEN:
            raise ReplayError("broken_record")
        replayed = read_place(job.place, self._folder)
        if not replayed.revisit:
            return replayed, None
        for place in self._order.held_by(job.entry):
            try:
                original = read_place(place, self._folder)
            except ReplayError:
                continue
            return revisited(replayed, original), original
        return None, None

    def _held(self, original: Replayed | None) -> int | None:
        """The capture of the response that holds a revisit's body, if the archive has it."""
        url = original and canonicalise(original.url)
        if not original or not url:
            return None
        stamp = original.at.isoformat(timespec="seconds")
        return held_capture(self._reading, Capture(url, stamp, 0, payload_digest=original.digest))

    def _unreadable(self, job: Job, row: Row | None, error: ReplayError) -> Outcome | None:
        self.tally.records["unreadable"] += 1
        self._tell(f"{job.file}, byte {job.entry.offset}: {error} ({job.url})")
        at = job.entry.at
        return self._unless_known(Outcome(job.url, "failed", error.reason, fetched_at=at, via=ARCHIVED), row)

    def _unless_known(self, outcome: Outcome, row: Row | None) -> Outcome | None:
        """The outcome of what gave no answer; None where the archive has a better one, or the same."""
        known = row is not None and (row.state in ("done", "failed") or row.reason == outcome.reason)
        if known or (row is not None and outcome.reason == NOT_HELD):
            return None
        return outcome


def _unqueued(url: str) -> QueuedUrl:
    kind = "robots" if is_robots(url) else "page"
    return QueuedUrl(0, url, host_of(url), kind, 0, 0, 0, ARCHIVED, "", "")


def _capture(job: Job, stamp: str, replayed: Replayed, original: int | None) -> Capture:
    """What a record's place and digests say of its capture."""
    return Capture(
        job.url, stamp, replayed.status, payload_digest=replayed.digest, warc_file=job.place.file,
        warc_offset=job.place.offset, warc_length=job.place.length, refers_to=original, truncated=replayed.truncated,
    )  # fmt: skip


def _noted(outcome: Outcome, held: Capture) -> Outcome:
    """The outcome with the place of its record; where it leads is noted and not queued."""
    taken = {name: getattr(held, name) for name in _OF_RECORD}
    capture = outcome.capture and replace(outcome.capture, **taken)
    found = tuple(_unheld(each) for each in outcome.found if each.via != "guess")
    return replace(outcome, capture=capture, found=found, via=ARCHIVED)


def _unheld(found: Found) -> Found:
    return replace(found, state="skipped", reason=NOT_HELD) if found.state == "queued" else found


def _marked(outcome: Outcome, replayed: Replayed) -> Outcome:
    """The outcome with the note that its record was not whole."""
    page = outcome.cleaned
    if not replayed.truncated or not isinstance(page, PreparedPage):
        return outcome
    return replace(outcome, cleaned=marked(page, f"truncated={replayed.truncated}"))


def names_of(paths: Sequence[Path]) -> str:
    """The files in a few words, for the record of the run."""
    first = ", ".join(path.name for path in paths[:3])
    return first if len(paths) <= 3 else f"{first} and {len(paths) - 3} more"
