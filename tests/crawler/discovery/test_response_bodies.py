"""What a body is, by its first bytes and its type.

Bodies without their gzip, and their root elements.
"""

import gzip
import random

import pytest

from broadsheet.crawler.discovery import response_bodies
from broadsheet.crawler.discovery.response_bodies import (
    BodyKind,
    body_kind,
    gunzip_body,
    head_text,
    is_media_type,
    root_name,
)

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
        (b" " * 1024 + b"x", "", BodyKind.PAGE),
        (b"just words", "TEXT/HTML", BodyKind.PAGE),
        (b"<x>", "", BodyKind.PAGE),
        (b"<x>", "text/xml", BodyKind.MEDIA),
        (b"words", "", BodyKind.MEDIA),
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
        pytest.param(b"a" * 1017 + b"<urlset>", HTML, BodyKind.SITEMAP, id="a kind in the first kibibyte"),
        pytest.param(b"a" * 1018 + b"<urlset>", HTML, BodyKind.PAGE, id="none beyond it"),
        pytest.param(b"{" + b"x" * 197 + b"</p><p>", HTML, BodyKind.PAGE, id="a tag is closed near the beginning"),
        pytest.param(b"{" + b"x" * 198 + b"</p><p>", HTML, BodyKind.MEDIA, id="none is"),
        pytest.param(b"x" * 95 + b"\x01" * 5, HTML, BodyKind.PAGE, id="a twentieth of control bytes"),
        pytest.param(b"x" * 94 + b"\x01" * 6, HTML, BodyKind.MEDIA, id="more of them"),
    ],
)
def test_a_body_is_sorted_by_what_it_holds(body, content_type, sort):
    assert body_kind(body, content_type) is sort


@pytest.mark.parametrize(
    ("content_type", "media"),
    [
        ("image/png", True),
        ("IMAGE/JPEG", True),
        (" image/png", True),
        ("application/atom+xml ; charset=x", False),
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
def test_only_a_type_that_can_be_no_page_stops_a_download(content_type, media):
    assert is_media_type(content_type) is media


def test_gzip_is_taken_off_twice_and_nothing_else_is_touched():
    assert gunzip_body(gzip.compress(gzip.compress(b"<rss/>"))) == (b"<rss/>", "")
    assert gunzip_body(b"plain") == (b"plain", "")
    assert gunzip_body(gzip.compress(gzip.compress(gzip.compress(b"x")))) == (gzip.compress(b"x"), "")


def test_a_broken_member_gives_what_came_and_its_reason():
    """All but the step of 4,096 bytes in which it breaks; fifteen of them are its head here."""
    unpacked = bytes(number * 7919 % 251 for number in range(5_000))
    packed = gzip.compress(unpacked, 0)
    assert gunzip_body(packed[:-8] + bytes(4) + packed[-4:]) == (unpacked[:4081], "bad_gzip")
    whole = gzip.compress(b"x")
    assert gunzip_body(gzip.compress(whole + bytes(5_000))[:-9]) == (b"x", "bad_gzip")
    assert gunzip_body(gzip.compress(whole[:-1]))[1] == "bad_gzip"


@pytest.mark.parametrize(
    ("body", "root"),
    [
        (b"<?xml version='1.0'?><!-- hello -->\n<feed xmlns='x'>", "feed"),
        (b"<rdf:RDF>", "rdf"),
        ("<?xml version='1.0'?><RSS>".encode("utf-16"), "rss"),
        (b"<!DOCTYPE html><html><pre>&lt;rss> <rss></pre></html>", "html"),
        (b"no markup", ""),
        (b"", ""),
        (b" " * 4000 + b"<feed>", "feed"),
        (b" " * 4096 + b"<feed>", ""),
    ],
)
def test_a_body_has_a_root(body, root):
    assert root_name(head_text(body)) == root


@pytest.mark.slow
def test_unpacked_bodies_have_fifty_mebibytes_and_sixty_four_members_at_most():
    most = 50 * 1024 * 1024
    assert gunzip_body(b"x" * most) == (b"x" * most, "")
    assert gunzip_body(b"x" * (most + 1)) == (b"x" * most, "too_large")
    for members in (64, 65):
        assert gunzip_body(gzip.compress(b"x") * members) == (b"x" * 64, "")


@pytest.mark.parametrize(
    ("lengths", "reason"), [([100], ""), ([60, 40], ""), ([101], "too_large"), ([60, 41], "too_large")]
)
def test_what_is_unpacked_is_bounded_over_all_members(monkeypatch, lengths, reason):
    monkeypatch.setattr(response_bodies, "MAX_BYTES", 100)
    assert gunzip_body(b"".join(gzip.compress(b"x" * length) for length in lengths)) == (b"x" * 100, reason)
