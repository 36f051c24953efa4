"""Archives as a cleaner of long ago left them: with raw responses, and with verdicts that nobody gives today."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import CleanedPage, Page, PageType, PageVerdict, Verdict
from broadsheet.cleaners.judge.article_text import assemble
from broadsheet.cleaners.lineage import Lineage
from broadsheet.output.archive.page_rows import make_page_rows
from broadsheet.output.raw.raw_exchange import Capture
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import Outcome
from tests.crawler.scripted_site import page
from tests.crawler.warcs import answer, digest, record, write
from tests.internal_tables import CLEANERS, REASONS

SITE = "https://a.example"
SEEN = "2024-03-01T10:00:00Z"
LONG_AGO = Lineage("0", "rules", "model")


def kept_all(cleaned: CleanedPage) -> CleanedPage:
    """The page as a cleaner that keeps everything would have it."""
    return with_verdicts(cleaned, [Verdict(True, "selected", "extractor/selected")] * len(cleaned.blocks))


def lost_last(cleaned: CleanedPage) -> CleanedPage:
    """The page as a cleaner that takes its last paragraph for a promo would have it."""
    kept_positions = [at for at, verdict in enumerate(cleaned.verdicts) if verdict.kept]
    verdicts = list(cleaned.verdicts)
    verdicts[kept_positions[-1]] = Verdict(False, "promo", "old/promo")
    return with_verdicts(cleaned, verdicts)


def no_article(cleaned: CleanedPage) -> CleanedPage:
    return replace(cleaned, verdict=PageVerdict(PageType.LIST, ("old=guess",)), cleaner_version="0")


def as_article(cleaned: CleanedPage) -> CleanedPage:
    return replace(kept_all(cleaned), verdict=PageVerdict(PageType.ARTICLE, ("old=guess",)))


def with_verdicts(cleaned: CleanedPage, verdicts: Iterable[Verdict]) -> CleanedPage:
    verdicts = tuple(verdicts)
    text, markdown = assemble(cleaned.blocks, verdicts)
    return replace(cleaned, verdicts=verdicts, text=text, markdown=markdown, cleaner_version="0")


def archive(folder: Path, bodies: Mapping[str, str], cleaners: Mapping[str, Any], *, name: str = "a") -> Path:
    """An archive of pages by path, cleaned as `was` says by path (else as today), with its WARC file."""
    db, file = folder / f"{name}.db", folder / f"{name}.warc.gz"
    records = [record(f"{SITE}{path}", answer(body)) for path, body in bodies.items()]
    sizes = [write(file, [record_bytes]).stat().st_size for record_bytes in records]
    write(file, records)
    with Archive.open(db, clock=lambda: SEEN) as archive_db:
        for at, (path, body) in enumerate(bodies.items()):
            url = f"{SITE}{path}"
            cleaned = clean(Page(url, body.encode(), "text/html; charset=utf-8", fetched_at=SEEN))
            page_rows = replace(make_page_rows(cleaners.get(path, lambda same: same)(cleaned)), lineage=LONG_AGO)
            capture = Capture(
                url, SEEN, 200, url, "text/html", digest(body.encode()), len(body),
                warc_file=file.name, warc_offset=sum(sizes[:at]), warc_length=sizes[at],
            )  # fmt: skip
            state = str(page_rows.verdict.page_type)
            archive_db.save([Outcome(url, "done", state, 200, SEEN, capture, page_rows)])
        settle(archive_db.db, lambda: SEEN)
    return db


def town(**was: Any) -> tuple[dict[str, str], dict[str, Any]]:
    """A few article pages, and by name how the old cleaner read them."""
    names = ("river", "mill", "ferry", *(name for name in was if name not in ("river", "mill", "ferry")))
    extra = {"river": "<p>Share this story</p>", "ferry": "<p>Donate now</p>"}
    bodies = {f"/{name}": page(name, extra=extra.get(name, "")) for name in names}
    return bodies, {f"/{name}": how for name, how in was.items()}


def tables(db: Path, *without: str) -> dict[str, list[tuple[Any, ...]]]:
    """Everything in an archive but for its runs and what only grows."""
    left_out = ("runs", "sqlite_", "_sqlite", "articles_fts", REASONS, CLEANERS, "changes", *without)
    connection = sqlite3.connect(f"file:{db}?mode=ro", uri=True)
    try:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows_by_table = {
            name: sorted(connection.execute(f"SELECT * FROM {name}").fetchall(), key=repr)
            for name in names
            if not name.startswith(left_out)
        }
    finally:
        connection.close()
    rows_by_table["meta"] = [row for row in rows_by_table["meta"] if row[0] != "last_run"]
    return rows_by_table
