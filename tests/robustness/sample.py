"""An archive with something of everything: crawled, looked at again after edits, ruled on, with a page taken down."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from broadsheet.crawler.demo.server import DemoServer
from broadsheet.crawler.demo.server import _RequestHandler as DemoHandler
from tests.crawler.shell import command
from tests.crawler.watched import Edits, added, edited, retitled

NAME = "archive.db"
OPTIONS = ("--delay", "0", "--allow-private", "--quiet")
NOTICE = "Correction: An earlier version of this article gave another figure. It has been put right."


@contextmanager
def sample_archive(folder: Path) -> Iterator[Path]:
    """Make the archive in a folder. Its site is served as long as the context lasts."""
    os.environ["BROADSHEET_WORKERS"] = "1"
    edits, db = Edits(), folder / NAME
    with DemoServer() as server:
        server._server.RequestHandlerClass = edited(DemoHandler, edits)
        _run("crawl", f"{server.url}/", "--db", db, *OPTIONS)
        _edit(db, server.url, edits)
        _run("update", db, "--all", *OPTIONS)
        _rule(db)
        _run("forget", db, _url(db, -1), "--yes")
        yield db


def _run(*arguments: object) -> None:
    code, _, errors = command(*arguments)
    if code:
        raise RuntimeError(f"{arguments[0]}: {errors}")


def _edit(db: Path, origin: str, edits: Edits) -> None:
    """Have the site correct one article and give another a new headline."""
    (first, _, first_text), (second, title, _) = _rows(
        db, "SELECT url, title, text FROM articles WHERE language = 'en' ORDER BY url LIMIT 2"
    )
    edits.pages[first.removeprefix(origin)] = [added(first_text, NOTICE)]
    edits.pages[second.removeprefix(origin)] = [retitled(title, f"{title}, and after")]


def _rule(db: Path) -> None:
    """Put back a removed block, and take out a kept one."""
    for verb, kept in (("restore", 0), ("remove", 1)):
        query = f"""SELECT block_id FROM blocks
            WHERE kept = {kept} AND reason <> 'restored by hand' AND length(text) > 40 ORDER BY url, position LIMIT 1"""
        _run(verb, db, _rows(db, query)[0][0])


def _url(db: Path, place: int) -> str:
    return str(_rows(db, "SELECT url FROM articles ORDER BY url")[place][0])


def _rows(db: Path, query: str) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(db)) as connection:
        return connection.execute(query).fetchall()
