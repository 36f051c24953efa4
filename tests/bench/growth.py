"""What each verb costs as an archive grows.

    python -m tests.bench.growth [--articles N ...] [--hosts-of N] [--folder FOLDER] [--out FILE]

Archives of generated stories of real size are stored without a crawl (`tests.bench.load.generated_site`), one host for
each so many articles, and kept in the folder, where they are taken from the next time. Each measurement is a process of
its own; it reports the CPU seconds that it spent and the most memory that it held.

`settle` is measured on an archive that was never settled, on one in which nothing has changed since, and after ten
pages of a host were fetched again with another text. Storing these, and queueing what is due for an update, are rows
of their own: together they are what an update costs besides fetching. `import` takes in a WARC file of a hundred pages
of another site, `reclean` cleans these again, which are the only ones with a raw response, and `merge` takes in an
archive of a hundred pages of a third one: what they cost is that of the pages and of the archive around them. Of these
three every process counts. Writes `results/growth.json` and the section of `docs/performance.md`.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import pathlib
import platform
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import redirect_stdout
from typing import Any

from broadsheet.crawler.cli import run
from broadsheet.output.archive.stored_values import utc_now
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.revisit_schedule import RevisitPolicy, UpdateRun
from tests.bench.figures import write_figures
from tests.bench.load.generated_site import GeneratedSite
from tests.bench.load.growth_section import write_growth_section
from tests.bench.load.watch import peak_kilobytes, watched
from tests.bench.load.wordpress_site import WordPressSite
from tests.bench.sites import ROOT
from tests.crawler.warcs import answer, record, write

RESULT = pathlib.Path(__file__).parent / "results/growth.json"
FOLDER = pathlib.Path(".cache/growth")
SIZES = (5_000, 20_000, 80_000)
ARTICLES_PER_HOST = 1_000
CHANGED_PAGES, ADDED_PAGES = 10, 100
COMMANDS = {
    "search": ["search", "{file}", "bacedi"],
    "report": ["report", "{file}"],
    "changes": ["changes", "{file}"],
    "explain": ["explain", "{file}", "{url}"],
    "export jsonl": ["export", "{file}", "--format", "jsonl", "-o", "{file}.out"],
    "export csv": ["export", "{file}", "--format", "csv", "-o", "{file}.out"],
    "verify": ["verify", "{file}"],
    "import 100 pages": ["import", "{folder}/imported.warc.gz", "--db", "{file}", "-q"],
    "reclean 100 pages": ["reclean", "{file}", "--all", "-q"],
    "merge 100 pages": ["merge", "{file}", "{folder}/merged.db", "-q"],
    "forget one URL": ["forget", "{file}", "{url}", "--yes"],
}
"""The verbs that are run as a person types them, in this order: the last four change the file."""

OF_SEVERAL_PROCESSES = ("import 100 pages", "reclean 100 pages", "merge 100 pages")


def first_settle(file: pathlib.Path, site: GeneratedSite) -> None:
    """Settle the archive."""
    with Archive.open(file) as archive:
        settle(archive.db)


def change_pages(file: pathlib.Path, site: GeneratedSite) -> None:
    """Store another text of some pages of a host."""
    with Archive.open(file) as archive:
        archive.save([site.page(3 + number * site.hosts, version=1) for number in range(CHANGED_PAGES)])


def queue_update(file: pathlib.Path, site: GeneratedSite) -> None:
    """Queue what is due for an update, which is nothing, since all of it was fetched just now."""
    with Archive.open(file) as archive:
        update = UpdateRun(RevisitPolicy(interval_seconds=1e12), utc_now(), lambda url, depth: True, False)
        archive.queue_revisits(update)


STEPS: dict[str, Callable[[pathlib.Path, GeneratedSite], None]] = {
    "settle: the first time": first_settle,
    "settle: nothing has changed": first_settle,
    "update: queueing": queue_update,
    "update: storing ten changed pages": change_pages,
    "settle: ten pages have changed": first_settle,
}


def measure(name: str, file: pathlib.Path, site: GeneratedSite) -> dict[str, float]:
    """What a step costs in this process: CPU seconds and the megabytes that it held at most."""
    arguments = command_line(name, file, site)
    site.page(0)  # makes the vocabulary
    started = time.process_time()
    if name in STEPS:
        STEPS[name](file, site)
    elif exit_code := run(arguments):
        raise RuntimeError(f"{' '.join(arguments)} exits with {exit_code}")
    return {"cpu_s": round(time.process_time() - started, 2), "peak_mb": round(peak_kilobytes() / 1024)}


def command_line(name: str, file: pathlib.Path, site: GeneratedSite) -> list[str]:
    """What a person types for a verb; nothing for a step that is none."""
    values = {"file": file, "folder": file.parent, "url": site.url(5)}
    return [part.format(**values) for part in COMMANDS.get(name, ())]


def measure_processes(arguments: list[str]) -> dict[str, float]:
    """What a verb costs with all its processes: CPU seconds, and the megabytes that they held together."""
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "cost.json"
        launcher = [sys.executable, "-m", "tests.bench.load.session_cpu", str(report)]
        held = watched([*launcher, sys.executable, "-m", "broadsheet.crawler.cli", *arguments], ROOT).peak_mb
        cost = json.loads(report.read_text("utf8"))
    if cost["exit_code"]:
        raise RuntimeError(f"{' '.join(arguments)} exits with {cost['exit_code']}")
    return {"cpu_s": round(cost["cpu"], 2), "peak_mb": round(held)}


def make_additions(folder: pathlib.Path) -> None:
    """The WARC file that is imported, and the archive that is merged, where the folder has none."""
    write_warc(folder / "imported.warc.gz", "https://imported.example")
    merged = folder / "merged.db"
    if not merged.exists():
        warc = write_warc(folder / "merged.warc.gz", "https://merged.example")
        if run(["import", str(warc), "--db", str(merged), "-q"]):
            raise RuntimeError(f"{warc} could not be imported")
    with Archive.open(merged):  # one that an earlier version made is upgraded
        return


def write_warc(file: pathlib.Path, origin: str) -> pathlib.Path:
    """A WARC file of the articles of a generated WordPress site."""
    site = WordPressSite(origin, ADDED_PAGES)
    urls = re.findall(r"<loc>(.*?)</loc>", (site.answer("/wp-sitemap.xml") or b"").decode())
    return write(file, [record(url, answer(site.answer(url.removeprefix(origin)) or b"")) for url in urls])


def measure_apart(name: str, file: pathlib.Path, site: GeneratedSite) -> dict[str, float]:
    """The same in a process of its own; of some verbs, with every process that they start."""
    if name in OF_SEVERAL_PROCESSES:
        return measure_processes(command_line(name, file, site))
    arguments = ["--step", name, str(file), str(site.pages), str(site.hosts)]
    done = subprocess.run([sys.executable, "-m", "tests.bench.growth", *arguments], stdout=subprocess.PIPE, check=True)
    return dict(json.loads(done.stdout))


def site_of(articles: int, articles_per_host: int) -> GeneratedSite:
    """The site that fills an archive."""
    return GeneratedSite(articles, max(1, articles // articles_per_host))


def stored_archive(folder: pathlib.Path, site: GeneratedSite) -> pathlib.Path:
    """A copy of an archive of the site's pages, never settled; it is made if the folder has none."""
    kept = folder / f"{site.pages}-articles-{site.hosts}-hosts.db"
    if not kept.exists():
        unfinished = kept.with_suffix(".part")
        with Archive.open(unfinished) as archive:
            site.store(archive)
        unfinished.rename(kept)
    measured = pathlib.Path(shutil.copy(kept, folder / f"measured-{site.pages}.db"))
    with Archive.open(measured):  # of an earlier schema, it is upgraded before anything is measured
        return measured


def measure_sizes(folder: pathlib.Path, sites: list[GeneratedSite]) -> list[dict[str, Any]]:
    """Every step on an archive of each size: a step on all of them before the next, so that what else the machine does
    bears on each alike."""
    files = [stored_archive(folder, site) for site in sites]
    results: list[dict[str, Any]] = [
        {"articles": site.pages, "hosts": site.hosts, "file_mb": file.stat().st_size >> 20}
        for site, file in zip(sites, files, strict=True)
    ]
    loads: list[list[float]] = [[] for _ in sites]
    for name in (*STEPS, *COMMANDS):
        for site, file, result, load in zip(sites, files, results, loads, strict=True):
            result[name] = measure_apart(name, file, site)
            load.append(round(os.getloadavg()[0], 1))
            print(f"{site.pages:,} articles, {name}: {result[name]}", file=sys.stderr, flush=True)
    for path in folder.glob("measured*"):
        path.unlink()
    return [
        result | {"least_load": min(load), "greatest_load": max(load)}
        for result, load in zip(results, loads, strict=True)
    ]


def machine() -> dict[str, Any]:
    """What the figures belong to."""
    versions = {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
    return {"date": datetime.date.today().isoformat(), "processors": os.cpu_count(), "versions": versions}


def run_step(name: str, file: str, pages: str, hosts: str) -> None:
    """Measure a step and print what it costs, without what the verb prints."""
    with pathlib.Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        cost = measure(name, pathlib.Path(file), GeneratedSite(int(pages), int(hosts)))
    print(json.dumps(cost))


def main(arguments: Iterable[str] | None = None) -> None:
    """Measure each size, and write result and page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--articles", type=int, nargs="+", default=SIZES)
    parser.add_argument("--hosts-of", type=int, default=ARTICLES_PER_HOST, help="articles of each host")
    parser.add_argument("--folder", type=pathlib.Path, default=FOLDER)
    parser.add_argument("--out", type=pathlib.Path, default=RESULT)
    parser.add_argument("--step", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args(list(arguments) if arguments is not None else None)
    if args.step:
        run_step(*args.step)
        return
    args.folder.mkdir(parents=True, exist_ok=True)
    make_additions(args.folder)
    sizes = measure_sizes(args.folder, [site_of(articles, args.hosts_of) for articles in args.articles])
    result = machine() | {"sizes": sizes}
    write_figures(args.out, result)
    if args.out == RESULT:
        write_growth_section(result)


if __name__ == "__main__":
    main()
