"""What finding near-duplicates costs, over articles that are made here: `python -m tests.bench.similar [COUNT ...]`.

One article in twenty is a copy of the one before with one word in thirty changed. For each count: CPU seconds of the
first `relate`, of a second one with nothing new, copies found of those planted and pairs that are none, peak memory
and bytes an article in the file.
"""

from __future__ import annotations

import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from sqlite_utils import Database

from broadsheet.output.settle.similar_articles import relate_articles
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import Outcome
from tests.output.conftest import Maker

_COPY = 20
_TABLES = "'sketches', 'duplicates', 'duplicates_duplicate', 'clusters', 'clusters_cluster'"


def made(count: int) -> Iterator[Outcome]:
    """Articles of 80 to 900 words, whose words are as frequent as words are."""
    rng, make, before = random.Random(1), Maker(), [""]
    for number in range(count):
        if number % _COPY == _COPY - 1:
            words = [word if rng.randrange(30) else f"new{rng.randrange(9999)}" for word in before]
        else:
            words = [f"w{int(20 * rng.paretovariate(0.7)) % 40_000}" for _ in range(rng.randint(80, 900))]
        before = words
        yield make.outcome(f"http://a.test/{number}", " ".join(words))


def measure(count: int, file: Path) -> str:
    """One line of the table."""
    with Archive.open(file) as archive:
        pages = list(made(min(count, _COPY)))
        for place, outcome in enumerate(made(count)):
            pages[place % _COPY] = outcome
            if place % _COPY == _COPY - 1:
                archive.save(pages)
        first, again = _seconds(archive.db), _seconds(archive.db)
        planted = count // _COPY
        found = archive.db.execute("SELECT count(*) FROM duplicates").fetchone()[0]
        size = archive.db.execute(f"SELECT sum(pgsize) FROM dbstat WHERE name IN ({_TABLES})").fetchone()[0]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return f"{count:>8,}  {first:6.2f}  {again:6.2f}  {found:,} of {planted:,}  {peak:>5} MB  {size / count:5.0f} B"


def _seconds(db: Database) -> float:
    started = time.process_time()
    relate_articles(db)
    return time.process_time() - started


def main() -> None:
    """Print a line for each count."""
    print("articles  first s  again s  copies found  peak  size")
    for count in map(int, sys.argv[1:] or ("1000", "10000")):
        with tempfile.TemporaryDirectory() as folder:
            print(measure(count, Path(folder) / "a.db"), flush=True)


if __name__ == "__main__":
    main()
