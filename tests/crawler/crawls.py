"""Crawls in a process of their own, and what they leave."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.crawler.scripted_site import ScriptedSite
from tests.crawler.warm import PATIENCE, REPOSITORY, run

Serve = Callable[..., ScriptedSite]
"""How a test starts a site: the fixture `serve`."""
SMALL = {"sitemaps": 0, "feeds": 0}
"""Arguments of a crawl that looks for nothing but links."""
QUICK = {
    "BROADSHEET_ALLOW_PRIVATE": "1",
    "BROADSHEET_DELAY": "0",
    "BROADSHEET_RETRY_WAIT": "0.1",
    "BROADSHEET_WORKERS": "1",
}


class Result:
    """What a crawl left: its exit code and messages, and the archive to ask."""

    def __init__(self, db: Path, code: int, errors: str) -> None:
        self.db = db
        self.code = code
        self.errors = errors

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(f"file:{self.db}?mode=ro", uri=True)
        try:
            return connection.execute(query, values).fetchall()
        finally:
            connection.close()

    def states(self, site: ScriptedSite | None = None) -> dict[str, tuple[str, str]]:
        """(state, reason) by URL, or by path for the URLs of one site."""
        found = {url: (state, reason) for url, state, reason in self.rows("SELECT url, state, reason FROM urls")}
        if site is None:
            return found
        return {url.removeprefix(site.url): row for url, row in found.items() if url.startswith(site.url)}

    def articles(self) -> dict[str, str]:
        """Text by URL."""
        return dict(self.rows("SELECT url, text FROM articles"))

    def run(self) -> tuple[str, str]:
        """Outcome and reason of the latest run."""
        return self.rows("SELECT outcome, reason FROM runs ORDER BY started_at DESC, rowid DESC LIMIT 1")[0]


class Crawl:
    """Starts crawls with quick settings; `crawl(url, max_pages=3, BROADSHEET_DELAY=1)`: capitals are settings."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.db = folder / "archive.db"

    def __call__(self, *urls: str, patience: float = PATIENCE, **options: object) -> Result:
        code, _, errors = run("scrapy", self._arguments(*urls, **options), os.environ, seconds=patience)
        return Result(self.db, code, errors)

    def start(self, *urls: str, **options: object) -> Any:
        """Start a crawl in a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "scrapy", *self._arguments(*urls, **options)],
            cwd=REPOSITORY,
            text=True,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _arguments(self, *urls: str, spider: str = "site", export: Path | None = None, **options: object) -> list[str]:
        arguments: dict[str, object] = {"url": " ".join(urls), "db": self.db}
        settings: dict[str, object] = dict(QUICK)
        for name, value in options.items():
            (settings if name.isupper() else arguments)[name] = value
        command = ["crawl", spider]
        command += [part for name, value in arguments.items() for part in ("-a", f"{name}={value}")]
        command += [part for name, value in settings.items() for part in ("-s", f"{name}={value}")]
        return [*command, "-O", str(export)] if export else command

    def result(self, process: Any, errors: str = "") -> Result:
        return Result(self.db, process.returncode, errors)


def until(holds: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def kill_group(process: Any) -> None:
    """Kill a crawl and its workers, as a machine that loses its power does."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
