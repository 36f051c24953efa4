"""Picture files, as small as their formats allow, and pages that show them."""

from __future__ import annotations

import struct
import zlib

from tests.crawler.scripted_site import Reply, page

SVG = b'<?xml version="1.0"?><!-- a --><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int = 3, height: int = 2, shade: int = 0) -> bytes:
    """A grey picture that any viewer shows."""
    rows = (b"\0" + bytes([shade]) * width) * height if width * height < 10_000 else b""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")


def gif(width: int = 5, height: int = 4) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\x00\x00\x00;"


def jpeg(width: int = 7, height: int = 6) -> bytes:
    """The segments of a photograph up to its frame, with a thumbnail before it that has a frame of its own."""
    thumbnail = b"Exif\0\0\xff\xd8\xff\xc0\x00\x11\x08\x00\x01\x00\x01"
    frame = struct.pack(">BHHB", 8, height, width, 3) + b"\x01\x11\x00" * 3
    segments = [(0xE1, thumbnail), (0xDB, b"\0" * 65), (0xC4, b"\0" * 20), (0xC2, frame)]
    body = b"".join(b"\xff" + bytes([marker]) + struct.pack(">H", len(data) + 2) + data for marker, data in segments)
    return b"\xff\xd8" + body + b"\xff\xd9"


def webp(kind: str = "VP8X", width: int = 9, height: int = 8) -> bytes:
    if kind == "VP8X":
        data = b"\0" * 4 + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    elif kind == "VP8L":
        data = b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14) + b"\0" * 5
    else:
        data = b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", width, height)
    chunk = kind.encode().ljust(4) + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(chunk) + 4) + b"WEBP" + chunk


def avif(width: int = 11, height: int = 10) -> bytes:
    sizes = b"".join(b"\0\0\0\x14ispe\0\0\0\0" + struct.pack(">II", *size) for size in ((1, 1), (width, height)))
    return b"\0\0\0\x18ftypavif\0\0\0\0avifmif1" + b"\0\0\0\x40meta" + sizes


def served(data: bytes, content_type: str = "image/png", status: int = 200) -> Reply:
    return Reply(data, status, {"Content-Type": content_type})


def illustrated(name: str, *sources: str, lead: str = "") -> str:
    """An article with figures, each with a caption."""
    figures = "".join(
        f'<figure><img src="{source}" alt="What {number} shows" width="300">'
        f"<figcaption>Caption {number} of {name}</figcaption></figure>"
        for number, source in enumerate(sources)
    )
    head = f'<meta property="og:image" content="{lead}">' if lead else ""
    return page(name, head=head, extra=figures)
