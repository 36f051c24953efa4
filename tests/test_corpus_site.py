"""A whole real site, crawled and compared with its truth."""

from __future__ import annotations

import pathlib
import sqlite3
import urllib.request
from dataclasses import replace

import pytest

from cleaners.clean import article_text, clean
from cleaners.document import Page
from cleaners.urls.shape import UrlShape, shape_of
from cleaners.verdicts.assemble import assemble
from tests.bench.sites import SHARED, Site, crawl, measure

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (SHARED / "corpus/sites").is_dir(), reason="needs the evaluation data in ../shared"),
]
NAME = "mali_live"
FLOOR_F1 = 0.99  # measured 0.9966
FLOOR_FOUND = 0.98
MOST_CHANGED = 3  # articles that the site's memory changed; measured 2 of 55
_BY_SITE = """SELECT position, kept FROM blocks
    WHERE article_id = ? AND rule LIKE 'site/%' AND evidence IS NOT NULL"""


def settled(page: Page, by_site: dict[int, int]) -> str:
    """The page's own text, without the blocks that its site took out of it and with those that it brought back."""
    alone = clean(page)
    moved = {place: replace(alone.verdicts[place], kept=bool(kept)) for place, kept in by_site.items()}
    assert all(moved[place].kept != alone.verdicts[place].kept for place in moved), page.url
    return assemble(alone.blocks, [moved.get(n, own) for n, own in enumerate(alone.verdicts)])[0]


def changed_by_site(db: sqlite3.Connection) -> list[str]:
    """The articles that are not what their page alone gives; what the ledger does not account for fails."""
    changed = []
    for number, url, text in db.execute("SELECT id, url, text FROM articles ORDER BY url").fetchall():
        with urllib.request.urlopen(url) as answer:
            html = answer.read()
        assert text == settled(Page(url, html), dict(db.execute(_BY_SITE, [number]))), url
        if text != article_text(html, url):
            changed.append(url)
    return changed


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
        assert not shapes & {UrlShape.HOME, UrlShape.LIST, UrlShape.DEEP_LIST}
        assert len(changed_by_site(db)) <= MOST_CHANGED
