"""The task of an engine that takes in one WARC, ARC or WACZ file, into an archive for that file alone."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from broadsheet.crawler.fleet.site_task import SiteTask

_NAME_DIGITS = 12
_NAME_CHARACTERS = 100  # of the file's name, so that a file system takes what is made of it


@dataclass(frozen=True, slots=True)
class ImportTask(SiteTask):
    """The import of one file. `crawl_words` are the options of `broadsheet import`, as they are typed."""

    file: Path = Path()

    def command(self, archive: Path) -> tuple[str, ...]:
        """The words after `broadsheet` that take the file into an archive; one that was cut off goes on."""
        return ("import", str(self.file), "--db", str(archive), "--quiet", *self.crawl_words)


def import_task(file: Path, folder: Path, option_words: Sequence[str]) -> ImportTask:
    """The task for a file, with an archive in a folder below `folder` that is of this file and these options alone."""
    facts = "\0".join((str(file), *option_words)).encode("utf-8", "surrogateescape")
    name = f"{file.name[:_NAME_CHARACTERS]}-{hashlib.sha256(facts).hexdigest()[:_NAME_DIGITS]}"
    return ImportTask(name, folder / name / "archive.db", tuple(option_words), file=file)
