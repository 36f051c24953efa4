"""Tasks in their order, but never two of one host at once.

Tasks in their order, but never two of one host at once.

`broadsheet fleet run --store`, twice: all is in the store, and the second time it is updated there.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from broadsheet.crawler.fleet.site_task import SiteTask
from broadsheet.crawler.fleet.store_address import store_at
from broadsheet.crawler.fleet.store_engine import HostQueue
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


@pytest.mark.slow
def test_a_list_is_crawled_into_a_store_and_updated_there(tmp_path: Path, serve: object) -> None:
    sites: list[ScriptedSite] = sites_of(serve, 2)  # type: ignore[arg-type]
    file, store = write_list(tmp_path, sites), tmp_path / "store"
    code, out, errors = run_fleet(file, "--store", store)
    assert code == 0, errors
    assert "2 sites: 2 done" in out
    keys = store_at(str(store)).keys("sites/")
    assert [sum(key.startswith(f"sites/s{number}/manifests/") for key in keys) for number in range(2)] == [1, 1]
    assert not list(tmp_path.rglob("work/*/*.db"))
    code, out, errors = run_fleet(file, "--store", store, "--all")
    assert code == 0, errors
    assert json.loads((store / "sites/s0/result.json").read_text())["counts"]["articles"] > 0
    code, out, errors = run_fleet(file, "--store", "ftp://nowhere/", "--all")
    assert (code, errors.count("\n")) == (1, 1)
    assert "is no address of a store" in errors
