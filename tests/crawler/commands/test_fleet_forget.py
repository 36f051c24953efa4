"""`broadsheet fleet forget`: articles taken down in all archives that know them, here and in a store."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from broadsheet.crawler.cli import run
from broadsheet.crawler.commands import forget as forget_verb
from broadsheet.crawler.fleet import fleet_takedowns
from broadsheet.crawler.fleet.object_store import ObjectStore
from broadsheet.crawler.fleet.site_copies import LocalCopy
from broadsheet.crawler.fleet.store_address import make_store, store_at, store_identity
from broadsheet.crawler.fleet.stored_run import in_hand, run_stored
from broadsheet.output.write.archive_writer import Archive
from tests.crawler.fleet.sites import HOST, crawl_of, site_in, store_pages, stored_names
from tests.crawler.shell import ACTIVE, rows, start

RIVER = "https://a.example/river"
LIST = '[sites.{0}]\nurls = ["https://{0}.example/"]\n'
TEXT = b"of one is told here"


@pytest.fixture
def sites(tmp_path: Path, db: Path) -> Path:
    """A list of four sites: two that know the river, one of another host, one never crawled."""
    archives = tmp_path / "archives"
    archives.mkdir()
    for name in ("well", "lake"):
        shutil.copy(db, archives / f"{name}.db")
    store_pages(archives / "lamp.db", ["one", "two"])
    file = tmp_path / "sites.toml"
    file.write_text("".join(map(LIST.format, ("well", "lake", "lamp", "none"))))
    return file


def archive_of(sites: Path, name: str) -> Path:
    return sites.parent / "archives" / f"{name}.db"


def urls(sites: Path, name: str) -> set[str]:
    return {url for (url,) in rows(archive_of(sites, name), "SELECT url FROM articles")}


def forget(sites: Path, *words: str) -> int:
    return run(["fleet", "forget", "--sites", str(sites), *words])


def test_an_article_is_taken_down_in_each_archive_that_knows_it(
    sites: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rewritten, rewrite = [], fleet_takedowns.erase_remains
    monkeypatch.setattr(fleet_takedowns, "erase_remains", lambda db: (rewritten.append(1), rewrite(db)))
    before = archive_of(sites, "lamp").read_bytes()
    assert forget(sites, RIVER, "https://a.example/later/*", "--yes", "--note", "a letter") == 0
    output = capsys.readouterr().out
    for name in ("well", "lake"):
        assert f"\n{name}: forgotten: 1 article, 1 URL\n" in output
        assert urls(sites, name) == {"https://a.example/Evil"}
        noted = rows(archive_of(sites, name), "SELECT pattern, note FROM takedowns ORDER BY pattern")
        assert noted == [("https://a.example/later/*", "a letter"), (RIVER, "a letter")]
        assert b"river0word1" not in archive_of(sites, name).read_bytes()
        assert run(["verify", str(archive_of(sites, name))]) == 0
    assert len(rewritten) == 2
    assert output.count("the file is then read through") == 2
    assert archive_of(sites, "lamp").read_bytes() == before
    assert not ACTIVE & set(output)
    assert forget(sites, RIVER, "--yes") == 0
    assert len(rewritten) == 2


def test_a_dry_run_shows_and_changes_nothing(sites: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = archive_of(sites, "well").read_bytes()
    assert forget(sites, RIVER, "--dry-run", "--site", "well") == 0
    assert capsys.readouterr().out.startswith(f"well:\n{RIVER}: 1 article, 1 page")
    assert archive_of(sites, "well").read_bytes() == before


def test_what_no_archive_knows_is_1(sites: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert forget(sites, "https://b.example/x", "--yes") == 1
    assert capsys.readouterr().err == f"broadsheet: no archive of {sites} knows https://b.example/x\n"


def test_a_site_in_use_is_left_and_done_by_the_same_command_later(
    sites: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Archive.open(archive_of(sites, "well")):
        assert forget(sites, RIVER, "--yes") == 75
    printed = capsys.readouterr()
    assert printed.err.count("\n") == 1
    assert "well: " in printed.err
    assert "in use by another command" in printed.err
    assert (len(urls(sites, "well")), len(urls(sites, "lake"))) == (2, 1)
    assert forget(sites, RIVER, "--yes") == 0
    assert "lake" not in capsys.readouterr().out
    assert len(urls(sites, "well")) == 1


def test_an_archive_that_cannot_be_read_is_1_and_costs_the_others_nothing(
    sites: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive_of(sites, "well").write_bytes(b"no database, but some bytes of it" * 9)
    assert forget(sites, RIVER, "--yes") == 1
    assert "well: " in capsys.readouterr().err
    assert len(urls(sites, "lake")) == 1


def test_what_was_killed_before_the_file_was_rewritten_is_done_again(
    sites: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first archive was finished, the second has the takedown, and its file is as it was."""
    rewritten: list[str] = []
    rewrite = fleet_takedowns.erase_remains

    def rewrite_first(db: object) -> None:
        if rewritten:
            raise KeyboardInterrupt
        rewritten.append("well")
        rewrite(db)

    with monkeypatch.context() as patch:
        patch.setattr(fleet_takedowns, "erase_remains", rewrite_first)
        assert forget(sites, RIVER, "--yes") == 130
    monkeypatch.setattr(fleet_takedowns, "erase_remains", lambda db: (rewritten.append("again"), rewrite(db)))
    capsys.readouterr()
    assert forget(sites, RIVER, "--yes") == 0
    assert capsys.readouterr().out.startswith("lake:\n")
    assert rewritten == ["well", "again"]
    assert forget(sites, RIVER, "--yes") == 0
    assert capsys.readouterr().out == "forgotten already\n"


@pytest.fixture
def store(tmp_path: Path, sites: Path) -> ObjectStore:
    """A store with the site lamp, of which a reader on this machine has a copy."""
    make_store(str(tmp_path / "store"))
    opened = store_at(str(tmp_path / "store"))
    run_stored(site_in(opened, tmp_path), crawl_of("one", "two"))
    assert run(["fleet", "report", str(sites), "--store", opened.address]) == 0
    return opened


def test_in_a_store_a_new_state_takes_the_place_of_the_old_one(
    sites: Path, store: ObjectStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    local = archive_of(sites, "lamp").read_bytes()
    assert forget(sites, f"{HOST}/one", "--store", store.address, "--yes") == 0
    assert "lamp: forgotten: 1 article, 1 URL" in capsys.readouterr().out
    assert stored_names(store, tmp_path) == {"two"}
    assert archive_of(sites, "lamp").read_bytes() == local
    of_store = [*(tmp_path / "archives/.fleet").rglob("*"), *(tmp_path / "store").rglob("*")]
    files = [path for path in of_store if path.is_file()]
    assert any(path.name == "lamp.db" for path in files)
    assert [path for path in files if TEXT in path.read_bytes()] == []
    assert forget(sites, f"{HOST}/one", "--store", store.address, "--yes") == 0
    assert capsys.readouterr().out == "forgotten already\n"


def test_a_site_that_is_crawled_here_is_left_with_75_and_done_before_its_next_state(
    sites: Path, store: ObjectStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = LocalCopy(tmp_path / "archives/.fleet/work/lamp", "lamp", store_identity(store))
    with in_hand(copy):
        assert forget(sites, f"{HOST}/one", "--store", store.address, "--yes") == 75
    assert "lamp is in hand on this machine" in capsys.readouterr().err
    assert stored_names(store, tmp_path / "now") == {"one", "two"}
    run_stored(site_in(store, tmp_path), crawl_of("three"))
    assert stored_names(store, tmp_path) == {"two", "three"}


def test_options_that_do_not_go_together_and_a_store_that_is_none(
    sites: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert forget(sites, RIVER, "--work", str(tmp_path), "--yes") == 2
    assert forget(sites, RIVER, "--store", str(tmp_path / "nowhere"), "--yes") == 1
    assert capsys.readouterr().err.count("\n") == 2
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.slow
def test_without_a_terminal_it_wants_to_be_told(sites: Path) -> None:
    process = start("fleet", "forget", "--sites", sites, RIVER, stdin=-3)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "--yes" in errors
    assert len(urls(sites, "well")) == 2


def test_who_says_no_changes_nothing(
    sites: Path, store: ObjectStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(forget_verb, "is_confirmed", lambda: False)
    words = [f"{HOST}/one", "--store", store.address]
    capsys.readouterr()
    for more, code in (([], 1), (["--dry-run"], 0)):
        assert forget(sites, *words, *more) == code
        printed = capsys.readouterr()
        assert (printed.out.startswith("lamp:\n"), printed.err) == (True, "")
    assert stored_names(store, sites.parent) == {"one", "two"}
