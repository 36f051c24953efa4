"""What robots directives forbid, for crawls that obey them. Pure.

They are always recorded (`captures.directives`), and binding only for a crawl with `obey_directives`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime

from broadsheet.cleaners.document import Outlink, UrlSource
from broadsheet.cleaners.html.robots_directives import directives_for
from broadsheet.output.db.url_words import OutcomeReason, UrlKind, UrlState
from broadsheet.output.outcome import DiscoveredUrl

_REASON_BY_DIRECTIVE = {
    "noindex": OutcomeReason.NOINDEX, "none": OutcomeReason.NOINDEX, "noarchive": OutcomeReason.NOARCHIVE,
    "nocache": OutcomeReason.NOARCHIVE, "noai": OutcomeReason.NOAI, "tdm-reservation: 1": OutcomeReason.TDM_RESERVATION,
}  # fmt: skip
_EXPIRY_PREFIX = "unavailable_after: "

_NOFOLLOW = "nofollow"
_FOLLOWED_SOURCES = (UrlSource.LINK, UrlSource.NEXT, UrlSource.SINGLE_PAGE)
DIRECTIVE_REASONS = tuple(
    dict.fromkeys((*_REASON_BY_DIRECTIVE.values(), OutcomeReason.UNAVAILABLE_AFTER, OutcomeReason.NOFOLLOW))
)
"""The reasons of URLs that a crawl skipped in obedience; a later crawl that does not obey queues them again."""


def exclusion_reason(directives: Iterable[str], robot: str, now: datetime) -> OutcomeReason | None:
    """Why the directives forbid to keep a page's text; None if they do not."""
    binding_directives = directives_for(directives, robot)
    for directive, reason in _REASON_BY_DIRECTIVE.items():
        if directive in binding_directives:
            return reason
    is_expired = any(_is_expired(directive, now) for directive in binding_directives)
    return OutcomeReason.UNAVAILABLE_AFTER if is_expired else None


def with_nofollow_skipped(
    rows: Iterable[DiscoveredUrl], links: Iterable[Outlink], directives: Iterable[str], robot: str
) -> list[DiscoveredUrl]:
    """The rows of a page's links, with those marked skipped that are not to be followed: all, or those with
    rel=nofollow."""
    nofollow_urls = {link.url for link in links if _NOFOLLOW in link.rel}
    skips_all_links = bool(directives_for(directives, robot) & {_NOFOLLOW, "none"})
    return [
        _as_skipped(row) if _is_queued_link(row) and (skips_all_links or row.url in nofollow_urls) else row
        for row in rows
    ]


def _is_queued_link(row: DiscoveredUrl) -> bool:
    return row.kind == UrlKind.PAGE and row.found_via in _FOLLOWED_SOURCES and row.state == UrlState.QUEUED


def _as_skipped(row: DiscoveredUrl) -> DiscoveredUrl:
    return replace(row, state=UrlState.SKIPPED, reason=OutcomeReason.NOFOLLOW)


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
