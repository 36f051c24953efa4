"""Runs of a site in a store: what is published is all there at the end, whoever was killed or overtaken.

A task gives a result, also where it cannot run at all. Takedowns in the archives of a fleet.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from broadsheet.crawler.crawl.processes import Lifeline
from broadsheet.crawler.fleet import site_processes as run_site
from broadsheet.crawler.fleet import stored_run
from broadsheet.crawler.fleet.fleet_takedowns import SiteTakedowns, in_turn, plan_takedowns, take_down_beside
from broadsheet.crawler.fleet.folder_store import FolderStore
from broadsheet.crawler.fleet.object_store import NotInStore, ObjectStore, Patience, StoreFull, StoreUnreachable
from broadsheet.crawler.fleet.site_copies import LocalCopy, read_origin, write_origin
from broadsheet.crawler.fleet.site_head import Overtaken, SiteAttempt, SiteHead, read_head
from broadsheet.crawler.fleet.site_records import SiteRecord, parse_record
from broadsheet.crawler.fleet.site_states import StoredState, state_prefix
from broadsheet.crawler.fleet.site_task import SiteEnd, SiteResult, SiteTask
from broadsheet.crawler.fleet.store_address import make_store, store_at
from broadsheet.crawler.fleet.stored_run import (
    CrawlHost,
    StorePlace,
    forget_stored,
    in_hand,
    run_stored,
    run_task,
    save_now,
)
from broadsheet.output.archive.archive_errors import InUse, NotReachable
from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.write import takedowns
from broadsheet.output.write.archive_writer import Archive
from tests.crawler.fleet.sites import HOST, crawl_of, site_in, store_pages, stored_manifest, stored_names
from tests.crawler.warm import PATIENCE
from tests.output.conftest import Clock, Maker
from tests.windows import KilledError


def test_what_was_crawled_is_in_the_store_and_no_longer_here(run_store, tmp_path):
    """Bases of other sites go from this machine that were not used for long."""
    site = site_in(run_store, tmp_path)
    old_base = site.copy.folder.with_name("old") / "old.db.base"
    old_base.parent.mkdir(parents=True)
    old_base.touch()
    os.utime(old_base, (0, 0))
    run_stored(site, crawl_of("one", "two"))
    assert not old_base.parent.exists()
    assert {path.name for path in site.copy.folder.iterdir()} == {"lamp.db.base", "origin.json"}
    assert stored_names(run_store, tmp_path) == {"one", "two"}


def test_an_update_goes_on_elsewhere_and_fetches_no_raw_response(run_store, tmp_path):
    run_stored(site_in(run_store, tmp_path), crawl_of("one"))
    first_files = stored_manifest(run_store).warc_files

    def update(archive: Path, is_lost: Event) -> None:
        assert list(archive.parent.rglob("*.warc.gz")) == []
        with Archive.open(archive) as opened:
            assert opened.recovery.short_names == ()
        store_pages(archive, ["two", "one"])

    run_stored(site_in(run_store, tmp_path, "second"), update)
    files = stored_manifest(run_store).warc_files
    assert set(first_files) < set(files)
    assert stored_names(run_store, tmp_path) == {"one", "two"}
    assert_nothing_unnamed(run_store)


def test_a_raw_file_that_a_run_lost_sight_of_stays_in_the_store(run_store, tmp_path, caplog):
    run_stored(site_in(run_store, tmp_path), crawl_of("one"))
    (file,) = stored_manifest(run_store).warc_files

    def update(archive: Path, is_lost: Event) -> None:
        Path(f"{archive}.away").unlink()
        store_pages(archive, ["two"])

    run_stored(site_in(run_store, tmp_path), update)
    assert file not in stored_manifest(run_store).warc_files
    assert stored_manifest(run_store).lost_files == (file,)
    assert run_store.length(file.pieces[0].key) == file.length
    assert f"{file.name} is no longer named by lamp; its bytes stay in the store" in caplog.messages


def test_torn_bytes_of_a_local_copy_stay_when_it_is_home(run_store, tmp_path):
    site = site_in(run_store, tmp_path)

    def crawl(archive: Path, is_lost: Event) -> None:
        store_pages(archive, ["one"])
        (path,) = archive.parent.rglob("*.warc.gz")
        path.write_bytes(path.read_bytes() + b"torn")

    run_stored(site, crawl)
    assert [path.read_bytes() for path in site.copy.folder.rglob("*.tail-*")] == [b"torn"]
    assert list(site.copy.folder.rglob("*.warc.gz")) == []
    run_stored(site, crawl_of("two"))
    assert stored_names(run_store, tmp_path) == {"one", "two"}


def test_a_payload_that_lies_in_the_store_is_not_stored_again(run_store, tmp_path):
    run_stored(site_in(run_store, tmp_path), crawl_of("one"))
    refers_to: list[bool] = []

    def update(archive: Path, is_lost: Event) -> None:
        store_pages(archive, ["one"], Maker(Clock(3_000)))
        with closing(open_database(archive, read_only=True)) as db:
            rows = db.execute("SELECT refers_to IS NOT NULL FROM captures ORDER BY fetched_at").fetchall()
        refers_to.extend(bool(refers) for (refers,) in rows)

    run_stored(site_in(run_store, tmp_path), update)
    assert refers_to == [False, True]


def assert_nothing_unnamed(store: ObjectStore) -> None:
    """The store has the site's state, and no object besides."""
    named = {read_head(store, "lamp").manifest} | stored_manifest(store).keys
    assert set(store.keys(state_prefix("lamp"))) == named


def attempt_at(site: stored_run.StoredSite) -> SiteAttempt:
    """An attempt whose local copy is ready for a first crawl."""
    site.copy.folder.mkdir(parents=True)
    write_origin(site.copy, StoredState.of_nothing("lamp"))
    return SiteAttempt(site.store, "lamp")


def test_another_machine_goes_on_from_what_a_killed_crawl_has_saved(run_store, tmp_path):
    site = site_in(run_store, tmp_path)
    attempt = attempt_at(site)
    for name in ("one", "two"):
        store_pages(site.copy.archive, [name])
        save_now(site, attempt)
    assert (attempt.head.generation, read_head(run_store, "lamp").pages) == (2, 2)
    store_pages(site.copy.archive, ["unsaved"])
    run_stored(site_in(run_store, tmp_path, "second"), crawl_of("more"))
    assert stored_names(run_store, tmp_path / "then") == {"one", "two", "more"}
    with pytest.raises(Overtaken):
        save_now(site, attempt)
    assert not Path(f"{site.copy.archive}.home").exists()
    run_stored(site, crawl_of("last"))
    assert stored_names(run_store, tmp_path) == {"one", "two", "more", "last"}
    assert_nothing_unnamed(run_store)


def test_an_archive_that_has_no_tables_yet_is_not_saved(disk, tmp_path):
    site = site_in(disk, tmp_path)
    attempt = attempt_at(site)
    with closing(sqlite3.connect(site.copy.archive)) as db:
        db.execute("PRAGMA journal_mode = WAL")
    assert site.copy.is_left_over()
    save_now(site, attempt)
    assert read_head(site.store, "lamp").generation == 0


def test_a_crawl_stops_when_it_is_overtaken_or_its_run_has_lost_the_list(disk, tmp_path):
    def crawl(archive: Path, must_stop: Event) -> None:
        store_pages(archive, ["one"])
        assert must_stop.wait(PATIENCE)

    site = replace(site_in(disk, tmp_path), save_seconds=0.01)
    run_stored(replace(site, is_wanted=lambda: False), crawl)
    assert stored_names(disk, tmp_path) == {"one"}

    def overtaken(archive: Path, must_stop: Event) -> None:
        SiteAttempt(disk, "lamp").publish()
        crawl(archive, must_stop)

    with pytest.raises(Overtaken):
        run_stored(site, overtaken)
    assert not site.copy.is_left_over()


@contextmanager
def killed_at(patch: pytest.MonkeyPatch, module: object, step: str) -> Iterator[None]:
    """A kill at a step: nothing that would clean up runs after it."""
    with patch.context() as inner:
        inner.setattr(module, step, Mock(side_effect=KilledError))
        with pytest.raises(KilledError):
            yield


def test_what_a_killed_attempt_left_is_gone_on_with_unless_the_site_moved_on(run_store, tmp_path, monkeypatch):
    for machine, page, others in (("first", "one", ()), ("second", "two", ("three",))):
        with killed_at(monkeypatch, stored_run, "save_site"):
            run_stored(site_in(run_store, tmp_path, machine), crawl_of(page))
        for other in others:
            run_stored(site_in(run_store, tmp_path, "third"), crawl_of(other))
        run_stored(site_in(run_store, tmp_path, machine), crawl_of("next"))
    assert stored_names(run_store, tmp_path) == {"one", "three", "next"}


@pytest.mark.parametrize("lost", ["", "lamp.db", "lamp.db.warc/folder.json", "lamp.db.warc/committed.jsonl"])
def test_a_first_crawl_that_was_killed_and_overtaken_stands_in_nobodys_way(run_store, tmp_path, monkeypatch, lost):
    """Three turns on the same disks; also with what a removal that was killed has left."""
    with killed_at(monkeypatch, stored_run, "save_site"):
        run_stored(site_in(run_store, tmp_path), crawl_of("one"))
    folder = site_in(run_store, tmp_path).copy.folder
    for left in ("lamp.db.warc/folder.lock", "lamp.db.warc/lost.warc.gz.tail-1", "lamp.db-journal"):
        (folder / left).write_bytes(b"left")
    if lost:
        (folder / lost).unlink()
    for machine, page in (("second", "two"), ("first", "three"), ("second", "four"), ("first", "five")):
        run_stored(site_in(run_store, tmp_path, machine), crawl_of(page))
    assert stored_names(run_store, tmp_path) == {"two", "three", "four", "five"}
    assert {path.name for path in folder.iterdir()} == {"lamp.db.base", "origin.json"}


def test_a_log_that_an_archive_left_is_not_applied_to_the_next_one(run_store, tmp_path, monkeypatch):
    run_stored(site_in(run_store, tmp_path), crawl_of("one"))
    copy = site_in(run_store, tmp_path).copy
    with killed_at(monkeypatch, stored_run, "save_site"):
        run_stored(site_in(run_store, tmp_path), crawl_of("two"))
    with closing(sqlite3.connect(copy.archive)) as db, closing(sqlite3.connect(copy.archive)) as reader:
        db.executescript("PRAGMA journal_mode = WAL; UPDATE urls SET reason = 'other'; BEGIN; SELECT 1;")
        reader.execute("SELECT count(*) FROM urls").fetchone()
        log = Path(f"{copy.archive}-wal").read_bytes()
    copy.archive.unlink()
    Path(f"{copy.archive}-wal").write_bytes(log)
    run_stored(site_in(run_store, tmp_path), crawl_of("three"))
    assert stored_names(run_store, tmp_path) == {"one", "three"}


def test_a_state_whose_pieces_go_while_they_are_fetched_is_overtaken(disk, tmp_path):
    run_stored(site_in(disk, tmp_path), crawl_of("one"))
    attempt = SiteAttempt(disk, "lamp")
    forget_stored(site_in(disk, tmp_path), [ONE], "")
    with pytest.raises(Overtaken):
        run_stored(site_in(disk, tmp_path, "second"), crawl_of("two"), attempt)
    for key in disk.keys(state_prefix("lamp")):
        disk.delete(key)
    with pytest.raises(NotInStore):
        run_stored(site_in(disk, tmp_path, "second"), crawl_of("two"))


def test_a_crawl_that_still_runs_here_keeps_its_archive(run_store, tmp_path):
    site = site_in(run_store, tmp_path)
    site.copy.folder.mkdir(parents=True)
    write_origin(site.copy, replace(StoredState.of_nothing("lamp"), key="elsewhere"))
    with Archive.open(site.copy.archive), pytest.raises(InUse):
        run_stored(site, crawl_of("one"))


def test_a_crawl_that_raises_is_brought_home_too(run_store, tmp_path):
    def failing(archive: Path, is_lost: Event) -> None:
        store_pages(archive, ["one"])
        raise ValueError("no memory")

    with pytest.raises(ValueError, match="no memory"):
        run_stored(site_in(run_store, tmp_path), failing)
    assert stored_names(run_store, tmp_path) == {"one"}


def test_a_store_that_fails_at_the_end_leaves_the_local_copy(run_store, tmp_path, monkeypatch):
    site = site_in(run_store, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(type(run_store), "put_bytes", Mock(side_effect=StoreUnreachable("the store is away")))
        with pytest.raises(StoreUnreachable):
            run_stored(site, crawl_of("one"))
    assert site.copy.is_left_over()
    run_stored(site_in(run_store, tmp_path), crawl_of("two"))
    assert stored_names(run_store, tmp_path) == {"one", "two"}


def test_a_takedown_refuses_a_running_attempt_and_comes_before_the_next_state(run_store, tmp_path, monkeypatch):
    """Whoever writes the next state carries it out, where the one who asked for it was killed."""
    run_stored(site_in(run_store, tmp_path, "zeroth"), crawl_of("one", "two"))
    old_keys = stored_manifest(run_store).keys

    def forget_and_die(archive: Path, _is_lost: Event) -> None:
        store_pages(archive, ["late"])
        with killed_at(monkeypatch, stored_run, "run_stored"):
            forget_stored(site_in(run_store, tmp_path, "second"), [ONE], "asked")

    with pytest.raises(Overtaken):
        run_stored(site_in(run_store, tmp_path), forget_and_die)
    assert read_head(run_store, "lamp").takedowns == ((ONE, "asked"),)
    run_stored(site_in(run_store, tmp_path), crawl_of("more"))
    assert (stored_names(run_store, tmp_path), read_head(run_store, "lamp").takedowns) == ({"two", "more"}, ())
    assert all(run_store.length(key) is None for key in old_keys)
    assert_nothing_unnamed(run_store)


def test_a_takedown_tries_again_where_others_publish_meanwhile(run_store, tmp_path, monkeypatch):
    run_stored(site_in(run_store, tmp_path), crawl_of("one", "two"))
    run, times = run_stored, iter([True, False])

    def beaten(site: stored_run.StoredSite, *words: Any) -> object:
        if next(times):
            run_stored(site_in(run_store, tmp_path, "quick"), crawl_of("quick"))
        return run(site, *words)

    monkeypatch.setattr(stored_run, "run_stored", lambda site, *words: (
        beaten if site.copy.folder.parent.name == "second" else run)(site, *words))  # fmt: skip
    assert forget_stored(site_in(run_store, tmp_path, "second"), [f"{HOST}/one"], "") == []
    assert stored_names(run_store, tmp_path) == {"two", "quick"}


TASK = SiteTask("lamp", Path("lamp.db"), ("http://lamp.example/",), every=3600.0, words_digest="words")


class QuickCrawl:
    """In place of a crawl's process: stores a page at once."""

    def __init__(self, archive: Path) -> None:
        store_pages(archive, ["one"])

    def result(self) -> SiteResult:
        return SiteResult("lamp", SiteEnd.DONE, 0, Path("local.db"), seconds=1.5)


@pytest.fixture
def environments(monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, str]]:
    """Crawls are quick; what each got of the environment."""
    given: list[Mapping[str, str]] = []

    def start(task: SiteTask, lifeline: Lifeline, log: Path, environment: Mapping[str, str]) -> QuickCrawl:
        given.append(environment)
        return QuickCrawl(task.archive)

    monkeypatch.setattr(run_site, "start_site", start)
    return given


@pytest.fixture
def place(tmp_path: Path) -> StorePlace:
    address = str(tmp_path / "store")
    return StorePlace(address, make_store(address), str(tmp_path / "a/work"), Patience(seconds=0))


def run(task: SiteTask, place: StorePlace) -> SiteResult:
    lifeline = Lifeline()
    try:
        return run_task(task, place, CrawlHost(lifeline, lambda: False))
    finally:
        lifeline.close()


def test_a_task_that_was_finished_gives_its_result_and_does_not_run_again(tmp_path, place, environments):
    result = run(TASK, place)
    assert (result.end, result.archive, result.seconds) == (SiteEnd.DONE, TASK.archive, 1.5)
    elsewhere = Path("elsewhere.db")
    assert run(replace(TASK, archive=elsewhere), place) == replace(result, archive=elsewhere)
    assert len(environments) == 1
    assert run(replace(TASK, after=record_in(place).finished_at), place).end is SiteEnd.DONE
    assert len(environments) == 2
    assert record_in(place).due_at > record_in(place).finished_at
    assert stored_names(store_at(place.address), tmp_path) == {"one"}


def test_a_task_that_is_overtaken_says_so_and_publishes_no_turn(place, monkeypatch):
    class LateCrawl(QuickCrawl):
        """Another attempt is published while it is under way."""

        def __init__(self, archive: Path) -> None:
            super().__init__(archive)
            SiteAttempt(store_at(place.address), "lamp").publish(pages=7)

    monkeypatch.setattr(run_site, "start_site", lambda task, *_words: LateCrawl(task.archive))
    result = run(TASK, place)
    assert (result.end, result.exit_code, result.is_published) == (SiteEnd.OVERTAKEN, 75, False)
    head = read_head(store_at(place.address), "lamp")
    assert (head.generation, head.pages, head.turn, head.manifest) == (1, 7, {}, "")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"address": "/nowhere/at/all"}, "is it mounted?"),
        ({"identity": "other"}, "is another store here"),
        ({"address": "ftp://a/b"}, "is not an address of a store"),
    ],
)
def test_a_store_that_cannot_be_used_fails_the_task_in_a_line(place, environments, change, words):
    result = run(TASK, replace(place, **change))
    assert (result.end, result.exit_code) == (SiteEnd.FAILED, 1)
    assert words in result.message
    assert "\n" not in result.message
    assert environments == []


def test_a_crawl_gets_no_credentials_of_the_store(place, environments, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret")
    run(TASK, place)
    assert environments[0]["AWS_SECRET_ACCESS_KEY"] == ""
    assert "very-secret" not in str(environments)


def test_a_variable_that_the_machine_sets_wins(place, monkeypatch, tmp_path):
    """The work folder may name variables of the machine."""
    for name in os.environ:
        if name.startswith(("BROADSHEET_", "AWS_", "OBJECT_STORE_")):
            monkeypatch.delenv(name)
    chosen = {
        "BROADSHEET_WORKERS": "1", "BROADSHEET_PER_ADDRESS": "4",
        "BROADSHEET_ADDRESS_FOLDER": str(place.local_folder / ".addresses"),
    }  # fmt: skip
    assert place.environment() == chosen
    monkeypatch.setenv("BROADSHEET_WORKERS", "3")
    monkeypatch.setenv("OBJECT_STORE_KEY", "secret")
    del chosen["BROADSHEET_WORKERS"]
    assert place.environment() == chosen | {"OBJECT_STORE_KEY": ""}
    monkeypatch.setenv("SCRATCH", str(tmp_path))
    assert replace(place, work_folder="$SCRATCH/sites").local_folder == tmp_path / "sites"


def record_in(place: StorePlace) -> SiteRecord:
    record = parse_record(read_head(store_at(place.address), "lamp").turn)
    assert record is not None
    return record


def test_a_crawl_that_the_system_kills_is_tried_again_some_times(place, monkeypatch):
    ends = [SiteEnd.KILLED, SiteEnd.KILLED, SiteEnd.DONE, *[SiteEnd.KILLED] * 9]

    class DoomedCrawl(QuickCrawl):
        def result(self) -> SiteResult:
            return replace(super().result(), end=ends.pop(0))

    monkeypatch.setattr(run_site, "start_site", lambda task, *_words: DoomedCrawl(task.archive))
    assert run(TASK, place).end is SiteEnd.DONE
    for failures in (1, 2, 3):
        assert run(replace(TASK, after=record_in(place).finished_at), place).end is SiteEnd.KILLED
        assert record_in(place).failures == failures
    assert ends == []


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (NotReachable("the archive is damaged"), "the archive is damaged"),
        (OSError(28, "No space left on device", "/full/lamp.db"), "/full/lamp.db: No space left on device"),
        (OSError("nothing that the system knows"), "{work}: nothing that the system knows"),
    ],
)
def test_what_fails_before_its_crawl_is_left_to_the_run_to_publish(
    place, environments, monkeypatch, error,
    message
):  # fmt: skip
    monkeypatch.setattr(stored_run, "_prepare", Mock(side_effect=error))
    result = run(TASK, place)
    assert (result.end, result.message) == (SiteEnd.FAILED, message.format(work=place.local_folder))
    assert (result.is_published, environments) == (False, [])


def test_a_disk_that_holds_no_archive_is_said_before_anything_is_done(place, monkeypatch):
    monkeypatch.setattr(stored_run, "disk_problem", lambda folder: f"{folder} is far away")
    result = run(TASK, place)
    assert (result.end, result.exit_code, result.message) == (
        SiteEnd.UNSUITABLE_DISK, 1, f"{place.local_folder} is far away",
    )  # fmt: skip
    assert store_at(place.address).keys("sites/") == []


def test_a_site_that_this_machine_has_in_hand_is_left_alone(place, environments):
    with in_hand(LocalCopy(place.local_folder / "lamp", "lamp", place.identity)):
        result = run(TASK, place)
        assert (result.end, result.message) == (SiteEnd.IN_USE, "lamp is in hand on this machine")
    assert run(TASK, place).end is SiteEnd.DONE


def test_saving_takes_a_twentieth_of_the_time_at_most_and_what_fails_is_left_to_the_next(
    disk, tmp_path, monkeypatch, caplog
):
    """The saves take 2, 15, 20 and 40 seconds; the second fails, the fourth finds the lease lost."""
    now, waits, seconds = [0.0], list[float](), iter([2.0, 15.0, 20.0, 40.0])
    errors = {15.0: StoreUnreachable("away"), 40.0: Overtaken("another")}

    class Running(Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout or 0.0)
            return False

    def save(*_words: object) -> None:
        taken = next(seconds)
        now[0] += taken
        if taken in errors:
            raise errors[taken]

    monkeypatch.setattr(stored_run, "save_now", save)
    monkeypatch.setattr(stored_run, "time", SimpleNamespace(monotonic=lambda: now[0]))
    site, must_stop = site_in(disk, tmp_path), Event()
    attempt = SiteAttempt(site.store, "lamp")
    monkeypatch.setattr(threading, "Event", Running)
    with stored_run._saving(site, attempt, must_stop):
        assert must_stop.wait(PATIENCE)
    assert [wait for wait in waits if wait] == [300.0, 300.0, 300.0, 400.0]
    assert caplog.messages == ["lamp was not saved while it is crawled: away", "another"]


def test_a_crawl_that_stores_nothing_leaves_nothing(run_store, tmp_path):
    site, seen = site_in(run_store, tmp_path), list[StoredState | None]()
    run_stored(site, lambda _archive, _is_lost: seen.append(read_origin(site.copy)))
    assert (read_head(run_store, "lamp"), seen) == (SiteHead(), [StoredState.of_nothing("lamp")])
    assert run_store.keys(state_prefix("lamp")) == []


ONE, TWO, LATER = f"{HOST}/one", f"{HOST}/two", f"{HOST}/later/*"
TEXT = b"of one is told here"


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


@pytest.fixture
def rewrites(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """An entry for each time that an archive is rewritten."""
    noted: list[str] = []
    rewrite = takedowns._erase_remains
    monkeypatch.setattr(takedowns, "_erase_remains", lambda db: (noted.append("once"), rewrite(db)))
    return noted


def test_an_archive_is_concerned_by_a_url_a_host_or_an_earlier_takedown(file):
    known = (ONE, LATER, "*/thr*", "http://*.example/x")
    assert plan(file, *known, "http://other.example/one", "*nothing*", "no url").patterns == known
    assert (plan(file, ONE).is_open, plan(file, LATER).is_open, plan(file, "*nothing*").is_open) == (True, True, False)
    take_down_beside(file, ("*nothing*",), "")
    with Archive.open(file) as archive:
        archive.db.execute("INSERT INTO takedowns (pattern, at, urls, articles, blocks) VALUES (?, '', 0, 0, 0)", [TWO])
        archive.db.execute("UPDATE urls SET host = '' WHERE url = ?", [ONE])
        archive.db.conn.commit()
    assert plan(file, "*nothing*", "no url").patterns == ("*nothing*",)
    assert (plan(file, "*nothing*").is_open, plan(file, TWO).is_open) == (False, True)


@pytest.mark.parametrize("step", ["take_down", "_erase_remains"])
def test_a_takedown_is_open_until_the_file_is_written_anew(file, monkeypatch, step):
    with killed_at(monkeypatch, takedowns, step):
        take_down_beside(file, (ONE,), "")
    assert plan(file, ONE).is_open
    take_down_beside(file, (ONE,), "")
    assert not plan(file, ONE).is_open


def test_a_site_of_a_store_gets_a_new_state_without_pieces_of_the_earlier_one(run_store, tmp_path, rewrites):
    """The raw responses that are erased lie in a WARC file that is away; that of another turn stays as it is."""
    run_stored(site_in(run_store, tmp_path), crawl_of("one", "two"))
    run_stored(site_in(run_store, tmp_path), crawl_of("three"))
    old = stored_manifest(run_store)
    site = site_in(run_store, tmp_path, "second")
    assert forget_stored(site, [ONE, LATER], "") == []
    assert rewrites == ["once"]
    assert stored_manifest(run_store).database.full_count == len(stored_manifest(run_store).database.pieces)
    assert forget_stored(site, [ONE], "") == []
    assert rewrites == ["once", "once"], "also where nothing new is noted, since more may have come of the pattern"
    new = stored_manifest(run_store)
    kept = [file for file in new.warc_files if file in old.warc_files]
    assert (len(kept), len(new.warc_files)) == (1, 2)
    assert all(run_store.length(key) is None for key in old.keys - new.keys)
    assert not {piece.key for piece in old.database.pieces} & new.keys
    assert_nothing_unnamed(run_store)
    assert stored_names(run_store, tmp_path) == {"two", "three"}
    assert read_head(run_store, "lamp").takedowns == ()
    assert TEXT not in site.copy.base_path.read_bytes()
    assert not plan(site.copy.base_path, ONE, LATER).is_open


def test_a_payload_that_another_page_shares_stays(run_store, tmp_path):
    """The page two was fetched with the bytes of one: its capture refers to the record that is erased."""

    def crawl(archive: Path, is_lost: object) -> None:
        store_pages(archive, ["one", "two"])
        with Archive.open(archive) as opened:
            opened.db.execute(
                f"UPDATE captures SET refers_to = (SELECT id FROM captures WHERE url = '{ONE}') WHERE url = '{TWO}'"
            )
            opened.db.conn.commit()

    run_stored(site_in(run_store, tmp_path), crawl)
    site = site_in(run_store, tmp_path, "second")
    assert forget_stored(site, [ONE], "") == []
    with closing(open_database(site.copy.base_path, read_only=True)) as db:
        rows = db.execute(f"SELECT warc_file IS NULL, refers_to FROM captures WHERE url = '{TWO}'").fetchall()
    assert rows == [(0, None)]


def test_a_takedown_that_was_killed_is_gone_on_with(run_store, tmp_path, rewrites, monkeypatch):
    """Killed after the takedown in the local copy."""
    run_stored(site_in(run_store, tmp_path), crawl_of("one", "two"))
    site = site_in(run_store, tmp_path, "second")
    with killed_at(monkeypatch, stored_run, "_bring_home"):
        forget_stored(site, [ONE], "")
    assert site.copy.is_left_over()
    (result,) = in_turn(["lamp"], lambda name: forget_stored(site, (ONE,), ""))
    assert result.end is SiteEnd.DONE, result
    assert len(rewrites) <= 2
    assert stored_names(run_store, tmp_path) == {"two"}
    stored = b"".join(chunk for key in run_store.keys("sites/lamp/states/") for chunk in run_store.chunks(key))
    assert TEXT not in stored
    assert TEXT not in site.copy.base_path.read_bytes()


def test_a_site_that_is_in_hand_here_is_left_to_whoever_writes_its_next_state(run_store, tmp_path):
    run_stored(site_in(run_store, tmp_path), crawl_of("one", "two"))
    site = site_in(run_store, tmp_path, "second")
    with stored_run.in_hand(site.copy), pytest.raises(InUse):
        forget_stored(site, [ONE], "")
    site.copy.folder.mkdir(parents=True)
    with Archive.open(site.copy.archive), pytest.raises(InUse):
        forget_stored(site, [ONE], "")
    assert read_head(run_store, "lamp").takedowns == ((ONE, ""),)
    run_stored(site_in(run_store, tmp_path), crawl_of("three"))
    assert stored_names(run_store, tmp_path) == {"two", "three"}


def test_sites_come_in_turn_and_each_has_its_result():
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


@pytest.fixture
def disk(tmp_path: Path) -> FolderStore:
    (tmp_path / "store").mkdir()
    return FolderStore(tmp_path / "store")
