"""CPU time of `clean` over that of trafilatura's `bare_extraction` with metadata, by the shape and origin of pages.

    python -m tests.bench.bare [--pages N] [--out FILE]

Both sides take each page in turn in one process, so what else the machine does slows both, in `time.process_time`. Each
takes a page once a process, as a crawl does: both remember texts and dates, and are faster at a page that they had.
What they load at the first page of a kind is not counted: other pages warm them up. Five processes do so one after the
other; the spread of their ratios is told. Pages are evenly spread over the articles of each annotated corpus, and over
each whole site's pages with a reference text. A shape has pages of all of them. Writes `results/bare.json`, and its
table between two marks of docs/performance.md.
"""

import argparse
import json
import pathlib
import pickle
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, zip_longest
from statistics import median

from tests.bench.corpus import ROOT, SHARED, is_article, truth_rows, with_pages
from tests.bench.figures import today, write_figures
from tests.bench.load.paired import PAIRS, quiet_load, spread_of
from tests.bench.site_pages import names, site_pages
from tests.tools import describe_commit

RESULT = pathlib.Path(__file__).parent / "results/bare.json"
DOCUMENT = ROOT / "docs/performance.md"
BEGIN, END = "<!-- beside bare extraction: made by python -m tests.bench.bare -->", "<!-- end of bare extraction -->"
_CORPORA = ("wcxb", "news", "segments", "dragnet", "zh69", "magic")
_WARMING = 3  # pages of each set before those that count
_SCRIPT = re.compile(rb"<script\b.*?</script", re.DOTALL | re.IGNORECASE)
_SHAPED = 12  # pages of a shape
_CANDIDATES = 80  # pages of each set in which those of a shape are looked for

PageBytes = tuple[str, bytes]
Measured = dict[str, float]


def shapes_of(page: PageBytes) -> Iterator[str]:
    """Yield the shapes that a page has: what it is mostly made of, and whether its article is long or short."""
    from broadsheet.crawler.bulk.cleaner import clean

    url, body = page
    cleaned = clean(body, url)
    comments = [block for block in cleaned.removed if block.reason == "comments"]
    others = sum(len(block.text.split()) for block in cleaned.removed if block.reason != "comments")
    if len(comments) >= 20:
        yield "twenty comment blocks or more"
    if others > max(cleaned.word_count, 400):
        yield "more words of menus and the like than of text"
    if sum(len(script) for script in _SCRIPT.findall(body)) > len(body) / 2:
        yield "more than half scripts"
    if cleaned.word_count > 2000:
        yield "more than 2,000 words"
    if cleaned.word_count < 200:
        yield "less than 200 words"


def shaped(pages: Mapping[str, Sequence[PageBytes]]) -> dict[str, list[PageBytes]]:
    """Return pages by shape, taken from each set in turn."""
    found: dict[str, list[PageBytes]] = {}
    for page in chain.from_iterable(zip_longest(*pages.values())):
        for shape in shapes_of(page) if page else ():
            if len(found.setdefault(shape, [])) < _SHAPED + _WARMING:
                found[shape].append(page)
    return found


def sets(count: int) -> Iterator[tuple[str, list[PageBytes]]]:
    """Yield each corpus's articles and each site's pages, about so many of each, and a few that warm up."""
    for corpus in _CORPORA:
        rows = list(filter(is_article, truth_rows(corpus)))
        chosen = rows[:: max(1, len(rows) // (count + _WARMING))]
        yield corpus, [(row["url"] or "", body) for row, body in with_pages(corpus, chosen)]
    for site in names():
        total = sum(1 for _ in site_pages(site, 1))
        yield site, [(row["url"], body) for row, body in site_pages(site, max(1, total // (count + _WARMING)))]


def measure(warming: Sequence[PageBytes], pages: Sequence[PageBytes]) -> list[tuple[float, float]]:
    """Measure both sides on pages in this process, in turn: a page's CPU seconds by `clean`, and by the other."""
    from trafilatura import bare_extraction

    from broadsheet.cleaners.clean import clean
    from broadsheet.cleaners.document import Page

    bare = partial(bare_extraction, include_comments=False, with_metadata=True)
    sides: dict[str, Callable[[str, bytes], object]] = {
        "clean": lambda url, body: clean(Page(url, body)),
        "bare": lambda url, body: bare(body, url=url),
    }
    found = []
    for number, (url, body) in enumerate([*warming, *pages]):
        seconds = {}
        for name in sorted(sides, reverse=bool(number % 2)):  # neither is always the first to have a page
            started = time.process_time()
            sides[name](url, body)
            seconds[name] = time.process_time() - started
        found.append((seconds["clean"], seconds["bare"]))
    return found[len(warming) :]


def rounds(sets_of_pages: Mapping[str, Sequence[PageBytes]]) -> dict[str, Measured]:
    """Measure all pages in five processes; return each set's medians, and the spread of its ratio over the five."""
    from broadsheet.cleaners.clean import clean
    from broadsheet.cleaners.document import Page

    warming = [page for its in sets_of_pages.values() for page in its[:_WARMING]]
    pages = list(dict.fromkeys(page for its in sets_of_pages.values() for page in its[_WARMING:]))
    numbers = {page: number for number, page in enumerate(pages)}
    members = {name: [numbers[page] for page in its[_WARMING:]] for name, its in sets_of_pages.items()}
    members["all"] = list(range(len(pages)))
    runs = []
    with tempfile.NamedTemporaryFile() as file:
        file.write(pickle.dumps((warming, pages)))
        file.flush()
        for number in range(PAIRS):
            words = [sys.executable, "-m", "tests.bench.bare", "--round", file.name]
            runs.append(json.loads(subprocess.run(words, check=True, capture_output=True, cwd=ROOT).stdout))
            print(f"round {number + 1} of {PAIRS}", flush=True)
    asked = [clean(Page(url, body)).asked_extractor for url, body in pages]
    return {name: _joined(its, pages, runs, asked) for name, its in members.items()}


def _joined(
    members: Sequence[int], pages: Sequence[PageBytes], runs: Sequence[Sequence[tuple[float, float]]],
    asked: Sequence[bool],
) -> Measured:  # fmt: skip
    sums = [[sum(run[number][side] for number in members) for side in (0, 1)] for run in runs]
    ratios, count = spread_of(*zip(*sums, strict=True)), len(members)
    return {
        "pages": count,
        "kilobytes": round(sum(len(pages[number][1]) for number in members) / count / 1000),
        **{
            name: round(1000 * median(each[side] for each in sums) / count, 1)
            for side, name in enumerate(("clean", "bare"))
        },
        "ratio": round(ratios.median, 2),
        "least": round(ratios.least, 2),
        "most": round(ratios.most, 2),
        "median": round(median(median(run[number][0] / run[number][1] for run in runs) for number in members), 2),
        "asked": round(sum(asked[number] for number in members) / count, 2),
    }


def table(result: dict[str, Measured]) -> str:
    """Write the result as a table of Markdown."""
    head = (
        "pages of",
        "number",
        "KB a page",
        "ms, `clean`",
        "ms, bare extraction",
        "ratio",
        "of five",
        "median page",
        "asked trafilatura",
    )
    rows = [
        f"| {name} | {row['pages']} | {row['kilobytes']} | {row['clean']} | {row['bare']} | {row['ratio']:.2f} "
        f"| {row['least']:.2f}–{row['most']:.2f} | {row['median']:.2f} | {row['asked']:.0%} |"
        for name, row in result.items()
    ]
    return "\n".join([f"| {' | '.join(head)} |", "| --- |" + " --: |" * 8, *rows])


def section() -> str:
    """Write the section of docs/performance.md."""
    stored = json.loads(RESULT.read_text("utf-8"))
    return f"""## One page, beside bare extraction

CPU time of `clean` and of trafilatura's `bare_extraction` with metadata, in turn on the same pages in one process, in
five processes ({stored["measured"]} at {stored["commit"]}, at a load of {stored["load"]}). Compare the two sides of
a row, not rows, nor milliseconds with those of another table. The ratio is that of the sums, the median of five, beside
the least and the most; one page on which a side takes seconds decides it, so the ratio of the median page stands beside
it. A page may be in several shapes. The last column is the share of pages on which trafilatura is asked too. A process
reads the rules of a language at its first page in it, in 35 to 120 ms.

{BEGIN}
{table(stored["sets"])}
{END}"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and keep the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=10, help="of each set")
    parser.add_argument("--out", type=pathlib.Path, default=RESULT)
    parser.add_argument("--round", type=pathlib.Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.round:
        print(json.dumps(measure(*pickle.loads(options.round.read_bytes()))))
        return
    if not (SHARED / "corpus/wcxb").is_dir():
        sys.exit(f"no corpus in {SHARED}: set BROADSHEET_SHARED")
    load = quiet_load()
    pages = dict(sets(options.pages))
    candidates = dict(sets(_CANDIDATES))
    shapes = {name: its for name, its in shaped(candidates).items() if len(its) >= _WARMING + 5}
    result = rounds(shapes | pages)
    for name, row in result.items():
        print(name, row, flush=True)
    stored = {"measured": today(), "commit": describe_commit(ROOT), "load": load, "sets": result}
    write_figures(options.out, stored)
    before, _, rest = DOCUMENT.read_text("utf-8").partition("## One page, beside bare extraction")
    DOCUMENT.write_text(f"{before}{section()}{rest.partition(END)[2]}", "utf-8")


if __name__ == "__main__":
    main()
