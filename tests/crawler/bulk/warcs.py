"""WARC files of made-up pages, each record a member of its own."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from pathlib import Path

WORDS = ("lock", "bridge", "quay", "crane", "ferry")
_SENTENCE = "of the harbour was opened again on Monday, the council said at noon"
ARTICLE = "".join(f"<p>The {word} {_SENTENCE}.</p>" for word in WORDS)


def page(title: str) -> bytes:
    return (
        f"<html lang=en><head><title>{title}</title><meta name=author content='Ada Wren'></head><body>"
        f"<nav><a href=/>Home</a></nav><article><h1>{title}</h1>{ARTICLE}</article>"
        "<footer>All rights reserved.</footer></body></html>"
    ).encode()


def record(url: str, body: bytes, status: str = "200 OK", kind: str = "text/html") -> bytes:
    http = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    head = (
        f"WARC/1.1\r\nWARC-Type: response\r\nWARC-Target-URI: {url}\r\nWARC-Date: 2026-05-01T10:00:00Z\r\n"
        f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(http)}\r\n\r\n"
    )
    return gzip.compress(head.encode() + http + b"\r\n\r\n")


def damaged(url: str) -> bytes:
    """A record of which the end is missing, so that no response can be read from it."""
    return gzip.compress(f"WARC/1.1\r\nWARC-Type: response\r\nWARC-Target-URI: {url}\r\n\r\nno answer".encode())


def write_warc(file: Path, records: Iterable[bytes]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"".join(records))
    return file


def harbour(file: Path, name: str = "a") -> Path:
    """A file with two articles, a page that is gone, a picture, and a damaged record between them."""
    site = f"http://{name}.example"
    return write_warc(
        file,
        [
            record(f"{site}/one", page("One bridge")), record(f"{site}/gone", b"", "410 Gone"),
            damaged(f"{site}/damaged"), record(f"{site}/two", page("Two bridges")),
            record(f"{site}/p.png", b"png", kind="image/png"),
        ],
    )  # fmt: skip
