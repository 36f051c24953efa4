"""`broadsheet demo`: serve the sample site on this machine, crawl it, and show what the archive has."""

from __future__ import annotations

import shlex
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from broadsheet.output.read.plain_words import reason_text

from ..cli.command_line import CommandError
from ..cli.lazy_modules import lazy_imports
from ..cli.terminal import format_table, print_text, terminal_width
from .verb_options import PATH, import_while_not_collecting, verb

if TYPE_CHECKING:
    from sqlite_utils import Database

with lazy_imports():
    from broadsheet.output.archive import archive_lock
    from broadsheet.output.raw import warc_folders
    from broadsheet.output.read import judgement, report_figures, report_text

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
_MAX_LINES = 12  # of one article's removed blocks

_ARTICLES = "SELECT coalesce(language, ''), word_count, title FROM articles ORDER BY language, title"

# The text that a reason removed most often, among those that are neither a word nor a paragraph.
_REASON_EXAMPLES = """SELECT reason, (SELECT count(*) FROM removed WHERE reason = shown.reason), text, max(weight)
    FROM (SELECT reason, text, count(*) + 1000 * (length(text) BETWEEN 15 AND 70) AS weight
        FROM removed GROUP BY reason, text) AS shown
    GROUP BY reason ORDER BY 2 DESC, reason"""

_MOST_VARIED_ARTICLE = """SELECT r.article_id, a.title FROM removed r JOIN articles a ON a.id = r.article_id
    GROUP BY r.article_id ORDER BY count(DISTINCT r.reason) DESC, a.url LIMIT 1"""

_REMOVED_LINES = """SELECT position, reason, rule, text FROM removed WHERE article_id = ?
    GROUP BY reason HAVING position = min(position) ORDER BY position LIMIT ?"""


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
    "--port", type=click.IntRange(0, 65535), default=0, metavar="N", help="Serve it at this port, not at any."
)
@click.option("--serve", is_flag=True, help="Only serve it, until Ctrl-C. Enter corrects a story on it.")
def demo(keep: str, port: int, serve: bool) -> int:
    """Crawl the bundled sample site on this machine and show what comes out."""
    if serve:
        return serve_sample(port)
    processes.start_workers()
    import_while_not_collecting("broadsheet.crawler.commands.spider_run")
    return crawl_sample(Path(keep), port)


def crawl_sample(folder: Path, port: int = 0) -> int:
    """Serve the sample site at a port (0: any free), crawl it anew into `folder`/sample.db, and print the result."""
    db = _make_way(folder / "sample.db")
    with _serve_sample(port) as server:
        print_text(f"Serving the sample site at {server.url} and crawling it …")
        arguments = {"seeds": (f"{server.url}/",), "browser": "never"}  # the same result on every machine
        run = spider_run.run_spider(str(db), arguments, _SETTINGS)
    if run.signal:
        return run_summary.print_stopped(run)
    for section in sections(run):
        print_text(f"\n{section}")
    print_text(run_summary.next_steps(str(db)))
    return run_summary.exit_code(run)


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
    """Serve the sample site. CommandError if the port cannot be had."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(server_module.DemoServer(port))
        except OSError as error:
            raise CommandError(f"cannot serve the sample site at port {port}: {error.strerror}") from error
        yield server


def sections(run: run_summary.RunResult) -> Iterator[str]:
    """Yield the sections of the printed result."""
    columns = terminal_width()
    with archive_access.open_read_only(run.db) as db:
        archive_report = report_figures.gather_report(db)
        yield run_summary.headline(run, archive_report)
        rows = [("lang", "words", "title"), *_text_rows(db, _ARTICLES)]
        yield "Articles\n" + format_table(rows, columns, right_aligned=frozenset({1}))
        examples = [(row[0], *row[1:3]) for row in _text_rows(db, _REASON_EXAMPLES)]
        yield "Removed from them, by reason\n" + format_table(
            [("removed", "blocks", "for example"), *examples], columns, right_aligned=frozenset({1})
        )
        outcomes = [(row.kind, row.state, reason_text(row.reason), str(row.urls)) for row in archive_report.urls]
        heads = ("kind", "state", "what it is", "URLs")
        yield "Every URL that was found, by outcome\n" + format_table(
            [heads, *outcomes], columns, right_aligned=frozenset({3})
        )
        yield from _article_section(db, columns)
        yield _files_section(run.db, db)
        yield report_text.look_section(judgement.judge_archive(db, run.db, coverage=archive_report.coverage), columns)


def _files_section(path: str, db: Database) -> str:
    """List the files of the archive and the raw responses with their sizes."""
    (raw_bytes,) = db.execute("SELECT total(length) FROM _warc_files").fetchone()
    raw_text = f"; the raw responses: {shlex.quote(f'{path}.warc')}, WARC, {raw_bytes / 1e6:.1f} MB"
    return f"The file: {shlex.quote(path)}, SQLite, {Path(path).stat().st_size / 1e6:.1f} MB{raw_text}"


def _article_section(db: Database, columns: int) -> Iterator[str]:
    """Yield a table of some lines that were removed from one article's page, with the rules that removed them."""
    for article_id, title in db.execute(_MOST_VARIED_ARTICLE):
        lines = _text_rows(db, _REMOVED_LINES, article_id, _MAX_LINES)
        rows = [
            ("block", "what it is", "rule", "text"),
            *((line[0], line[1], *line[2:]) for line in lines),
        ]
        yield f"One page, “{title}”: some of what was removed, and by which rule\n" + format_table(
            rows, columns, right_aligned=frozenset({0})
        )


def _text_rows(db: Database, query: str, *values: object) -> list[tuple[str, ...]]:
    return [tuple(map(str, row)) for row in db.execute(query, list(values))]


def _make_way(db: Path) -> Path:
    """Delete an earlier sample at the path, and return the path. CommandError if another archive is there."""
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
        raise CommandError(f"{db} is an archive of something else; name another folder with --keep")
    for path in (db, Path(f"{db}-wal"), Path(f"{db}-shm")):
        path.unlink(missing_ok=True)
    own_folder = f"{db.name}{warc_folders.RAW_ENDING}/"
    warc_folders.discard_files(db, (file for file in files if file[0].startswith(own_folder)))
