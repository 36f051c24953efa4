"""Which engine a command asks for: without a store on this machine, with one here or on a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from broadsheet.crawler.console.option_types import CommandError
from broadsheet.crawler.fleet.embedded import default_parallel
from broadsheet.crawler.fleet.engine.cluster_file import SlurmCluster, read_cluster
from broadsheet.crawler.fleet.engine.dask_engine import DaskEngine
from broadsheet.crawler.fleet.engine.slurm_engine import SlurmEngine
from broadsheet.crawler.fleet.engine.store_engine import StoreEngine
from broadsheet.crawler.fleet.records import FOLDER
from broadsheet.crawler.fleet.sites.sites_file import SiteList
from broadsheet.crawler.fleet.store.object_store import StoreError
from broadsheet.crawler.fleet.store.store_address import make_store
from broadsheet.crawler.fleet.store.task_in_store import StorePlace
from broadsheet.output.db.errors import NotReachable

_WAIT_SECONDS = 180.0  # for a site whose runner was killed: its lease lasts 120 s


def store_engine(fleet: SiteList, options: Mapping[str, Any]) -> DaskEngine | SlurmEngine | StoreEngine | None:
    """The engine for the options `store`, `scheduler`, `cluster` and `work`; None without them.

    CommandError as `checked_cluster` says, NotReachable if the store cannot be used.
    """
    cluster = checked_cluster(options)
    if not options["store"]:
        return None
    store_place = _store_place(fleet, options)
    if cluster:
        return SlurmEngine(cluster, store_place, fleet.folder.absolute() / FOLDER / "cluster")
    if options["scheduler"]:
        return DaskEngine(options["scheduler"], store_place)
    return StoreEngine(store_place, options["parallel"] or fleet.parallel or default_parallel())


def checked_cluster(options: Mapping[str, Any]) -> SlurmCluster | None:
    """What the file of `cluster` says, if one is named. CommandError if it has a mistake, or the options for engines
    do not go together."""
    if not options["store"] and (options["scheduler"] or options["cluster"] or options["work"]):
        raise CommandError("--scheduler, --cluster and --work need --store: where archives are between their turns")
    if options["scheduler"] and options["cluster"]:
        raise CommandError("--cluster starts a scheduler of its own; leave out --scheduler, or --cluster")
    if options["parallel"] and (options["scheduler"] or options["cluster"]):
        raise CommandError("--parallel is for this machine; on a cluster each worker says how many crawls it runs")
    return read_cluster(Path(options["cluster"])) if options["cluster"] else None


def _store_place(fleet: SiteList, options: Mapping[str, Any]) -> StorePlace:
    try:
        identity = make_store(options["store"])
    except StoreError as error:
        raise NotReachable(str(error)) from error
    work_folder = options["work"] or str((fleet.folder / FOLDER / "work").absolute())
    wait_seconds = _WAIT_SECONDS if options["scheduler"] or options["cluster"] else 0.0
    return StorePlace(options["store"], identity, work_folder, wait_seconds=wait_seconds, per_address=fleet.per_address)
