from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from broadsheet.cleaners.document import UrlSource
from broadsheet.crawler.discovery.scope import Scope
from broadsheet.crawler.options import CrawlOptions
from broadsheet.crawler.session.widened_bounds import is_within, widened_reasons
from broadsheet.output.db.url_words import UrlKind
from broadsheet.output.queue.requeue import LeftOutUrl

HOME = "https://a.example/"
BOUNDS: dict[str, Any] = {
    "max_depth": 1, "include": ["/in/"], "exclude": ["/no"], "since": "2024-01-31", "languages": ["en", "es"],
}  # fmt: skip
SAME: dict[str, Any] = {
    "max_depth": 1, "include": ("/in/",), "exclude": ("/no",), "since": date(2024, 1, 31), "languages": ("en", "es"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({}, ()),
        ({"max_depth": 2}, ("depth",)),
        ({"max_depth": None}, ("depth",)),
        ({"max_depth": 0}, ()),
        ({"include": ()}, ("pattern",)),
        ({"exclude": ("/other",)}, ("pattern",)),
        ({"since": date(2024, 1, 30)}, ("too_old",)),
        ({"since": None}, ("too_old",)),
        ({"since": date(2024, 2, 1)}, ()),
        ({"languages": ("en",)}, ()),
        ({"languages": ("en", "de")}, ("language",)),
        ({"languages": ()}, ("language",)),
    ],
)
def test_wider_bounds_name_what_they_may_take_up(changes: dict[str, Any], reasons: tuple[str, ...]) -> None:
    assert widened_reasons(CrawlOptions((HOME,), **(SAME | changes)), BOUNDS) == reasons


def test_a_crawl_without_bounds_left_nothing_out() -> None:
    assert widened_reasons(CrawlOptions((HOME,)), CrawlOptions((HOME,)).as_values()) == ()


@pytest.mark.parametrize(
    ("path", "depth", "kind", "source", "is_wanted"),
    [
        ("story", 2, "page", "link", True),
        ("story", 3, "page", "link", False),
        ("no/story", 1, "page", "link", False),
        ("photo.jpg", 1, "page", "link", False),
        ("a/b/a/b/a/b/a/b", 1, "page", "link", False),
        ("sitemap-2019.xml", 0, "sitemap", "sitemap", False),
        ("feed-2019.xml", 0, "feed", "feed", True),
    ],
)
def test_what_is_left_out_for_another_reason_stays_so(
    path: str, depth: int, kind: UrlKind, source: UrlSource, is_wanted: bool
) -> None:
    scope = Scope.from_seeds([HOME], exclude=["/no/"], max_depth=2)
    options = CrawlOptions((HOME,), discover_sitemaps=False)
    assert is_within(scope, options, LeftOutUrl(kind, HOME + path, depth, source)) is is_wanted
    assert not is_within(scope, options, LeftOutUrl(kind, "https://b.example/" + path, depth, source))
    assert not is_within(
        scope,
        replace(options, discover_links=False, discover_feeds=False),
        LeftOutUrl(kind, HOME + path, depth, source),
    )
