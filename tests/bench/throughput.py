"""Measure a crawl of a whole site against what a user would write by hand, side by side in one run.

    python -m tests.bench.throughput [--copies N] [--sides naive,ours] [--rounds N] [--growth 1000,5000] [--out FILE]

Lays a site down, serves it on loopback to each side in turn, and writes `results/throughput.json` and
`docs/performance.md`. It begins on a quiet machine alone. Because a machine's speed changes from one minute to the next
all the same, each side runs once a round: of its runs that of the median time counts, and the spread of the pairs is
told. With an empty `--growth` the rows of the last result stay.
The naive spider is that of `../shared/tools/throughput`; without it that side is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import platform
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from tests.bench.figures import today, write_figures
from tests.bench.load import sides
from tests.bench.load.page import page_of
from tests.bench.load.paired import PAIRS, in_turn, quiet_load
from tests.bench.load.site import ROOT, TOOLS, build, free_port, light_site, pages_in, served
from tests.bench.load.stages import PIPE, SETTLE, STORE, budget
from tests.bench.whole_sites import with_last_table
from tests.tools import describe_commit

RESULT = pathlib.Path(__file__).parent / "results/throughput.json"
PAGE = ROOT / "docs/performance.md"
SAMPLE = 150  # pages that the stages are timed over


def side_by_side(out: pathlib.Path, port: int, wanted: Sequence[str]) -> dict[str, Any]:
    """Each side's figures over the same pages."""
    base, pages = f"http://127.0.0.1:{port}", pages_in(out)
    found: dict[str, Any] = {}
    for name in wanted:
        if name == "ours":
            found[name] = sides.ours(base, out, pages)
        elif name == "no_warc":
            found[name] = sides.ours(base, out, pages, "--no-warc")
        elif name == "naive" and (TOOLS / "naive_spider.py").is_file():
            found[name] = sides.naive(base, out, pages)
        elif name == "trafilatura":
            found[name] = sides.command_line(out / "urls.txt", out, pages)
        else:
            print(f"{name}: left out, {TOOLS} is not there", flush=True)
            continue
        print(name, found[name], flush=True)
    return found


def in_rounds(out: pathlib.Path, port: int, wanted: list[str], rounds: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The figures of each side's median run, and the seconds of all its runs."""
    ran = [side_by_side(out, port, in_turn(wanted, number)) for number in range(rounds)]
    runs = {name: [each[name] for each in ran] for name in ran[0]}
    median = {name: sorted(its, key=lambda run: run["seconds"])[len(its) // 2] for name, its in runs.items()}
    return median, {name: [run["seconds"] for run in its] for name, its in runs.items()}


def stages(out: pathlib.Path, base: str, crawl: dict[str, Any]) -> dict[str, float]:
    """CPU ms a page by stage, with what is left for fetching."""
    files = sorted((out / "www/a").iterdir())
    spent = budget(files[:: max(1, len(files) // SAMPLE)], base, out / "stages.db")
    rest = crawl["own_cpu_ms_a_page"] - spent[STORE] - spent[PIPE] / 2 - spent[SETTLE]
    spent["fetch"] = round(max(0.0, rest), 2)
    print("budget", spent, flush=True)
    return spent


def growth(sizes: list[int], work: pathlib.Path) -> list[dict[str, Any]]:
    """Our figures over light sites of these sizes."""
    rows = []
    for size in sizes:
        port = free_port()
        with light_site(port, size):
            rows.append(sides.ours(f"http://127.0.0.1:{port}", work, size))
        print("growth", size, rows[-1], flush=True)
    return rows


def last_growth(file: pathlib.Path) -> list[dict[str, Any]]:
    """The rows of the last result."""
    return list(json.loads(file.read_text(encoding="utf8"))["growth"]) if file.is_file() else []


def measured(args: argparse.Namespace, work: pathlib.Path) -> dict[str, Any]:
    """The whole result."""
    port = free_port()
    result: dict[str, Any] = {
        "date": today(),
        "commit": describe_commit(ROOT),
        "load": quiet_load(),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in ("broadsheet", "scrapy", "trafilatura", "lxml", "sqlite-utils")},
        "site": build(work, port, args.copies),
        "pages": pages_in(work),
        "at_once": sides.AT_ONCE,
        "shared_memory_counts_once": True,
    }
    with served(work, port) as server:
        result["server"] = server
        result["sides"], result["rounds"] = in_rounds(work, port, args.sides.split(","), args.rounds)
    if "ours" in result["sides"]:
        result["budget"] = stages(work, f"http://127.0.0.1:{port}", result["sides"]["ours"])
    sizes = [int(size) for size in args.growth.split(",") if size]
    result["growth"] = growth(sizes, work) if sizes else last_growth(args.out)
    return result


def main() -> None:
    """Run, print, and write the result and the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--copies", type=int, default=1, help="how often each page is laid down")
    parser.add_argument("--sides", default="trafilatura,no_warc,naive,ours")
    parser.add_argument("--rounds", type=int, default=PAIRS, help="how often each side runs")
    parser.add_argument("--growth", default="1000,5000", help="sizes of the light site; empty for none")
    parser.add_argument("--out", type=pathlib.Path, default=RESULT)
    parser.add_argument("--page", type=pathlib.Path, default=PAGE)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = measured(args, pathlib.Path(folder))
    write_figures(args.out, result)
    if "ours" in result["sides"]:
        args.page.write_text(with_last_table(page_of(result)), encoding="utf8")


if __name__ == "__main__":
    main()
