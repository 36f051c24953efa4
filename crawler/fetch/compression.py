"""Content encodings, unpacked within bounds and to their very end.

Scrapy's own middleware keeps what a broken stream gave before it broke, and knows no ratio; here a body that ends
early is `cut_off`, a broken one `bad_encoding`, and one that unpacks to too much `too_large`.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any, Self

import brotli  # type: ignore[import-untyped]  # Scrapy requires it
from scrapy.http import Response, TextResponse
from scrapy.responsetypes import responsetypes

from crawler.fetch.errors import AnswerError
from crawler.fetch.limits import MAX_CODINGS, MAX_MEMBERS, RATIO, RATIO_FROM, ZSTD_WINDOW_LOG

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler

_STEP = 64 * 1024  # bytes taken in and given out at a time
_GZIP_MARK = b"\x1f\x8b"
_ZSTD_MARK = b"\x28\xb5\x2f\xfd"

Pieces = Generator[bytes, None, int]
"""What a stream unpacks to, piece by piece; at its end, the place in the data after it."""


class Decompression:
    """Downloader middleware in place of Scrapy's HttpCompressionMiddleware. `limit` is in bytes, 0 is none."""

    def __init__(self, limit: int) -> None:
        self._limit = limit

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Made by Scrapy; the limit is DOWNLOAD_MAXSIZE."""
        return cls(crawler.settings.getint("DOWNLOAD_MAXSIZE"))

    def process_request(self, request: Request) -> None:
        """Say what we unpack."""
        request.headers.setdefault("Accept-Encoding", "gzip, deflate, br, zstd")

    def process_response(self, request: Request, response: Response) -> Response:  # noqa: ARG002
        """The response as it was before it was packed. AnswerError if it cannot be."""
        named = b",".join(response.headers.getlist("Content-Encoding")).decode("latin-1").lower()
        codings = [coding.strip() for coding in named.split(",") if coding.strip()]
        if not codings or not response.body or "download_stopped" in response.flags:
            return response
        body = unpacked(response.body, codings, self._limit)
        del response.headers["Content-Encoding"]
        kind = responsetypes.from_args(headers=response.headers, url=response.url, body=body)
        encoding = {"encoding": None} if issubclass(kind, TextResponse) else {}
        return response.replace(cls=kind, body=body, **encoding)


def unpacked(body: bytes, codings: Sequence[str], limit: int = 0) -> bytes:
    """Undo the encodings, named in the order in which they were applied; an unknown one ends it.

    AnswerError: `bad_encoding`, `cut_off`, or `too_large` for more than `limit` bytes or `RATIO` times the body.
    """
    if len(codings) > MAX_CODINGS:
        raise AnswerError("bad_encoding", f"{len(codings)} encodings on one another")
    most = min(limit or sys.maxsize, max(RATIO_FROM, RATIO * len(body)))
    for coding in reversed(codings):
        unpack = _UNPACK.get(coding)
        if unpack is None:
            break
        body = _collected(unpack, body, most)
    return body


def _collected(unpack: Callable[[bytes], Pieces], body: bytes, most: int) -> bytes:
    out = bytearray()
    try:
        for piece in unpack(body):
            out += piece
            if len(out) > most:
                raise AnswerError("too_large", f"unpacks to more than {most:,} bytes")
    except (zlib.error, brotli.error, zstd.ZstdError) as error:
        raise AnswerError("bad_encoding", str(error)) from error
    return bytes(out)


def _cut_off() -> AnswerError:
    return AnswerError("cut_off", "the compressed stream ends early", retry=True)


def _gzip(data: bytes) -> Pieces:
    """All members; what follows them and is none, such as padding, is passed over."""
    at = yield from _inflated(data, 0, 31)
    return (yield from _more(data, at, _GZIP_MARK, lambda start: _inflated(data, start, 31)))


def _deflate(data: bytes) -> Pieces:
    """The format with zlib's two bytes in front, or, as some servers send it, without."""
    framed = len(data) > 1 and data[0] & 15 == 8 and (data[0] << 8 | data[1]) % 31 == 0
    return (yield from _inflated(data, 0, 15 if framed else -15))


def _zstd(data: bytes) -> Pieces:
    at = yield from _zstd_frame(data, 0)
    return (yield from _more(data, at, _ZSTD_MARK, lambda start: _zstd_frame(data, start)))


def _more(data: bytes, at: int, mark: bytes, unpack: Callable[[int], Pieces]) -> Pieces:
    """The streams that follow the first, as long as they begin with their mark."""
    for _ in range(MAX_MEMBERS):
        if not data.startswith(mark, at):
            return at
        at = yield from unpack(at)
    raise AnswerError("bad_encoding", f"more than {MAX_MEMBERS} streams joined")


def _inflated(data: bytes, start: int, wbits: int) -> Pieces:
    stream = zlib.decompressobj(wbits)
    for at in range(start, len(data), _STEP):
        piece = data[at : at + _STEP]
        end = at + len(piece)
        while piece and not stream.eof:
            yield stream.decompress(piece, _STEP)
            piece = stream.unconsumed_tail
        if stream.eof:
            return end - len(stream.unused_data)
    while rest := stream.decompress(b"", _STEP):
        yield rest
    if not stream.eof:
        raise _cut_off()
    return len(data)


def _zstd_frame(data: bytes, start: int) -> Pieces:
    stream = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: ZSTD_WINDOW_LOG})
    for at in range(start, len(data), _STEP):
        piece = data[at : at + _STEP]
        end = at + len(piece)
        while not stream.eof:
            yield stream.decompress(piece, _STEP)
            piece = b""
            if stream.needs_input:
                break
        if stream.eof:
            return end - len(stream.unused_data)
    raise _cut_off()


def _brotli(data: bytes) -> Pieces:
    stream: Any = brotli.Decompressor()
    for at in range(0, len(data), _STEP):
        piece = data[at : at + _STEP]
        while not stream.is_finished() and (out := stream.process(piece, output_buffer_limit=_STEP)):
            yield out
            piece = b""
        if stream.is_finished():
            return at
    raise _cut_off()


_UNPACK: dict[str, Callable[[bytes], Pieces]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
