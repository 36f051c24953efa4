"""Score the cleaner and trafilatura on the annotated pages, side by side in one run.

    python -m tests.bench.quality [--out FILE]

Word F1 on `corpus/wcxb` (articles) and segment F1 on `corpus/segments`, by the corpus's own scorer, with the corpus's
hash. The result kept in the repository is `tests/bench/results/quality.json`.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import importlib.util
import json
import os
import pathlib
import statistics
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from types import ModuleType
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHARED = pathlib.Path(os.environ.get("BROADSHEET_SHARED") or ROOT.parent / "shared")
RESULT = pathlib.Path(__file__).parent / "results/quality.json"
SYSTEMS = {"broadsheet": "cleaners.clean:article_text", "trafilatura": "tests.bench.quality:trafilatura_text"}


def trafilatura_text(html: bytes, url: str | None) -> str:
    """The text that trafilatura extracts as it comes."""
    from trafilatura import extract

    return extract(html, url=url, include_comments=False) or ""


def scorer() -> ModuleType:
    """The corpus's own scorer, as a module that worker processes can import."""
    spec = importlib.util.spec_from_file_location("score", SHARED / "tools/score.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["score"] = module
    spec.loader.exec_module(module)
    return module


def corpus_hash(name: str) -> str:
    """sha256 over the truth file of a corpus."""
    return hashlib.sha256((SHARED / f"corpus/{name}/truth.jsonl.gz").read_bytes()).hexdigest()


def rows(kind: str, target: str) -> list[dict[str, Any]]:
    """The scorer's row for each page."""
    module = scorer()
    data = module.load("wcxb", {"article"}) if kind == "pages" else module.load("segments")
    with ProcessPoolExecutor(2, initializer=scorer) as pool:
        return list(pool.map(_score, ((kind, target, *item) for item in data), chunksize=8))


def _score(job: tuple[Any, ...]) -> dict[str, Any]:
    row: dict[str, Any] = scorer().score(job) if "score" not in sys.modules else sys.modules["score"].score(job)
    return row


def figures(kind: str, found: list[dict[str, Any]]) -> dict[str, float]:
    """The figures of one system on one corpus."""
    outside = [kept for row in found for kept in row["outside"]]
    inside = [kept for row in found for kept in row["inside"]]
    cpu = round(1000 * statistics.fmean(row["seconds"] for row in found), 1)
    shared = {"n": len(found), "boilerplate_kept": round(statistics.fmean(outside), 4), "cpu_ms_a_page": cpu}
    if kind == "pages":
        return {"f1": round(statistics.fmean(row["f"] for row in found), 4)} | shared
    hits, wrong = sum(inside), sum(outside)
    return {"f1": round(2 * hits / (2 * hits + wrong + len(inside) - hits), 4)} | shared


def measured() -> Iterator[tuple[str, str, dict[str, float]]]:
    """(corpus, system, figures) for all of them."""
    for kind, corpus in (("pages", "wcxb"), ("segments", "segments")):
        for system, target in SYSTEMS.items():
            yield corpus, system, figures(kind, rows(kind, target))


def main() -> None:
    """Run, print, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=RESULT)
    args = parser.parse_args()
    if not SHARED.is_dir():
        sys.exit(f"no evaluation data at {SHARED}")
    result: dict[str, Any] = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "corpus": {name: corpus_hash(name) for name in ("wcxb", "segments")},
        "versions": {name: version(name) for name in ("trafilatura", "lxml")},
        "figures": {},
    }
    for corpus, system, found in measured():
        print(f"{corpus:10} {system:12} {found}", flush=True)
        result["figures"].setdefault(corpus, {})[system] = found
    args.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf8")


if __name__ == "__main__":
    main()
