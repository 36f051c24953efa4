"""Takedowns in the archives of a fleet: which concern a site, each done once, also after a kill."""

from __future__ import annotations

from contextlib import closing
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest

from broadsheet.crawler.fleet import fleet_takedowns, site_copies, stored_run
from broadsheet.crawler.fleet.fleet_takedowns import (
    SiteTakedowns,
    in_turn,
    plan_takedowns,
    take_down_beside,
    take_down_stored,
)
from broadsheet.crawler.fleet.object_store import ObjectStore, StoreFull
from broadsheet.crawler.fleet.site_lease import LeaseWatch, SiteIsLeased, acquire, read_site
from broadsheet.crawler.fleet.site_task import SiteEnd
from broadsheet.crawler.fleet.stored_run import StoredSite, run_stored
from broadsheet.output.archive.archive_errors import InUse
from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.read.verify import verify
from broadsheet.output.write.archive_writer import Archive
from tests.crawler.fleet.sites import HOST, crawl_of, site_in, store_pages, stored_manifest, stored_names
from tests.output.conftest import Clock

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
    rewrite = fleet_takedowns.rewrite_file
    for module in (fleet_takedowns, site_copies):
        monkeypatch.setattr(module, "rewrite_file", lambda db: (noted.append("once"), rewrite(db)))
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


@pytest.mark.parametrize("step", ["_take_down_all", "rewrite_file"])
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
    assert take_down_stored(site, LeaseWatch(site.terms), patterns, "") == []


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
    assert read_site(run_store, "lamp").owner == ""
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
    """Killed after the takedown in the local copy; the lease of the dead runner is waited for."""
    run_stored(site_in(run_store, tmp_path, clock=Clock()), crawl_of("one", "two"))
    with monkeypatch.context() as patch:
        patch.setattr(stored_run, "_bring_home", kill)
        with pytest.raises(KilledError):
            take_down_in(site_in(run_store, tmp_path, "second", Clock(60)), ONE)
    site, seconds = site_in(run_store, tmp_path, "second", Clock(900)), count(0, 60)
    assert site.copy.is_left_over()
    assert read_site(run_store, "lamp").owner == "second"
    monkeypatch.setattr(fleet_takedowns, "_POLL_SECONDS", 0)
    watch = LeaseWatch(site.terms, lambda: next(seconds))
    tries: list[str] = []

    def work(name: str) -> list[str]:
        tries.append(name)
        return take_down_stored(site, watch, (ONE,), "")

    (result,) = in_turn(["lamp"], work, lambda name: False)
    assert result.end is SiteEnd.DONE, result
    assert len(tries) > 1, "the watch is asked, and not only the times in the record"
    assert len(rewrites) <= 2
    assert stored_names(run_store, tmp_path) == {"two"}
    stored = b"".join(chunk for key in run_store.keys("sites/lamp/pieces/") for chunk in run_store.chunks(key))
    assert TEXT not in stored
    assert TEXT not in site.copy.base_path.read_bytes()


def test_a_site_of_another_runner_is_left(run_store: ObjectStore, tmp_path: Path) -> None:
    run_stored(site_in(run_store, tmp_path), crawl_of("one"))
    acquire(run_store, "lamp", "another")
    site = site_in(run_store, tmp_path, "second")
    with pytest.raises(SiteIsLeased):
        take_down_in(site, ONE)
    assert not site.copy.is_left_over()
    with stored_run.in_hand(site.copy), pytest.raises(InUse):
        take_down_in(site, ONE)
    site.copy.folder.mkdir(parents=True)
    generation = read_site(run_store, "lamp").generation
    with Archive.open(site.copy.archive), pytest.raises(InUse):
        take_down_in(site_in(run_store, tmp_path, "second", Clock(900)), ONE)
    assert read_site(run_store, "lamp").generation == generation, "what runs here is awaited before the lease is taken"


def test_sites_come_in_turn_and_a_leased_one_again_after_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(fleet_takedowns, "time", SimpleNamespace(sleep=pauses.append))
    tried: list[str] = []
    errors = {"held": SiteIsLeased("held is run"), "used": InUse("used is in use"), "full": StoreFull("no room")}

    def work(name: str) -> list[str]:
        tried.append(name)
        if name in errors:
            raise errors[name]
        if name == "freed" and tried.count(name) == 1:
            raise SiteIsLeased("freed is run")
        return ["a.warc.gz"]

    names = ["held", "freed", "used", "full", "well"]
    results = list(in_turn(names, work, lambda name: tried.count(name) == 3))
    assert [(result.name, result.end, result.lines) for result in results] == [
        ("used", SiteEnd.IN_USE, ("used is in use",)),
        ("full", SiteEnd.FAILED, ("no room",)),
        ("well", SiteEnd.DONE, ("a.warc.gz",)),
        ("freed", SiteEnd.DONE, ("a.warc.gz",)),
        ("held", SiteEnd.IN_USE, ("held is run",)),
    ]
    assert tried == [*names, "held", "freed", "held"]
    assert pauses == [2.0] * 3
