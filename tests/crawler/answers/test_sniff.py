"""What a body is, by its first bytes and its type."""

from __future__ import annotations

import random

import pytest

from broadsheet.crawler.answers.sniff import BodyKind, body_kind, is_media_type

HTML = "text/html; charset=utf-8"


@pytest.mark.parametrize(
    ("body", "content_type", "sort"),
    [
        (b"<!DOCTYPE html><p>x", HTML, BodyKind.PAGE),
        (b"\xef\xbb\xbf\r\n <html>", "", BodyKind.PAGE),
        (b"just words", HTML, BodyKind.PAGE),
        (b"<p>words", "application/octet-stream", BodyKind.PAGE),
        ("<!doctype html><p>x".encode("utf-16"), HTML, BodyKind.PAGE),
        ("<!doctype html><p>слово слово".encode("utf-16"), HTML, BodyKind.PAGE),
        (b"<p>a\0b\0</p>", HTML, BodyKind.PAGE),
        (b"", HTML, BodyKind.EMPTY),
        (b" \n\t", HTML, BodyKind.EMPTY),
        (b"%PDF-1.4", HTML, BodyKind.MEDIA),
        (b"\x89PNG\r\n", "text/html", BodyKind.MEDIA),
        (b"\xff\xd8\xff\xe0", "", BodyKind.MEDIA),
        (b"PK\x03\x04", "text/html", BodyKind.MEDIA),
        (random.Random(1).randbytes(2000), HTML, BodyKind.MEDIA),
        (b"just words", "text/plain", BodyKind.MEDIA),
        (b'{"a": 1}', "application/json", BodyKind.MEDIA),
        (b"a { b: c }", "text/css", BodyKind.MEDIA),
        (b'<?xml version="1.0"?><rss version="2.0">', "text/xml", BodyKind.FEED),
        (b'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom">', HTML, BodyKind.FEED),
        (b'<?xml version="1.0"?><rdf:RDF>', "application/xml", BodyKind.FEED),
        (b'<?xml version="1.0"?><urlset xmlns="x">', HTML, BodyKind.SITEMAP),
        (b"<sitemapindex>", "application/xml", BodyKind.SITEMAP),
        (b"<!doctype html><pre>&lt;rss", HTML, BodyKind.PAGE),
        (b"<!doctype html><p>see the <rss feed", HTML, BodyKind.PAGE),
    ],
)
def test_a_body_is_sorted_by_what_it_holds(body: bytes, content_type: str, sort: BodyKind) -> None:
    assert body_kind(body, content_type) is sort


@pytest.mark.parametrize(
    ("content_type", "media"),
    [
        ("image/png", True),
        ("IMAGE/JPEG", True),
        ("application/pdf; x=y", True),
        ("video/mp4", True),
        ("text/css", True),
        ("text/html", False),
        ("application/xhtml+xml", False),
        ("application/rss+xml", False),
        ("application/octet-stream", False),
        ("application/x-gzip", False),
        ("text/plain", False),
        ("", False),
    ],
)
def test_only_a_type_that_can_be_no_page_stops_a_download(content_type: str, media: bool) -> None:
    assert is_media_type(content_type) is media
