"""A fetched sitemap or feed before it is parsed: unpacked from gzip, and the name of its root element. Pure."""

from __future__ import annotations

import re
import zlib

MAX_BYTES = 50 * 1024 * 1024
"""The protocol's bound for one sitemap, uncompressed (sitemaps.org)."""

_GZIP_STEP_BYTES = 4096  # bytes unpacked at a time: so much is lost at most where a file breaks
_MAX_MEMBERS = 64  # gzip files joined in one; more is an attack on time
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def gunzip_body(body: bytes) -> tuple[bytes, str]:
    """The body without gzip, also without two layers of it (a stored .gz sent with Content-Encoding), and the fault or
    ''."""
    reason = ""
    for _ in range(2):
        if not body.startswith(b"\x1f\x8b"):
            break
        body, fault = _gunzip_members(body)
        reason = reason or fault
    if len(body) > MAX_BYTES:
        return body[:MAX_BYTES], "too_large"
    return body, reason


def _gunzip_members(body: bytes) -> tuple[bytes, str]:
    """The data of all gzip members, at most one byte over the bound, and the fault; a broken member gives what it
    can."""
    out = bytearray()
    for _ in range(_MAX_MEMBERS):
        if not body.startswith(b"\x1f\x8b"):
            break
        body, fault = _gunzip_member(body, out)
        if fault:
            return bytes(out), fault
    return bytes(out), ""


def _gunzip_member(body: bytes, out: bytearray) -> tuple[bytes, str]:
    """Append the first member's data to `out`; returns the bytes after the member, and the fault."""
    member = zlib.decompressobj(wbits=31)
    for start in range(0, len(body), _GZIP_STEP_BYTES):
        try:
            out += member.decompress(body[start : start + _GZIP_STEP_BYTES], MAX_BYTES + 1 - len(out))
        except zlib.error:
            return b"", "bad_gzip"
        if len(out) > MAX_BYTES:
            return b"", "too_large"
        if member.eof:
            return member.unused_data + body[start + _GZIP_STEP_BYTES :], ""
    return b"", "bad_gzip"


HEAD_BYTES = 4096
_PROLOGUE = r"\s*(?>(?:<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>\[]*(?:\[.*?\]\s*)?>)\s*)*+"
_ROOT = re.compile(_PROLOGUE + r"<(?:[\w-]+:)?(\w+)", re.DOTALL | re.IGNORECASE)


def head_text(data: bytes) -> str:
    """The beginning of the body as text, enough to see its root element."""
    start = data[:HEAD_BYTES]
    if start.startswith(UTF16_MARKS):
        return start.decode("utf-16", "ignore")
    return start.decode("utf-8-sig", "replace")


def root_name(head: str) -> str:
    """The local name of the root element in lower case; empty if the text is no markup."""
    match = _ROOT.match(head)
    return match[1].lower() if match else ""
