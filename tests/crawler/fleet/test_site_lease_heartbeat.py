"""A heartbeat keeps a lease, outlives a store that is away, and tells of a loss once."""

from __future__ import annotations

from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace

import pytest

from broadsheet.crawler.fleet import site_lease
from broadsheet.crawler.fleet.folder_store import FolderStore
from broadsheet.crawler.fleet.object_store import StoreUnreachable
from broadsheet.crawler.fleet.site_lease import LeaseTerms, acquire, beating, read_site
from broadsheet.output.archive.stored_values import utc_now

_WAIT_SECONDS = 20


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    (tmp_path / "store").mkdir()
    return FolderStore(tmp_path / "store")


def test_a_lease_is_renewed_also_after_the_store_was_away(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lease = acquire(store, "a", "first", LeaseTerms(0.03))
    renewals, renewed = [0], Event()
    renew = lease.renew

    def trouble() -> None:
        renewals[0] += 1
        if renewals[0] == 1:
            raise StoreUnreachable("away")
        renew()
        renewed.set()

    monkeypatch.setattr(lease, "renew", trouble)
    with beating(lease, lambda: None):
        assert renewed.wait(_WAIT_SECONDS)
    assert caplog.messages == ["no heartbeat for a: away"]


def test_a_lease_that_another_took_is_told_of_once(store: FolderStore, caplog: pytest.LogCaptureFixture) -> None:
    lease = acquire(store, "a", "first", LeaseTerms(0.03))
    losses: list[list[str]] = []
    lost = Event()

    def on_loss() -> None:
        losses.append(caplog.messages)
        lost.set()

    acquire(store, "a", "second", LeaseTerms(0.03, -3600.0, utc_now))
    with beating(lease, on_loss):
        assert lost.wait(_WAIT_SECONDS)
    assert losses == [["another runner took a: its lease had expired"]]


def test_a_heartbeat_comes_thrice_in_the_time_of_a_lease(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    class Ending(Event):
        def wait(self, timeout: float | None = None) -> bool:
            if timeout is not None:
                waits.append(timeout)
            return len(waits) > 2

    lease = acquire(store, "a", "first", LeaseTerms(90.0))
    monkeypatch.setattr(site_lease, "threading", SimpleNamespace(Event=Ending, Thread=Thread))
    with beating(lease, lambda: None, lambda: 7):
        pass
    assert waits == [30.0] * 3
    assert read_site(store, "a") == lease.record
    assert (lease.record.pages, lease.record.generation, lease.record.owner) == (7, 1, "first")
