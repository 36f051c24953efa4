"""The verbs that read an archive: search, report, export, verify. None of them changes the file."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TextIO

import click
from sqlite_utils import Database

from crawler.console.option_types import Mistake
from crawler.console.terminal import cut, one_line, say, width
from output.db.errors import NotAnArchive
from output.db.open import open_database
from output.db.text import escaped
from output.exports.csv import export_csv
from output.exports.jsonl import export_jsonl
from output.exports.markdown import export_markdown
from output.exports.wacz import MissingWarcError, export_wacz
from output.read.search import search as find
from output.read.verify import verify as find_problems
from output.report.figures import report as make_report
from output.report.report_text import render

_STREAMED: dict[str, Callable[..., int]] = {"jsonl": export_jsonl, "csv": export_csv}


@contextmanager
def archive(path: str) -> Iterator[Database]:
    """An archive open for reading; ArchiveError, in one line, also for damage that shows only later."""
    db = open_database(path, read_only=True)
    try:
        yield db
    except sqlite3.DatabaseError as error:
        raise NotAnArchive(f"{path} cannot be read: {error} (broadsheet verify says more)") from error
    finally:
        db.close()


def search(path: str, query: str, limit: int) -> int:
    """Print the articles found; 1 if there is none."""
    found = 0
    with archive(path) as db:
        for hit in find(db, query, limit):
            found += 1
            say(cut(f"{hit.title or '(no title)'}  {hit.published[:10]}", width()))
            say("  " + one_line(hit.url))
            say("  " + cut(hit.snippet, width() - 2) + "\n")
    if not found:
        click.echo(one_line(f"broadsheet: no article matches {query}"), err=True)
    return int(not found)


def report(path: str, *, as_json: bool) -> int:
    """Print the report."""
    with archive(path) as db:
        found = make_report(db)
    say(
        escaped(json.dumps(asdict(found), ensure_ascii=False, indent=2)) if as_json else render(found, width()).rstrip()
    )
    return 0


def export(path: str, shape: str, target: str | None, *, one_per_cluster: bool) -> int:
    """Write all articles, or one of those that say the same, to a file, a folder or standard output."""
    with archive(path) as db:
        if shape == "wacz":
            return _packed(db, _file(path, _named(target)))
        if shape == "markdown":
            count = export_markdown(db, _folder(target), one_per_cluster=one_per_cluster)
            return _written(count, target)
        write = partial(_STREAMED[shape], one_per_cluster=one_per_cluster)
        count = write(db, _standard_output()) if target is None else _to_file(db, write, _file(path, target))
    return _written(count, target)


def _named(target: str | None) -> str:
    if target is None:
        raise Mistake("wacz is one binary file: name it with -o")
    return target


def _packed(db: Database, file: Path) -> int:
    """Write the raw responses to a WACZ file, whole or not at all."""
    if not db.execute("SELECT 1 FROM warc_files WHERE length > 0").fetchone():
        raise Mistake("the archive holds no raw responses of its own")
    part = file.with_name(file.name + ".part")
    try:
        count = export_wacz(db, part)
        part.replace(file)
    except (OSError, MissingWarcError) as error:
        part.unlink(missing_ok=True)
        raise Mistake(f"cannot write {file}: {error}") from error
    click.echo(one_line(f"{count:,} responses written to {file}"), err=True)
    return 0


def _written(count: int, target: str | None) -> int:
    if target is not None:
        click.echo(one_line(f"{count:,} articles written to {target}"), err=True)
    return 0


def verify(path: str) -> int:
    """Print what is wrong, a line a problem; 1 if anything is."""
    with archive(path) as db:
        problems = find_problems(db)
        articles = 0 if problems else db.execute("SELECT count(*) FROM articles").fetchone()[0]
    for problem in problems:
        say(one_line(f"{problem.check}: {problem.detail}"))
    if not problems:
        say(f"in order: {articles:,} articles")
    return int(bool(problems))


def _standard_output() -> TextIO:
    """Standard output as UTF-8 that passes line ends on as they are."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8", newline="")
    return sys.stdout


def _to_file(db: Database, write: Callable[[Database, TextIO], int], file: Path) -> int:
    """Write beside the file first, so that a file that was there is replaced by a whole one or not at all."""
    part = file.with_name(file.name + ".part")
    try:
        with part.open("w", encoding="utf-8", newline="") as stream:
            count = write(db, stream)
        part.replace(file)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise Mistake(f"cannot write {file}: {error.strerror}") from error
    return count


def _file(path: str, target: str) -> Path:
    file = Path(target)
    if file.is_dir():
        raise Mistake(f"{target} is a folder; name a file")
    if file.exists() and file.samefile(path):
        raise Mistake(f"{target} is the archive itself")
    return file


def _folder(target: str | None) -> Path:
    if target is None:
        raise Mistake("markdown writes one file an article: name a folder with -o")
    folder = Path(target)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Mistake(f"cannot make the folder {target}: {error.strerror}") from error
    return folder
