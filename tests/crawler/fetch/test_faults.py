"""Faults: errors to reasons, how long to wait before another try, walls, and content encodings within bounds."""

from __future__ import annotations

import gzip
import random
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import brotli
import pytest
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    ResponseDataLossError,
)
from scrapy.http import HtmlResponse, Request, Response

from broadsheet.crawler.fetch.challenges import is_challenge
from broadsheet.crawler.fetch.compression import Decompression, decompress
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
from tests.crawler.attacks import zstd

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
def test_each_error_has_its_reason(error, fault):
    assert fault_of(error) == fault


def test_statuses_that_may_change_are_retried():
    assert {status for status in range(1000) if is_retryable_status(status)} == {
        408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 524,
    }  # fmt: skip


def test_waits_grow_and_the_host_s_own_word_counts_up_to_an_hour():
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
def test_retry_after_is_read_as_seconds_or_as_a_date(value, seconds):
    assert retry_after_seconds(value, NOW) == seconds


@pytest.mark.parametrize(
    ("reason", "is_refused", "truncated"),
    [
        ("private_address", True, "unspecified"), ("port", True, "unspecified"), ("proxy", True, "unspecified"),
        ("bad_url", True, "unspecified"), ("too_large", False, "length"), ("timeout", False, "time"),
        ("cut_off", False, "disconnect"), ("connection", False, "disconnect"), ("dns", False, "unspecified"),
    ],
)  # fmt: skip
def test_a_reason_says_whether_anything_was_sent_and_why_an_answer_ends(reason, is_refused, truncated):
    assert is_refusal(OutcomeReason(reason)) is is_refused
    assert truncation_of(Fault(OutcomeReason(reason))) == truncated


def test_an_error_says_what_was_refused_and_why():
    said = [str(AddressRefusedError("http://a.test/", reason)) for reason in ("private", "proxy")]
    assert said == ["http://a.test/: refused, private address", "http://a.test/: refused, via a proxy"]
    broken = AnswerError(OutcomeReason.BAD_HTTP, "no status line")
    assert (str(broken), broken.detail, broken.retry) == ("bad_http: no status line", "no status line", False)
    assert str(AnswerError(OutcomeReason.CUT_OFF, retry=True)) == "cut_off"


URL = "https://mill.example/story"
STORY = "<p>" + "The council of the harbour town had asked for it in the spring. " * 30 + "</p>"
FORM = '<html><body><h1>One moment</h1><div class="cf-turnstile"></div></body></html>'


def answered(status: int = 403, body: str = "<h1>Forbidden</h1>", **headers: str) -> Response:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(URL, status=status, headers=fields, body=body.encode())


@pytest.mark.parametrize(
    "response",
    [
        answered(429, "slow down"),
        answered(403, "", CF_Mitigated="Challenge"),
        answered(200, STORY, cf_mitigated="challenge"),
        answered(202, "", X_AMZN_WAF_Action="challenge"),
        answered(405, "", X_AMZN_WAF_Action="captcha"),
        answered(403, "", X_Vercel_Mitigated="challenge"),
        answered(403, FORM),
        answered(503, "<title>Just a moment...</title><noscript>Enable JavaScript</noscript>"),
        answered(202, '\ufeff<script src="https://example.awswaf.com/challenge.js"></script>'),
        answered(403, f"<h1>Are you a robot?</h1><script>{'x ' * 900}</script>"),
    ],
)
def test_a_wall_is_told_by_what_only_walls_have(response):
    assert is_challenge(response)


@pytest.mark.parametrize(
    "response",
    [
        answered(200, STORY),
        answered(200, FORM),  # the cleaner judges what comes with a good status
        answered(403),
        answered(404, FORM),
        answered(503, "<h1>Down for maintenance</h1>"),
        answered(403, STORY + '<script src="/recaptcha.js"></script>'),
        answered(403, "are you a robot"),  # no page
        answered(403, "", CF_Mitigated="block"),
        answered(403, "", Server="cloudflare"),
    ],
)
def test_what_a_page_or_an_error_has_is_no_wall(response):
    assert not is_challenge(response)


def test_a_body_made_to_take_long_is_searched_in_a_moment():
    assert not is_challenge(answered(403, "<script " * 20_000))
    assert not is_challenge(answered(403, "<a" * 60_000))


MIB = 1024 * 1024
RANDOM = random.Random(5)
BODIES = {
    "empty": b"",
    "one": b"x",
    "a step": bytes(64 * 1024),
    "steps and noise": RANDOM.randbytes(200_001) + b"words " * 20_000 + RANDOM.randbytes(70_000),
}
PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": partial(brotli.compress, quality=5),  # it is slow where it tries its best
    "zstd": zstd.compress,
}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("coding", PACK)
def test_what_was_packed_comes_back(coding, body):
    assert decompress(PACK[coding](BODIES[body]), [coding]) == BODIES[body]


@pytest.mark.parametrize("coding", PACK)
def test_cut_anywhere_it_is_never_taken_for_whole(coding):
    whole = PACK[coding](b"A page of a few words, and then some. " * 30)
    for end in range(1, len(whole)):
        with pytest.raises(AnswerError) as caught:
            decompress(whole[:end], [coding])
        assert caught.value.reason in ("cut_off", "bad_encoding")
    assert decompress(whole, [coding])


@pytest.mark.parametrize("coding", PACK)
def test_noise_is_no_encoding(coding):
    with pytest.raises(AnswerError, match=r"bad_encoding|cut_off|too_large"):
        decompress(b"\x00\x01<html>" + RANDOM.randbytes(500), [coding])


@pytest.mark.parametrize("coding", PACK)
def test_a_body_may_unpack_to_the_limit_and_not_to_a_byte_more(coding):
    packed = PACK[coding](bytes(100_000))
    assert len(decompress(packed, [coding], limit=100_000)) == 100_000
    with pytest.raises(AnswerError, match="too_large"):
        decompress(packed, [coding], limit=99_999)


@pytest.mark.slow
def test_the_ratio_counts_from_a_size_on_and_through_all_encodings():
    assert len(decompress(gzip.compress(bytes(MIB)), ["gzip"])) == MIB
    with pytest.raises(AnswerError, match="too_large"):
        decompress(gzip.compress(bytes(MIB + 1)), ["gzip"])
    dense = RANDOM.randbytes(MIB // 200)
    assert len(decompress(gzip.compress(dense + bytes(MIB)), ["gzip"])) > MIB
    with pytest.raises(AnswerError, match="too_large"):
        decompress(gzip.compress(gzip.compress(bytes(50 * MIB))), ["gzip", "gzip"])


def test_encodings_and_members_are_counted():
    body = b"x"
    for _ in range(3):
        body = gzip.compress(body)
    assert decompress(body, ["gzip"] * 3) == b"x"
    with pytest.raises(AnswerError, match="bad_encoding"):
        decompress(gzip.compress(body), ["gzip"] * 4)
    for pack, coding in ((gzip.compress, "gzip"), (zstd.compress, "zstd")):
        assert decompress(pack(b"x") * 64, [coding]) == b"x" * 64
        with pytest.raises(AnswerError, match="bad_encoding"):
            decompress(pack(b"x") * 66, [coding])


def test_which_faults_are_worth_another_try():
    for body, retry in (
        (gzip.compress(b"words")[:-3], True),
        (b"no gzip", False),
        (gzip.compress(bytes(9_000)), False),
    ):
        with pytest.raises(AnswerError) as caught:
            decompress(body, ["gzip"], limit=1000)
        assert caught.value.retry is retry


def response(body: bytes, *codings: str, flags: tuple[str, ...] = ()) -> Response:
    headers = {"Content-Type": "text/html", "Content-Encoding": list(codings)}
    return Response("http://a.test/", headers=headers, body=body, flags=list(flags))


def through(given: Response) -> Response:
    return Decompression(10_000).process_response(Request("http://a.test/"), given)


def test_a_response_comes_out_as_it_was_before_it_was_packed():
    page = b"<html><p>\xc3\xa9</p></html>"
    for given in (response(gzip.compress(page), "GZIP "), response(brotli.compress(gzip.compress(page)), "gzip", "br")):
        got = through(given)
        assert isinstance(got, HtmlResponse)
        assert (got.body, got.headers.get("Content-Encoding")) == (page, None)


@pytest.mark.parametrize(
    "given", [response(b"", "gzip"), response(b"\x1f\x8b", "gzip", flags=("download_stopped",)), response(b"plain")]
)
def test_what_holds_nothing_to_unpack_is_left_alone(given):
    assert through(given) is given


def test_a_request_says_what_is_unpacked():
    request = Request("http://a.test/")
    Decompression(0).process_request(request)
    named = (request.headers["Accept-Encoding"] or b"").decode().split(", ")
    assert set(named) == set(PACK)
