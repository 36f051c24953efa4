"""Whether archives may lie in a folder: no file system that several machines share can hold an SQLite file in use."""

from __future__ import annotations

import os
import re
import tomllib
from functools import cache
from importlib.resources import files
from pathlib import Path

_MOUNTS = Path("/proc/mounts")
_ESCAPE = re.compile(r"\\([0-7]{3})")


def disk_problem(folder: Path) -> str:
    """Why archives cannot lie in a folder, which may be missing yet; empty if they can, or nothing is known of it."""
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
    """The type of the file system that a path is on, by the text of /proc/mounts; empty if none is."""
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
