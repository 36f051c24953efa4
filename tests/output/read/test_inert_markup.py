"""The text of an article as HTML, as it stands in pages to read and in feeds.

Markdown without HTML and links that act; what is harmless stays as it was written.
"""

import re

import pytest
from markdown_it import MarkdownIt

from broadsheet.output.read.inert_markup import article_html, escaped_words, inert_markdown, is_safe_link


def test_headings_stand_below_the_title_and_skip_no_level():
    markdown = "### First\n\ntext\n\n##### Below\n\ntext\n\n# Top\n\n- #### In a list\n"
    html = article_html({"markdown": markdown, "text": ""})
    assert re.findall(r"<h(\d)>(.*?)</h(\d)>", html) == [
        ("2", "First", "2"), ("3", "Below", "3"), ("2", "Top", "2"), ("3", "In a list", "3"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "markdown",
    [
        "A [link](https://a.test/x_(y\\)), a [mail](mailto:a@b.test), a [call](tel:1) and [here](/x).",
        "# Title\n\n- one\n- two\n\n> quoted\n\n```\n<b>code</b>\n```\n\nand `<i>` in a line",
        "[x](HTTPS://a.test)",
        "\\<script> and \\[x\\](javascript:y)",
        "| a | b |\n| --- | --- |\n| 1 < 2 | `[]` |",
        '[a](</x y> "title") and [b](../up)',
    ],
)
def test_what_does_nothing_stays(markdown):
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
def test_what_acts_is_shown(markdown, inert):
    assert inert_markdown(markdown) == inert


@pytest.mark.parametrize(
    "text", ["1. x", "12) x", "- x", "+ x", "= =", ": x", "~~~", "* x", "# x", "a\\", "a & b &amp; c"]
)
def test_words_stay_words(text):
    assert MarkdownIt("commonmark").render(escaped_words(text)).strip() == f"<p>{text.replace('&', '&amp;')}</p>"


@pytest.mark.parametrize(
    ("url", "is_safe"),
    [
        ("https://a.test", True), ("\u3000HTTP://a.test", True), ("mailto:a@b.test", True), ("/x", False),
        ("\u3000javascript:x", False), ("tel:1", False), ("http://[", False),
    ],
)  # fmt: skip
def test_a_link_leads_to_a_page_or_a_mail_address(url, is_safe):
    assert is_safe_link(url) is is_safe


@pytest.mark.parametrize(
    ("letters", "place"),
    [(0, 0), (3, 1), (4, 1), (9, 2), (12, 2), (14, 3), (99, 3)],
)
def test_a_figure_stands_between_the_blocks_whose_letters_precede_it(letters, place):
    """Never within a list, and where the letters end amid a block, at its nearer end."""
    markdown = "**one**\n\n- [two](https://a.test/x)\n- six\n- ten\n\n| a |\n| --- |\n| 1 |\n"
    html = article_html({"markdown": markdown, "text": ""}, [(letters, "<hr>")])
    parts = ["<p><strong>one", "<ul>", "<table>"]
    order = re.findall("<hr>|" + "|".join(parts), html)
    assert order == [*parts[:place], "<hr>", *parts[place:]]
