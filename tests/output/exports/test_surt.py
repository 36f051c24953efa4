"""Keys of URLs in an index."""

from __future__ import annotations

import pytest

from output.exports.surt import surt


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
    ],
)
def test_a_key(url: str, key: str) -> None:
    assert surt(url) == key
