"""What a response body is, by its first bytes and its content type. Pure."""

from __future__ import annotations

import re
from enum import StrEnum

_HEAD = 1024
_MARKUP = re.compile(rb"<(?:!doctype\s+html|html|head|body|title|meta|div|p|h1|frameset|script|article|main)\b", re.I)
_FEED = re.compile(rb"<(?:rss|feed|rdf:rdf|channel)\b", re.I)
_SITEMAP = re.compile(rb"<(?:urlset|sitemapindex)\b", re.I)
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_TEXTUAL = ("text/html", "application/xhtml", "text/xml", "application/xml", "text/plain", "application/vnd.wap.xhtml")
_CONTROL = bytes(set(range(1, 32)) - set(b"\t\n\x0c\r\x1b"))  # not NUL: UTF-16 has many, and broken pages some
_BINARY = (b"%PDF-", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"PK\x03\x04", b"RIFF", b"ID3", b"\x00\x00\x00", b"OggS")


class Sort(StrEnum):
    """What a body is to the crawler."""

    PAGE = "page"
    FEED = "feed"
    SITEMAP = "sitemap"
    MEDIA = "media"
    EMPTY = "empty"


def sort_of(body: bytes, content_type: str) -> Sort:
    """Sort a response's decoded body. A page sent under a wrong or no type is still a page, a PDF sent as HTML none."""
    head = body[:_HEAD].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not head:
        return Sort.EMPTY if not body.strip() else Sort.PAGE
    if head.startswith(_BINARY):
        return Sort.MEDIA
    if _SITEMAP.search(head):
        return Sort.SITEMAP
    if _FEED.search(head) and not _MARKUP.match(head):
        return Sort.FEED
    return Sort.PAGE if _is_page(head, content_type.lower()) else Sort.MEDIA


def _is_page(head: bytes, content_type: str) -> bool:
    if head[:1] in (b"{", b"[") and b"</" not in head[:200]:
        return False  # JSON, whatever its type says
    if _MARKUP.search(head):
        return True
    if not head.startswith(_UTF16_MARKS) and len(head.translate(None, _CONTROL)) < 0.95 * len(head):
        return False
    return content_type.startswith(_TEXTUAL[:2]) or (not content_type and b"<" in head)


def is_media_type(content_type: str) -> bool:
    """Whether a content type says, before the body is there, that it is no page, feed, sitemap or text."""
    kind = content_type.lower().split(";")[0].strip()
    if not kind or kind.startswith(_TEXTUAL) or kind.endswith(("+xml", "/xml", "json", "gzip", "octet-stream")):
        return False
    return kind.startswith(("image/", "audio/", "video/", "font/", "application/", "text/css", "text/javascript"))
