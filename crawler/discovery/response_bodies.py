"""Response bodies: their kind by first bytes and content type, gzip unpacked, root element. Pure."""

from __future__ import annotations

import re
import zlib
from enum import StrEnum

MAX_BYTES = 50 * 1024 * 1024
"""The protocol's bound for one sitemap, uncompressed (sitemaps.org)."""

_GZIP_STEP_BYTES = 4096  # bytes unpacked at a time; a broken file loses at most the last step
_MAX_MEMBERS = 64  # gzip files joined in one; more is an attack on time
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def gunzip_body(body: bytes) -> tuple[bytes, str]:
    """Undo gzip, also two layers of it (a stored .gz sent with Content-Encoding); return the body, and the
    fault or ''.
    """
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
    """Return the data of all gzip members, cut one byte above the limit, and the fault. Of a broken member, return its
    beginning.
    """
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
    """Decode the beginning of the body, enough to see its root element."""
    start = data[:HEAD_BYTES]
    if start.startswith(UTF16_MARKS):
        return start.decode("utf-16", "ignore")
    return start.decode("utf-8-sig", "replace")


def root_name(head: str) -> str:
    """Return the local name of the root element in lower case; empty if the text is not markup."""
    match = _ROOT.match(head)
    return match[1].lower() if match else ""


_SNIFFED_BYTES = 1024
_MARKUP = re.compile(rb"<(?:!doctype\s+html|html|head|body|title|meta|div|p|h1|frameset|script|article|main)\b", re.I)
_FEED = re.compile(rb"<(?:rss|feed|rdf:rdf|channel)\b", re.I)
_SITEMAP = re.compile(rb"<(?:urlset|sitemapindex)\b", re.I)
_TEXT_TYPES = (
    "text/html",
    "application/xhtml",
    "text/xml",
    "application/xml",
    "text/plain",
    "application/vnd.wap.xhtml",
)
_CONTROL_BYTES = bytes(set(range(1, 32)) - set(b"\t\n\x0c\r\x1b"))  # not NUL: UTF-16 has many, and broken pages some
_BINARY_MAGIC = (
    b"%PDF-",
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"PK\x03\x04",
    b"RIFF",
    b"ID3",
    b"\x00\x00\x00",
    b"OggS",
)


class BodyKind(StrEnum):
    """A response body's kind to the crawler."""

    PAGE = "page"
    FEED = "feed"
    SITEMAP = "sitemap"
    MEDIA = "media"
    EMPTY = "empty"


def body_kind(body: bytes, content_type: str) -> BodyKind:
    """Return the kind of a response's decoded body.

    Its first bytes decide before its content type: a page with a wrong type, or none, is still a page, and a PDF sent
    as HTML is not.
    """
    head = body[:_SNIFFED_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not head:
        return BodyKind.EMPTY if not body.strip() else BodyKind.PAGE
    if head.startswith(_BINARY_MAGIC):
        return BodyKind.MEDIA
    if _SITEMAP.search(head):
        return BodyKind.SITEMAP
    if _FEED.search(head) and not _MARKUP.match(head):
        return BodyKind.FEED
    return BodyKind.PAGE if _is_page(head, content_type.lower()) else BodyKind.MEDIA


def _is_page(head: bytes, content_type: str) -> bool:
    if head[:1] in (b"{", b"[") and b"</" not in head[:200]:
        return False  # JSON, even under another content type
    if _MARKUP.search(head):
        return True
    if not head.startswith(UTF16_MARKS) and len(head.translate(None, _CONTROL_BYTES)) < 0.95 * len(head):
        return False
    return content_type.startswith(_TEXT_TYPES[:2]) or (not content_type and b"<" in head)


def is_media_type(content_type: str) -> bool:
    """Tell from the content type alone whether a body is media: not a page, feed, sitemap or text."""
    media_type = content_type.lower().split(";")[0].strip()
    if (
        not media_type
        or media_type.startswith(_TEXT_TYPES)
        or media_type.endswith(("+xml", "/xml", "json", "gzip", "octet-stream"))
    ):
        return False
    return media_type.startswith(("image/", "audio/", "video/", "font/", "application/", "text/css", "text/javascript"))
