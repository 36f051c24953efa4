"""Measure the queue and the frontier with many queued URLs, of one host and of many.

    python -m tests.bench.queue [--urls N ...] [--hosts N ...] [--turns N] [--out FILE]

Each measurement is a process of its own. It opens an archive of N queued pages, of which 1 % wait for a retry, as a
crawl does, and takes turns; each turn is acknowledged in one transaction before the next. Reported are the seconds to
open the archive, to start the run and to the first turn, the median microseconds of a turn and of `Queue.take`, and
the most memory that the process held. The result kept in the repository is `tests/bench/results/queue.json`.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import json
import os
import pathlib
import platform
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any

from broadsheet.crawler.crawl.frontier import Frontier, PolitenessSettings
from broadsheet.crawler.crawl.robots_rules import RobotsRules
from broadsheet.crawler.crawl.session import CrawlSession
from broadsheet.crawler.options import CrawlOptions
from broadsheet.output.archive.atomic_writes import write_transaction
from broadsheet.output.archive.stored_values import utc_now
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import DiscoveredUrl, Outcome
from broadsheet.output.write.url_queue import UNREACHED_HOSTS, add_urls

RESULT = pathlib.Path(__file__).parent / "results/queue.json"
WAITING = 0.01  # share of the rows that wait for a retry


def build(file: pathlib.Path, urls: int, hosts: int) -> None:
    """An archive of queued pages, spread evenly over the hosts."""
    later = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)).isoformat(timespec="seconds")
    with Archive.open(file) as archive, write_transaction(archive.db):
        add_urls(archive.db, _found(urls, hosts), utc_now())
        archive.db.execute("UPDATE urls SET not_before = ? WHERE id % ? = 0", [later, round(1 / WAITING)])


def _found(urls: int, hosts: int) -> Iterator[DiscoveredUrl]:
    for number in range(urls):
        host = f"host{number % hosts:05}.example"
        yield DiscoveredUrl(f"https://{host}/stories/of-the-harbour/{number}", host, priority=number % 5)


def measure(file: pathlib.Path, turns: int) -> dict[str, Any]:
    """What it costs to go on with an archive, in this process."""
    before = time.perf_counter()
    session = CrawlSession.open(file, CrawlOptions(("https://host00000.example/",)))
    session.pending_count = lambda: 1  # one at a time: the writer has no other to wait for
    opened = time.perf_counter()
    session.start("bench", ())
    started = time.perf_counter()
    seconds, takes, first = asyncio.run(_take_turns(session, turns))
    result = {
        "open_s": round(opened - before, 3),
        "start_s": round(started - opened, 3),
        "first_turn_s": round(first - started, 3),
        "turn_us": _median(seconds),
        "take_us": _median(takes),
        "peak_rss_mb": _peak_rss(),
    }
    session.close("finished", "")
    return result


async def _take_turns(session: CrawlSession, turns: int) -> tuple[list[float], list[float], float]:
    """Seconds of each turn without its acknowledgement, seconds of single takes, and the time of the first turn."""
    frontier = Frontier(session.queue, PolitenessSettings(delay=0))
    steps, seconds, takes, first = frontier.turns(), [], [], 0.0
    for number in range(turns):
        before = time.perf_counter()
        turn = await anext(steps)
        if turn.queued_url.kind == "robots":
            frontier.set_robots(turn.queued_url.host, RobotsRules.from_response(404, b"", turn.queued_url.url))
            frontier.mark_stored(turn.queued_url.url)
        else:
            seconds.append(time.perf_counter() - before)
            await session.store(Outcome(turn.queued_url.url, "done", "other", 200))
            before = time.perf_counter()
            frontier.mark_stored(turn.queued_url.url)
            seconds[-1] += time.perf_counter() - before
        first = first or time.perf_counter()
        if number % 10 == 0:
            before = time.perf_counter()
            session.queue.take(turn.queued_url.host, 1, {turn.queued_url.url})
            takes.append(time.perf_counter() - before)
    return seconds, takes, first


def _peak_rss() -> float:
    """The most memory that this program held, in MB. Linux; getrusage would count the parent that started it too."""
    status = pathlib.Path("/proc/self/status").read_text()
    return round(int(status.split("VmHWM:")[1].split()[0]) / 1024, 1)


def _median(seconds: list[float]) -> float:
    return round(statistics.median(seconds) * 1e6, 1)


def _give_up(file: pathlib.Path) -> dict[str, Any]:
    """What it takes to give up a host with everything that is queued of it."""
    with Archive.open(file) as archive:
        (url, host) = archive.db.execute("SELECT url, host FROM urls LIMIT 1").fetchone()
        before, turns = time.perf_counter(), 0
        while not turns or archive.given_up_counts.pop("failed/host_unreachable:timeout"):
            archive.save([Outcome(url, "failed", "host_unreachable:timeout", given_up_host=host)])
            turns += 1
        between = time.perf_counter()
        requeued = archive.requeue(UNREACHED_HOSTS)
        first_s = time.perf_counter() - between
        while archive.requeuer.has_more:
            requeued += archive.requeuer.step()
        requeue_s = time.perf_counter() - between
    return {
        "give_up_s": round(between - before, 2),
        "give_up_turns": turns,
        "requeued": requeued,
        "requeue_first_step_s": round(first_s, 2),
        "requeue_s": round(requeue_s, 2),
    }


def _child(file: str, *arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench.queue", "--measure", file, *arguments]
    return dict(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def rows(urls: list[int], hosts: list[int], turns: int) -> Iterator[dict[str, Any]]:
    """A result for each size and number of hosts."""
    for count in urls:
        for spread in sorted({min(number, count) for number in hosts}):
            with tempfile.TemporaryDirectory() as folder:
                file = pathlib.Path(folder) / "archive.db"
                build(file, count, spread)
                few = str(min(turns, count // 2))  # what waits for a retry would end the turns
                row = {"urls": count, "hosts": spread, **_child(str(file), "--turns", few)}
                yield row | (_child(str(file), "--give-up") if spread == 1 else {})


def main() -> None:
    """Measure, print a line for each size, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--urls", type=int, nargs="+", default=[1_000, 100_000, 1_000_000])
    parser.add_argument("--hosts", type=int, nargs="+", default=[1, 10_000])
    parser.add_argument("--turns", type=int, default=4_000)
    parser.add_argument("--out", type=pathlib.Path, default=RESULT)
    parser.add_argument("--measure", type=pathlib.Path, help=argparse.SUPPRESS)
    parser.add_argument("--give-up", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        made = _give_up(given.measure) if given.give_up else measure(given.measure, given.turns)
        sys.stdout.write(json.dumps(made))
        return
    found = []
    for row in rows(given.urls, given.hosts, given.turns):
        print(" ".join(f"{name}={value}" for name, value in row.items()), flush=True)
        found.append(row)
    machine = {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version, "cpus": os.cpu_count()}
    given.out.write_text(json.dumps({"waiting": WAITING, **machine, "rows": found}, indent=2) + "\n")


if __name__ == "__main__":
    main()
