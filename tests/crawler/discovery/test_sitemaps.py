"""Sitemaps as sites have them: wrapped, broken, hostile."""

import gzip
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadsheet.crawler.discovery import sitemaps
from broadsheet.crawler.discovery.sitemaps import SitemapEntry, SitemapKind, read_sitemap

SITE = "https://example.org/"
AT = "https://example.org/sitemap.xml"
XMLNS = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def urlset(inner, attributes=XMLNS):
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<urlset {attributes}>{inner}</urlset>'.encode()


def urls(result):
    return [entry.url.removeprefix(SITE) for entry in result.entries]


PLAIN = urlset(
    "<url><loc> https://example.org/a?b=1&amp;c=2 </loc><lastmod>2024-05-01</lastmod></url>"
    "<url><loc>/خبر</loc></url><url><loc>https://example.org/a?b=1&amp;c=2</loc></url><url><loc></loc></url>"
)


def test_urlset():
    result = read_sitemap(PLAIN, AT)
    assert result.kind is SitemapKind.URLSET
    assert result.reason == ""
    assert result.entries == (
        SitemapEntry("https://example.org/a?b=1&c=2", "2024-05-01"),
        SitemapEntry("https://example.org/%D8%AE%D8%A8%D8%B1"),
    )


def test_comments_and_instructions_within_a_url_do_not_cut_it():
    body = urlset("<url><loc>https://example.org/<!-- x -->one<?php y ?>-two</loc></url>")
    assert urls(read_sitemap(body, AT)) == ["one-two"]


def test_index():
    body = (
        f"<sitemapindex {XMLNS}><sitemap><loc>{SITE}posts.xml.gz</loc><lastmod>2024</lastmod></sitemap></sitemapindex>"
    )
    result = read_sitemap(body.encode(), AT)
    assert result.kind is SitemapKind.INDEX
    assert result.entries == (SitemapEntry(SITE + "posts.xml.gz", "2024"),)


def test_news_images_and_translations():
    body = urlset(
        "<url><loc>https://example.org/story</loc>"
        "<image:image><image:loc>https://example.org/a.jpg</image:loc></image:image>"
        "<n:news><n:publication><n:name>Paper</n:name></n:publication>"
        "<n:publication_date>2024-05-02T10:00Z</n:publication_date><n:title>Bridge &amp; tunnel</n:title></n:news>"
        '<xhtml:link rel="amphtml" href="https://example.org/amp/story"/>'
        '<xhtml:link rel="alternate" hreflang="de" href="https://example.org/de/story"/></url>',
        f'{XMLNS} xmlns:image="http://www.google.com/schemas/sitemap-image/1.1" '
        'xmlns:n="http://www.google.com/schemas/sitemap-news/0.9" xmlns:xhtml="http://www.w3.org/1999/xhtml"',
    )
    assert read_sitemap(body, AT).entries == (
        SitemapEntry("https://example.org/story", "2024-05-02T10:00Z", "Bridge & tunnel"),
        SitemapEntry("https://example.org/de/story", "2024-05-02T10:00Z"),
    )


LASTMOD = "<lastmod>2024-06-03</lastmod>"
NEWS = "<n:news><n:publication_date>2024-05-02</n:publication_date></n:news>"


@pytest.mark.parametrize(
    ("dates", "lastmod"),
    [
        (LASTMOD + NEWS, "2024-06-03"),
        (NEWS + LASTMOD, "2024-06-03"),
        (NEWS + "<lastmod> </lastmod>", "2024-05-02"),
        (LASTMOD, "2024-06-03"),
        ("", ""),
    ],
)
def test_a_change_goes_before_the_day_of_the_news(dates, lastmod):
    body = urlset(f"<url><loc>{SITE}a</loc>{dates}</url>", f'{XMLNS} xmlns:n="news"')
    assert read_sitemap(body, AT).entries == (SitemapEntry(f"{SITE}a", lastmod),)


@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(PLAIN),
        gzip.compress(gzip.compress(PLAIN)),
        gzip.compress(PLAIN[:100]) + gzip.compress(PLAIN[100:]),
        b"\xef\xbb\xbf\n" + PLAIN,
        PLAIN.decode().replace("UTF-8", "UTF-16").encode("utf-16"),
        b"<!-- made by hand --><?x y?>" + PLAIN.partition(b"\n")[2],
    ],
    ids=["gzip", "twice", "members", "bom", "utf-16", "no-declaration"],
)
def test_wrappings(body):
    result = read_sitemap(body, AT)
    assert (len(result.entries), result.reason) == (2, "")


def test_truncated_gzip_keeps_what_came():
    many = urlset("".join(f"<url><loc>{SITE}{n * 7919 % 5000}</loc></url>" for n in range(5000)))
    packed = gzip.compress(many)
    result = read_sitemap(packed[: len(packed) // 2], AT)
    assert result.reason == "bad_gzip"
    assert 500 < len(result.entries) < 5000


def test_endless_gzip_members_take_no_time():
    started = time.process_time()
    read_sitemap(gzip.compress(b"") * 200_000, AT)
    assert time.process_time() - started < 2


@pytest.mark.slow
def test_a_gzip_bomb_is_cut():
    bomb = gzip.compress(b"<urlset><url><loc>https://example.org/a</loc></url>" + b" " * 60_000_000, compresslevel=1)
    started = time.process_time()
    result = read_sitemap(bomb, AT)
    assert result.reason == "too_large"
    assert urls(result) == ["a"]
    assert time.process_time() - started < 5


@pytest.mark.slow
def test_many_entries_are_streamed(monkeypatch):
    body = urlset("".join(f"<url><loc>{SITE}{n}</loc></url>" for n in range(20_000)))
    free_element, siblings = sitemaps._free_element, []

    def freeing(element):
        free_element(element)
        siblings.append(len(element.getparent()))

    monkeypatch.setattr(sitemaps, "_free_element", freeing)
    assert len(read_sitemap(body, AT).entries) == 20_000
    assert len(siblings) == 20_000
    assert max(siblings) < 5_000, "no tree is built: the parser is ahead by what it reads at once"


@pytest.mark.parametrize(
    ("body", "expected", "reason"),
    [
        (PLAIN[: PLAIN.index(b"<url><loc></loc>")], 2, "broken_xml"),
        (b"Warning: a program failed in line 3\n" + PLAIN, 2, "broken_xml"),
        (b"Warning\n" + PLAIN.replace(b"urlset", b"URLSET"), 2, "broken_xml"),
        (urlset(f"<url><loc>{SITE}a?b=1&c=2</loc></url>"), 1, ""),
        (urlset(f"<url><loc>{SITE}a</loc><url><loc>{SITE}b</loc></url>"), 2, "broken_xml"),
        (urlset(f"<news:url><loc>{SITE}a</loc></news:url>"), 1, ""),
        (b"<urlset>" + PLAIN[-60:].replace(b"</url>", b""), 0, "broken_xml"),
    ],
    ids=["cut", "noise-before", "noise-and-capitals", "bare-ampersand", "unclosed", "undeclared-prefix", "rubble"],
)
def test_broken_xml_is_read_as_far_as_possible(body, expected, reason):
    result = read_sitemap(body, AT)
    assert (len(result.entries), result.reason) == (expected, reason)


def test_a_bare_ampersand_keeps_its_url_whole():
    assert urls(read_sitemap(urlset(f"<url><loc>{SITE}a?b=1&c=2&d</loc></url>"), AT)) == ["a?b=1&c=2&d"]


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE urlset [<!ENTITY a "https://example.org/ENTITY"><!ENTITY b "&a;&a;&a;&a;">]>',
        '<!DOCTYPE urlset [<!ENTITY a SYSTEM "file:///etc/hostname"><!ENTITY b "&a;">]>',
        "<!DOCTYPE urlset [" + '<!ENTITY a "ENTITYENTITY">' + "".join(
            f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in zip("acdefghij", "cdefghijb", strict=True)
        ) + "]>",
    ],
    ids=["internal", "file", "bomb"],
)  # fmt: skip
def test_entities_are_not_expanded(doctype):
    body = f'{doctype}<urlset><url><loc>&b;</loc></url><url x="&b;"><loc>{SITE}a</loc></url></urlset>'.encode()
    started = time.process_time()
    result = read_sitemap(body, AT)
    assert "ENTITY" not in str(result.entries)
    assert set(urls(result)) <= {"a"}
    assert time.process_time() - started < 2


def test_a_hostile_prologue_takes_no_time():
    started = time.process_time()
    assert read_sitemap(b"<??>" * 3000, AT).kind is SitemapKind.NOT_A_SITEMAP
    assert read_sitemap(b"<!---->" * 3000, AT).kind is SitemapKind.NOT_A_SITEMAP
    assert time.process_time() - started < 0.5


def test_text():
    result = read_sitemap(b"\xef\xbb\xbfhttps://example.org/a\r\n\r\nhttps://example.org/b\r\n", SITE + "sitemap.txt")
    assert result.kind is SitemapKind.TEXT
    assert urls(result) == ["a", "b"]
    assert urls(read_sitemap("https://example.org/a\nhttps://example.org/b\n".encode("utf-16"), AT)) == ["a", "b"]


def test_empty_lines_do_not_count_among_those_of_which_half_are_urls():
    result = read_sitemap(b"https://example.org/a\n\n \n\nhttps://example.org/b\nnone\nno\n", SITE + "sitemap.txt")
    assert (result.kind, urls(result)) == (SitemapKind.TEXT, ["a", "b"])


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"<!DOCTYPE html><html><body><p>Not found</p></body></html>", "html"),
        (b"Nothing here.\nReally.\n", "unknown"),
        (b"https://example.org/a\nnone\nno\n", "unknown"),
        (b"<data><x/></data>", "unknown"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "unknown"),
    ],
)
def test_what_is_no_sitemap(body, reason):
    result = read_sitemap(body, AT)
    assert (result.kind, result.reason, result.entries) == (SitemapKind.NOT_A_SITEMAP, reason, ())


ATOM = b"""<feed xmlns="http://www.w3.org/2005/Atom"><title>t</title><entry><title>One</title>
<link rel="self" href="https://example.org/self"/><link href="https://example.org/a"/>
<published>2024-05-01T00:00:00Z</published><updated>2024-05-03T00:00:00Z</updated></entry></feed>"""


def test_a_feed_in_a_sitemap_s_place():
    result = read_sitemap(ATOM, AT)
    assert result.kind is SitemapKind.FEED
    assert result.entries == (SitemapEntry("https://example.org/a", "2024-05-03T00:00:00Z", title="One"),)
    once = read_sitemap(ATOM.replace(b"<updated>2024-05-03T00:00:00Z</updated>", b""), AT)
    assert once.entries == (SitemapEntry("https://example.org/a", "2024-05-01T00:00:00Z", title="One"),)


@given(st.one_of(st.binary(max_size=200), st.binary(max_size=60).map(lambda tail: PLAIN[:120] + tail)))
def test_any_bytes_are_an_answer(body):
    assert isinstance(read_sitemap(body, AT).kind, SitemapKind)


@pytest.mark.parametrize(("count", "kept", "reason"), [(7, 7, ""), (8, 7, "too_many_entries")])
def test_entries_beyond_the_bound_are_left_out_with_a_reason(monkeypatch, count, kept, reason):
    monkeypatch.setattr(sitemaps, "MAX_ENTRIES", 7)
    entries = (SitemapEntry(str(number)) for number in range(count))
    sitemap = sitemaps._bounded_sitemap(SitemapKind.TEXT, entries, "")
    assert (sitemap.kind, len(sitemap.entries), sitemap.reason) == (SitemapKind.TEXT, kept, reason)
