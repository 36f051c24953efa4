"""Another actor at each act of the store's protocol and of the local files, and kills there: what is published stays.

The run crawls two pages, saves its state after each, and takes an article down.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from broadsheet.crawler.fleet import site_copies, stored_run
from broadsheet.crawler.fleet.folder_store import FolderStore
from broadsheet.crawler.fleet.object_store import StoreError
from broadsheet.crawler.fleet.site_copies import ReadingCopies
from broadsheet.crawler.fleet.site_head import read_head
from broadsheet.crawler.fleet.site_states import read_manifest, state_prefix
from broadsheet.crawler.fleet.stored_run import StoredSite, forget_stored, run_stored, save_now
from broadsheet.output.archive.archive_errors import InUse
from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.takedowns import take_down
from tests.crawler.fleet.sites import HOST, crawl_of, site_in, store_pages, stored_manifest, stored_names
from tests.output.conftest import Clock
from tests.sampling import sampled
from tests.windows import KilledError, WindowedStore, Windows, kill


@dataclass
class SavingRun:
    """A run whose crawl stores two pages, each of which is saved while it goes on, and then takes an article down."""

    site: StoredSite
    stored: set[str] = field(default_factory=set)
    has_taken_down: bool = False

    def run(self, patch: pytest.MonkeyPatch) -> None:
        attempts: list[Any] = []

        def saving(site: StoredSite, attempt: Any, must_stop: Event) -> AbstractContextManager[None]:
            return nullcontext(attempts.append(attempt) if site is self.site else None)

        patch.setattr(stored_run, "_saving", saving)

        def crawl(archive: Path, is_lost: Event) -> None:
            for name in ("one", "two"):
                store_pages(archive, [name])
                self.stored.add(name)
                with suppress(StoreError):  # as the thread does that saves
                    save_now(self.site, attempts[0])
            take_base_down(archive, is_lost)
            self.has_taken_down = True

        run_stored(self.site, crawl)


def take_base_down(archive: Path, _is_lost: Event) -> None:
    """Take an article down in place of a crawl."""
    with Archive.open(archive) as opened:
        take_down(opened.db, f"{HOST}/base", clock=Clock(2_000))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a site of one page."""
    folder = tmp_path_factory.mktemp("prepared")
    (folder / "store").mkdir()
    store = FolderStore(folder / "store")
    run_stored(site_in(store, folder, "zeroth"), crawl_of("base"))
    return folder / "store"


@pytest.fixture
def store(prepared: Path, tmp_path: Path) -> FolderStore:
    """The store, as no window sees it."""
    shutil.copytree(prepared, tmp_path / "store")
    return FolderStore(tmp_path / "store")


@contextmanager
def watched(windows: Windows, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have windows where local files change hands too."""
    with patch.context() as inner:
        windows.watch(inner, stored_run, "write_origin", "keep_base", "bring_copy_home", "set_copy_aside", "fetch_copy")
        windows.watch(inner, site_copies, "write_away_files", "write_origin", "fetch_database", "discard_files")
        windows.watch(inner, site_copies, "_set_aside")
        windows.watch_lock(inner, site_copies, "hold_lock")
        yield


def run_in(windows: Windows, folder: Path, patch: pytest.MonkeyPatch, machine: str = "first") -> SavingRun:
    """Do a machine's run, with its windows; return what it came to."""
    run = SavingRun(site_in(WindowedStore(folder / "store", windows), folder, machine))
    with watched(windows, patch), patch.context() as inner, suppress(StoreError, InUse, KilledError):
        run.run(inner)
    return run


def check_rest(store: FolderStore) -> None:
    """The store has what its one state names, and nothing else: what others left is gone."""
    head = read_head(store, "lamp")
    assert set(store.keys(state_prefix("lamp"))) == {head.manifest, *stored_manifest(store).keys}
    assert head.takedowns == ()


POINTS = 109
"""Of the run, as they are counted below."""


@dataclass
class Onlooker:
    """A reader in each window of a run, who notes the articles whenever they are new."""

    store: FolderStore
    folder: Path
    seen: list[str] = field(default_factory=list)

    def look(self) -> None:
        manifest = read_head(self.store, "lamp").manifest
        assert all(self.store.length(key) for key in read_manifest(self.store, manifest).keys)
        copies = ReadingCopies(self.store, "store-1", self.folder / "read")
        archive = copies.archive("lamp")
        if copies.fetched and archive:
            with closing(open_database(archive, read_only=True)) as db:
                rows = db.execute("SELECT url FROM articles ORDER BY url").fetchall()
            self.seen.append(" ".join(url.rpartition("/")[2] for (url,) in rows))


def test_a_reader_sees_one_state_or_the_next_in_each_window(store, tmp_path, monkeypatch):
    onlooker = Onlooker(store, tmp_path)
    windows = Windows(onlooker.look)
    run_in(windows, tmp_path, monkeypatch)
    assert len(windows.points) == POINTS
    assert [seen for seen, _ in groupby(onlooker.seen)] == ["base", "base one", "base one two", "one two"]
    assert stored_names(store, tmp_path) == {"one", "two"}
    check_rest(store)


def overtake(store: FolderStore, folder: Path) -> None:
    run_stored(site_in(store, folder, "second"), crawl_of("quick"))


def take_down_stored(store: FolderStore, folder: Path) -> None:
    forget_stored(site_in(store, folder, "second"), [f"{HOST}/base"], "")


ACTORS = {"quick": overtake, "": take_down_stored}
"""What happens in a window, by the page that it brings."""
CASES = [(number, name) for number in range(1, POINTS + 1) for name in ACTORS]


def check_actor(store: FolderStore, folder: Path, patch: pytest.MonkeyPatch, window: int | str, name: str) -> None:
    """Have an actor act in a window of the run: what either has published stays, and what was taken down is gone."""
    home: set[str] = set()

    def act() -> None:
        ACTORS[name](store, folder)
        home.update(stored_names(store, folder / "home"))

    run = run_in(Windows(act, window), folder, patch)
    after = stored_names(store, folder / "after")
    assert home - {"base"} <= after <= {"base", "one", "two", name}
    run_stored(site_in(store, folder, "second"), crawl_of("last"))
    assert stored_names(store, folder) == {*after, "last"}
    assert name or "base" not in after
    assert not any(site_in(store, folder, machine).copy.is_left_over() for machine in ("first", "second"))
    assert not run.has_taken_down or after >= run.stored or after >= home
    check_rest(store)


@pytest.mark.parametrize("window", ["before naming", "after put_bytes"])
def test_who_is_quicker_in_a_window_loses_nothing(store, tmp_path, monkeypatch, window):
    check_actor(store, tmp_path, monkeypatch, window, "quick")


@pytest.mark.slow
@pytest.mark.parametrize("case", sampled(CASES, 8), ids=str)
def test_another_actor_in_any_window_loses_nothing(store, tmp_path, monkeypatch, case):
    check_actor(store, tmp_path, monkeypatch, *case)


@pytest.mark.slow
@pytest.mark.parametrize("number", sampled(range(1, POINTS + 1), 6))
def test_an_attempt_that_is_killed_in_a_window_has_lost_nothing_that_was_published(
    store, tmp_path, monkeypatch, number
):
    old_keys = stored_manifest(store).keys
    run = run_in(Windows(kill, number), tmp_path, monkeypatch)
    home = stored_names(store, tmp_path / "after the kill")
    overtake(store, tmp_path)
    assert stored_names(store, tmp_path / "after the next run") == home | {"quick"}
    check_rest(store)
    run_stored(site_in(store, tmp_path), crawl_of("last"))
    assert stored_names(store, tmp_path / "at last") == {*home, "quick", "last"}
    assert not run.has_taken_down or "base" in home or all(store.length(key) is None for key in old_keys)
    assert not site_in(store, tmp_path).copy.is_left_over()
    check_rest(store)


PAIRS = list(zip(*(random.Random(seed).choices(range(1, POINTS + 1), k=60) for seed in (1, 2)), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("numbers", sampled(PAIRS, 2), ids=str)
def test_who_goes_on_from_a_killed_attempt_and_is_killed_has_lost_nothing(store, tmp_path, monkeypatch, numbers):
    home: set[str] = set()
    for number, machine in zip(numbers, ("first", "second"), strict=True):
        run = run_in(Windows(kill, number), tmp_path, monkeypatch, machine)
        now = stored_names(store, tmp_path / machine / "seen")
        assert now >= home - {"base"}
        assert run.has_taken_down or now >= home
        home = now
    for machine, page in (("third", "next"), ("second", "again"), ("first", "last")):
        run_stored(site_in(store, tmp_path, machine), crawl_of(page))
        assert not site_in(store, tmp_path, machine).copy.is_left_over()
    assert stored_names(store, tmp_path / "at last") == {*home, "next", "again", "last"}
    check_rest(store)


def take_turns(folder: Path, patch: pytest.MonkeyPatch, numbers: Sequence[int]) -> None:
    """Have two machines work on a new site by turns, on the same disks, killed at these points; then once undisturbed.

    Whoever is killed before the first state of the site is published leaves an archive that no other one goes on with.
    """
    (folder / "store").mkdir()
    store = FolderStore(folder / "store")
    for turn, number in enumerate(numbers):
        run = run_in(Windows(kill, number), folder, patch, ("first", "second")[turn % 2])
        for folder_of_raw in run.site.copy.folder.glob("*.warc"):
            (folder_of_raw / "folder.lock").touch()  # as a killed process leaves it
    home = stored_names(store, folder / "killed") if read_head(store, "lamp").manifest else set()
    for machine in ("second", "first", "second"):
        run_stored(site_in(store, folder, machine), crawl_of(f"last {machine}"))
        home |= {f"last {machine}"}
        assert stored_names(store, folder / "seen") >= home
        assert not site_in(store, folder, machine).copy.is_left_over()
    check_rest(store)


TURNS = [tuple(random.Random(seed).choices(range(1, POINTS + 1), k=4)) for seed in range(100)]


@pytest.mark.slow
@pytest.mark.parametrize("numbers", sampled(TURNS, 4), ids=str)
def test_killed_turns_on_the_same_disks_do_not_stand_in_the_way(tmp_path, monkeypatch, numbers):
    take_turns(tmp_path, monkeypatch, numbers)
