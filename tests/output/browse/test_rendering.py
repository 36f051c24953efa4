"""An article's Markdown as the room shows it, and the filters of its templates.

Templates are compiled once a process, and anew when they change.
"""

import re
from pathlib import Path

import pytest
from jinja2 import Environment, FileSystemLoader

from broadsheet.output.browse import rendering
from broadsheet.output.browse.rendering import (
    CompiledTemplates,
    json_value,
    make_environment,
    moment_html,
    reading_html,
    tab_stop,
    text_direction,
    web_link,
    whole_options,
)


@pytest.mark.parametrize(
    ("markdown", "levels"),
    [
        ("# One\n\ntext\n\n## Two", [2, 3]),
        ("### Alone\n\ntext\n\n### Again", [2, 2]),
        ("#### Deep\n\n# Top\n\n### Skipped\n\n## Between\n\n#### Below", [2, 2, 3, 3, 4]),
        ("# 1\n\n## 2\n\n### 3\n\n#### 4\n\n##### 5\n\n###### 6", [2, 3, 4, 5, 6, 6]),
    ],
)
def test_headings_stand_below_the_title_and_skip_no_level(markdown, levels):
    html = reading_html(markdown)
    assert [int(level) for level in re.findall(r"<h(\d)>", html)] == levels
    assert [int(level) for level in re.findall(r"</h(\d)>", html)] == levels


@pytest.mark.parametrize("markdown", ["| a | b |\n|---|---|\n| 1 | 2 |", "```python\na < b\n```", "    a < b"])
def test_keys_reach_what_may_be_scrolled(markdown):
    html = reading_html(markdown)
    assert html.count('tabindex="0"') == 1
    assert "<pre>" not in html
    assert "a < b" not in html


@pytest.mark.parametrize(
    ("text", "kind", "is_stop"),
    [
        ("x" * 120, "paragraph", False),
        ("x" * 121, "paragraph", True),
        ("x" * 89 + "\n", "table", False),
        ("x" * 90 + "\n", "table", True),
        ("x", "code", True),
    ],
)
def test_a_long_block_is_a_stop_for_the_tab_key(text, kind, is_stop):
    assert bool(tab_stop(text, kind)) == is_stop


def test_links_leave_alone_and_what_is_no_web_address_leads_nowhere():
    html = reading_html("[a](https://a.example/) [b](javascript:x) [c](HTTP://b.example)\n\n![p](https://a.example/p)")
    assert html.splitlines() == [
        '<p><a href="https://a.example/" rel="noreferrer noopener">a</a> [b](javascript:x) '
        '<a href="HTTP://b.example" rel="noreferrer noopener">c</a></p>',
        '<p>!<a href="https://a.example/p" rel="noreferrer noopener">p</a></p>',
    ]
    assert [web_link(url) for url in ("ftp://a.example", "http://[", "", None, "HTTPS://a.example")] == [
        "", "", "", "", "HTTPS://a.example",
    ]  # fmt: skip


def test_a_text_of_more_than_300_000_characters_is_shown_as_its_lines():
    begin, end = "# One\n\n \n\n", " <b>"
    words = "x" * (300_000 - len(begin) - len(end))
    assert reading_html(f"{begin}{words}{end}") == f"<h2>One</h2>\n<p>{words} &lt;b&gt;</p>\n"
    assert reading_html(f"{begin}x{words}{end}") == f"<p># One</p>\n<p>x{words} &lt;b&gt;</p>"


def test_values_are_those_of_json():
    values = {"small": 2**53 - 1, "large": 2**53, "negative": -(2**53), "flag": True, "lone": "a\ud800", 1: (None, 0.5)}
    assert json_value(values) == {
        "small": 9007199254740991, "large": "9007199254740992", "negative": "-9007199254740992", "flag": True,
        "lone": "a?", "1": [None, 0.5],
    }  # fmt: skip
    assert [text_direction(language) for language in ("ar", "en", "", None)] == ["rtl", "ltr", "auto", "auto"]
    assert [moment_html(moment) for moment in ("2024-05-01T10:20:30Z", "2024-05-01", "", None)] == [
        f"<time>{shown}</time>" for shown in ("2024-05-01 10:20", "2024-05-01", "", "")
    ]  # fmt: skip


def test_options_stay_whole_and_what_a_site_wrote_stays_text():
    assert whole_options("--max-time helps, <b> -- a-b x--y do not") == (
        '<span class="option">--max-time</span> helps, &lt;b&gt; -- a-b x--y do not'
    )


def environment(folder: Path, compiled: CompiledTemplates) -> Environment:
    return Environment(loader=FileSystemLoader(folder), bytecode_cache=compiled, autoescape=True)


def test_a_template_is_compiled_once_for_all_rooms_and_anew_when_it_changes(tmp_path):
    compiled = CompiledTemplates()
    (tmp_path / "two").mkdir()
    for folder, text in (
        (tmp_path, "<p>{{ name }}</p>"),
        (tmp_path, "<b>{{ name }}</b>"),
        (tmp_path / "two", "{{ name }}"),
    ):
        (folder / "page.html").write_text(text)
        first, second = (environment(folder, compiled).get_template("page.html") for _ in range(2))
        assert first.root_render_func.__code__ is second.root_render_func.__code__
        assert first.render(name="<i>") == text.replace("{{ name }}", "&lt;i&gt;")


def test_rooms_share_the_code_and_keep_their_own_helpers():
    rooms = [make_environment({"helper": name}) for name in ("one", "two")]
    assert [room.globals["helper"] for room in rooms] == ["one", "two"]
    assert [room.bytecode_cache for room in rooms] == [rendering._COMPILED_TEMPLATES] * 2
