"""What cleaning in bulk costs against a settled crawl, on the real sites of the corpus.

`python -m tests.bench.bulk_sites FOLDER` takes the archives that `python -m tests.bench.sites --keep FOLDER` left,
cleans their WARC files by `broadsheet clean`, and compares both with the sites' truth: articles found, the mean word F1
of those that both found, and articles outside the truth. It writes tests/bench/results/bulk_sites.json.
"""

from __future__ import annotations

import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pyarrow.parquet

from tests.bench.documents.figures import refresh_documents
from tests.bench.figures import write_figures
from tests.bench.sites import Site, f1, plain

RESULTS = Path(__file__).parent / "results" / "bulk_sites.json"
_PAGES = "SELECT u.url, a.text, a.id FROM pages p JOIN urls u ON u.id = p.id JOIN articles a ON a.id = p.article_id"


def settled_texts(archive: Path) -> dict[str, tuple[str, str]]:
    """The text and the article of each path, in an archive."""
    with closing(sqlite3.connect(f"file:{archive}?mode=ro", uri=True)) as db:
        return {plain(urlsplit(url).path): (text, str(number)) for url, text, number in db.execute(_PAGES)}


def bulk_texts(archive: Path) -> dict[str, tuple[str, str]]:
    """The same of its WARC files, cleaned in bulk; of an article's captures the latest counts."""
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, "-m", "broadsheet.crawler.cli", "clean", f"{archive}.warc", "-o", folder]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
        rows = pyarrow.parquet.read_table(f"{folder}/articles", columns=["url", "text", "id", "last_seen"]).to_pylist()
    rows.sort(key=lambda row: row["last_seen"])
    return {plain(urlsplit(row["url"]).path): (row["text"], row["id"]) for row in rows}


def measure(archive: Path) -> dict[str, object]:
    """Compare both with the truth of a site."""
    with Site(archive.stem, Path(tempfile.gettempdir()) / "broadsheet-sites") as site:
        truth = {plain(row["path"]): row["text"] for row in site.truth}
    texts = {"settled": settled_texts(archive), "bulk": bulk_texts(archive)}
    both = truth.keys() & texts["settled"].keys() & texts["bulk"].keys()
    figures: dict[str, object] = {"site": archive.stem, "truth": len(truth), "both": len(both)}
    for name, found in texts.items():
        in_truth = {found[path][1] for path in truth.keys() & found.keys()}
        scores = [f1(found[path][0], truth[path]) for path in both]
        figures |= {
            f"{name}_found": len(truth.keys() & found.keys()), f"{name}_f1": statistics.fmean(scores),
            f"{name}_outside": len({article for _, article in found.values()} - in_truth),
        }  # fmt: skip
    print(json.dumps(figures), flush=True)
    return figures


def main(folder: Path) -> None:
    """Measure each archive, write, and fill the documents."""
    with ThreadPoolExecutor(2) as pool:
        sites = list(pool.map(measure, sorted(folder.glob("*.db"), key=lambda file: file.stat().st_size)))
    names = [name for name in sites[0] if name not in ("site", "settled_f1", "bulk_f1")]
    total: dict[str, object] = {name: sum(site[name] for site in sites) for name in names}  # type: ignore[misc]
    total |= {key: statistics.fmean(site[key] for site in sites) for key in ("settled_f1", "bulk_f1")}  # type: ignore
    write_figures(RESULTS, {site["site"]: site for site in [*sites, total | {"site": "all"}]})
    refresh_documents(RESULTS)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
