"""How long a scheduler keeps faith with a task: Dask's own terms are for tasks of seconds, and a crawl takes hours."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from distributed import Client

_LOG = logging.getLogger(__name__)
ALLOWED_FAILURES = 30
"""Workers that may die under a task until Dask gives it up; it blames all tasks of a worker, also those that wait
there. A crawl is a process of its own, so it is hardly the task that kills its worker, and a machine that is lent for
an hour dies of something else."""
WORKER_SECONDS = 300.0
"""Until a worker that is not heard of is given up: longer than the lease of a site, so that who gets its task may take
the site, and longer than a merge of large archives may keep a worker from answering."""


def set_task_terms(client: Client) -> None:
    """Have a scheduler keep tasks at least so long as this module says, whoever started it, and however."""
    allowed_failures, worker_seconds = ALLOWED_FAILURES, WORKER_SECONDS

    def raise_terms(dask_scheduler: Any) -> None:  # goes to the scheduler as it stands, which need not have this module
        dask_scheduler.allowed_failures = max(dask_scheduler.allowed_failures, allowed_failures)
        if dask_scheduler.worker_ttl:
            dask_scheduler.worker_ttl = max(dask_scheduler.worker_ttl, worker_seconds)

    try:
        client.run_on_scheduler(raise_terms)  # type: ignore[no-untyped-call]
    except ValueError as error:  # it was started so that it takes no functions (distributed.scheduler.pickle)
        _LOG.warning("the scheduler keeps its own terms for tasks: %s", f"{error}".partition("\n")[0])
