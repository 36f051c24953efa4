"""What a worker makes of a raw response: the page that it holds, cleaned as a crawl cleans it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from cleaners.html.robots_directives import header_directives
from crawler.answers.worker_jobs import Fetched, work_on_page
from crawler.replay.recorded_response import ReplayError, read_whole
from output.queue.rows import QueuedUrl
from output.reclean.replace import RawPage
from output.store.page_rows import PreparedPage, marked


@dataclass(frozen=True, slots=True)
class Unread:
    """A raw response that cannot be read, and why."""

    reason: str
    detail: str


def clean_again(page: RawPage, folder: str, packed_rules: bytes) -> PreparedPage | Unread:
    """Read a page's raw response and clean it. Paths are relative to `folder`."""
    assert page.place is not None
    try:
        replayed = read_whole(page.place, page.body, Path(folder))
    except ReplayError as error:
        return Unread(error.reason, str(error))
    said = header_directives(replayed.headers)
    queued = QueuedUrl(page.id, page.url, page.host, "page", 0, 0, 0, "", "", "")
    answer = replace(replayed, url=page.answered).page(page.fetched_at)
    at = datetime.fromisoformat(page.fetched_at)
    made = work_on_page(Fetched(answer, queued, said, at), packed_rules).page
    return marked(made, f"truncated={replayed.truncated}") if replayed.truncated else made
