"""Another actor in each window of a run, and kills there: nothing is lost, nothing stays that is to go.

The run crawls two pages, saves its state after each, and takes an article down. Beside the site waits the state of a
runner that had lost its lease.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from broadsheet.crawler.crawl.processes import Lifeline
from broadsheet.crawler.fleet import fleet_takedowns, left_copies, site_copies, site_processes, stored_run
from broadsheet.crawler.fleet.fleet_takedowns import take_down_stored
from broadsheet.crawler.fleet.folder_store import FolderStore
from broadsheet.crawler.fleet.left_copies import bring_left_copies
from broadsheet.crawler.fleet.object_store import StoreError
from broadsheet.crawler.fleet.site_copies import LocalCopy, ReadingCopies, save_beside, write_origin
from broadsheet.crawler.fleet.site_lease import LeaseWatch, SiteLease, read_site
from broadsheet.crawler.fleet.site_states import (
    StateWriter,
    beside_prefix,
    collect_pieces,
    manifest_prefix,
    piece_prefix,
    read_manifest,
)
from broadsheet.crawler.fleet.site_task import SiteEnd, SiteResult, SiteTask
from broadsheet.crawler.fleet.store_address import make_store
from broadsheet.crawler.fleet.stored_run import (
    CrawlHost,
    StoredSite,
    StorePlace,
    in_hand,
    run_stored,
    run_task,
    save_now,
)
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
        terms: list[tuple[SiteLease, list[str]]] = []

        def saving(site: StoredSite, *words: Any) -> AbstractContextManager[None]:
            return nullcontext(terms.append(words) if site is self.site else None)

        patch.setattr(stored_run, "_saving", saving)

        def crawl(archive: Path, is_lost: Event) -> None:
            for name in ("one", "two"):
                store_pages(archive, [name])
                self.stored.add(name)
                with suppress(StoreError):  # as the thread does that saves
                    save_now(self.site, *terms[0])
            take_base_down(archive, is_lost)
            self.has_taken_down = True

        run_stored(self.site, crawl)


def take_base_down(archive: Path, _is_lost: Event) -> None:
    """Take an article down in place of a crawl."""
    with Archive.open(archive) as opened:
        take_down(opened.db, f"{HOST}/base", clock=Clock(2_000))


def put_beside(store: FolderStore, folder: Path, name: str) -> None:
    """Put a page beside the site, as a runner does that had lost its lease."""
    copy = LocalCopy(folder / name / "lamp", "lamp", "store-1")
    copy.folder.mkdir(parents=True, exist_ok=True)
    store_pages(copy.archive, [name])
    save_beside(StateWriter(store, "lamp", 1), copy, beside_prefix("lamp"))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a site of one page, and a state beside it."""
    folder = tmp_path_factory.mktemp("prepared")
    (folder / "store").mkdir()
    store = FolderStore(folder / "store")
    run_stored(site_in(store, folder, "zeroth", Clock()), crawl_of("base"))
    put_beside(store, folder, "late")
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
        windows.watch(inner, stored_run, "write_origin", "keep_base", "bring_copy_home", "remove_copy", "fetch_site")
        windows.watch(inner, site_copies, "write_away_files", "write_origin", "fetch_database", "discard_files")
        windows.watch(inner, site_copies, "_write_base_manifest")
        windows.watch_lock(inner, site_copies, "hold_lock")
        yield


def run_in(
    windows: Windows, folder: Path, patch: pytest.MonkeyPatch, owner: str = "first", clock: Clock | None = None
) -> SavingRun:
    """Do a runner's run, with its windows; return what it came to."""
    run = SavingRun(site_in(WindowedStore(folder / "store", windows), folder, owner, clock or Clock(100)))
    with watched(windows, patch), patch.context() as inner, suppress(StoreError, InUse, KilledError):
        run.run(inner)
    return run


def check_rest(store: FolderStore, folder: Path) -> None:
    """A day later the store has what its one state names, and nothing else."""
    day_ago = time.time() - 25 * 3600
    for key in (*store.keys(piece_prefix("lamp")), *store.keys(manifest_prefix("lamp"))):
        os.utime(folder / "store" / key, (day_ago, day_ago))
    record = read_site(store, "lamp")
    collect_pieces(store, "lamp", record.manifest)
    assert record.owner == ""
    assert store.keys(beside_prefix("lamp")) == []
    assert set(store.keys(piece_prefix("lamp"))) == stored_manifest(store).keys
    assert store.keys(manifest_prefix("lamp")) == [record.manifest]


POINTS = 207
"""Of the run, as they are counted below."""


@dataclass
class Onlooker:
    """A reader in each window of a run, who notes who has the site, and the articles whenever they are new."""

    store: FolderStore
    folder: Path
    seen: list[tuple[str, str]] = field(default_factory=list)
    articles: str = ""

    def look(self) -> None:
        record = read_site(self.store, "lamp")
        assert all(self.store.length(key) for key in read_manifest(self.store, record.manifest).keys)
        copies = ReadingCopies(self.store, "store-1", self.folder / "read")
        archive = copies.archive("lamp")
        if copies.fetched and archive:
            with closing(open_database(archive, read_only=True)) as db:
                rows = db.execute("SELECT url FROM articles ORDER BY url").fetchall()
            self.articles = " ".join(url.rpartition("/")[2] for (url,) in rows)
        self.seen.append((record.owner, self.articles))


def test_a_reader_sees_one_state_or_the_next_in_each_window(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    onlooker = Onlooker(store, tmp_path)
    windows = Windows(onlooker.look)
    run_in(windows, tmp_path, monkeypatch)
    assert len(windows.points) == POINTS
    assert [seen for seen, _ in groupby(onlooker.seen)] == [
        ("", "base"),
        ("first", "base"),
        ("first", "base late one"),
        ("first", "base late one two"),
        ("first", "late one two"),
        ("", "late one two"),
    ]
    assert stored_names(store, tmp_path) == {"late", "one", "two"}
    check_rest(store, tmp_path)


def take_over(store: FolderStore, folder: Path) -> None:
    """Have a second runner crawl the site, for whom the first one's lease has expired."""
    run_stored(site_in(store, folder, "second", Clock(600)), crawl_of("quick"))


def take_over_and_take_down(store: FolderStore, folder: Path) -> None:
    """Have a second runner take an article down likewise."""
    run_stored(site_in(store, folder, "second", Clock(600)), take_base_down)


def another_late_one(store: FolderStore, folder: Path) -> None:
    put_beside(store, folder, "later")


ACTORS = {"quick": take_over, "": take_over_and_take_down, "later": another_late_one}
"""What happens in a window, by the page that it brings."""
CASES = [(number, name) for number in range(1, POINTS + 1) for name in ACTORS]


def check_actor(store: FolderStore, folder: Path, patch: pytest.MonkeyPatch, window: int | str, name: str) -> None:
    """Have an actor act in a window of the run, and the machines run the site again: all pages are in the store."""
    run = run_in(Windows(lambda: ACTORS[name](store, folder), window), folder, patch)
    pages = {"late", *filter(None, [name]), *run.stored}
    for at, owner, page in ((1_200, "first", "then"), (1_800, "second", "last")):
        run_stored(site_in(store, folder, owner, Clock(at)), crawl_of(page))
        pages.add(page)
    base = set() if run.has_taken_down or not name else {"base"}
    assert stored_names(store, folder) == pages | base
    assert not any(site_in(store, folder, owner).copy.is_left_over() for owner in ("first", "second"))
    check_rest(store, folder)


@pytest.mark.parametrize("window", ["before naming", "after put_bytes"])
def test_who_takes_over_in_a_window_loses_nothing(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, window: str
) -> None:
    check_actor(store, tmp_path, monkeypatch, window, "quick")


@pytest.mark.slow
@pytest.mark.parametrize("case", sampled(CASES, 5), ids=str)
def test_another_actor_in_any_window_loses_nothing(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: tuple[int, str]
) -> None:
    check_actor(store, tmp_path, monkeypatch, *case)


@pytest.mark.slow
@pytest.mark.parametrize("number", sampled(range(1, POINTS + 1), 4))
def test_a_runner_that_is_killed_in_a_window_has_lost_nothing(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    old_keys = stored_manifest(store).keys
    run = run_in(Windows(kill, number), tmp_path, monkeypatch)
    home = stored_names(store, tmp_path / "after the kill")
    take_over(store, tmp_path)
    assert stored_names(store, tmp_path / "after the next run") == home | {"late", "quick"}
    run_stored(site_in(store, tmp_path, "first", Clock(1_800)), crawl_of("last"))
    base = set() if run.has_taken_down else {"base"}
    assert stored_names(store, tmp_path / "at last") == {"late", "quick", "last", *run.stored, *base}
    assert not run.has_taken_down or all(store.length(key) is None for key in old_keys)
    assert not site_in(store, tmp_path, "first").copy.is_left_over()
    check_rest(store, tmp_path)


PAIRS = list(zip(*(random.Random(seed).choices(range(1, POINTS + 1), k=60) for seed in (1, 2)), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("numbers", sampled(PAIRS, 2), ids=str)
def test_who_takes_over_from_a_killed_runner_and_is_killed_has_lost_nothing(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, numbers: tuple[int, int]
) -> None:
    runs = [
        run_in(Windows(kill, numbers[0]), tmp_path, monkeypatch),
        run_in(Windows(kill, numbers[1]), tmp_path, monkeypatch, "second", Clock(900)),
    ]
    for number, (owner, page) in enumerate((("third", "next"), ("second", "again"), ("first", "last"))):
        run_stored(site_in(store, tmp_path, owner, Clock(1_800 + 900 * number)), crawl_of(page))
        assert not site_in(store, tmp_path, owner).copy.is_left_over()
    base = set() if any(run.has_taken_down for run in runs) else {"base"}
    stored = {page for run in runs for page in run.stored}
    assert stored_names(store, tmp_path / "at last") == {"late", "next", "again", "last", *stored, *base}
    check_rest(store, tmp_path)


@dataclass(frozen=True)
class QuickCrawl:
    """In place of a crawl's process: stores a page at once."""

    archive: Path

    def result(self) -> SiteResult:
        store_pages(self.archive, ["one"])
        return SiteResult("lamp", SiteEnd.DONE, 0, self.archive)


def run_one_task(place: StorePlace) -> None:
    task = SiteTask("lamp", Path("lamp.db"), (HOST,), shared_hosts=("lamp.example",), words_digest="words")
    with closing(Lifeline()) as lifeline:
        assert run_task(task, place, CrawlHost(lifeline, lambda: False)).end is SiteEnd.DONE


def leave_copy(place: StorePlace) -> LocalCopy:
    """A local copy as a killed runner leaves it."""
    copy = LocalCopy(place.local_folder / "lamp", "lamp", place.identity)
    copy.folder.mkdir(parents=True)
    write_origin(copy, "")
    store_pages(copy.archive, ["left"])
    return copy


def bring_one_home(place: StorePlace) -> None:
    leave_copy(place)
    assert len(list(bring_left_copies(place))) == 1


def take_one_down(place: StorePlace) -> None:
    site = StoredSite(stored_run.store_at(place.address), leave_copy(place), "me")
    assert take_down_stored(site, LeaseWatch(site.terms), [f"{HOST}/left"], "") == []


@pytest.mark.parametrize(
    ("work", "owners"),
    [
        (run_one_task, [" ", "host ", "host site", "host ", " "]),
        (bring_one_home, [" ", " site", " "]),
        (take_one_down, [" ", " site", " "]),
    ],
)
def test_who_works_on_a_site_has_its_copy_in_hand_and_then_its_host_and_its_lease(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, work: Callable[[StorePlace], None], owners: list[str]
) -> None:
    address = str(tmp_path / "store")
    place = StorePlace(address, make_store(address), str(tmp_path / "work"))
    store, seen = FolderStore(Path(address)), list[str]()
    windows = Windows(lambda: seen.append(look()))

    def look() -> str:
        with pytest.raises(InUse), in_hand(LocalCopy(place.local_folder / "lamp", "lamp", "")):
            pass
        host = store.read_record("hosts/lamp.example.json")
        is_host_held = host is not None and bool(json.loads(host.data)["owner"])
        return f"{'host' * is_host_held} {'site' * bool(read_site(store, 'lamp').owner)}"

    monkeypatch.setattr(site_processes, "start_site", lambda task, *words: QuickCrawl(task.archive))
    for module in (stored_run, left_copies):
        monkeypatch.setattr(module, "store_at", lambda address: WindowedStore(Path(address), windows))
    for module in (left_copies, fleet_takedowns):
        windows.watch_lock(monkeypatch, module, "hold_lock")
    monkeypatch.setattr(stored_run, "check_identity", lambda *words: None)
    work(place)
    assert [held for held, _ in groupby(seen)] == owners
