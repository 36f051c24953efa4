"""Days of first publication on the pages of htmldate's evaluation: Broadsheet's reader beside htmldate, in one run.

Run from the repository: `python -m tests.bench.dates [--half 0|1] [--misses] [--out FILE]`. The corpus is looked for in
`$BROADSHEET_SHARED`, else in `../shared` beside the repository. The readers were worked on with half 0 in sight; what
counts is half 1. The result kept in the repository is `tests/bench/results/dates.json`.

A page counts as right if the day is the annotated one, as none if no day is found. Both tools get a tree that is parsed
already; the parse is not timed, and milliseconds are of processor time. Broadsheet's are those of all its fields.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import Page
from broadsheet.cleaners.page.metadata_fields import read_metadata
from broadsheet.cleaners.page.parsed_page import decode, parse
from tests.bench.corpus import Row, corpus_hash, truth_rows, with_pages
from tests.bench.figures import write_figures

CORPUS = "dates"
FindDay = Callable[[Any, str, bytes], str]


@dataclass(frozen=True, slots=True)
class Answer:
    """A tool's answer for an annotated page: the day it found, empty if none, and the milliseconds that it took."""

    page: Row
    day: str
    milliseconds: float

    @property
    def is_right(self) -> bool:
        """Return whether the day is the annotated one."""
        return bool(self.day == self.page["published"])


def our_day(tree: Any, url: str, body: bytes) -> str:
    """Find the day with Broadsheet; where the page states none, by cleaning it, which looks again."""
    return (read_metadata(tree, url).published or clean(Page(url, body)).metadata.published)[:10]


def day_by_htmldate(tree: Any, url: str, _: bytes) -> str:
    """Find the day with htmldate."""
    from htmldate import find_date

    return find_date(tree, original_date=True, url=url) or ""


def ask(find_day: FindDay, rows: list[Row]) -> Iterator[Answer]:
    """Yield a tool's answer for each page."""
    for row, body in with_pages(CORPUS, rows):
        tree = parse(decode(body).text)
        started = time.process_time()
        day = find_day(tree, row["url"], body)
        yield Answer(row, day, (time.process_time() - started) * 1000)


def summarise(answers: list[Answer]) -> dict[str, float]:
    """Return the shares that are right and without a day, and the mean milliseconds."""
    count = len(answers)
    return {
        "right": round(sum(answer.is_right for answer in answers) / count, 4),
        "none": round(sum(not answer.day for answer in answers) / count, 4),
        "ms": round(sum(answer.milliseconds for answer in answers) / count, 3),
        "pages": count,
    }


def main() -> None:
    """Print both tools' figures, and the pages that Broadsheet misses or a file of results if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", type=int, choices=(0, 1))
    parser.add_argument("--misses", action="store_true", help="print the pages on which Broadsheet is wrong")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    rows = truth_rows(CORPUS)
    tools = {"broadsheet": our_day, "htmldate": day_by_htmldate}
    asked = rows if options.half is None else rows[options.half :: 2]
    answers = {tool: list(ask(find_day, asked)) for tool, find_day in tools.items()}
    result = {"half": options.half, "corpus": corpus_hash(CORPUS)}
    result |= {tool: summarise(given) for tool, given in answers.items()}
    print(json.dumps(result))
    if options.misses:
        for ours, theirs in zip(answers["broadsheet"], answers["htmldate"], strict=True):
            if not ours.is_right:
                print(ours.page["published"], ours.day or "none      ", theirs.day or "none      ", ours.page["url"])
    if options.out:
        write_figures(options.out, result)


if __name__ == "__main__":
    main()
