"""Measure crawls of whole sites against the naive spider: CPU of every process that a side started, and seconds.

    python -m tests.bench.whole_sites [NAME ...] [--rounds N] [--sides naive,ours] [--comparable] [--out FILE]

The sites are the nine of the corpus, served by its own `tools/serve_site.py`, and five generated ones: `wordpress`,
2,000 pages with long threads of comments, `heavy`, 300 pages of 400 KB, nearly all styles, scripts and state,
`scripted`, 120 pages of 360 KB with long names in their scripts, of which a third shows little prose, `furniture`,
400 pages with 70 blocks each around the article, and `doubled`, half as many, each at two addresses. The sides take
turns, so that a machine that changes its speed changes it for both, and of each the median CPU counts. Only `naive`
goes without raw responses, ledger, full text of metadata and settling. Sites that are not named, and sides, keep what
the last result says. Writes `results/whole_sites.json` and, in `docs/performance.md`, the table between its two marks.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import os
import pathlib
import platform
import sqlite3
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

from tests.bench.figures import write_figures
from tests.bench.load.paired import PAIRS, in_turn, quiet_load, spread_of
from tests.bench.load.server import GENERATED
from tests.bench.load.site import TOOLS, free_port, running
from tests.bench.load.watch import session_cost
from tests.bench.site_pages import CACHE, names
from tests.bench.sites import ROOT, SHARED, Site
from tests.tools import describe_commit

RESULT = pathlib.Path(__file__).parent / "results/whole_sites.json"
PAGE = ROOT / "docs/performance.md"
BEGIN, END = "<!-- whole sites -->", "<!-- end of whole sites -->"
_AT_ONCE = "16"
_FEW_PAGES = 300  # a smaller site is mostly start
_SAME_PAGES = 0.1  # share of the larger number of pages by which the sides may differ
_NOTE = """Both sides crawled real sites and generated ones whole, on loopback, in turn.

- Measured by `python -m tests.bench.whole_sites`, last on {date} at {commit} ({cores} processors, python {python},
  scrapy {scrapy}, trafilatura {trafilatura}, corpus {corpus}). A row keeps its figures until its site is measured
  again. Only sites in the table were measured.
- {rounds} rounds or more, each side's run of median CPU. CPU is that of all processes of a side.
- Pages: those of our archive, and the articles that the naive spider stored. The naive spider takes each spelling
  of an address, such as `?share=…`, for another page."""


_GENERATORS = ("tests/bench/load/wordpress_site.py", "tests/bench/load/story_sites.py")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a crawl of a site took: CPU seconds of all processes, seconds, and how many pages came of it."""

    cpu: float
    seconds: float
    pages: int


@contextmanager
def served(name: str) -> Iterator[str]:
    """Serve a site on loopback while the context is open: its start URL."""
    if name in GENERATED:
        port = free_port()
        with running([sys.executable, "-m", "tests.bench.load.server", str(port), "--site", name], port):
            yield f"http://127.0.0.1:{port}/"
    else:
        with Site(name, CACHE) as site:
            yield site.start


def ours(start: str, db: pathlib.Path) -> Cost:
    """`broadsheet crawl` with everything on: raw responses, ledger, full text, settled at the end."""
    options = ["--delay", "0", "--concurrency", _AT_ONCE, "--allow-private", "--quiet"]
    return _cost(
        [sys.executable, "-m", "broadsheet.crawler.cli", "crawl", start, "--db", str(db), *options], db, "pages"
    )


def naive(start: str, db: pathlib.Path) -> Cost:
    """Scrapy with trafilatura inline and sqlite-utils, as a user would write it by hand."""
    command = [sys.executable, "-W", "ignore", str(TOOLS / "naive_spider.py"), start, str(db), _AT_ONCE]
    return _cost(command, db, "articles")


SIDES: dict[str, Callable[[str, pathlib.Path], Cost]] = {"naive": naive, "ours": ours}


def measure(name: str, sides: list[str], rounds: int) -> dict[str, Any]:
    """A site's row: each side's median run by CPU, and the CPU of all its runs."""
    load = quiet_load()
    runs: dict[str, list[Cost]] = {side: [] for side in sides}
    with served(name) as start:
        for round_number in range(rounds):
            for side in in_turn(sides, round_number):
                with tempfile.TemporaryDirectory() as folder:
                    runs[side].append(SIDES[side](start, pathlib.Path(folder) / "site.db"))
                print(name, side, runs[side][-1], flush=True)
    return {"site": name, "load": load} | {
        side: asdict(_median_run(costs)) | {"rounds": [cost.cpu for cost in costs]} for side, costs in runs.items()
    }


def _median_run(costs: list[Cost]) -> Cost:
    middle = statistics.median_low([cost.cpu for cost in costs])
    return next(cost for cost in costs if cost.cpu == middle)


def _cost(command: list[str], db: pathlib.Path, table: str) -> Cost:
    """Run a side: what it cost, and the rows of a table that came of it."""
    cost = session_cost(command, ROOT)
    with closing(sqlite3.connect(db)) as connection:
        (count,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    return Cost(round(cost.cpu, 2), round(cost.seconds, 2), count)


def corpus_hash() -> str:
    """Which corpus the sites are of: a digest of its archives and of the generated sites' source."""
    digest = hashlib.sha256()
    for file in [*sorted((SHARED / "corpus/sites").glob("*.tar.xz")), *map(ROOT.joinpath, _GENERATORS)]:
        digest.update(file.name.encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]


def table(result: dict[str, Any]) -> str:
    """The result's part of the page, in Markdown."""
    lines = [BEGIN, "## Whole sites", "", _NOTE.format(**result["versions"], **_run_facts(result)), ""]
    lines += [
        "| site | pages, ours | naive | CPU s, ours | naive | ours / naive | of the rounds | s, ours | naive |",
        "| --- |" + " --: |" * 8,
    ]
    lines += [_table_row(row) for row in result["sites"] if "naive" in row and "ours" in row]
    lines += ["", _summary_line(result["summary"])] if result.get("summary") else []
    return "\n".join([*lines, END])


def is_comparable(row: dict[str, Any]) -> bool:
    """Tell whether a site is no small one, and both sides have fetched the same number of pages within a tenth."""
    fewest, most = sorted(row[side]["pages"] for side in SIDES)
    return bool(fewest >= _FEW_PAGES and fewest >= (1 - _SAME_PAGES) * most)


def summarize(rows: list[dict[str, Any]], comparable_only: bool) -> dict[str, Any] | None:
    """Return the mean and the least of the ratios of naive's CPU to ours, or None without a site that counts."""
    both = [row for row in rows if all(side in row for side in SIDES)]
    counted = [row for row in both if is_comparable(row)] if comparable_only else both
    ratios = [row["naive"]["cpu"] / row["ours"]["cpu"] for row in counted]
    if not ratios:
        return None
    figures = {"mean_ratio": round(statistics.fmean(ratios), 2), "least_ratio": round(min(ratios), 2)}
    return {"sites": [row["site"] for row in counted], "comparable_only": comparable_only, **figures}


def _summary_line(summary: dict[str, Any]) -> str:
    kind = f" of {_FEW_PAGES} pages or more that both fetched within a tenth" if summary["comparable_only"] else ""
    ratios = f"**{summary['mean_ratio']:.2f}**, the least {summary['least_ratio']:.2f}"
    return f"Mean ratio naive / ours of the {len(summary['sites'])} sites{kind}: {ratios}."


def _run_facts(result: dict[str, Any]) -> dict[str, Any]:
    rounds = min((len(row[side]["rounds"]) for row in result["sites"] for side in SIDES if side in row), default=0)
    return {name: result[name] for name in ("date", "commit", "cores", "corpus")} | {"rounds": rounds}


def _table_row(row: dict[str, Any]) -> str:
    ours_row, naive_row = row["ours"], row["naive"]
    ratio = ours_row["cpu"] / naive_row["cpu"]
    cells = [row["site"], f"{ours_row['pages']:,}", f"{naive_row['pages']:,}", f"{ours_row['cpu']:.1f}"]
    cells += [
        f"{naive_row['cpu']:.1f}",
        f"{ratio:.2f}",
        _spread(row),
        f"{ours_row['seconds']:.0f}",
        f"{naive_row['seconds']:.0f}",
    ]
    return "| " + " | ".join(cells) + " |"


def _spread(row: dict[str, Any]) -> str:
    ours_cpu, naive_cpu = (row[side]["rounds"] for side in ("ours", "naive"))
    if len(ours_cpu) != len(naive_cpu) or len(ours_cpu) < 2:
        return "one pair"
    spread = spread_of(ours_cpu, naive_cpu)
    return f"{spread.least:.2f}–{spread.most:.2f}"


def with_last_table(page: str) -> str:
    """The page with the table of the last result, if there is one."""
    return with_table(page, table(json.loads(RESULT.read_text("utf-8")))) if RESULT.is_file() else page


def with_table(page: str, part: str) -> str:
    """The page with its table replaced; at its end where it has none."""
    before, begin, rest = page.partition(BEGIN)
    after = rest.partition(END)[2] if begin else ""
    return f"{before.rstrip()}\n\n{part}\n" + (f"\n{after.strip()}\n" if after.strip() else "")


def last_rows(file: pathlib.Path) -> dict[str, Any]:
    """The rows of the last result, by site."""
    return {row["site"]: row for row in json.loads(file.read_text("utf-8"))["sites"]} if file.is_file() else {}


def main() -> None:
    """Run, print, and write the result and its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--rounds", type=int, default=PAIRS)
    parser.add_argument("--sides", default="naive,ours")
    parser.add_argument(
        "--comparable",
        action="store_true",
        help=f"sum up sites of {_FEW_PAGES} pages or more that both fetched within a tenth",
    )
    parser.add_argument("--out", type=pathlib.Path, default=RESULT)
    args = parser.parse_args()
    if not (TOOLS / "naive_spider.py").is_file():
        sys.exit(f"no corpus in {SHARED}: set BROADSHEET_SHARED")
    rows, commit = last_rows(args.out), describe_commit(ROOT)  # before a result is written
    for name in args.names or [*names(), *GENERATED]:
        rows[name] = rows.get(name, {}) | measure(name, args.sides.split(","), args.rounds)
        _write(args.out, rows, args.comparable, commit)


def _write(out: pathlib.Path, rows: dict[str, Any], comparable_only: bool, commit: str) -> None:
    sites = sorted(rows.values(), key=lambda row: (row["site"] in GENERATED, row["site"]))
    versions = {name: version(name) for name in ("broadsheet", "scrapy", "trafilatura", "lxml")}
    result = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "commit": commit,
        "cores": os.cpu_count(),
        "versions": {"python": platform.python_version()} | versions,
        "corpus": corpus_hash(),
        "sites": sites,
        "summary": summarize(sites, comparable_only),
    }
    write_figures(out, result)
    if out == RESULT:
        PAGE.write_text(with_table(PAGE.read_text("utf-8"), table(result)), encoding="utf-8")


if __name__ == "__main__":
    main()
