"""What the bench of merged sites serves of a large site, and which differences it lets pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.merged_sites import is_as_expected, linked_files, trim

PAGES = {
    "index.html": '<a href="/far/">far</a> <a href="near.html#top">near</a> <a href="https://a.example/near.html">…</a>',
    "far/index.html": "<a href='../last%20page.html?x=1'>last</a> <a href=/missing.html>none</a>",
    "near.html": "",
    "last page.html": '<a href="/">home</a>',
    "alone.html": "",
}


@pytest.fixture
def www(tmp_path: Path) -> Path:
    for name, links in PAGES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(links)
    (tmp_path / "feed.xml").touch()
    return tmp_path


def names(www: Path) -> set[str]:
    return {file.relative_to(www).as_posix() for file in www.rglob("*") if file.is_file()}


def test_pages_come_in_the_order_of_links(www: Path) -> None:
    found = [file.relative_to(www).as_posix() for file in linked_files(www, "/")]
    assert found == ["index.html", "far/index.html", "near.html", "last page.html"]


@pytest.mark.parametrize(
    ("most", "left"),
    [
        (1, {"index.html"}),
        (2, {"index.html", "far/index.html"}),
        (4, set(PAGES) - {"alone.html"}),
        (5, set(PAGES)),
        (0, set(PAGES)),
    ],
)
def test_the_nearest_pages_stay_and_all_that_is_no_page(www: Path, most: int, left: set[str]) -> None:
    trim(www, "/", most)
    assert names(www) == left | {"feed.xml"}


def test_a_difference_passes_only_where_it_says_how_an_archive_was_made() -> None:
    assert is_as_expected("runs", {"differences": {"whole rows": 9}})
    assert is_as_expected("articles", {})
    assert is_as_expected("captures", {"differences": {"refers_to": 3}})
    assert not is_as_expected("captures", {"differences": {"refers_to": 3, "url": 1}})
    assert not is_as_expected("articles", {"differences": {"whole rows": 1}})
