"""CPU time a page: the cleaner, stage by stage, beside trafilatura's `bare_extraction`, in one process, page by page.

    python -m tests.bench.cpu [--every N] [--out FILE]

Both start from the bytes of the article pages of `corpus/wcxb`. Time is `time.process_time`, the mean over the pages;
each page is read by one and then by the other, in turn the first, so that both meet the same machine. What is loaded
once in a process (rules, stop words, language models) is loaded by a few other pages before. The result kept in the
repository is `tests/bench/results/cpu.json`.
"""

from __future__ import annotations

import argparse
import datetime
import gzip
import json
import os
import pathlib
import platform
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial, wraps
from importlib.metadata import version
from typing import Any

from trafilatura import bare_extraction

from broadsheet.cleaners import clean as stages
from broadsheet.cleaners.document import Page

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHARED = pathlib.Path(os.environ.get("BROADSHEET_SHARED") or ROOT.parent / "shared")
RESULT = pathlib.Path(__file__).parent / "results/cpu.json"
WARM_UP = 40  # pages that are no articles, spread over the corpus
UNSTATED = b"<p>A page that does not say in which language it is written, so that it has to be guessed.</p>" * 9
STAGES = {
    "decode and parse": ("decode", "parse"),
    "blocks": ("base_url", "read_blocks"),
    "first look": ("take_first_look",),
    "extractor": ("copy_without_stripped", "selected_blocks"),
    "metadata": ("read_metadata",),
    "links": ("read_outlinks", "read_robots_directives"),
    "judge": ("judge",),
    "page type": ("page_features", "page_verdict"),
    "assemble": ("assemble",),
}
"""The names in `broadsheet.cleaners.clean` that make up a stage; what is in none of them is `other`."""

Seconds = defaultdict[str, float]


def pages(articles: bool) -> list[tuple[str, bytes]]:
    """The URLs and bytes of the article pages, or of all others."""
    corpus = SHARED / "corpus/wcxb"
    with gzip.open(corpus / "truth.jsonl.gz", "rt", encoding="utf8") as lines:
        rows = [row for row in map(json.loads, lines) if (row["page_type"] == "article") == articles]
    return [(row["url"] or "", gzip.decompress((corpus / f"html/{row['id']}.html.gz").read_bytes())) for row in rows]


def measured(found: Seconds, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with its CPU time added to `found[name]`."""

    @wraps(function)
    def timed(*arguments: Any, **options: Any) -> Any:
        start = time.process_time()
        try:
            return function(*arguments, **options)
        finally:
            found[name] += time.process_time() - start

    return timed


def watch_stages(found: Seconds) -> None:
    """Time the stages that `clean` calls. Names that it no longer has are left out."""
    for stage, names in STAGES.items():
        for name in names:
            if hasattr(stages, name):
                setattr(stages, name, measured(found, stage, getattr(stages, name)))


def systems(found: Seconds) -> list[Callable[[str, bytes], object]]:
    """What is compared, each timed under its name."""
    bare = partial(bare_extraction, include_comments=False)
    return [
        measured(found, "clean", lambda url, html: stages.clean(Page(url, html))),
        measured(found, "trafilatura", lambda url, html: bare(html, url=url, with_metadata=True)),
        measured(found, "trafilatura without metadata", lambda url, html: bare(html, url=url)),
    ]


def measure(every: int) -> tuple[int, Seconds]:
    """The number of pages and the CPU seconds that each system and stage took for all of them."""
    found: Seconds = defaultdict(float)
    watch_stages(found)
    compared = systems(found)
    jobs, others = pages(articles=True)[::every], pages(articles=False)
    for url, html in [("", UNSTATED), *others[:: max(1, len(others) // WARM_UP)]]:
        for system in compared:
            system(url, html)
    found.clear()
    for number, (url, html) in enumerate(jobs):
        turn = number % len(compared)
        for system in compared[turn:] + compared[:turn]:
            system(url, html)
    return len(jobs), found


def lines(count: int, found: Seconds) -> Iterator[tuple[str, float]]:
    """Milliseconds a page by name, the stages of `clean` below it."""
    yield "clean", 1000 * found["clean"] / count
    for stage in STAGES:
        yield f"  {stage}", 1000 * found[stage] / count
    yield "  other", 1000 * (found["clean"] - sum(found[stage] for stage in STAGES)) / count
    for name in ("trafilatura", "trafilatura without metadata"):
        yield name, 1000 * found[name] / count


def main() -> None:
    """Measure, print, and keep the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="measure every n-th page only")
    parser.add_argument("--out", type=pathlib.Path, help=f"default: {RESULT.relative_to(ROOT)} where every page counts")
    args = parser.parse_args()
    if not (SHARED / "corpus/wcxb").is_dir():
        sys.exit(f"no corpus in {SHARED}: set BROADSHEET_SHARED")
    count, found = measure(args.every)
    milliseconds = {name.strip(): round(value, 2) for name, value in lines(count, found)}
    ratios = {name: round(found["clean"] / found[name], 3) for name in ("trafilatura", "trafilatura without metadata")}
    for name, value in lines(count, found):
        print(f"{name:30} {value:7.2f} ms")
    for name, ratio in ratios.items():
        print(f"clean / {name}: {ratio:.2f}")
    result = {
        "measured": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "pages": count,
        "python": platform.python_version(),
        "trafilatura": version("trafilatura"),
        "milliseconds_a_page": milliseconds,
        "ratio": ratios,
    }
    if out := args.out or (RESULT if args.every == 1 else None):
        out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
