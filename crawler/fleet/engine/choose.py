"""Which engine a command asks for: without a store on this machine, with one here or on a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crawler.console.option_types import CommandError
from crawler.fleet.embedded import default_parallel
from crawler.fleet.engine.dask_engine import DaskEngine
from crawler.fleet.engine.store_engine import StoreEngine
from crawler.fleet.records import FOLDER
from crawler.fleet.sites.sites_file import SiteList
from crawler.fleet.store.object_store import StoreError
from crawler.fleet.store.store_address import make_store
from crawler.fleet.store.task_in_store import StorePlace
from output.db.errors import NotReachable

_WAIT_SECONDS = 180.0  # for a site whose runner was killed: its lease lasts 120 s


def store_engine(fleet: SiteList, options: Mapping[str, Any]) -> DaskEngine | StoreEngine | None:
    """The engine for the options `store`, `scheduler` and `work`; None without them.

    CommandError if they do not go together, NotReachable if the store cannot be used.
    """
    if not options["store"]:
        if options["scheduler"] or options["work"]:
            raise CommandError("--scheduler and --work need --store: where the archives are between their turns")
        return None
    store_place = _store_place(fleet, options)
    if options["scheduler"]:
        if options["parallel"]:
            raise CommandError("--parallel is for this machine; on a cluster each worker says how many crawls it runs")
        return DaskEngine(options["scheduler"], store_place)
    return StoreEngine(store_place, options["parallel"] or fleet.parallel or default_parallel())


def _store_place(fleet: SiteList, options: Mapping[str, Any]) -> StorePlace:
    try:
        identity = make_store(options["store"])
    except StoreError as error:
        raise NotReachable(str(error)) from error
    work_folder = options["work"] or str((fleet.folder / FOLDER / "work").absolute())
    wait_seconds = _WAIT_SECONDS if options["scheduler"] else 0.0
    return StorePlace(options["store"], identity, work_folder, wait_seconds=wait_seconds, per_address=fleet.per_address)
