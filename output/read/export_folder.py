"""A folder of exported files that mirrors its archive: files of removed articles are deleted, edited files never.

A list in the folder has what was written: a line for each file, with its digest and the articles in it. The line comes
before the file, so that after a kill each file is one of the list, or is not ours.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from .export_target import OwnFiles, TargetRefused, checked_folder, whole_folder, write_file

LIST_NAME = ".broadsheet-export.jsonl"
PICTURE_FOLDER = "pictures"
_ARTICLE_IDS = "SELECT id FROM main.articles"


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """A file of the list: the digests that its content may have, and the articles in it."""

    digests: frozenset[str]
    articles: frozenset[int]


class ExportFolder:
    """The folder of an export that is under way. Use `open_export`."""

    def __init__(self, own_files: OwnFiles, folder: Path) -> None:
        list_file = folder / LIST_NAME
        self._has_list = os.path.lexists(list_file)
        if self._has_list and (list_file.is_symlink() or not list_file.is_file()):
            raise TargetRefused(f"{list_file} is not an ordinary file")
        self._own_files = own_files
        self._folder = folder
        self._listed = _read_list(folder)
        self._written: dict[str, ExportedFile] = {}
        self.kept: list[str] = []
        """Names of files that were left as they are, since somebody has changed or made them."""

    def write(self, name: str, data: bytes, articles: Iterable[Any] = ()) -> None:
        """Write a file, and record which articles it holds. Raises TargetWriteError if it cannot be written."""
        file = ExportedFile(frozenset([_digest(data)]), frozenset(articles))
        self._written[name] = file
        path = self._folder / name
        if self._has_list and path.is_file() and not path.is_symlink() and self._is_foreign(name):
            self.kept.append(name)
            return
        checked_folder(self._own_files, str(path.parent))
        with (self._folder / LIST_NAME).open("ab") as stream:
            stream.write(_line(name, file))
        write_file(self._own_files, path, data)

    def has_written(self, name: str, article: int) -> bool:
        """Return whether this export has written the file already; if so, record that it holds another article too."""
        if file := self._written.get(name):
            self._written[name] = ExportedFile(file.digests, file.articles | {article})
        return file is not None

    def finish(self, article_ids: frozenset[int]) -> None:
        """Remove files that this export did not write again, and those of articles that are gone."""
        renewed = frozenset().union(*(file.articles for file in self._written.values()))
        for name, file in list(self._listed.items()):
            if name not in self._written and _is_stale(name, file, article_ids, renewed):
                if self._is_foreign(name):
                    self.kept.append(name)
                    continue
                (self._folder / name).unlink(missing_ok=True)
                del self._listed[name]
        own = {name: file for name, file in self._written.items() if name not in self.kept}
        lines = (_line(name, file) for name, file in (self._listed | own).items())
        write_file(self._own_files, self._folder / LIST_NAME, b"".join(lines))

    def _is_foreign(self, name: str) -> bool:
        """Return whether a file exists that differs from what an export wrote."""
        path, folder = self._folder / name, os.path.realpath(self._folder)
        is_inside = os.path.commonpath([folder, os.path.realpath(path.parent)]) == folder
        if not is_inside or path.is_symlink() or not path.is_file():
            return os.path.lexists(path)
        return name not in self._listed or _digest(path.read_bytes()) not in self._listed[name].digests


@contextmanager
def open_export(db: Database, target: Path, on_kept: Callable[[str], object]) -> Iterator[ExportFolder]:
    """Open a folder for exported articles; it is completed, or brought up to date with the archive, when the block
    ends.

    A new folder gets its name when it is complete. `on_kept` is called with the name of each file that somebody made or
    changed, and that is therefore left alone. Raises TargetRefused or TargetWriteError if something cannot be written.
    """
    own_files = OwnFiles.of(db)
    with whole_folder([own_files], target) as folder:
        export = ExportFolder(own_files, folder)
        yield export
        export.finish(frozenset(number for (number,) in db.execute(_ARTICLE_IDS)))
    for name in export.kept:
        on_kept(name)


def listed_articles(folder: Path) -> frozenset[int]:
    """Return the numbers of the articles that were exported to a folder; empty for other folders."""
    return frozenset().union(*(file.articles for file in _read_list(folder).values()))


def _is_stale(name: str, file: ExportedFile, article_ids: frozenset[int], renewed: frozenset[int]) -> bool:
    """Return whether a file of an earlier export must be deleted: a picture with the last of its articles, a page
    with any.
    """
    if not file.articles or file.articles <= renewed:
        return bool(file.articles)
    is_picture = name.startswith(f"{PICTURE_FOLDER}/")
    return file.articles.isdisjoint(article_ids) if is_picture else not file.articles <= article_ids


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _line(name: str, file: ExportedFile) -> bytes:
    values = {"file": name, "sha256": sorted(file.digests), "articles": sorted(file.articles)}
    return json.dumps(values, ensure_ascii=False).encode() + b"\n"


def _read_list(folder: Path) -> dict[str, ExportedFile]:
    """Read the list of a folder. A line that is cut short counts nothing; names that lead elsewhere are not ours."""
    files: dict[str, ExportedFile] = {}
    with suppress(OSError), (folder / LIST_NAME).open("rb") as stream:
        for line in stream:
            with suppress(ValueError, KeyError, TypeError):
                values = json.loads(line)
                name, earlier = str(values["file"]), files.get(str(values["file"]))
                digests = frozenset(map(str, values["sha256"])) | (earlier.digests if earlier else frozenset())
                articles = frozenset(map(int, values["articles"]))
                if not Path(name).is_absolute() and ".." not in Path(name).parts:
                    files[name] = ExportedFile(digests, articles | (earlier.articles if earlier else frozenset()))
    return files
