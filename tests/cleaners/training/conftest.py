"""Annotated corpora as small as a test of training needs them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from broadsheet.cleaners.training.corpora import PAGE_CORPORA
from tests.cleaners.building import PAGES, STORY


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
