"""Import of WARC, ARC and WACZ files: their records go through the pipeline of a crawl's responses, without a network.

Each record is a response: the same worker cleans it, the same outcome is stored, and the archive is settled at the end.
A record whose capture the archive has already is left out. So an interrupted import goes on, and a second one changes
nothing.

A revisit has the body of the record that it refers to. If that is not there, or has another payload than the revisit
states, the revisit has the best that the files hold: the same payload, its own body, or the URL's latest response
before it; and its capture says so.

A page as a browser rendered it, by us or by another crawler, is its URL's content where it shows more than the
response.

Pictures are responses of their own: once the articles are known, those that belong to them are kept.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import takewhile
from pathlib import Path
from typing import Any

from scrapy.http import Response
from sqlite_utils import Database

from broadsheet.cleaners.document import UrlSource
from broadsheet.cleaners.page.canonical_urls import host_of
from broadsheet.output.archive.page_rows import with_evidence
from broadsheet.output.archive.pictures import Picture
from broadsheet.output.archive.rendered_layouts import shows_more
from broadsheet.output.archive.url_words import OutcomeReason, ReasonFamily, UrlKind, UrlState, compound_reason
from broadsheet.output.archive.usage_preferences import refused_uses
from broadsheet.output.raw.imported_records import BAD_REVISIT
from broadsheet.output.raw.raw_exchange import LOCATION_COLUMNS, Capture, record_locations
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.corrections import told_articles
from broadsheet.output.write.outcome import DiscoveredUrl, Outcome
from broadsheet.output.write.picture_queue import PictureAtHand
from broadsheet.output.write.run_records import (
    StoredUrl,
    existing_capture_id,
    stated_fields,
    stored_page,
    stored_robots,
    stored_url,
)
from broadsheet.output.write.takedowns import is_forgotten, unless_forgotten
from broadsheet.output.write.url_queue import QueuedUrl

from ..crawl.outcome_writer import Writer
from ..crawl.outcomes import Answer, OutcomeBuilder
from ..crawl.robots_rules import RobotsRules, exclusion_reason
from ..discovery.found_rows import page_file_rows
from ..discovery.picture_headers import read_picture, read_sheet
from ..discovery.scope import Scope
from ..fetch.challenges import is_challenge
from ..fetch.faults import RetryPolicy
from ..options import CrawlOptions
from ..workers.pool import WorkerPool, run_bounded
from ..workers.worker import process_count
from .record_index import BROKEN, RENDERED
from .record_order import BodyRecord, RecordOrder, ReplayJob, is_robots
from .recorded_response import RecordedResponse, ReplayError, read_full_response, read_response, with_original_body

_NOT_MODIFIED = (0, 304)  # the statuses of revisits whose stated digest, if any, may be that of no body


@dataclass(frozen=True, slots=True)
class ReplayedRecord:
    """A record's response; for a revisit also the record with its body, and that record's response."""

    response: RecordedResponse
    original: BodyRecord | None = None
    original_digest: str = ""


def read_indexed_record(job: ReplayJob, order: RecordOrder, folder: Path) -> ReplayedRecord | None:
    """Read the response of a record; None if no file has its body. Raises ReplayError if the record cannot be read."""
    if job.record.kind == BROKEN:
        raise ReplayError(OutcomeReason.BROKEN_RECORD)
    response = read_response(job.location, folder)
    if not response.is_revisit:
        return ReplayedRecord(response)
    candidates = [body for body in order.body_records(job.record) if not _has_other_payload(job, response, body)]
    if replayed := next(_with_bodies(response, candidates, folder), None):
        return replayed
    marked_response = replace(response, faults=(*response.faults, BAD_REVISIT))
    if response.has_own_answer:
        return ReplayedRecord(marked_response)
    return next(_with_bodies(marked_response, order.body_records(job.record), folder), None)


def _has_other_payload(job: ReplayJob, response: RecordedResponse, body: BodyRecord) -> bool:
    """Tell whether a record states another payload digest than the revisit; digests by two algorithms count as
    equal.
    """
    if response.status in _NOT_MODIFIED or not job.record.digest or not body.digest:
        return False
    same_algorithm = job.record.digest.partition(":")[0].lower() == body.digest.partition(":")[0].lower()
    return same_algorithm and job.record.digest.lower() != body.digest.lower()


def _with_bodies(response: RecordedResponse, bodies: list[BodyRecord], folder: Path) -> Iterator[ReplayedRecord]:
    """Yield the revisit with each of these bodies that can be read."""
    for body in bodies:
        try:
            original = read_response(body.location, folder)
        except ReplayError:
            continue
        yield ReplayedRecord(with_original_body(response, original), body, original.digest)


_RECORD_FIELDS = (
    "payload_digest",
    "warc_file",
    "warc_offset",
    "warc_length",
    "refers_to",
    "truncated",
    "record_faults",
    "rendered_for",
)
_ROBOT = "broadsheet"  # the robot name that robots.txt files and directives may address
_RECORDS_PER_WORKER = 4  # records under way for each worker


class Importer:
    """Runs the jobs of a `RecordOrder` and stores their outcomes; `print_line` is called for each broken record."""

    def __init__(
        self,
        archive: Archive,
        read_db: Any,
        order: RecordOrder,
        crawl_options: CrawlOptions,
        print_line: Callable[[str], None],
    ) -> None:
        self._archive = archive
        self._read_db = read_db
        self._order = order
        self._options = crawl_options
        self._print_line = print_line
        self._database = Path(".")
        self._scope = Scope.from_hosts(order.hosts(), crawl_options.include, crawl_options.exclude)
        self._robots: dict[str, RobotsRules] = {}  # by host: the latest robots.txt that this import has read
        self._stored_robots: dict[int, RobotsRules] = {}  # by id: those that an import before this one has read
        self._last_by_url: dict[str, asyncio.Future[None]] = {}  # by URL: its latest record under way
        self._last_listing: asyncio.Future[None] | None = None  # the latest robots.txt, sitemap or feed
        self.outcome_counts: Counter[str] = Counter()
        """Outcomes by `state/reason`."""
        self.record_counts: Counter[str] = Counter()
        """Records without an outcome, by the cause."""
        self.is_stopping = False

    async def run(self, database: Path, given_workers: WorkerPool | None = None) -> None:
        """Run all jobs in these workers, by default one per processor; relative paths are relative to `database`."""
        self._database = database
        workers = given_workers or WorkerPool(process_count(0))
        # So few records are under way that a batch which waited for more would hold all of them back.
        writer = Writer(self._archive, lambda: 0)
        builder = OutcomeBuilder(self._options, self._scope, workers, RetryPolicy(0))
        builder.told_articles = told_articles(self._archive.db)
        try:
            await run_bounded(
                self._order.jobs(),
                lambda job: self._process_in_order(job, builder, writer),
                workers.worker_count * _RECORDS_PER_WORKER,
                lambda: self.is_stopping,
            )
        finally:
            writer.close()
            if given_workers is None:
                workers.close()

    async def _process_in_order(self, job: ReplayJob, builder: OutcomeBuilder, writer: Writer) -> None:
        """Process a record after the previous one of its URL, and after the latest robots.txt, sitemap or feed.

        A revisit also waits for the record with its body, because its capture refers to that one's.
        """
        bodies = self._order.body_records(job.record) if job.record.kind == "revisit" else ()
        earlier = [self._last_listing, *map(self._last_by_url.get, (job.url, *[body.url for body in bodies]))]
        finished = self._last_by_url[job.url] = asyncio.get_running_loop().create_future()
        if job.lists_urls:
            self._last_listing = finished
        try:
            for predecessor in filter(None, earlier):
                await predecessor
            await self._process(job, builder, writer)
        finally:
            finished.set_result(None)
            if self._last_by_url.get(job.url) is finished:
                del self._last_by_url[job.url]

    async def _process(self, job: ReplayJob, builder: OutcomeBuilder, writer: Writer) -> None:
        row = stored_url(self._read_db, job.url)
        try:
            outcome = await self._outcome_of_record(job, row, builder)
        except (sqlite3.Error, OSError):
            raise
        except Exception as error:  # noqa: BLE001 - any error fails this record only
            reason = compound_reason(ReasonFamily.ERROR, type(error).__name__)
            outcome = self._unreadable_outcome(job, row, ReplayError(reason, str(error)))
        if outcome is None:
            self.record_counts["known"] += 1
            return
        outcome = unless_forgotten(self._read_db, outcome)
        await writer.save(outcome)
        if outcome.is_older:
            self.record_counts["rendered" if job.record.kind == RENDERED else "older"] += 1
        else:
            self.outcome_counts[outcome.count.key] += 1

    async def _outcome_of_record(
        self, job: ReplayJob, row: StoredUrl | None, builder: OutcomeBuilder
    ) -> Outcome | None:
        """Return the outcome of a record; None if the archive has it already, or a better one for its URL."""
        if is_forgotten(self._read_db, job.url):
            return self._unless_known_better(
                Outcome(job.url, UrlState.SKIPPED, OutcomeReason.FORGOTTEN, found_via=UrlSource.ARCHIVE), row
            )
        if not is_robots(job.url) and (skip_reason := self._scope.decide(job.url, 1).skip_reason):
            return self._unless_known_better(
                Outcome(job.url, UrlState.SKIPPED, skip_reason, found_via=UrlSource.ARCHIVE), row
            )
        try:
            replayed = read_indexed_record(job, self._order, self._database)
        except ReplayError as error:
            return self._unreadable_outcome(job, row, error)
        if replayed is None:
            return self._unless_known_better(
                Outcome(job.url, UrlState.SKIPPED, OutcomeReason.NOT_IN_ARCHIVE, found_via=UrlSource.ARCHIVE), row
            )
        response = replayed.response
        answer = self._build_answer(job, row, response)
        capture = _record_capture(job, answer.timestamp, response, self._original_capture(replayed))
        if existing_capture_id(self._read_db, capture) is not None:
            return None
        outcome = _with_record_location(await self._build_outcome(answer, builder), capture)
        is_older = row is not None and row.state != UrlState.QUEUED and row.fetched_at > answer.timestamp
        is_idle = job.record.kind == RENDERED and not self._is_better(outcome, row)
        return replace(_with_record_evidence(outcome, response), is_older=is_older or is_idle)

    def _is_better(self, rendered: Outcome, row: StoredUrl | None) -> bool:
        """Return whether a rendered page replaces the received page: whether it shows more."""
        if row is None or row.state == UrlState.QUEUED or row.reason == OutcomeReason.NOT_IN_ARCHIVE:
            return True
        received = stored_page(self._read_db, rendered.url) if row.state == UrlState.DONE else None
        if received is None or rendered.page is None:
            return False
        return shows_more((rendered.page.verdict.page_type, rendered.page.words), received)

    async def _build_outcome(self, answer: Answer, builder: OutcomeBuilder) -> Outcome:
        if not is_robots(answer.queued_url.url):
            return await builder.from_answer(answer)
        response, host = answer.response, answer.queued_url.host
        is_challenged = is_challenge(response)
        robots = RobotsRules.from_response(
            response.status, response.body, response.url, host, is_challenged=is_challenged
        )
        self._robots[host] = robots
        outcome = await builder.from_answer(replace(answer, robots_id=robots.id), robots)
        return replace(outcome, robots_file=robots.to_robots_file(answer.timestamp))

    def _build_answer(self, job: ReplayJob, row: StoredUrl | None, recorded: RecordedResponse) -> Answer:
        queued_url = row.queued_url if row else _queue_row(job.url)
        headers: dict[str, list[str]] = {}
        is_rendered = job.record.kind == RENDERED
        for name, value in (
            *recorded.headers,
            *(stated_fields(self._read_db, job.url, job.record.at) if is_rendered else ()),
        ):
            headers.setdefault(name, []).append(value)
        fields = {name: [value.encode("latin-1", "replace") for value in values] for name, values in headers.items()}
        response = Response(job.url, status=recorded.status, headers=fields, body=recorded.body)
        robots_id, robots = self._robots_in_force(queued_url.host, job.record.at)
        usage = robots.usage_statements(job.url, _ROBOT) if robots else ()
        return Answer(queued_url, response, datetime.fromisoformat(job.record.at), robots_id, usage)

    def _robots_in_force(self, host: str, at: str) -> tuple[int | None, RobotsRules | None]:
        """Return a host's robots.txt with its id: the one read by this import, otherwise the one stored for
        that time.
        """
        if robots := self._robots.get(host):
            return robots.id, robots
        if (found := stored_robots(self._read_db, host, at)) is None:
            return None, None
        robots_id, url, text = found
        if robots_id not in self._stored_robots:
            self._stored_robots[robots_id] = RobotsRules.from_response(200, text.encode(), url, host)
        return robots_id, self._stored_robots[robots_id]

    def _original_capture(self, replayed: ReplayedRecord) -> int | None:
        """Return the id of the capture that a revisit's body comes from, if the archive has it."""
        body = replayed.original
        if body is None:
            return None
        capture = Capture(body.url, body.at, 0, payload_digest=replayed.original_digest)
        return existing_capture_id(self._read_db, capture)

    def _unreadable_outcome(self, job: ReplayJob, row: StoredUrl | None, error: ReplayError) -> Outcome | None:
        self.record_counts["unreadable"] += 1
        self._print_line(f"{job.file}, byte {job.record.offset}: {error} ({job.url})")
        recorded_at = job.record.at
        return self._unless_known_better(
            Outcome(job.url, UrlState.FAILED, error.reason, fetched_at=recorded_at, found_via=UrlSource.ARCHIVE), row
        )

    def _unless_known_better(self, outcome: Outcome, row: StoredUrl | None) -> Outcome | None:
        """Return the outcome of a record without a response; None if the archive has the same or a better outcome."""
        is_known = row is not None and (row.state in (UrlState.DONE, UrlState.FAILED) or row.reason == outcome.reason)
        if is_known or (row is not None and outcome.reason == OutcomeReason.NOT_IN_ARCHIVE):
            return None
        return outcome


def _queue_row(url: str) -> QueuedUrl:
    kind = UrlKind.ROBOTS if is_robots(url) else UrlKind.PAGE
    return QueuedUrl(0, url, host_of(url), kind, 0, 0, 0, UrlSource.ARCHIVE, "", "")


def _record_capture(
    job: ReplayJob, timestamp: str, response: RecordedResponse, original_capture: int | None
) -> Capture:
    """Make the capture row of a record, with the location and digest that identify it."""
    return Capture(
        job.url, timestamp, response.status, payload_digest=response.digest, warc_file=job.location.file,
        warc_offset=job.location.offset, warc_length=job.location.length, refers_to=original_capture,
        truncated=response.truncation, record_faults=response.faults,
        rendered_for=job.url if job.record.kind == RENDERED else "",
    )  # fmt: skip


def _with_record_location(outcome: Outcome, record_capture: Capture) -> Outcome:
    """Return the outcome with its record's location; URLs found on the page are stored but not queued."""
    record_values = {name: getattr(record_capture, name) for name in _RECORD_FIELDS}
    capture = outcome.capture and replace(outcome.capture, **record_values)
    rows, files = (tuple(map(_as_not_held, urls)) for urls in (outcome.discovered_urls, outcome.page_files))
    return replace(outcome, capture=capture, discovered_urls=rows, page_files=files, found_via=UrlSource.ARCHIVE)


def _as_not_held(row: DiscoveredUrl) -> DiscoveredUrl:
    return (
        replace(row, state=UrlState.SKIPPED, reason=OutcomeReason.NOT_IN_ARCHIVE)
        if row.state == UrlState.QUEUED
        else row
    )


def _with_record_evidence(outcome: Outcome, response: RecordedResponse) -> Outcome:
    """Return the outcome with the faults of the record as evidence on its page."""
    if not response.evidence or outcome.page is None:
        return outcome
    return replace(outcome, page=with_evidence(outcome.page, *response.evidence))


def file_names_text(paths: Sequence[Path]) -> str:
    """List the file names briefly, for the record of the run."""
    first_names = ", ".join(path.name for path in paths[:3])
    return first_names if len(paths) <= 3 else f"{first_names} and {len(paths) - 3} more"


_BATCH = 50  # pictures that one transaction stores
_LOCATIONS = f"""SELECT {LOCATION_COLUMNS}
    FROM captures c LEFT JOIN captures o ON o.id = c.refers_to WHERE c.id = ?"""


def take_pictures(archive: Archive, *, obeys_directives: bool) -> Counter[str]:
    """Keep the files of the articles' pictures, and of their pages, that the archive has as responses; count them.

    A response that is no picture or sheet, is too large or cannot be read is left as it is. With `obeys_directives`, so
    are pictures whose page or own headers refuse. Sheets name further files, which are looked for in the next round.
    """
    rounds = (_take_files(archive, depth, obeys_directives=obeys_directives) for depth in range(1, _ROUNDS + 1))
    return sum(takewhile(bool, rounds), Counter[str]())


_ROUNDS = 3  # sheets of a page, what these import, the pictures of those


def _take_files(archive: Archive, depth: int, *, obeys_directives: bool) -> Counter[str]:
    taken, batch = Counter[str](), list[Outcome]()
    for found in archive.pictures_at_hand(obeys_directives=obeys_directives):
        if obeys_directives and _is_refused(found):
            continue
        outcome = _file_outcome(archive.db, archive.path, found, depth)
        if outcome is not None:
            batch.append(outcome)
            taken[outcome.count.key] += 1
        if len(batch) >= _BATCH:
            archive.save(batch)
            batch = []
    archive.save(batch)
    return taken


def _is_refused(found: PictureAtHand) -> bool:
    seen_at = datetime.fromisoformat(found.fetched_at)
    return bool(exclusion_reason(found.directives, _ROBOT, seen_at) or refused_uses(found.usage))


def _file_outcome(db: Database, folder: Path, found: PictureAtHand, depth: int) -> Outcome | None:
    """Make the outcome of the picture or style sheet in a capture's record; None if it is not kept."""
    places = record_locations(db.execute(_LOCATIONS, [found.capture_id]).fetchone())
    try:
        body = read_full_response(*places, folder).body
    except ReplayError:
        return None
    is_sheet = "css" in found.content_type.lower()
    picture = read_sheet(body, found.content_type) if is_sheet else read_picture(body)
    if not isinstance(picture, Picture):
        return None
    files = page_file_rows(body.decode("latin-1"), found.url, depth) if is_sheet else ()
    return Outcome(
        found.url,
        UrlState.DONE,
        OutcomeReason.STYLE if is_sheet else OutcomeReason.PICTURE,
        http_status=200,
        fetched_at=found.fetched_at,
        capture=Capture(found.url, found.fetched_at, 200, payload_digest=found.payload_digest),
        picture=picture,
        page_files=tuple(map(_as_not_held, files)),
        kind=UrlKind.PICTURE,
        found_via=UrlSource.ARCHIVE,
    )
