"""Starting the processes that clean pages, or saying that this system cannot run them. Light: `--help` imports this."""

from __future__ import annotations

from crawler.console.option_types import CommandError
from crawler.workers.worker import start_fork_server, workers_problem


def require_workers() -> None:
    """CommandError where there can be no worker processes, as on Windows."""
    if problem := workers_problem():
        raise CommandError(problem)


def start_workers() -> None:
    """Start the server process of the workers, early. CommandError where there can be none."""
    require_workers()
    start_fork_server()
