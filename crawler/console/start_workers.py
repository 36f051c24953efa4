"""Starting the processes that clean pages, or saying that this system cannot run them. Light: `--help` imports this."""

from __future__ import annotations

import click

from broadsheet.crawler.console.open_files import open_files_problem
from broadsheet.crawler.console.option_types import CommandError
from broadsheet.crawler.workers.worker import start_fork_server, workers_problem


def require_workers() -> None:
    """CommandError where there can be no worker processes, as on Windows; ClickException where too few files may be
    open."""
    if problem := workers_problem():
        raise CommandError(problem)
    if problem := open_files_problem():
        raise click.ClickException(problem)


def start_workers() -> None:
    """Start the server process of the workers, early. See `require_workers` for what is raised."""
    require_workers()
    start_fork_server()
