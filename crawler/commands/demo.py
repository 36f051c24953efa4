"""`broadsheet demo`: serve the sample site on this machine, crawl it, and show what the archive holds."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from sqlite_utils import Database

from crawler.commands.crawl import INTERRUPT, run_spider, say_stopped
from crawler.commands.export import archive
from crawler.console.option_types import Mistake
from crawler.console.summary import Run, exit_code, headline, next_steps
from crawler.console.terminal import say, table, width
from crawler.demo.server import DemoServer
from output.db.lock import ArchiveLock
from output.raw.warc_files import own_file
from output.report.figures import report

_SETTINGS = {
    "BROADSHEET_ALLOW_PRIVATE": True,
    "BROADSHEET_DELAY": 0,
    "BROADSHEET_RETRY_WAIT": 0.2,
    "BROADSHEET_PROGRESS": True,
}
_LINES = 12  # of one article's removed blocks

_ARTICLES = "SELECT coalesce(language, ''), word_count, title FROM articles ORDER BY language, title"

# The text that a reason removed most often, among those that are neither a word nor a paragraph.
_EXAMPLES = """SELECT reason, (SELECT count(*) FROM removed WHERE reason = shown.reason), text, max(weight) FROM (
        SELECT reason, text, count(*) + 1000 * (length(text) BETWEEN 15 AND 70) AS weight
        FROM removed GROUP BY reason, text) AS shown
    GROUP BY reason ORDER BY 2 DESC, reason"""

_MOST_VARIED = """SELECT r.article_id, a.title FROM removed r JOIN articles a ON a.id = r.article_id
    GROUP BY r.article_id ORDER BY count(DISTINCT r.reason) DESC, a.url LIMIT 1"""

_ITS_LINES = """SELECT position, reason, rule, text FROM removed WHERE article_id = ?
    GROUP BY reason HAVING position = min(position) ORDER BY position LIMIT ?"""


def demo(folder: str) -> int:
    """Crawl the sample site into `folder`/sample.db, anew each time, and show what came of it."""
    db = _fresh(Path(folder) / "sample.db")
    with DemoServer() as server:
        say(f"Serving the sample site at {server.url} and crawling it …")
        run = run_spider(str(db), {"seeds": (f"{server.url}/",)}, _SETTINGS)
    if run.signal:
        say_stopped(run)
        return INTERRUPT + run.signal
    for section in sections(run):
        say(f"\n{section}")
    say(next_steps(str(db)))
    return exit_code(run)


def sections(run: Run) -> Iterator[str]:
    """What to show, a section at a time."""
    columns = width()
    with archive(run.db) as db:
        found = report(db)
        yield headline(run, found)
        rows = [("lang", "words", "title"), *_cells(db, _ARTICLES)]
        yield "Articles\n" + table(rows, columns, right=frozenset({1}))
        examples = [("removed", "blocks", "for example"), *_cells(db, _EXAMPLES)]
        yield "Removed from them, by reason\n" + table([row[:3] for row in examples], columns, right=frozenset({1}))
        outcomes = [(row.kind, row.state, row.reason, str(row.urls)) for row in found.urls]
        heads = ("kind", "state", "reason", "URLs")
        yield "Every URL that was found, by outcome\n" + table([heads, *outcomes], columns, right=frozenset({3}))
        yield from _one_article(db, columns)
        yield _files(run.db, db)


def _files(path: str, db: Database) -> str:
    """Where everything is."""
    (raw,) = db.execute("SELECT total(length) FROM warc_files").fetchone()
    kept = f"; the raw responses: {shlex.quote(f'{path}.warc')}, WARC, {raw / 1e6:.1f} MB"
    return f"The file: {shlex.quote(path)}, SQLite, {Path(path).stat().st_size / 1e6:.1f} MB{kept}"


def _one_article(db: Database, columns: int) -> Iterator[str]:
    """Some of the lines that one article's page lost, by which rule."""
    for number, title in db.execute(_MOST_VARIED):
        rows = [("block", "reason", "rule", "text"), *_cells(db, _ITS_LINES, number, _LINES)]
        yield f"One page, “{title}”: some of what was removed, and by which rule\n" + table(
            rows, columns, right=frozenset({0})
        )


def _cells(db: Database, query: str, *values: object) -> list[tuple[str, ...]]:
    return [tuple(map(str, row)) for row in db.execute(query, list(values))]


def _fresh(db: Path) -> Path:
    """Make way for the sample's archive: an earlier sample goes, anything else stays and is an error."""
    try:
        db.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Mistake(f"cannot make the folder {db.parent}: {error.strerror}") from error
    if db.exists():
        lock = ArchiveLock(db)
        lock.acquire()
        try:
            _remove_sample(db)
        finally:
            lock.release()
    return db


def _remove_sample(db: Path) -> None:
    with archive(str(db)) as opened:
        others = opened.execute(
            "SELECT count(*) FROM runs WHERE command NOT LIKE 'crawl http://127.0.0.1:%'"
        ).fetchone()
        kept = [own_file(db.parent, name) for (name,) in opened.execute("SELECT name FROM warc_files")]
    if others[0]:
        raise Mistake(f"{db} is an archive of something else; name another folder with --keep")
    for path in (db, Path(f"{db}-wal"), Path(f"{db}-shm"), *kept):
        path.unlink(missing_ok=True)
