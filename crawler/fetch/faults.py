"""What went wrong with a request, as a reason in one word and whether it is worth another try. Pure."""

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

from crawler.fetch.errors import AddressRefusedError, AnswerError

_GROWTH = (1, 6, 24)  # the first wait times so much comes before the second, third and later tries
_REFUSALS = {"port": "port", "proxy": "proxy", "invalid": "bad_url"}  # the others are addresses
_RETRY_STATUS = frozenset((408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 524))
_LONGEST_WAIT = 3600.0
_SECONDS = re.compile(r"[0-9]+")
_TRUNCATION = {"too_large": "length", "timeout": "time", "cut_off": "disconnect", "connection": "disconnect"}


@dataclass(frozen=True, slots=True)
class Fault:
    """A reason for the ledger, whether to try again, and whether it is the whole host that is out of reach."""

    reason: str
    retry: bool = False
    host_gone: bool = False


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a URL that may come right is asked for again, and how long after the first try, in seconds."""

    times: int = 2
    wait: float = 5.0

    def left(self, attempts: int) -> bool:
        """Whether another try may follow the one that came after `attempts` earlier ones."""
        return attempts < self.times

    def wait_before(self, attempts: int, retry_after: float | None = None) -> float:
        """Seconds to wait after the `attempts`-th failed try; the host's own word counts, up to an hour."""
        wait = self.wait * _GROWTH[min(max(attempts, 1), len(_GROWTH)) - 1]
        return min(max(wait, retry_after or 0.0), _LONGEST_WAIT)


def fault_of(error: BaseException) -> Fault:
    """Name a download error. One that is not known may be no fault of the page's: it is worth another try."""
    if isinstance(error, AddressRefusedError):
        return Fault(_REFUSALS.get(error.reason, "private_address"))
    if isinstance(error, AnswerError):
        return Fault(error.reason, error.retry, host_gone=error.reason == "tls")
    if isinstance(error, CannotResolveHostError):
        return Fault("dns", host_gone=True)
    if isinstance(error, DownloadConnectionRefusedError):
        return Fault("connection_refused", retry=True, host_gone=True)
    if isinstance(error, DownloadTimeoutError | TimeoutError):
        return Fault("timeout", retry=True)
    if isinstance(error, DownloadCancelledError):
        return Fault("too_large")
    if isinstance(error, ResponseDataLossError):
        return Fault("cut_off", retry=True)
    if isinstance(error, DownloadFailedError):
        return Fault("connection", retry=True)
    return Fault(f"error:{type(error).__name__}", retry=True)


def is_refusal(reason: str) -> bool:
    """Whether the reason is that nothing was asked: the address, port or way there is not allowed."""
    return reason == "private_address" or reason in _REFUSALS.values()


def is_retried(status: int) -> bool:
    """Whether an HTTP status may be another one in a while."""
    return status in _RETRY_STATUS


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks to wait, given as seconds or as a date; None if there is none."""
    if not value:
        return None
    if _SECONDS.fullmatch(value.strip()):
        return float(value.strip())
    try:
        when = parsedate_to_datetime(value)
        return max(0.0, (when.replace(tzinfo=when.tzinfo or UTC) - now).total_seconds())
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def truncation_of(fault: Fault) -> str:
    """Why an answer that failed is not whole, as WARC names it."""
    return _TRUNCATION.get(fault.reason, "unspecified")
