"""A runner killed before and after every act on the store: nothing is lost, nothing stays that is to go.

The store counts what changes it. At the act that is drawn the runner is dead: that act and all later ones raise, so
that nothing cleans up. Then another machine runs the site, and after it the first one again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import pytest

from broadsheet.crawler.fleet import stored_run
from broadsheet.crawler.fleet.folder_store import FolderStore
from broadsheet.crawler.fleet.site_copies import LocalCopy
from broadsheet.crawler.fleet.site_lease import SiteLease, read_site
from broadsheet.crawler.fleet.site_states import (
    StateWriter,
    beside_prefix,
    collect_pieces,
    manifest_prefix,
    piece_prefix,
)
from broadsheet.crawler.fleet.stored_run import StoredSite, run_stored, save_now
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.takedowns import take_down
from tests.crawler.fleet.sites import HOST, crawl_of, site_in, store_pages, stored_manifest, stored_names
from tests.output.conftest import Clock
from tests.sampling import sampled


class KilledError(BaseException):
    """Stands for a kill: nothing that would clean up runs after it."""


class MortalStore(FolderStore):
    """A folder whose user dies at an act, before or after it; acts are what changes the folder."""

    def __init__(self, folder: Path, last_act: int = 10**9, *, is_done: bool = False) -> None:
        super().__init__(folder)
        self.acts = 0
        self._last_act = last_act
        self._is_done = is_done

    def _act(self, act: Callable[[], object]) -> object:
        self.acts += 1
        if self.acts > self._last_act or (self.acts == self._last_act and not self._is_done):
            raise KilledError
        done = act()
        if self.acts == self._last_act:
            raise KilledError
        return done

    def put_bytes(self, key: str, data: bytes) -> None:
        self._act(lambda: super(MortalStore, self).put_bytes(key, data))

    def delete(self, key: str) -> None:
        self._act(lambda: super(MortalStore, self).delete(key))

    def replace_record(self, key: str, data: bytes, version: str) -> str:
        return str(self._act(lambda: super(MortalStore, self).replace_record(key, data, version)))


@dataclass
class SavingRun:
    """A run whose crawl stores two pages, each of which is saved while it goes on, and then takes an article down."""

    site: StoredSite
    stored: list[str] = field(default_factory=list)
    has_taken_down: bool = False

    def run(self, patch: pytest.MonkeyPatch) -> None:
        terms: list[tuple[SiteLease, list[str]]] = []
        patch.setattr(stored_run, "_saving", lambda site, *words: nullcontext(terms.append(words)))

        def crawl(archive: Path, is_lost: Event) -> None:
            for name in ("one", "two"):
                store_pages(archive, [name])
                self.stored.append(name)
                save_now(self.site, *terms[0])
            with Archive.open(archive) as opened:
                take_down(opened.db, f"{HOST}/base", clock=Clock(2_000))
            self.has_taken_down = True

        run_stored(self.site, crawl)


def prepare(folder: Path) -> None:
    """A store with a site of one page, and a state beside it, as a runner left that had lost its lease."""
    (folder / "store").mkdir()
    store = FolderStore(folder / "store")
    run_stored(site_in(store, folder, "zeroth", Clock()), crawl_of("base"))
    late = LocalCopy(folder / "late/lamp", "lamp", "store-1")
    late.folder.mkdir(parents=True)
    store_pages(late.archive, ["late"])
    writer = StateWriter(store, "lamp", 1)
    writer.put_manifest(writer.save(late.archive, late.archive, None), beside_prefix("lamp"))


ACTS = 25
"""Of the run; `test_the_acts_of_an_undisturbed_run_are_as_many` counts them."""
CASES = [(act, is_done) for act in range(1, ACTS + 1) for is_done in (False, True)]


def test_the_acts_of_an_undisturbed_run_are_as_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(tmp_path)
    store = MortalStore(tmp_path / "store")
    SavingRun(site_in(store, tmp_path, "first", Clock(100))).run(monkeypatch)
    assert stored_names(store, tmp_path) == {"late", "one", "two"}
    assert store.acts == ACTS
    assert set(store.keys(piece_prefix("lamp"))) == stored_manifest(store).keys
    assert store.keys(manifest_prefix("lamp")) == [read_site(store, "lamp").manifest]


@pytest.mark.slow
@pytest.mark.parametrize(
    "case", sampled(CASES, 5), ids=lambda case: f"{'after' if case[1] else 'before'} act {case[0]}"
)
def test_a_runner_that_is_killed_at_an_act_has_lost_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: tuple[int, bool]
) -> None:
    prepare(tmp_path)
    store = FolderStore(tmp_path / "store")
    old_keys = stored_manifest(store).keys
    mortal = MortalStore(tmp_path / "store", case[0], is_done=case[1])
    killed = SavingRun(site_in(mortal, tmp_path, "first", Clock(100)))
    with monkeypatch.context() as patch, pytest.raises(KilledError):
        killed.run(patch)
    home = stored_names(store, tmp_path / "after the kill")
    run_stored(site_in(store, tmp_path, "second", Clock(900)), crawl_of("more"))
    assert stored_names(store, tmp_path / "after the next run") == home | {"late", "more"}
    run_stored(site_in(store, tmp_path, "first", Clock(1_800)), crawl_of("last"))
    base = set() if killed.has_taken_down else {"base"}
    assert stored_names(store, tmp_path / "at last") == {"late", "more", "last", *killed.stored, *base}
    assert not killed.has_taken_down or all(store.length(key) is None for key in old_keys)
    assert store.keys(beside_prefix("lamp")) == []
    assert not site_in(store, tmp_path, "first").copy.is_left_over()
    _check_strays(store, tmp_path / "store")


TAKEN_AFTER = 12
"""The act after which the first runner is killed, between two states, before another one takes over."""
TAKING_ACTS = 7
TAKING_CASES = [(act, is_done) for act in range(1, TAKING_ACTS + 1) for is_done in (False, True)]


def take_over(folder: Path, monkeypatch: pytest.MonkeyPatch, mortal: MortalStore, stored: list[str]) -> None:
    """Kill a runner between two states, and have another one take over, which may be killed too; it notes its page."""
    first = MortalStore(folder / "store", TAKEN_AFTER, is_done=True)
    killed = SavingRun(site_in(first, folder, "first", Clock(100)))
    with monkeypatch.context() as patch, pytest.raises(KilledError):
        killed.run(patch)

    def crawl(archive: Path, is_lost: Event) -> None:
        store_pages(archive, ["more"])
        stored.append("more")

    run_stored(site_in(mortal, folder, "second", Clock(900)), crawl)


def test_the_acts_of_who_takes_over_are_as_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(tmp_path)
    mortal = MortalStore(tmp_path / "store")
    take_over(tmp_path, monkeypatch, mortal, [])
    assert mortal.acts == TAKING_ACTS


@pytest.mark.slow
@pytest.mark.parametrize(
    "case", sampled(TAKING_CASES, 2), ids=lambda case: f"{'after' if case[1] else 'before'} act {case[0]}"
)
def test_a_runner_that_takes_over_and_is_killed_has_lost_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: tuple[int, bool]
) -> None:
    prepare(tmp_path)
    store, mortal = FolderStore(tmp_path / "store"), MortalStore(tmp_path / "store", case[0], is_done=case[1])
    stored: list[str] = []
    with pytest.raises(KilledError):
        take_over(tmp_path, monkeypatch, mortal, stored)
    runs = [("third", "next"), ("second", "again"), ("first", "last")]
    for number, (owner, name) in enumerate(runs):
        run_stored(site_in(store, tmp_path, owner, Clock(1_800 + 900 * number)), crawl_of(name))
        assert not site_in(store, tmp_path, owner).copy.is_left_over()
    pages = {"base", "late", "one", "two", "next", "again", "last", *stored}
    assert stored_names(store, tmp_path / "at last") == pages
    assert store.keys(beside_prefix("lamp")) == []
    _check_strays(store, tmp_path / "store")


def _check_strays(store: FolderStore, folder: Path) -> None:
    """A day later nothing is left of the run that was killed."""
    day_ago = time.time() - 25 * 3600
    for key in (*store.keys(piece_prefix("lamp")), *store.keys(manifest_prefix("lamp"))):
        os.utime(folder / key, (day_ago, day_ago))
    current = read_site(store, "lamp").manifest
    collect_pieces(store, "lamp", current)
    assert set(store.keys(piece_prefix("lamp"))) == stored_manifest(store).keys
    assert store.keys(manifest_prefix("lamp")) == [current]
