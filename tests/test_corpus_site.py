"""A whole real site, crawled and compared with its truth."""

import sqlite3
import urllib.request
from dataclasses import replace

import pytest

from broadsheet.cleaners.clean import article_text, clean
from broadsheet.cleaners.document import Page
from broadsheet.cleaners.judge.article_text import assemble
from broadsheet.cleaners.lineage import lineage
from broadsheet.cleaners.page.url_shapes import UrlShape, shape_of
from tests.bench.sites import SHARED, Site, crawl, measure
from tests.internal_tables import CLEANERS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (SHARED / "corpus/sites").is_dir(), reason="needs the evaluation data in ../shared"),
]
NAME = "mali_live"
FLOOR_F1 = 0.99  # measured 0.9966
FLOOR_FOUND = 0.98
MOST_CHANGED = 3  # articles that the site's memory changed; measured 2 of 55
_LEDGER = "SELECT position, kept, reason, rule, evidence FROM blocks WHERE article_id = ? ORDER BY position"


def settled(page: Page, ledger: list[tuple[int, int, str, str, str | None]]) -> str:
    """The text that a page's ledger gives. Each of its verdicts is the page's own, or the site's over one that says the
    opposite, with its evidence."""
    alone = clean(page)
    verdicts = list(alone.verdicts)
    for place, kept, reason, rule, evidence in ledger:
        own = alone.verdicts[place]
        if rule.startswith("site/"):
            assert evidence, (page.url, place)
            assert kept != own.kept, (page.url, place)
            verdicts[place] = replace(own, kept=bool(kept))
        else:
            assert (kept, reason, rule) == (own.kept, own.reason, own.rule), (page.url, place)
    return assemble(alone.blocks, verdicts)[0]


def changed_by_site(db: sqlite3.Connection) -> list[str]:
    """The articles that are not what their page alone gives; what the ledger does not account for fails.

    The crawl ran in a process of its own: with other models or rules than this one it would be no account of it.
    """
    assert db.execute(f"SELECT DISTINCT model, rules FROM {CLEANERS}").fetchall() == [
        (lineage().model, lineage().rules)
    ]
    changed = []
    for number, url, text in db.execute("SELECT id, url, text FROM articles ORDER BY url").fetchall():
        with urllib.request.urlopen(url) as answer:
            html = answer.read()
        assert text == settled(Page(url, html), db.execute(_LEDGER, [number]).fetchall()), url
        if text != article_text(html, url):
            changed.append(url)
    return changed


def test_a_real_site_comes_out_whole(tmp_path):
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
