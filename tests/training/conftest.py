"""Annotated corpora as small as a test of training needs them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.cleaners.building import PAGES, STORY
from tests.training.corpora import PAGE_CORPORA


def page(n: int) -> str:
    story = "".join(f"<p>{text} Page {n}.</p>" for text in STORY)
    menu = "".join(f"<li><a href='/{k}'>Menu {k}</a></li>" for k in range(8))
    return f"<html><body><ul>{menu}</ul><article><h1>Mill {n}</h1>{story}</article><p>Sign up today</p></body></html>"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Small corpora in the shape of the real ones."""
    for name in PAGE_CORPORA:
        (tmp_path / name / "html").mkdir(parents=True)
        rows = []
        for n in range(PAGES):
            text = "\n".join(f"{text} Page {n}." for text in STORY)
            row = {"id": f"{n:03}", "url": f"https://{name}{n}.example/x", "must_contain": [STORY[1]]}
            row |= {"must_not_contain": ["Sign up today"]} | ({} if name == "segments" else {"text": text})
            rows.append(row)
            (tmp_path / name / "html" / f"{n:03}.html.gz").write_bytes(gzip.compress(page(n).encode()))
        content = "\n".join(map(json.dumps, rows))
        (tmp_path / name / "truth.jsonl.gz").write_bytes(gzip.compress(content.encode()))
    return tmp_path


def write_corpora(folder: Path, rows: Mapping[str, Sequence[Mapping[str, Any]]], page: str) -> None:
    """Write small corpora of one page, or of that in a row's own `html`."""
    for name, corpus_rows in rows.items():
        (folder / name / "html").mkdir(parents=True, exist_ok=True)
        content = "\n".join(map(json.dumps, corpus_rows))
        (folder / name / "truth.jsonl.gz").write_bytes(gzip.compress(content.encode()))
        for row in corpus_rows:
            body = gzip.compress(row.get("html", page).encode())
            (folder / name / "html" / f"{row['id']}.html.gz").write_bytes(body)
