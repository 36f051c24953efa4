"""Which engine the options of `fleet run` ask for."""

from __future__ import annotations

from pathlib import Path

import pytest

from broadsheet.crawler.command_values import CommandError
from broadsheet.crawler.commands.fleet import checked_cluster, store_engine
from broadsheet.crawler.fleet.dask_engine import DaskEngine
from broadsheet.crawler.fleet.sites_file import SiteList
from broadsheet.crawler.fleet.slurm_engine import SlurmEngine
from broadsheet.crawler.fleet.store_engine import StoreEngine
from broadsheet.output.archive.archive_errors import NotReachable


@pytest.fixture
def fleet(tmp_path: Path) -> SiteList:
    return SiteList(tmp_path / "sites.toml", tmp_path / "archives", 3, 2, ())


def options(**changes: object) -> dict[str, object]:
    return {"store": None, "scheduler": None, "cluster": None, "work": None, "parallel": None, **changes}


def test_without_a_store_there_is_none(fleet: SiteList) -> None:
    assert store_engine(fleet, options()) is None


def test_a_store_and_a_scheduler_each_have_their_engine(fleet: SiteList, tmp_path: Path) -> None:
    store = str(tmp_path / "store")
    here = store_engine(fleet, options(store=store))
    assert isinstance(here, StoreEngine)
    assert (here.parallel, here.store_place.per_address, here.store_place.wait_seconds) == (3, 2, 0)
    there = store_engine(fleet, options(store=store, scheduler="tcp://127.0.0.1:1", work="$TMPDIR/sites"))
    assert isinstance(there, DaskEngine)
    assert there.store_place.work_folder == "$TMPDIR/sites"
    assert there.store_place.wait_seconds > there.store_place.terms.seconds + there.store_place.terms.skew_seconds
    assert there.store_place.identity == here.store_place.identity


def test_a_cluster_has_an_engine_too_if_its_file_is_right(fleet: SiteList, tmp_path: Path) -> None:
    file = tmp_path / "slurm.toml"
    file.write_text('[cluster]\nhost = "10.1.0.4"\nworkers = 7\n')
    engine = store_engine(fleet, options(store=str(tmp_path / "store"), cluster=str(file)))
    assert isinstance(engine, SlurmEngine)
    assert engine.cluster.workers == 7
    assert engine.folder == fleet.folder / ".fleet/cluster"
    assert engine.store_place.wait_seconds > engine.store_place.terms.seconds
    file.write_text("[cluster]\nhosts = 1\n")
    with pytest.raises(CommandError, match=r"slurm.toml, line 2: hosts is not known here"):
        checked_cluster(options(store="s", cluster=str(file)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"scheduler": "tcp://a:1"},
        {"work": "x"},
        {"cluster": "slurm.toml"},
        {"store": "s", "scheduler": "tcp://a:1", "parallel": 3},
        {"store": "s", "cluster": "slurm.toml", "parallel": 3},
        {"store": "s", "cluster": "slurm.toml", "scheduler": "tcp://a:1"},
    ],
)
def test_options_that_do_not_go_together_are_refused(
    fleet: SiteList, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, object]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandError):
        store_engine(fleet, options(**wrong))


def test_a_store_that_cannot_be_used_is_said_in_a_line(fleet: SiteList, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for address in (str(tmp_path / "file"), "ftp://a/b", str(tmp_path)):
        with pytest.raises(NotReachable) as caught:
            store_engine(fleet, options(store=address))
        assert "\n" not in str(caught.value)
