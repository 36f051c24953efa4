"""What is wrong in a TOML file is one line with the file and the line.

What is wrong in a TOML file is one line with the file and the line.

Where a key of a TOML file stands.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from broadsheet.crawler.cli.command_line import CommandError
from broadsheet.crawler.fleet.sites_file import Table, TomlMistake, check_keys, line_of, read_checked, subtable


def build(document: Table) -> int:
    check_keys(document, ("room",))
    room = subtable(document, "room")
    check_keys(room, ("size",), "room")
    if room.get("size", 0) < 0:
        raise TomlMistake("size is too small", "room", "size")
    if not document:
        raise TomlMistake("there is no room")
    return int(room.get("size", 0))


def test_what_is_right_is_built(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text("[room]\nsize = 3\n")
    assert read_checked(file, build) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# none\n", "{file}: there is no room"),
        ("\nrooms = 1\n", "{file}, line 2: rooms is not known here; there are room"),
        ("room = 1\n", "{file}, line 1: room must be a table: [room]"),
        ("[room]\n\nsize = -1\n", "{file}, line 3: size is too small"),
        ("[room]\nseize = 1\n", "{file}, line 2: seize is not known here; there are size"),
    ],
)
def test_a_mistake_has_its_place(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "a.toml"
    file.write_text(text)
    with pytest.raises(CommandError) as refused:
        read_checked(file, build)
    assert refused.value.message == message.format(file=file)


def test_what_cannot_be_read_is_a_line(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"cannot read .*a\.toml: No such file or directory: make one$"):
        read_checked(tmp_path / "a.toml", build, ": make one")
    with pytest.raises(CommandError, match=r"Is a directory$"):
        read_checked(tmp_path, build, ": make one")
    (tmp_path / "b.toml").write_bytes(b"\xff")
    with pytest.raises(CommandError, match="is no TOML"):
        read_checked(tmp_path / "b.toml", build)


TEXT = '''# [sites.news]
[defaults]
delay = 1

[sites.news]   # delay
urls = [
  "https://news.example/",
  "delay = 3",  # ]
]
note = """
[sites.news.more]
delay = 4
"""
delay = 2
[sites]
"a b" = { delay = 5 }
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (["defaults"], 2),
        (["defaults", "delay"], 3),
        (["sites", "news"], 5),
        (["sites", "news", "urls"], 6),
        (["sites", "news", "note"], 10),
        (["sites", "news", "delay"], 14),
        (["sites", "a b", "delay"], 16),
    ],
)
def test_a_key_is_found_and_not_what_looks_like_it(path: list[str], line: int) -> None:
    assert line_of(TEXT, path) == line


def test_a_file_of_many_sites_is_read_a_few_times_only(monkeypatch: pytest.MonkeyPatch) -> None:
    from broadsheet.crawler.fleet import sites_file as toml_lines

    readings: list[int] = []
    loads = toml_lines.tomllib.loads
    monkeypatch.setattr(toml_lines.tomllib, "loads", lambda text: readings.append(1) or loads(text))
    text = "".join(f"[sites.s{number}]\nurls = ['https://s{number}.example/']\n" for number in range(500))
    assert line_of(text, ["sites", "s321", "urls"]) == 2 * 321 + 2
    assert len(readings) < 15
