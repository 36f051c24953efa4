from __future__ import annotations

from pathlib import Path

import pytest

from tests.pictures import FOLDER, NAMES, main


def test_each_picture_is_there_and_shown():
    assert sorted(file.stem for file in FOLDER.iterdir()) == sorted(NAMES)
    text = "".join(page.read_text("utf-8") for page in FOLDER.parent.glob("*.md"))
    assert [name for name in NAMES if f"pictures/{name}.png" not in text] == []


@pytest.mark.slow
def test_the_pictures_can_be_taken_anew(tmp_path: Path):
    main(tmp_path)
    assert sorted(file.stem for file in tmp_path.iterdir()) == sorted(NAMES)
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in tmp_path.iterdir())
