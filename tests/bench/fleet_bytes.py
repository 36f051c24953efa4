"""Bytes that travel between workers and a store: `python -m tests.bench.fleet_bytes [NAME...] [--pages N]`.

Each real site of the evaluation data is an archive of imported pages, `--pages` of them at most, and is then updated
five times: eighteen pages are new, eighteen have one more paragraph. `generated` and `grown` are archives of 5,000 and
80,000 generated articles of real size, settled, and updated five times with ninety new and ten changed pages. Each
update is a run with a store in a folder, on a machine that had the state before; a reader elsewhere then brings its
copy up to date.

The store counts what is put, what is read back to verify it, and what the reader fetches. Beside that stand other ways
to say the same change, as bytes to put: changed pages as they are and packed, deltas, the rows that are new or changed
(which is also what a changeset of SQLite's session extension holds, which Python does not give access to), and
content-defined chunks of some 4 KB. "New rows" are the bytes of values of new and changed rows, without the full-text
index. Writes results/fleet_bytes.json.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from backports import zstd

from broadsheet.crawler.cli import run
from broadsheet.crawler.fleet.folder_store import FolderStore
from broadsheet.crawler.fleet.page_deltas import compare_files, pack_change
from broadsheet.crawler.fleet.site_copies import LocalCopy, ReadingCopies
from broadsheet.crawler.fleet.stored_run import StoredSite, run_stored
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.archive_writer import Archive
from tests.bench.documents.figures import refresh_documents
from tests.bench.load.generated_site import GeneratedSite
from tests.bench.site_pages import names, site_pages
from tests.crawler.warcs import answer, record, write

RESULTS = Path(__file__).parent / "results" / "fleet_bytes.json"
UPDATES, NEW_PAGES, EDITED_PAGES, WORDS = 5, 18, 18, 40
GENERATED_ARTICLES = {"generated": 5_000, "grown": 80_000}
GENERATED_NEW, GENERATED_EDITED = 90, 10
_CHUNK_MASK, _LEAST_CHUNK, _BLOCK = 0xFFF, 512, 8 << 20
_TABLES = """SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
    AND name NOT LIKE 'articles_fts%'"""

Step = Callable[[Path], None]
"""Changes an archive, as a crawl or an update does."""


class CountedStore(FolderStore):
    """A folder that counts the bytes put and read."""

    put = read = 0

    def put_bytes(self, key: str, data: bytes) -> None:
        self.put += len(data)
        super().put_bytes(key, data)

    def chunks(self, key: str, start: int = 0) -> Iterator[bytes]:
        for chunk in super().chunks(key, start):
            self.read += len(chunk)
            yield chunk

    def taken(self) -> tuple[int, int]:
        """The bytes put and read since this was last asked."""
        counts = self.put, self.read
        self.put = self.read = 0
        return counts


def measure(first: Step, updates: Sequence[Step], folder: Path) -> dict[str, int]:
    """Make a site and update it; sums over the updates, in bytes."""
    (folder / "store").mkdir(parents=True)
    store, copy = CountedStore(folder / "store"), LocalCopy(folder / "worker/site", "site", "store")
    site, reader = StoredSite(store, copy, "worker"), ReadingCopies(store, "store", folder / "reader")
    run_stored(site, lambda archive, is_lost: first(archive))
    reader.archive("site")
    sums: dict[str, int] = {}
    chunks = chunk_digests(copy.base_path)
    for update in updates:
        earlier = Path(shutil.copy(copy.base_path, folder / "earlier.db"))
        store.taken()
        run_stored(site, lambda archive, is_lost, update=update: update(archive))
        put, read_back = store.taken()
        reader.archive("site")
        counts = {"put": put, "read_back": read_back, "fetched": store.taken()[1], **whole_files(earlier, copy)}
        known, chunks = chunks, chunk_digests(copy.base_path)
        counts["chunks"] = sum(length for digest, length in chunks.items() if digest not in known)
        for name, count in (counts | encodings(earlier, copy.base_path)).items():
            sums[name] = sums.get(name, 0) + count
    return sums | {"database": copy.base_path.stat().st_size, "updates": len(updates)}


def whole_files(earlier: Path, copy: LocalCopy) -> dict[str, int]:
    """What the same run moved when a state was whole files: the worker fetched one, put one and read it back."""
    old, new = earlier.stat().st_size, copy.base_path.stat().st_size
    return {"growth": new - old, "whole_files": old + 2 * new, "whole_fetched": new}


def encodings(old: Path, new: Path) -> dict[str, int]:
    """Bytes to put by each way to say what changed."""
    change = compare_files(old, new)
    with new.open("rb") as stream:
        pages = b"".join(_page(stream, number, change.page_bytes) for number in change.pages)
    rows = list(new_rows(old, new))
    return {
        "pages": len(pages),
        "packed_pages": len(zstd.compress(pages)),
        "deltas": sum(map(len, pack_change(change, old, new))),
        "new_rows": sum(map(row_bytes, rows)),
        "packed_rows": len(zstd.compress("\n".join(map(repr, rows)).encode("utf-8", "replace"))),
    }


def _page(stream: Any, number: int, page_bytes: int) -> bytes:
    stream.seek(number * page_bytes)
    return bytes(stream.read(page_bytes))


def new_rows(old: Path, new: Path) -> Iterator[tuple[object, ...]]:
    """The rows of every table that an earlier state does not have."""
    with closing(sqlite3.connect(old)) as earlier, closing(sqlite3.connect(new)) as later:
        for (table,) in later.execute(_TABLES).fetchall():
            known = {hash(row) for row in earlier.execute(f'SELECT * FROM "{table}"')}
            yield from (row for row in later.execute(f'SELECT * FROM "{table}"') if hash(row) not in known)


def row_bytes(row: Sequence[object]) -> int:
    """The bytes of a row's values, and one for the type of each, as SQLite stores them."""
    return sum(1 + _value_bytes(value) for value in row)


def _value_bytes(value: object) -> int:
    if isinstance(value, int):
        return (value.bit_length() + 8) // 8
    if isinstance(value, str):
        return len(value.encode("utf-8", "replace"))
    return len(value) if isinstance(value, bytes) else 8 * (value is not None)


def chunk_digests(file: Path) -> dict[bytes, int]:
    """The chunks of a file and their lengths; each ends where eight bytes have a hash that one in 4,096 has."""
    chunks: dict[bytes, int] = {}
    rest = b""
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK):
            data, start = rest + block, 0
            for end in _chunk_ends(data):
                if end - start >= _LEAST_CHUNK:
                    chunks[hashlib.sha256(data[start:end]).digest()] = end - start
                    start = end
            rest = data[start:]
    return chunks | {hashlib.sha256(rest).digest(): len(rest)}


def _chunk_ends(block: bytes) -> list[int]:
    values = np.frombuffer(block, dtype=np.uint8)
    windows = np.zeros(max(0, len(values) - 7), dtype=np.uint64)
    for place in range(8):
        windows |= values[place : len(windows) + place].astype(np.uint64) << np.uint64(8 * place)
    hashes = (windows * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(40)
    return [int(end) for end in np.flatnonzero(hashes & np.uint64(_CHUNK_MASK) == 0)]


def real_site(name: str, most_pages: int, folder: Path) -> tuple[Step, list[Step]]:
    """A real site's first import and its updates."""
    draw, folder = random.Random(name), folder / "warc"
    folder.mkdir(parents=True)
    pages = [(row["url"], html) for row, html in site_pages(name, 1)]
    draw.shuffle(pages)
    first_count = max(len(pages) // 2, min(most_pages, len(pages) - UPDATES * NEW_PAGES))
    first, later = pages[: min(first_count, most_pages)], pages[first_count:]
    known, words = dict(first), _words(first)
    files = [write(folder / "0.warc.gz", [record(url, answer(html)) for url, html in first])]
    for number in range(UPDATES):
        changed = dict(later[number * NEW_PAGES : (number + 1) * NEW_PAGES])
        for url in draw.sample(sorted(known), min(EDITED_PAGES, len(known))):
            changed[url] = edited(known[url], draw, words)
        known |= changed
        at = f"2024-04-{number + 1:02}T10:00:00Z"
        records = [record(url, answer(html), at=at) for url, html in changed.items()]
        files.append(write(folder / f"{number + 1}.warc.gz", records))
    first_step, *steps = [_import_step(file) for file in files]
    return first_step, steps


def _import_step(file: Path) -> Step:
    def step(archive: Path) -> None:
        if code := run(["import", str(file), "--db", str(archive), "-q"]):
            raise RuntimeError(f"{file} could not be imported: {code}")

    return step


def _words(pages: Sequence[tuple[str, bytes]]) -> list[str]:
    texts = (re.sub(rb"<[^>]+>", b" ", html).decode("utf-8", "replace") for _, html in pages[:50])
    return [word for text in texts for word in re.findall(r"[^\W\d]{3,12}", text)]


def edited(html: bytes, draw: random.Random, words: Sequence[str]) -> bytes:
    """A page with one more paragraph of the site's words behind one of its own."""
    ends = [match.end() for match in re.finditer(rb"</p>", html, re.IGNORECASE)] or [len(html) // 2]
    end, text = draw.choice(ends), " ".join(draw.choice(words) for _ in range(WORDS))
    return html[:end] + f"<p>{text}.</p>".encode() + html[end:]


def generated_site(articles: int, folder: Path) -> tuple[Step, list[Step]]:
    """An archive of so many articles, a thousand a host, and its updates. It is made before any state is saved."""
    site, made = GeneratedSite(articles, articles // 1_000), folder / "made.db"
    with Archive.open(made) as opened:
        opened.db.execute("PRAGMA synchronous = OFF")
        site.store(opened, batch_size=1_000)
        settle(opened.db)
    print(f"made {articles} articles", flush=True)

    def first(archive: Path) -> None:
        shutil.move(made, archive)

    def update(number: int) -> Step:
        def step(archive: Path) -> None:
            start = articles + number * GENERATED_NEW
            edits = range(3 + number, articles, articles // GENERATED_EDITED)
            with Archive.open(archive) as opened:
                opened.save([site.page(page) for page in range(start, start + GENERATED_NEW)])
                opened.save([site.page(page, version=1) for page in edits])
                settle(opened.db)

        return step

    return first, [update(number) for number in range(UPDATES)]


def known_counts() -> dict[str, dict[str, int]]:
    """The counts of earlier measurements, by site."""
    rows = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    return {name: row["bytes"] for name, row in rows.items() if name != "real"}


def with_totals(rows: dict[str, dict[str, int]]) -> dict[str, Any]:
    """The results: the counts of a site, and of the real ones together, in bytes and in MB, and their ratios.

    `travelled` is all but what readers fetch.
    """
    real = [row for name, row in rows.items() if name not in GENERATED_ARTICLES]
    total = {key: sum(row[key] for row in real) for key in (real[0] if real else ())}
    summed = {**rows, **({"real": total} if real else {})}
    return {name: {"bytes": row, **_ratios(row)} for name, row in summed.items()}


def _ratios(row: dict[str, int]) -> dict[str, Any]:
    travelled = row["put"] + row["read_back"]
    return {
        "of_new_rows": round(travelled / row["new_rows"], 2),
        "whole_of_new_rows": round(row["whole_files"] / row["new_rows"], 1),
        "fetched_of_new_rows": round(row["fetched"] / row["new_rows"], 2),
        "mb": {name: round(count / 1e6, 1) for name, count in {**row, "travelled": travelled}.items()},
    }


def main() -> None:
    """Measure the named sites, print each, and write all that is known."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.fleet_bytes", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="Sites, `generated`, `grown`; else all.")
    parser.add_argument("--pages", type=int, default=250)
    options = parser.parse_args()
    rows = known_counts()
    for name in options.names or [*names(), *GENERATED_ARTICLES]:
        with tempfile.TemporaryDirectory() as folder:
            articles = GENERATED_ARTICLES.get(name)
            steps = generated_site(articles, Path(folder)) if articles else real_site(name, options.pages, Path(folder))
            rows[name] = measure(*steps, Path(folder))
        print(name, rows[name], flush=True)
    RESULTS.write_text(json.dumps(with_totals(rows), indent=1) + "\n", "utf-8")
    refresh_documents(RESULTS)


if __name__ == "__main__":
    main()
