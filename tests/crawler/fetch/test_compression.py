"""Content encodings within bounds."""

from __future__ import annotations

import gzip
import random
import zlib
from collections.abc import Callable
from functools import partial

import brotli
import pytest
from scrapy.http import HtmlResponse, Request, Response

from broadsheet.crawler.fetch.compression import Decompression, decompress
from broadsheet.crawler.fetch.faults import AnswerError
from tests.crawler.attacks import zstd

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
def test_what_was_packed_comes_back(coding: str, body: str) -> None:
    assert decompress(PACK[coding](BODIES[body]), [coding]) == BODIES[body]


@pytest.mark.parametrize("coding", PACK)
def test_cut_anywhere_it_is_never_taken_for_whole(coding: str) -> None:
    whole = PACK[coding](b"A page of a few words, and then some. " * 30)
    for end in range(1, len(whole)):
        with pytest.raises(AnswerError) as caught:
            decompress(whole[:end], [coding])
        assert caught.value.reason in ("cut_off", "bad_encoding")
    assert decompress(whole, [coding])


@pytest.mark.parametrize("coding", PACK)
def test_noise_is_no_encoding(coding: str) -> None:
    with pytest.raises(AnswerError, match=r"bad_encoding|cut_off|too_large"):
        decompress(b"\x00\x01<html>" + RANDOM.randbytes(500), [coding])


@pytest.mark.parametrize("coding", PACK)
def test_a_body_may_unpack_to_the_limit_and_not_to_a_byte_more(coding: str) -> None:
    packed = PACK[coding](bytes(100_000))
    assert len(decompress(packed, [coding], limit=100_000)) == 100_000
    with pytest.raises(AnswerError, match="too_large"):
        decompress(packed, [coding], limit=99_999)


@pytest.mark.slow
def test_the_ratio_counts_from_a_size_on_and_through_all_encodings() -> None:
    assert len(decompress(gzip.compress(bytes(MIB)), ["gzip"])) == MIB
    with pytest.raises(AnswerError, match="too_large"):
        decompress(gzip.compress(bytes(MIB + 1)), ["gzip"])
    dense = RANDOM.randbytes(MIB // 200)
    assert len(decompress(gzip.compress(dense + bytes(MIB)), ["gzip"])) > MIB
    with pytest.raises(AnswerError, match="too_large"):
        decompress(gzip.compress(gzip.compress(bytes(50 * MIB))), ["gzip", "gzip"])


def test_encodings_and_members_are_counted() -> None:
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


def test_which_faults_are_worth_another_try() -> None:
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


def test_a_response_comes_out_as_it_was_before_it_was_packed() -> None:
    page = b"<html><p>\xc3\xa9</p></html>"
    for given in (response(gzip.compress(page), "GZIP "), response(brotli.compress(gzip.compress(page)), "gzip", "br")):
        got = through(given)
        assert isinstance(got, HtmlResponse)
        assert (got.body, got.headers.get("Content-Encoding")) == (page, None)


@pytest.mark.parametrize(
    "given", [response(b"", "gzip"), response(b"\x1f\x8b", "gzip", flags=("download_stopped",)), response(b"plain")]
)
def test_what_holds_nothing_to_unpack_is_left_alone(given: Response) -> None:
    assert through(given) is given


def test_a_request_says_what_is_unpacked() -> None:
    request = Request("http://a.test/")
    Decompression(0).process_request(request)
    named = (request.headers["Accept-Encoding"] or b"").decode().split(", ")
    assert set(named) == set(PACK)
