"""Verbs run on a damaged archive in this process: what they say, and whether they end as they should."""

from __future__ import annotations

import io
import signal
import sqlite3
import time
import traceback
from collections.abc import Iterator
from contextlib import closing, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from broadsheet.crawler.cli import run
from tests.bench.damage.sample import NAME, OPTIONS

SECONDS = 120  # for one verb, of processor time
_MEASURED = signal.ITIMER_PROF


@dataclass(frozen=True, slots=True)
class VerbResult:
    """How a verb ended: exit code, both outputs, processor seconds, and what is wrong with that, if anything is."""

    code: int
    out: str
    errors: str
    seconds: float
    fault: str = ""


class _TooSlowError(BaseException):
    pass


@dataclass(frozen=True, slots=True)
class VerbLines:
    """The command lines for an archive, by what they do. Readers change nothing, so their outputs can be compared.

    Those of `crawls` start worker processes; of each group one crawls, which a process can do only once.
    """

    readers: tuple[tuple[str, ...], ...]
    writers: tuple[tuple[str, ...], ...]
    crawls: tuple[tuple[tuple[str, ...], ...], ...]


def verb_lines(db: Path) -> VerbLines:
    """Every verb that takes an archive, with arguments that are in this one."""
    with closing(sqlite3.connect(db)) as connection:
        urls = [url for (url,) in connection.execute("SELECT url FROM articles ORDER BY url")]
        (edited,) = connection.execute("SELECT article_id FROM revisions WHERE number = 2 LIMIT 1").fetchone()
        (block,) = connection.execute("SELECT block_id FROM _blocks WHERE kept = 1 ORDER BY 1 LIMIT 1").fetchone()
        (restored,) = connection.execute("SELECT block_id FROM rulings WHERE kept = 1").fetchone()
    warc = str(next(db.with_name(f"{NAME}.warc").glob("*.warc.gz")).relative_to(db.parent))
    return VerbLines(
        readers=(
            *(("export", NAME, "--format", name, "-o", f"out.{name}") for name in ("jsonl", "csv")),
            ("export", NAME, "--format", "markdown", "-o", "out"),
            ("search", NAME, "harbour"), ("report", NAME), ("changes", NAME), ("correct", NAME),
            ("diff", NAME, str(edited)), *(("explain", NAME, url) for url in urls[:3]),
        ),
        writers=(
            ("export", NAME, "--format", "wacz", "-o", "out.wacz"), ("remove", NAME, str(block)),
            ("restore", NAME, str(restored), "--undo"), ("forget", NAME, urls[0], "--yes"),
        ),
        crawls=(
            (("reclean", NAME, "--all", "--dry-run", "--quiet"), ("update", NAME, "--max-pages", "3", *OPTIONS)),
            (("import", warc, "--db", NAME, "--quiet"), ("crawl", "--db", NAME, "--max-pages", "3", *OPTIONS)),
        ),
    )  # fmt: skip


def run_verb(*arguments: str) -> VerbResult:
    """Run one verb in the current folder, bounded in time."""
    out, errors = io.StringIO(), io.StringIO()
    started, fault, code = time.process_time(), "", -1
    with redirect_stdout(out), redirect_stderr(errors):
        try:
            with _bounded():
                code = run(arguments)
        except _TooSlowError:
            fault = f"took more than {SECONDS} s"
        except BaseException:  # noqa: BLE001 - any traceback is what is looked for
            fault = traceback.format_exc()
    seconds = time.process_time() - started
    return VerbResult(code, out.getvalue(), errors.getvalue(), seconds, fault or _fault_of(code, errors.getvalue()))


@contextmanager
def _bounded() -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise _TooSlowError

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(_MEASURED, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(_MEASURED, 0)


def _fault_of(code: int, errors: str) -> str:
    if "Traceback" in errors:
        return errors
    if code not in (0, 1, 2):
        return f"exit code {code}"
    if code and "is damaged" in errors and errors.count("\n") > 1:
        return f"more than a line: {errors}"
    return ""
