"""What robots directives come to where a crawl obeys them. Pure.

Recorded they always are (`captures.directives`); they bind only a crawl with `obey_directives`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime

from cleaners.document import Outlink
from cleaners.html.robots_directives import binding
from output.outcome import Found

_KEEPS_OUT = {
    "noindex": "noindex", "none": "noindex", "noarchive": "noarchive", "nocache": "noarchive", "noai": "noai",
    "tdm-reservation: 1": "tdm_reservation",
}  # fmt: skip
_EXPIRES = "unavailable_after: "

NOFOLLOW = "nofollow"
REASONS = tuple(dict.fromkeys((*_KEEPS_OUT.values(), "unavailable_after", NOFOLLOW)))
"""The reasons of what a crawl skipped in obedience; one that does not obey takes it up again."""


def kept_out(directives: Iterable[str], robot: str, now: datetime) -> str:
    """Why the text of a page must not be kept, as a reason, or an empty string."""
    bound = binding(directives, robot)
    for said, reason in _KEEPS_OUT.items():
        if said in bound:
            return reason
    return "unavailable_after" if any(_is_over(each, now) for each in bound) else ""


def unfollowed(found: Iterable[Found], links: Iterable[Outlink], directives: Iterable[str], robot: str) -> list[Found]:
    """What a page led to, with the links that it asks not to follow skipped: all of them, or those marked so."""
    marked = {link.url for link in links if NOFOLLOW in link.rel}
    everything = bool(binding(directives, robot) & {NOFOLLOW, "none"})
    return [_skipped(row) if _is_link(row) and (everything or row.url in marked) else row for row in found]


def _is_link(row: Found) -> bool:
    return row.kind == "page" and row.via in ("link", "next", "single_page") and row.state == "queued"


def _skipped(row: Found) -> Found:
    return replace(row, state="skipped", reason=NOFOLLOW)


def _is_over(directive: str, now: datetime) -> bool:
    if not directive.startswith(_EXPIRES):
        return False
    end = _moment(directive.removeprefix(_EXPIRES))
    return end is not None and end <= now


def _moment(text: str) -> datetime | None:
    """A date as HTTP and mail write it, or ISO 8601; a day without a time ends when it does, UTC without a zone."""
    for read in (_day_s_end, datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read(text.upper())
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
        return moment.replace(tzinfo=moment.tzinfo or UTC)
    return None


def _day_s_end(text: str) -> datetime:
    return datetime.combine(date.fromisoformat(text), datetime.min.time()) + timedelta(days=1)
