"""Picture files: their type by their first bytes, and their size in pixels by their header. Pure.

Nothing is decoded: only a few numbers at fixed places of the header are read. A file counts as a picture if browsers
show its type and its header states its size in pixels. An SVG need not state one, and is kept as text. Formats: PNG
(ISO 15948), GIF89a, JPEG (ITU T.81, annex B), WebP (RFC 9649), AVIF (ISO 23008-12, box `ispe`).
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Callable

from broadsheet.output.archive.pictures import MAX_BYTES, SHEET, SHEET_BYTES, SVG, Picture
from broadsheet.output.archive.url_words import OutcomeReason

from .response_bodies import head_text, root_name

MAX_PIXELS = 100_000_000
"""Maximum number of pixels; a viewer needs 400 MB for them."""

# Not imagesize (2.0.1), which has no bound on segments: a hostile JPEG of 10 MB takes it 11 s, on the event loop.
_Size = tuple[int, int]
_FRAME_MARKERS = frozenset((*range(0xC0, 0xD0),)) - {0xC4, 0xC8, 0xCC}  # JPEG: SOF0 to SOF15
_BARE_MARKERS = frozenset((0x01, *range(0xD0, 0xD9)))  # JPEG: without a length
_MAX_SEGMENTS = 1_000  # of a JPEG before its frame; camera files have some dozens
_MAX_BOX_BYTES = 64 * 1024  # of an AVIF in which its sizes stand
_AVIF_BRANDS = (b"avif", b"avis", b"mif1", b"miaf")
_ISPE = re.compile(rb"ispe\x00\x00\x00\x00(.{8})", re.DOTALL)
_VP8_START = b"\x9d\x01\x2a"


def read_picture(body: bytes) -> Picture | OutcomeReason:
    r"""Return the facts about a picture, or the reason not to keep the file: it is not a picture, or is too large.

    >>> read_picture(b"GIF89a\x02\x00\x01\x00;").width
    2
    """
    if len(body) > MAX_BYTES:
        return OutcomeReason.TOO_LARGE
    media_type, read_size = _format_of(body)
    try:
        width, height = read_size(body)
    except (struct.error, IndexError):
        return OutcomeReason.NO_PICTURE
    if media_type != SVG and not (width and height):
        return OutcomeReason.NO_PICTURE
    if width * height > MAX_PIXELS:
        return OutcomeReason.TOO_LARGE
    return Picture(hashlib.sha256(body).hexdigest(), media_type, width, height, len(body))


def read_sheet(body: bytes, content_type: str) -> Picture | OutcomeReason:
    """Return the facts about a style sheet, or the reason not to keep the file; browsers go by its type too."""
    if len(body) > SHEET_BYTES:
        return OutcomeReason.TOO_LARGE
    if content_type.partition(";")[0].strip().lower() != SHEET:
        return OutcomeReason.NO_PICTURE
    return Picture(hashlib.sha256(body).hexdigest(), SHEET, 0, 0, len(body))


def _format_of(body: bytes) -> tuple[str, Callable[[bytes], _Size]]:
    """Return the media type of a file and the function that reads its size. For other files that function
    returns 0, 0.
    """
    if body.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png", _png_size
    if body.startswith(b"\xff\xd8\xff"):
        return "image/jpeg", _jpeg_size
    if body.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif", lambda data: struct.unpack_from("<HH", data, 6)
    if body.startswith(b"RIFF") and body[8:12] == b"WEBP":
        return "image/webp", _webp_size
    if body[4:8] == b"ftyp" and body[8:12] in _AVIF_BRANDS:
        return "image/avif", _avif_size
    if root_name(head_text(body)) == "svg":
        return SVG, _no_size
    return "", _no_size


def _no_size(_: bytes) -> _Size:
    return 0, 0


def _png_size(data: bytes) -> _Size:
    return struct.unpack_from(">II", data, 16) if data[12:16] == b"IHDR" else (0, 0)


def _jpeg_size(data: bytes) -> _Size:
    """Read the size from the first frame header. Segments before it are skipped by their lengths."""
    position = 2
    for _ in range(_MAX_SEGMENTS):
        if data[position] != 0xFF:
            break
        marker = data[position + 1]
        if marker in _FRAME_MARKERS:
            height, width = struct.unpack_from(">HH", data, position + 5)
            return width, height
        if marker == 0xFF:  # a fill byte
            position += 1
        else:
            position += 2 if marker in _BARE_MARKERS else 2 + struct.unpack_from(">H", data, position + 2)[0]
    return 0, 0


def _webp_size(data: bytes) -> _Size:
    chunk = data[12:16]
    if chunk == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if chunk == b"VP8L" and data[20] == 0x2F:
        bits = struct.unpack_from("<I", data, 21)[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 " and data[23:26] == _VP8_START:
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return 0, 0


def _avif_size(data: bytes) -> _Size:
    """Read the size of the largest item in the file."""
    sizes = [struct.unpack(">II", match[1]) for match in _ISPE.finditer(data[:_MAX_BOX_BYTES])]
    return max(sizes, key=lambda size: size[0] * size[1], default=(0, 0))
