"""What a body is, by its first bytes and its type."""

from __future__ import annotations

import random

import pytest

from crawler.answers.sniff import Sort, is_media_type, sort_of

HTML = "text/html; charset=utf-8"


@pytest.mark.parametrize(
    ("body", "content_type", "sort"),
    [
        (b"<!DOCTYPE html><p>x", HTML, Sort.PAGE),
        (b"\xef\xbb\xbf\r\n <html>", "", Sort.PAGE),
        (b"just words", HTML, Sort.PAGE),
        (b"<p>words", "application/octet-stream", Sort.PAGE),
        ("<!doctype html><p>x".encode("utf-16"), HTML, Sort.PAGE),
        ("<!doctype html><p>слово слово".encode("utf-16"), HTML, Sort.PAGE),
        (b"<p>a\0b\0</p>", HTML, Sort.PAGE),
        (b"", HTML, Sort.EMPTY),
        (b" \n\t", HTML, Sort.EMPTY),
        (b"%PDF-1.4", HTML, Sort.MEDIA),
        (b"\x89PNG\r\n", "text/html", Sort.MEDIA),
        (b"\xff\xd8\xff\xe0", "", Sort.MEDIA),
        (b"PK\x03\x04", "text/html", Sort.MEDIA),
        (random.Random(1).randbytes(2000), HTML, Sort.MEDIA),
        (b"just words", "text/plain", Sort.MEDIA),
        (b'{"a": 1}', "application/json", Sort.MEDIA),
        (b"a { b: c }", "text/css", Sort.MEDIA),
        (b'<?xml version="1.0"?><rss version="2.0">', "text/xml", Sort.FEED),
        (b'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom">', HTML, Sort.FEED),
        (b'<?xml version="1.0"?><rdf:RDF>', "application/xml", Sort.FEED),
        (b'<?xml version="1.0"?><urlset xmlns="x">', HTML, Sort.SITEMAP),
        (b"<sitemapindex>", "application/xml", Sort.SITEMAP),
        (b"<!doctype html><pre>&lt;rss", HTML, Sort.PAGE),
        (b"<!doctype html><p>see the <rss feed", HTML, Sort.PAGE),
    ],
)
def test_a_body_is_sorted_by_what_it_holds(body: bytes, content_type: str, sort: Sort) -> None:
    assert sort_of(body, content_type) is sort


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
