"""Which files an import is to take in: those that are named, and those that lists of files name."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from broadsheet.crawler.console.option_types import CommandError

LIST_ENDINGS = (".txt", ".paths", ".txt.gz", ".paths.gz")
"""How the name of a list of files ends, as opposed to that of a WARC file."""
_BUCKET = "s3://"


def listed_files(names: Sequence[str], base: str = "") -> list[str]:
    """Paths and `s3://` addresses, each once, in order; a list's names are relative to `base`, or to its folder.

    CommandError for a list that cannot be read or names nothing.
    """
    return list(dict.fromkeys(file for name in names for file in _files_of(name, base)))


def is_in_bucket(file: str) -> bool:
    """Whether a file is named by its address in a bucket."""
    return file.startswith(_BUCKET)


def _files_of(name: str, base: str) -> Iterator[str]:
    if is_in_bucket(name) or not name.lower().endswith(LIST_ENDINGS):
        yield name if is_in_bucket(name) else os.path.abspath(name)
        return
    lines = [line.strip() for line in _read_list(Path(name)).splitlines()]
    entries = [line for line in lines if line and not line.startswith("#")]
    if not entries:
        raise CommandError(f"{name} names no file")
    folder = base or os.path.dirname(os.path.abspath(name))
    yield from (_entry_file(entry, folder) for entry in entries)


def _entry_file(entry: str, base: str) -> str:
    if is_in_bucket(entry):
        return entry
    if is_in_bucket(base):
        return f"{base.rstrip('/')}/{entry.lstrip('/')}"
    return os.path.abspath(os.path.join(base, entry))


def _read_list(path: Path) -> str:
    try:
        data = path.read_bytes()
        return (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8")
    except (OSError, EOFError, ValueError) as error:
        raise CommandError(f"the list {path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
