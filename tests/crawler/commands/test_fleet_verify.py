"""`broadsheet fleet verify`: a line for each problem of each archive, here and in a store."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from broadsheet.crawler.cli import run
from broadsheet.crawler.fleet.object_store import ObjectStore
from broadsheet.crawler.fleet.store_address import make_store, store_at
from broadsheet.crawler.fleet.stored_run import run_stored
from tests.crawler.fleet.sites import crawl_of, site_in, stored_manifest

LIST = '[sites.{0}]\nurls = ["https://{0}.example/"]\n'


@pytest.fixture
def sites(tmp_path: Path, db: Path) -> Path:
    """A list of three sites: two with an archive of two articles, one never crawled."""
    (tmp_path / "archives").mkdir()
    for name in ("well", "lake"):
        shutil.copy(db, tmp_path / "archives" / f"{name}.db")
    file = tmp_path / "sites.toml"
    file.write_text("".join(map(LIST.format, ("well", "lake", "none"))))
    return file


def damage(archive: Path) -> None:
    """Make the word count of one article wrong."""
    connection = sqlite3.connect(archive)
    with connection:
        connection.execute("UPDATE articles SET word_count = 5 WHERE url LIKE '%river'")
    connection.close()


def test_archives_in_order_are_said_only_on_request(sites: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fleet", "verify", str(sites)]) == 0
    assert capsys.readouterr() == ("", "")
    assert run(["fleet", "verify", str(sites), "-v"]) == 0
    assert capsys.readouterr().out == "well: in order: 2 articles\nlake: in order: 2 articles\n"
    assert run(["fleet", "verify", str(sites), "-v", "--sample", "2/7", "--site", "lake"]) == 0
    assert capsys.readouterr().out == "lake: in order: 2 articles; of texts and raw responses part 2 of 7\n"


def test_each_problem_is_a_line_and_an_unreadable_archive_too(sites: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damage(sites.parent / "archives" / "lake.db")
    (sites.parent / "archives" / "none.db").write_bytes(b"no database, but some bytes of it" * 9)
    assert run(["fleet", "verify", str(sites), "-v"]) == 1
    printed = capsys.readouterr()
    well, problem = printed.out.splitlines()
    assert well == "well: in order: 2 articles"
    assert problem.startswith("lake: article_digests: articles/word_count row ")
    assert printed.err.count("\n") == 1
    assert "none: " in printed.err
    assert "is not a SQLite database" in printed.err
    assert run(["fleet", "verify", str(sites), "--site", "well"]) == 0


def test_seven_samples_find_a_problem_once(sites: Path) -> None:
    damage(sites.parent / "archives" / "lake.db")
    codes = [run(["fleet", "verify", str(sites), "--sample", f"{number}/7"]) for number in range(1, 8)]
    assert sorted(codes) == [0] * 6 + [1]


def test_archives_that_are_not_here_are_no_success(sites: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fleet", "verify", str(sites), "--site", "none"]) == 1
    assert "1 site is not in this" in capsys.readouterr().err


@pytest.fixture
def store(tmp_path: Path, sites: Path) -> ObjectStore:
    """A store with the site lamp, which the list has too."""
    sites.write_text(LIST.format("lamp"))
    make_store(str(tmp_path / "store"))
    opened = store_at(str(tmp_path / "store"))
    run_stored(site_in(opened, tmp_path), crawl_of("one", "two"))
    return opened


def test_a_store_is_checked_down_to_the_bytes_of_its_warc_files(
    sites: Path, store: ObjectStore, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["fleet", "verify", str(sites), "--store", store.address]
    assert run([*words, "-v"]) == 0
    assert capsys.readouterr().out == "lamp: in order: 2 articles\n"
    (file,) = stored_manifest(store).warc_files
    store.put_bytes(file.pieces[0].key, bytes(file.length))
    assert run(words) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"lamp: store: {file.name}: ")
    assert line.endswith("is not what was brought there")
    assert sorted(run([*words, "--sample", f"{number}/3"]) for number in (1, 2, 3)) == [0, 0, 1]


def test_a_store_that_is_none_is_a_line(sites: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fleet", "verify", str(sites), "--store", str(tmp_path / "nowhere")]) == 1
    assert capsys.readouterr().err.count("\n") == 1
