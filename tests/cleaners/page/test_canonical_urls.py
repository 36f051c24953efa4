"""One spelling a URL: what is dropped of it, what cannot be crawled, and which spellings are near it."""

from __future__ import annotations

import time
from urllib.parse import urljoin

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from w3lib.url import safe_url_string

from broadsheet.cleaners.page import canonical_urls as canonical
from broadsheet.cleaners.page.canonical_urls import (
    MAX_URL_CHARS,
    canonicalise,
    host_of,
    is_probably_media,
    near_spellings,
    resolve_href,
)
from tests.cleaners.building import holds_up_to


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("HTTP://Example.ORG:80/A/../b/./C#part", "http://example.org/b/C"),
        ("https://example.org:443", "https://example.org/"),
        ("https://example.org:/a", "https://example.org/a"),
        ("http://example.org:443/", "http://example.org:443/"),
        ("https://example.org./", "https://example.org/"),
        ("https://example.org/a/..", "https://example.org/"),
        ("https://example.org/../../a", "https://example.org/a"),
        ("https://example.org/%2e%2E/a/", "https://example.org/a/"),
        ("https://example.org/a%2fb", "https://example.org/a%2Fb"),
        ("https://example.org/%7Euser/%41", "https://example.org/~user/A"),
        ("https://example.org/100%/%zz", "https://example.org/100%25/%25zz"),
        ("https://example.org/#!/story/1", "https://example.org/"),
        ("https://example.org//a//b", "https://example.org/a//b"),
        ("https://example.org/web/2019/http://other.example/", "https://example.org/web/2019/http://other.example/"),
        ("https:\\\\example.org\\a\\b?c\\d", "https://example.org/a/b?c%5Cd"),
        ("https:/example.org/a", "https://example.org/a"),
        ("  https://example.org/a\n b \t", "https://example.org/a%20b"),
        ("https://example.org?b=2&a=1", "https://example.org/?b=2&a=1"),
        ("https://example.org/?", "https://example.org/"),
        ("https://example.org/?&&a=1&", "https://example.org/?a=1"),
        ("https://example.org/?q='<é>", "https://example.org/?q=%27%3C%C3%A9%3E"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://☃.example/", "https://xn--n3h.example/"),
        ("https://XN--bcher-kva.example/", "https://xn--bcher-kva.example/"),
        ("https://example.org/قصة?ق=1", "https://example.org/%D9%82%D8%B5%D8%A9?%D9%82=1"),
        ("https://example.org/%d9%82%D8%B5%D8%A9?%d9%82=1", "https://example.org/%D9%82%D8%B5%D8%A9?%D9%82=1"),
    ],
)
def test_one_spelling(url, expected):
    assert canonicalise(url) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.org/a?utm_source=x&id=7&fbclid=y&UTM_Medium=z", "https://example.org/a?id=7"),
        ("https://example.org/a?utm_source=x", "https://example.org/a"),
        ("https://example.org/a?id=7&amp;utm_source=x", "https://example.org/a?id=7"),
        ("https://example.org/a?replytocom=88", "https://example.org/a"),
        ("https://example.org/a?share=someplace", "https://example.org/a"),
        ("https://example.org/a?share=17", "https://example.org/a?share=17"),
        ("https://example.org/a?PHPSESSID=9f", "https://example.org/a"),
        ("https://example.org/a;jsessionid=1F2E.node1?b=1", "https://example.org/a?b=1"),
        ("https://example.org/(S(0123456789abcdefghijklmn))/a.aspx", "https://example.org/a.aspx"),
        ("https://example.org/?sid=0123456789abcdef0123456789abcdef", "https://example.org/"),
        ("https://example.org/?sid=12", "https://example.org/?sid=12"),
        ("https://example.org/?session_id=12", "https://example.org/?session_id=12"),
        ("https://example.org/?ref=12&source=b&campaign=c", "https://example.org/?ref=12&source=b&campaign=c"),
    ],
)
def test_what_never_chooses_the_page_is_dropped(url, expected):
    assert canonicalise(url) == expected


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("c.html", "https://example.org/a/c.html"),
        ("/c?x=1", "https://example.org/c?x=1"),
        ("?p=2", "https://example.org/a/b?p=2"),
        ("#top", "https://example.org/a/b"),
        ("", "https://example.org/a/b"),
        ("//other.example/c", "https://other.example/c"),
        ("../../c", "https://example.org/c"),
        ("HTTP:\\\\other.example/c", "http://other.example/c"),
    ],
)
def test_links_are_resolved(link, expected):
    assert canonicalise(link, "https://example.org/a/b") == expected


@pytest.mark.parametrize(
    "url",
    [
        "javascript:void(0)", "mailto:a@example.org", "data:text/html,x", "ftp://example.org/", "tel:+341234",
        "https://user:secret@example.org/", "https://user@example.org/", "https://", "https:///", "http://?q",
        "http://exa mple.org/", "http://a..b/", "http://example.org:99999/", "http://example.org:x/",
        "http://[::1", "http://[zz]/", "http://1.2.3.4.5/", "http://256.1.1.1/", "http://host.09/",
        "https://example.org/" + "a" * MAX_URL_CHARS, "https://example.org/" + "ع" * 400, "no-base", "/no-base",
    ],
)  # fmt: skip
def test_what_cannot_be_crawled(url):
    assert canonicalise(url) is None


_DIRT = (
    "/ // . .. % %2e %2F %7e %C3 ? & = ; # é ع \\ ;jsessionid= /(S(aaaaaaaaaaaaaaaaaaaaaaaa)) utm_source=1 amp; sid= "
    "a.html : ' @ [ | \ud800"
)
_pieces = st.lists(st.one_of(st.sampled_from([*_DIRT.split(), " ", "\n"]), st.text(max_size=4)), max_size=12).map(
    "".join
)


@given(_pieces, st.sampled_from(["https://example.org", "http://EXAMPLE.org:8080/", "", "//x.example/", "https://"]))
@example("/..;jsessionid=1/a", "https://example.org")
@example("?amp;amp;utm_x=1", "https://example.org")
def test_idempotent_and_as_scrapy_will_ask(tail, head):
    assert host_of(tail) is not None
    assert is_probably_media(tail) in (True, False)
    once = canonicalise(head + tail, "https://example.org/a/b?c")
    if once is not None:
        assert canonicalise(once) == once
        assert once.isascii()
        assert safe_url_string(once) == once
        assert host_of(once)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Example.org/a", "example.org"),
        ("https://example.org:443/", "example.org"),
        ("https://example.org:8443/", "example.org:8443"),
        ("HTTP://example.org:80", "example.org"),
        ("http://[::1]:8080/", "[::1]:8080"),
        ("mailto:a@example.org", ""),
    ],
)
def test_host_of(url, host):
    assert host_of(url) == host


@pytest.mark.parametrize("path", "a/b.JPG report.pdf?download=1 style.css".split())
def test_media(path):
    assert is_probably_media(f"https://example.org/{path}")


@pytest.mark.parametrize("path", "/a.html /a /.pdf /a.pdf/ .zip /feed.xml /?file=a.pdf".split())
def test_no_media(path):
    assert not is_probably_media(f"https://example{path if path == '.zip' else f'.org{path}'}")


def test_a_hostile_url_takes_no_time():
    started = time.process_time()
    canonicalise("https://example.org/" + "a.-" * 600 + "/é")
    canonicalise("https://example.org" + "/.." * 600)
    assert time.process_time() - started < 0.2


HREFS = (
    "https://b.example/c/d.html https://b.example/c?d=e;f#g https://b.example/c? https://b.example/c# https://b.example"
    " https://B.example/%C3%A9/é /c/d /c//d?e=/../f /c/../d /.well-known/d /c;e/d //b.example/c c/d ?e"
)


@pytest.mark.parametrize("base", ["https://a.example/x/y?z", "http://A.example:8080/", ""])
@pytest.mark.parametrize("href", HREFS.split())
def test_an_address_in_a_text_is_joined_as_the_standard_library_does(href, base):
    assert resolve_href(href, base) == urljoin(base, href)


_HREF_STARTS = ["", "http:", "https://", "//", "/", "../", "./", "?", "#", "mailto:", "http:///", "/.", "http:\\\\x.y"]
_BASES = [
    "http://h.example/", "https://h.example/a/b/c.html", "http://h.example/a/b/?q=/x/y", "http://h.example/a;p/b;q/c",
    "http://h.example", "HTTP://H.example/a/b", "http://[::1/a/b", "x", "http://h.example/a/b#f/g", "http://h.example//a",
    "http://u@h.example/d/e", "http://h.example?x/y",
]  # fmt: skip


@given(st.sampled_from(_HREF_STARTS), st.text(list("ab/.?#:;%\\ \t@[]-_=&é"), max_size=9), st.sampled_from(_BASES))
@example("//", "", "https://h.example/a/b/c.html")
@example("", "?q", "https://h.example/a/b/c.html")
@example("http:", "b", "http://h.example/a/b/c.html")
def test_a_link_that_is_remembered_leads_where_it_leads_from_its_own_page(start, rest, base):
    href = start + rest
    for _ in range(2):  # the second is from memory
        assert canonicalise(href, base) == canonical._canonicalise(href, base)
        assert resolve_href(href, base) == canonical._resolve_href(href, base)


@pytest.mark.parametrize(("typed", "spellings"), [("", ()), ("  ", ()), ("12", ("12",)), ("[broken", ("[broken",))])
def test_what_is_no_url_is_itself(typed, spellings):
    assert near_spellings(typed) == spellings


@pytest.mark.parametrize("end", ["", "?a=b"], ids=["plain", "with a query"])
@pytest.mark.parametrize(("length", "is_one"), [(2000, True), (2001, False)])
def test_characters_of_a_url(length, is_one, end):
    url = "https://example.org/".ljust(length - len(end), "x") + end
    assert canonicalise(url) == canonicalise(url, "https://example.org/") == (url if is_one else None)


@pytest.mark.parametrize(
    ("authority", "canonical_authority"),
    [
        ("example.org:80", "example.org:80"), ("example.org:443", "example.org"), ("example.org:0443", "example.org"),
        ("example.org:65535", "example.org:65535"), ("example.org:65536", None), ("example.org:0", "example.org:0"),
        ("[::1]:8080", "[::1]:8080"), ("[1:0:0:0:0:0:0:2]", "[1::2]"), ("a@example.org", None), ("", None),
        ("0x7f.1", "127.0.0.1"), ("1.2.3.256", None), ("1.2.65535", "1.2.255.255"), ("1.2.65536", None),
        ("256.1", None), ("255.1", "255.0.0.1"), ("1.2.3.4.5", None), ("0x", "0.0.0.0"), ("010.1", "8.0.0.1"),
        ("2130706433", "127.0.0.1"), ("0177.0.0.1", "127.0.0.1"), ("0x7F000001", "127.0.0.1"),
        ("%31%32%37.0.0.1", "127.0.0.1"), ("FAß.example", "xn--fa-hia.example"), ("EXAMPLE.org.", "example.org"),
        ("b%C3%BCcher.example", "xn--bcher-kva.example"), ("BÜCHER.example", "xn--bcher-kva.example"),
    ],
)  # fmt: skip
def test_what_a_url_may_have_for_a_host(authority, canonical_authority):
    expected = None if canonical_authority is None else f"https://{canonical_authority}/"
    assert canonicalise(f"https://{authority}/") == expected


def test_the_spellings_near_a_url_in_order():
    assert near_spellings("  http://www.a.example/b/ ") == (
        "http://www.a.example/b/", "http://www.a.example/b", "https://www.a.example/b/", "http://a.example/b/",
        "https://www.a.example/b", "http://a.example/b", "https://a.example/b/", "https://a.example/b",
    )  # fmt: skip
    assert near_spellings("A.example") == (
        "A.example", "https://a.example/", "http://a.example/", "https://www.a.example/", "http://www.a.example/",
    )  # fmt: skip
    assert near_spellings(" words ") == ("words",)
    assert near_spellings(" ") == ()


def _url_as_written(count: int) -> str | None:
    return canonicalise("https://example.org/?utm_source=".ljust(count, "x"))


def _host_of(count: int) -> str | None:
    return canonicalise(f"https://{('x' * 49 + '.') * 4}{'x' * (count - 200)}/")


def test_thresholds():
    assert holds_up_to(16000, _url_as_written), "characters of a URL as it is written"
    assert holds_up_to(253, _host_of), "characters of a host"
