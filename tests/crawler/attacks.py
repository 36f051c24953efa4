"""What a hostile server does, one row an attack: name, its bytes, and what the crawl makes of it."""

from __future__ import annotations

import gzip
import itertools
import zlib
from collections.abc import Iterable
from typing import Any

import brotli

from tests.crawler.hostile import RESET, Behaviour, HostileServer, answer

try:
    from compression import zstd
except ImportError:
    from backports import zstd

LIMIT = 4 * 1024 * 1024
"""DOWNLOAD_MAXSIZE of the crawls that meet these."""

PAGE = b"<html><title>A page</title><p>" + b"words of a page " * 40 + b"</p></html>"
ZEROS = bytes(3 * 1024 * 1024)  # below the limit, so that only the ratio can refuse it
FAT = bytes(LIMIT * 8)
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
_INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
_CHUNKED = _HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def drip(server: HostileServer, *, start: bytes = _HEAD + b"\r\n<html>") -> Iterable[bytes]:
    yield start
    while not server.closing.wait(0.2):
        yield b"x"


def drip_headers(server: HostileServer) -> Iterable[bytes]:
    return drip(server, start=_HEAD + b"X-Slow: ")


def silence(server: HostileServer) -> Iterable[bytes]:
    server.closing.wait(60)
    return iter(())


def endless(start: bytes, again: bytes) -> Behaviour:
    return lambda _: itertools.chain([start], itertools.repeat(again))


def wide_zstd() -> bytes:
    """A frame that asks for a window of 128 MB."""
    levels = {zstd.CompressionParameter.window_log: 27, zstd.CompressionParameter.enable_long_distance_matching: 1}
    packer = zstd.ZstdCompressor(options=levels)
    return packer.compress(PAGE) + packer.flush()


def packed(body: bytes, coding: str) -> bytes:
    return answer(body, f"Content-Encoding: {coding}")


def _numbered(count: int) -> bytes:
    return b"".join(b"X-%d: y\r\n" % number for number in range(count))


ATTACKS: dict[str, tuple[Behaviour, str]] = {
    # time
    "drip": (drip, "timeout"),
    "drip_headers": (drip_headers, "timeout"),
    "silence": (silence, "timeout"),
    # size
    "endless_body": (endless(_HEAD + b"\r\n", b"x" * 65536), "too_large"),
    "endless_chunks": (endless(_CHUNKED, b"10000\r\n" + b"x" * 65536 + b"\r\n"), "too_large"),
    "endless_framing": (endless(_CHUNKED, (b"1;" + b"x" * 1000 + b"\r\nx\r\n") * 64), "too_large"),
    "endless_line": (endless(_HEAD + b"X: ", b"y" * 65536), "headers_too_large"),
    "endless_headers": (endless(_HEAD, b"X: y\r\n" * 1000), "headers_too_large"),
    "endless_folding": (endless(_HEAD + b"X: y\r\n", b" y\r\n" * 1000), "headers_too_large"),
    "endless_interim": (endless(_INTERIM, _INTERIM * 100), "headers_too_large"),
    "big_header": (_HEAD + b"X: " + b"y" * 100_000 + b"\r\n\r\n" + PAGE, "headers_too_large"),
    "ten_thousand_headers": (_HEAD + _numbered(10_000) + b"\r\n" + PAGE, "headers_too_large"),
    "stated_size": (answer(PAGE, "Content-Length: 1000000000000", length=False), "too_large"),
    # compression
    "gzip_bomb": (packed(gzip.compress(ZEROS), "gzip"), "too_large"),
    "deflate_bomb": (packed(zlib.compress(ZEROS), "deflate"), "too_large"),
    "brotli_bomb": (packed(brotli.compress(ZEROS), "br"), "too_large"),
    "zstd_bomb": (packed(zstd.compress(ZEROS), "zstd"), "too_large"),
    "nested_bomb": (packed(gzip.compress(gzip.compress(FAT)), "gzip, gzip"), "too_large"),
    "joined_members": (packed(gzip.compress(b"x") * 1000, "gzip"), "bad_encoding"),
    "four_encodings": (packed(PAGE, "gzip, gzip, gzip, gzip"), "bad_encoding"),
    "wide_zstd_window": (packed(wide_zstd(), "zstd"), "bad_encoding"),
    "not_gzip": (packed(PAGE, "gzip"), "bad_encoding"),
    "wrong_checksum": (packed(gzip.compress(PAGE)[:-8] + bytes(8), "gzip"), "bad_encoding"),
    "cut_gzip": (packed(gzip.compress(PAGE)[:-12], "gzip"), "cut_off"),
    "cut_deflate": (packed(zlib.compress(PAGE)[:-6], "deflate"), "cut_off"),
    "cut_brotli": (packed(brotli.compress(PAGE)[:-3], "br"), "cut_off"),
    "cut_zstd": (packed(zstd.compress(PAGE)[:-3], "zstd"), "cut_off"),
    # grammar
    "no_http": (b"SSH-2.0-OpenSSH_9.9\r\n", "bad_http"),
    "bare_page": (PAGE + b"\r\n", "bad_http"),
    "no_status": (b"HTTP/1.1 OK\r\n\r\n", "bad_http"),
    "negative_length": (answer(PAGE, "Content-Length: -5", length=False), "bad_http"),
    "length_in_words": (answer(PAGE, "Content-Length: 12 or so", length=False), "bad_http"),
    "two_lengths": (answer(PAGE, "Content-Length: 10"), "bad_http"),
    "unknown_transfer": (answer(PAGE, "Transfer-Encoding: sideways"), "bad_http"),
    "bad_chunk_size": (_CHUNKED + b"zz\r\nhello\r\n0\r\n\r\n", "cut_off"),
    "negative_chunk": (_CHUNKED + b"-5\r\nhello\r\n0\r\n\r\n", "cut_off"),
    "long_chunk_extension": (_CHUNKED + b"5;" + b"x" * 5000 + b"\r\nhello\r\n0\r\n\r\n", "cut_off"),
    "cut_chunks": (_CHUNKED + b"5\r\nhello\r\n", "cut_off"),
    "cut_length": (answer(PAGE, "Content-Length: 5000", length=False), "cut_off"),
    "reset_in_body": (lambda _: [_HEAD + b"\r\n" + PAGE, RESET], "cut_off"),
    "hung_up": (lambda _: [], "connection"),
}
"""Path without its slash → behaviour and the reason in `urls`."""

HARMLESS: dict[str, tuple[Behaviour, tuple[int, int]]] = {
    "plain": (answer(PAGE), (200, len(PAGE))),
    "gzip": (packed(gzip.compress(PAGE), "gzip"), (200, len(PAGE))),
    "gzip_padded": (packed(gzip.compress(PAGE) + bytes(64), "x-gzip"), (200, len(PAGE))),
    "gzip_in_two": (packed(gzip.compress(PAGE) + gzip.compress(PAGE), "gzip"), (200, 2 * len(PAGE))),
    "deflate": (packed(zlib.compress(PAGE), "deflate"), (200, len(PAGE))),
    "deflate_raw": (packed(zlib.compress(PAGE)[2:-4], "deflate"), (200, len(PAGE))),
    "brotli": (packed(brotli.compress(PAGE), "br"), (200, len(PAGE))),
    "zstd": (packed(zstd.compress(PAGE), "zstd"), (200, len(PAGE))),
    "two_encodings": (packed(brotli.compress(gzip.compress(PAGE)), "gzip, br"), (200, len(PAGE))),
    "unknown_encoding": (packed(PAGE, "utf-8"), (200, len(PAGE))),
    "empty_gzip": (packed(b"", "gzip"), (200, 0)),
    "early_hints": (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + answer(PAGE), (200, len(PAGE))),
    "no_length": (answer(PAGE, length=False), (200, len(PAGE))),
    "header_without_colon": (answer(PAGE, "nonsense"), (200, len(PAGE))),
    "nul_in_header": (answer(PAGE, "X-Odd: a\0b\x1b[2J"), (200, len(PAGE))),
    "two_hundred_headers": (_HEAD + _numbered(200) + b"\r\n" + PAGE, (200, len(PAGE))),
    "status_0": (answer(PAGE, status="0 Nothing"), (0, len(PAGE))),
    "status_999": (answer(PAGE, status="999 Denied"), (999, len(PAGE))),
    "chatter_after_the_end": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad" * 20,
        (200, 2),
    ),
}
"""Odd, but read: path → behaviour, and status and length of the body."""

SETTINGS: dict[str, Any] = {
    "BROADSHEET_ALLOW_PRIVATE": True,
    "DOWNLOAD_TIMEOUT": 3,
    "DOWNLOAD_MAXSIZE": LIMIT,
}
