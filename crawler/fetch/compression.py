"""Decompression of response bodies (Content-Encoding) within limits, completely or not at all.

Scrapy's own middleware keeps the beginning of a broken stream, and does not limit the ratio. Here a body that ends
early is `cut_off`, a broken one `bad_encoding`, and one that decompresses to too much `too_large`.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any, Self

import brotli  # type: ignore[import-untyped]  # Scrapy requires it
from scrapy.http import Response, TextResponse
from scrapy.responsetypes import responsetypes

from broadsheet.output.archive.url_words import OutcomeReason

from .faults import AnswerError
from .limits import MAX_CODINGS, MAX_RATIO, MAX_STREAMS, RATIO_MIN_BYTES, ZSTD_WINDOW_LOG

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler

_CHUNK_BYTES = 64 * 1024  # compressed bytes read, and decompressed bytes given out, at a time
GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"

ChunkGenerator = Generator[bytes, None, int]
"""Yields decompressed chunks; returns the position in the compressed data where the stream ended."""


class Decompression:
    """Downloader middleware in place of Scrapy's HttpCompressionMiddleware. `limit` is in bytes; 0 means no limit."""

    def __init__(self, limit: int) -> None:
        self._limit = limit

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Read the limit, DOWNLOAD_MAXSIZE; called by Scrapy."""
        return cls(crawler.settings.getint("DOWNLOAD_MAXSIZE"))

    def process_request(self, request: Request) -> None:
        """Set the Accept-Encoding header, unless there is one."""
        request.headers.setdefault("Accept-Encoding", "gzip, deflate, br, zstd")

    def process_response(self, request: Request, response: Response) -> Response:
        """Decompress the response's body within the request's own limit, or the general one.

        AnswerError if that fails; a stopped download stays as it is.
        """
        content_encoding = b",".join(response.headers.getlist("Content-Encoding")).decode("latin-1").lower()
        codings = [coding.strip() for coding in content_encoding.split(",") if coding.strip()]
        if not codings or not response.body or "download_stopped" in response.flags:
            return response
        body = decompress(response.body, codings, request.meta.get("download_maxsize") or self._limit)
        del response.headers["Content-Encoding"]
        response_class = responsetypes.from_args(headers=response.headers, url=response.url, body=body)
        encoding = {"encoding": None} if issubclass(response_class, TextResponse) else {}
        return response.replace(cls=response_class, body=body, **encoding)


def decompress(body: bytes, codings: Sequence[str], limit: int = 0) -> bytes:
    """Undo the content codings, given in the order in which they were applied, up to an unknown one.

    AnswerError: `bad_encoding`, `cut_off`, or `too_large` for more than `limit` bytes or `MAX_RATIO` times the body.
    """
    decompressed, is_complete = decompress_partly(body, codings, limit)
    if not is_complete:
        raise AnswerError(OutcomeReason.CUT_OFF, "the compressed stream ends early", retry=True)
    return decompressed


def decompress_partly(body: bytes, codings: Sequence[str], limit: int = 0) -> tuple[bytes, bool]:
    """Undo the content codings as `decompress` does, but keep the beginning of a body that ends early. The second value
    tells whether the body is complete.
    """
    if len(codings) > MAX_CODINGS:
        raise AnswerError(OutcomeReason.BAD_ENCODING, f"{len(codings)} nested encodings")
    max_bytes = min(limit or sys.maxsize, max(RATIO_MIN_BYTES, MAX_RATIO * len(body)))
    is_complete = True
    for coding in reversed(codings):
        decompressor = _DECOMPRESSORS.get(coding)
        if decompressor is None:
            break
        body, is_stream_complete = _collect_chunks(decompressor, body, max_bytes)
        is_complete = is_complete and is_stream_complete
    return body, is_complete


def _collect_chunks(decompressor: Callable[[bytes], ChunkGenerator], body: bytes, max_bytes: int) -> tuple[bytes, bool]:
    decompressed = bytearray()
    try:
        for chunk in decompressor(body):
            decompressed += chunk
            if len(decompressed) > max_bytes:
                raise AnswerError(OutcomeReason.TOO_LARGE, f"unpacks to more than {max_bytes:,} bytes")
    except _StreamEndError:
        return bytes(decompressed), False
    except (zlib.error, brotli.error, zstd.ZstdError) as error:
        raise AnswerError(OutcomeReason.BAD_ENCODING, str(error)) from error
    return bytes(decompressed), True


class _StreamEndError(Exception):
    """An early end of a compressed stream."""


def _decompress_gzip(data: bytes) -> ChunkGenerator:
    """Decompress all members of a gzip file, and ignore trailing bytes such as padding."""
    position = yield from _inflate(data, 0, 31)
    return (yield from _joined_streams(data, position, GZIP_MAGIC, lambda start: _inflate(data, start, 31)))


def _decompress_deflate(data: bytes) -> ChunkGenerator:
    """Decompress deflate with the two bytes of zlib's header, or without them as some servers send it."""
    has_zlib_header = len(data) > 1 and data[0] & 15 == 8 and (data[0] << 8 | data[1]) % 31 == 0
    return (yield from _inflate(data, 0, 15 if has_zlib_header else -15))


def _decompress_zstd(data: bytes) -> ChunkGenerator:
    position = yield from _zstd_frame(data, 0)
    return (yield from _joined_streams(data, position, ZSTD_MAGIC, lambda start: _zstd_frame(data, start)))


def _joined_streams(
    data: bytes, position: int, magic: bytes, decompress_stream: Callable[[int], ChunkGenerator]
) -> ChunkGenerator:
    """Decompress the streams that follow the first one, as long as they begin with the format's magic bytes."""
    for _ in range(MAX_STREAMS):
        if not data.startswith(magic, position):
            return position
        position = yield from decompress_stream(position)
    raise AnswerError(OutcomeReason.BAD_ENCODING, f"more than {MAX_STREAMS} streams joined")


def _inflate(data: bytes, start: int, wbits: int) -> ChunkGenerator:
    stream = zlib.decompressobj(wbits)
    for chunk_start in range(start, len(data), _CHUNK_BYTES):
        chunk = data[chunk_start : chunk_start + _CHUNK_BYTES]
        chunk_end = chunk_start + len(chunk)
        while chunk and not stream.eof:
            yield stream.decompress(chunk, _CHUNK_BYTES)
            chunk = stream.unconsumed_tail
        if stream.eof:
            return chunk_end - len(stream.unused_data)
    while tail := stream.decompress(b"", _CHUNK_BYTES):
        yield tail
    if not stream.eof:
        raise _StreamEndError
    return len(data)


def _zstd_frame(data: bytes, start: int) -> ChunkGenerator:
    stream = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: ZSTD_WINDOW_LOG})
    for chunk_start in range(start, len(data), _CHUNK_BYTES):
        chunk = data[chunk_start : chunk_start + _CHUNK_BYTES]
        chunk_end = chunk_start + len(chunk)
        while not stream.eof:
            yield stream.decompress(chunk, _CHUNK_BYTES)
            chunk = b""
            if stream.needs_input:
                break
        if stream.eof:
            return chunk_end - len(stream.unused_data)
    raise _StreamEndError


def _decompress_brotli(data: bytes) -> ChunkGenerator:
    stream: Any = brotli.Decompressor()
    for chunk_start in range(0, len(data), _CHUNK_BYTES):
        chunk = data[chunk_start : chunk_start + _CHUNK_BYTES]
        while not stream.is_finished() and (output := stream.process(chunk, output_buffer_limit=_CHUNK_BYTES)):
            yield output
            chunk = b""
        if stream.is_finished():
            return chunk_start
    raise _StreamEndError


_DECOMPRESSORS: dict[str, Callable[[bytes], ChunkGenerator]] = {
    "gzip": _decompress_gzip,
    "x-gzip": _decompress_gzip,
    "deflate": _decompress_deflate,
    "br": _decompress_brotli,
    "zstd": _decompress_zstd,
}
