"""The worker's job when an archive is cleaned again: read the raw response of a page, and clean it as a crawl does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from broadsheet.cleaners.document import UrlSource
from broadsheet.crawler.answers.worker_jobs import PageJob, process_page
from broadsheet.crawler.replay.recorded_response import ReplayError, read_full_response
from broadsheet.output.db.url_words import Reason, UrlKind
from broadsheet.output.queue.rows import QueuedUrl
from broadsheet.output.reclean.replace import RawPage
from broadsheet.output.store.page_rows import PageRows, with_evidence


@dataclass(frozen=True, slots=True)
class UnreadablePage:
    """A page whose raw response cannot be read, and why."""

    reason: Reason
    detail: str


def reclean_page(page: RawPage, folder: str, packed_policy: bytes) -> PageRows | UnreadablePage:
    """Read a page's raw response and clean it. Relative paths are below `folder`."""
    assert page.record_location is not None
    try:
        response = read_full_response(page.record_location, page.body_location, Path(folder))
    except ReplayError as error:
        return UnreadablePage(error.reason, str(error))
    response = replace(response, faults=tuple(dict.fromkeys((*response.faults, *page.record_faults))))
    queued_url = QueuedUrl(page.id, page.url, page.host, UrlKind.PAGE, 0, 0, 0, UrlSource.LINK, "", "")
    recorded_page = replace(response, url=page.final_url).page(page.fetched_at)
    fetched_at = datetime.fromisoformat(page.fetched_at)
    cleaned_page = process_page(PageJob(recorded_page, queued_url, fetched_at), packed_policy).page
    return with_evidence(cleaned_page, *response.evidence)
