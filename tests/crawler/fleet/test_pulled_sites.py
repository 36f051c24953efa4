"""Due sites of a store, as a worker takes them: each once, those of killed workers too, and none of a living one."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from inspect import signature
from pathlib import Path
from types import SimpleNamespace

import pytest

from broadsheet.crawler.fleet import pulled_sites
from broadsheet.crawler.fleet.folder_store import FolderStore
from broadsheet.crawler.fleet.object_store import ObjectStore, StoreRefused
from broadsheet.crawler.fleet.pulled_sites import DueSites, PulledWork
from broadsheet.crawler.fleet.site_lease import LeaseTerms, LeaseWatch, SiteLease, acquire
from broadsheet.crawler.fleet.site_records import next_record, parse_record, record_values
from broadsheet.crawler.fleet.site_task import SiteCounts, SiteEnd, SiteResult, SiteTask
from broadsheet.crawler.fleet.sites_file import Site, SiteList
from broadsheet.crawler.fleet.store_address import store_at
from broadsheet.crawler.fleet.stored_run import StorePlace
from tests.crawler.fleet.faulty_s3 import SIDES, FaultyS3, KillAims
from tests.crawler.fleet.s3_server import S3Server
from tests.crawler.fleet.troubled_fleet import asked_again, served_sites, stored_archive
from tests.crawler.fleet.troubled_workers import (
    ADDRESS,
    Workers,
    as_the_newer_version,
    home_times,
    make_newer_version,
)
from tests.crawler.warm import PATIENCE
from tests.sampling import sampled


@dataclass
class MovedClock:
    """A clock that stands until it is moved, for leases and for sites."""

    now: datetime = field(default_factory=lambda: datetime(2026, 1, 1, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now

    @property
    def terms(self) -> LeaseTerms:
        return LeaseTerms(120.0, 10.0, lambda: self.now.isoformat())

    def move(self, **time: float) -> None:
        self.now += timedelta(**time)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> MovedClock:
    monkeypatch.setattr(pulled_sites, "_LOOK_SECONDS", 0.0)
    return MovedClock()


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    (tmp_path / "store").mkdir()
    return FolderStore(tmp_path / "store")


def source_of(store: ObjectStore, clock: MovedClock, *names: str, **options: bool) -> DueSites:
    sites = tuple(
        Site(name, (), (f"{name}.example",), (), 3600.0, ("false",), ("--", name), (), f"words of {name}")
        for name in names
    )
    fleet = SiteList(Path("sites.toml"), Path("archives"), 0, 4, sites)
    watch = LeaseWatch(clock.terms, lambda: clock.now.timestamp())
    return DueSites(fleet, sites, store, watch, clock=clock, **options)


def end(store: ObjectStore, task: SiteTask, end: SiteEnd = SiteEnd.DONE) -> SiteResult:
    """Run a task as a worker does, in no time: its record is in the store."""
    lease = acquire(store, task.name, "somebody")
    result = SiteResult(task.name, end, 0, task.archive, SiteCounts(new=2))
    record = next_record(task, result, parse_record(lease.record.turn), "somebody", lease.record.generation)
    lease.note(turn=record_values(record))
    lease.release()
    return result


def taken(source: DueSites) -> list[SiteTask]:
    """All tasks that a source gives now, none of which has its result yet."""
    tasks: list[SiteTask] = []
    while task := source.take():
        tasks += task
    return tasks


def names_of(tasks: Sequence[SiteTask]) -> list[str]:
    return [task.name for task in tasks]


def test_what_one_worker_has_done_is_due_for_none(store: FolderStore, clock: MovedClock) -> None:
    first, second = source_of(store, clock, "a", "b"), source_of(store, clock, "a", "b")
    assert not first.is_over(), "it has not looked yet"
    (task,) = first.take()
    assert (task.name, first.is_over()) == ("a", False)
    first.end(end(store, task))
    (other_task,) = second.take()
    assert other_task.name == "b"
    second.end(end(store, other_task))
    for source in (first, second):
        assert taken(source) == []
        assert source.is_over()
    clock.move(minutes=53, seconds=59)
    acquire(store, "a", "who takes all", clock.terms)
    later = source_of(store, clock, "a", "b")
    assert (taken(later), later.is_over()) == ([], True), "nobody waits for a site that is not due"
    clock.move(seconds=1)
    soon = taken(source_of(store, clock, "b"))
    assert [(task.name, task.is_update, task.after) for task in soon] == [("b", True, 1)]


def test_the_longest_due_comes_first_and_what_is_new_before_all(store: FolderStore, clock: MovedClock) -> None:
    for name in ("late", "later"):
        (task,) = source_of(store, clock, name).take()
        end(store, task)
        clock.move(hours=1)
    clock.move(hours=1)
    assert names_of(taken(source_of(store, clock, "later", "late", "new"))) == ["late", "later", "new"]


def test_a_site_that_another_took_between_two_looks_is_left(store: FolderStore, clock: MovedClock) -> None:
    source = source_of(store, clock, "a", "b")
    (task,) = source.take()
    lease = acquire(store, "b", "another", clock.terms)
    assert source.take() == ()
    assert not source.is_over()
    lease.renew()
    clock.move(seconds=40)
    lease.renew()
    source.end(end(store, task))
    assert source.take() == ()
    assert source.is_over()


def test_the_site_of_a_killed_worker_is_waited_for_and_taken(store: FolderStore, clock: MovedClock) -> None:
    acquire(store, "a", "killed", clock.terms)
    source, waiting = source_of(store, clock, "a", "b"), source_of(store, clock, "a", is_waiting=True)
    said: list[str] = []
    source.say = waiting.say = said.append
    assert waiting.take() == ()
    source.end(end(store, *source.take()))
    (task,) = source_of(store, clock, "c").take()
    source._given["c"] = task
    assert (source.take(), said) == ((), []), "while it has work it says nothing"
    del source._given["c"]
    for _ in range(13):
        assert source.take() == ()
        assert not source.is_over()
        clock.move(seconds=10)
    clock.move(seconds=1)
    assert names_of(source.take()) == ["a"]
    assert said == ["a is run by killed; waiting, in case that was killed"]


def test_everything_is_due_once_a_run_whoever_does_it(store: FolderStore, clock: MovedClock) -> None:
    (task,) = source_of(store, clock, "a").take()
    end(store, task)
    clock.move(minutes=5)
    first, second = (source_of(store, clock, "a", "b", everything=True) for _ in range(2))
    for source, name in ((first, "a"), (second, "b")):
        (task,) = source.take()
        assert task.name == name
        source.end(end(store, task))
    for source in (first, second):
        assert (taken(source), source.is_over()) == ([], True)


def test_a_waiting_worker_never_ends_and_finds_what_becomes_due(store: FolderStore, clock: MovedClock) -> None:
    source = source_of(store, clock, "a", is_waiting=True)
    (task,) = source.take()
    source.end(end(store, task))
    assert (taken(source), source.is_over()) == ([], False)
    clock.move(hours=1)
    assert names_of(taken(source)) == ["a"]


def test_what_did_not_end_well_is_not_tried_again_soon(store: FolderStore, clock: MovedClock) -> None:
    """Without a record too, as where the disk is full: the store says that it is due at once."""
    once, waiting = source_of(store, clock, "a"), source_of(store, clock, "a", is_waiting=True)
    for source in (once, waiting):
        (task,) = source.take()
        source.end(SiteResult.without_run(task, "no disk", SiteEnd.UNSUITABLE_DISK))
        assert taken(source) == []
    assert once.is_over()
    clock.move(minutes=6)
    assert (taken(once), names_of(taken(waiting))) == ([], ["a"])


@pytest.mark.parametrize(("is_waiting", "most"), [(False, 11), (True, 20)])
def test_a_site_whose_host_another_has_is_given_up_after_a_lease_by_who_does_not_wait(
    store: FolderStore, clock: MovedClock, monkeypatch: pytest.MonkeyPatch, is_waiting: bool, most: int
) -> None:
    monkeypatch.setattr(pulled_sites, "_LOOK_SECONDS", 15.0)
    source, tries = source_of(store, clock, "a", is_waiting=is_waiting), 0
    while not source.is_over() and tries < 20:
        source._next_look = 0.0
        for task in source.take():
            source.end(SiteResult.without_run(task, "the host is run by another", SiteEnd.IN_USE))
            tries += 1
        clock.move(seconds=15)
    assert tries == most
    assert " ".join(signature(DueSites).parameters) == "fleet sites store watch is_waiting everything say clock"


def test_the_store_is_looked_through_each_fifteen_seconds_or_when_a_task_has_ended(
    store: FolderStore, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, looks = [0.0], list[list[str]]()
    read = pulled_sites.read_states
    monkeypatch.setattr(pulled_sites, "_LOOK_SECONDS", 15.0)
    monkeypatch.setattr(pulled_sites, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(
        pulled_sites, "read_states", lambda store, names: looks.append(list(names)) or read(store, names)
    )
    source = source_of(store, clock, "a", "b", is_waiting=True)
    (first,), (second,) = source.take(), source.take()
    assert looks == [["a", "b"], ["a"], ["b"]]
    for seconds, count in ((14.9, 3), (15.0, 4)):
        now[0] = seconds
        assert (source.take(), len(looks)) == ((), count)
    source.end(end(store, first, SiteEnd.FAILED))
    assert (source.take(), looks[4]) == ((), []), "what did not end well is not given again soon"
    clock.move(minutes=4, seconds=59)
    now[0] += 15
    assert (source.take(), looks[5]) == ((), [])
    clock.move(seconds=1)
    now[0] += 15
    assert (source.take(), looks[6]) == ((), ["a"]), "and it is due by its record only after an hour"
    source.end(end(store, second))
    clock.move(hours=1)
    assert names_of(taken(source)) == ["a", "b"]


def test_two_lists_that_differ_do_not_crawl_a_site_in_turns(
    store: FolderStore, clock: MovedClock, caplog: pytest.LogCaptureFixture
) -> None:
    here, there = (source_of(store, clock, "a", is_waiting=True) for _ in range(2))
    there.sites = (replace(there.sites[0], words_digest="other words"),)
    for source in (here, there):
        (task,) = source.take()
        source.end(end(store, task))
    assert taken(here) == []
    assert "another worker crawls it with other options" in caplog.text
    clock.move(hours=1)
    assert names_of(taken(here)) == ["a"]


class ScriptedEngine:
    """Gives the tasks of its source the ends of a list."""

    def __init__(self, source: DueSites, store: FolderStore, ends: Sequence[SiteEnd]) -> None:
        self._source, self._store, self._ends = source, store, iter(ends)
        self._is_stopped = False

    def run(self, tasks: Sequence[SiteTask], on_result: Callable[[SiteResult], None]) -> None:
        assert tasks == ()
        while not self._is_stopped and (given := self._source.take()):
            on_result(end(self._store, given[0], next(self._ends)))

    def stop(self) -> None:
        self._is_stopped = True

    def running(self) -> tuple[SiteTask, ...]:
        return (SiteTask("z", Path("z.db"), ()),)


@pytest.mark.parametrize("is_quiet", [False, True])
def test_work_says_a_line_a_result_and_tells_who_is_to_be_told(
    store: FolderStore, clock: MovedClock, is_quiet: bool
) -> None:
    source = source_of(store, clock, "a", "b")
    engine = ScriptedEngine(source, store, [SiteEnd.DONE, SiteEnd.FAILED])
    work = PulledWork(source, engine, lambda _task: 12, is_quiet)
    work.run()
    failed = ["b: failed; 2 new, 0s", "b: notify ended with 1: false"]
    assert work.lines == (failed if is_quiet else ["a: done; 2 new, 0s", *failed])
    assert work.progress_line() == "2 sites, 1 of them not well; running: z 12 pages"


class ReadOnlyFolder(FolderStore):
    """A folder in which nothing can be written any more."""

    def replace_record(self, key: str, data: bytes, version: str) -> str:
        raise StoreRefused(f"{self.address} is read-only")


def test_a_store_that_takes_nothing_ends_the_work_with_the_first_site_that_fails(
    store: FolderStore, clock: MovedClock, tmp_path: Path
) -> None:
    read_only, told = ReadOnlyFolder(tmp_path / "store"), f"{store.address} is read-only"
    cases = ((read_only, SiteEnd.FAILED, 1, told), (store, SiteEnd.FAILED, 3, ""), (read_only, SiteEnd.KILLED, 3, ""))
    for refusing, how, count, refusal in cases:
        source = source_of(refusing, clock, "a", "b", "c", is_waiting=how is SiteEnd.KILLED)
        work = PulledWork(source, ScriptedEngine(source, store, [how] * 3), lambda _task: 0)
        work.run()
        assert (work.ends, work.refusal) == ({how: count}, refusal)
        assert len(work.results) == (0 if source.is_waiting else count), "who goes on for ever keeps none"
        clock.move(hours=2)
    assert " ".join(signature(PulledWork).parameters) == "source engine count_pages is_quiet"


def test_a_result_that_is_another_workers_is_not_said(store: FolderStore, clock: MovedClock) -> None:
    source = source_of(store, clock, "a")
    work = PulledWork(source, ScriptedEngine(source, store, []), lambda _task: 0)
    (task,) = source.take()
    work._take(SiteResult.without_run(task, "in hand", SiteEnd.IN_USE))
    assert (work.lines, work.ends.total()) == ([], 0)
    assert isinstance(acquire(store, "a", "free"), SiteLease)


SIDES_OF_ACTS = [(act, side) for act in ("put piece", "put manifest", "state manifest") for side in SIDES]


@pytest.mark.slow
@pytest.mark.parametrize("aim", sampled(SIDES_OF_ACTS, 1), ids=lambda aim: f"{aim[1]} {aim[0]}")
def test_a_newer_worker_goes_on_with_what_a_killed_one_had_and_an_older_one_leaves_it_alone(
    s3_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, aim: tuple[str, str]
) -> None:
    """In small what `tests/bench/fleet_work.py` does with sixty sites, and real ones."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    for key in (store := store_at(ADDRESS)).keys(""):
        store.delete(key)
    with served_sites(1, 3) as sites:
        workers = Workers(sites, tmp_path / "fleet", lease_seconds=3.0)
        aims = KillAims(random.Random(37), (0.0, 0.0), [aim[0]], chance=1.0)
        aims.left = {aim}
        faulty = workers.faulty = FaultyS3(s3_server, workers.kill, aims)
        workers.add("older")
        workers.add("newer", make_newer_version(tmp_path / "newer"))
        with faulty.running():
            codes = []
            for name in ("older", "newer", "older"):
                machine = workers.machines[name]
                machine.process = workers.work(machine)
                machine.process.communicate(timeout=PATIENCE)
                codes.append(machine.process.returncode)
        assert codes == [-signal.SIGKILL, 0, 1]
        assert aims.met == {aim: 1}
        assert workers.undone(sites) == []
        assert "is left alone: update this machine" in workers.machines["older"].lines[-1]
        with as_the_newer_version():
            assert list(asked_again(sites, home_times(faulty))) == []
            archive = stored_archive(StorePlace(ADDRESS, "", ""), sites[0].name, tmp_path / "stored")
        assert (archive.findings, archive.article_count) == ((), 3)
