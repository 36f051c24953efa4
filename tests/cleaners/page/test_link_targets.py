"""Links in an article's markdown: none acts, and none ends early to begin another."""

from __future__ import annotations

import re

import pytest

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import Page

_LINK = re.compile(r"(?<!\\)\[([^\]]*)\]\(([^)]*)\)")


def link_in_markdown(href: str) -> tuple[str, str] | None:
    """Text and target of the one link of a page, as its markdown has them."""
    sentence = "The harbour town had asked for a new bridge in the spring, and the council said no to it."
    body = f'<p>{sentence}</p><p>{sentence} <a href="{href}">here</a> it says why.</p><p>{sentence}</p>'
    page = f"<html><body><article><h1>A bridge</h1>{body}</article></body></html>"
    markdown = clean(Page("http://a.test/2024/01/02/a-bridge", page.encode(), "text/html")).markdown
    assert "here" in markdown
    assert markdown.count("](") <= 1
    match = _LINK.search(markdown)
    return (match[1], match[2]) if match else None


@pytest.mark.parametrize(
    "href",
    [
        "javascript:alert(1)", " javascript:alert", "&#1;javascript:alert", "JaVa&#9;Script:x", "java&#10;script:x",
        "vbscript:x", "data:text/html,x", "file:///etc/passwd", "blob:x", "view-source:http://a.test/",
    ],
)  # fmt: skip
def test_a_target_that_acts_is_left_out(href: str) -> None:
    assert link_in_markdown(href) is None


@pytest.mark.parametrize(
    ("href", "target"),
    [
        ("/b", "http://a.test/b"),
        ("b c", "http://a.test/2024/01/02/b%20c"),
        ("/a_(b)", "http://a.test/a_%28b%29"),
        ("mailto:a@b.test", "mailto:a@b.test"),
        ("http://b.test/) [x](javascript:y", "http://b.test/%29%20%5Bx%5D%28javascript:y"),
        ("/x&gt;y&lt;z", "http://a.test/x%3Ey%3Cz"),
    ],
)
def test_a_target_cannot_end_the_link(href: str, target: str) -> None:
    assert link_in_markdown(href) == ("here", target)
