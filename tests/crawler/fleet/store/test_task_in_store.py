"""One task in a store: its result, also where it cannot run at all, and no secret for its crawl."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from broadsheet.crawler.fleet import run_site
from broadsheet.crawler.fleet.site_task import SiteEnd, SiteResult, SiteTask
from broadsheet.crawler.fleet.store.patient_store import Patience
from broadsheet.crawler.fleet.store.site_lease import LeaseTerms, acquire
from broadsheet.crawler.fleet.store.store_address import make_store, store_at
from broadsheet.crawler.fleet.store.task_in_store import StorePlace, read_result, run_task
from broadsheet.crawler.session.lifeline import Lifeline
from tests.crawler.fleet.store.sites import store_pages, stored_names

TASK = SiteTask("lamp", Path("lamp.db"), ("http://lamp.example/",))


class QuickCrawl:
    """In place of a crawl's process: stores a page at once."""

    def __init__(self, archive: Path) -> None:
        store_pages(archive, ["one"])

    def result(self) -> SiteResult:
        return SiteResult("lamp", SiteEnd.DONE, 0, Path("local.db"), seconds=1.5)


@pytest.fixture
def environments(monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, str]]:
    """Crawls are quick; what each got of the environment."""
    given: list[Mapping[str, str]] = []

    def start(task: SiteTask, lifeline: Lifeline, log: Path, environment: Mapping[str, str]) -> QuickCrawl:
        given.append(environment)
        return QuickCrawl(task.archive)

    monkeypatch.setattr(run_site, "start_site", start)
    return given


@pytest.fixture
def place(tmp_path: Path) -> StorePlace:
    address = str(tmp_path / "store")
    return StorePlace(address, make_store(address), str(tmp_path / "work"), LeaseTerms(), Patience(seconds=0))


def run(task: SiteTask, place: StorePlace) -> SiteResult:
    lifeline = Lifeline()
    try:
        return run_task(task, place, lifeline, lambda: False)
    finally:
        lifeline.close()


def test_a_task_that_was_finished_gives_its_result_and_does_not_run_again(
    tmp_path: Path, place: StorePlace, environments: list[Mapping[str, str]]
) -> None:
    result = run(TASK, place)
    assert (result.end, result.archive, result.seconds) == (SiteEnd.DONE, TASK.archive, 1.5)
    assert run(TASK, place) == result
    assert len(environments) == 1
    assert run(replace(TASK, due_at="2026-01-02T00:00:00+00:00"), place).end is SiteEnd.DONE
    assert len(environments) == 2
    assert stored_names(store_at(place.address), tmp_path) == {"one"}


def test_a_task_whose_archive_waits_beside_another_has_no_result_yet(
    tmp_path: Path, place: StorePlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    class LateCrawl(QuickCrawl):
        """Another runner takes the site while it is under way."""

        def __init__(self, archive: Path) -> None:
            super().__init__(archive)
            later = LeaseTerms(clock=lambda: "2999-01-01T00:00:00+00:00")
            acquire(store_at(place.address), "lamp", "another", later)

    monkeypatch.setattr(run_site, "start_site", lambda task, *_words: LateCrawl(task.archive))
    result = run(TASK, place)
    assert (result.end, result.exit_code) == (SiteEnd.IN_USE, 75)
    assert read_result(store_at(place.address), TASK) is None


def test_a_site_that_another_has_is_in_use(place: StorePlace, environments: list[Mapping[str, str]]) -> None:
    acquire(store_at(place.address), "lamp", "another")
    result = run(TASK, place)
    assert (result.end, result.exit_code) == (SiteEnd.IN_USE, 75)
    assert "lamp is run by another" in result.message


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"address": "/nowhere/at/all"}, "is it mounted?"),
        ({"identity": "other"}, "is another store here"),
        ({"address": "ftp://a/b"}, "is no address of a store"),
    ],
)
def test_a_store_that_cannot_be_used_fails_the_task_in_a_line(
    place: StorePlace, environments: list[Mapping[str, str]], change: dict[str, str], words: str
) -> None:
    result = run(TASK, replace(place, **change))
    assert (result.end, result.exit_code) == (SiteEnd.FAILED, 1)
    assert words in result.message
    assert "\n" not in result.message
    assert environments == []


def test_a_crawl_gets_no_credentials_of_the_store(
    place: StorePlace, environments: list[Mapping[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret")
    run(TASK, place)
    assert {name: environments[0][name] for name in os.environ if name.startswith("AWS_")} == {
        name: "" for name in os.environ if name.startswith("AWS_")
    }
    assert "very-secret" not in str(environments)


def test_the_work_folder_may_name_variables_of_the_machine(
    place: StorePlace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SCRATCH", str(tmp_path))
    assert replace(place, work_folder="$SCRATCH/sites").local_folder == tmp_path / "sites"


def test_a_damaged_result_counts_for_none(place: StorePlace) -> None:
    store = store_at(place.address)
    store.put_bytes("sites/lamp/result.json", b'{"task": 1}')
    assert read_result(store, TASK) is None
