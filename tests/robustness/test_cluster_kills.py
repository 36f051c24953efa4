"""Kills of a cluster's scheduler, of a worker, and of the command that started the work, drawn by a seed."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pandas as pd
import pytest

from broadsheet.crawler.bulk import batch_plan
from broadsheet.crawler.bulk.batch_plan import agreed_plan
from broadsheet.crawler.bulk.sources import found_sources
from broadsheet.crawler.fleet.folder_store import FolderStore
from broadsheet.crawler.fleet.object_store import ObjectStore
from broadsheet.crawler.fleet.site_head import read_head
from broadsheet.crawler.fleet.site_states import read_manifest, state_prefix
from broadsheet.crawler.fleet.store_address import store_at
from broadsheet.output.archive.archive_file import open_database
from tests.bench.load.site import free_port
from tests.crawler.bulk.test_bulk_run import page as harbour_page
from tests.crawler.crawls import until
from tests.crawler.fleet.dask_cluster import DaskCluster
from tests.crawler.fleet.troubled_fleet import stored_archive
from tests.crawler.scripted_site import Reply, ScriptedSite, page
from tests.crawler.shell import environment
from tests.crawler.warcs import answer, record, write
from tests.crawler.warm import PATIENCE

pytest.importorskip("distributed", reason="needs Dask: pip install 'broadsheet[fleet]'")
pytestmark = [pytest.mark.slow, pytest.mark.nightly]  # each takes three minutes
PROGRAM = """
from broadsheet.crawler.cli import main
from broadsheet.crawler.fleet import list_runs
from broadsheet.crawler.fleet.stored_run import StorePlace
StorePlace.__init__.__defaults__ = (*StorePlace.__init__.__defaults__[:-2], 2.0, 6.0)
main()
"""
"""The program, with states saved every two seconds, and the site of a lost worker begun again after twelve."""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[DaskCluster]:
    made = DaskCluster(free_port(), tmp_path)
    try:
        made.start_scheduler()
        for machine in ("first", "second"):
            made.start_worker(machine)
        yield made
    finally:
        made.close()


class Command:
    """A command that goes on when it is started again."""

    def __init__(self, folder: Path, *words: object) -> None:
        self._folder = folder
        self._words = [sys.executable, "-c", PROGRAM, *map(str, words)]
        self.start()

    def start(self) -> None:
        with (self._folder / "command.log").open("ab") as log:
            self.process = subprocess.Popen(
                self._words, env=environment(), cwd=self._folder, stdout=subprocess.DEVNULL, stderr=log
            )

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def end(self) -> int:
        return self.process.wait(PATIENCE)

    def said(self) -> str:
        return (self._folder / "command.log").read_text()


def kill(what: str, command: Command, cluster: DaskCluster) -> None:
    """Kill one of the three; whoever was killed is started again, as by a service."""
    assert command.process.poll() is None, command.said()
    if what == "command":
        command.kill()
        command.start()
    elif what == "scheduler":
        cluster.restart_scheduler()
    else:
        cluster.kill_worker(what)


@pytest.mark.parametrize(
    ("kills", "by_site"),
    [(("scheduler", "scheduler", "first", "command"), ()), (("scheduler",) * 3, ("--by-site",))],
    ids=["alone", "by site"],
)
@pytest.mark.parametrize("seed", [64])
def test_a_bulk_run_has_each_record_once(tmp_path, monkeypatch, cluster, seed, kills, by_site):
    for number in range(16):
        pages = [record(f"http://a{number}.example/{n}", answer(harbour_page("One") * 40)) for n in range(60)]
        (tmp_path / "march").mkdir(exist_ok=True)
        write(tmp_path / f"march/{number}.warc", pages)
    monkeypatch.setattr(batch_plan, "_LEAST_BYTES", 2000)
    found = found_sources([str(tmp_path / "march")], print)
    targets = [tmp_path / name for name in ("undisturbed", "out")]
    for target in targets:
        (target / "completed").mkdir(parents=True)
        agreed_plan(FolderStore(target), found, is_by_site=bool(by_site))
    assert Command(tmp_path, "clean", tmp_path / "march", "-o", targets[0], *by_site).end() == 0
    draw = random.Random(seed)
    words = ("clean", tmp_path / "march", "-o", targets[1], *by_site, "--scheduler", cluster.address)
    command = Command(tmp_path, *words)
    for what in draw.sample(kills, len(kills)):
        known = len(list((targets[1] / "completed").iterdir()))
        until(more_than(targets[1] / "completed", known), PATIENCE)
        time.sleep(draw.uniform(0, 0.5))
        kill(what, command, cluster)
    assert (command.end(), "Traceback" in command.said()) == (0, False), command.said()
    expected, rows = (outcomes(target) for target in targets)
    assert (len(rows), rows == expected) == (960, True)


def outcomes(target: Path) -> list[tuple[str, ...]]:
    """Each record's place and outcome."""
    columns = ["source", "record_offset", "url", "state", "reason", "page_type"]
    table = pd.read_parquet(target / "records", columns=columns).astype(str)
    return sorted(table.itertuples(index=False, name=None))


def more_than(folder: Path, count: int) -> Callable[[], bool]:
    return lambda: len(list(folder.iterdir())) > count


@pytest.mark.parametrize("seed", [64])
def test_sites_have_three_turns_and_all_that_they_published(tmp_path, cluster, seed):
    """Each turn finds eight new articles a site, and has a kill of another kind."""
    with ExitStack() as stack:
        sites = {f"site-{number}": ScriptedSite() for number in range(2)}
        for site in sites.values():
            stack.callback(site.close)
        tables = [f'[sites.{name}]\nurls = ["{site.url}/"]\n' for name, site in sites.items()]
        head = "[fleet]\nper-address = 0\n[defaults]\nallow-private = true\ndelay = 0\nconcurrency = 1\n"
        (tmp_path / "sites.toml").write_text(head + "".join(tables))
        words = ("fleet", "run", "sites.toml", "--all", "--store", tmp_path / "store", "--scheduler", cluster.address)
        draw, paths = random.Random(seed), list[str]()
        for what in draw.sample(["scheduler", "first", "command"], 3):
            new = [f"/news/{len(paths) + number}" for number in range(8)]
            paths += new
            for site in sites.values():
                site.routes["/"] = page("home", *paths)
                site.routes |= {path: Reply(page(f"story{path[6:]}"), wait=0.4) for path in new}
            command = Command(tmp_path, *words, "--work", "$MACHINE")
            until(asks_for(sites.values(), new[1]), PATIENCE)
            time.sleep(draw.uniform(0, 2))
            kill(what, command, cluster)
            assert command.end() == 0, command.said()
            store = store_at(str(tmp_path / "store"))
            for name in sites:
                assert read_head(store, name).turn["result"]["end"] == "done"
                assert_whole(store, name, tmp_path / f"looked-at-{what}", len(paths))
        assert "Traceback" not in command.said()
        for site in sites.values():  # a kill costs what came since the last save
            assert sum(map(site.paths().count, paths)) <= 2 * len(paths)


def asks_for(sites: Iterable[ScriptedSite], path: str) -> Callable[[], bool]:
    return lambda: any(path in site.paths() for site in sites)


def assert_whole(store: ObjectStore, name: str, folder: Path, pages: int) -> None:
    """Check a site's archive in the store, and that nothing of another state is left."""
    archive = stored_archive(store, name, folder)
    assert archive.findings == ()
    with closing(open_database(archive.path, read_only=True)) as db:
        assert db.execute("SELECT count(*), count(DISTINCT url) FROM articles").fetchone() == (pages, pages)
        counts = dict(db.execute("SELECT state, count(*) FROM urls GROUP BY 1").fetchall())
    assert counts["done"] >= pages
    assert set(counts) <= {"done", "skipped", "failed"}
    head = read_head(store, name)
    manifest = read_manifest(store, head.manifest)
    assert set(store.keys(state_prefix(name))) == {head.manifest, *manifest.keys}
