"""A whole real site, crawled and compared with its truth."""

from __future__ import annotations

import pathlib
import sqlite3
import urllib.request

import pytest

from cleaners.clean import article_text
from cleaners.url_shape import Shape, shape_of
from tests.bench.sites import SHARED, Site, crawl, measure

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (SHARED / "corpus/sites").is_dir(), reason="needs the evaluation data in ../shared"),
]
NAME = "mali_live"
FLOOR_F1 = 0.99  # measured 0.9966
FLOOR_FOUND = 0.98


def first_stored(db: sqlite3.Connection) -> list[tuple[str, str]]:
    return db.execute("SELECT url, text FROM articles ORDER BY id LIMIT 25").fetchall()


def test_a_real_site_comes_out_whole(tmp_path: pathlib.Path) -> None:
    db_path = tmp_path / "site.db"
    with Site(NAME, tmp_path / "sites") as site:
        _, code = crawl(site, db_path)
        found = measure(site, db_path)
        assert code == 0
        assert found["found_of_linked"] >= FLOOR_FOUND * found["linked"]
        assert found["f1"] >= FLOOR_F1
        assert found["copies"] == 0
        db = sqlite3.connect(f"file:{db_path}?mode=ro", uri=True)
        shapes = {shape_of(url) for (url,) in db.execute("SELECT url FROM articles")}
        assert not shapes & {Shape.HOME, Shape.LIST, Shape.DEEP_LIST}
        for url, text in first_stored(db):
            with urllib.request.urlopen(url) as answer:
                assert article_text(answer.read(), url) == text
