"""Which engine the options of `fleet run` ask for."""

from __future__ import annotations

from pathlib import Path

import pytest

from broadsheet.crawler.command_values import CommandError
from broadsheet.crawler.commands.fleet import check_engine_options, made_store_place, store_engine
from broadsheet.crawler.fleet.dask_engine import DaskEngine
from broadsheet.crawler.fleet.sites_file import SiteList
from broadsheet.crawler.fleet.store_engine import StoreEngine
from broadsheet.output.archive.archive_errors import NotReachable


@pytest.fixture
def fleet(tmp_path: Path) -> SiteList:
    return SiteList(tmp_path / "sites.toml", tmp_path / "archives", 3, 2, ())


def options(**changes: object) -> dict[str, object]:
    return {"store": None, "scheduler": None, "work": None, "parallel": None, **changes}


def test_a_store_and_a_scheduler_each_have_their_engine(fleet: SiteList, tmp_path: Path) -> None:
    asked = options(store=str(tmp_path / "store"))
    here = store_engine(fleet, asked, made_store_place(fleet, asked))
    assert isinstance(here, StoreEngine)
    assert (here.parallel, here.store_place.per_address, here.store_place.wait_seconds) == (3, 2, 0)
    asked = options(store=asked["store"], scheduler="tcp://127.0.0.1:1", work="$TMPDIR/sites")
    there = store_engine(fleet, asked, made_store_place(fleet, asked, 180.0))
    assert isinstance(there, DaskEngine)
    assert (there.store_place.work_folder, there.store_place.wait_seconds) == ("$TMPDIR/sites", 180.0)
    assert there.store_place.identity == here.store_place.identity


@pytest.mark.parametrize(
    "wrong",
    [
        {"scheduler": "tcp://a:1"},
        {"work": "x"},
        {"store": "s", "scheduler": "tcp://a:1", "parallel": 3},
    ],
)
def test_options_that_do_not_go_together_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(CommandError):
        check_engine_options(options(**wrong))


def test_a_store_that_cannot_be_used_is_said_in_a_line(fleet: SiteList, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for address in (str(tmp_path / "file"), "ftp://a/b", str(tmp_path)):
        with pytest.raises(NotReachable) as caught:
            made_store_place(fleet, options(store=address))
        assert "\n" not in str(caught.value)
