"""An article's Markdown as the room shows it."""

from __future__ import annotations

import re

import pytest

from broadsheet.output.browse.filters import reading_html, tab_stop


@pytest.mark.parametrize(
    ("markdown", "levels"),
    [
        ("# One\n\ntext\n\n## Two", [2, 3]),
        ("### Alone\n\ntext\n\n### Again", [2, 2]),
        ("#### Deep\n\n# Top\n\n### Skipped\n\n## Between\n\n#### Below", [2, 2, 3, 3, 4]),
        ("# 1\n\n## 2\n\n### 3\n\n#### 4\n\n##### 5\n\n###### 6", [2, 3, 4, 5, 6, 6]),
    ],
)
def test_headings_stand_below_the_title_and_skip_no_level(markdown: str, levels: list[int]) -> None:
    html = reading_html(markdown)
    assert [int(level) for level in re.findall(r"<h(\d)>", html)] == levels
    assert [int(level) for level in re.findall(r"</h(\d)>", html)] == levels


@pytest.mark.parametrize("markdown", ["| a | b |\n|---|---|\n| 1 | 2 |", "```python\na < b\n```", "    a < b"])
def test_keys_reach_what_may_be_scrolled(markdown: str) -> None:
    html = reading_html(markdown)
    assert html.count('tabindex="0"') == 1
    assert "<pre>" not in html
    assert "a < b" not in html


@pytest.mark.parametrize(
    ("text", "kind", "is_stop"),
    [
        ("short", "paragraph", False),
        ("x" * 121, "paragraph", True),
        ("a\nb\nc\nd\ne\nf", "table", True),
        ("x", "code", True),
    ],
)
def test_a_long_block_is_a_stop_for_the_tab_key(text: str, kind: str, is_stop: bool) -> None:
    assert bool(tab_stop(text, kind)) == is_stop
