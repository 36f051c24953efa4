"""Faults of requests: errors, their reasons for the ledger, whether a retry is worth it, and how long to wait. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    ResponseDataLossError,
)

from broadsheet.output.archive.url_words import OutcomeReason, Reason, ReasonFamily, compound_reason


class AddressRefusedError(Exception):
    """The guard's refusal of a request. `reason` is a verdict of `broadsheet.crawler.fetch.addresses`, or `proxy`."""

    def __init__(self, url: str, reason: str):
        super().__init__(f"{url}: refused, {reason} address" if reason != "proxy" else f"{url}: refused, via a proxy")
        self.reason = reason


class AnswerError(Exception):
    """An unusable response: `reason` for the ledger, `detail` in words, and `retry`, whether another try may succeed.

    Reasons: tls, bad_http, headers_too_large, too_large, bad_encoding, cut_off.
    """

    def __init__(self, reason: OutcomeReason, detail: str = "", *, retry: bool = False) -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail
        self.retry = retry


_BACKOFF_FACTORS = (1, 6, 24)  # times the first wait: before the first, the second, and each later retry
_REFUSAL_REASONS = {
    "port": OutcomeReason.PORT,
    "proxy": OutcomeReason.PROXY,
    "invalid": OutcomeReason.BAD_URL,
}  # ledger reasons; the other verdicts are on addresses
_RETRY_STATUS = frozenset((408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 524))
_MAX_WAIT = 3600.0
_SECONDS = re.compile(r"[0-9]+")
_TRUNCATION_REASONS: dict[Reason, str] = {
    OutcomeReason.TOO_LARGE: "length",
    OutcomeReason.TIMEOUT: "time",
    OutcomeReason.CUT_OFF: "disconnect",
    OutcomeReason.CONNECTION: "disconnect",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """The failure of a request: `reason` for the ledger, whether to retry, and whether the whole host is
    unreachable.
    """

    reason: Reason
    retry: bool = False
    host_gone: bool = False


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The number of retries of a failed URL, and the seconds to wait before the first."""

    max_retries: int = 2
    first_wait: float = 5.0

    def allows_retry(self, attempts: int) -> bool:
        """Tell whether a request that failed may be retried after `attempts` others failed before it."""
        return attempts < self.max_retries

    def wait_before(self, attempts: int, retry_after: float | None = None) -> float:
        """Return the seconds to wait after the `attempts`-th failed try, at least the host's Retry-After; an hour at
        most.
        """
        wait = self.first_wait * _BACKOFF_FACTORS[min(max(attempts, 1), len(_BACKOFF_FACTORS)) - 1]
        return min(max(wait, retry_after or 0.0), _MAX_WAIT)


def fault_of(error: BaseException) -> Fault:
    """Return the fault that a download's exception stands for. An unknown one is retried, since the page may not be the
    cause.
    """
    if isinstance(error, AddressRefusedError):
        return Fault(_REFUSAL_REASONS.get(error.reason, OutcomeReason.PRIVATE_ADDRESS))
    if isinstance(error, AnswerError):
        return Fault(error.reason, error.retry, host_gone=error.reason == OutcomeReason.TLS)
    if isinstance(error, CannotResolveHostError):
        return Fault(OutcomeReason.DNS, host_gone=True)
    if isinstance(error, DownloadConnectionRefusedError):
        return Fault(OutcomeReason.CONNECTION_REFUSED, retry=True, host_gone=True)
    if isinstance(error, DownloadTimeoutError | TimeoutError):
        return Fault(OutcomeReason.TIMEOUT, retry=True)
    if isinstance(error, DownloadCancelledError):
        return Fault(OutcomeReason.TOO_LARGE)
    if isinstance(error, ResponseDataLossError):
        return Fault(OutcomeReason.CUT_OFF, retry=True)
    if isinstance(error, DownloadFailedError):
        return Fault(OutcomeReason.CONNECTION, retry=True)
    return Fault(compound_reason(ReasonFamily.ERROR, type(error).__name__), retry=True)


def is_refusal(reason: Reason) -> bool:
    """Tell whether the request was never sent, because its address, port or proxy is not allowed."""
    return reason == OutcomeReason.PRIVATE_ADDRESS or reason in _REFUSAL_REASONS.values()


def is_retryable_status(status: int) -> bool:
    """Tell whether a request that got this HTTP status is worth a retry."""
    return status in _RETRY_STATUS


def retry_after_seconds(value: str | None, now: datetime) -> float | None:
    """Read the seconds that a Retry-After header's value (seconds or a date) asks to wait; None if it cannot be read.

    >>> retry_after_seconds("120", datetime.now(UTC))
    120.0
    """
    if not value:
        return None
    if _SECONDS.fullmatch(value.strip()):
        return float(value.strip())
    try:
        retry_at = parsedate_to_datetime(value)
        return max(0.0, (retry_at.replace(tzinfo=retry_at.tzinfo or UTC) - now).total_seconds())
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def truncation_of(fault: Fault) -> str:
    """Return WARC's word for a response that was truncated by a fault."""
    return _TRUNCATION_REASONS.get(fault.reason, "unspecified")
