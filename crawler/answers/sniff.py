"""What a response body is, by its first bytes and its content type. Pure."""

from __future__ import annotations

import re
from enum import StrEnum

_HEAD_BYTES = 1024
_MARKUP = re.compile(rb"<(?:!doctype\s+html|html|head|body|title|meta|div|p|h1|frameset|script|article|main)\b", re.I)
_FEED = re.compile(rb"<(?:rss|feed|rdf:rdf|channel)\b", re.I)
_SITEMAP = re.compile(rb"<(?:urlset|sitemapindex)\b", re.I)
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
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
    """What a response body is to the crawler."""

    PAGE = "page"
    FEED = "feed"
    SITEMAP = "sitemap"
    MEDIA = "media"
    EMPTY = "empty"


def body_kind(body: bytes, content_type: str) -> BodyKind:
    """Tell what a response's decoded body is, by its first bytes before its content type.

    A page sent under a wrong type or none is a page; a PDF sent as HTML is none.
    """
    head = body[:_HEAD_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n")
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
        return False  # JSON, whatever its type says
    if _MARKUP.search(head):
        return True
    if not head.startswith(_UTF16_MARKS) and len(head.translate(None, _CONTROL_BYTES)) < 0.95 * len(head):
        return False
    return content_type.startswith(_TEXT_TYPES[:2]) or (not content_type and b"<" in head)


def is_media_type(content_type: str) -> bool:
    """Whether a content type says, before the body is there, that it is no page, feed, sitemap or text."""
    media_type = content_type.lower().split(";")[0].strip()
    if (
        not media_type
        or media_type.startswith(_TEXT_TYPES)
        or media_type.endswith(("+xml", "/xml", "json", "gzip", "octet-stream"))
    ):
        return False
    return media_type.startswith(("image/", "audio/", "video/", "font/", "application/", "text/css", "text/javascript"))
