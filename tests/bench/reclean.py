"""Measure cleaning again and importing, beside the crawl that wrote the raw responses, in one run.

    python -m tests.bench.reclean [--copies N] [--pages N] [--out FILE]

Crawls the site of the throughput benchmark with its raw responses kept, then cleans it again: once where nothing
differs, once where every page is made to differ and is stored anew, and imports the crawl's own WARC files into a new
archive. Beside them a process runs trafilatura's `bare_extraction` with metadata on the same stored responses, after
other pages; of it only the extraction counts, of our verbs also start, reading, storing and settling. Writes
`results/reclean.json`.
"""

from __future__ import annotations

import argparse
import datetime
import os
import pathlib
import platform
import sqlite3
import subprocess
import sys
import tempfile
import time
from typing import Any

from tests.bench.documents.figures import refresh_documents
from tests.bench.figures import write_figures
from tests.bench.load.paired import quiet_load
from tests.bench.load.site import ROOT, build, free_port, served
from tests.bench.load.watch import watched
from tests.internal_tables import RECLEAN_BEFORE

RESULT = pathlib.Path(__file__).parent / "results/reclean.json"
_COUNTS = "SELECT (SELECT count(*) FROM pages), (SELECT count(*) FROM articles)"
_MADE_TO_DIFFER = """UPDATE pages SET evidence = '["as a cleaner of long ago would have it"]', cleaner_id = NULL"""


_CRAWL = ("--delay", "0", "--concurrency", "16", "--allow-private")


def run(db: pathlib.Path, verb: str, *options: str) -> dict[str, Any]:
    """Figures of one of our verbs, over the pages that the archive has in the end."""
    done = watched([sys.executable, "-W", "ignore", "-m", "broadsheet.crawler.cli", verb, *options, "--quiet"], ROOT)
    with sqlite3.connect(db) as archive:
        pages, articles = archive.execute(_COUNTS).fetchone()
    archive.close()
    return {
        "pages": pages,
        "seconds": round(done.seconds, 1),
        "pages_a_second": round(pages / done.seconds, 1),
        "cpu_ms_a_page": round(1000 * done.cpu / pages, 1),
        "peak_mb": round(done.peak_mb),
        "articles": articles,
    }


def again(db: pathlib.Path) -> dict[str, Any]:
    """Cleaning again where nothing differs, and where each page is stored anew."""
    same = run(db, "reclean", str(db), "--all")
    with sqlite3.connect(db) as archive:
        archive.execute(_MADE_TO_DIFFER)
    archive.close()
    anew = run(db, "reclean", str(db))
    with sqlite3.connect(db) as archive:
        kept = archive.execute(f"SELECT coalesce(sum(length(before)), 0) FROM {RECLEAN_BEFORE}").fetchone()[0]
    archive.close()
    return {"same": same, "stored_anew": anew | {"kept_bytes_a_page": round(kept / anew["pages"])}}


def bare_extraction(db: pathlib.Path) -> dict[str, Any]:
    """Figures of trafilatura's `bare_extraction` with metadata on the stored responses, in a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.bench.reclean", "--bare", str(db)]
    seconds, pages = map(float, subprocess.check_output(command, cwd=ROOT, text=True).split())
    return {"pages": int(pages), "cpu_ms_a_page": round(1000 * seconds / pages, 1)}


def extract_stored(db: pathlib.Path) -> tuple[float, int]:
    """Run `bare_extraction` on each stored response: CPU seconds and pages. Others warm its caches before."""
    import trafilatura

    from broadsheet.crawler.replay.recorded_response import UnreadResponse, try_read_response
    from broadsheet.output.settle.recleaned_pages import pages_with_raw
    from broadsheet.output.write.archive_writer import Archive
    from tests.budget_pages import warming_pages

    def extract(url: str, body: bytes) -> float:
        start = time.process_time()
        trafilatura.bare_extraction(body, url=url, with_metadata=True, include_comments=False)
        return time.process_time() - start

    for page in warming_pages():
        extract(page.url, page.body)
    seconds = []
    with Archive.open(db) as archive:
        for raw in pages_with_raw(archive.db):
            if raw.record_location is not None:
                response = try_read_response(raw.record_location, raw.body_location, db.parent)
                if not isinstance(response, UnreadResponse):
                    seconds.append(extract(raw.final_url, response.page(raw.fetched_at).body))
    return sum(seconds), len(seconds)


def ratios(found: dict[str, Any]) -> dict[str, float]:
    """CPU a page of each of our verbs, over that of bare extraction."""
    bare = found["bare_extraction"]["cpu_ms_a_page"]
    return {name: round(found[name]["cpu_ms_a_page"] / bare, 2) for name in ("same", "stored_anew", "import")}


def measured(work: pathlib.Path, copies: int, most: int) -> dict[str, Any]:
    """The whole result."""
    load = quiet_load()
    port, db = free_port(), work / "ours.db"
    site = build(work, port, copies)
    bound = ("--max-pages", str(most)) if most else ()
    with served(work, port):
        crawl = run(db, "crawl", f"http://127.0.0.1:{port}/index.html", "--db", str(db), *_CRAWL, *bound)
    with sqlite3.connect(db) as archive:
        files = [
            name for (name,) in archive.execute("SELECT DISTINCT warc_file FROM captures WHERE warc_file IS NOT NULL")
        ]
    archive.close()
    print("crawl", crawl, flush=True)
    found = again(db)
    found["bare_extraction"] = bare_extraction(db)
    print("again", found, flush=True)
    new = work / "imported.db"
    found["import"] = run(new, "import", *(str(work / name) for name in files), "--db", str(new))
    found["over_bare_extraction"] = ratios(found)
    print("import", found["import"], found["over_bare_extraction"], flush=True)
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "load": load,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "site": site,
        "crawl": crawl,
        **found,
    }


def main() -> None:
    """Run, print, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--copies", type=int, default=1, help="how often each page is laid down")
    parser.add_argument("--pages", type=int, default=0, help="stop the crawl after so many")
    parser.add_argument("--out", type=pathlib.Path, default=RESULT)
    parser.add_argument("--bare", type=pathlib.Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.bare:
        print(*extract_stored(args.bare))
        return
    with tempfile.TemporaryDirectory() as folder:
        result = measured(pathlib.Path(folder), args.copies, args.pages)
    write_figures(args.out, result)
    refresh_documents(args.out)


if __name__ == "__main__":
    main()
