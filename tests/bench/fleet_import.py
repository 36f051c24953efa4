"""What `fleet import` costs next to one import of the same files: `python -m tests.bench.fleet_import`.

WARC files of the sample site's articles, repeated with other words at their end, a host a file. Once they are taken in
by one `broadsheet import`, once by `broadsheet fleet import`, two files at once; both archives are verified. CPU is
that of all processes that a command started. It leaves `results/fleet_import.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from broadsheet.crawler.demo.server import render
from tests.bench.documents.figures import refresh_documents
from tests.bench.load.watch import session_cost
from tests.bench.sites import ROOT
from tests.crawler.warcs import answer, record, write

RESULTS = Path(__file__).parent / "results" / "fleet_import.json"
VERBS = {"one_import": ("import",), "fleet_import": ("fleet", "import", "--parallel", "2")}


def write_files(folder: Path, files: int, records: int) -> list[Path]:
    """WARC files of so many records each."""
    bodies = [page.body for page in render("https://a.example").values() if b"<article" in page.body]
    return [
        write(
            folder / f"{number}.warc.gz",
            [
                record(
                    f"https://host{number}.example/story-{n}",
                    answer(bodies[n % len(bodies)].replace(b"</p></article>", b" %d.</p></article>" % n).decode()),
                )
                for n in range(records)
            ],
        )
        for number in range(files)
    ]


def cost(verb: Sequence[str], files: Sequence[Path], db: Path) -> float:
    """CPU seconds of a command with all its processes. SystemExit where it ends badly, CalledProcessError where the
    archive is not in order."""
    program = [sys.executable, "-m", "broadsheet.crawler.cli"]
    cpu = session_cost([*program, *verb, *map(str, files), "--db", str(db), "-q"], ROOT).cpu
    subprocess.run([*program, "verify", str(db)], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    return cpu


def measure(file_count: int, record_count: int) -> dict[str, Any]:
    """The figures of both ways."""
    result: dict[str, Any] = {"files": file_count, "records": file_count * record_count, "cores": os.cpu_count()}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = write_files(folder, file_count, record_count)
        for label, verb in VERBS.items():
            cpu = cost(verb, files, folder / f"{label}.db")
            result[label] = {
                "cpu_seconds": round(cpu, 1),
                "records_a_cpu_second": round(result["records"] / cpu, 1),
            }
            print(label, result[label], flush=True)
    return result


def main() -> None:
    """Measure files of each size, keep what is there of others, and write the figures of the documents."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=4)
    parser.add_argument("--records", type=int, nargs="+", default=[60, 240], help="of a file")
    options = parser.parse_args()
    results = json.loads(RESULTS.read_text("utf-8")) if RESULTS.is_file() else {}
    for count in options.records:
        results[str(count)] = measure(options.files, count)
        RESULTS.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    refresh_documents(RESULTS)


if __name__ == "__main__":
    main()
