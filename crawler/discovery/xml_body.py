"""What a fetched sitemap or feed is before it is parsed: without its gzip, and by its root element. Pure."""

from __future__ import annotations

import re
import zlib

MAX_BYTES = 50 * 1024 * 1024
"""The protocol's bound for one sitemap, uncompressed (sitemaps.org)."""

_GZIP_STEP = 4096  # bytes unpacked at a time: so much is lost at most where a file breaks
_MAX_MEMBERS = 64  # gzip files joined in one; more is an attack on time
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def unpacked(body: bytes) -> tuple[bytes, str]:
    """The body without gzip (also twice: a stored .gz sent with a content encoding), and what went wrong."""
    reason = ""
    for _ in range(2):
        if not body.startswith(b"\x1f\x8b"):
            break
        body, failed = _gunzip(body)
        reason = reason or failed
    if len(body) > MAX_BYTES:
        return body[:MAX_BYTES], "too_large"
    return body, reason


def _gunzip(body: bytes) -> tuple[bytes, str]:
    """All members' data up to one byte over the bound; what a broken member gave before it broke is kept."""
    out = bytearray()
    for _ in range(_MAX_MEMBERS):
        if not body.startswith(b"\x1f\x8b"):
            break
        body, fault = _gunzip_member(body, out)
        if fault:
            return bytes(out), fault
    return bytes(out), ""


def _gunzip_member(body: bytes, out: bytearray) -> tuple[bytes, str]:
    """Append the first member's data to `out`; what follows it, and its fault."""
    member = zlib.decompressobj(wbits=31)
    for at in range(0, len(body), _GZIP_STEP):
        try:
            out += member.decompress(body[at : at + _GZIP_STEP], MAX_BYTES + 1 - len(out))
        except zlib.error:
            return b"", "bad_gzip"
        if len(out) > MAX_BYTES:
            return b"", "too_large"
        if member.eof:
            return member.unused_data + body[at + _GZIP_STEP :], ""
    return b"", "bad_gzip"


HEAD_BYTES = 4096
_PROLOGUE = r"\s*(?>(?:<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>\[]*(?:\[.*?\]\s*)?>)\s*)*+"
_ROOT = re.compile(_PROLOGUE + r"<(?:[\w-]+:)?(\w+)", re.DOTALL | re.IGNORECASE)


def head_of(data: bytes) -> str:
    """The beginning as text, enough to see what it is."""
    start = data[:HEAD_BYTES]
    if start.startswith(UTF16_MARKS):
        return start.decode("utf-16", "ignore")
    return start.decode("utf-8-sig", "replace")


def root_of(head: str) -> str:
    """The local name of the root element in lower case; empty if this is no markup."""
    match = _ROOT.match(head)
    return match[1].lower() if match else ""
