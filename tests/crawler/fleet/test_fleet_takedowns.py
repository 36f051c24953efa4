"""Takedowns in the archives of a fleet: which concern a site, each done once, also after a kill."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from broadsheet.crawler.fleet import fleet_takedowns, site_copies, stored_run
from broadsheet.crawler.fleet.fleet_takedowns import (
    SiteTakedowns,
    in_turn,
    plan_takedowns,
    take_down_beside,
)
from broadsheet.crawler.fleet.object_store import ObjectStore, StoreFull
from broadsheet.crawler.fleet.site_head import Overtaken, read_head
from broadsheet.crawler.fleet.site_task import SiteEnd
from broadsheet.crawler.fleet.stored_run import StoredSite, forget_stored, run_stored
from broadsheet.output.archive.archive_errors import InUse
from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.read.verify import verify
from broadsheet.output.write.archive_writer import Archive
from tests.crawler.fleet.sites import HOST, crawl_of, site_in, store_pages, stored_manifest, stored_names

ONE, TWO, LATER = f"{HOST}/one", f"{HOST}/two", f"{HOST}/later/*"
TEXT = b"of one is told here"


class KilledError(BaseException):
    """Stands for a kill."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """An archive of three pages, with their raw responses."""
    path = tmp_path / "lamp.db"
    store_pages(path, ["one", "two", "three"])
    return path


def plan(file: Path, *patterns: str) -> SiteTakedowns:
    """What taking patterns down would do."""
    with closing(open_database(file, read_only=True)) as db:
        return plan_takedowns(db, patterns)


def kill(*_: object, **__: object) -> None:
    raise KilledError


@pytest.fixture
def rewrites(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """An entry for each time that an archive is rewritten."""
    noted: list[str] = []
    rewrite = fleet_takedowns.erase_remains
    for module in (fleet_takedowns, site_copies):
        monkeypatch.setattr(module, "erase_remains", lambda db: (noted.append("once"), rewrite(db)))
    return noted


def test_an_archive_is_concerned_by_a_url_a_host_or_an_earlier_takedown(file: Path) -> None:
    known = (ONE, LATER, "*/thr*", "http://*.example/x")
    assert plan(file, *known, "http://other.example/one", "*nothing*", "no url").patterns == known
    assert (plan(file, ONE).is_open, plan(file, LATER).is_open, plan(file, "*nothing*").is_open) == (True, True, False)
    take_down_beside(file, file.with_name("mark"), ("*nothing*",), "")
    with Archive.open(file) as archive:
        archive.db.execute("INSERT INTO takedowns (pattern, at, urls, articles, blocks) VALUES (?, '', 0, 0, 0)", [TWO])
        archive.db.execute("UPDATE urls SET host = '' WHERE url = ?", [ONE])
        archive.db.conn.commit()
    assert plan(file, "*nothing*", "no url").patterns == ("*nothing*",)
    assert (plan(file, "*nothing*").is_open, plan(file, TWO).is_open) == (False, True)


def test_all_patterns_are_taken_down_and_the_file_is_rewritten_once(
    file: Path, tmp_path: Path, rewrites: list[str]
) -> None:
    mark = tmp_path / "marks/of/lamp"
    assert take_down_beside(file, mark, (ONE, TWO, LATER), "a letter") == []
    assert (rewrites, mark.exists()) == (["once"], False)
    assert not plan(file, ONE, TWO, LATER).is_open
    assert TEXT not in file.read_bytes()
    with Archive.open(file) as archive:
        assert verify(archive.db) == []
        assert archive.db.execute("SELECT url FROM articles").fetchall() == [(f"{HOST}/three",)]
        noted = archive.db.execute("SELECT pattern, note FROM takedowns ORDER BY pattern").fetchall()
    assert noted == [(LATER, "a letter"), (ONE, "a letter"), (TWO, "a letter")]


@pytest.mark.parametrize("step", ["_take_down_all", "erase_remains"])
def test_the_mark_is_there_before_all_and_stays_until_the_file_is_rewritten(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    mark = tmp_path / "mark"
    with monkeypatch.context() as patch:
        patch.setattr(fleet_takedowns, step, kill)
        with pytest.raises(KilledError):
            take_down_beside(file, mark, (ONE,), "")
    assert mark.exists()
    assert plan(file, ONE).is_open is (step == "_take_down_all")
    take_down_beside(file, mark, (ONE,), "")
    assert not mark.exists()


def test_an_archive_in_use_is_not_touched(file: Path, tmp_path: Path) -> None:
    with Archive.open(file), pytest.raises(InUse):
        take_down_beside(file, tmp_path / "mark", (ONE,), "")
    assert not (tmp_path / "mark").exists()


def take_down_in(site: StoredSite, *patterns: str) -> None:
    """Take patterns down in a site of a store."""
    assert forget_stored(site, patterns, "") == []


def test_a_site_of_a_store_gets_a_new_state_without_pieces_of_the_earlier_one(
    run_store: ObjectStore, tmp_path: Path, rewrites: list[str]
) -> None:
    """The raw responses that are erased lie in a WARC file that is away; that of another turn stays as it is."""
    run_stored(site_in(run_store, tmp_path), crawl_of("one", "two"))
    run_stored(site_in(run_store, tmp_path), crawl_of("three"))
    old = stored_manifest(run_store)
    site = site_in(run_store, tmp_path, "second")
    take_down_in(site, ONE, LATER)
    assert rewrites == ["once"]
    take_down_in(site, ONE)
    assert rewrites == ["once", "once"], "also where nothing new is noted, since more may have come of the pattern"
    new = stored_manifest(run_store)
    kept = [file for file in new.warc_files if file in old.warc_files]
    assert (len(kept), len(new.warc_files)) == (1, 2)
    assert all(run_store.length(key) is None for key in old.keys - new.keys)
    assert not {piece.key for piece in old.database.pieces} & new.keys
    assert stored_names(run_store, tmp_path) == {"two", "three"}
    assert read_head(run_store, "lamp").takedowns == ()
    assert TEXT not in site.copy.base_path.read_bytes()
    assert not plan(site.copy.base_path, ONE, LATER).is_open


def test_a_payload_that_another_page_shares_stays(run_store: ObjectStore, tmp_path: Path) -> None:
    """The page two was fetched with the bytes of one: its capture refers to the record that is erased."""

    def crawl(archive: Path, is_lost: object) -> None:
        store_pages(archive, ["one", "two"])
        with Archive.open(archive) as opened:
            row = "warc_file, warc_offset, warc_length"
            opened.db.execute(
                f"UPDATE captures SET refers_to = (SELECT id FROM captures WHERE url = '{ONE}') WHERE url = '{TWO}'"
            )
            assert opened.db.execute(f"SELECT {row} FROM captures WHERE url = '{ONE}'").fetchone()[0]
            opened.db.conn.commit()

    run_stored(site_in(run_store, tmp_path), crawl)
    take_down_in(site_in(run_store, tmp_path, "second"), ONE)
    with closing(open_database(site_in(run_store, tmp_path, "second").copy.base_path, read_only=True)) as db:
        assert db.execute(f"SELECT warc_file IS NULL, refers_to FROM captures WHERE url = '{TWO}'").fetchone() == (
            0,
            None,
        )


def test_a_run_that_was_killed_is_gone_on_with(
    run_store: ObjectStore, tmp_path: Path, rewrites: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the takedown in the local copy."""
    run_stored(site_in(run_store, tmp_path), crawl_of("one", "two"))
    with monkeypatch.context() as patch:
        patch.setattr(stored_run, "_bring_home", kill)
        with pytest.raises(KilledError):
            take_down_in(site_in(run_store, tmp_path, "second"), ONE)
    site = site_in(run_store, tmp_path, "second")
    assert site.copy.is_left_over()
    (result,) = in_turn(["lamp"], lambda name: forget_stored(site, (ONE,), ""))
    assert result.end is SiteEnd.DONE, result
    assert len(rewrites) <= 2
    assert stored_names(run_store, tmp_path) == {"two"}
    stored = b"".join(chunk for key in run_store.keys("sites/lamp/states/") for chunk in run_store.chunks(key))
    assert TEXT not in stored
    assert TEXT not in site.copy.base_path.read_bytes()


def test_a_site_that_is_in_hand_here_is_left_to_whoever_writes_its_next_state(
    run_store: ObjectStore, tmp_path: Path
) -> None:
    run_stored(site_in(run_store, tmp_path), crawl_of("one", "two"))
    site = site_in(run_store, tmp_path, "second")
    with stored_run.in_hand(site.copy), pytest.raises(InUse):
        take_down_in(site, ONE)
    site.copy.folder.mkdir(parents=True)
    with Archive.open(site.copy.archive), pytest.raises(InUse):
        take_down_in(site, ONE)
    assert read_head(run_store, "lamp").takedowns == ((ONE, ""),)
    run_stored(site_in(run_store, tmp_path), crawl_of("three"))
    assert stored_names(run_store, tmp_path) == {"two", "three"}


def test_sites_come_in_turn_and_each_has_its_result() -> None:
    errors = {"held": Overtaken("held is quick"), "used": InUse("used is in use"), "full": StoreFull("no room")}

    def work(name: str) -> list[str]:
        if name in errors:
            raise errors[name]
        return ["a.warc.gz"]

    results = list(in_turn(["held", "used", "full", "well"], work))
    assert [(result.name, result.end, result.lines) for result in results] == [
        ("held", SiteEnd.IN_USE, ("held is quick",)),
        ("used", SiteEnd.IN_USE, ("used is in use",)),
        ("full", SiteEnd.FAILED, ("no room",)),
        ("well", SiteEnd.DONE, ("a.warc.gz",)),
    ]
