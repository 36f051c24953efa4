"""`broadsheet doctor`: whether a crawl can run on this machine, in ten lines."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from broadsheet.output.read.plain_words import reason_text

from .. import __version__
from ..cli.command_line import CommandError
from ..cli.lazy_modules import lazy_imports
from ..cli.terminal import one_line
from .verb_options import PATH, verb

with lazy_imports():
    from broadsheet.output.read import page_lookup

    from ..cli import archive_access
    from ..crawl import processes
    from ..rendering import chromium
    from ..workers import worker
    from . import spider_run

_SHOWN_LIBRARIES = ("scrapy", "trafilatura", "lxml")
_MIN_FREE_BYTES = 1_000_000_000
_RELEASED = datetime(2026, 11, 1, tzinfo=UTC)  # a clock before it is wrong
_MAX_CLOCK_SECONDS = 120  # that this clock and a site's may differ


@dataclass(frozen=True, slots=True)
class DoctorFinding:
    """A finding: its subject, whether that is in order, and a text with details."""

    is_good: bool
    subject: str
    text: str


@verb
@click.argument("url", metavar="[URL]", required=False)
@click.option(
    "--db",
    default="archive.db",
    show_default=True,
    type=PATH,
    metavar="FILE",
    help="Where the archive would be.",
)
@click.option(
    "--allow-private", is_flag=True, help="Allow loopback and private addresses, which are refused by default."
)
def doctor(url: str | None, db: str, allow_private: bool) -> int:
    """Say in ten lines whether a crawl can run here: Python, libraries, workers, disk, clock, and the robots.txt
    of a URL.
    """
    findings = []
    for finding in (*_machine_findings(db), *(_site_findings(url, allow_private) if url else ())):
        findings.append(finding)
        click.echo(("ok  " if finding.is_good else "BAD ") + one_line(f"{finding.subject}: {finding.text}"))
    if not url:
        click.echo("--- site: name a URL to check its robots.txt")
    return int(not all(finding.is_good for finding in findings))


def _machine_findings(db: str) -> Iterator[DoctorFinding]:
    yield DoctorFinding(True, "broadsheet", f"{__version__} in {Path(sys.prefix)}")
    yield DoctorFinding(True, "Python", f"{platform.python_version()} ({platform.python_implementation()})")
    yield DoctorFinding(True, "system", f"{platform.platform()}, {os.cpu_count()} processors")
    yield DoctorFinding(True, "libraries", ", ".join(f"{name} {version(name)}" for name in _SHOWN_LIBRARIES))
    yield _sqlite_finding()
    problem = worker.workers_problem()
    yield DoctorFinding(not problem, "workers", problem or "processes that clean pages can be started")
    yield _browser_finding()
    yield _folder_finding(Path(db).absolute().parent)
    now = datetime.now(UTC)
    yield DoctorFinding(now > _RELEASED, "clock", f"{now:%Y-%m-%d %H:%M:%S} UTC")


def _browser_finding() -> DoctorFinding:
    """Say which Chromium renders pages that show their text only by script. A crawl can do without one."""
    found = chromium.find_chromium(allows_no_sandbox=False)
    if isinstance(found, str):
        program = chromium.find_program()
        return DoctorFinding(True, "browser", f"none is used: {found}{f' ({program})' if program else ''}")
    return DoctorFinding(True, "browser", f"Playwright {version('playwright')} with {found.program}")


def _sqlite_finding() -> DoctorFinding:
    try:
        with sqlite3.connect(":memory:") as connection:
            # a compile-time option, which some systems leave out
            connection.execute("CREATE VIRTUAL TABLE words USING fts5 (text)")
    except sqlite3.OperationalError as error:
        return DoctorFinding(False, "SQLite", f"{sqlite3.sqlite_version} without full-text search: {error}")
    return DoctorFinding(True, "SQLite", f"{sqlite3.sqlite_version} with full-text search")


def _folder_finding(folder: Path) -> DoctorFinding:
    try:
        with TemporaryDirectory(prefix=".broadsheet-", dir=folder):
            free_bytes = shutil.disk_usage(folder).free
    except OSError as error:
        return DoctorFinding(False, "disk", f"{folder} cannot be written: {error.strerror}")
    return DoctorFinding(
        free_bytes >= _MIN_FREE_BYTES, "disk", f"{folder} can be written, {free_bytes / 1e9:.1f} GB are free"
    )


def _site_findings(url: str, allow_private: bool) -> Iterator[DoctorFinding]:
    """Fetch the URL and its robots.txt as a crawl would, into a temporary archive."""
    nothing_else = dict.fromkeys(("sitemaps", "feeds", "links"), False)
    with TemporaryDirectory() as folder:
        archive = Path(folder) / "doctor.db"
        try:
            processes.start_workers()
            arguments = {"seeds": (url,), "max_pages": 1, **nothing_else}
            spider_run.run_spider(str(archive), arguments, spider_run.quiet_settings(allow_private=allow_private))
        except CommandError as error:
            yield DoctorFinding(False, "site", str(error))
            return
        yield from _archive_findings(archive, url)
        yield from _clock_findings(archive)


def _archive_findings(archive: Path, url: str) -> Iterator[DoctorFinding]:
    with archive_access.open_read_only(str(archive)) as db:
        robots = db.execute("SELECT url, access, reason FROM robots_files ORDER BY seen_at DESC LIMIT 1").fetchone()
        state = page_lookup.find_url_state(db, url)
    if robots:
        is_open = robots[1] != "nothing"
        yield DoctorFinding(is_open, "robots.txt", f"{robots[0]}: {reason_text(robots[2].partition(':')[0])}")
    if state:
        is_done = state[1] == "done"
        yield DoctorFinding(is_done, "site", f"{state[0]}: {state[1]}, {reason_text(state[2])}")
    elif not robots:
        yield DoctorFinding(False, "site", f"{url} gave nothing")


def _clock_findings(archive: Path) -> Iterator[DoctorFinding]:
    """Compare this clock with the site's, by the Date header of its responses."""
    from fastwarc import ArchiveIterator, WarcRecordType

    for warc in sorted(Path(f"{archive}.warc").glob("*.warc*")):
        with warc.open("rb") as stream:
            for record in ArchiveIterator(stream, record_types=WarcRecordType.response):
                if stated := record.http_headers and record.http_headers.get("Date"):
                    seconds = abs((datetime.now(UTC) - parsedate_to_datetime(stated)).total_seconds())
                    yield DoctorFinding(seconds < _MAX_CLOCK_SECONDS, "site's clock", f"{seconds:.0f} s from this one")
                    return
