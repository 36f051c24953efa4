"""Prove that two archives of one site, crawled by two versions of the code, hold the same.

    python -m tests.bench.compare_archives OLD.db NEW.db [--new-columns articles.keywords ...] [--timing]
    python -m tests.bench.compare_archives --crawl [NAME ...] --old CHECKOUT [--then update reclean] [--keep DIR]

Every table, view, row and column of either is compared, but for times, versions, the lineage's digests, numbers that
only say in which order rows came (they go by what they stand for) and where raw records lie:
`tests/bench/archives/columns.py` lists them. Exits with 1 if anything differs.

With --crawl each site of the corpus (all, if none is named; `demo` is the sample site) is served at one port and
crawled by the old checkout with its own interpreter, then by this one, into DIR/NAME/old and DIR/NAME/new. Both crawl
step by step, so that nothing is left to chance. With --as-usual several answers are under way, and --timing allows what
chance decides then; where a site has so many URLs that some are given up, which pages are fetched is chance too.
Archives that were crawled at different ports can be compared, but for digests of what may hold the port.
"""

from __future__ import annotations

import argparse
import pathlib
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator

from tests.bench.archives.crawls import ARCHIVE, DEMO, VERBS, crawl_into, served
from tests.bench.archives.differences import Comparison, Difference, comparisons, differences
from tests.bench.site_pages import names
from tests.bench.sites import ROOT

__all__ = ["differences", "main"]

_EXAMPLES = 3  # of each column that differs
_SHOWN = 50  # characters on either side of where two texts part


def main(arguments: list[str] | None = None) -> int:
    """Compare the two archives named, or crawl sites and compare what came of it; 1 if anything differs."""
    parser = _parser()
    args = parser.parse_args(arguments)
    if args.crawl is None:
        if len(args.archives) != 2:
            parser.error("two archives are needed, or --crawl")
        return report(*args.archives, args)
    if args.old is None:
        parser.error("--crawl needs --old, the checkout to compare with")
    folder = (args.keep or pathlib.Path(tempfile.mkdtemp(prefix="compare-archives-"))).absolute()
    print(f"The archives are kept in {folder}", flush=True)
    return max([_crawl_and_report(name, folder / name, args) for name in args.crawl or [*names(), DEMO]])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archives", nargs="*", type=pathlib.Path, metavar="ARCHIVE")
    parser.add_argument("--new-columns", nargs="+", default=[], metavar="TABLE.COLUMN")
    parser.add_argument("--timing", action="store_true", help="allow what chance decides in a usual crawl")
    parser.add_argument("--crawl", nargs="*", metavar="NAME")
    parser.add_argument("--old", type=pathlib.Path, metavar="CHECKOUT")
    parser.add_argument("--then", nargs="+", default=[], choices=VERBS, help="verbs to run after the crawl")
    parser.add_argument("--keep", type=pathlib.Path, metavar="DIR")
    parser.add_argument("--port", type=int, default=0, help="where sites are served; by default any free port")
    parser.add_argument("--as-usual", action="store_true", help="crawl with several answers under way")
    return parser


def report(old: pathlib.Path, new: pathlib.Path, args: argparse.Namespace) -> int:
    """Print a line for each table and view, and examples of what differs; 1 if anything does that may not."""
    is_equal = True
    for compared in comparisons(old, new, args.new_columns):
        allowed = [difference for difference in compared.differences if args.timing and difference.is_timing]
        print(_summary(compared, len(allowed)), flush=True)
        for line in _examples(compared):
            print(f"    {line}")
        is_equal = is_equal and len(allowed) == len(compared.differences)
    print("The archives hold the same." if is_equal else "The archives differ.", flush=True)
    return 0 if is_equal else 1


def _summary(compared: Comparison, allowed: int) -> str:
    """How many rows a table has, and how often each column differs."""
    rows = f"{compared.old_rows:,}"
    if compared.new_rows != compared.old_rows:
        rows += f" / {compared.new_rows:,}"
    counts = Counter(difference.column or "whole rows" for difference in compared.differences)
    differing = ", ".join(f"{column} {count:,}" for column, count in counts.most_common()) or "same"
    return f"{compared.relation:20} {rows:>17} rows  {differing}" + (f"  ({allowed:,} by chance)" if allowed else "")


def _examples(compared: Comparison) -> Iterator[str]:
    """The first differences of each column."""
    counts: Counter[str] = Counter()
    for difference in compared.differences:
        counts[difference.column] += 1
        if counts[difference.column] <= _EXAMPLES:
            yield _example(difference)


def _example(difference: Difference) -> str:
    old, new = str(difference.old), str(difference.new)
    parting = next((place for place, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), 0)
    start = max(0, parting - _SHOWN)
    sides = [("…" if start else "") + side[start : parting + _SHOWN] for side in (old, new)]
    row = " ".join(map(str, difference.row))[: 2 * _SHOWN]
    return f"{difference.column or 'row'} of {row!r}: {sides[0]!r} became {sides[1]!r}"


def _crawl_and_report(name: str, folder: pathlib.Path, args: argparse.Namespace) -> int:
    """Crawl one site by both checkouts and compare."""
    exits = []
    with served(name, args.port) as start:
        for side, checkout in (("old", args.old.absolute()), ("new", ROOT)):
            print(f"{name}: crawled by {checkout}", flush=True)
            exits.append(crawl_into(folder / side, checkout, start, args.then, step_by_step=not args.as_usual))
    if exits[0] != exits[1]:
        print(f"The commands ended with {exits[0]} and {exits[1]}.")
    return max(report(folder / "old" / ARCHIVE, folder / "new" / ARCHIVE, args), int(exits[0] != exits[1]))


if __name__ == "__main__":
    sys.exit(main())
