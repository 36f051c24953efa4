"""Processes of a crawl: the lifeline to its starter, the start of workers, their open files. Light.

A starter that is killed with kill -9 cannot stop what it started, and an orphaned crawl would go on and keep its
archive locked. So the starter makes a pipe and alone holds its write end, which is closed in every program that it
starts; each of its crawls holds the read end. However the starter dies, the system closes the write end, and each crawl
reads the end of the file and sends itself the signal that stops it. Nobody has to notice a death, and no process is
named by a number that another may have by then.
"""

from __future__ import annotations

import asyncio
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import IO, Any, TypeVar

import click

from ..cli.command_line import CommandError
from ..workers.pool import WorkerError, WorkerPool
from ..workers.worker import (
    PRELOADED_MODULES,
    fork_process,
    process_count,
    share_fork_server,
    start_fork_server,
    workers_problem,
)

T = TypeVar("T")

_PRELOADED_MODULES = ("broadsheet.crawler.crawl.shared_imports", *PRELOADED_MODULES)
"""Modules that forks of crawls share. The workers' come last, since they call gc.freeze."""


class Lifeline:
    """The starter's end: crawls that are started through it stop when it is closed, or when this process is gone."""

    def __init__(self) -> None:
        self._read_end, self._write_end = Pipe(duplex=False)  # both are closed in programs that are started

    def start(self, words: Sequence[str], output: IO[bytes], environment: Mapping[str, str] | None = None) -> Any:
        """Start `broadsheet` with these words and further variables, in a session of its own, so that a Ctrl-C here
        does not reach it.

        It is a fork of a process that has imported all that a crawl needs, which costs a second of CPU. What it prints
        goes to `output`. OSError or EOFError if the system starts no process.
        """
        with Connection(os.dup(output.fileno()), readable=False) as log:
            return fork_process(_PRELOADED_MODULES, _crawl, words, environment or {}, self._read_end, log)

    def close(self) -> None:
        """Stop the crawls that are still running."""
        for end in (self._write_end, self._read_end):
            end.close()


def _crawl(words: Sequence[str], environment: Mapping[str, str], lifeline: Connection, output: Connection) -> None:
    """Run a command line in a fork, as a process that was started with it would."""
    from .. import settings
    from ..cli import run

    for end in (lifeline.fileno(), share_fork_server()):
        watch_lifeline(end)
    os.setsid()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    for number in (1, 2):
        os.dup2(output.fileno(), number)
    os.environ.update(environment)
    settings.read_environment()
    sys.exit(run(words))


def watch_lifeline(descriptor: int) -> None:
    """Stop this process when the other end of a pipe, and with it the program that started the crawl, is gone."""
    os.set_inheritable(descriptor, False)  # programs started from here must not hold the pipe open
    threading.Thread(target=_wait_for_end, args=(descriptor,), name="lifeline", daemon=True).start()


def _wait_for_end(descriptor: int) -> None:
    """Send the main thread SIGTERM once a pipe has no other end. A system call that it is in is interrupted."""
    poller = select.poll()
    poller.register(descriptor, 0)  # no events: poll always reports a hang-up
    poller.poll()
    main_thread = threading.main_thread().ident
    assert main_thread is not None
    signal.pthread_kill(main_thread, signal.SIGTERM)


_LEAST_FILES = 64  # connections, the archive with its WARC file, pipes, and what the libraries open
_FILES_PER_WORKER = 4


def open_files_problem() -> str:
    """Return in one line why too few files can be open; empty if there are enough. Needs the module `resource`."""
    import resource

    needed_count = _LEAST_FILES + _FILES_PER_WORKER * process_count(0)
    soft_limit, hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft_limit == resource.RLIM_INFINITY or soft_limit >= needed_count:
        return ""
    with suppress(ValueError, OSError):  # over the hard limit, or a system that does not change it
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed_count, hard_limit))
        return ""
    return f"only {soft_limit} files may be open, and this needs {needed_count}: ulimit -n {needed_count} allows them"


def require_workers() -> None:
    """Raise CommandError if workers cannot run, as on Windows, and ClickException if too few files may be open."""
    if problem := workers_problem():
        raise CommandError(problem)
    if problem := open_files_problem():
        raise click.ClickException(problem)


def start_workers() -> None:
    """Start the workers' fork server early. Raises as `require_workers` does."""
    require_workers()
    start_fork_server()


def run_in_worker(function: Callable[..., T], *arguments: Any) -> T:
    """Run a pure function on a page under the limits of a crawl; ClickException if it exceeds them.

    On a system without workers there are no limits.
    """
    from .. import settings

    if workers_problem():
        return function(*arguments)

    async def run() -> T:
        pool = WorkerPool(1, settings.BROADSHEET_PAGE_SECONDS)
        try:
            return await pool.run(function, *arguments)
        finally:
            pool.close()

    try:
        return asyncio.run(run())
    except WorkerError as error:
        raise click.ClickException(f"the page cannot be cleaned: {error}") from error
