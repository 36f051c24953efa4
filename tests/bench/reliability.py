"""Kill a crawl of 200 pages again and again, let it finish, and count: ours, and Scrapy's own JOBDIR.

    python -m tests.bench.reliability [--kills 1 5 20]

Both crawl the same scripted site on loopback, four requests at a time, without delay, and are killed with SIGKILL,
workers too, at the same points of progress. Writes tests/bench/results/reliability.json and the table in
docs/reliability.md.
"""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import scrapy
from scrapy.crawler import AsyncCrawlerProcess

from tests.bench.figures import write_figures
from tests.crawler.crawls import REPOSITORY
from tests.crawler.scripted_site import Reply, ScriptedSite, page
from tests.robustness.killing import Moment, distinct, fetched_often, kill_often, path_of, repeated

SECTIONS = 10
ARTICLES = 19  # of a section
PAGES = SECTIONS * (1 + ARTICLES)  # below the start page
ANSWER_SECONDS = 0.02
AT_ONCE = 4
RESULTS = Path(__file__).parent / "results/reliability.json"
DOCUMENT = REPOSITORY / "docs/reliability.md"
BEGIN, END = "<!-- measured by tests/bench/reliability.py -->", "<!-- end -->"


def site() -> ScriptedSite:
    """A start page, its sections, and articles that each link to the next two of their section."""
    made = ScriptedSite()
    sections = [f"/s{number}/" for number in range(SECTIONS)]
    made.routes["/"] = _reply("home", *sections)
    for section in sections:
        articles = [f"{section}a{number}" for number in range(ARTICLES)]
        made.routes[section] = _reply(f"section{section[2:-1]}", *articles)
        for number, path in enumerate(articles):
            made.routes[path] = _reply(path[1:].replace("/", "x"), *articles[number + 1 : number + 3])
    return made


def _reply(name: str, *links: str) -> Reply:
    return Reply(page(name, *links), wait=ANSWER_SECONDS)


class ByHand(scrapy.Spider):
    """What one writes with Scrapy for the task: follow links, yield pages."""

    name = "byhand"

    def parse(self, response: Any) -> Iterator[Any]:
        """A page, and the links on it."""
        yield {"url": response.url, "text": " ".join(response.css("p::text").getall())}
        yield from response.follow_all(css="a", callback=self.parse)


class ToSqlite:
    """A pipeline that commits each item."""

    def __init__(self, file: str) -> None:
        self._db = sqlite3.connect(file)
        self._db.execute("CREATE TABLE IF NOT EXISTS items (url TEXT PRIMARY KEY, text TEXT)")

    @classmethod
    def from_crawler(cls, crawler: Any) -> ToSqlite:
        """Made by Scrapy."""
        return cls(crawler.settings["ITEMS_DB"])

    def process_item(self, item: Any) -> Any:
        """Store an item."""
        self._db.execute("INSERT OR REPLACE INTO items VALUES (?, ?)", [item["url"], item["text"]])
        self._db.commit()
        return item


def by_hand(url: str, folder: str) -> None:
    """Crawl with the spider above, JOBDIR, a feed of JSON lines and the pipeline."""
    settings = {
        "JOBDIR": f"{folder}/job",
        "FEEDS": {f"{folder}/items.jsonl": {"format": "jsonlines"}},
        "ITEM_PIPELINES": {ToSqlite: 100},
        "ITEMS_DB": f"{folder}/items.db",
        "CONCURRENT_REQUESTS_PER_DOMAIN": AT_ONCE,
        "DOWNLOAD_DELAY": 0,
        "TELNETCONSOLE_ENABLED": False,
        "LOG_LEVEL": "ERROR",
    }
    process = AsyncCrawlerProcess(settings)
    process.crawl(ByHand, start_urls=[url])
    process.start()


def _start(*command: str) -> Any:
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=REPOSITORY,
        text=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def _moments(kills: int) -> list[Moment]:
    chance = random.Random(kills)
    return [Moment(1 + PAGES * number // (kills + 1), chance.uniform(0, 0.2)) for number in range(1, kills + 1)]


def measure(kills: int, start: Callable[[str], Any], db: Path, held: str) -> dict[str, Any]:
    """Crawl a site of its own with so many kills and to the end; `held` asks the file for the URLs it holds."""
    served = site()
    try:
        asked: Callable[[], Sequence[str]] = served.paths
        deaths = kill_often(lambda: start(f"{served.url}/"), asked, db, kills, _moments(kills), held)
        last = start(f"{served.url}/")
        last.communicate()
        connection = sqlite3.connect(db)
        kept = {path_of(url) for (url,) in connection.execute(held)} & set(served.routes) - {"/"}
        sound = connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.close()
        return {
            "planned": kills,
            "kills": len(deaths),
            "kept": len(kept),
            "lost": PAGES - len(kept),
            "asked": distinct(asked()),
            "fetched_twice": fetched_often(asked()),
            "fetched_again_though_stored": len(repeated(deaths, asked())),
            "file_sound": sound and not any(death.faults for death in deaths),
            "exit": last.returncode,
        }
    finally:
        served.close()


def ours(kills: int) -> dict[str, Any]:
    """The measurement of `broadsheet crawl`."""
    with tempfile.TemporaryDirectory() as folder:
        db = Path(folder) / "a.db"
        options = ("--db", str(db), "--allow-private", "--delay", "0", "--concurrency", str(AT_ONCE), "-q")
        held = "SELECT u.url FROM urls u JOIN pages p ON p.id = u.id WHERE u.state = 'done'"
        return measure(kills, lambda url: _start("broadsheet.crawler.cli", "crawl", url, *options), db, held)


def jobdir(kills: int) -> dict[str, Any]:
    """The measurement of Scrapy's JOBDIR."""
    with tempfile.TemporaryDirectory() as folder:
        db = Path(folder) / "items.db"
        found = measure(
            kills,
            lambda url: _start("tests.bench.reliability", "--spider", url, folder),
            db,
            "SELECT url FROM items",
        )
        return found | {"broken_lines": _broken_lines(Path(folder) / "items.jsonl")}


def _broken_lines(file: Path) -> int:
    broken = 0
    for line in file.read_text("utf-8", errors="replace").splitlines() if file.exists() else ():
        try:
            json.loads(line)
        except ValueError:
            broken += 1
    return broken


_HEADS = ("", "kills", "pages kept of 200", "lost", "fetched twice", "of these stored before", "file")


def table(results: dict[str, list[dict[str, Any]]]) -> str:
    """The results as a Markdown table."""
    lines = [_HEADS, ("---",) * len(_HEADS)]
    for name, rows in results.items():
        for row in rows:
            kills = f"{row['kills']} of {row['planned']}"
            numbers = (kills, row["kept"], row["lost"], row["fetched_twice"], row["fetched_again_though_stored"])
            lines.append((name, *map(str, numbers), _state(row)))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _state(row: dict[str, Any]) -> str:
    sound = "sound" if row["file_sound"] else "damaged"
    return f"{sound}; {row['broken_lines']} broken lines of JSON" if row.get("broken_lines") else sound


def write(results: dict[str, list[dict[str, Any]]]) -> None:
    """Store the results, and put the table into the document."""
    write_figures(RESULTS, results)
    if DOCUMENT.exists():
        before, _, rest = DOCUMENT.read_text("utf-8").partition(BEGIN)
        after = rest.partition(END)[2]
        DOCUMENT.write_text(f"{before}{BEGIN}\n{table(results)}\n{END}{after}", encoding="utf-8")


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, nargs="+", default=[1, 5, 20])
    parser.add_argument("--spider", nargs=2, metavar=("URL", "FOLDER"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.spider:
        by_hand(*args.spider)
        return
    results = {"Broadsheet": [ours(kills) for kills in args.kills]}
    results["Scrapy, JOBDIR"] = [jobdir(kills) for kills in args.kills]
    print(table(results))
    write(results)


if __name__ == "__main__":
    main()
