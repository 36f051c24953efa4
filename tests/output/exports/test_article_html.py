"""The text of an article as HTML, as it stands in pages to read and in feeds."""

from __future__ import annotations

import re

from broadsheet.output.exports.article_html import article_html


def test_headings_stand_below_the_title_and_skip_no_level() -> None:
    markdown = "### First\n\ntext\n\n##### Below\n\ntext\n\n# Top\n\n- #### In a list\n"
    html = article_html({"markdown": markdown, "text": ""})
    assert re.findall(r"<h(\d)>(.*?)</h(\d)>", html) == [
        ("2", "First", "2"), ("3", "Below", "3"), ("2", "Top", "2"), ("3", "In a list", "3"),
    ]  # fmt: skip
