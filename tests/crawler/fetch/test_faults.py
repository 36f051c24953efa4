"""Errors to reasons, and how long to wait before another try."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    ResponseDataLossError,
)

from broadsheet.crawler.fetch.faults import (
    AddressRefusedError,
    AnswerError,
    Fault,
    RetryPolicy,
    fault_of,
    is_refusal,
    is_retryable_status,
    retry_after_seconds,
    truncation_of,
)
from broadsheet.output.archive.url_words import OutcomeReason

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (AddressRefusedError("http://10.0.0.1/", "private"), Fault("private_address")),
        (AddressRefusedError("http://a.test:22/", "port"), Fault("port")),
        (AddressRefusedError("http://a.test/", "proxy"), Fault("proxy")),
        (AddressRefusedError("http://u@a.test/", "invalid"), Fault("bad_url")),
        (AnswerError("tls"), Fault("tls", host_gone=True)),
        (AnswerError("cut_off", retry=True), Fault("cut_off", retry=True)),
        (AnswerError("too_large"), Fault("too_large")),
        (CannotResolveHostError(), Fault("dns", host_gone=True)),
        (DownloadConnectionRefusedError(), Fault("connection_refused", retry=True, host_gone=True)),
        (DownloadTimeoutError(), Fault("timeout", retry=True)),
        (TimeoutError(), Fault("timeout", retry=True)),
        (DownloadCancelledError(), Fault("too_large")),
        (ResponseDataLossError(), Fault("cut_off", retry=True)),
        (DownloadFailedError(), Fault("connection", retry=True)),
        (KeyError("x"), Fault("error:KeyError", retry=True)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else value.reason,
)
def test_each_error_has_its_reason(error: BaseException, fault: Fault) -> None:
    assert fault_of(error) == fault


def test_statuses_that_may_change_are_retried() -> None:
    assert {status for status in range(1000) if is_retryable_status(status)} == {
        408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 524,
    }  # fmt: skip


def test_waits_grow_and_the_host_s_own_word_counts_up_to_an_hour() -> None:
    retries = RetryPolicy(max_retries=2, first_wait=5)
    assert [retries.wait_before(attempts) for attempts in (0, 1, 2, 3, 9)] == [5, 5, 30, 120, 120]
    asked = (2, 50, 3599.0, 3600.0, 3601.0, 1e9)
    assert [retries.wait_before(1, seconds) for seconds in asked] == [5, 50, 3599, 3600, 3600, 3600]
    assert RetryPolicy(2, 0.1).wait_before(1) == 0.1
    assert [retries.allows_retry(attempts) for attempts in (0, 1, 2, 3)] == [True, True, False, False]
    assert not RetryPolicy(0).allows_retry(0)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0), (" 0 ", 0.0), ("Sun, 01 Mar 2026 12:01:30 GMT", 90.0), ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("soon", None), ("-3", None), ("1.5", None), ("\u00b2", None), ("3 weeks", None), ("9" * 400, float("inf")),
        ("Sunday, 01-Mar-26 12:01:30 GMT", 90.0), ("Sun, 99 Mar 2026 12:01:30 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 -2359", pytest.approx(2.5e11, rel=0.1)), ("", None), (None, None),
    ],
)  # fmt: skip
def test_retry_after_is_read_as_seconds_or_as_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(value, NOW) == seconds


@pytest.mark.parametrize(
    ("reason", "is_refused", "truncated"),
    [
        ("private_address", True, "unspecified"), ("port", True, "unspecified"), ("proxy", True, "unspecified"),
        ("bad_url", True, "unspecified"), ("too_large", False, "length"), ("timeout", False, "time"),
        ("cut_off", False, "disconnect"), ("connection", False, "disconnect"), ("dns", False, "unspecified"),
    ],
)  # fmt: skip
def test_a_reason_says_whether_anything_was_sent_and_why_an_answer_ends(reason, is_refused, truncated) -> None:
    assert is_refusal(OutcomeReason(reason)) is is_refused
    assert truncation_of(Fault(OutcomeReason(reason))) == truncated


def test_an_error_says_what_was_refused_and_why() -> None:
    said = [str(AddressRefusedError("http://a.test/", reason)) for reason in ("private", "proxy")]
    assert said == ["http://a.test/: refused, private address", "http://a.test/: refused, via a proxy"]
    broken = AnswerError(OutcomeReason.BAD_HTTP, "no status line")
    assert (str(broken), broken.detail, broken.retry) == ("bad_http: no status line", "no status line", False)
    assert str(AnswerError(OutcomeReason.CUT_OFF, retry=True)) == "cut_off"
