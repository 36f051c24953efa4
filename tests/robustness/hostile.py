"""Archives and WARC folders that are meant to harm, through every verb: `python -m tests.robustness.hostile`.

Each trial does one to three harms (`hostile_files.py`) to a copy of a crawled archive, and runs verbs on it:
readers, the reading room, `broadsheet.open`, verbs that take it as a source, verbs that write to it. Each verb is a
process of its own with bounds on memory, processor time and files (`bounded_command.py`). What must hold: no
traceback, no hang, no foreign SQL that runs, nothing outside the given folder read or written, nothing that acts on a
terminal printed; a reader and a source leave the given files as they are; no raw byte is lost but by `forget`.
`--trials N` says how many, `--trial N` runs one alone and prints all that was said. Results: `results/hostile.json`.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import sqlite3
import stat
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.crawler.shell import environment
from tests.crawler.warm import run
from tests.robustness.hostile_files import HARMS, PWNED, SECRET, HostilePlace, harm, make_outside
from tests.robustness.sample import NAME, OPTIONS, sample_archive

RESULTS = Path(__file__).parents[1] / "bench" / "results" / "hostile.json"
_IN_MEMORY = Path("/dev/shm")
_WALL_SECONDS = 200.0
_CODES = (0, 1, 2, 75)
_ACTIVE = frozenset("\x1b\x07\u202e\x9b")
_READERS_A_TRIAL, _SOURCES_A_TRIAL, _WRITERS_A_TRIAL = 4, 1, 2


@dataclass(frozen=True, slots=True)
class HostileTrial:
    """What came of a trial: the harms that were done, the verbs that were run, and the faults of these."""

    number: int
    harms: tuple[str, ...]
    verbs: tuple[str, ...]
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HostileVerbs:
    """The command lines for the sample archive; WORK in them is a folder for what they write."""

    readers: tuple[tuple[str, ...], ...]
    sources: tuple[tuple[str, ...], ...]
    writers: tuple[tuple[str, ...], ...]


def hostile_verbs(db: Path, site: str) -> HostileVerbs:
    """Every verb that takes an archive or WARC files, with arguments that are in this archive."""
    with closing(sqlite3.connect(db)) as connection:
        [(url, number)] = connection.execute("SELECT url, id FROM articles ORDER BY url LIMIT 1").fetchall()
        [(kept,)] = connection.execute("SELECT block_id FROM blocks WHERE kept = 1 ORDER BY 1 LIMIT 1").fetchall()
        [(gone,)] = connection.execute("SELECT block_id FROM blocks WHERE kept = 0 ORDER BY 1 LIMIT 1").fetchall()
    warc = f"{NAME}.warc/{min(db.with_name(f'{NAME}.warc').glob('*.warc.gz')).name}"
    options = " ".join(OPTIONS)
    exports = ("jsonl x.jsonl", "csv x.csv", "markdown md", "wacz x.wacz", "tei tei", "atom x.atom")
    readers = (
        "verify {}", "search {} harbour", "report {}", "report {} --json", "changes {}", "correct {}", "python {}",
        "correct {} --export-rules WORK/own.toml", f"diff {{}} {number}", f"show {{}} {url}", f"explain {{}} {url}",
        f"show {{}} {url} --removed", f"explain {{}} {url} --full", "datasette {} --print", "backup {} WORK/backup -q",
        f"forget {{}} {url} --dry-run", f"remove {{}} {kept} --dry-run", f"restore {{}} {gone} --dry-run", "room {}",
        *(f"fleet {verb} WORK/sites.toml" for verb in ("report", "status", "verify", "run --dry-run")),
        "fleet search harbour --sites WORK/sites.toml", f"fleet forget {url} --dry-run --sites WORK/sites.toml",
        *(f"export {{}} --format {shape} -o WORK/{file}" for shape, file in map(str.split, exports)),
    )  # fmt: skip
    sources = (
        "merge WORK/target.db {}", "export {} --format parquet -o WORK/set", f"import {warc} --db WORK/again.db -q",
        "reclean {} --all --dry-run -q",
    )  # fmt: skip
    writers = (
        f"remove {{}} {kept}", f"restore {{}} {gone}", f"forget {{}} {url} --yes", "import --own --db {}",
        "merge {} WORK/sound.db", "reclean {} --all -q",
        f"crawl {site} --db {{}} --max-pages 3 {options}", f"update {{}} --max-pages 3 {options}",
        "import WORK/sound.warc.gz --db {} -q",
    )  # fmt: skip
    return HostileVerbs(
        *(tuple(tuple(line.format(NAME).split()) for line in lines) for lines in (readers, sources, writers))
    )


def run_trials(numbers: Iterable[int], *, is_talking: bool = False, harm: str = "") -> Iterator[HostileTrial]:
    """Make the sample archive, and run the trials of these numbers on copies of it; of one `harm`, with all readers."""
    with tempfile.TemporaryDirectory(dir=_IN_MEMORY if _IN_MEMORY.is_dir() else None) as name:
        folder = Path(name)
        (folder / "sample").mkdir()
        with sample_archive(folder / "sample") as db:
            with closing(sqlite3.connect(db)) as connection:
                seeds = "SELECT url FROM urls WHERE depth = 0 AND kind = 'page' LIMIT 1"
                (site,) = connection.execute(seeds).fetchone()
            verbs = hostile_verbs(db, site)
            for number in numbers:
                trial = _Trial(folder, number, verbs, is_talking)
                yield trial.run_readers(harm) if harm else trial.run()
                shutil.rmtree(folder / str(number), ignore_errors=True)


class _Trial:
    """A trial at work in a folder of its own."""

    def __init__(self, folder: Path, number: int, verbs: HostileVerbs, is_talking: bool) -> None:
        self._sample, self._folder, self._number = folder / "sample", folder / str(number), number
        self._verbs, self._is_talking = verbs, is_talking
        self._place = HostilePlace(self._folder / "given", self._folder / "outside")
        self._work, self._report = self._folder / "work", self._folder / "touched"
        self._faults: list[str] = []
        self._may_read_records = False  # of WARC files elsewhere, which an archive names by their path: docs/limits.md
        self._done: list[str] = []

    def run(self) -> HostileTrial:
        """Do the harms, and run what was drawn."""
        self._make_place()
        harms = harm(self._place, self._number)
        self._may_read_records = any(text.startswith("paths:") for text in harms)
        self._prepare_work()
        chance = random.Random(f"verbs/{self._number}")
        for line in chance.sample(self._verbs.readers, _READERS_A_TRIAL):
            self._run_reader(line)
        for line in chance.sample(self._verbs.sources, _SOURCES_A_TRIAL):
            if line[0] != "import" or not (self._place.given / line[1]).is_symlink():  # whoever names a link means it
                self._run_reader(line)
        for line in chance.sample(self._verbs.writers, _WRITERS_A_TRIAL):
            self._run_writer(line)
        return HostileTrial(self._number, harms, tuple(self._done), tuple(dict.fromkeys(self._faults)))

    def run_readers(self, name: str) -> HostileTrial:
        """Do one harm, and run all that reads."""
        self._make_place()
        done = HARMS[name](self._place, random.Random(f"{name}/{self._number}"))
        self._prepare_work()
        for line in (*self._verbs.readers, *self._verbs.sources):
            self._run_reader(line)
        return HostileTrial(self._number, (f"{name}: {done}",), tuple(self._done), tuple(dict.fromkeys(self._faults)))

    def _make_place(self) -> None:
        self._folder.mkdir()
        shutil.copytree(self._sample, self._place.given)
        make_outside(self._place.outside)
        self._work.mkdir()

    def _prepare_work(self) -> None:
        shutil.copy(self._sample / NAME, self._work / "sound.db")
        shutil.copytree(self._sample / f"{NAME}.warc", self._work / "sound.db.warc")
        shutil.copy(min((self._sample / f"{NAME}.warc").glob("*.warc.gz")), self._work / "sound.warc.gz")
        site = f"[fleet]\nfolder = '{self._place.given}'\n[sites.archive]\nurls = ['https://a.example/']\n"
        (self._work / "sites.toml").write_text(site)

    def _run_reader(self, line: tuple[str, ...]) -> None:
        before = _contents(self._place.given)
        self._run_line(line)
        after = _contents(self._place.given)
        changed = [name for name, content in before.items() if after.get(name) != content]
        if changed:
            self._fault(line, f"changed what it was given: {', '.join(changed)}")

    def _run_writer(self, line: tuple[str, ...]) -> None:
        raws = self._raw_bytes()
        self._run_line(line)
        if line[0] == "forget":
            return
        now = b"".join(self._raw_bytes().values())
        if lost := [name for name, content in raws.items() if content and content not in now]:
            self._fault(line, f"lost raw bytes of {', '.join(lost)}")

    def _raw_bytes(self) -> dict[str, bytes]:
        files = (path for path in self._place.given.rglob("*") if ".warc.gz" in path.name and _is_regular(path))
        return {path.name: path.read_bytes() for path in files}

    def _run_line(self, line: tuple[str, ...]) -> None:
        outside = _contents(self._place.outside)
        words = [word.replace("WORK", str(self._work)) for word in line]
        code, out, errors = -1, "", ""
        try:
            code, out, errors = run(
                "tests.robustness.bounded_command",
                [str(self._report), str(self._place.outside), *words],
                environment(),
                self._place.given,
                _WALL_SECONDS,
            )
        except subprocess.TimeoutExpired:
            self._fault(line, "hung")
        except UnicodeDecodeError as error:
            self._fault(line, f"printed what is no UTF-8: {error}")
        self._done.append(line[0])
        if self._is_talking:
            print(f"-- {' '.join(line)} = {code}\n{out[-1500:]}\n{errors[-3000:]}", flush=True)
        for problem in self._problems(code, out, errors):
            self._fault(line, problem)
        if _contents(self._place.outside) != outside:
            self._fault(line, "changed what is outside")

    def _problems(self, code: int, out: str, errors: str) -> Iterator[str]:
        if "Traceback" in errors or "Traceback" in out:
            yield f"traceback: {(errors + out).strip().splitlines()[-1]}"
        elif code not in _CODES and code != -1:
            yield f"ended with {code}: {errors[-200:]}"
        touched = self._report.read_text() if self._report.exists() else ""
        self._report.unlink(missing_ok=True)
        if not self._may_read_records:
            yield from (f"touched {line}" for line in touched.splitlines()[:1])
            if SECRET in out + errors or any(SECRET.encode() in path.read_bytes() for path in _written(self._work)):
                yield "read what is outside"
        if active := _ACTIVE & set(out + errors):
            yield f"printed {sorted(active)!r}"
        if self._foreign_rows():
            yield "ran foreign SQL"

    def _foreign_rows(self) -> bool:
        with (
            suppress(sqlite3.Error, OSError, UnicodeDecodeError),
            closing(sqlite3.connect(f"file:{self._place.db}?mode=ro", uri=True)) as db,
        ):
            return bool(db.execute(f"SELECT count(*) FROM main.{PWNED}").fetchone()[0])
        return False

    def _fault(self, line: tuple[str, ...], problem: str) -> None:
        self._faults.append(f"{' '.join(line)[:60]}: {problem}")


def _contents(folder: Path) -> dict[str, str]:
    """A digest of each regular file below a folder, and what else there is, but for what SQLite makes to read."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.name.endswith(("-shm", ".lock")) or (path.name.endswith("-wal") and not path.is_symlink()):
            continue
        found[str(path.relative_to(folder))] = _digest(path) if _is_regular(path) else str(path.lstat().st_mode)
    return found


def _digest(path: Path) -> str:
    size = path.stat().st_size
    if size > 1 << 30:  # sparse
        return str(size)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _is_regular(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def _written(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if _is_regular(path) and path.stat().st_size < 1 << 28)


def summary(trials: Iterable[HostileTrial]) -> dict[str, object]:
    """What is reported: trials by harm, runs by verb, and the faults."""
    done = list(trials)
    return {
        "trials": len(done),
        "verbs_run": sum(len(trial.verbs) for trial in done),
        "faults": [f"{trial.number}: {fault}" for trial in done for fault in trial.faults],
        "by_harm": dict(sorted(Counter(text.partition(":")[0] for trial in done for text in trial.harms).items())),
        "by_verb": dict(sorted(Counter(verb for trial in done for verb in trial.verbs).items())),
    }


def main() -> None:
    """Run the trials, say what is wrong as it comes up, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=96)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--trial", type=int, help="run this one alone, and say all")
    options = parser.parse_args()
    numbers = range(options.first, options.first + options.trials) if options.trial is None else [options.trial]
    trials: list[HostileTrial] = []
    for trial in run_trials(numbers, is_talking=options.trial is not None):
        trials.append(trial)
        for fault in trial.faults:
            print(trial.number, *trial.harms, "|", fault, flush=True)
        if options.trial is None and not options.first and len(trials) % len(HARMS) == 0:
            RESULTS.write_text(json.dumps(summary(trials), indent=1) + "\n")  # a run that is stopped leaves some
    result = summary(trials)
    if options.trial is None and not options.first:
        RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))
    os._exit(bool(result["faults"]))  # the process that forks has nothing to tidy


if __name__ == "__main__":
    main()
