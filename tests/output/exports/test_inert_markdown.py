"""Markdown without HTML and links that act; what is harmless stays as it was written."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from broadsheet.output.exports.inert_markdown import escaped_words, inert_markdown


@pytest.mark.parametrize(
    "markdown",
    [
        "A [link](https://a.test/x_(y\\)), a [mail](mailto:a@b.test), a [call](tel:1) and [here](/x).",
        "# Title\n\n- one\n- two\n\n> quoted\n\n```\n<b>code</b>\n```\n\nand `<i>` in a line",
        "\\<script> and \\[x\\](javascript:y)",
        "| a | b |\n| --- | --- |\n| 1 < 2 | `[]` |",
        '[a](</x y> "title") and [b](../up)',
    ],
)
def test_what_does_nothing_stays(markdown: str) -> None:
    assert inert_markdown(markdown) == markdown


@pytest.mark.parametrize(
    ("markdown", "inert"),
    [
        ("x <b>y</b>", "x &lt;b>y&lt;/b>"),
        ("[x](JavaScript:y)", "&#91;x&#93;(JavaScript:y)"),
        ("![x](http://a.test)", "!&#91;x&#93;(http://a.test)"),
        ("\\\\<b>", "\\\\&lt;b>"),
    ],
)
def test_what_acts_is_shown(markdown: str, inert: str) -> None:
    assert inert_markdown(markdown) == inert


@pytest.mark.parametrize(
    "text", ["1. x", "12) x", "- x", "+ x", "= =", ": x", "~~~", "* x", "# x", "a\\", "a & b &amp; c"]
)
def test_words_stay_words(text: str) -> None:
    assert MarkdownIt("commonmark").render(escaped_words(text)).strip() == f"<p>{text.replace('&', '&amp;')}</p>"
