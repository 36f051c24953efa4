"""The sides of the throughput benchmark: the crawl as it is installed, the naive spider, trafilatura's command line."""

from __future__ import annotations

import json
import pathlib
import shutil
import sqlite3
import sys
from dataclasses import asdict
from typing import Any

import trafilatura

from tests.bench.load.site import ROOT, TOOLS
from tests.bench.load.watch import Run, watched
from tests.internal_tables import WARC_FILES

AT_ONCE = 16


def ours(base: str, work: pathlib.Path, pages: int, *options: str) -> dict[str, Any]:
    """`broadsheet crawl` with no delay: links, metadata, ledger, full text, raw responses, settled at the end."""
    db, report = work / "ours.db", work / "lag.json"
    _clear(db)
    run = watched([*_command(report), f"{base}/index.html", "--db", str(db), *_OPTIONS, *options], ROOT)
    with sqlite3.connect(db) as archive:
        found = "SELECT count(*) FROM pages p JOIN urls u ON u.id = p.id WHERE u.url LIKE ?"
        count = archive.execute(found, [f"{base}/a/%"]).fetchone()[0]
        articles = archive.execute("SELECT count(*) FROM articles").fetchone()[0]
        raw = archive.execute(f"SELECT total(length) FROM {WARC_FILES}").fetchone()[0]
    lag = json.loads(report.read_text())
    stored = {"bytes_a_page": round(db.stat().st_size / max(count, 1)), "lag_ms": lag}
    stored["raw_bytes_a_page"] = round(raw / max(count, 1))
    return _figures(run, pages, count) | {"articles": articles} | stored


def naive(base: str, work: pathlib.Path, pages: int) -> dict[str, Any]:
    """Scrapy with trafilatura inline and sqlite-utils, as a user would write it by hand."""
    db = work / "naive.db"
    _clear(db)
    script = str(TOOLS / "naive_spider.py")
    run = watched([sys.executable, "-W", "ignore", script, f"{base}/index.html", str(db), str(AT_ONCE)], work)
    with sqlite3.connect(db) as archive:
        count = archive.execute("SELECT count(*) FROM articles WHERE url LIKE ?", [f"{base}/a/%"]).fetchone()[0]
    return _figures(run, pages, count) | {"articles": count, "bytes_a_page": round(db.stat().st_size / max(count, 1))}


def command_line(urls: pathlib.Path, work: pathlib.Path, pages: int) -> dict[str, Any]:
    """trafilatura's own command line over the list of the same pages, two processes."""
    out, config = work / "trafilatura", work / "trafilatura.cfg"
    shutil.rmtree(out, ignore_errors=True)
    text = (pathlib.Path(trafilatura.__file__).parent / "settings.cfg").read_text()
    lines = [line for line in text.splitlines() if not line.startswith(("SLEEP_TIME", "SSRF_PROTECTION"))]
    config.write_text("\n".join([*lines, "SLEEP_TIME = 0", "SSRF_PROTECTION = off", ""]))
    options = ["--parallel", "2", "--json", "--with-metadata", "--no-comments", "--config-file", str(config)]
    tool = str(pathlib.Path(sys.executable).parent / "trafilatura")
    run = watched([tool, "-i", str(urls), "-o", str(out), *options], work)
    count = sum(1 for _ in out.rglob("*.json"))
    return _figures(run, pages, count) | {"articles": count}


_OPTIONS = ("--delay", "0", "--concurrency", str(AT_ONCE), "--allow-private", "--quiet")


def _command(report: pathlib.Path) -> list[str]:
    return [sys.executable, "-W", "ignore", "-m", "tests.bench.load.beating", str(report), "crawl"]


def _figures(run: Run, pages: int, count: int) -> dict[str, Any]:
    """Figures a page, over the pages that the site has, whatever a side made of them."""
    if count < 0.9 * pages:
        raise SystemExit(f"only {count} of {pages} pages came out")
    figures = {name: round(value, 1) for name, value in asdict(run).items()}
    rates = {"pages_a_second": round(pages / run.seconds, 2), "cpu_ms_a_page": round(1000 * run.cpu / pages, 1)}
    return rates | {"own_cpu_ms_a_page": round(1000 * run.own_cpu / pages, 1), "pages": count} | figures


def _clear(db: pathlib.Path) -> None:
    shutil.rmtree(f"{db}.warc", ignore_errors=True)
    for file in db.parent.glob(f"{db.name}*"):
        file.unlink()
