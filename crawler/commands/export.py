"""`broadsheet export`: the articles, or the raw responses, in a file of another format."""

from __future__ import annotations

import codecs
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

import click
from sqlite_utils import Database

from broadsheet.crawler.commands.filter_options import article_filter
from broadsheet.crawler.commands.output_target import open_output, write_errors
from broadsheet.crawler.crawl.archive_access import open_read_only
from broadsheet.crawler.crawl.command_line import CommandError
from broadsheet.crawler.crawl.terminal import one_line
from broadsheet.output.archive.article_filter import ALL_ARTICLES, ArticleBounds, article_scope
from broadsheet.output.archive.table_columns import table_columns
from broadsheet.output.raw.erasure import waiting_files
from broadsheet.output.read.article_files import export_markdown, export_reader_pages
from broadsheet.output.read.article_rows import (
    DictionaryEntry,
    article_dictionary,
    csv_cell,
    csv_dictionary,
    export_csv,
    export_jsonl,
    is_own_dictionary,
    json_dictionary,
)
from broadsheet.output.read.export_target import STANDARD_OUTPUT, OwnFiles, is_ordinary_file, write_file
from broadsheet.output.read.plain_words import count_text
from broadsheet.output.read.tei import export_tei
from broadsheet.output.read.wacz import MissingWarcError, export_wacz
from broadsheet.output.read.web_feeds import FeedScope, WebFeed, atom_document, json_feed_document, read_feed

_FORMATS_BY_ENDING = {".jsonl": "jsonl", ".csv": "csv", ".atom": "atom", ".wacz": "wacz"}
_STREAM_WRITERS: dict[str, Callable[..., int]] = {"jsonl": export_jsonl, "csv": export_csv}
_FOLDER_WRITERS: dict[str, Callable[..., int]] = {
    "markdown": export_markdown,
    "tei": export_tei,
    "html": export_reader_pages,
}
_FEED_WRITERS: dict[str, Callable[[WebFeed], bytes]] = {"atom": atom_document, "json-feed": json_feed_document}
_FOLDER_DICTIONARY = "dictionary.json"


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What `broadsheet export` was asked for, beside the target."""

    output_format: str
    one_per_cluster: bool = False
    byte_order_mark: bool = False
    keeps_credentials: bool = False
    article_filter: ArticleBounds = ALL_ARTICLES
    feed_scope: FeedScope = field(default_factory=FeedScope)


def export_options(options: Mapping[str, Any]) -> ExportOptions:
    """The options from the command line. CommandError for one that the format does not have."""
    output_format = options["shape"] or format_of(options["output"])
    of_edits = options["edits"] or bool(options["kinds"])
    _refuse_other_formats(output_format, options)
    bounds = article_filter(options)
    if output_format == "wacz" and bounds != ALL_ARTICLES:
        raise CommandError("wacz holds the raw responses, which cannot be chosen by article")
    if of_edits and replace(bounds, host="") != ALL_ARTICLES:
        raise CommandError("edits can be chosen by --host and --kind only")
    scope = FeedScope(of_edits, bounds.host, tuple(options["kinds"]), options["limit"])
    return ExportOptions(
        output_format, options["one_per_cluster"], options["bom"], options["keep_credentials"], bounds, scope
    )


def _refuse_other_formats(output_format: str, options: Mapping[str, Any]) -> None:
    """CommandError for an option that the format does not have."""
    is_feed = output_format in _FEED_WRITERS
    if options["keep_credentials"] and output_format != "wacz":
        raise CommandError("--keep-credentials is for wacz: other formats hold no requests")
    if options["bom"] and output_format != "csv":
        raise CommandError(f"--bom is for csv, not for {output_format}")
    for name, option in (("edits", "--edits"), ("kinds", "--kind")):
        if options[name] and not is_feed:
            raise CommandError(f"{option} is for atom and json-feed")
    if is_feed and options["one_per_cluster"]:
        raise CommandError("--one-per-cluster is not for feeds")


def export(arguments: Mapping[str, Any]) -> int:
    """Write the articles that the arguments ask for, or the raw responses, to a file, a folder or standard output."""
    target, options = arguments["output"], export_options(arguments)
    with open_read_only(arguments["db"]) as db:
        if options.output_format == "wacz":
            return _write_wacz(db, target, keeps_credentials=options.keeps_credentials)
        with article_scope(db, options.article_filter):
            return _write_articles(db, target, options)


def format_of(target: str | None) -> str:
    """The format that a name asks for by its ending. CommandError if it asks for none."""
    name = target or ""
    if name.endswith("/") or (name and Path(name).is_dir()):
        return "markdown"
    if output_format := _FORMATS_BY_ENDING.get(Path(name).suffix.lower()):
        return output_format
    endings = ", ".join(_FORMATS_BY_ENDING)
    raise CommandError(f"say which format with --format, or by the name that -o writes to: {endings}, or a folder/")


def _write_articles(db: Database, target: str | None, options: ExportOptions) -> int:
    output_format = options.output_format
    if output_format in _FEED_WRITERS:
        return _write_feed(db, output_format, target, options.feed_scope)
    if output_format in _FOLDER_WRITERS:
        count = _write_folder(db, output_format, _required_folder(output_format, target), options)
    else:
        count = _write_stream(db, output_format, STANDARD_OUTPUT if target is None else target, options)
    _print_count(count_text(count, "article"), target)
    return 0


def _write_folder(db: Database, output_format: str, folder: str, options: ExportOptions) -> int:
    with write_errors():
        count = _FOLDER_WRITERS[output_format](db, Path(folder), one_per_cluster=options.one_per_cluster)
    if output_format != "html":  # which has a page with it
        _write_dictionary(db, Path(folder) / _FOLDER_DICTIONARY, json_dictionary(_entries(db)))
    return count


def _write_stream(db: Database, output_format: str, target: str, options: ExportOptions) -> int:
    """Write one file of articles, and, where it is an ordinary file, its data dictionary beside it."""
    marked = {"byte_order_mark": options.byte_order_mark} if output_format == "csv" else {}
    with open_output(db, target) as stream:
        text_stream = cast(TextIO, codecs.getwriter("utf-8")(stream))
        count = _STREAM_WRITERS[output_format](db, text_stream, one_per_cluster=options.one_per_cluster, **marked)
    if is_ordinary_file(target):
        entries = _entries(db)
        if output_format == "csv":
            heads = [str(csv_cell(entry.name)) for entry in entries]
            text = csv_dictionary(Path(target).name, entries, heads)
            _write_dictionary(db, Path(f"{target}-metadata.json"), text)
        else:
            _write_dictionary(db, Path(f"{target}.schema.json"), json_dictionary(entries))
    return count


def _entries(db: Database) -> tuple[DictionaryEntry, ...]:
    return article_dictionary(table_columns(db, "articles"))


def _write_dictionary(db: Database, file: Path, text: str) -> None:
    """Write a data dictionary; a file of that name that is not one of ours is left alone."""
    if file.exists() and not is_own_dictionary(file):
        click.echo(one_line(f"{file} is not ours, so the data dictionary is not written there"), err=True)
        return
    with write_errors():
        write_file(OwnFiles.of(db), file, text.encode())


def _write_feed(db: Database, output_format: str, target: str | None, scope: FeedScope) -> int:
    feed = read_feed(db, scope)
    with open_output(db, STANDARD_OUTPUT if target is None else target) as stream:
        stream.write(_FEED_WRITERS[output_format](feed))
    _print_count(count_text(len(feed.entries), "entry"), target)
    return 0


def _required_folder(output_format: str, target: str | None) -> str:
    if target in (None, "", STANDARD_OUTPUT):
        raise CommandError(f"{output_format} writes one file an article: name a folder with -o")
    return str(target)


def _write_wacz(db: Database, target: str | None, *, keeps_credentials: bool) -> int:
    """Write the raw responses to a WACZ file, whole or not at all."""
    if target is None:
        raise CommandError("wacz is one binary file: name it with -o")
    if not db.execute("SELECT 1 FROM _warc_files WHERE length > 0").fetchone():
        raise CommandError("the archive holds no raw responses of its own")
    if waiting := waiting_files(db):
        raise CommandError(f"a takedown is not finished in {waiting[0]}: the same broadsheet forget finishes it")
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
