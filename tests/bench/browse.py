"""What a page of the reading room costs in CPU time, over archives of generated articles.

    python -m tests.bench.browse [--pages N ...] [--keep FOLDER] [--out FILE]

Each page is asked for several times in one process, as HTML; the first answer, which counts what is then known, and the
median of the others are given in milliseconds. With --keep the archives stay, and are used again.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

from starlette.testclient import TestClient

from broadsheet.crawler.commands.changes import edit_summary
from broadsheet.output.browse.application import make_app
from broadsheet.output.browse.library import Library
from broadsheet.output.browse.room import Room, RoomWording
from broadsheet.output.browse.strict_requests import loopback_authorities
from broadsheet.output.read.plain_words import reason_text
from broadsheet.output.write.archive_writer import Archive
from tests.bench.documents.figures import refresh_documents
from tests.bench.load.generated_site import GeneratedSite

PORT, TIMES, BATCH, HOSTS, SCALE = 8383, 5, 500, 5, 0.15
RESULT = Path(__file__).parent / "results" / "browse.json"


def build(file: Path, pages: int) -> None:
    """An archive of so many generated article pages, as a crawl leaves it."""
    with Archive.open(file) as archive:
        GeneratedSite(pages, hosts=HOSTS, scale=SCALE).store(archive, BATCH)


def addresses(room: Room) -> dict[str, str]:
    """The pages that are measured, by name."""
    archive = next(iter(room.library.archives.values()))
    with archive.open() as db:
        article, page_id = db.execute("SELECT id, page_id FROM articles ORDER BY id LIMIT 1").fetchone()
        (block,) = db.execute(
            """SELECT b.block_id FROM _page_blocks b WHERE b.page_id = ? AND b.kept = 0
            ORDER BY (SELECT count(*) FROM _page_blocks o WHERE o.block_id = b.block_id) DESC LIMIT 1""", [page_id]
        ).fetchone()  # fmt: skip
        (failed,) = db.execute("SELECT id FROM urls WHERE state = 'failed' LIMIT 1").fetchone()
    paths = {
        "home": "", "articles": "articles", "articles, the last page": "articles?page=100000",
        "articles of a host, longest first": "articles?host=news1.example&sort=longest",
        "search for a frequent word": "articles?q=ba", "search in a host": "articles?q=ba+ce&host=news1.example",
        "article": f"article/{article}", "blocks": f"article/{article}?view=blocks&open=1",
        "preview of a ruling on a block of every page": f"ruling?article={article}&block={block}&keep=1",
        "changes": "changes", "changes, with new articles": "changes?kind=new", "coverage": "coverage",
        "URLs of a gap": "coverage/urls?source=sitemap&state=failed&reason=http_404", "URL": f"url/{failed}",
        "review": "review",
    }  # fmt: skip
    return {name: f"/{archive.name}/{path}" for name, path in paths.items()}


def measure(file: Path) -> dict[str, dict[str, float]]:
    """The CPU time of each page in milliseconds: the first answer, and the median of the later ones."""
    room = Room(Library.at(file), RoomWording(reason_text, edit_summary))
    app = make_app(room, loopback_authorities(PORT))
    client = TestClient(app, base_url=f"http://127.0.0.1:{PORT}")
    client.get("/static/style.css")
    return {name: cost(client, address) for name, address in addresses(room).items()}


def cost(client: TestClient, address: str) -> dict[str, float]:
    """The CPU time of one page, with that of what is counted beside it in the meantime."""
    times = []
    for _ in range(1 + TIMES):
        began = time.process_time_ns()
        answer = client.get(address)
        times.append((time.process_time_ns() - began) / 1e6)
        assert answer.status_code == 200, (address, answer.text)
    return {"first": round(times[0], 1), "later": round(statistics.median(times[1:]), 1)}


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, nargs="*", default=[1_000, 100_000])
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        results = {}
        for pages in options.pages:
            file = folder / f"generated-{pages}.db"
            if not file.exists():
                build(file, pages)
            results[str(pages)] = measure(file)
    options.out.write_text(json.dumps(results, indent=1) + "\n")
    refresh_documents(options.out)
    for pages, costs in results.items():
        print(f"{int(pages):,} articles")
        for name, times in costs.items():
            print(f"  {times['first']:8.1f} ms  {times['later']:8.1f} ms  {name}")


if __name__ == "__main__":
    main()
