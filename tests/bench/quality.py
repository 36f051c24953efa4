"""Score the cleaner and the extractors of others on the annotated pages, side by side in one run: `make bench-quality`.

    python -m tests.bench.quality [--every N] [--sites-every N] [--archives FOLDER] [--ours | --only CORPUS] [--out F]

Word F1 on `corpus/wcxb` (articles), `corpus/news` and the pages of `corpus/sites` that have a reference text; segment
F1 on `corpus/segments`; the share of furniture kept; CPU time a page; all by the corpus's own scorer, with the corpus's
hash. `--every` measures each n-th page only, but all of
`corpus/magic`, which is small and which no model has seen; `--only` measures one corpus for the result that is kept;
`--ours` measures our cleaner alone on the pages of that result, in which the others' figures stay;
`--archives` names the folder with the archives of the sites (`python -m tests.bench.sites --keep FOLDER`), whose
articles are settled.

The learned parts of ours have seen these pages, or some of their sites': what counts for them are the cross-validated
figures in `cleaners/judge/models/judge.json`, each page judged by a model that saw no page of its host.
The result kept in the repository is `tests/bench/results/quality.json`.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import pathlib
import statistics
import sys
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from types import ModuleType
from typing import Any

from tests.bench import site_pages
from tests.bench.corpus import SHARED, corpus_hash
from tests.bench.documents.figures import refresh_documents
from tests.bench.figures import today, write_figures
from tests.bench.systems import OURS, PACKAGES, SYSTEMS, installed

RESULT = pathlib.Path(__file__).parent / "results/quality.json"
CORPORA = (("pages", "wcxb"), ("pages", "news"), ("segments", "segments"), ("pages", "magic"))
MEASURED_WHOLE = frozenset(("magic",))

Data = list[tuple[dict[str, Any], bytes]]


def scorer() -> ModuleType:
    """The corpus's own scorer, as a module that worker processes can import."""
    spec = importlib.util.spec_from_file_location("score", SHARED / "tools/score.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["score"] = module
    spec.loader.exec_module(module)
    return module


def articles(corpus: str, every: int) -> Data:
    """Each n-th article page of a corpus."""
    found = (item for item in scorer().load(corpus) if item[0].get("page_type", "article") == "article")
    return list(found)[::every]


def rows(kind: str, data: Data, target: str) -> list[dict[str, Any]]:
    """The scorer's row for each page."""
    with ProcessPoolExecutor(2, initializer=scorer) as pool:
        return list(pool.map(_score, ((kind, target, _complete(row), html) for row, html in data), chunksize=8))


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


def side_by_side(every: int, sites_every: int, systems: dict[str, str]) -> dict[str, dict[str, Any]]:
    """By corpus, then by system: the figures of these on the corpora of single pages, and on the sites' pages."""
    found: dict[str, dict[str, Any]] = {}
    for _, corpus in CORPORA:
        found[corpus] = beside_others(corpus, every, systems)
    pages = {name: list(site_pages.site_pages(name, sites_every)) for name in site_pages.names()}
    for system, target in systems.items():
        by_site = {name: figures("pages", rows("pages", data, target)) for name, data in pages.items()}
        mean = round(statistics.fmean(each["f1"] for each in by_site.values()), 4)
        each = {name: values["f1"] for name, values in by_site.items()}
        found.setdefault("sites", {})[system] = _said("sites", system, {"f1": mean} | each)
    return found


def beside_others(corpus: str, every: int, systems: dict[str, str]) -> dict[str, Any]:
    """By system: its figures on a corpus of single pages."""
    kind = next(kind for kind, name in CORPORA if name == corpus)
    data = articles(corpus, 1 if corpus in MEASURED_WHOLE else every)
    return {
        system: _said(corpus, system, figures(kind, rows(kind, data, target))) for system, target in systems.items()
    }


def _said(corpus: str, system: str, found: dict[str, Any]) -> dict[str, Any]:
    print(f"{corpus:10} {system:22} {found}", flush=True)
    return found


def main() -> None:
    """Run, print, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--sites-every", type=int, default=0, help="of the sites' pages; as --every if not given")
    parser.add_argument("--archives", type=pathlib.Path)
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--ours", action="store_true", help="our cleaner alone; the others' figures stay as they were")
    chosen.add_argument("--only", choices=[name for _, name in CORPORA], help="a corpus; the rest stays as it was")
    parser.add_argument("--out", type=pathlib.Path, default=RESULT)
    args = parser.parse_args()
    if not SHARED.is_dir():
        sys.exit(f"no evaluation data at {SHARED}")
    if args.only:
        result = json.loads(args.out.read_text("utf-8"))
        result["figures"][args.only] = beside_others(args.only, args.every, installed())
        result["corpus"][args.only] = corpus_hash(args.only)
        write_result(result, args.out)
        return
    if args.ours:
        result = json.loads(args.out.read_text("utf-8")) | {"ours_date": today()}
        measured = side_by_side(result["every"], result["sites_every"], {OURS: SYSTEMS[OURS]})
        result["figures"] = {corpus: found | measured[corpus] for corpus, found in result["figures"].items()}
        write_result(result, args.out)
        return
    result = {
        "date": today(),
        "ours_date": today(),
        "every": args.every,
        "sites_every": args.sites_every or args.every,
        "corpus": {name: corpus_hash(name) for _, name in CORPORA},
        "versions": {name: version(name) for name in ("trafilatura", "lxml", *_packages())},
        "left_out": [name for name in SYSTEMS if name not in installed()],
        "figures": side_by_side(args.every, args.sites_every or args.every, installed()),
    }
    if args.archives:
        result["sites_crawled_and_settled"] = site_pages.archived(args.archives)
    write_result(result, args.out)


def write_result(result: dict[str, Any], out: pathlib.Path) -> None:
    """Write the result, and fill it into the documents."""
    write_figures(out, result)
    refresh_documents(out)


def _packages() -> list[str]:
    return [name for name in SYSTEMS if name in PACKAGES and name in installed()]


if __name__ == "__main__":
    main()
