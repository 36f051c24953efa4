"""What the frontier hands out."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from output.queue.rows import QueuedUrl


@dataclass(frozen=True, slots=True)
class Turn:
    """A URL whose turn it is: to be fetched, or, with a state and `reason`, to be given up without a request.

    With `whole_host`, so is everything else that is queued of that host. Who cannot do it at once gets a turn for
    each.
    """

    queued: QueuedUrl
    reason: str = ""
    state: str = "skipped"
    whole_host: str = ""


def robots_of(queued: QueuedUrl, tries: int) -> QueuedUrl:
    """The robots.txt that says whether a URL may be asked for, after so many tries. It has no row of its own yet."""
    parts = urlsplit(queued.url)
    url = f"{parts.scheme}://{parts.netloc}/robots.txt"
    return QueuedUrl(0, url, queued.host, "robots", 0, 0, tries, "robots", "", "")
