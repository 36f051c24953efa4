"""Crawls that are killed again and again, with what their archive held at each death."""

import random
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.crawler.crawls import kill_group, until

_LEFT = "SELECT url FROM urls WHERE state = 'done' AND kind <> 'robots'"
_START_UP = 3.0  # seconds in which a crawl starts and does a little, within which the kills without a goal fall


@dataclass(frozen=True, slots=True)
class Moment:
    """When to kill: `wait` seconds after the site was asked for `paths` different paths in all."""

    paths: int
    wait: float


@dataclass(frozen=True, slots=True)
class Death:
    """A killed crawl: requests that the server had seen by then, URLs done in the file, and its faults."""

    asked: int
    done: frozenset[str]
    faults: tuple[str, ...]


def moments(kills: int, paths: int, seed: int) -> Iterator[Moment]:
    """Moments over the whole of a crawl of so many paths: three in four by progress, the rest in start-up and at
    the end; without end, as a crawl may be over before its kill."""
    chance = random.Random(seed)
    early = set(chance.sample(range(kills), kills // 8))
    by_progress = kills * 3 // 4
    for number in range(kills):
        if number in early:
            yield Moment(0, chance.uniform(0, _START_UP / 2))
        yield Moment(min(paths, 1 + number * paths // by_progress), chance.uniform(0, 0.15))
    while True:
        yield Moment(paths, chance.uniform(0, _START_UP))


def kill_often(
    start: Callable[[], Any],
    asked: Callable[[], Sequence[str]],
    db: Path,
    kills: int,
    plan: Iterable[Moment],
    stored: str = _LEFT,
) -> list[Death]:
    """Start a crawl again and again, kill its whole process group by the plan `kills` times, and say what was left.

    `stored` asks a file for the URLs that it holds. A crawl that ends before its moment is no death.
    """
    deaths: list[Death] = []
    for moment in plan:
        if _killed(start(), asked, moment):
            deaths.append(_death(db, len(asked()), stored))
        if len(deaths) == kills:
            break
    return deaths


def _killed(process: Any, asked: Callable[[], Sequence[str]], moment: Moment) -> bool:
    """Kill a crawl at its moment; False if it had ended by itself."""
    until(lambda: process.poll() is not None or distinct(asked()) >= moment.paths)
    time.sleep(moment.wait)
    if process.poll() is not None:
        process.communicate()
        return False
    kill_group(process)
    return True


def distinct(paths: Sequence[str]) -> int:
    """How many different paths were asked for, but for robots.txt, which every run asks for."""
    return len(set(paths) - {"/robots.txt"})


def repeated(deaths: Sequence[Death], asked: Sequence[str]) -> list[str]:
    """The paths that were asked for after a death at which their URL was done."""
    found = set()
    for death in deaths:
        later = set(asked[death.asked :])
        found.update(path for url in death.done if (path := path_of(url)) in later)
    return sorted(found)


def path_of(url: str) -> str:
    """A URL as a request line names it."""
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _death(db: Path, asked: int, stored: str) -> Death:
    """Look at a copy, so that what the next run finds is what the kill left."""
    if not db.exists():
        return Death(asked, frozenset(), ())
    with tempfile.TemporaryDirectory() as folder:
        for ending in ("", "-wal"):
            if (file := Path(f"{db}{ending}")).exists():
                shutil.copy(file, Path(folder) / f"copy.db{ending}")
        return _read(Path(folder) / "copy.db", asked, stored)


def _read(copy: Path, asked: int, stored: str) -> Death:
    connection = sqlite3.connect(copy)
    try:
        faults = [str(row) for row in connection.execute("PRAGMA integrity_check") if row != ("ok",)]
        faults += [str(row) for row in connection.execute("PRAGMA foreign_key_check")]
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        if "urls" in tables:
            faults += [f"done without a page: {url}" for (url,) in connection.execute(_ORPHANS)]
        done = frozenset(url for (url,) in connection.execute(stored)) if tables else frozenset()
        return Death(asked, done, tuple(faults))
    finally:
        connection.close()


_ORPHANS = """SELECT url FROM urls u WHERE state = 'done' AND reason IN ('article', 'list', 'teaser', 'other')
    AND NOT EXISTS (SELECT 1 FROM pages p WHERE p.id = u.id)"""
