"""One task of a fleet whose archive lives in a store, from its lease to its result."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path

from broadsheet.crawler.fleet.disk import disk_problem
from broadsheet.crawler.fleet.run_site import run_site
from broadsheet.crawler.fleet.site_task import SiteCounts, SiteEnd, SiteResult, SiteTask
from broadsheet.crawler.fleet.store.local_copy import LocalCopy
from broadsheet.crawler.fleet.store.object_store import NotInStore, ObjectStore, StoreError
from broadsheet.crawler.fleet.store.patient_store import Patience, PatientStore
from broadsheet.crawler.fleet.store.site_lease import LeaseTerms, SiteIsLeased
from broadsheet.crawler.fleet.store.store_address import check_identity, store_at
from broadsheet.crawler.fleet.store.stored_run import StoredSite, run_stored
from broadsheet.crawler.session.lifeline import Lifeline
from broadsheet.output.db.errors import ArchiveError, InUse

IN_USE_CODE = 75
_SECRET_PREFIXES = ("AWS_", "OBJECT_STORE_")


@dataclass(frozen=True, slots=True)
class StorePlace:
    """A store as a task on any machine finds it: its address and identity, the folder for local copies, in which
    variables of that machine may stand, as in `$TMPDIR/broadsheet`, and how long to wait: for a store that is away, and
    for a site that another runner has (seconds)."""

    address: str
    identity: str
    work_folder: str
    terms: LeaseTerms = field(default_factory=LeaseTerms)
    patience: Patience = field(default_factory=Patience)
    wait_seconds: float = 0.0
    per_address: int = 4
    """Requests under way to one address, over all crawls of the fleet."""

    def environment(self, grants: Path | None = None) -> dict[str, str]:
        """The variables that a crawl gets: no credentials of the store, which it does not need; one worker process, as
        crawls run side by side; where they share what they know of addresses, and find slots that are granted. What the
        machine says, counts."""
        chosen = {
            "BROADSHEET_ADDRESS_GRANTS": str(grants or ""),
            "BROADSHEET_WORKERS": "1",
            "BROADSHEET_PER_ADDRESS": str(self.per_address),
            "BROADSHEET_ADDRESS_FOLDER": str(self.local_folder / ".addresses"),
        }
        secrets = {name: "" for name in os.environ if name.startswith(_SECRET_PREFIXES)}
        return {name: value for name, value in chosen.items() if name not in os.environ} | secrets

    @property
    def local_folder(self) -> Path:
        """The folder for local copies on this machine."""
        return Path(os.path.expandvars(self.work_folder)).expanduser().absolute()


def run_task(
    task: SiteTask, store_place: StorePlace, lifeline: Lifeline, is_stopped: Callable[[], bool],
    grants: Path | None = None,
) -> SiteResult:  # fmt: skip
    """Run a task on a local copy of its archive, and bring home what came of it. What goes wrong is a result too.

    A task that was finished already, by a runner whose word was lost on the way, gives the result that it had. `grants`
    is where its crawl finds slots for addresses, if all machines share them.
    """
    try:
        if problem := disk_problem(store_place.local_folder):
            return _failed(task, SiteEnd.UNSUITABLE_DISK, problem)
        store = PatientStore(store_at(store_place.address), store_place.patience)
        check_identity(store, store_place.identity)
        return read_result(store, task) or _run_leased(
            task, store_place, store, _CrawlStarter(lifeline, is_stopped, store_place.environment(grants))
        )
    except (SiteIsLeased, InUse) as error:
        return _failed(task, SiteEnd.IN_USE, str(error))
    except (StoreError, ArchiveError) as error:
        return _failed(task, SiteEnd.FAILED, str(error))
    except OSError as error:
        return _failed(task, SiteEnd.FAILED, f"{error.filename or store_place.local_folder}: {error.strerror or error}")


def read_result(store: ObjectStore, task: SiteTask) -> SiteResult | None:
    """The result of a task that was finished; None if it was not, or if the last one finished was another."""
    try:
        values = json.loads(b"".join(store.chunks(_result_key(task))))
        if values["task"] != task_digest(task):
            return None
        counts = SiteCounts(**values["counts"])
        return SiteResult(task.name, SiteEnd.DONE, 0, task.archive, counts, float(values["seconds"]))
    except (NotInStore, ValueError, KeyError, TypeError):
        return None


def task_digest(task: SiteTask) -> str:
    """What tells a task from every other one: its site, its words, and when it became due."""
    words = [task.name, list(task.crawl_words), list(task.update_words), task.is_update, task.due_at]
    return sha256(json.dumps(words).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _CrawlStarter:
    """Runs a task's crawl as a process, which stops when this process is gone."""

    lifeline: Lifeline
    is_stopped: Callable[[], bool]
    environment: Mapping[str, str]

    def run(self, task: SiteTask, archive: Path, is_lost: threading.Event) -> SiteResult:
        """Run the crawl to its end; it is asked to stop when all are, or when another runner has the site."""
        local_task, log = replace(task, archive=archive), archive.with_suffix(".log")
        return run_site(local_task, self.lifeline, log, lambda: is_lost.is_set() or self.is_stopped(), self.environment)


def _run_leased(task: SiteTask, store_place: StorePlace, store: ObjectStore, starter: _CrawlStarter) -> SiteResult:
    copy = LocalCopy(store_place.local_folder / task.name, task.name, store_place.identity)
    owner = f"{socket.gethostname()}, process {os.getpid()}"
    site = StoredSite(store, copy, owner, store_place.terms, store_place.wait_seconds)

    def crawl(archive: Path, is_lost: threading.Event) -> SiteResult:
        return read_result(store, task) or starter.run(task, archive, is_lost)

    result = replace(run_stored(site, crawl), archive=task.archive)
    if result.end is SiteEnd.DONE:
        store.put_bytes(_result_key(task), _result_json(task, result))
    return result


def _result_key(task: SiteTask) -> str:
    return f"sites/{task.name}/result.json"


def _result_json(task: SiteTask, result: SiteResult) -> bytes:
    values = {"task": task_digest(task), "counts": asdict(result.counts), "seconds": result.seconds}
    return json.dumps(values, indent=1).encode()


def _failed(task: SiteTask, end: SiteEnd, message: str) -> SiteResult:
    code = IN_USE_CODE if end is SiteEnd.IN_USE else 1
    return SiteResult(task.name, end, code, task.archive, message=message)
