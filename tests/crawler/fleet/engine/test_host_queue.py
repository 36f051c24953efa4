"""Tasks in their order, but never two of one host at once."""

from __future__ import annotations

from pathlib import Path

from broadsheet.crawler.fleet.engine.host_queue import HostQueue
from broadsheet.crawler.fleet.site_task import SiteTask


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
