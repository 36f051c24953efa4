"""What robots directives forbid, for crawls that obey them. Pure.

They are always recorded (`captures.directives`), and binding only for a crawl with `obey_directives`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime

from cleaners.document import Outlink
from cleaners.html.robots_directives import directives_for
from output.outcome import DiscoveredUrl

_REASON_BY_DIRECTIVE = {
    "noindex": "noindex", "none": "noindex", "noarchive": "noarchive", "nocache": "noarchive", "noai": "noai",
    "tdm-reservation: 1": "tdm_reservation",
}  # fmt: skip
_EXPIRY_PREFIX = "unavailable_after: "

NOFOLLOW = "nofollow"
DIRECTIVE_REASONS = tuple(dict.fromkeys((*_REASON_BY_DIRECTIVE.values(), "unavailable_after", NOFOLLOW)))
"""The reasons of URLs that a crawl skipped in obedience; a later crawl that does not obey queues them again."""


def exclusion_reason(directives: Iterable[str], robot: str, now: datetime) -> str:
    """Why the directives forbid to keep a page's text, as a reason, or an empty string."""
    binding_directives = directives_for(directives, robot)
    for directive, reason in _REASON_BY_DIRECTIVE.items():
        if directive in binding_directives:
            return reason
    return "unavailable_after" if any(_is_expired(directive, now) for directive in binding_directives) else ""


def with_nofollow_skipped(
    rows: Iterable[DiscoveredUrl], links: Iterable[Outlink], directives: Iterable[str], robot: str
) -> list[DiscoveredUrl]:
    """The rows of a page's links, with those marked skipped that are not to be followed: all, or those with
    rel=nofollow."""
    nofollow_urls = {link.url for link in links if NOFOLLOW in link.rel}
    skips_all_links = bool(directives_for(directives, robot) & {NOFOLLOW, "none"})
    return [
        _as_skipped(row) if _is_queued_link(row) and (skips_all_links or row.url in nofollow_urls) else row
        for row in rows
    ]


def _is_queued_link(row: DiscoveredUrl) -> bool:
    return row.kind == "page" and row.found_via in ("link", "next", "single_page") and row.state == "queued"


def _as_skipped(row: DiscoveredUrl) -> DiscoveredUrl:
    return replace(row, state="skipped", reason=NOFOLLOW)


def _is_expired(directive: str, now: datetime) -> bool:
    if not directive.startswith(_EXPIRY_PREFIX):
        return False
    expiry = _parse_expiry(directive.removeprefix(_EXPIRY_PREFIX))
    return expiry is not None and expiry <= now


def _parse_expiry(text: str) -> datetime | None:
    """A date as HTTP or mail write it, or in ISO 8601, as an aware datetime; None if it is neither.

    A day without a time means the end of that day; without a time zone it is UTC.
    """
    for parse in (_end_of_day, datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = parse(text.upper())
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
        return moment.replace(tzinfo=moment.tzinfo or UTC)
    return None


def _end_of_day(text: str) -> datetime:
    return datetime.combine(date.fromisoformat(text), datetime.min.time()) + timedelta(days=1)
