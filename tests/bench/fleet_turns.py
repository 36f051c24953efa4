"""CPU and requests to the store of a turn at which a site has nothing new.

`python -m tests.bench.fleet_turns [--sites 10] [--turns 3] [--parallel 2]` writes a row of
tests/bench/results/fleet_turns.json. Generated sites of eight articles are crawled on loopback by `broadsheet fleet run
--store` over an S3 server, and then looked at again so many times. The CPU is that of the command and of all that it
starts, but for what a command costs that has nothing to do; requests are counted by a proxy.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from tests.bench.figures import write_figures
from tests.bench.load.site import free_port
from tests.crawler.fleet.faulty_s3 import FaultyS3
from tests.crawler.fleet.s3_server import BUCKET, running_s3_server
from tests.crawler.scripted_site import ScriptedSite, page
from tests.crawler.shell import environment

RESULTS = Path(__file__).parent / "results" / "fleet_turns.json"
_ARTICLES = 8
_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER: what a command leaves running becomes a child of this process


def served_site(number: int) -> ScriptedSite:
    """A site of articles, which its start page lists."""
    paths = [f"/news/{number}-{index}" for index in range(_ARTICLES)]
    articles = {path: page(f"story{number}x{index}") for index, path in enumerate(paths)}
    return ScriptedSite({"/": page("home", *paths), **articles})


def timed(words: list[str], variables: Mapping[str, str]) -> tuple[float, float]:
    """Seconds on the clock, and of CPU, of a command and what it starts."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    command = [sys.executable, "-m", "broadsheet.crawler.cli", "fleet", "run", *words]
    subprocess.run(command, env=dict(variables), check=True, stdout=subprocess.DEVNULL)
    seconds = time.monotonic() - started
    while len(_children()) > 1:  # the S3 server stays
        with suppress(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)
        time.sleep(0.05)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _children() -> list[str]:
    tasks = Path("/proc/self/task").iterdir()
    return [child for task in tasks for child in (task / "children").read_text().split()]


def measured(site_count: int, turns: int, parallel: int, folder: Path) -> dict[str, Any]:
    """What a turn costs of so many sites, and what choosing does."""
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    with ExitStack() as stack:
        sites = [served_site(number) for number in range(site_count)]
        for site in sites:
            stack.callback(site.close)
        server = stack.enter_context(running_s3_server(free_port()))
        faulty = stack.enter_context(FaultyS3(server, lambda _: None).running())
        tables = "".join(f'[sites.site-{number}]\nurls = ["{site.url}/"]\n' for number, site in enumerate(sites))
        (folder / "sites.toml").write_text(f"[defaults]\nallow-private = true\ndelay = 0\n{tables}")
        words = [str(folder / "sites.toml"), "--store", f"s3://{BUCKET}/fleet", "-q", "--parallel", str(parallel)]
        variables = environment() | faulty.environment("bench")

        def run(*further: str) -> tuple[float, float, Counter[str]]:
            faulty.requests.clear()
            return (*timed([*words, *further], variables), Counter(faulty.requests))

        first, idle, turn = run(), run(), [run("--all") for _ in range(turns)]
    count = site_count * turns
    requests: Counter[str] = sum((requests for _, _, requests in turn), Counter())
    return {
        "sites": site_count, "turns": turns, "parallel": parallel,
        "first_crawl": {"cpu_seconds_a_site": round(first[1] / site_count, 3)},
        "nothing_due": {"cpu_seconds": round(idle[1], 2), "requests": dict(idle[2])},
        "nothing_new": {
            "seconds": round(sum(seconds for seconds, _, _ in turn), 1),
            "cpu_seconds_a_turn": round(sum(cpu - idle[1] for _, cpu, _ in turn) / count, 3),
            "requests_a_turn": {name: round(number / count, 2) for name, number in sorted(requests.items())},
            "all_requests_a_turn": round(requests.total() / count, 2),
        },
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sites", type=int, default=10)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--parallel", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        row = measured(options.sites, options.turns, options.parallel, Path(folder))
    print(json.dumps(row, indent=1))
    rows = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    write_figures(RESULTS, [*(one for one in rows if one["sites"] != row["sites"]), row])


if __name__ == "__main__":
    main()
