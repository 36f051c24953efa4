"""`broadsheet export`: the articles, or the raw responses, in a file of another format."""

from __future__ import annotations

import codecs
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

import click
from sqlite_utils import Database

from crawler.console.filter_options import article_filter
from crawler.console.open_archive import open_read_only
from crawler.console.option_types import CommandError
from crawler.console.output_target import open_output, write_errors
from crawler.console.terminal import one_line
from output.exports.csv import export_csv
from output.exports.jsonl import export_jsonl
from output.exports.markdown import export_markdown
from output.exports.target_file import STANDARD_OUTPUT
from output.exports.wacz import MissingWarcError, export_wacz
from output.store.article_filter import ALL_ARTICLES, article_scope

_FORMATS_BY_ENDING = {".jsonl": "jsonl", ".csv": "csv", ".wacz": "wacz"}
_STREAM_WRITERS: dict[str, Callable[..., int]] = {"jsonl": export_jsonl, "csv": export_csv}


def export(options: Mapping[str, Any]) -> int:
    """Write the articles that the options ask for, or the raw responses, to a file, a folder or standard output."""
    target, bounds = options["output"], article_filter(options)
    output_format = options["shape"] or format_of(target)
    if output_format == "wacz" and bounds != ALL_ARTICLES:
        raise CommandError("wacz holds the raw responses, which cannot be chosen by article")
    if options["keep_credentials"] and output_format != "wacz":
        raise CommandError("--keep-credentials is for wacz: other formats hold no requests")
    with open_read_only(options["db"]) as db:
        if output_format == "wacz":
            return _write_wacz(db, target, keeps_credentials=options["keep_credentials"])
        with article_scope(db, bounds):
            count = _write_articles(db, output_format, target, one_per_cluster=options["one_per_cluster"])
    _print_count(f"{count:,} articles", target)
    return 0


def format_of(target: str | None) -> str:
    """The format that a name asks for by its ending. CommandError if it asks for none."""
    name = target or ""
    if name.endswith("/") or (name and Path(name).is_dir()):
        return "markdown"
    if output_format := _FORMATS_BY_ENDING.get(Path(name).suffix.lower()):
        return output_format
    endings = ", ".join(_FORMATS_BY_ENDING)
    raise CommandError(f"say which format with --format, or by the name that -o writes to: {endings}, or a folder/")


def _write_articles(db: Database, output_format: str, target: str | None, *, one_per_cluster: bool) -> int:
    if output_format == "markdown":
        with write_errors():
            return export_markdown(db, Path(_required_folder(target)), one_per_cluster=one_per_cluster)
    with open_output(db, STANDARD_OUTPUT if target is None else target) as stream:
        text_stream = cast(TextIO, codecs.getwriter("utf-8")(stream))
        return _STREAM_WRITERS[output_format](db, text_stream, one_per_cluster=one_per_cluster)


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
