"""Pictures in a data set: digests and sizes, bytes on demand, and gone with their articles."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.collections.archive_merge import merge_archive
from broadsheet.output.collections.dataset_build import DatasetBuild, DatasetChoices
from broadsheet.output.collections.dataset_files import LocalStore
from broadsheet.output.collections.dataset_rows import find_archives, open_sources
from broadsheet.output.read.verify import verify
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.takedowns import take_down
from tests.crawler.pictures import png
from tests.output.conftest import Maker
from tests.output.illustrated import DRAWN, FILES, MILL, RIVER, SITE, illustrate, redirect_picture


def written(folder: Path, archive: Path, **choices: Any) -> list[dict[str, Any]]:
    (folder / "scratch").mkdir(exist_ok=True, parents=True)
    with open_sources(find_archives([str(archive)])) as sources:
        store = LocalStore(folder / "data")
        DatasetBuild(store, sources, folder / "scratch", DatasetChoices(**choices)).run("Pictures")
    pictures = folder / "data" / "pictures"
    return pq.read_table(pictures).to_pylist() if pictures.exists() else []


@pytest.fixture
def illustrated(file: Path, make: Maker) -> Path:
    illustrate(file, make)
    with Archive.open(file, make.clock) as archive:
        run = archive.runs.start("crawl", {}, {})
        settle(archive.db, make.clock)
        archive.runs.finish(run, "finished", "", {})
    return file


def test_a_row_a_picture_of_an_article(illustrated: Path, tmp_path: Path) -> None:
    rows = written(tmp_path, illustrated)
    assert [(row["url"], row["image"]) for row in rows] == [
        (f"{SITE}/1", MILL), (f"{SITE}/1", RIVER), (f"{SITE}/1", DRAWN), (f"{SITE}/2", MILL),
    ]  # fmt: skip
    assert (rows[0]["type"], rows[0]["width"], rows[0]["bytes"]) == ("image/png", 3, len(png()))
    assert rows[0]["digest"] == rows[3]["digest"]
    assert {row["data"] for row in rows} == {None}


@pytest.mark.parametrize("hops", [1, 10])
def test_a_picture_behind_redirects_is_found(illustrated: Path, tmp_path: Path, hops: int) -> None:
    with Archive.open(illustrated) as archive:
        redirect_picture(archive, RIVER, *(f"{SITE}/{hop}.gif" for hop in range(hops)))
    rows = written(tmp_path, illustrated)
    assert [row["image"] for row in rows if row["url"] == f"{SITE}/1"] == [MILL, RIVER, DRAWN]


def test_their_bytes_come_once_a_digest_if_asked_for(illustrated: Path, tmp_path: Path) -> None:
    written(tmp_path, illustrated)
    rows = written(tmp_path, illustrated, picture_bytes=True)
    assert [row["data"] for row in rows] == [FILES[MILL], FILES[RIVER], FILES[DRAWN], None]
    assert {row["data"] for row in written(tmp_path, illustrated)} == {None}
    shutil.rmtree(illustrated.with_name("a.db.warc"))  # rows stay where the files are gone
    assert [row["data"] for row in written(tmp_path / "again", illustrated, picture_bytes=True)] == [None] * 4


def test_those_of_a_takedown_leave_the_data_set(illustrated: Path, tmp_path: Path, make: Maker) -> None:
    written(tmp_path, illustrated, picture_bytes=True)
    with Archive.open(illustrated, make.clock) as archive:
        take_down(archive.db, f"{SITE}/1")
    rows = written(tmp_path, illustrated, picture_bytes=True)
    assert [(row["image"], row["data"]) for row in rows] == [(MILL, png())]


def test_a_merge_takes_pictures_over_but_not_those_that_were_taken_down(
    illustrated: Path, tmp_path: Path, make: Maker
) -> None:
    target = tmp_path / "target" / "b.db"
    target.parent.mkdir()
    with Archive.open(target, make.clock) as archive:
        take_down(archive.db, RIVER)
        merge_archive(archive.db, illustrated, make.clock)
        merge_archive(archive.db, illustrated, make.clock)
    db = open_database(target, read_only=True)
    images = [image for (image,) in db.execute("SELECT image FROM article_pictures ORDER BY article_id, position")]
    assert sorted(images) == sorted([MILL, DRAWN, MILL])
    assert verify(db) == []
    db.close()
