"""What a coordinator costs: CPU seconds and memory of command and scheduler for so many tasks that do nothing.

`python -m tests.bench.fleet_tasks [TASKS...]`, by default 1,000, 5,000 and 10,000, writes its results to
tests/bench/results/fleet_tasks.json. One worker on loopback takes the tasks; what it costs
itself is not counted. Figures are CPU time, not the clock's.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from broadsheet.crawler.fleet.dask_engine import DaskEngine
from broadsheet.crawler.fleet.site_task import SiteEnd, SiteResult, SiteTask
from broadsheet.crawler.fleet.stored_run import StorePlace
from tests.bench.documents.figures import refresh_documents
from tests.bench.load.watch import peak_kilobytes, process_seconds
from tests.crawler.fleet.conftest import free_port
from tests.crawler.fleet.dask_cluster import DaskCluster

RESULTS = Path(__file__).parent / "results" / "fleet_tasks.json"


def no_crawl(task: SiteTask, store_place: StorePlace, turn: str) -> SiteResult:
    """In place of a crawl: nothing."""
    return SiteResult(task.name, SiteEnd.DONE, 0, task.archive)


def measure(count: int, folder: Path) -> dict[str, float]:
    """CPU seconds of command and scheduler for so many tasks of as many hosts, and the most memory in MB."""
    cluster = DaskCluster(free_port(), folder)
    try:
        cluster.start_scheduler()
        cluster.start_worker()
        assert cluster.scheduler
        store_place = StorePlace("/nowhere", "none", "/nowhere")
        tasks = [site_task(number) for number in range(count)]
        before, scheduler_before = time.process_time(), process_seconds(cluster.scheduler.pid)
        results: list[SiteResult] = []
        DaskEngine(cluster.address, store_place, function=no_crawl).run(tasks, results.append)
        assert len(results) == count
        return {
            "tasks": count,
            "command_seconds": round(time.process_time() - before, 1),
            "scheduler_seconds": round(process_seconds(cluster.scheduler.pid) - scheduler_before, 1),
            "command_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000),
            "scheduler_mb": round(peak_kilobytes(cluster.scheduler.pid) / 1000),
        }
    finally:
        cluster.close()


def site_task(number: int) -> SiteTask:
    """A task as a list of sites makes it."""
    url = f"https://site-{number}.example/"
    words = (url, "--contact", "archive@library.example", "--max-time", "5h")
    return SiteTask(f"site-{number}", Path(f"site-{number}.db"), words, words[1:], hosts=(url,))


def main(counts: list[int]) -> None:
    """Measure each number of tasks, print it and write all."""
    figures = []
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            figures.append(measure(count, Path(folder)))
        print(figures[-1])
    RESULTS.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    refresh_documents(RESULTS)


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [1_000, 5_000, 10_000])
