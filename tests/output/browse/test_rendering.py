"""Templates are compiled once a process, and anew when they change."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from broadsheet.output.browse import rendering
from broadsheet.output.browse.rendering import CompiledTemplates, make_environment


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
