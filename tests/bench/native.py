"""CPU time a page of `clean` with the extension in C and without it, beside trafilatura's `bare_extraction`.

    python -m tests.bench.native [--every N] [--rounds N] [--out FILE]

Each side is a process of its own, so that none finds in a cache what another made. All read ten pages before any reads
the next ten, each in turn the first. Time is `time.process_time`; a page counts with the least of its rounds. No page
of the warming is among those that are measured. Pages are the articles of `corpus/wcxb`, and pages of one whole site.
The result kept in the repository is `tests/bench/results/native.json`.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from typing import Any

from tests.bench.corpus import SHARED, is_article, truth_rows, with_pages
from tests.bench.site_pages import site_pages

RESULT = pathlib.Path(__file__).parent / "results/native.json"
SITE = "izquierda_hispanica"
WARMING = 30  # pages
AT_ONCE = 10  # pages that a side reads in a row, so that the processor's caches are its own for most of them
SIDES = {"native": {}, "pure": {"BROADSHEET_PURE": "1"}, "bare_extraction": {}}
"""The environment of each side's process, by its name."""

PageBytes = tuple[str, bytes]


def corpora(every: int) -> dict[str, list[PageBytes]]:
    """Each n-th page of the corpus, and each n-th of a quarter of the site's."""
    site = [(row["url"], body) for row, body in site_pages(SITE, max(1, every // 4))]
    return {"wcxb": corpus_pages(True)[::every], SITE: site}


def corpus_pages(articles: bool) -> list[PageBytes]:
    """URLs and bytes of the corpus's articles, or of its other pages."""
    rows = [row for row in truth_rows("wcxb") if is_article(row) == articles]
    return [(row["url"] or "", body) for row, body in with_pages("wcxb", rows)]


def run_side(name: str, every: int) -> None:
    """Read pages from those on whose numbers come on standard input, and answer with the seconds that each took."""
    for_each: Callable[[str, bytes], object]
    if name == "bare_extraction":
        from trafilatura import bare_extraction

        bare = partial(bare_extraction, include_comments=False, with_metadata=True)
        for_each = lambda url, body: bare(body, url=url)  # noqa: E731
    else:
        from broadsheet.cleaners.clean import clean
        from broadsheet.cleaners.document import Page
        from broadsheet.cleaners.native import extension

        if (extension.native is None) == (name == "native"):
            sys.exit(f"{name}: {extension.description}")
        for_each = lambda url, body: clean(Page(url, body))  # noqa: E731
    others = corpus_pages(False)
    for url, body in others[:: max(1, len(others) // WARMING)]:
        for_each(url, body)
    given = [page for found in corpora(every).values() for page in found]
    print("ready", flush=True)
    for line in sys.stdin:
        seconds = []
        for url, body in given[int(line) : int(line) + AT_ONCE]:
            start = time.process_time()
            for_each(url, body)
            seconds.append(time.process_time() - start)
        print(*seconds, flush=True)


def start_side(name: str, every: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.bench.native", "--side", name, "--every", str(every)]
    process = subprocess.Popen(
        command, env={**os.environ, **SIDES[name]}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    if process.stdout.readline() != "ready\n":
        sys.exit(f"{name} did not start")
    return process


def ask(process: subprocess.Popen[str], number: int) -> list[float]:
    """Seconds that a side takes for each of some pages, from one on."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{number}\n")
    process.stdin.flush()
    return list(map(float, process.stdout.readline().split()))


def measure(count: int, every: int, rounds: int) -> dict[str, list[float]]:
    """The least seconds of each page, by side."""
    processes = {name: start_side(name, every) for name in SIDES}
    least = {name: [float("inf")] * count for name in SIDES}
    names = list(SIDES)
    starts = [number for _ in range(rounds) for number in range(0, count, AT_ONCE)]
    for turn, number in enumerate(starts):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            for n, seconds in enumerate(ask(processes[name], number), number):
                least[name][n] = min(least[name][n], seconds)
    for process in processes.values():
        process.communicate()
    return least


def summary(least: dict[str, list[float]], numbers: range) -> dict[str, float]:
    """Milliseconds a page by side, and the ratios of `clean` to bare extraction."""
    means = {name: 1000 * sum(seconds[n] for n in numbers) / len(numbers) for name, seconds in least.items()}
    figures = {name: round(mean, 2) for name, mean in means.items()}
    for name in ("native", "pure"):
        figures[f"{name} / bare_extraction"] = round(means[name] / means["bare_extraction"], 3)
    return {"pages": len(numbers), **figures, "pure / native": round(means["pure"] / means["native"], 3)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and keep the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=20, help="measure every n-th page only")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=pathlib.Path, default=RESULT)
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if not (SHARED / "corpus/wcxb").is_dir():
        sys.exit(f"no corpus in {SHARED}: set BROADSHEET_SHARED")
    if options.side:
        return run_side(options.side, options.every)
    given = corpora(options.every)
    least = measure(sum(map(len, given.values())), options.every, options.rounds)
    result: dict[str, Any] = {
        "measured": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "load": round(os.getloadavg()[1], 1),
        "rounds": options.rounds,
        "trafilatura": version("trafilatura"),
        "corpora": {},
    }
    start = 0
    for name, found in given.items():
        result["corpora"][name] = summary(least, range(start, start + len(found)))
        start += len(found)
    print(json.dumps(result, indent=1))
    options.out.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    return None


if __name__ == "__main__":
    main()
