"""Tests."""

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
    ipv4_of,
    is_probably_media,
    near_spellings,
    resolve_href,
)


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
        ("http://[::1]:8080/", "http://[::1]:8080/"),
        ("http://[0:0::0:1]/", "http://[::1]/"),
    ],
)
def test_one_spelling(url, expected):
    assert canonicalise(url) == expected


def test_raw_and_encoded_arabic_are_one():
    raw = "https://example.org/أخبار/قصة-جديدة?ق=1"
    encoded = (
        "https://example.org/%d8%a3%d8%ae%d8%a8%d8%a7%d8%b1/%D9%82%D8%B5%D8%A9-%D8%AC%D8%AF%D9%8A%D8%AF%D8%A9?%d9%82=1"
    )
    assert canonicalise(raw) == canonicalise(encoded) is not None


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


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "0177.0.0.1", "127.1", "0x7F000001", "%31%32%37.0.0.1"])
def test_ipv4_in_disguise_is_spelt_out(host):
    assert canonicalise(f"http://{host}/") == "http://127.0.0.1/"


def test_names_are_no_ipv4():
    assert ipv4_of("example.org") is None
    with pytest.raises(ValueError, match="not an IPv4 address"):
        ipv4_of("1.2.3.999")


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
    once = canonicalise(head + tail, "https://example.org/a/b?c")
    if once is not None:
        assert canonicalise(once) == once
        assert once.isascii()
        assert safe_url_string(once) == once
        assert host_of(once)


@given(st.text(max_size=40))
def test_any_text_is_an_answer(text):
    canonicalise(text)
    canonicalise(text, text)
    host_of(text)
    is_probably_media(text)


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


@pytest.mark.parametrize(
    ("url", "media"),
    [
        ("https://example.org/a/b.JPG", True),
        ("https://example.org/report.pdf?download=1", True),
        ("https://example.org/style.css", True),
        ("https://example.org/a.html", False),
        ("https://example.org/a", False),
        ("https://example.org/.pdf", False),
        ("https://example.org/a.pdf/", False),
        ("https://example.zip", False),
        ("https://example.org/feed.xml", False),
        ("https://example.org/?file=a.pdf", False),
    ],
)
def test_media(url, media):
    assert is_probably_media(url) is media


def test_a_hostile_url_takes_no_time():
    started = time.process_time()
    canonicalise("https://example.org/" + "a.-" * 600 + "/é")
    canonicalise("https://example.org" + "/.." * 600)
    assert time.process_time() - started < 0.2


@pytest.mark.parametrize("base", ["https://a.example/x/y?z", "http://A.example:8080/", ""])
@pytest.mark.parametrize(
    "href",
    [
        "https://b.example/c/d.html",
        "https://b.example/c?d=e;f#g",
        "https://b.example/c?",
        "https://b.example/c#",
        "https://b.example",
        "https://B.example/%C3%A9/é",
        "/c/d",
        "/c//d?e=/../f",
        "/c/../d",
        "/.well-known/d",
        "/c;e/d",
        "//b.example/c",
        "c/d",
        "?e",
    ],
)
def test_an_address_in_a_text_is_joined_as_the_standard_library_does(href: str, base: str) -> None:
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
def test_a_link_that_is_remembered_leads_where_it_leads_from_its_own_page(start: str, rest: str, base: str) -> None:
    href = start + rest
    for _ in range(2):  # the second is from memory
        assert canonicalise(href, base) == canonical._canonicalise(href, base)
        assert resolve_href(href, base) == canonical._resolve_href(href, base)


def test_pages_of_one_host_share_what_is_remembered_of_a_link_and_hosts_do_not() -> None:
    canonical._remembered_canonical.cache_clear()
    pages = [f"https://a.example/{year}/story-{year}.html" for year in range(2000, 2010)]
    assert {canonicalise("/about?b=1", page) for page in pages} == {"https://a.example/about?b=1"}
    assert canonical._remembered_canonical.cache_info().misses == 1
    assert canonicalise("/about?b=1", "https://b.example/") == "https://b.example/about?b=1"
    assert len({canonicalise("next.html", page) for page in pages}) == len(pages)
    assert canonical._remembered_canonical.cache_info().maxsize == canonical._REMEMBERED_URLS


STORED = "https://www.news.example/a-story/?page=2"


@pytest.mark.parametrize(
    "typed",
    [
        STORED,
        "https://www.news.example/a-story?page=2",
        "http://www.news.example/a-story/?page=2",
        "https://news.example/a-story/?page=2",
        "news.example/a-story?page=2",
        " HTTP://News.Example/a-story?page=2#top ",
    ],
)
def test_what_a_person_may_type_leads_to_the_stored_spelling(typed: str):
    assert STORED in near_spellings(typed)


def test_what_is_written_comes_first_then_what_differs_in_one_thing():
    spellings = near_spellings("http://news.example/a/")
    assert spellings[0] == "http://news.example/a/"
    assert set(spellings[1:4]) == {"http://news.example/a", "https://news.example/a/", "http://www.news.example/a/"}
    assert len(spellings) == 8


def test_the_start_page_keeps_its_only_slash():
    assert "https://news.example/" in near_spellings("http://news.example")
    assert not [url for url in near_spellings("news.example") if url.endswith(".example") and "//" in url]


@pytest.mark.parametrize(("typed", "spellings"), [("", ()), ("  ", ()), ("12", ("12",)), ("[broken", ("[broken",))])
def test_what_is_no_url_is_itself(typed: str, spellings: tuple[str, ...]):
    assert near_spellings(typed) == spellings


@pytest.mark.parametrize("end", ["", "?a=b"], ids=["plain", "with a query"])
@pytest.mark.parametrize(("length", "is_one"), [(2000, True), (2001, False)])
def test_characters_of_a_url(length: int, is_one: bool, end: str) -> None:
    url = "https://example.org/".ljust(length - len(end), "x") + end
    assert canonicalise(url) == canonicalise(url, "https://example.org/") == (url if is_one else None)


@pytest.mark.parametrize(("length", "canonical_url"), [(16_000, "https://example.org/"), (16_001, None)])
def test_characters_of_a_url_as_it_is_written(length: int, canonical_url: str | None) -> None:
    assert canonicalise("https://example.org/?utm_source=".ljust(length, "x")) == canonical_url


@pytest.mark.parametrize(("length", "is_one"), [(253, True), (254, False)])
def test_characters_of_a_host(length: int, is_one: bool) -> None:
    host = ("x" * 49 + ".") * 4 + "x" * (length - 200)
    assert (canonicalise(f"https://{host}/") is not None) is is_one


@pytest.mark.parametrize(
    ("host", "canonical_host"),
    [
        ("FAß.example", "xn--fa-hia.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("☃.example", "xn--n3h.example"),
        ("b%C3%BCcher.example", "xn--bcher-kva.example"),
        ("EXAMPLE.org.", "example.org"),
    ],
)
def test_a_host_is_spelled_as_in_dns(host: str, canonical_host: str) -> None:
    assert canonicalise(f"https://{host}/a") == f"https://{canonical_host}/a"


@pytest.mark.parametrize(
    ("authority", "canonical_authority"),
    [
        ("example.org:80", "example.org:80"), ("example.org:443", "example.org"), ("example.org:0443", "example.org"),
        ("example.org:65535", "example.org:65535"), ("example.org:65536", None), ("example.org:0", "example.org:0"),
        ("[::1]:8080", "[::1]:8080"), ("[1:0:0:0:0:0:0:2]", "[1::2]"), ("a@example.org", None), ("", None),
        ("0x7f.1", "127.0.0.1"), ("1.2.3.256", None), ("1.2.65535", "1.2.255.255"), ("1.2.65536", None),
        ("256.1", None), ("255.1", "255.0.0.1"), ("1.2.3.4.5", None), ("0x", "0.0.0.0"), ("010.1", "8.0.0.1"),
    ],
)  # fmt: skip
def test_what_a_url_may_have_for_a_host(authority: str, canonical_authority: str | None) -> None:
    expected = None if canonical_authority is None else f"https://{canonical_authority}/"
    assert canonicalise(f"https://{authority}/") == expected


def test_the_spellings_near_a_url_in_order() -> None:
    assert near_spellings("  http://www.a.example/b/ ") == (
        "http://www.a.example/b/", "http://www.a.example/b", "https://www.a.example/b/", "http://a.example/b/",
        "https://www.a.example/b", "http://a.example/b", "https://a.example/b/", "https://a.example/b",
    )  # fmt: skip
    assert near_spellings("A.example") == (
        "A.example", "https://a.example/", "http://a.example/", "https://www.a.example/", "http://www.a.example/",
    )  # fmt: skip
    assert near_spellings(" words ") == ("words",)
    assert near_spellings(" ") == ()
