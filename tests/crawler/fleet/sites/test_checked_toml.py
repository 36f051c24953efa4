"""What is wrong in a TOML file is one line with the file and the line."""

from __future__ import annotations

from pathlib import Path

import pytest

from broadsheet.crawler.console.option_types import CommandError
from broadsheet.crawler.fleet.sites.checked_toml import Table, TomlMistake, check_keys, read_checked, subtable


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
