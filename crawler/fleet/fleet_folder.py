"""The folder of a fleet: the record of each site in it, and the file systems that may hold it.

A record says when a site was crawled last, with which words, and with which result. It is a small JSON file of its own
beside the archives, replaced as a whole. It makes the same command go on: a site with a record of this turn is done,
whoever was killed. A lost record costs a crawl that finds little to do; the truth is in the archives.

No file system that several machines share can hold an SQLite file in use.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from broadsheet.output.archive.atomic_writes import whole_file

from .site_records import SAYS_NOTHING, SiteRecord, next_record, parse_record, record_values
from .site_task import SiteResult, SiteTask

FOLDER = ".fleet"
"""The folder beside the archives that holds records and logs."""


@dataclass(frozen=True, slots=True)
class RecordFolder:
    """The records of the sites whose archives are in `archives`."""

    archives: Path

    def log(self, site_name: str) -> Path:
        """Return the path of the file that a site's crawl prints to."""
        return self.archives / FOLDER / f"{site_name}.log"

    def refused(self) -> str:
        """Return why nothing can be stored, for whichever site: each crawl says that of a folder."""
        return ""

    def read(self, site_name: str) -> SiteRecord | None:
        """Read the record of a site; None without one, or where it cannot be read."""
        try:
            return parse_record(json.loads(self._file(site_name).read_text("utf-8")))
        except (OSError, ValueError):
            return None

    def note(self, task: SiteTask, result: SiteResult) -> None:
        """Replace the record of a site by what a result makes of it. OSError if the disk refuses it."""
        if result.end not in SAYS_NOTHING:
            self.write(next_record(task, result, self.read(task.name)))

    def write(self, record: SiteRecord) -> None:
        """Replace the record of a site. OSError if the disk refuses it."""
        file = self._file(record.result.name)
        file.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(file) as stream:
            stream.write(json.dumps(record_values(record), indent=1).encode())

    def _file(self, site_name: str) -> Path:
        return self.archives / FOLDER / f"{site_name}.json"


_MOUNTS = Path("/proc/mounts")
_ESCAPE = re.compile(r"\\([0-7]{3})")


def disk_problem(folder: Path) -> str:
    """Return the reason why archives cannot lie in a folder, which may be missing yet; empty if none is known."""
    try:
        mounts = _MOUNTS.read_text("utf-8", "surrogateescape")
    except OSError:
        return ""
    kind = file_system_of(Path(os.path.realpath(folder)), mounts)
    if name := _network_file_systems().get(kind):
        return (
            f"{folder} is on a network file system ({name}), where SQLite loses data that several processes share; "
            "name a folder on a local disk"
        )
    return ""


def file_system_of(path: Path, mounts: str) -> str:
    """Return the type of the file system that a path is on, by the text of /proc/mounts; empty if none is."""
    best_place, best_kind = Path(), ""
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        place = Path(_ESCAPE.sub(lambda match: chr(int(match[1], 8)), fields[1]))
        if path.is_relative_to(place) and len(place.parts) >= len(best_place.parts):
            best_place, best_kind = place, fields[2]  # of mounts at one place the last one is seen
    return best_kind


@cache
def _network_file_systems() -> dict[str, str]:
    text = files("broadsheet.crawler.fleet").joinpath("disk.toml").read_text("utf-8")
    return dict(tomllib.loads(text)["network"])
