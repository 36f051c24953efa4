"""Keys of URLs in an index: those by which pywb looks up, which are those of the Internet Archive's package `surt`."""

from __future__ import annotations

import gzip
import json
import os
import random
import re
import subprocess
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest

from broadsheet.cleaners.urls.canonical import canonicalise
from broadsheet.output.exports.surt import surt
from tests.tools import ToolsMissingError, programs

Keys = Callable[[list[str]], list[str | None]]
SHARED = Path(os.environ.get("BROADSHEET_SHARED") or Path(__file__).resolve().parents[3].parent / "shared")
PAGES = SHARED / "corpus/wcxb/html"
_ADDRESS = re.compile(rb"""(?:href|src|content)=["']?(https?://[^"'\s>]+)""", re.IGNORECASE)
_KEYS_OF_PACKAGE = """import json, sys, surt
def key(url):
    try:
        return surt.surt(url)
    except ValueError:  # a port that is no number
        return None
print(json.dumps([key(url) for url in json.load(sys.stdin)]))"""
_ID = "0123456789ABCDEF0123456789abcdef"
_HOSTS = (
    "a.example", "www.a.example", "WWW3.A.example", "www.example", "a.example:80", "a.example:443", "a.example:8080",
    "me:secret@a.example", "xn--mnchen-3ya.example", "münchen.example", "127.0.0.1", "a.example.", "me@a.example:81",
    "[2001:db8::1]", "[2001:db8::1]:8080", "www-x.a.example", "a_b.example", "3232235777", "a.example:0",
)  # fmt: skip
_PIECES = (
    "a", "B", "/", "//", ".", "..", "/../", "/./", "%2F", "%2f", "%25", "%2525", "%7E", "%3A%2F%2F", "%C3%A4", "ä",
    "%e4", "%", "%zz", "?", "&", "=", "#", ";", "jsessionid=", _ID, "sid=", f"&sid={_ID}", f"?PHPSESSID={_ID}",
    "cfid=1&cftoken=2", "(S(0123456789abcdefghijklmn))", "/(0123456789abcdefghijklmn)/", "/x.aspx", "+", " ", "@", ":",
    "%00", "%0A", "%26", "%3D", "%3F", "%23", "~", "'", "(", ",", "*", "!", "$", "[", "|", "\\", "{", '"', "<", "漢",
    "%E6%BC%A2", "&amp;", "ASPSESSIONIDABCDEFGH=ABCDEFGHIJKLMNOPQRSTUVWX", "x=1&", "&&",
)  # fmt: skip


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("http://example.org/", "org,example)/"),
        ("https://www.Example.org", "org,example)/"),
        ("https://www2.example.org/A/B/", "org,example)/a/b"),
        ("http://127.0.0.1:8080/x", "1,0,0,127:8080)/x"),
        ("https://example.org:443/?b=2&a=1", "org,example)/?a=1&b=2"),
        ("http://example.org:443/", "org,example:443)/"),
        ("http://example.org/p?Q=Z&a&a=", "org,example)/p?a&a=&q=z"),
        ("http://wwwide.example.org/%C3%84", "org,example,wwwide)/%c3%84"),
        ("http://example.org/to/https%3A%2F%2Fb.example%2F", "org,example)/to/https:/b.example"),
        ("http://example.org/%7Eme//a///b", "org,example)/~me/a/b"),
        ("http://example.org/a/../b/./c/", "org,example)/b/c"),
        ("http://example.org/?u=https%3A%2F%2Fb.example%2F%3Fx%26y", "org,example)/?u=https://b.example/?x&y"),
        (f"http://example.org/x?sid={_ID}&b=1", "org,example)/x?b=1"),
        ("http://example.org/(S(0123456789abcdefghijklmn))/x.aspx", "org,example)/x.aspx"),
        ("http://me:secret@example.org/", "org,example)/"),
        ("https:///example.org/x", "org,example)/x"),
    ],
)
def test_a_key(url: str, key: str) -> None:
    assert surt(url) == key


def odd_urls(number: int) -> Iterator[str]:
    """URLs put together from what makes trouble, always the same."""
    chance = random.Random(14)
    for _ in range(number):
        path = "".join(chance.choices(_PIECES, k=chance.randrange(9)))
        yield f"{chance.choice(('http', 'https'))}://{chance.choice(_HOSTS)}/{path}"


def corpus_urls(number: int) -> set[str]:
    """So many addresses in the corpora's pages, as they stand there and as an archive holds them."""
    urls: set[str] = set()
    for page in sorted(PAGES.glob("*.html.gz"))[::4]:
        for address in islice(_ADDRESS.findall(gzip.decompress(page.read_bytes())), 100):
            url = address.decode("utf-8", "replace")
            urls |= {url, canonicalise(url) or url}
        if len(urls) >= number:
            break
    return urls


@pytest.fixture(scope="module")
def package_keys() -> Keys:
    """The keys that the package gives; it runs in an environment of its own, beside pywb, which depends on it."""
    try:
        python = programs("archive") / "python"
    except ToolsMissingError as error:
        pytest.skip(f"the package surt cannot be installed here: {error}")

    def keys(urls: list[str]) -> list[str | None]:
        command = [python, "-I", "-c", _KEYS_OF_PACKAGE]
        process = subprocess.run(command, input=json.dumps(urls), capture_output=True, text=True, check=True)
        return list(json.loads(process.stdout))

    return keys


def different_keys(urls: set[str], package_keys: Keys) -> list[tuple[str, str, str]]:
    """URLs with the key of the package and ours, where the package has one and it is another."""
    ordered = sorted(urls)
    keys = package_keys(ordered)
    assert len(keys) == len(ordered)
    assert keys.count(None) < len(keys) / 100
    return [(url, key, surt(url)) for url, key in zip(ordered, keys, strict=True) if key not in (None, surt(url))]


@pytest.mark.slow
def test_odd_urls_have_the_keys_that_the_package_gives_them(package_keys: Keys) -> None:
    urls = set(odd_urls(4000))
    assert len(urls) > 3500
    assert different_keys(urls, package_keys) == []


@pytest.mark.slow
@pytest.mark.parametrize("number", [2_000, pytest.param(10_000, marks=pytest.mark.nightly)])
@pytest.mark.skipif(not PAGES.is_dir(), reason="needs the evaluation data in ../shared")
def test_urls_of_real_pages_have_the_keys_that_the_package_gives_them(package_keys: Keys, number: int) -> None:
    urls = corpus_urls(number)
    assert len(urls) >= number
    assert different_keys(urls, package_keys) == []
