"""WARC and ARC records made by hand, also such as no good writer makes."""

from __future__ import annotations

import base64
import gzip
import hashlib
import uuid
import zipfile
from collections.abc import Iterable
from pathlib import Path

WHEN = "2024-03-01T10:00:00Z"


def answer(body: bytes | str, status: str = "200 OK", **headers: str) -> bytes:
    """An HTTP answer as the block of a record; `content_type="text/css"` sets a header."""
    body = body.encode() if isinstance(body, str) else body
    fields = {"content_type": "text/html; charset=utf-8"} | headers
    lines = [f"{name.replace('_', '-').title()}: {value}" for name, value in fields.items()]
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode() + body


def record(
    url: str, block: bytes, at: str = WHEN, kind: str = "response", version: str = "1.0", **headers: str
) -> bytes:
    """A record, not packed; its block's digest is stated."""
    fields = {
        "WARC-Type": kind,
        "WARC-Record-ID": f"<urn:uuid:{uuid.uuid4()}>",
        "WARC-Date": at,
        "WARC-Target-URI": url,
        "Content-Type": f"application/http; msgtype={kind}",
        "WARC-Block-Digest": digest(block),
        "Content-Length": str(len(block)),
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{name}: {value}" for name, value in fields.items() if value]
    return "\r\n".join([f"WARC/{version}", *lines, "", ""]).encode() + block + b"\r\n\r\n"


def arc_file_head(version: int = 1) -> bytes:
    """The record that begins an ARC file."""
    names = "URL IP-address Archive-date Content-type"
    names += " Result-code Checksum Location Offset Filename" if version == 2 else ""
    block = f"{version} 0 Tests\n{names} Archive-length\n"
    return f"filedesc://site.arc 0.0.0.0 20080401103005 text/plain {len(block)}\n{block}\n".encode()


def arc_record(url: str, block: bytes, at: str = "20240301100000", rest: str = "text/html") -> bytes:
    """A record of an ARC file, not packed; `rest` is what stands between its date and its length."""
    return f"{url} 192.0.2.1 {at} {rest} {len(block)}\n".encode() + block + b"\n"


def digest(data: bytes) -> str:
    return "sha1:" + base64.b32encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode()


def write(path: Path, records: Iterable[bytes], *, packed: bool = True) -> Path:
    """A WARC file, packed record by record or not at all."""
    path.write_bytes(b"".join(gzip.compress(one, mtime=0) if packed else one for one in records))
    return path


def wacz(path: Path, warc: Path, *, packed: bool = False) -> Path:
    """A WACZ file around a WARC file, as far as an import looks at it."""
    how = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("datapackage.json", "{}", zipfile.ZIP_DEFLATED)
        made.write(warc, "archive/data.warc.gz", how)
    return path
