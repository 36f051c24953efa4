"""What a person judged as annotated pages to train on: each page's HTML with the text, or the snippets, that are right.

A page that was judged right as a whole has the article's text; one of which blocks were judged has those that belong to
it and those that do not. A judgement on an earlier reading of a page says nothing of the present one and is left out.
"""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import orjson
from sqlite_utils import Database

from broadsheet.output.browse.arguments import NotHereError
from broadsheet.output.raw.capture import RecordLocation
from broadsheet.output.verdicts.reviews import Review

_EARLIEST = (1980, 1, 1, 0, 0, 0)  # the time of every member, so that the same judgements give the same bytes
_README = """Annotated pages: truth.jsonl.gz has a line a page (id, url, page_type, and text, or must_contain and
must_not_contain), html/ID.html.gz its HTML in UTF-8. The texts are those of the pages: mind whose they are.
"""
_PAGE = """SELECT p.id, c.fetched_at, p.cleaner_version, p.page_type, coalesce(a.text, ''), a.title, a.language,
        c.warc_file, c.warc_offset, c.warc_length, o.warc_file, o.warc_offset, o.warc_length
    FROM urls u JOIN pages p ON p.id = u.id JOIN captures c ON c.id = p.capture_id
        LEFT JOIN captures o ON o.id = c.refers_to LEFT JOIN articles a ON a.page_id = p.id
    WHERE u.url = ? AND c.warc_file IS NOT NULL"""

PageSource = Callable[[RecordLocation, RecordLocation | None], str]
"""Reads the HTML of the response at a place (a revisit with its body at another). NotHereError if it cannot be read."""


@dataclass(frozen=True, slots=True)
class AnnotatedPage:
    """A page's row, as the training reads it, and its HTML."""

    row: dict[str, Any]
    html: str


def annotated_pages(db: Database, reviews: Sequence[Review], read_source: PageSource) -> Iterator[AnnotatedPage]:
    """The judged pages in the order of their URLs, those whose raw response was kept and can be read."""
    by_url: dict[str, list[Review]] = {}
    for review in reviews:
        by_url.setdefault(review.url, []).append(review)
    for url in sorted(by_url):
        stored = db.execute(_PAGE, [url]).fetchone()
        row = stored and _annotation(url, stored[:7], by_url[url])
        if not row:
            continue
        body = None if stored[10] is None else RecordLocation(*stored[10:])
        try:
            yield AnnotatedPage(row, read_source(RecordLocation(*stored[7:10]), body))
        except NotHereError:
            continue


def _annotation(url: str, page: Sequence[Any], reviews: Sequence[Review]) -> dict[str, Any] | None:
    """The row of a page; None if no judgement says anything of it as it is now."""
    page_id, fetched_at, version, page_type, text, title, language = page
    current = [review for review in reviews if review.judged_at >= fetched_at and review.cleaner_version == version]
    row = {"id": str(page_id), "url": url, "page_type": page_type, "title": title or "", "language": language or ""}
    whole = next((review for review in current if review.is_of_page and review.is_right), None)
    if whole is not None:
        return {**row, "page_type": "article" if whole.is_kept else page_type, "text": text if whole.is_kept else ""}
    snippets = [review for review in current if review.text]
    belongs = {review.text: review.is_kept == review.is_right for review in snippets}
    if not belongs:
        return None
    parts = {name: [text for text, is_part in belongs.items() if is_part is wanted]
             for name, wanted in (("must_contain", True), ("must_not_contain", False))}  # fmt: skip
    return {**row, "page_type": "article", **parts}


def pack_annotations(pages: Iterator[AnnotatedPage]) -> bytes:
    """A ZIP file of annotated pages, in the form that the training reads."""
    rows: list[bytes] = []
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for page in pages:
            rows.append(orjson.dumps(page.row))
            html = f"\ufeff{page.html}".encode("utf-8", "replace")
            _write(archive, f"html/{page.row['id']}.html.gz", gzip.compress(html, mtime=0))
        _write(archive, "truth.jsonl.gz", gzip.compress(b"".join(row + b"\n" for row in rows), mtime=0))
        _write(archive, "README.txt", _README.encode())
    return packed.getvalue()


def _write(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name, _EARLIEST), data)
