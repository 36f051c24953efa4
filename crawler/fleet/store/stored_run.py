"""One run of a site whose archive lives in a store: taken, fetched, run, brought home, and given back.

Whatever cuts it off, nothing is lost: until a manifest names what was uploaded, the local copy stays, and the next run
on this machine goes on from it or puts it beside.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from broadsheet.crawler.fleet.store.bring_home import upload_site
from broadsheet.crawler.fleet.store.fetch_site import fetch_site
from broadsheet.crawler.fleet.store.heartbeat import beating
from broadsheet.crawler.fleet.store.local_copy import LocalCopy, read_origin, remove_copy, write_origin
from broadsheet.crawler.fleet.store.manifest import SiteManifest, beside_prefix, manifest_prefix, read_manifest
from broadsheet.crawler.fleet.store.merge_beside import merge_beside
from broadsheet.crawler.fleet.store.object_store import NotInStore, ObjectStore, StoreError
from broadsheet.crawler.fleet.store.site_lease import LeaseLost, LeaseTerms, SiteLease, acquire_within

_LOG = logging.getLogger(__name__)
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class StoredSite:
    """A site in a store, the place for its local copy, and who runs it: words for people, such as host and process.

    `wait_seconds` is how long to wait for a site that another runner has.
    """

    store: ObjectStore
    copy: LocalCopy
    owner: str
    terms: LeaseTerms = field(default_factory=LeaseTerms)
    wait_seconds: float = 0.0


def run_stored(site: StoredSite, crawl: Callable[[Path, threading.Event], _Result]) -> _Result:
    """Have `crawl` work on the site's archive while no other runner has it, and bring home what came of it.

    `crawl` gets the archive's path, where there may be nothing yet, and an event that is set when another runner has
    taken the site: it should then end in good order. What it stored is brought home also when it raises.
    SiteIsLeased if another runner has the site, or has taken it meanwhile and keeps it: what was crawled then waits
    beside it. StoreError if the store fails for longer than its patience.
    """
    lease = acquire_within(site.store, site.copy.site, site.owner, site.terms, site.wait_seconds)
    is_lost = threading.Event()
    with beating(lease, is_lost.set):
        merged = _prepare(site, lease)
        try:
            result = crawl(site.copy.archive, is_lost)
        finally:
            _bring_home(site, lease, merged)
    return result


def _prepare(site: StoredSite, lease: SiteLease) -> dict[str, SiteManifest]:
    """Have the site's newest archive on the local disk, with all that was put beside; returns what was merged."""
    try:
        _put_left_over_beside(site, lease)
        if not site.copy.is_left_over():
            _fetch(site, lease)
        return dict(merge_beside(site.store, site.copy))
    except BaseException:
        with suppress(StoreError):
            lease.release()
        raise


def _put_left_over_beside(site: StoredSite, lease: SiteLease) -> None:
    """What an earlier task left here goes on, if the store has had nothing new since; else it is put beside."""
    if not site.copy.is_left_over():
        return
    origin = read_origin(site.copy)
    if origin is None or origin.manifest != lease.manifest:
        _LOG.info("%s has moved on since %s was left here; it is merged", site.copy.site, site.copy.archive)
        upload_site(site.store, site.copy, lease.record.generation, beside_prefix(site.copy.site))
        remove_copy(site.copy)


def _fetch(site: StoredSite, lease: SiteLease) -> None:
    if lease.manifest:
        fetch_site(site.store, read_manifest(site.store, lease.manifest), lease.manifest, site.copy)
    else:
        site.copy.folder.mkdir(parents=True, exist_ok=True)
        write_origin(site.copy, "")


def _bring_home(site: StoredSite, lease: SiteLease, merged: dict[str, SiteManifest]) -> None:
    """Bring the local copy to the store and give the lease back; the loser of a lease puts its copy beside."""
    if not site.copy.is_left_over():  # nothing was stored, so nothing is to be said
        with suppress(LeaseLost):
            lease.release()
        return
    key = upload_site(site.store, site.copy, lease.record.generation, manifest_prefix(site.copy.site))
    try:
        lease.state_manifest(key)
    except LeaseLost:
        upload_site(site.store, site.copy, lease.record.generation, beside_prefix(site.copy.site))
        site.store.delete(key)
        remove_copy(site.copy)
        _merge_now(site)
        return
    remove_copy(site.copy)
    _remove_replaced(site, key, lease.manifest, merged)


def _merge_now(site: StoredSite) -> None:
    """Merge what was put beside. StoreError if somebody has the site, or the store fails: whoever has the site next
    does it, and until then nobody may say that the site is what was crawled here."""
    try:
        run_stored(site, _leave_as_it_is)
    except StoreError as error:
        _LOG.info("what was put beside %s waits to be merged: %s", site.copy.site, error)
        raise


def _leave_as_it_is(archive: Path, _is_lost: threading.Event) -> None:
    """No crawl: what there is beside is merged before, and brought home after."""
    _LOG.info("%s has what was put beside it", archive)


def _remove_replaced(site: StoredSite, current_key: str, old_key: str, merged: dict[str, SiteManifest]) -> None:
    """Remove from the store what the new state has taken the place of: the old one, and what was merged into it."""
    replaced = dict(merged)
    if old_key:
        with suppress(NotInStore):
            replaced[old_key] = read_manifest(site.store, old_key)
    for key in replaced:
        site.store.delete(key)
    waiting_keys = site.store.keys(beside_prefix(site.copy.site))
    kept_keys = _file_keys(read_manifest(site.store, key) for key in [current_key, *waiting_keys])
    for key in sorted(_file_keys(replaced.values()) - kept_keys):
        site.store.delete(key)


def _file_keys(manifests: Iterable[SiteManifest]) -> set[str]:
    return {key for manifest in manifests for key in manifest.keys}
