"""Crawl whole real sites of the shared corpus and compare what came out with their truth.

    python -m tests.bench.sites [NAME ...] [--out FILE]

For each site: truth articles found / in truth / linked. Linked is counted by a walk of its own, which shares no code
with the crawler: from the start page, robots.txt's sitemaps and the usual sitemap places it follows every href, src,
<loc> and <link> on the host and asks which truth paths it met.
"""

from __future__ import annotations

import argparse
import collections
import importlib.util
import json
import pathlib
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from http.server import ThreadingHTTPServer
from urllib.parse import quote, unquote, urljoin, urlsplit

from broadsheet.output.settle.copies_and_parts import TITLED_WORDS
from tests.bench.corpus import ROOT, SHARED
from tests.bench.figures import write_figures

_LINK = re.compile(rb"""(?:href|src)\s*=\s*["']?([^"'\s>]+)|<loc>\s*([^<]+)|<link>\s*([^<]+)""", re.I)
_FIRST = ("/robots.txt", "/sitemap.xml", "/sitemap_index.xml", "/sitemap.txt")


def load_server() -> object:
    """The corpus's own site server, as a module."""
    spec = importlib.util.spec_from_file_location("serve_site", SHARED / "tools/serve_site.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Site:
    """A corpus site on loopback, with its truth; at a port of the system's choice if none is named."""

    def __init__(self, name: str, cache: pathlib.Path, port: int = 0) -> None:
        tools = load_server()
        self.name = name
        self.home = tools.unpack(name, cache)
        self.server = ThreadingHTTPServer(("127.0.0.1", port), None)
        port = self.server.server_address[1]
        self.server.RequestHandlerClass, self.start = tools.handler(self.home, port)
        self.origin = f"http://127.0.0.1:{port}"
        self.truth = [json.loads(line) for line in (self.home / "truth.jsonl").open(encoding="utf8")]

    def __enter__(self) -> Site:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


def words(text: str) -> list[str]:
    """Words as the corpus's scorer counts them."""
    return re.findall(r"\w+", (text or "").lower())


def f1(got: str, want: str) -> float:
    """Word F1 of two texts."""
    one, other = words(got), words(want)
    hit = sum((collections.Counter(one) & collections.Counter(other)).values())
    return 2 * hit / (len(one) + len(other)) if one or other else 1.0


def plain(path: str) -> str:
    """A path for comparison: decoded, without index.html and trailing slash."""
    return unquote(path).removesuffix("index.html").rstrip("/")


def linked_paths(site: Site) -> set[str]:
    """Every path that an independent walk over the site meets."""
    waiting = [site.start, *(site.origin + path for path in _FIRST)]
    seen = set(waiting)
    while waiting:
        url = waiting.pop()
        for found in _links_of(url, site.origin):
            if found not in seen:
                seen.add(found)
                waiting.append(found)
    return {plain(urlsplit(url).path) for url in seen}


def _links_of(url: str, origin: str) -> list[str]:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            kind = answer.headers.get("Content-Type", "")
            body = answer.read() if kind.startswith(("text/", "application/")) else b""
            base = answer.url
    except (urllib.error.URLError, OSError, ValueError):
        return []
    if url.endswith((".txt",)):
        raw = re.findall(rb"https?://\S+", body)
    elif b"<" in body[:2000] and not url.endswith((".js", ".css", ".svg")):
        raw = [b"".join(groups).replace(b"&amp;", b"&") for groups in _LINK.findall(body)]
    else:
        raw = []
    return [full for link in raw if (full := _resolved(link, base)).startswith(origin + "/")]


def _resolved(link: bytes, base: str) -> str:
    try:
        return quote(urljoin(base, link.decode("utf8", "replace").strip()).partition("#")[0], safe=":/?&=%+,;@!$'()*~")
    except ValueError:
        return ""


def crawl(site: Site, db: pathlib.Path) -> tuple[float, int]:
    """Crawl the whole site into `db`; seconds and exit code."""
    started = time.monotonic()
    command = [sys.executable, "-m", "broadsheet.crawler.cli", "crawl", site.start, "--db", str(db), "--delay", "0"]
    done = subprocess.run([*command, "--allow-private", "-q"], cwd=ROOT, check=False)
    return time.monotonic() - started, done.returncode


def measure(site: Site, db_path: pathlib.Path) -> dict[str, object]:
    """Compare an archive with the site's truth."""
    db = sqlite3.connect(f"file:{db_path}?mode=ro", uri=True)
    texts = {
        plain(urlsplit(url).path): (number, text)
        for url, number, text in db.execute(
            "SELECT u.url, a.id, a.text FROM pages p JOIN urls u ON u.id = p.id JOIN articles a ON a.id = p.article_id"
        )
    }
    linked = linked_paths(site)
    truth = {plain(row["path"]): row["text"] for row in site.truth}
    scores = {path: f1(texts[path][1], text) for path, text in truth.items() if path in texts}
    in_truth = {texts[path][0] for path in scores}
    rows = db.execute("SELECT id, url, text, title, word_count FROM articles").fetchall()
    copies = collections.Counter((text, title if words < TITLED_WORDS else "") for _, _, text, title, words in rows)
    return {
        "site": site.name,
        "truth": len(truth),
        "linked": len(linked & set(truth)),
        "found": len(scores),
        "found_of_linked": len(set(scores) & linked),
        "f1": statistics.fmean(scores.values()) if scores else 0.0,
        "articles": len(rows),
        "outside_truth": [url for number, url, *_ in rows if number not in in_truth],
        "copies": sum(count - 1 for count in copies.values()),
        "missing": sorted(path for path in truth if path in linked and path not in texts),
        "worst": sorted((round(score, 3), path) for path, score in scores.items())[:10],
        "bytes": db_path.stat().st_size,
        "urls": dict(db.execute("SELECT state || '/' || reason, count(*) FROM urls GROUP BY 1").fetchall()),
    }


def main() -> None:
    """Run the sites named, or all, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--keep", type=pathlib.Path)
    args = parser.parse_args()
    names = args.names or sorted(file.name.split(".")[0] for file in (SHARED / "corpus/sites").glob("*.tar.xz"))
    folder = args.keep or pathlib.Path(tempfile.mkdtemp())
    folder.mkdir(exist_ok=True, parents=True)
    results = [run(name, folder) for name in names]
    if args.out:
        write_figures(args.out, results)


def run(name: str, folder: pathlib.Path) -> dict[str, object]:
    """Crawl and measure one site."""
    db = folder / f"{name}.db"
    db.unlink(missing_ok=True)
    with Site(name, pathlib.Path(tempfile.gettempdir()) / "broadsheet-sites") as site:
        seconds, code = crawl(site, db)
        result = measure(site, db) | {"seconds": round(seconds, 1), "exit": code}
    print(
        f"{name:20} found {result['found']}/{result['truth']} truth,"
        f" {result['found_of_linked']}/{result['linked']} linked"
        f"  F1 {result['f1']:.4f}  articles {result['articles']}, {len(result['outside_truth'])} outside truth,"
        f" {result['copies']} copies  {seconds:.0f} s  exit {code}",
        flush=True,
    )
    return result


if __name__ == "__main__":
    main()
