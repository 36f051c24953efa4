"""Score the cleaner and the extractors of others on the annotated pages, side by side in one run.

    python -m tests.bench.quality [--out FILE]

Word F1 on `corpus/wcxb` (articles) and `corpus/news`, and segment F1 on `corpus/segments`, by the corpus's own scorer,
with the corpus's hash. The learned part of ours has seen these pages: what counts for it are the cross-validated
figures beside the model (`python -m cleaners.train --cv`). The result kept in the repository is
`tests/bench/results/quality.json`.
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

from tests.bench.systems import SYSTEMS, installed

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHARED = pathlib.Path(os.environ.get("BROADSHEET_SHARED") or ROOT.parent / "shared")
RESULT = pathlib.Path(__file__).parent / "results/quality.json"
CORPORA = (("pages", "wcxb"), ("pages", "news"), ("segments", "segments"))


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


def rows(kind: str, corpus: str, target: str) -> list[dict[str, Any]]:
    """The scorer's row for each page."""
    data = [
        (_complete(row), html) for row, html in scorer().load(corpus) if row.get("page_type", "article") == "article"
    ]
    with ProcessPoolExecutor(2, initializer=scorer) as pool:
        return list(pool.map(_score, ((kind, target, *item) for item in data), chunksize=8))


def _complete(row: dict[str, Any]) -> dict[str, Any]:
    """A truth row with the snippets that only some corpora have."""
    return {"must_contain": [], "must_not_contain": [], "page_type": "article"} | row


def _score(job: tuple[Any, ...]) -> dict[str, Any]:
    row: dict[str, Any] = scorer().score(job) if "score" not in sys.modules else sys.modules["score"].score(job)
    return row


def figures(kind: str, found: list[dict[str, Any]]) -> dict[str, float]:
    """The figures of one system on one corpus."""
    outside = [kept for row in found for kept in row["outside"]]
    inside = [kept for row in found for kept in row["inside"]]
    cpu = round(1000 * statistics.fmean(row["seconds"] for row in found), 1)
    shared = {"n": len(found), "failed": sum(bool(row["error"]) for row in found), "cpu_ms_a_page": cpu}
    shared |= {"boilerplate_kept": round(statistics.fmean(outside), 4)} if outside else {}
    if kind == "pages":
        return {"f1": round(statistics.fmean(row["f"] for row in found), 4)} | shared
    hits, wrong = sum(inside), sum(outside)
    return {"f1": round(2 * hits / (2 * hits + wrong + len(inside) - hits), 4)} | shared


def measured() -> Iterator[tuple[str, str, dict[str, float]]]:
    """(corpus, system, figures) for all of them."""
    for kind, corpus in CORPORA:
        for system, target in installed().items():
            yield corpus, system, figures(kind, rows(kind, corpus, target))


def main() -> None:
    """Run, print, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=RESULT)
    args = parser.parse_args()
    if not SHARED.is_dir():
        sys.exit(f"no evaluation data at {SHARED}")
    result: dict[str, Any] = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "corpus": {name: corpus_hash(name) for _, name in CORPORA},
        "versions": {name: version(name) for name in ("trafilatura", "lxml")},
        "left_out": [name for name in SYSTEMS if name not in installed()],
        "figures": {},
    }
    for corpus, system, found in measured():
        print(f"{corpus:10} {system:22} {found}", flush=True)
        result["figures"].setdefault(corpus, {})[system] = found
    args.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf8")


if __name__ == "__main__":
    main()
