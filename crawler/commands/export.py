"""`broadsheet export`: the articles, or the raw responses, in a file of another format."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TextIO

import click
from sqlite_utils import Database

from crawler.console.open_archive import open_read_only
from crawler.console.option_types import CommandError
from crawler.console.terminal import one_line
from output.exports.csv import export_csv
from output.exports.jsonl import export_jsonl
from output.exports.markdown import export_markdown
from output.exports.wacz import MissingWarcError, export_wacz

_STREAM_WRITERS: dict[str, Callable[..., int]] = {"jsonl": export_jsonl, "csv": export_csv}


def export(archive_path: str, output_format: str, target: str | None, *, one_per_cluster: bool) -> int:
    """Write all articles, or one of those that say the same, to a file, a folder or standard output."""
    with open_read_only(archive_path) as db:
        if output_format == "wacz":
            return _write_wacz(db, _target_file(archive_path, _required_target(target)))
        if output_format == "markdown":
            count = export_markdown(db, _target_folder(target), one_per_cluster=one_per_cluster)
            return _print_count(count, target)
        write = partial(_STREAM_WRITERS[output_format], one_per_cluster=one_per_cluster)
        count = (
            write(db, _standard_output())
            if target is None
            else _write_file(db, write, _target_file(archive_path, target))
        )
    return _print_count(count, target)


def _required_target(target: str | None) -> str:
    if target is None:
        raise CommandError("wacz is one binary file: name it with -o")
    return target


def _write_wacz(db: Database, file: Path) -> int:
    """Write the raw responses to a WACZ file, whole or not at all."""
    if not db.execute("SELECT 1 FROM warc_files WHERE length > 0").fetchone():
        raise CommandError("the archive holds no raw responses of its own")
    part_file = file.with_name(file.name + ".part")
    try:
        count = export_wacz(db, part_file)
        part_file.replace(file)
    except (OSError, MissingWarcError) as error:
        part_file.unlink(missing_ok=True)
        raise CommandError(f"cannot write {file}: {error}") from error
    click.echo(one_line(f"{count:,} responses written to {file}"), err=True)
    return 0


def _print_count(count: int, target: str | None) -> int:
    if target is not None:
        click.echo(one_line(f"{count:,} articles written to {target}"), err=True)
    return 0


def _standard_output() -> TextIO:
    """Standard output as UTF-8 that passes line ends on as they are."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8", newline="")
    return sys.stdout


def _write_file(db: Database, write: Callable[[Database, TextIO], int], file: Path) -> int:
    """Write to a part file first, so that an existing file is replaced by a whole one or not at all."""
    part_file = file.with_name(file.name + ".part")
    try:
        with part_file.open("w", encoding="utf-8", newline="") as stream:
            count = write(db, stream)
        part_file.replace(file)
    except OSError as error:
        part_file.unlink(missing_ok=True)
        raise CommandError(f"cannot write {file}: {error.strerror}") from error
    return count


def _target_file(archive_path: str, target: str) -> Path:
    file = Path(target)
    if file.is_dir():
        raise CommandError(f"{target} is a folder; name a file")
    if file.exists() and file.samefile(archive_path):
        raise CommandError(f"{target} is the archive itself")
    return file


def _target_folder(target: str | None) -> Path:
    if target is None:
        raise CommandError("markdown writes one file an article: name a folder with -o")
    folder = Path(target)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(f"cannot make the folder {target}: {error.strerror}") from error
    return folder
