"""`broadsheet export`: the articles, or the raw responses, in a file of another format."""

from __future__ import annotations

import codecs
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO, cast

import click

from broadsheet.output.archive.archive_errors import DamagedValue, NotAnArchive
from broadsheet.output.read.plain_words import count_text

from ..cli.command_line import CommandError, existing_archive, require_extra
from ..cli.lazy_modules import lazy_imports
from ..cli.terminal import one_line
from ..plugins import EXPORTERS, call_plugin, has_plugin
from .verb_options import (
    EDIT_KINDS,
    FILTER_OPTIONS,
    PATH,
    QUERY_OPTION,
    USE_OPTION,
    Options,
    archive_argument,
    article_filter,
    complete_files,
    open_output,
    verb,
    with_options,
    write_errors,
)

if TYPE_CHECKING:
    from sqlite_utils import Database

with lazy_imports():
    from broadsheet.output.archive import article_filter as article_filter_module
    from broadsheet.output.archive import table_columns
    from broadsheet.output.collections import parquet_export
    from broadsheet.output.raw import erasure
    from broadsheet.output.read import (
        article_files,
        article_rows,
        epub,
        export_target,
        sqlite_file,
        tei,
        wacz,
        web_feeds,
    )

    from ..cli import archive_access

_FORMATS_BY_ENDING = {
    ".jsonl": "jsonl", ".csv": "csv", ".atom": "atom", ".wacz": "wacz", ".html": "html", ".db": "sqlite",
}  # fmt: skip
_FOLDER_FORMATS = ("markdown", "tei", "html", "epub")
_FEED_FORMATS = ("atom", "json-feed")
_FEED_ENTRIES = 100
_MOST_LINES = 20  # about records that are left out of a WACZ
_FOLDER_DICTIONARY = "dictionary.json"


def feed_scope(options: Mapping[str, Any]) -> web_feeds.FeedScope:
    """Return what a feed of these options holds."""
    of_edits, kinds = options["edits"] or bool(options["kinds"]), tuple(options["kinds"])
    host, room = article_filter(options).host, options["room"] or ""
    return web_feeds.FeedScope(of_edits, host, kinds, options["limit"] or _FEED_ENTRIES, room)


_EXPORT_FORMATS = (
    "jsonl", "csv", "markdown", "html", "epub", "tei", "parquet", "sqlite", "atom", "json-feed", "wacz",
)  # fmt: skip


class _ExportFormat(click.Choice[str]):
    """Format of an export: one of ours, or that of a plug-in."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the format's name; click's error for a name that no format has."""
        is_plugin = value not in self.choices and has_plugin(EXPORTERS, value)
        return value if is_plugin else super().convert(value, param, ctx)


def _stated_format(ctx: click.Context, _: click.Parameter, value: str | None) -> str:
    """Return the format that the command line states, by its name or the ending of the output."""
    return value or ("" if ctx.resilient_parsing else format_of(ctx.params["output"]))


_EXPORT_OPTIONS: Options = (
    archive_argument,
    click.argument("others", nargs=-1, metavar="[DB...]", type=existing_archive, shell_complete=complete_files),
    click.option("--format", "output_format", type=_ExportFormat(_EXPORT_FORMATS), callback=_stated_format,
                 help="By default by the ending of PATH: .jsonl, .csv, .atom, .wacz, .html, .db; a folder: markdown."),
    click.option("-o", "--output", type=PATH, metavar="PATH", is_eager=True,
                 help="A file; a folder for markdown, html (but NAME.html), epub, tei, parquet; else standard output."),
    click.option("--one-per-cluster", is_flag=True, help="Of near-duplicate articles, export only the earliest."),
    click.option("--bom", is_flag=True, help="csv: begin with a byte order mark, so that Excel reads UTF-8."),
    click.option("--edits", is_flag=True, help="atom, json-feed: edits to articles, not new articles."),
    click.option("--kind", "kinds", multiple=True, metavar="KIND", type=click.Choice(EDIT_KINDS),
                 help="atom, json-feed: only edits of this kind. Repeatable."),
    click.option("--limit", type=click.IntRange(min=1), metavar="N",
                 help=f"atom, json-feed: at most N entries, the newest; {_FEED_ENTRIES} if not given."),
    click.option("--room", metavar="URL", envvar="BROADSHEET_ROOM",
                 help="atom, json-feed: where a reading room shows the archive; edits link to both versions there."),
    click.option("--keep-credentials", is_flag=True,
                 help="wacz: include the headers and cookies stored with requests."),
    QUERY_OPTION,
    USE_OPTION,
    *FILTER_OPTIONS,
)  # fmt: skip


@verb
@with_options(_EXPORT_OPTIONS)
def export(**options: Any) -> int:
    """Write articles: JSON lines, CSV, a folder of Markdown, HTML, TEI or EPUB; or the raw responses as WACZ.

    A feed (atom, json-feed) has the newest articles or edits. JSON lines and CSV have a data dictionary beside them.
    sqlite is a plain file to share, with authors, tags and full text; exporting again updates it. Parquet takes several
    archives: a folder with articles, what was removed from them, and URLs. It needs the extra parquet; without it, the
    command that installs it is printed.
    """
    target = options["output"]
    if options["output_format"] == "parquet":
        return _write_parquet((options["db"], *options["others"]), target, options)
    with archive_access.open_read_only(options["db"]) as db:
        if options["output_format"] == "wacz":
            return _write_wacz(db, target, keeps_credentials=options["keep_credentials"])
        with article_filter_module.article_scope(db, article_filter(options)):
            return _write_articles(db, target, options)


def format_of(target: str | None) -> str:
    """Return the format of a file name's ending. CommandError for an unknown ending."""
    name = target or ""
    if name.endswith("/") or (name and Path(name).is_dir()):
        return "markdown"
    if output_format := _FORMATS_BY_ENDING.get(Path(name).suffix.lower()):
        return output_format
    formats, endings = ", ".join(_EXPORT_FORMATS), ", ".join(_FORMATS_BY_ENDING)
    raise CommandError(
        f"name a --format: {formats}; or give -o a file name with one of these endings: {endings}, or a folder/"
    )


def _write_articles(db: Database, target: str | None, options: Mapping[str, Any]) -> int:
    output_format = options["output_format"]
    if output_format in _FEED_FORMATS:
        return _write_feed(db, output_format, target, feed_scope(options))
    if output_format == "sqlite":
        return _write_sqlite(db, target, options)
    if output_format in _FOLDER_FORMATS and not _is_one_page(output_format, target):
        count = _write_folder(db, output_format, _required_folder(output_format, target), options)
    else:
        count = _write_stream(db, output_format, export_target.STANDARD_OUTPUT if target is None else target, options)
    _print_count(count_text(count, "article"), target)
    return 0


def _is_one_page(output_format: str, target: str | None) -> bool:
    return output_format == "html" and Path(target or "").suffix.lower() == ".html"


def _write_folder(db: Database, output_format: str, folder: str, options: Mapping[str, Any]) -> int:
    with write_errors():
        writers = {"markdown": article_files.export_markdown, "tei": tei.export_tei, "epub": epub.export_epub}
        count = writers.get(output_format, article_files.export_reader_pages)(
            db, Path(folder), one_per_cluster=options["one_per_cluster"], on_kept=lambda name: _print_kept(folder, name)
        )
    if output_format not in ("html", "epub"):  # html has a page that explains the fields; an EPUB is for reading only
        _write_dictionary(db, Path(folder) / _FOLDER_DICTIONARY, article_rows.json_dictionary(_entries(db)))
    return count


def _print_kept(folder: str, name: str) -> None:
    click.echo(one_line(f"{Path(folder) / name} was changed since its export, and is left alone"), err=True)


def _write_stream(db: Database, output_format: str, target: str, options: Mapping[str, Any]) -> int:
    """Write one file of articles; beside an ordinary file, also its data dictionary."""
    marked = {"byte_order_mark": options["bom"]} if output_format == "csv" else {}
    with open_output(db, target) as stream:
        text_stream = cast(TextIO, codecs.getwriter("utf-8")(stream))  # a TextIOWrapper would close the stream
        count = _stream_writer(output_format)(db, text_stream, one_per_cluster=options["one_per_cluster"], **marked)
    if export_target.is_ordinary_file(target) and output_format in ("jsonl", "csv"):
        entries = _entries(db)
        if output_format == "csv":
            heads = [str(article_rows.csv_cell(entry.name)) for entry in entries]
            text = article_rows.csv_dictionary(Path(target).name, entries, heads)
            _write_dictionary(db, Path(f"{target}-metadata.json"), text)
        else:
            _write_dictionary(db, Path(f"{target}.schema.json"), article_rows.json_dictionary(entries))
    return count


def _stream_writer(output_format: str) -> Callable[..., int]:
    if output_format not in _EXPORT_FORMATS:
        return partial(call_plugin, EXPORTERS, output_format)
    if output_format == "html":
        return article_files.export_one_page
    return article_rows.export_csv if output_format == "csv" else article_rows.export_jsonl


def _entries(db: Database) -> tuple[article_rows.DictionaryEntry, ...]:
    return article_rows.article_dictionary(table_columns.table_columns(db, "articles"))


def _write_dictionary(db: Database, file: Path, text: str) -> None:
    """Write a data dictionary, but never over a file that an export did not write."""
    if file.exists() and not article_rows.is_own_dictionary(file):
        click.echo(
            one_line(f"{file} was not written by broadsheet, so the data dictionary does not replace it"), err=True
        )
        return
    with write_errors():
        export_target.write_file(export_target.OwnFiles.of(db), file, text.encode())


def _write_parquet(files: tuple[str, ...], target: str | None, options: Mapping[str, Any]) -> int:
    require_extra("pyarrow", "parquet")
    folder = _required_folder("parquet", target)
    with ExitStack() as stack, write_errors():
        archives = [stack.enter_context(archive_access.open_read_only(file)) for file in files]
        try:
            counts = parquet_export.export_parquet(
                archives, Path(folder), article_filter(options), one_per_cluster=options["one_per_cluster"]
            )
        except (DamagedValue, sqlite3.DatabaseError):
            for file in files:
                if location := archive_access.damage_location(file):
                    raise NotAnArchive(f"{file} is damaged {location}; run broadsheet verify") from None
            raise
    blocks = count_text(counts["removed"], "removed block")
    _print_count(f"{count_text(counts['articles'], 'article')}, {blocks}, {count_text(counts['urls'], 'URL')}", folder)
    return 0


def _write_feed(db: Database, output_format: str, target: str | None, scope: web_feeds.FeedScope) -> int:
    feed = web_feeds.read_feed(db, scope)
    with open_output(db, export_target.STANDARD_OUTPUT if target is None else target) as stream:
        stream.write(web_feeds.atom_document(feed) if output_format == "atom" else web_feeds.json_feed_document(feed))
    _print_count(count_text(len(feed.entries), "entry"), target)
    return 0


def _write_sqlite(db: Database, target: str | None, options: Mapping[str, Any]) -> int:
    if target is None:
        raise CommandError("sqlite is one binary file: name it with -o")
    with write_errors():
        count = sqlite_file.export_sqlite(db, target, one_per_cluster=options["one_per_cluster"])
    _print_count(count_text(count, "article"), target)
    return 0


def _required_folder(output_format: str, target: str | None) -> str:
    if target in (None, "", export_target.STANDARD_OUTPUT):
        raise CommandError(f"{output_format} writes a folder: name it with -o")
    return str(target)


def _write_wacz(db: Database, target: str | None, *, keeps_credentials: bool) -> int:
    """Write the raw responses to a WACZ file, whole or not at all."""
    if target is None:
        raise CommandError("wacz is one binary file: name it with -o")
    if not db.execute("SELECT 1 FROM _warc_files WHERE length > 0").fetchone():
        raise CommandError("the archive holds no raw responses of its own")
    if waiting := erasure.waiting_files(db):
        raise CommandError(f"a takedown is not finished in {waiting[0]}: the same broadsheet forget finishes it")
    try:
        with open_output(db, target) as stream, _seekable(stream) as file:
            content = wacz.export_wacz(db, file, keeps_credentials=keeps_credentials)
    except wacz.MissingWarcError as error:
        raise CommandError(f"cannot write {target}: {error}") from error
    shown = content.left_out[:_MOST_LINES]
    more = [f"and {len(content.left_out) - len(shown):,} more"] if len(content.left_out) > len(shown) else []
    for line in (*shown, *more):
        click.echo(one_line(f"broadsheet: left out: {line}"), err=True)
    _print_count(count_text(content.captures, "response"), target)
    return int(bool(content.left_out))


@contextmanager
def _seekable(stream: BinaryIO) -> Iterator[BinaryIO]:
    """Return a seekable stream: this one, or a temporary file that is copied to it at the end."""
    if stream.seekable():
        yield stream
        return
    with tempfile.TemporaryFile() as file:
        yield cast(BinaryIO, file)
        file.seek(0)
        shutil.copyfileobj(file, stream)


def _print_count(count_text: str, target: str | None) -> None:
    if target not in (None, export_target.STANDARD_OUTPUT):
        click.echo(one_line(f"{count_text} written to {target}"), err=True)
