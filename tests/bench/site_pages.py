"""The pages of the corpus's whole sites that have a reference text, as rows for the scorer, each read by itself."""

import json
import pathlib
import sqlite3
import statistics
import tempfile
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.bench.sites import SHARED, f1, load_server, plain

CACHE = pathlib.Path(tempfile.gettempdir()) / "broadsheet-sites"


def names() -> list[str]:
    """The sites of the corpus."""
    return sorted(file.name.split(".")[0] for file in (SHARED / "corpus/sites").glob("*.tar.xz"))


def site_pages(name: str, every: int) -> Iterator[tuple[dict[str, Any], bytes]]:
    """Each n-th page with a reference text: a truth row and the page's bytes."""
    home = load_server().unpack(name, CACHE)
    origins = json.loads((home / "site.json").read_text("utf-8"))["origins"] or ["site.example"]
    for number, row in enumerate(_truth(home)):
        file = home / "www" / unquote(row["path"]).lstrip("/")
        file = file / "index.html" if file.is_dir() else file
        if number % every == 0 and file.is_file():
            url = f"https://{origins[0]}{row['path']}"
            yield {"id": row["path"], "url": url, "text": row["text"]}, file.read_bytes()


def _truth(home: pathlib.Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (home / "truth.jsonl").read_text("utf-8").splitlines()]


def archived(folder: pathlib.Path) -> dict[str, float]:
    """By site: mean word F1 of the articles in its archive, crawled and settled, that have a reference text."""
    found: dict[str, float] = {}
    for name in names():
        if (file := folder / f"{name}.db").is_file():
            home = load_server().unpack(name, CACHE)
            truth = {plain(row["path"]): row["text"] for row in _truth(home)}
            db = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
            query = (
                "SELECT u.url, a.text FROM pages p JOIN urls u ON u.id = p.id JOIN articles a ON a.id = p.article_id"
            )
            paths = ((plain(urlsplit(url).path), text) for url, text in db.execute(query))
            found[name] = round(statistics.fmean(f1(text, truth[path]) for path, text in paths if path in truth), 4)
    return found
