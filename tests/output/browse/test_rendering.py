"""An article's Markdown as the room shows it.

An article's Markdown as the room shows it.

Templates are compiled once a process, and anew when they change.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from jinja2 import Environment, FileSystemLoader

from broadsheet.output.browse import rendering
from broadsheet.output.browse.rendering import (
    CompiledTemplates,
    make_environment,
    reading_html,
    tab_stop,
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


def test_options_stay_whole_and_what_a_site_wrote_stays_text() -> None:
    assert whole_options("--max-time helps, <b> -- a-b x--y do not") == (
        '<span class="option">--max-time</span> helps, &lt;b&gt; -- a-b x--y do not'
    )


def environment(folder: Path, compiled: CompiledTemplates) -> Environment:
    return Environment(loader=FileSystemLoader(folder), bytecode_cache=compiled, autoescape=True)


def test_a_template_is_compiled_once_for_all_rooms(tmp_path: Path) -> None:
    compiled = CompiledTemplates()
    (tmp_path / "page.html").write_text("<p>{{ name }}</p>")
    codes = [
        environment(tmp_path, compiled).get_template("page.html").root_render_func.__code__ for _ in range(2)
    ]  # fmt: skip
    assert codes[0] is codes[1]
    assert environment(tmp_path, compiled).get_template("page.html").render(name="<b>") == "<p>&lt;b&gt;</p>"


def test_a_template_that_changed_is_compiled_anew(tmp_path: Path) -> None:
    compiled = CompiledTemplates()
    for text in ("before", "after"):
        (tmp_path / "page.html").write_text(text)
        assert environment(tmp_path, compiled).get_template("page.html").render() == text


def test_templates_of_one_name_in_two_folders_are_two(tmp_path: Path) -> None:
    compiled = CompiledTemplates()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "page.html").write_text(name)
        assert environment(tmp_path / name, compiled).get_template("page.html").render() == name


def test_rooms_share_the_code_and_keep_their_own_helpers() -> None:
    rooms = [make_environment({"helper": name}) for name in ("one", "two")]
    assert [room.globals["helper"] for room in rooms] == ["one", "two"]
    assert [room.bytecode_cache for room in rooms] == [rendering._COMPILED_TEMPLATES] * 2
