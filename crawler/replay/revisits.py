"""The response of an indexed record; a revisit has the body of the record that it refers to, where that can be found.

A revisit that names a record which is not there, or which has another payload than it states, has the best that the
files hold: the same payload, its own body, or the URL's latest answer before it; and its capture says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from broadsheet.crawler.replay.record_index import BROKEN
from broadsheet.crawler.replay.record_order import BodyRecord, RecordOrder, ReplayJob
from broadsheet.crawler.replay.recorded_response import RecordedResponse, ReplayError, read_response, with_original_body
from broadsheet.output.db.url_words import OutcomeReason
from broadsheet.output.raw.imported_record import BAD_REVISIT

_NOT_MODIFIED = (0, 304)  # the statuses of revisits whose stated digest, if any, may be that of no body


@dataclass(frozen=True, slots=True)
class ReplayedRecord:
    """A record's response, and for a revisit the record that its body comes from and that record's response."""

    response: RecordedResponse
    original: BodyRecord | None = None
    original_digest: str = ""


def read_indexed_record(job: ReplayJob, order: RecordOrder, folder: Path) -> ReplayedRecord | None:
    """The response of a record; None if its body is in no file. ReplayError if the record cannot be read."""
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
    """Whether a record states another payload digest than the revisit does; digests by two algorithms are not told."""
    if response.status in _NOT_MODIFIED or not job.record.digest or not body.digest:
        return False
    same_algorithm = job.record.digest.partition(":")[0].lower() == body.digest.partition(":")[0].lower()
    return same_algorithm and job.record.digest.lower() != body.digest.lower()


def _with_bodies(response: RecordedResponse, bodies: list[BodyRecord], folder: Path) -> Iterator[ReplayedRecord]:
    """A revisit with each of these bodies that can be read."""
    for body in bodies:
        try:
            original = read_response(body.location, folder)
        except ReplayError:
            continue
        yield ReplayedRecord(with_original_body(response, original), body, original.digest)
