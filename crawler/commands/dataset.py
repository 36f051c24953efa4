"""`broadsheet dataset`: many archives as one data set of Parquet files, in a folder or in an object store."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from broadsheet.output.archive.archive_errors import ArchiveError, DamagedValue, NotAnArchive, NotReachable
from broadsheet.output.read.plain_words import count_text

from ..crawl.command_line import require_extra
from ..crawl.terminal import print_text
from ..lazy_modules import lazy_imports
from .crawl import crawl
from .update import update
from .verb_options import (
    FILTER_OPTIONS,
    PATH,
    QUERY_OPTION,
    USE_OPTION,
    article_filter,
    verb,
    with_options,
)

with lazy_imports():
    from broadsheet.output.archive import archive_lock
    from broadsheet.output.collections import dataset_build, dataset_files, dataset_rows
    from broadsheet.output.raw import redaction

    from ..crawl import archive_access
    from ..fleet import sites_file

_MEGABYTE = 10**6
_LOCK = ".broadsheet-dataset"
_LIST_ENDING = ".toml"
_SCRATCH = ".writing-"
_REMOTE_SCHEMES = ("s3", "gs", "gcs", "abfs", "abfss", "hdfs")  # what pyarrow.fs knows


@verb("Many archives as one Parquet data set.")
@click.argument("target", metavar="DIR|s3://...", type=PATH)
@click.argument("sources", nargs=-1, required=True, metavar="ARCHIVE|FOLDER|sites.toml...", type=PATH)
@QUERY_OPTION
@USE_OPTION
@with_options(FILTER_OPTIONS)
@click.option("--picture-bytes", is_flag=True, help="With the files of pictures; else their digests and sizes alone.")
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
def dataset(
    target: str, sources: tuple[str, ...], use: str | None, picture_bytes: bool, quiet: bool, **bounds: Any
) -> int:
    """Write archives, all those of a folder or of a list of sites, as one data set of Parquet files: articles, what was
    removed from them, their pictures, URLs, changes, and which articles say the same, also between archives.

    With --query or a filter, only the articles that it leaves, and of the rest only what is about them. Run the same
    command again and only what has changed is written. What was taken down in an archive leaves the data
    set. README.md in it says how to read it; catalogue.db is for a first look. Needs the extra dataset; without it, the
    verb prints the command that installs it.
    """
    require_extra("pyarrow", "dataset")
    chosen = article_filter(bounds)
    files = dataset_rows.find_archives(archives_of(sources))
    try:
        with dataset_rows.open_sources(files, chosen) as archives, _open_store(target) as (store, scratch):
            choices = dataset_build.DatasetChoices(use or "", picture_bytes)
            result = dataset_build.DatasetBuild(store, archives, scratch, choices).run(_title_of(target))
    except (sqlite3.Error, OSError, DamagedValue) as error:
        raise _fault(target, files, error) from error
    if not quiet:
        _print_result(target, result)
    return 0


def archives_of(sources: Iterable[str]) -> list[str]:
    """Return the named archives and folders, and for each named list of sites the archives that exist.

    CommandError for a list that cannot be used, NotReachable for one without archives.
    """
    paths: list[str] = []
    for source in sources:
        if not source.endswith(_LIST_ENDING):
            paths.append(source)
            continue
        sites = sites_file.read_sites(Path(source), crawl, update)
        archives = [str(sites.archive(site.name)) for site in sites.sites if sites.archive(site.name).exists()]
        if not archives:
            raise NotReachable(f"no site of {source} has an archive yet: none is in {sites.folder}")
        paths += archives
    return paths


@contextmanager
def _open_store(target: str) -> Iterator[tuple[dataset_files.DatasetStore, Path]]:
    """Open the place of a data set, and a folder for incomplete files. ArchiveError if it cannot be opened."""
    if urlsplit(target).scheme in _REMOTE_SCHEMES:
        with tempfile.TemporaryDirectory(prefix="broadsheet-dataset-") as scratch:
            yield _remote_store(target), Path(scratch)
        return
    store = dataset_files.open_folder(target)
    with archive_lock.hold_lock(store.folder / _LOCK, refusal=f"{store.folder} is being written by another run"):
        for leftover in store.folder.glob(f"{_SCRATCH}*"):
            shutil.rmtree(leftover, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=store.folder) as scratch:
            yield store, Path(scratch)


def _remote_store(target: str) -> dataset_files.DatasetStore:
    import pyarrow as pa
    from pyarrow import fs

    try:
        filesystem, folder = fs.FileSystem.from_uri(target)
    except (OSError, pa.ArrowException) as error:
        raise NotReachable(f"{target} cannot be reached: {error}") from error
    return dataset_files.ArrowStore(filesystem, folder, redaction.without_userinfo(target))


def _title_of(target: str) -> str:
    return Path(urlsplit(target).path.rstrip("/") or target).name or "Articles"


def _fault(target: str, files: Sequence[Path], error: Exception) -> ArchiveError:
    """Return the error to raise for one: an archive that is damaged, or a place that takes no more."""
    if not isinstance(error, OSError):
        for file in files:
            if location := archive_access.damage_location(str(file)):
                return NotAnArchive(f"{file} is damaged {location}; run broadsheet verify")
    if isinstance(error, DamagedValue):
        return error
    return NotReachable(f"{target} cannot be written: {error}; the same command goes on from here")


def _print_result(target: str, result: dataset_build.DatasetResult) -> None:
    manifest = result.manifest
    size = sum(file.bytes for file in manifest.files) / _MEGABYTE
    counts = f"{count_text(result.new_files, 'file')} new, {result.removed_files:,} removed"
    print_text(
        f"{redaction.without_userinfo(target)}: {count_text(manifest.rows_of('articles'), 'article')} of "
        f"{count_text(manifest.host_count, 'host')} from {count_text(len(manifest.archives), 'archive')}, "
        f"{count_text(manifest.rows_of('duplicates'), 'pair')} alike, {size:,.1f} MB; "
        f"{counts if result.has_changed else 'nothing new'}"
    )
