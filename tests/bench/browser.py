"""Measure what pages cost in each mode of `--browser`: milliseconds, megabytes and requests a page.

    python -m tests.bench.browser [--pages N] [--out FILE]

Two sites on loopback are crawled in each mode without pacing: an ordinary one, and an application whose pages are one
shell, two scripts that all share, and a piece of data each. CPU and memory are those of the crawl with all that it has
started, workers and Chromium included, looked at five times a second; memory is what the processes share with nothing
else, at its peak. The result kept in the repository is `tests/bench/results/browser.json`.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import pathlib
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import version

from broadsheet.crawler.options import BROWSER_MODES
from broadsheet.crawler.rendering.chromium import find_program
from broadsheet.crawler.rendering.process_tree import descendants, private_bytes
from tests.bench.load.watch import process_seconds
from tests.crawler.crawls import QUICK, REPOSITORY
from tests.crawler.scripted_site import Reply, ScriptedSite, page

RESULT = pathlib.Path(__file__).parent / "results/browser.json"
_LOOK_SECONDS = 0.2
_SHELL = (
    '<!DOCTYPE html><html lang="en"><head><title>App</title><script src="/vendor.js"></script></head><body>'
    '<noscript>You need to enable JavaScript to run this app.</noscript><div id="root"></div>'
    '<script src="/app.js"></script></body></html>'
)
_APP = """fetch('/api' + location.pathname).then(answer => answer.json()).then(story => {
  document.getElementById('root').innerHTML = story.html; });"""


@dataclass(frozen=True)
class Cost:
    """What a crawl cost: per page, but for the memory, which is that of the whole crawl at its peak."""

    site: str
    mode: str
    pages: int
    articles: int
    wall_ms: float
    cpu_ms: float
    requests: float
    peak_mb: float


def ordinary(pages: int) -> dict[str, Reply]:
    """A site whose start page leads to all the others."""
    links = [f"/story-{number}" for number in range(pages - 1)]
    routes = {"/": Reply(page("front", *links))}
    return routes | {link: Reply(page(f"story{number}")) for number, link in enumerate(links)}


def application(pages: int) -> dict[str, Reply]:
    """The same pages, each a shell that a script fills."""
    shown = {path: str(reply.body) for path, reply in ordinary(pages).items()}
    bodies = {path: html.partition("<body>")[2].partition("</body>")[0] for path, html in shown.items()}
    script = {"Content-Type": "text/javascript"}
    data = {f"/api{path}": Reply(json.dumps({"html": body}), 200, {"Content-Type": "application/json"})
            for path, body in bodies.items()}  # fmt: skip
    scripts = {"/app.js": Reply(_APP, 200, script), "/vendor.js": Reply("var x = 1;" * 20_000, 200, script)}
    return dict.fromkeys(bodies, Reply(_SHELL)) | data | scripts


def cpu_seconds(pids: list[int], seen: dict[int, float]) -> float:
    """The CPU time of all processes that were seen so far, as last seen."""
    for pid in pids:
        with suppress(OSError):
            seen[pid] = process_seconds(pid)
    return sum(seen.values())


def measured(site_name: str, routes: dict[str, Reply], mode: str) -> Cost:
    """Crawl a site in a mode, and look at the crawl's processes meanwhile."""
    site = ScriptedSite(dict(routes))
    with tempfile.TemporaryDirectory() as folder:
        db = pathlib.Path(folder) / "archive.db"
        settings = QUICK | {"BROADSHEET_BROWSER_NO_SANDBOX": str(int(os.geteuid() == 0))}
        arguments = {"url": site.url + "/", "db": db, "browser": mode, "sitemaps": 0, "feeds": 0}
        words = [word for name, value in arguments.items() for word in ("-a", f"{name}={value}")]
        words += [word for name, value in settings.items() for word in ("-s", f"{name}={value}")]
        started, seen, peak, cpu = time.monotonic(), dict[int, float](), 0, 0.0
        process = subprocess.Popen([sys.executable, "-m", "scrapy", "crawl", "site", *words], cwd=REPOSITORY)
        while process.poll() is None:
            pids = descendants(process.pid)
            peak, cpu = max(peak, private_bytes(pids)), cpu_seconds(pids, seen)
            time.sleep(_LOOK_SECONDS)
        seconds = time.monotonic() - started
        with sqlite3.connect(db) as connection:
            pages, articles = connection.execute(
                "SELECT (SELECT count(*) FROM pages), (SELECT count(*) FROM articles)"
            ).fetchone()
    requests = len(site.log)
    site.close()
    return Cost(
        site_name, mode, pages, articles, round(1000 * seconds / pages, 1), round(1000 * cpu / pages, 1),
        round(requests / pages, 2), round(peak / 1e6, 1),
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=25)
    parser.add_argument("--out", type=pathlib.Path, default=RESULT)
    options = parser.parse_args()
    sites = {"ordinary": ordinary(options.pages), "application": application(options.pages)}
    costs = []
    for site_name, routes in sites.items():
        for mode in BROWSER_MODES:
            costs.append(measured(site_name, routes, mode))
            print(costs[-1], file=sys.stderr)
    found = {
        "on": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}",
        "playwright": version("playwright"),
        "chromium": _chromium_version(),
        "load_average": round(os.getloadavg()[0], 1),
        "costs": [asdict(cost) for cost in costs],
    }
    options.out.write_text(json.dumps(found, indent=1) + "\n")


def _chromium_version() -> str:
    words = [find_program() or "", "--version", "--no-sandbox"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    main()
