"""Runs of a site in a store: what two runners, a stalled one and a killed one bring home is all there at the end.

One task in a store: its result, also where it cannot run at all, and no secret for its crawl.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest

from broadsheet.crawler.crawl.processes import Lifeline
from broadsheet.crawler.fleet import site_processes as run_site
from broadsheet.crawler.fleet import stored_run
from broadsheet.crawler.fleet.folder_store import FolderStore
from broadsheet.crawler.fleet.object_store import NotInStore, ObjectStore, Patience, StoreUnreachable
from broadsheet.crawler.fleet.site_copies import CopyOrigin, LocalCopy, read_origin, save_beside
from broadsheet.crawler.fleet.site_lease import (
    LeasedThing,
    LeaseLost,
    LeaseTerms,
    SiteIsLeased,
    acquire,
    acquire_thing,
    read_site,
)
from broadsheet.crawler.fleet.site_records import SiteRecord, next_record, parse_record, record_values
from broadsheet.crawler.fleet.site_states import StateWriter, beside_prefix
from broadsheet.crawler.fleet.site_task import SiteEnd, SiteResult, SiteTask
from broadsheet.crawler.fleet.store_address import make_store, store_at
from broadsheet.crawler.fleet.stored_run import CrawlHost, StorePlace, in_hand, run_stored, run_task, save_now
from broadsheet.output.archive.archive_errors import InUse, NotReachable
from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.raw.warc_files import AwayFile, StoredPiece, read_away_files, write_away_files
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.takedowns import take_down
from tests.crawler.fleet.sites import HOST, crawl_of, site_in, store_pages, stored_manifest, stored_names
from tests.output.conftest import Clock, Maker


def test_what_was_crawled_is_in_the_store_and_no_longer_here(run_store: ObjectStore, tmp_path: Path) -> None:
    """Bases of other sites go from this machine that were not used for long."""
    site = site_in(run_store, tmp_path)
    assert (site.wait_seconds, site.save_seconds) == (0.0, 300.0)
    old_base = site.copy.folder.with_name("old") / "base.json"
    old_base.parent.mkdir(parents=True)
    old_base.touch()
    os.utime(old_base, (0, 0))
    run_stored(site, crawl_of("one", "two"))
    assert not old_base.parent.exists()
    assert {path.name for path in site.copy.folder.iterdir()} == {"lamp.db.base", "base.json"}
    assert stored_names(run_store, tmp_path) == {"one", "two"}
    assert read_site(run_store, "lamp").owner == ""


def test_an_update_goes_on_elsewhere_and_fetches_no_raw_response(run_store: ObjectStore, tmp_path: Path) -> None:
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
    assert set(run_store.keys("sites/lamp/pieces/")) == stored_manifest(run_store).keys
    assert len(run_store.keys("sites/lamp/manifests/")) == 1


def test_a_raw_file_that_a_run_lost_sight_of_stays_in_the_store(
    run_store: ObjectStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
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


def test_torn_bytes_of_a_local_copy_stay_when_it_is_home(run_store: ObjectStore, tmp_path: Path) -> None:
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


def test_a_payload_that_lies_in_the_store_is_not_stored_again(run_store: ObjectStore, tmp_path: Path) -> None:
    run_stored(site_in(run_store, tmp_path), crawl_of("one"))
    refers_to: list[object] = []

    def update(archive: Path, is_lost: Event) -> None:
        store_pages(archive, ["one"], Maker(Clock(3_000)))
        with closing(open_database(archive, read_only=True)) as db:
            refers_to.extend(
                row[0] for row in db.execute("SELECT refers_to FROM captures ORDER BY fetched_at").fetchall()
            )

    run_stored(site_in(run_store, tmp_path), update)
    assert [original is None for original in refers_to] == [True, False]


def test_a_site_that_another_runner_has_is_left_alone(run_store: ObjectStore, tmp_path: Path) -> None:
    def second_runner(archive: Path, is_lost: Event) -> None:
        with pytest.raises(SiteIsLeased, match="lamp is run by first"):
            run_stored(site_in(run_store, tmp_path, "second"), crawl_of("never"))
        store_pages(archive, ["one"])

    run_stored(site_in(run_store, tmp_path), second_runner)
    assert stored_names(run_store, tmp_path) == {"one"}


def stalled_runner(store: ObjectStore, tmp_path: Path, *second_names: str) -> Callable[[Path, Event], None]:
    """A crawl that stores a page, stalls until another runner has run the site, and wakes after that."""

    def crawl(archive: Path, is_lost: Event) -> None:
        store_pages(archive, ["late"])
        later = Clock(600)
        run_stored(site_in(store, tmp_path, "second", later), crawl_of(*second_names))

    return crawl


def test_a_stalled_runner_loses_its_lease_and_no_page(
    run_store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To merge what it had, only the raw files are fetched that are its own."""
    run_stored(site_in(run_store, tmp_path, "zeroth", Clock()), crawl_of("base"))
    fetched, fetch = list[tuple[str, int]](), stored_run.fetch_warc_files

    def note(store: ObjectStore, archive: Path, names: list[str]) -> None:
        fetched.append((archive.parent.name, len(names)))
        fetch(store, archive, names)

    monkeypatch.setattr(stored_run, "fetch_warc_files", note)
    first = site_in(run_store, tmp_path, "first", Clock(5))
    run_stored(first, stalled_runner(run_store, tmp_path, "quick"))
    assert stored_names(run_store, tmp_path) == {"base", "quick", "late"}
    assert fetched == [("lamp", 0), ("beside", 1)]
    assert len(run_store.keys("sites/lamp/manifests/")) == 1
    assert not first.copy.is_left_over()
    assert run_store.keys(beside_prefix("lamp")) == []
    names = [file.name for file in stored_manifest(run_store).warc_files]
    assert len(names) == len(set(names)) == 3


def test_a_runner_whose_site_is_kept_by_another_does_not_say_that_it_is_done(
    run_store: ObjectStore, tmp_path: Path
) -> None:
    def crawl(archive: Path, is_lost: Event) -> None:
        store_pages(archive, ["late"])
        acquire(run_store, "lamp", "second", LeaseTerms(120.0, 10.0, Clock(600)))

    with pytest.raises(SiteIsLeased, match="lamp is run by second"):
        run_stored(site_in(run_store, tmp_path, "first", Clock()), crawl)
    assert len(run_store.keys(beside_prefix("lamp"))) == 1
    assert run_store.keys("sites/lamp/manifests/") == []
    run_stored(site_in(run_store, tmp_path, "third", Clock(900)), crawl_of("more"))
    assert stored_names(run_store, tmp_path) == {"late", "more"}


def test_what_is_beside_is_merged_by_whoever_has_the_site_next(
    run_store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(stored_run, "_merge_now", lambda site: None)
        run_stored(site_in(run_store, tmp_path, "first", Clock()), stalled_runner(run_store, tmp_path, "quick"))
    assert len(run_store.keys(beside_prefix("lamp"))) == 1
    assert stored_names(run_store, tmp_path) == {"quick"}
    run_stored(site_in(run_store, tmp_path, "third", Clock(900)), crawl_of("more"))
    assert stored_names(run_store, tmp_path) == {"quick", "late", "more"}
    assert run_store.keys(beside_prefix("lamp")) == []


def test_what_is_put_beside_once_more_is_merged_once_more(run_store: ObjectStore, tmp_path: Path) -> None:
    """Nothing is left of a merge that was cut off."""
    rest = site_in(run_store, tmp_path, "second").copy.folder / "beside/rest.txt"
    late = LocalCopy(tmp_path / "late/lamp", "lamp", "store-1")
    late.folder.mkdir(parents=True)
    for names in (["late"], ["later"]):
        store_pages(late.archive, names)
        save_beside(StateWriter(run_store, "lamp", 1), late, beside_prefix("lamp"))
        rest.parent.mkdir(parents=True)
        rest.touch()
        run_stored(site_in(run_store, tmp_path, "second"), lambda archive, is_lost: None)
        assert not rest.parent.exists()
        assert run_store.keys(beside_prefix("lamp")) == []
    assert stored_names(run_store, tmp_path) == {"late", "later"}


def test_a_state_is_saved_while_the_crawl_goes_on(run_store: ObjectStore, tmp_path: Path) -> None:
    def is_page_saved() -> bool:
        with suppress(NotInStore):  # the next state has taken its place
            return bool(read_site(run_store, "lamp").manifest and stored_manifest(run_store).warc_files)
        return False

    def crawl(archive: Path, is_lost: Event) -> None:
        store_pages(archive, ["one"])
        assert any(is_page_saved() or is_lost.wait(0.05) for _ in range(600))
        assert read_site(run_store, "lamp").owner == "first"
        store_pages(archive, ["two"])

    run_stored(replace(site_in(run_store, tmp_path), save_seconds=0.01), crawl)
    assert stored_names(run_store, tmp_path) == {"one", "two"}
    assert len(run_store.keys("sites/lamp/manifests/")) == 1
    assert set(run_store.keys("sites/lamp/pieces/")) == stored_manifest(run_store).keys


def test_a_lease_is_kept_while_the_crawl_goes_on_and_says_how_many_pages_there_are(
    run_store: ObjectStore, tmp_path: Path
) -> None:
    def crawl(archive: Path, is_lost: Event) -> None:
        store_pages(archive, ["one", "two"])
        assert any(read_site(run_store, "lamp").pages == 2 or is_lost.wait(0.02) for _ in range(1_000))

    run_stored(replace(site_in(run_store, tmp_path), terms=LeaseTerms(0.3, 600.0)), crawl)


def test_another_machine_goes_on_from_what_a_killed_crawl_has_saved(run_store: ObjectStore, tmp_path: Path) -> None:
    site = site_in(run_store, tmp_path, "first", Clock())
    lease = acquire(run_store, "lamp", "first", site.terms)
    site.copy.folder.mkdir(parents=True)
    stored_run.write_origin(site.copy, "")
    for name in ("one", "two"):
        store_pages(site.copy.archive, [name])
        save_now(site, lease)
    store_pages(site.copy.archive, ["unsaved"])
    run_stored(site_in(run_store, tmp_path, "second", Clock(600)), crawl_of("more"))
    assert stored_names(run_store, tmp_path / "then") == {"one", "two", "more"}
    with pytest.raises(LeaseLost):
        save_now(site, lease)
    assert not Path(f"{site.copy.archive}.home").exists()
    assert len(run_store.keys("sites/lamp/manifests/")) == 1
    assert stored_names(run_store, tmp_path / "still") == {"one", "two", "more"}
    run_stored(site_in(run_store, tmp_path, "first", Clock(900)), crawl_of("last"))
    assert stored_names(run_store, tmp_path) == {"one", "two", "more", "unsaved", "last"}


def test_an_archive_that_has_no_tables_yet_is_not_saved(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    store = FolderStore(tmp_path / "store")
    site = site_in(store, tmp_path, "first", Clock())
    lease = acquire(store, "lamp", "first", site.terms)
    site.copy.folder.mkdir(parents=True)
    with closing(sqlite3.connect(site.copy.archive)) as db:
        db.execute("PRAGMA journal_mode = WAL")
    assert site.copy.is_left_over()
    save_now(site, lease)
    assert read_site(store, "lamp").manifest == ""


def test_a_copy_whose_state_the_store_has_is_not_put_there_again(
    run_store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = site_in(run_store, tmp_path, "first", Clock())

    def cut(*arguments: object) -> None:
        raise PowerCutError

    with monkeypatch.context() as patch:
        patch.setattr(stored_run, "bring_copy_home", cut)
        with pytest.raises(PowerCutError):
            run_stored(site, crawl_of("one"))
    assert site.copy.is_left_over()
    monkeypatch.setattr(stored_run, "save_beside", cut)
    run_stored(site_in(run_store, tmp_path, "first", Clock(900)), crawl_of("two"))
    assert stored_names(run_store, tmp_path) == {"one", "two"}


STEPS = ("fetch_with_base", "collect_pieces", "merge_beside", "save_site", "bring_copy_home")


class PowerCutError(BaseException):
    """Stands for a kill: nothing that would clean up runs after it."""


@pytest.mark.parametrize(
    ("step", "moment"),
    [
        ("save_site", "after"),
        *(
            pytest.param(step, moment, marks=pytest.mark.slow)
            for step in STEPS
            for moment in ("before", "after")
            if (step, moment) != ("save_site", "after")
        ),
    ],
)
def test_a_runner_that_is_killed_at_a_step_has_lost_nothing(
    run_store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, moment: str
) -> None:
    run_stored(site_in(run_store, tmp_path, "first", Clock()), crawl_of("base"))
    action = getattr(stored_run, step)

    def cut(*arguments: object) -> object:
        if moment == "after":
            action(*arguments)
        raise PowerCutError

    with monkeypatch.context() as patch:
        patch.setattr(stored_run, step, cut)
        patch.setattr(stored_run.SiteLease, "release", lambda lease: None)
        with pytest.raises(PowerCutError):
            run_stored(site_in(run_store, tmp_path, "first", Clock(100)), crawl_of("one"))
    has_crawled = step not in STEPS[:3]
    run_stored(site_in(run_store, tmp_path, "first", Clock(900)), crawl_of("two"))
    assert stored_names(run_store, tmp_path) == {"base", "two"} | ({"one"} if has_crawled else set())
    assert not site_in(run_store, tmp_path).copy.is_left_over()


def test_what_a_killed_runner_left_is_put_beside_where_the_site_moved_on(
    run_store: ObjectStore, tmp_path: Path
) -> None:
    site = site_in(run_store, tmp_path, "first", Clock())
    acquire(run_store, "lamp", "first", site.terms)
    site.copy.folder.mkdir(parents=True)
    stored_run.write_origin(site.copy, "")
    store_pages(site.copy.archive, ["left"])
    run_stored(site_in(run_store, tmp_path, "second", Clock(600)), crawl_of("quick"))
    run_stored(site_in(run_store, tmp_path, "first", Clock(1_200)), crawl_of("more"))
    assert stored_names(run_store, tmp_path) == {"left", "quick", "more"}


def test_a_crawl_that_still_runs_here_keeps_its_archive(run_store: ObjectStore, tmp_path: Path) -> None:
    site = site_in(run_store, tmp_path)
    site.copy.folder.mkdir(parents=True)
    stored_run.write_origin(site.copy, "elsewhere")
    with Archive.open(site.copy.archive), pytest.raises(InUse):
        run_stored(site, crawl_of("one"))
    assert read_site(run_store, "lamp").owner == ""


def test_a_crawl_that_raises_is_brought_home_too(run_store: ObjectStore, tmp_path: Path) -> None:
    def failing(archive: Path, is_lost: Event) -> None:
        store_pages(archive, ["one"])
        raise ValueError("no memory")

    with pytest.raises(ValueError, match="no memory"):
        run_stored(site_in(run_store, tmp_path), failing)
    assert stored_names(run_store, tmp_path) == {"one"}


def test_a_store_that_fails_at_the_end_leaves_the_local_copy(
    run_store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*arguments: object) -> None:
        raise StoreUnreachable("the store is away")

    site = site_in(run_store, tmp_path, "first", Clock())
    with monkeypatch.context() as patch:
        patch.setattr(type(run_store), "put_bytes", unreachable)
        with pytest.raises(StoreUnreachable):
            run_stored(site, crawl_of("one"))
    assert site.copy.is_left_over()
    run_stored(site_in(run_store, tmp_path, "first", Clock(900)), crawl_of("two"))
    assert stored_names(run_store, tmp_path) == {"one", "two"}


def forget_one(archive: Path, _is_lost: object) -> None:
    """Take a page down in place of a crawl."""
    with Archive.open(archive) as opened:
        take_down(opened.db, f"{HOST}/one", clock=Clock(2_000))


def test_what_was_taken_down_does_not_come_back_with_a_late_runner(run_store: ObjectStore, tmp_path: Path) -> None:
    run_stored(site_in(run_store, tmp_path, "zeroth", Clock()), crawl_of("one", "two"))

    def stalled(archive: Path, is_lost: Event) -> None:
        store_pages(archive, ["late"])
        run_stored(site_in(run_store, tmp_path, "second", Clock(600)), forget_one)

    run_stored(site_in(run_store, tmp_path, "first", Clock(100)), stalled)
    assert stored_names(run_store, tmp_path) == {"two", "late"}


def test_a_takedown_that_comes_late_is_carried_out(run_store: ObjectStore, tmp_path: Path) -> None:
    run_stored(site_in(run_store, tmp_path, "zeroth", Clock()), crawl_of("one", "two"))

    def stalled(archive: Path, is_lost: Event) -> None:
        forget_one(archive, is_lost)
        run_stored(site_in(run_store, tmp_path, "second", Clock(600)), crawl_of("quick"))

    run_stored(site_in(run_store, tmp_path, "first", Clock(100)), stalled)
    assert stored_names(run_store, tmp_path) == {"two", "quick"}


def test_what_two_runners_take_down_is_gone_and_the_late_one_s_pages_are_not(
    run_store: ObjectStore, tmp_path: Path
) -> None:
    """The records that the late one still has to erase went from the store with the takedown of the other."""
    run_stored(site_in(run_store, tmp_path, "zeroth", Clock()), crawl_of("one", "two"))
    old_keys = stored_manifest(run_store).keys

    def stalled(archive: Path, is_lost: Event) -> None:
        store_pages(archive, ["late"])
        forget_one(archive, is_lost)
        run_stored(site_in(run_store, tmp_path, "second", Clock(600)), forget_one)

    first = site_in(run_store, tmp_path, "first", Clock(100))
    run_stored(first, stalled)
    assert stored_names(run_store, tmp_path) == {"two", "late"}
    assert not first.copy.is_left_over()
    assert all(run_store.length(key) is None for key in old_keys)


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
    return StorePlace(address, make_store(address), str(tmp_path / "a/work"), LeaseTerms(), Patience(seconds=0))


def run(task: SiteTask, place: StorePlace) -> SiteResult:
    lifeline = Lifeline()
    try:
        return run_task(task, place, CrawlHost(lifeline, lambda: False))
    finally:
        lifeline.close()


def test_a_task_that_was_finished_gives_its_result_and_does_not_run_again(
    tmp_path: Path, place: StorePlace, environments: list[Mapping[str, str]]
) -> None:
    result = run(TASK, place)
    assert (result.end, result.archive, result.seconds) == (SiteEnd.DONE, TASK.archive, 1.5)
    elsewhere = Path("elsewhere.db")
    assert run(replace(TASK, archive=elsewhere), place) == replace(result, archive=elsewhere)
    assert len(environments) == 1
    assert run(replace(TASK, after=1), place).end is SiteEnd.DONE
    assert len(environments) == 2
    assert record_in(place).due_at > record_in(place).finished_at
    assert stored_names(store_at(place.address), tmp_path) == {"one"}


@pytest.mark.parametrize("is_given_back", [False, True])
def test_a_task_whose_archive_waits_beside_another_has_no_result_yet(
    tmp_path: Path, place: StorePlace, monkeypatch: pytest.MonkeyPatch, is_given_back: bool
) -> None:
    """Where the other has given the site back, what was crawled is merged and noted."""

    class LateCrawl(QuickCrawl):
        """Another runner takes the site while it is under way."""

        def __init__(self, archive: Path) -> None:
            super().__init__(archive)
            later = LeaseTerms(clock=lambda: "2999-01-01T00:00:00+00:00")
            other = acquire(store_at(place.address), "lamp", "another", later)
            if is_given_back:
                other.release()

    monkeypatch.setattr(run_site, "start_site", lambda task, *_words: LateCrawl(task.archive))
    result = run(TASK, place)
    if is_given_back:
        assert result.end is record_in(place).result.end is SiteEnd.DONE
        assert read_site(store_at(place.address), "lamp").owner == ""
        return
    assert (result.end, result.exit_code) == (SiteEnd.IN_USE, 75)
    assert read_site(store_at(place.address), "lamp").turn == {}


def test_a_site_that_another_has_is_in_use(place: StorePlace, environments: list[Mapping[str, str]]) -> None:
    acquire(store_at(place.address), "lamp", "another")
    assert place.wait_seconds == 0.0
    result = run(TASK, place)
    assert (result.end, result.exit_code) == (SiteEnd.IN_USE, 75)
    assert "lamp is run by another" in result.message


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"address": "/nowhere/at/all"}, "is it mounted?"),
        ({"identity": "other"}, "is another store here"),
        ({"address": "ftp://a/b"}, "is no address of a store"),
    ],
)
def test_a_store_that_cannot_be_used_fails_the_task_in_a_line(
    place: StorePlace, environments: list[Mapping[str, str]], change: dict[str, str], words: str
) -> None:
    result = run(TASK, replace(place, **change))
    assert (result.end, result.exit_code) == (SiteEnd.FAILED, 1)
    assert words in result.message
    assert "\n" not in result.message
    assert environments == []


def test_a_crawl_gets_no_credentials_of_the_store(
    place: StorePlace, environments: list[Mapping[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret")
    run(TASK, place)
    assert {name: environments[0][name] for name in os.environ if name.startswith("AWS_")} == {
        name: "" for name in os.environ if name.startswith("AWS_")
    }
    assert "very-secret" not in str(environments)


def test_the_work_folder_may_name_variables_of_the_machine(
    place: StorePlace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SCRATCH", str(tmp_path))
    assert replace(place, work_folder="$SCRATCH/sites").local_folder == tmp_path / "sites"


def test_a_variable_that_the_machine_sets_wins(place: StorePlace, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(("BROADSHEET_", "AWS_", "OBJECT_STORE_")):
            monkeypatch.delenv(name)
    chosen = {
        "BROADSHEET_ADDRESS_GRANTS": "/grants", "BROADSHEET_WORKERS": "1", "BROADSHEET_PER_ADDRESS": "4",
        "BROADSHEET_ADDRESS_FOLDER": str(place.local_folder / ".addresses"),
    }  # fmt: skip
    assert place.environment(Path("/grants")) == chosen
    assert place.environment()["BROADSHEET_ADDRESS_GRANTS"] == ""
    monkeypatch.setenv("BROADSHEET_WORKERS", "3")
    monkeypatch.setenv("OBJECT_STORE_KEY", "secret")
    del chosen["BROADSHEET_WORKERS"]
    assert place.environment(Path("/grants")) == chosen | {"OBJECT_STORE_KEY": ""}


def record_in(place: StorePlace) -> SiteRecord:
    record = parse_record(read_site(store_at(place.address), "lamp").turn)
    assert record is not None
    return record


def test_a_crawl_that_the_system_kills_is_tried_again_some_times(
    place: StorePlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = [SiteEnd.KILLED, SiteEnd.KILLED, SiteEnd.DONE, *[SiteEnd.KILLED] * 9]

    class DoomedCrawl(QuickCrawl):
        def result(self) -> SiteResult:
            return replace(super().result(), end=ends.pop(0))

    monkeypatch.setattr(run_site, "start_site", lambda task, *_words: DoomedCrawl(task.archive))
    assert run(TASK, place).end is SiteEnd.DONE
    for failures in (1, 2, 3):
        assert run(replace(TASK, after=failures), place).end is SiteEnd.KILLED
        assert record_in(place).failures == failures
    assert ends == []


def test_what_fails_before_its_crawl_has_a_record_too(
    place: StorePlace, environments: list[Mapping[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(*_words: object) -> None:
        raise NotReachable("the archive is damaged")

    monkeypatch.setattr(stored_run, "merge_beside", damaged)
    assert run(TASK, place).message == "the archive is damaged"
    assert (record_in(place).failures, record_in(place).result.message) == (1, "the archive is damaged")
    assert environments == []


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(28, "No space left on device", "/full/lamp.db"), "/full/lamp.db: No space left on device"),
        (OSError("nothing that the system knows"), "{work}: nothing that the system knows"),
    ],
)
def test_a_fault_of_the_disk_fails_the_task_in_a_line(
    place: StorePlace, monkeypatch: pytest.MonkeyPatch, error: OSError, message: str
) -> None:
    def fail(*_words: object) -> None:
        raise error

    monkeypatch.setattr(stored_run, "merge_beside", fail)
    result = run(TASK, place)
    assert (result.end, result.message) == (SiteEnd.FAILED, message.format(work=place.local_folder))
    assert record_in(place).failures == 1
    assert read_site(store_at(place.address), "lamp").owner == ""


def test_a_disk_that_holds_no_archive_is_said_before_anything_is_done(
    place: StorePlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_run, "disk_problem", lambda folder: f"{folder} is far away")
    result = run(TASK, place)
    assert (result.end, result.exit_code, result.message) == (
        SiteEnd.UNSUITABLE_DISK, 1, f"{place.local_folder} is far away",
    )  # fmt: skip
    assert store_at(place.address).keys("sites/") == []


def test_a_host_that_two_sites_have_is_crawled_by_one_runner(
    place: StorePlace, environments: list[Mapping[str, str]]
) -> None:
    store, host = store_at(place.address), LeasedThing("the host lamp.example", "hosts/lamp.example.json")
    lease = acquire_thing(store, host, "another", LeaseTerms())
    task = replace(TASK, shared_hosts=("lamp.example",))
    result = run(task, place)
    assert (result.end, result.message[:42]) == (SiteEnd.IN_USE, "the host lamp.example is run by another, u"[:42])
    lease.release()
    assert run(task, place).end is SiteEnd.DONE
    acquire_thing(store, host, "another", LeaseTerms())


def test_a_site_that_this_machine_has_in_hand_is_left_alone(
    place: StorePlace, environments: list[Mapping[str, str]]
) -> None:
    with in_hand(LocalCopy(place.local_folder / "lamp", "lamp", place.identity)):
        result = run(TASK, place)
        assert (result.end, result.message) == (SiteEnd.IN_USE, "lamp is in hand on this machine")
    assert run(TASK, place).end is SiteEnd.DONE


def crawl_in(place: StorePlace, is_stopped: bool = False) -> stored_run._TaskCrawl:
    return stored_run._TaskCrawl(TASK, place, store_at(place.address), CrawlHost(Lifeline(), lambda: is_stopped))


@pytest.mark.parametrize(("is_lost", "is_stopped", "tries"), [(False, False, 3), (True, False, 1), (False, True, 1)])
def test_a_crawl_that_is_killed_is_tried_again_unless_it_is_to_stop(
    place: StorePlace, monkeypatch: pytest.MonkeyPatch, is_lost: bool, is_stopped: bool, tries: int
) -> None:
    asked, event = list[object](), Event()
    if is_lost:
        event.set()

    def run_site(task: SiteTask, _lifeline: object, log: Path, should_stop: Callable[[], bool], variables: object):
        asked.append((task.archive, log, should_stop(), variables))
        return SiteResult("lamp", SiteEnd.KILLED, -9, task.archive)

    monkeypatch.setattr(stored_run, "run_site", run_site)
    crawl = crawl_in(place, is_stopped)
    result = crawl._crawl(Path("x.db"), event, acquire(crawl.store, "lamp", "first"))
    assert (result.end, result.archive) == (SiteEnd.KILLED, TASK.archive)
    assert asked == [(Path("x.db"), Path("x.log"), is_lost or is_stopped, place.environment())] * tries


@pytest.mark.parametrize(("earlier", "end"), [(None, SiteEnd.FAILED), (1, SiteEnd.FAILED), (2, SiteEnd.FAILED),
                                              (3, SiteEnd.DONE)])  # fmt: skip
def test_a_record_is_noted_later_unless_another_runner_has_brought_one_since(
    place: StorePlace, earlier: int | None, end: SiteEnd
) -> None:
    crawl = crawl_in(place)
    lease = acquire(crawl.store, "lamp", "another")
    if earlier is not None:
        record = next_record(TASK, SiteResult.without_run(TASK, "", SiteEnd.DONE), None, "another", earlier)
        lease.note(turn=record_values(record))
    lease.release()
    crawl._note_later(SiteResult.without_run(TASK, "no disk", SiteEnd.FAILED), 2)
    assert record_in(place).result.end is end
    assert read_site(crawl.store, "lamp").owner == ""


def test_files_of_a_takedown_are_named_anew_and_earlier_copies_of_files_are_known(tmp_path: Path) -> None:
    """A file takes the place of one of its length and name of which a piece is gone."""
    ours, theirs = (LocalCopy(tmp_path / name, "lamp", "store-1") for name in ("ours", "theirs"))
    stored: Any = SimpleNamespace(length=lambda key: None if key == "gone" else 1)

    def file(name: str, *keys: str) -> AwayFile:
        return AwayFile(f"lamp.db.{name}.warc.gz", tuple(StoredPiece(key, 1, "") for key in keys))

    lost, kept, longer = file("warc/lost", "gone", "b"), file("warc/kept", "a", "b"), file("warc/longer", "gone")
    alone = file("warc/alone", "gone")
    new_lost, copied = file("warc/lost", "c", "d"), file("merged.warc/lost-0001", "e")
    for copy, files in (
        (theirs, (lost, kept, longer, alone)),
        (ours, (new_lost, file("warc/kept", "c", "d"), file("warc/longer", "c", "d"), copied,
                file("merged.warc/other-1", "f"))),
    ):  # fmt: skip
        copy.folder.mkdir()
        write_away_files(copy.archive, files)
    stored_run._share_files(stored, ours, theirs)
    assert list(read_away_files(theirs.archive).values()) == [new_lost, kept, longer, alone]
    assert stored_run._earlier_copies(ours, ["lamp.db.warc/kept.warc.gz"]) == []
    assert stored_run._earlier_copies(ours, ["x/none.warc.gz", lost.name.replace("lamp.db.", "a/")]) == [copied.name]


def test_saving_takes_a_twentieth_of_the_time_at_most_and_what_fails_is_left_to_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The saves take 2, 15, 20 and 40 seconds; the second fails, the fourth finds the lease lost."""
    now, waits, seconds = [0.0], list[float](), iter([2.0, 15.0, 20.0, 40.0])

    class Running:
        def wait(self, pause: float) -> bool:
            waits.append(pause)
            return False

    def save(*_words: object) -> None:
        taken = next(seconds)
        now[0] += taken
        if taken == 15.0:
            raise StoreUnreachable("away")
        if taken == 40.0:
            raise LeaseLost("another")

    monkeypatch.setattr(stored_run, "running_beside", lambda work, name: nullcontext(work(Running())))
    monkeypatch.setattr(stored_run, "save_now", save)
    monkeypatch.setattr(stored_run, "time", SimpleNamespace(monotonic=lambda: now[0]))
    (tmp_path / "store").mkdir()
    site = site_in(FolderStore(tmp_path / "store"), tmp_path)
    with stored_run._saving(site, acquire(site.store, "lamp", "first"), []):
        pass
    assert waits == [300.0, 300.0, 300.0, 400.0]
    assert caplog.messages == ["lamp was not saved while it is crawled: away"]


def test_a_crawl_that_stores_nothing_leaves_nothing_and_gives_the_site_back(
    run_store: ObjectStore, tmp_path: Path
) -> None:
    """Also where another runner has taken the site meanwhile, who keeps it."""
    site, seen = site_in(run_store, tmp_path), list[CopyOrigin | None]()
    for generation in (1, 2):
        run_stored(site, lambda _archive, _is_lost: seen.append(read_origin(site.copy)))
        record = read_site(run_store, "lamp")
        assert (record.owner, record.expires_at, record.manifest, record.generation) == ("", "", "", generation)
    late = LeaseTerms(clock=lambda: "2999-01-01T00:00:00+00:00")
    run_stored(site, lambda _archive, _is_lost: acquire(run_store, "lamp", "thief", late))
    assert (read_site(run_store, "lamp").owner, seen) == ("thief", [CopyOrigin("store-1", "")] * 2)
    assert run_store.keys("sites/lamp/pieces/") == run_store.keys("sites/lamp/manifests/") == []
