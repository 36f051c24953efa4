"""Tasks in their order, but never two of one host at once, and none of a living runner elsewhere.

`broadsheet fleet run --store`, twice: all is in the store, and the second time it is updated there.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from inspect import signature
from pathlib import Path
from queue import Empty, SimpleQueue
from types import SimpleNamespace
from typing import Any

import pytest

from broadsheet.crawler.fleet import store_engine
from broadsheet.crawler.fleet.site_lease import LeaseTerms, LeaseWatch, acquire
from broadsheet.crawler.fleet.site_processes import page_count
from broadsheet.crawler.fleet.site_task import SiteEnd, SiteResult, SiteTask
from broadsheet.crawler.fleet.store_address import make_store, store_at
from broadsheet.crawler.fleet.store_engine import HostQueue, StoredPageCounter, StoreEngine
from broadsheet.crawler.fleet.stored_run import CrawlHost, StorePlace
from tests.crawler.fleet.sites import store_pages
from tests.crawler.fleet.test_fleet_run import run_fleet, sites_of, write_list
from tests.crawler.scripted_site import ScriptedSite


def task(name: str, *hosts: str) -> SiteTask:
    return SiteTask(name, Path(f"{name}.db"), (), hosts=hosts)


def test_a_task_waits_for_its_host_and_others_go_before_it() -> None:
    tasks = HostQueue([task("a", "x"), task("b", "x", "y"), task("c", "z")])
    first, second = tasks.next_task(), tasks.next_task()
    assert first is not None
    assert second is not None
    assert (first.name, second.name, tasks.next_task()) == ("a", "c", None)
    tasks.end(first)
    third = tasks.next_task()
    assert third is not None
    assert third.name == "b"
    assert tasks.running == (second, third)


def test_what_is_put_back_comes_first_and_frees_its_host() -> None:
    tasks = HostQueue([task("a", "x"), task("b"), task("c")])
    first = tasks.next_task()
    assert first is not None
    tasks.put_back([first])
    assert tasks.next_task() == first
    tasks.end(first)
    assert [waiting.name for waiting in tasks.take_all()] == ["b", "c"]
    assert not tasks


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StorePlace:
    class QuickQueue(SimpleQueue[Any]):
        def get(self, timeout: float) -> Any:  # type: ignore[override]
            assert timeout == 0.5
            return super().get(timeout=0.01)

    monkeypatch.setattr(store_engine, "queue", SimpleNamespace(SimpleQueue=QuickQueue, Empty=Empty))
    address = str(tmp_path / "store")
    return StorePlace(address, make_store(address), str(tmp_path / "work"), per_address=0)


def ends_of(engine: StoreEngine, *names: str) -> dict[str, tuple[SiteEnd, str]]:
    ends: dict[str, tuple[SiteEnd, str]] = {}

    def note(result: SiteResult) -> None:
        assert result.name not in {*ends, *(running.name for running in engine.running())}
        ends[result.name] = (result.end, result.message)

    engine.run([task(name, name) for name in names], note)
    return ends


def test_a_second_stop_ends_at_once_and_every_task_has_a_result(
    place: StorePlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_started, engine = threading.Event(), StoreEngine(place, 1)

    def hang(*_words: object) -> None:
        has_started.set()
        time.sleep(60)

    def stop_twice() -> None:
        assert has_started.wait(20)
        engine.stop()
        engine.stop()

    monkeypatch.setattr(store_engine, "run_task", hang)
    threading.Thread(target=stop_twice, daemon=True).start()
    ends = ends_of(engine, "hangs", "waits")
    assert {name: end for name, (end, _) in ends.items()} == dict.fromkeys(("hangs", "waits"), SiteEnd.NOT_STARTED)
    assert ends["hangs"][1] == f"ended at once; what it has is in {place.local_folder}, for the next run"


def test_tasks_of_the_list_and_of_a_source_run_side_by_side_until_the_source_is_over(
    place: StorePlace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Two at once, never two of one host; what killed workers have left is brought home before."""
    log, running = list[str](), list[int]()
    both = threading.Barrier(2, timeout=20)

    class Source:
        waiting = ("d", "e")

        def take(self) -> list[SiteTask]:
            name, self.waiting = self.waiting[:1], self.waiting[1:]
            return [task(one, one) for one in name]

        def is_over(self) -> bool:
            return not self.waiting

    def run_task(given: SiteTask, given_place: StorePlace, host: CrawlHost) -> SiteResult:
        assert (given_place, host.is_stopped(), host.grants, host.watch) == (place, False, None, watch)
        assert (threading.current_thread().name, threading.current_thread().daemon) == (f"site-{given.name}", True)
        running.append(len(engine.running()))
        if given.name in "ab":
            both.wait()
        log.append(given.name)
        return SiteResult(given.name, SiteEnd.DONE, 0, given.archive)

    monkeypatch.setattr(store_engine, "run_task", run_task)
    monkeypatch.setattr(store_engine, "bring_left_copies", lambda *words: iter(["lamp: is in the store"]))
    watch = LeaseWatch(LeaseTerms())
    engine = StoreEngine(place, 2, Source(), watch)
    ends = ends_of(engine, "a", "b", "c")
    assert ends == dict.fromkeys("abcde", (SiteEnd.DONE, ""))
    assert (sorted(log), max(running), engine.running()) == (list("abcde"), 2, ())
    assert caplog.messages == ["lamp: is in the store"]
    watch, both = None, threading.Barrier(1)
    engine = StoreEngine(place, 1)
    assert ends_of(engine, "a", "b") == dict.fromkeys("ab", (SiteEnd.DONE, "")), "without a source the list is all"
    assert " ".join(signature(StoreEngine).parameters) == "store_place parallel source watch"


def test_after_a_stop_what_runs_ends_and_nothing_more_begins(
    place: StorePlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_task(given: SiteTask, _place: object, host: CrawlHost) -> SiteResult:
        engine.stop()
        assert host.is_stopped()
        return SiteResult(given.name, SiteEnd.STOPPED, 0, given.archive)

    monkeypatch.setattr(store_engine, "run_task", run_task)
    engine = StoreEngine(place, 1)
    assert ends_of(engine, "a", "b") == {
        "a": (SiteEnd.STOPPED, ""), "b": (SiteEnd.NOT_STARTED, "stopped before its turn"),
    }  # fmt: skip


def test_pages_are_those_of_the_copy_here_or_of_the_lease(place: StorePlace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lease is asked for in a thread, every ten seconds at most, and gives the number of the next look."""
    now, asked = [0.0], list[object]()

    def make_thread(target: Callable[..., None], args: tuple[str], **options: object) -> SimpleNamespace:
        asked.append((*args, options))
        return SimpleNamespace(start=lambda: (target(*args), pages._pages.setdefault(*args, 0)))

    monkeypatch.setattr(store_engine, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(store_engine, "threading", SimpleNamespace(Thread=make_thread))
    pages = StoredPageCounter(place)
    here, elsewhere = task("here"), task("elsewhere")
    archive = place.local_folder / "here/here.db"
    archive.parent.mkdir(parents=True)
    store_pages(archive, ["one", "two"])
    lease = acquire(store_at(place.address), "elsewhere", "another")
    for count, seconds, known in ((31, 0.0, 31), (32, 9.9, 31), (33, 10.0, 33)):
        lease.note(pages=count)
        lease.renew()
        now[0] = seconds
        assert pages(elsewhere) == known
    assert asked == [("elsewhere", {"name": "pages", "daemon": True})] * 2
    assert pages(here) == page_count(archive)
    assert (pages(task("nowhere")), StoredPageCounter(replace(place, address="/nowhere"))(elsewhere)) == (0, 0)


@pytest.mark.slow
def test_a_list_is_crawled_into_a_store_and_updated_there(tmp_path: Path, serve: object) -> None:
    sites: list[ScriptedSite] = sites_of(serve, 2)  # type: ignore[arg-type]
    (tmp_path / "elsewhere").mkdir()
    file, store = write_list(tmp_path, sites), tmp_path / "store"
    code, out, errors = run_fleet(file, "--store", store)
    assert code == 0, errors
    assert "2 sites: 2 done" in out
    keys = store_at(str(store)).keys("sites/")
    assert [sum(key.startswith(f"sites/s{number}/manifests/") for key in keys) for number in range(2)] == [1, 1]
    assert not list(tmp_path.rglob("work/*/*.db"))
    code, out, errors = run_fleet(file, "--store", store, "--all")
    assert code == 0, errors
    code, out, errors = run_fleet(write_list(tmp_path / "elsewhere", sites), "--store", store)
    assert (code, out) == (0, "")
    assert "Nothing is due of 2 sites" in errors
    code, out, errors = run_fleet(file, "--store", "ftp://nowhere/", "--all")
    assert (code, errors.count("\n")) == (1, 1)
    assert "is no address of a store" in errors
