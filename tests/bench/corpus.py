"""Corpora of the evaluation data: where they are, their annotated pages, and digests by which floors know them."""

import gzip
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("BROADSHEET_SHARED") or ROOT.parent / "shared")
DIGESTS = {
    "news": "bb076866c83370a1859d71a27300551d54c9779e38263aa7696831375a949cf8",
    "segments": "0d7a59a722604b517acfee079746a0a5129b6cd43891ad611027fdf10907dded",
    "wcxb": "89080d63756cc5dde26a830b6adcf6ac7da7dca460cc587728d9da0045b682f9",
}
"""Digests of the corpora that floors were measured on."""

Row = dict[str, Any]


def corpus_hash(name: str) -> str:
    """Return the sha256 of a corpus's truth file."""
    return hashlib.sha256((SHARED / f"corpus/{name}/truth.jsonl.gz").read_bytes()).hexdigest()


def require_corpora(*names: str) -> None:
    """Skip a test where the corpora are not here. AssertionError if one is not that of `DIGESTS`."""
    import pytest  # here, since its memory is no benchmark's

    if not SHARED.is_dir():
        pytest.skip("the annotated pages are not here: ../shared is absent")
    assert {name: corpus_hash(name) for name in names} == {name: DIGESTS[name] for name in names}, "other pages"


def truth_rows(corpus: str) -> list[Row]:
    """Read what is annotated of each page of a corpus, in the order of their ids."""
    with gzip.open(SHARED / "corpus" / corpus / "truth.jsonl.gz", "rt", encoding="utf-8") as lines:
        return sorted(map(json.loads, lines), key=lambda row: str(row["id"]))


def is_article(row: Row) -> bool:
    """Return whether a page is annotated as an article."""
    return bool(row.get("page_type", "article") == "article")


def with_pages(corpus: str, rows: list[Row]) -> Iterator[tuple[Row, bytes]]:
    """Yield rows of a corpus, each with the page's bytes."""
    for row in rows:
        yield row, gzip.decompress((SHARED / f"corpus/{corpus}/html/{row['id']}.html.gz").read_bytes())
