"""Seeded damage to an archive, through every verb: `python -m tests.robustness.torture [--trials 1000] [--first 0]`.

Each trial damages a copy of a crawled archive in one place: a flipped bit, a value cut off, broken JSON, a value of a
wrong type, a row that is gone, a flipped bit or an end of a file. Then every verb is run on it, each tenth time
`reclean` and `update`, or `import` and `crawl`, too. Nothing may end in a traceback, hang or take more than 2 GB, and
`verify` has to find what changes the output of a verb, but for what docs/reliability.md says that it cannot know.
Results, after each hundred trials: `results/torture.json`. Then `hostile.py` has its turn, with archives that are meant
to harm.
"""

import argparse
import hashlib
import io
import json
import os
import pickle
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import tomllib
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from broadsheet.crawler.cli import run
from broadsheet.output.read.file_checks import schema_tables
from tests.robustness.mutations import mutate
from tests.robustness.sample import NAME, OPTIONS, sample_archive

RESULTS = Path(__file__).parents[1] / "bench" / "results" / "torture.json"
_IN_MEMORY = Path("/dev/shm")  # archives that are thrown away need no disk; on one a trial takes five times as long
_MEMORY = 2 << 30
_TRIALS_A_REPORT = 100  # after so many the results are written, so that a run that is stopped leaves some
_WALL_SECONDS = 900  # of one trial: whatever waits without using the processor hangs
SECONDS = 120  # for one verb, of processor time
_MEASURED = signal.ITIMER_PROF
UNKNOWABLE = tomllib.loads(Path(__file__).with_name("unknowable.toml").read_text("utf-8"))
"""By `columns` and `rows` what verify cannot know of."""


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
        (block,) = connection.execute("SELECT block_id FROM blocks WHERE kept = 1 ORDER BY 1 LIMIT 1").fetchone()
        (restored,) = connection.execute("SELECT block_id FROM rulings WHERE kept = 1").fetchone()
    warc = str(next(db.with_name(f"{NAME}.warc").glob("*.warc.gz")).relative_to(db.parent))
    options = " ".join(OPTIONS)
    readers = (
        *(f"export {{}} --format {name} -o out.{name}" for name in ("jsonl", "csv", "markdown")), "search {} harbour",
        "report {}", "changes {}", "correct {}", f"diff {{}} {edited}", *(f"explain {{}} {url}" for url in urls[:3]),
    )  # fmt: skip
    writers = (
        "export {} --format wacz -o out.wacz", f"remove {{}} {block}", f"restore {{}} {restored} --undo",
        f"forget {{}} {urls[0]} --yes",
    )  # fmt: skip
    crawls = (
        ("reclean {} --all --dry-run -q", f"update {{}} --max-pages 3 {options}"),
        (f"import {warc} --db {{}} -q", f"crawl --db {{}} --max-pages 3 {options}"),
    )
    return VerbLines(_words(readers), _words(writers), tuple(map(_words, crawls)))


def _words(lines: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(line.format(NAME).split()) for line in lines)


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
    if code not in (0, 1, 2, 75):  # 75: a takedown that cannot be finished yet is noted, and says so
        return f"exit code {code}"
    if code and "is damaged" in errors and errors.count("\n") > 1:
        return f"more than a line: {errors}"
    return ""


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it. `faults` are of verbs that ended badly; `is_found` by verify, `is_seen` by a reader.

    `is_knowable` says whether verify could have known; `changes` are the tables and columns that differ.
    """

    number: int
    kind: str
    location: str
    faults: tuple[str, ...]
    is_found: bool
    is_seen: bool
    is_knowable: bool
    changes: tuple[str, ...]
    slowest: float

    @property
    def is_missed(self) -> bool:
        """Whether a reader sees what verify should have found and did not."""
        return self.is_seen and not self.is_found and self.is_knowable


def view(lines: VerbLines) -> dict[str, tuple[int, str, str]]:
    """What the readers show of the archive in the current folder: by command line the exit code, output and files."""
    return {" ".join(line): (result.code, result.out, _files(line)) for line, result in _results(lines.readers)}


def run_trial(sample: Path, folder: Path, number: int, lines: VerbLines, baseline: dict[str, object]) -> Trial:
    """Damage a copy of the archive in `sample` in a new `folder`, and try every verb on it."""
    shutil.copytree(sample, folder)
    os.chdir(folder)
    mutation = mutate(folder / NAME, number)
    changes = tuple(sorted(differing_columns(sample / NAME, folder / NAME)))
    verified = run_verb("verify", NAME)
    readings = list(_results(lines.readers))
    is_seen = any((result.code, result.out, _files(line)) != baseline[" ".join(line)] for line, result in readings)
    crawls = lines.crawls[number // 10 % len(lines.crawls)] if number % 10 == 0 else ()
    last_lines = lines.writers + crawls
    results = [(("verify",), verified), *readings, *_results(last_lines)]
    faults = tuple(f"{' '.join(line)}: {result.fault}" for line, result in results if result.fault)
    slowest = max(result.seconds for _, result in results)
    is_knowable = not changes or not all(map(_is_unknowable, changes))
    return Trial(number, mutation.kind, mutation.location, faults, verified.code == 1, is_seen, is_knowable, changes,
                 round(slowest, 2))  # fmt: skip


def _results(lines: tuple[tuple[str, ...], ...]) -> Iterator[tuple[tuple[str, ...], VerbResult]]:
    for line in lines:
        yield line, run_verb(*line)


def _files(line: tuple[str, ...]) -> str:
    """A digest of what a command line wrote to its `-o`, which is removed."""
    if "-o" not in line or not (target := Path(line[line.index("-o") + 1])).exists():
        return ""
    digest = hashlib.sha256()
    for file in sorted(target.rglob("*")) if target.is_dir() else [target]:
        if file.is_file():
            digest.update(str(file).encode() + file.read_bytes())
    shutil.rmtree(target) if target.is_dir() else target.unlink()
    return digest.hexdigest()


def differing_columns(sample: Path, damaged: Path) -> set[str]:
    """The `table/column`s that differ between two archives, `table` where rows are gone; empty if one is unreadable."""
    try:
        with closing(sqlite3.connect(sample)) as before, closing(sqlite3.connect(damaged)) as after:
            before.text_factory = after.text_factory = bytes
            return {name for table in schema_tables() for name in _differences(before, after, table.name)}
    except sqlite3.DatabaseError:
        return set()


def _differences(before: sqlite3.Connection, after: sqlite3.Connection, table: str) -> Iterator[str]:
    cursor = before.execute(f"SELECT * FROM {table}")
    names = [column[0] for column in cursor.description]
    rows, damaged_rows = cursor.fetchall(), after.execute(f"SELECT * FROM {table}").fetchall()
    if len(rows) != len(damaged_rows):
        yield table
        return
    for old, new in zip(rows, damaged_rows, strict=True):
        yield from (
            f"{table}/{name}" for name, a, b in zip(names, old, new, strict=True) if (a, type(a)) != (b, type(b))
        )


def _is_unknowable(change: str) -> bool:
    table, _, column = change.partition("/")
    if not column:
        return table in UNKNOWABLE["rows"]
    return change in UNKNOWABLE["columns"] or f"{table}/*" in UNKNOWABLE["columns"]


def run_trials(numbers: Iterable[int]) -> Iterator[Trial]:
    """Make the archive, and run the trials of these numbers on copies of it, each in a process of its own."""
    with tempfile.TemporaryDirectory(dir=_IN_MEMORY if _IN_MEMORY.is_dir() else None) as name:
        folder = Path(name)
        (folder / "sample").mkdir()
        with sample_archive(folder / "sample") as db:
            lines = verb_lines(db)
            baseline = _baseline(folder, lines)
            for number in numbers:
                yield _in_child(folder, number, lines, baseline)


def _baseline(folder: Path, lines: VerbLines) -> dict[str, object]:
    shutil.copytree(folder / "sample", folder / "baseline")
    here = Path.cwd()
    os.chdir(folder / "baseline")
    try:
        return dict(view(lines))
    finally:
        os.chdir(here)


def _in_child(folder: Path, number: int, lines: VerbLines, baseline: dict[str, object]) -> Trial:
    """The trial from a forked process; one that dies or hangs is a fault."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        _be_child(writer, folder, number, lines, baseline)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        answer = stream.read()
    _, status = os.waitpid(child, 0)
    shutil.rmtree(folder / str(number), ignore_errors=True)
    if answer:
        trial: Trial = pickle.loads(answer)
        return trial
    fault = f"the process ended with {os.waitstatus_to_exitcode(status)}"
    return Trial(number, "?", "?", (fault,), False, True, True, (), 0.0)


def _be_child(writer: int, folder: Path, number: int, lines: VerbLines, baseline: dict[str, object]) -> None:
    """Run the trial and send it; never returns."""
    os.setpgid(0, 0)
    signal.alarm(_WALL_SECONDS)
    limit = _virtual_bytes() + _MEMORY  # a process that has run other tests has taken addresses already
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    with open(os.devnull, "r+b", buffering=0) as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(nothing.fileno(), 1)
        os.dup2(nothing.fileno(), 2)
    try:
        trial = run_trial(folder / "sample", folder / str(number), number, lines, baseline)
    except BaseException:  # noqa: BLE001 - the parent says it
        trial = Trial(number, "?", "?", (traceback.format_exc(),), False, True, True, (), 0.0)
    try:
        _send(writer, pickle.dumps(trial))
    finally:  # also where the parent is gone: the server that it would stop has no thread here
        os._exit(0)


def _virtual_bytes() -> int:
    """The addresses that this process has taken."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _send(writer: int, data: bytes) -> None:
    with os.fdopen(writer, "wb") as stream:
        stream.write(data)


def summary(trials: Iterable[Trial]) -> dict[str, Any]:
    """What is reported: counts by kind of damage, what verify missed, and the verbs that ended badly."""
    done = list(trials)
    unknowable = [trial for trial in done if trial.is_seen and not trial.is_found and not trial.is_knowable]
    return {
        "trials": len(done),
        "faults": [f"{trial.number}: {fault.strip().splitlines()[-1]}" for trial in done for fault in trial.faults],
        "found": sum(trial.is_found for trial in done),
        "seen_by_a_reader": sum(trial.is_seen for trial in done),
        "seen_and_found": sum(trial.is_seen and trial.is_found for trial in done),
        "missed": [f"{trial.number}: {trial.kind} {trial.location}" for trial in done if trial.is_missed],
        "cannot_be_known": len(unknowable),
        "cannot_be_known_by_column": dict(Counter(change for trial in unknowable for change in trial.changes)),
        "by_kind": {
            kind: {"trials": count, "found": sum(trial.is_found for trial in done if trial.kind == kind)}
            for kind, count in sorted(Counter(trial.kind for trial in done).items())
        },
        "slowest_verb_seconds": max(trial.slowest for trial in done),
    }


def main() -> None:
    """Run the trials, say what is wrong as it comes up, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    options = parser.parse_args()
    trials: list[Trial] = []
    for trial in run_trials(range(options.first, options.first + options.trials)):
        trials.append(trial)
        _print_trial(trial)
        if not options.first and (len(trials) % _TRIALS_A_REPORT == 0 or len(trials) == options.trials):
            RESULTS.write_text(json.dumps(summary(trials), indent=1) + "\n")
    result = summary(trials)
    print(json.dumps(result, indent=1))
    is_harmed = not options.first and subprocess.call([sys.executable, "-m", "tests.robustness.hostile"])
    sys.exit(bool(result["faults"] or result["missed"] or is_harmed))


def _print_trial(trial: Trial) -> None:
    """Say what is wrong with a trial."""
    if trial.is_missed:
        print(trial.number, trial.kind, trial.location, trial.changes, "missed", flush=True)
    for fault in trial.faults:
        print(trial.number, trial.kind, trial.location, fault, flush=True)


if __name__ == "__main__":
    main()
