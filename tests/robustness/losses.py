"""Cleaner tried on random pages of archives, the pages that lose most words first: to be read before a change.

    python -m tests.robustness.losses ARCHIVE.db … [--pages 100] [--seed 1] [--shown 20]

Draws pages that keep their raw response, cleans each anew, and compares its text with the cleaner's own reading in the
archive. A page is printed with the blocks that left the text, each with the rule that removes it now, and then
those that came into it. Archives are opened for reading, and nothing is stored.
"""

import argparse
import random
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from broadsheet.cleaners.words import rough_word_count
from broadsheet.crawler.crawl.worker_jobs import CrawlPolicy
from broadsheet.crawler.discovery.scope import Scope
from broadsheet.crawler.options import CrawlOptions
from broadsheet.crawler.replay.recleaning import reclean_page
from broadsheet.crawler.replay.recorded_response import UnreadResponse
from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.settle.own_reading import PageChange, compare_readings, read_own_reading
from broadsheet.output.settle.recleaned_pages import pages_with_raw

_SHOWN_CHARS = 160  # of a block


@dataclass(frozen=True, slots=True)
class Trial:
    """Page cleaned anew, and how many words of text it loses and gains by it."""

    change: PageChange
    lost_words: int
    gained_words: int


def try_archive(file: Path, pages: int, seed: int) -> Iterator[Trial]:
    """Clean pages of an archive anew, drawn by the seed, and yield what changes in the text of each."""
    policy = CrawlPolicy(Scope(frozenset()), CrawlOptions(seeds=()), "broadsheet").packed()
    with closing(open_database(file, read_only=True)) as db:
        candidates = [page for page in pages_with_raw(db) if page.record_location is not None]
        for page in random.Random(seed).sample(candidates, min(pages, len(candidates))):
            rows = reclean_page(page, str(file), policy)
            old_reading = read_own_reading(db, page.id)
            if not isinstance(rows, UnreadResponse) and old_reading is not None:
                yield _trial_of(compare_readings(old_reading, rows))


def _trial_of(change: PageChange) -> Trial:
    lost, gained = (_words_of(blocks) for blocks in (change.removed_blocks, change.restored_blocks))
    return Trial(change, lost, gained)


def _words_of(blocks: Sequence[tuple[str, str, str]]) -> int:
    return sum(rough_word_count(text) for text, *_ in blocks)


def losses_first(trials: Sequence[Trial]) -> list[Trial]:
    """Return the pages whose text changes: those that lose most words first, then those that gain most."""
    changed = [trial for trial in trials if trial.lost_words or trial.gained_words or trial.change.kind == "lost"]
    return sorted(changed, key=lambda trial: (-trial.lost_words, -trial.gained_words, trial.change.url))


def lines_of(trial: Trial) -> Iterator[str]:
    """Yield the lines that show a page: its address, then each block with a sign and the rule."""
    change = trial.change
    yield f"{change.kind}  -{trial.lost_words} +{trial.gained_words} words  {change.url}  {change.title[:60]}"
    for sign, blocks in (("-", change.removed_blocks), ("+", change.restored_blocks)):
        for text, _, rule in blocks:
            yield f"  {sign} [{rule}] {' '.join(text.split())[:_SHOWN_CHARS]}"


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archives", nargs="+", type=Path)
    parser.add_argument("--pages", type=int, default=100, help="drawn in all, as many from each archive")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shown", type=int, default=20, help="pages that are printed in full")
    args = parser.parse_args()
    pages_each = -(-args.pages // len(args.archives))
    trials = [trial for file in args.archives for trial in try_archive(file, pages_each, args.seed)]
    changed = losses_first(trials)
    lost, gained = (sum(getattr(trial, name) for trial in trials) for name in ("lost_words", "gained_words"))
    print(f"{len(trials)} pages cleaned, {len(changed)} changed: {lost} words lost, {gained} gained")
    for trial in changed[: args.shown]:
        print("", *lines_of(trial), sep="\n")


if __name__ == "__main__":
    main()
