"""What many archives together cost, merged and as a data set: `python -m tests.bench.collections [COUNT ...]`.

Archives of made-up articles, a host each; one article in ten is also in the archive before. For each count of archives
(1, 10 and 60): CPU seconds and articles a second of the merge and of the data set, of each once more with nothing new,
and of the data set once more after one article was added to one archive; bytes an article in both; peak memory of each,
in a process of its own. It leaves `tests/bench/results/collections.json`.
"""

from __future__ import annotations

import json
import multiprocessing
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from broadsheet.output.collections.archive_merge import merge_archive
from broadsheet.output.collections.dataset_build import DatasetBuild
from broadsheet.output.collections.dataset_files import LocalStore
from broadsheet.output.collections.dataset_rows import open_sources
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import Outcome
from tests.output.conftest import Maker

_RESULTS = Path(__file__).parent / "results" / "collections.json"
_COUNTS = (1, 10, 60)
_ARTICLES = 25  # an archive
_COPY = 10
_MEGABYTE = 2**20


def story(archive: int, number: int) -> tuple[str, ...]:
    """The paragraphs of an article; words are as frequent as words are."""
    draw = random.Random(f"{archive} {number}")
    words = [f"w{int(20 * draw.paretovariate(0.7)) % 40_000}" for _ in range(draw.randint(150, 900))]
    return tuple(" ".join(words[start : start + 60]) for start in range(0, len(words), 60))


def outcomes(make: Maker, archive: int, numbers: Sequence[int]) -> Iterator[Outcome]:
    """Pages of an archive; every tenth has the text of one in the archive before."""
    for number in numbers:
        paragraphs = story(archive - (number % _COPY == 0), number)
        promos = tuple(f"Promo {draw} of site {archive}" for draw in range(12))
        yield make.outcome(f"https://site{archive}.example/{number}", *paragraphs, removed=promos)


def make_archives(folder: Path, count: int) -> list[Path]:
    """The archives, settled."""
    make = Maker()
    return [add(folder / f"site{number}.db", make, number, range(_ARTICLES)) for number in range(count)]


def add(path: Path, make: Maker, archive: int, numbers: Sequence[int]) -> Path:
    """Store pages in an archive, and settle it."""
    with Archive.open(path) as opened:
        opened.save(list(outcomes(make, archive, numbers)))
        settle(opened.db)
    return path


def merge(folder: Path, paths: Sequence[Path]) -> None:
    """All archives into one."""
    with Archive.open(folder / "all.db") as archive:
        for path in paths:
            merge_archive(archive.db, path)
        settle(archive.db)


def dataset(folder: Path, paths: Sequence[Path]) -> None:
    """All archives as a data set."""
    (folder / "scratch").mkdir(exist_ok=True)
    with open_sources(paths) as sources:
        DatasetBuild(LocalStore(folder / "data"), sources, folder / "scratch").run("bench")


def cost(work: Callable[[Path, Sequence[Path]], None], folder: Path, paths: Sequence[Path]) -> tuple[float, float]:
    """CPU seconds and peak memory (MB) of some work in a process of its own."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_run, (work, folder, paths))


def _run(work: Callable[[Path, Sequence[Path]], None], folder: Path, paths: Sequence[Path]) -> tuple[float, float]:
    started = time.process_time()
    work(folder, paths)
    return time.process_time() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(count: int) -> dict[str, Any]:
    """The figures for so many archives."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths, articles = make_archives(folder, count), count * _ARTICLES
        figures: dict[str, Any] = {"archives": count, "articles": articles}
        for label, work in (("merge", merge), ("dataset", dataset)):
            seconds, memory = cost(work, folder, paths)
            again, _ = cost(work, folder, paths)
            figures[label] = {"seconds": seconds, "a_second": articles / seconds, "again": again, "memory_mb": memory}
        figures["merge"]["bytes"] = (folder / "all.db").stat().st_size / articles
        figures["dataset"]["bytes"] = _size_of(folder / "data") / articles
        add(paths[0], Maker(), 0, [_ARTICLES])
        figures["dataset"]["one_more"] = cost(dataset, folder, paths)[0]
        return figures


def _size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*.parquet"))


def line(figures: dict[str, Any]) -> str:
    """A row of the table in docs/merge.md."""
    merged, data = figures["merge"], figures["dataset"]
    return (
        f"| {figures['archives']} | {figures['articles']:,} | {merged['a_second']:.0f} | {merged['again']:.1f} | "
        f"{merged['bytes']:,.0f} | {merged['memory_mb']:.0f} | {data['a_second']:.0f} | {data['again']:.2f} | "
        f"{data['one_more']:.1f} | {data['bytes']:,.0f} | {data['memory_mb']:.0f} |"
    )


def main() -> None:
    """Measure each count, print a line for it, and leave all figures."""
    results = []
    for count in map(int, sys.argv[1:] or _COUNTS):
        results.append(measure(count))
        print(line(results[-1]), flush=True)
    _RESULTS.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
