"""`broadsheet demo`: serve the sample site on this machine, crawl it, and say what came of it as a crawl does."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import click

from ..cli.command_line import CommandError
from ..cli.lazy_modules import lazy_imports
from ..cli.terminal import print_text
from .verb_options import PATH, import_while_not_collecting, verb

with lazy_imports():
    from broadsheet.output.archive import archive_lock
    from broadsheet.output.raw import warc_folders

    from ..cli import archive_access
    from ..crawl import processes
    from ..demo import server as server_module
    from . import run_summary, spider_run

_SETTINGS = {
    "BROADSHEET_ALLOW_PRIVATE": True,
    "BROADSHEET_DELAY": 0,
    "BROADSHEET_RETRY_WAIT": 0.2,
    "BROADSHEET_PROGRESS": True,
}


@verb
@click.option(
    "--keep",
    type=PATH,
    metavar="DIR",
    default="demo-out",
    show_default=True,
    help="The folder for the archive.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    metavar="N",
    help="Serve the site on this port; by default any free one.",
)
@click.option("--serve", is_flag=True, help="Only serve the site, until Ctrl-C. Enter corrects a story.")
def demo(keep: str, port: int, serve: bool) -> int:
    """Crawl the bundled sample site on this machine and show what comes out."""
    if serve:
        return serve_sample(port)
    processes.start_workers()
    import_while_not_collecting("broadsheet.crawler.commands.spider_run")
    return crawl_sample(Path(keep), port)


def crawl_sample(folder: Path, port: int = 0) -> int:
    """Serve the sample site at a port (0: any), crawl it into a new `folder`/sample.db, and print the result."""
    db = _make_way(folder / "sample.db")
    with _serve_sample(port) as server:
        print_text(f"Serving the sample site at {server.url} and crawling it …")
        arguments = {"seeds": (f"{server.url}/",), "browser": "never"}  # the same result on every machine
        run = spider_run.run_spider(str(db), arguments, _SETTINGS)
    return run_summary.conclude(run)


def serve_sample(port: int) -> int:
    """Serve the sample site until Ctrl-C; each line of standard input has it correct a story."""
    with _serve_sample(port) as server, suppress(KeyboardInterrupt):
        print_text(f"The sample site: {server.url}/\nPress Enter to correct a story on it, Ctrl-C to end.")
        for _ in sys.stdin:
            print_text(f"Corrected: {server.correct_story()}")
        threading.Event().wait()  # the input has ended, as where there is no terminal
    return 0


@contextmanager
def _serve_sample(port: int) -> Iterator[server_module.DemoServer]:
    """Serve the sample site. CommandError if the port is not available."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(server_module.DemoServer(port))
        except OSError as error:
            raise CommandError(f"cannot serve the sample site at port {port}: {error.strerror}") from error
        yield server


def _make_way(db: Path) -> Path:
    """Delete an earlier sample at the path, and return the path. CommandError if it holds another archive."""
    try:
        db.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(f"cannot make the folder {db.parent}: {error.strerror}") from error
    if db.exists():
        with archive_lock.hold_lock(db):
            _remove_sample(db)
    return db


def _remove_sample(db: Path) -> None:
    with archive_access.open_read_only(str(db)) as sample_db:
        other_runs = sample_db.execute(
            "SELECT count(*) FROM runs WHERE command NOT LIKE 'crawl http://127.0.0.1:%'"
        ).fetchone()
        files = sample_db.execute("SELECT name, length FROM _warc_files").fetchall()
    if other_runs[0]:
        raise CommandError(f"{db} is another archive; name another folder with --keep")
    for path in (db, Path(f"{db}-wal"), Path(f"{db}-shm")):
        path.unlink(missing_ok=True)
    warc_folders.discard_files(db, (file for file in files if file[0].startswith(f"{warc_folders.RAW_ENDING}/")))
