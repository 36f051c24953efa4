"""Runs of a site in a store: what two runners, a stalled one and a killed one bring home is all there at the end."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Event

import pytest

from broadsheet.crawler.fleet.store import stored_run
from broadsheet.crawler.fleet.store.manifest import beside_prefix
from broadsheet.crawler.fleet.store.object_store import ObjectStore, StoreUnreachable
from broadsheet.crawler.fleet.store.site_lease import LeaseTerms, SiteIsLeased, acquire, read_site
from broadsheet.crawler.fleet.store.stored_run import run_stored
from broadsheet.output.db.errors import InUse
from broadsheet.output.db.open import open_database
from broadsheet.output.write.archive import Archive
from broadsheet.output.write.forget import take_down
from tests.crawler.fleet.store.sites import HOST, crawl_of, site_in, store_pages, stored_manifest, stored_names
from tests.output.conftest import Clock, Maker


def test_what_was_crawled_is_in_the_store_and_no_longer_here(run_store: ObjectStore, tmp_path: Path) -> None:
    site = site_in(run_store, tmp_path)
    run_stored(site, crawl_of("one", "two"))
    assert not site.copy.folder.exists()
    assert stored_names(run_store, tmp_path) == {"one", "two"}
    assert read_site(run_store, "lamp").owner == ""


def test_an_update_goes_on_elsewhere_and_fetches_no_raw_response(run_store: ObjectStore, tmp_path: Path) -> None:
    run_stored(site_in(run_store, tmp_path), crawl_of("one"))
    first_files = stored_manifest(run_store).warc_files

    def update(archive: Path, is_lost: Event) -> None:
        assert list(archive.parent.rglob("*.warc.gz")) == []
        with Archive.open(archive) as opened:
            assert opened.short_files == ()
        store_pages(archive, ["two", "one"])

    run_stored(site_in(run_store, tmp_path, "second"), update)
    files = stored_manifest(run_store).warc_files
    assert set(first_files) < set(files)
    assert stored_names(run_store, tmp_path) == {"one", "two"}
    assert len(run_store.keys("sites/lamp/archive/")) == 1
    assert len(run_store.keys("sites/lamp/manifests/")) == 1


def test_a_payload_that_lies_in_the_store_is_not_stored_again(run_store: ObjectStore, tmp_path: Path) -> None:
    run_stored(site_in(run_store, tmp_path), crawl_of("one"))
    refers_to: list[object] = []

    def update(archive: Path, is_lost: Event) -> None:
        store_pages(archive, ["one"], Maker(Clock(3_000)))
        with closing(open_database(archive, read_only=True)) as db:
            refers_to.extend(
                row[0] for row in db.execute("SELECT refers_to FROM captures ORDER BY fetched_at").fetchall()
            )

    run_stored(site_in(run_store, tmp_path), update)
    assert [original is None for original in refers_to] == [True, False]


def test_a_site_that_another_runner_has_is_left_alone(run_store: ObjectStore, tmp_path: Path) -> None:
    def second_runner(archive: Path, is_lost: Event) -> None:
        with pytest.raises(SiteIsLeased, match="lamp is run by first"):
            run_stored(site_in(run_store, tmp_path, "second"), crawl_of("never"))
        store_pages(archive, ["one"])

    run_stored(site_in(run_store, tmp_path), second_runner)
    assert stored_names(run_store, tmp_path) == {"one"}


def stalled_runner(store: ObjectStore, tmp_path: Path, *second_names: str) -> Callable[[Path, Event], None]:
    """A crawl that stores a page, stalls until another runner has run the site, and wakes after that."""

    def crawl(archive: Path, is_lost: Event) -> None:
        store_pages(archive, ["late"])
        later = Clock(600)
        run_stored(site_in(store, tmp_path, "second", later), crawl_of(*second_names))

    return crawl


def test_a_stalled_runner_loses_its_lease_and_no_page(run_store: ObjectStore, tmp_path: Path) -> None:
    run_stored(site_in(run_store, tmp_path, "zeroth", Clock()), crawl_of("base"))
    first = site_in(run_store, tmp_path, "first", Clock(5))
    run_stored(first, stalled_runner(run_store, tmp_path, "quick"))
    assert stored_names(run_store, tmp_path) == {"base", "quick", "late"}
    assert not first.copy.folder.exists()
    assert run_store.keys(beside_prefix("lamp")) == []
    names = [file.name for file in stored_manifest(run_store).warc_files]
    assert len(names) == len(set(names)) == 3


def test_a_runner_whose_site_is_kept_by_another_does_not_say_that_it_is_done(
    run_store: ObjectStore, tmp_path: Path
) -> None:
    def crawl(archive: Path, is_lost: Event) -> None:
        store_pages(archive, ["late"])
        acquire(run_store, "lamp", "second", LeaseTerms(120.0, 10.0, Clock(600)))

    with pytest.raises(SiteIsLeased, match="lamp is run by second"):
        run_stored(site_in(run_store, tmp_path, "first", Clock()), crawl)
    assert len(run_store.keys(beside_prefix("lamp"))) == 1
    run_stored(site_in(run_store, tmp_path, "third", Clock(900)), crawl_of("more"))
    assert stored_names(run_store, tmp_path) == {"late", "more"}


def test_what_is_beside_is_merged_by_whoever_has_the_site_next(
    run_store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(stored_run, "_merge_now", lambda site: None)
        run_stored(site_in(run_store, tmp_path, "first", Clock()), stalled_runner(run_store, tmp_path, "quick"))
    assert len(run_store.keys(beside_prefix("lamp"))) == 1
    assert stored_names(run_store, tmp_path) == {"quick"}
    run_stored(site_in(run_store, tmp_path, "third", Clock(900)), crawl_of("more"))
    assert stored_names(run_store, tmp_path) == {"quick", "late", "more"}
    assert run_store.keys(beside_prefix("lamp")) == []


STEPS = ("fetch_site", "merge_beside", "upload_site", "remove_copy", "_remove_replaced")


class PowerCutError(BaseException):
    """Stands for a kill: nothing that would clean up runs after it."""


@pytest.mark.parametrize(
    ("step", "moment"),
    [
        ("upload_site", "after"),
        *(
            pytest.param(step, moment, marks=pytest.mark.slow)
            for step in STEPS
            for moment in ("before", "after")
            if (step, moment) != ("upload_site", "after")
        ),
    ],
)
def test_a_runner_that_is_killed_at_a_step_has_lost_nothing(
    run_store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, moment: str
) -> None:
    run_stored(site_in(run_store, tmp_path, "first", Clock()), crawl_of("base"))
    action = getattr(stored_run, step)

    def cut(*arguments: object) -> object:
        if moment == "after":
            action(*arguments)
        raise PowerCutError

    with monkeypatch.context() as patch:
        patch.setattr(stored_run, step, cut)
        patch.setattr(stored_run.SiteLease, "release", lambda lease: None)
        with pytest.raises(PowerCutError):
            run_stored(site_in(run_store, tmp_path, "first", Clock(100)), crawl_of("one"))
    has_crawled = step not in STEPS[:2]
    run_stored(site_in(run_store, tmp_path, "first", Clock(900)), crawl_of("two"))
    assert stored_names(run_store, tmp_path) == {"base", "two"} | ({"one"} if has_crawled else set())
    assert not (tmp_path / "first/lamp").exists()


def test_what_a_killed_runner_left_is_put_beside_where_the_site_moved_on(
    run_store: ObjectStore, tmp_path: Path
) -> None:
    site = site_in(run_store, tmp_path, "first", Clock())
    acquire(run_store, "lamp", "first", site.terms)
    site.copy.folder.mkdir(parents=True)
    stored_run.write_origin(site.copy, "")
    store_pages(site.copy.archive, ["left"])
    run_stored(site_in(run_store, tmp_path, "second", Clock(600)), crawl_of("quick"))
    run_stored(site_in(run_store, tmp_path, "first", Clock(1_200)), crawl_of("more"))
    assert stored_names(run_store, tmp_path) == {"left", "quick", "more"}


def test_a_crawl_that_still_runs_here_keeps_its_archive(run_store: ObjectStore, tmp_path: Path) -> None:
    site = site_in(run_store, tmp_path)
    site.copy.folder.mkdir(parents=True)
    stored_run.write_origin(site.copy, "elsewhere")
    with Archive.open(site.copy.archive), pytest.raises(InUse):
        run_stored(site, crawl_of("one"))
    assert read_site(run_store, "lamp").owner == ""


def test_a_crawl_that_raises_is_brought_home_too(run_store: ObjectStore, tmp_path: Path) -> None:
    def failing(archive: Path, is_lost: Event) -> None:
        store_pages(archive, ["one"])
        raise ValueError("no memory")

    with pytest.raises(ValueError, match="no memory"):
        run_stored(site_in(run_store, tmp_path), failing)
    assert stored_names(run_store, tmp_path) == {"one"}


def test_a_store_that_fails_at_the_end_leaves_the_local_copy(
    run_store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*arguments: object) -> None:
        raise StoreUnreachable("the store is away")

    site = site_in(run_store, tmp_path, "first", Clock())
    with monkeypatch.context() as patch:
        patch.setattr(type(run_store), "put_file", unreachable)
        with pytest.raises(StoreUnreachable):
            run_stored(site, crawl_of("one"))
    assert site.copy.is_left_over()
    run_stored(site_in(run_store, tmp_path, "first", Clock(900)), crawl_of("two"))
    assert stored_names(run_store, tmp_path) == {"one", "two"}


def test_what_is_taken_down_leaves_the_store(run_store: ObjectStore, tmp_path: Path) -> None:
    run_stored(site_in(run_store, tmp_path), crawl_of("one", "two"))
    old_keys = stored_manifest(run_store).keys

    def forget(archive: Path, is_lost: Event) -> None:
        with Archive.open(archive) as opened:
            take_down(opened.db, f"{HOST}/one", clock=Clock(2_000))

    run_stored(site_in(run_store, tmp_path), forget)
    assert stored_names(run_store, tmp_path) == {"two"}
    kept = b"".join(chunk for key in stored_manifest(run_store).keys for chunk in run_store.chunks(key))
    assert b"of one is told here" not in kept
    assert all(run_store.length(key) is None for key in old_keys)


def test_what_was_taken_down_does_not_come_back_with_a_late_runner(run_store: ObjectStore, tmp_path: Path) -> None:
    run_stored(site_in(run_store, tmp_path, "zeroth", Clock()), crawl_of("one", "two"))

    def stalled(archive: Path, is_lost: Event) -> None:
        def forget(other_archive: Path, is_lost: Event) -> None:
            with Archive.open(other_archive) as opened:
                take_down(opened.db, f"{HOST}/one", clock=Clock(2_000))

        store_pages(archive, ["late"])
        run_stored(site_in(run_store, tmp_path, "second", Clock(600)), forget)

    run_stored(site_in(run_store, tmp_path, "first", Clock(100)), stalled)
    assert stored_names(run_store, tmp_path) == {"two", "late"}


def test_a_takedown_that_comes_late_is_carried_out(run_store: ObjectStore, tmp_path: Path) -> None:
    run_stored(site_in(run_store, tmp_path, "zeroth", Clock()), crawl_of("one", "two"))

    def stalled(archive: Path, is_lost: Event) -> None:
        with Archive.open(archive) as opened:
            take_down(opened.db, f"{HOST}/one", clock=Clock(2_000))
        run_stored(site_in(run_store, tmp_path, "second", Clock(600)), crawl_of("quick"))

    run_stored(site_in(run_store, tmp_path, "first", Clock(100)), stalled)
    assert stored_names(run_store, tmp_path) == {"two", "quick"}
