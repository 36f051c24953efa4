"""The record of who runs a list: a second run is refused until the first is gone, or old and taken over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

import pytest

from broadsheet.crawler.fleet import list_runs
from broadsheet.crawler.fleet.list_runs import RUN_KEY, ListRun, RunRefused, is_current_run, overlap, read_runs
from broadsheet.crawler.fleet.object_store import ObjectStore
from tests.crawler.warm import PATIENCE


def list_run(
    store: ObjectStore, name: str, at: str = "12:00", part: str = "1/1", take_over: float | None = None
) -> ListRun:
    return ListRun(store, part, name, f"{name}'s place", take_over, lambda: f"2026-01-01T{at}:00+00:00")


@contextmanager
def held(run: ListRun, *running: str) -> Iterator[None]:
    with run.held(lambda: running, lambda: None):
        yield


def abandoned(run: ListRun) -> ListRun:
    """A run whose process was killed: its record stays."""
    run._change(run._taken)
    return run


def test_a_second_run_is_refused_and_the_line_says_since_when_the_first_was_not_heard_of(store: ObjectStore) -> None:
    with held(list_run(store, "first")):
        with pytest.raises(RunRefused) as caught, held(list_run(store, "second")):
            pass
        assert str(caught.value) == (
            f"first runs the list for {store.address}, last renewed 2026-01-01T12:00:00Z; if it is gone, --take-over "
            "30m takes over one of that age"
        )
    assert read_runs(store) == {}
    with held(list_run(store, "second")):
        assert [run.owner for run in read_runs(store).values()] == ["second"]


def test_an_old_run_is_taken_over_and_learns_of_it(store: ObjectStore) -> None:
    first = abandoned(list_run(store, "first"))
    for at, take_over in (("12:31", None), ("12:29", 1_800.0), ("11:00", 1_800.0)):
        with pytest.raises(RunRefused), held(list_run(store, "second", at, take_over=take_over)):
            pass
    assert is_current_run(store, first.id)
    with held(list_run(store, "second", "12:31", take_over=1_800.0)):
        assert not is_current_run(store, first.id)
        with pytest.raises(RunRefused, match="second has taken the list over; what runs here stops"):
            first._change(lambda runs: first._renewed(runs, ()))
    assert is_current_run(store, "")


def test_who_holds_the_lock_of_a_run_that_was_killed_goes_on_at_once(store: ObjectStore) -> None:
    abandoned(list_run(store, "first"))
    with held(list_run(store, "first", "12:01")):
        assert [run.renewed_at for run in read_runs(store).values()] == ["2026-01-01T12:01:00+00:00"]


def test_a_run_says_each_minute_that_it_goes_on_and_stops_when_it_is_taken_over(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_runs, "_RENEW_SECONDS", 0.02)
    first, is_lost = list_run(store, "first"), Event()
    with first.held(lambda: ["lamp"], is_lost.set):
        for _ in range(1_000):
            if [run.running for run in read_runs(store).values()] == [("lamp",)]:
                break
            is_lost.wait(0.02)
        with held(list_run(store, "second", "13:00", take_over=1_800.0)):
            assert is_lost.wait(PATIENCE)
    assert first.is_lost


def test_parts_of_one_count_run_side_by_side_and_others_do_not(store: ObjectStore) -> None:
    assert [overlap("1/3", other) for other in ("1/3", "2/3", "1/1", "2/4")] == [True, False, True, True]
    with held(list_run(store, "first", part="1/3")), held(list_run(store, "second", part="2/3")):
        assert sorted(read_runs(store)) == ["1/3", "2/3"]
        for part in ("1/1", "2/3", "1/2"):
            with pytest.raises(RunRefused), held(list_run(store, "third", part=part)):
                pass


def test_a_record_that_makes_no_sense_counts_for_none(store: ObjectStore) -> None:
    store.replace_record(RUN_KEY, b"{", "")
    with held(list_run(store, "first")):
        assert sorted(read_runs(store)) == ["1/1"]
