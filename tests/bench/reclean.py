"""Measure cleaning again and importing, beside the crawl that wrote the raw responses, in one run.

    python -m tests.bench.reclean [--copies N] [--out FILE]

Crawls the site of the throughput benchmark with its raw responses kept, then cleans it again: once where nothing
differs, once where every page is made to differ and is stored anew, and imports the crawl's own WARC files into a new
archive. Writes `results/reclean.json`.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import pathlib
import platform
import sqlite3
import sys
import tempfile
from typing import Any

from tests.bench.load import sides
from tests.bench.load.site import ROOT, build, free_port, pages_in, served
from tests.bench.load.watch import watched

RESULT = pathlib.Path(__file__).parent / "results/reclean.json"
_MADE_TO_DIFFER = """UPDATE pages SET evidence = '["as a cleaner of long ago would have it"]', cleaner_id = NULL"""


def run(db: pathlib.Path, pages: int, verb: str, *options: str) -> dict[str, Any]:
    """Figures of one of our verbs over an archive of so many pages."""
    done = watched([sys.executable, "-W", "ignore", "-m", "crawler.cli", verb, *options, "--quiet"], ROOT)
    with sqlite3.connect(db) as archive:
        articles = archive.execute("SELECT count(*) FROM articles").fetchone()[0]
    return {
        "seconds": round(done.seconds, 1),
        "pages_a_second": round(pages / done.seconds, 1),
        "cpu_ms_a_page": round(1000 * done.cpu / pages, 1),
        "peak_mb": round(done.peak_mb),
        "articles": articles,
    }


def again(db: pathlib.Path, pages: int) -> dict[str, Any]:
    """Cleaning again where nothing differs, and where each page is stored anew."""
    same = run(db, pages, "reclean", str(db), "--all")
    with sqlite3.connect(db) as archive:
        archive.execute(_MADE_TO_DIFFER)
    archive.close()
    anew = run(db, pages, "reclean", str(db))
    with sqlite3.connect(db) as archive:
        kept = archive.execute("SELECT coalesce(sum(length(before)), 0) FROM reclean_before").fetchone()[0]
    archive.close()
    return {"same": same, "stored_anew": anew | {"kept_bytes_a_page": round(kept / pages)}}


def measured(work: pathlib.Path, copies: int) -> dict[str, Any]:
    """The whole result."""
    port = free_port()
    site = build(work, port, copies)
    with served(work, port):
        crawl = sides.ours(f"http://127.0.0.1:{port}", work, pages_in(work))
    db = work / "ours.db"
    with sqlite3.connect(db) as archive:
        pages = archive.execute("SELECT count(*) FROM pages").fetchone()[0]
        files = [
            name for (name,) in archive.execute("SELECT DISTINCT warc_file FROM captures WHERE warc_file IS NOT NULL")
        ]
    archive.close()
    print("crawl", crawl, flush=True)
    found = again(db, pages)
    print("again", found, flush=True)
    new = work / "imported.db"
    found["import"] = run(new, pages, "import", *(str(work / name) for name in files), "--db", str(new))
    print("import", found["import"], flush=True)
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "site": site,
        "pages": pages,
        "crawl": crawl,
        **found,
    }


def main() -> None:
    """Run, print, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--copies", type=int, default=1, help="how often each page is laid down")
    parser.add_argument("--out", type=pathlib.Path, default=RESULT)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = measured(pathlib.Path(folder), args.copies)
    args.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf8")


if __name__ == "__main__":
    main()
