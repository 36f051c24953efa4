"""Bodies without their gzip, and their root elements."""

from __future__ import annotations

import gzip

import pytest

from broadsheet.crawler.discovery.xml_body import gunzip_body, head_text, root_name


def test_gzip_is_taken_off_twice_and_nothing_else_is_touched():
    assert gunzip_body(gzip.compress(gzip.compress(b"<rss/>"))) == (b"<rss/>", "")
    assert gunzip_body(b"plain") == (b"plain", "")


def test_a_broken_member_gives_what_came_and_its_reason():
    packed = gzip.compress(b"<urlset>" * 20_000)
    data, reason = gunzip_body(packed[:-20])
    assert reason == "bad_gzip"
    assert data.startswith(b"<urlset>")


@pytest.mark.parametrize(
    ("body", "root"),
    [
        (b"<?xml version='1.0'?><!-- hello -->\n<feed xmlns='x'>", "feed"),
        (b"<rdf:RDF>", "rdf"),
        ("<?xml version='1.0'?><RSS>".encode("utf-16"), "rss"),
        (b"<!DOCTYPE html><html><pre>&lt;rss> <rss></pre></html>", "html"),
        (b"no markup", ""),
        (b"", ""),
    ],
)
def test_a_body_has_a_root(body, root):
    assert root_name(head_text(body)) == root
