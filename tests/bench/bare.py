"""CPU time of `clean` over that of trafilatura's `bare_extraction` with metadata, and the pages on which it asks it.

    python -m tests.bench.bare [--pages N] [--out FILE]

Both sides take each page in turn in one process, so what else the machine does slows both, in `time.process_time`. Each
takes a page once, as a crawl does: both remember texts and dates, and are faster at a page that they have had. What
they load at the first page of a kind is not counted: other pages warm them up. Pages are evenly spread over the
articles of each annotated corpus, and over each whole site's pages with a reference text. Writes
`results/bare.json`, and its table between two marks of docs/performance.md.
"""

import argparse
import datetime
import json
import os
import pathlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from tests.bench.corpus import ROOT, SHARED, is_article, truth_rows, with_pages
from tests.bench.figures import write_figures
from tests.bench.site_pages import names, site_pages

RESULT = pathlib.Path(__file__).parent / "results/bare.json"
DOCUMENT = ROOT / "docs/performance.md"
BEGIN, END = "<!-- beside bare extraction: made by python -m tests.bench.bare -->", "<!-- end of bare extraction -->"
_CORPORA = ("wcxb", "news", "segments", "dragnet", "zh69", "magic")
_WARMING = 15  # pages of each set before those that count

PageBytes = tuple[str, bytes]
Measured = dict[str, float]


def sets(count: int) -> Iterator[tuple[str, list[PageBytes]]]:
    """Yield each corpus's articles and each site's pages, about so many of each, and a few that warm up."""
    for corpus in _CORPORA:
        rows = list(filter(is_article, truth_rows(corpus)))
        chosen = rows[:: max(1, len(rows) // (count + _WARMING))]
        yield corpus, [(row["url"] or "", body) for row, body in with_pages(corpus, chosen)]
    for site in names():
        total = sum(1 for _ in site_pages(site, 1))
        yield site, [(row["url"], body) for row, body in site_pages(site, max(1, total // (count + _WARMING)))]


def measure(pages: Sequence[PageBytes]) -> Measured:
    """Measure both sides on pages: milliseconds a page, their ratio, and the share of pages that asked."""
    from trafilatura import bare_extraction

    from broadsheet.cleaners.clean import clean
    from broadsheet.cleaners.document import Page

    bare = partial(bare_extraction, include_comments=False, with_metadata=True)
    sides: dict[str, Callable[[str, bytes], object]] = {
        "clean": lambda url, body: clean(Page(url, body)),
        "bare": lambda url, body: bare(body, url=url),
    }
    for url, body in pages[:_WARMING]:
        for run in sides.values():
            run(url, body)
    counted = pages[_WARMING:]
    seconds = dict.fromkeys(sides, 0.0)
    for url, body in counted:
        for name, run in sides.items():
            started = time.process_time()
            run(url, body)
            seconds[name] += time.process_time() - started
    asked = sum(clean(Page(url, body)).asked_extractor for url, body in counted)
    return {
        "pages": len(counted),
        "kilobytes": round(sum(len(body) for _, body in counted) / len(counted) / 1000),
        **{name: round(1000 * total / len(counted), 1) for name, total in seconds.items()},
        "ratio": round(seconds["clean"] / seconds["bare"], 2),
        "asked": round(asked / len(counted), 2),
    }


def table(result: dict[str, Measured]) -> str:
    """Write the result as a table of Markdown."""
    head = ("pages of", "number", "KB a page", "ms, `clean`", "ms, bare extraction", "ratio", "asked trafilatura")
    rows = [
        f"| {name} | {row['pages']} | {row['kilobytes']} | {row['clean']} | {row['bare']} | {row['ratio']:.2f} "
        f"| {row['asked']:.0%} |"
        for name, row in result.items()
    ]
    return "\n".join([f"| {' | '.join(head)} |", "| --- |" + " --: |" * 6, *rows])


def section() -> str:
    """Write the section of docs/performance.md."""
    stored = json.loads(RESULT.read_text("utf-8"))
    return f"""## One page, beside bare extraction

CPU time of `clean` and of trafilatura's `bare_extraction` with metadata, in turn on the same pages in one process
({stored["measured"]}, at a load of {stored["load"]}). The last column is the share of pages on which trafilatura is
asked too. A process reads the rules of a language at its first page in it, in 35 to 120 ms: on news, whose pages are
in many languages, that is a fifth of the CPU.

{BEGIN}
{table(stored["sets"])}
{END}"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and keep the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=25, help="of each set")
    parser.add_argument("--out", type=pathlib.Path, default=RESULT)
    options = parser.parse_args(arguments)
    if not (SHARED / "corpus/wcxb").is_dir():
        sys.exit(f"no corpus in {SHARED}: set BROADSHEET_SHARED")
    result: dict[str, Measured] = {}
    for name, pages in sets(options.pages):
        result[name] = measure(pages)
        print(name, result[name], flush=True)
    day, load = datetime.datetime.now(datetime.UTC).date().isoformat(), round(os.getloadavg()[0], 1)
    stored = {"measured": day, "load": load, "sets": result}
    write_figures(options.out, stored)
    before, _, rest = DOCUMENT.read_text("utf-8").partition(BEGIN)
    DOCUMENT.write_text(f"{before}{BEGIN}\n{table(result)}\n{END}{rest.partition(END)[2]}", "utf-8")


if __name__ == "__main__":
    main()
