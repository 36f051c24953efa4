"""`broadsheet export`: the articles, or the raw responses, in a file of another format."""

from __future__ import annotations

import codecs
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO, cast

import click
from sqlite_utils import Database

from crawler.console.open_archive import open_read_only
from crawler.console.option_types import CommandError
from crawler.console.output_target import open_output, write_errors
from crawler.console.terminal import one_line
from output.exports.csv import export_csv
from output.exports.jsonl import export_jsonl
from output.exports.markdown import export_markdown
from output.exports.target_file import STANDARD_OUTPUT
from output.exports.wacz import MissingWarcError, export_wacz

_STREAM_WRITERS: dict[str, Callable[..., int]] = {"jsonl": export_jsonl, "csv": export_csv}


def export(
    archive_path: str, output_format: str, target: str | None, *, one_per_cluster: bool, keeps_credentials: bool = False
) -> int:
    """Write all articles, or one of those that say the same, to a file, a folder or standard output."""
    if keeps_credentials and output_format != "wacz":
        raise CommandError("--keep-credentials is for wacz: other formats hold no requests")
    with open_read_only(archive_path) as db:
        if output_format == "wacz":
            return _write_wacz(db, target, keeps_credentials=keeps_credentials)
        if output_format == "markdown":
            with write_errors():
                count = export_markdown(db, Path(_required_folder(target)), one_per_cluster=one_per_cluster)
        else:
            with open_output(db, STANDARD_OUTPUT if target is None else target) as stream:
                text_stream = cast(TextIO, codecs.getwriter("utf-8")(stream))
                count = _STREAM_WRITERS[output_format](db, text_stream, one_per_cluster=one_per_cluster)
    _print_count(f"{count:,} articles", target)
    return 0


def _required_folder(target: str | None) -> str:
    if target in (None, "", STANDARD_OUTPUT):
        raise CommandError("markdown writes one file an article: name a folder with -o")
    return str(target)


def _write_wacz(db: Database, target: str | None, *, keeps_credentials: bool) -> int:
    """Write the raw responses to a WACZ file, whole or not at all."""
    if target is None:
        raise CommandError("wacz is one binary file: name it with -o")
    if not db.execute("SELECT 1 FROM warc_files WHERE length > 0").fetchone():
        raise CommandError("the archive holds no raw responses of its own")
    try:
        with open_output(db, target) as stream, _seekable(stream) as file:
            count = export_wacz(db, file, keeps_credentials=keeps_credentials)
    except MissingWarcError as error:
        raise CommandError(f"cannot write {target}: {error}") from error
    _print_count(f"{count:,} responses", target)
    return 0


@contextmanager
def _seekable(stream: BinaryIO) -> Iterator[BinaryIO]:
    """The stream, or, where it is none to move about in, a temporary file that is copied to it at the end."""
    if stream.seekable():
        yield stream
        return
    with tempfile.TemporaryFile() as file:
        yield cast(BinaryIO, file)
        file.seek(0)
        shutil.copyfileobj(file, stream)


def _print_count(count_text: str, target: str | None) -> None:
    if target not in (None, STANDARD_OUTPUT):
        click.echo(one_line(f"{count_text} written to {target}"), err=True)
