"""Real sites, crawled into an archive each and merged, make the archive of one crawl of all of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.bench.sites import SHARED, Site
from tests.crawler.shell import command, rows

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(not (SHARED / "corpus/sites").is_dir(), reason="needs the evaluation data in ../shared"),
]
NAMES = ("economy_gate", "mali_live")
WORD = "mali"
QUERIES = {
    "articles": """SELECT id, url, canonical_url, host, title, authors, published, published_day, published_raw,
        modified, language, description, section, tags, licence, sitename, image, text, markdown, word_count, page_type
        FROM articles ORDER BY id""",
    "_shelved": "SELECT id, url, why, title, text FROM _shelved ORDER BY id",
    "urls": "SELECT url, host, kind, state, reason, http_status, location, lastmod FROM urls ORDER BY url",
    "pages": """SELECT u.url, p.page_type, p.own_type, p.text_digest, p.article_id, p.word_count, p.blocks, p.kept,
        p.removed, p.layout_id, p.expected_f1 FROM pages p JOIN urls u USING (id) ORDER BY u.url""",
    "ledger": """SELECT u.url, b.position, b.block_id, b.kind, b.kept, r.reason, r.rule FROM _page_blocks b
        JOIN urls u ON u.id = b.page_id JOIN _reasons r ON r.id = b.reason_id ORDER BY u.url, b.position""",
    "texts": "SELECT id, text FROM _block_texts ORDER BY id",
    "evidence": "SELECT host, block_id, pages, of_pages FROM _block_evidence ORDER BY host, block_id",
    "duplicates": "SELECT article_id, duplicate_id, kind, similarity, contained FROM duplicates ORDER BY 1, 2",
    "clusters": "SELECT article_id, cluster_id FROM article_clusters WHERE cluster_id <> article_id ORDER BY 1",
    "layouts": "SELECT id, host, hex(signature), pages, articles, kind, evidence FROM _layouts ORDER BY id",
    "search": f"""SELECT a.url FROM articles_fts f JOIN articles a ON a.id = f.rowid
        WHERE articles_fts MATCH '{WORD}' ORDER BY a.url""",
}


@pytest.fixture(scope="module")
def starts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """The start URLs of the sites, which are served from now on."""
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("sites")
        yield [stack.enter_context(Site(name, folder)).start for name in NAMES]


def crawl(db: Path, *starts: str) -> Path:
    assert command("crawl", *starts, "--db", db, "--delay", "0", "--allow-private", "-q")[0] == 0
    return db


def test_shards_merged_are_the_archive_of_all(tmp_path: Path, starts: list[str]) -> None:
    whole = crawl(tmp_path / "whole.db", *starts)
    shards = [crawl(tmp_path / f"{name}.db", start) for name, start in zip(NAMES, starts, strict=True)]
    merged = tmp_path / "all.db"
    assert command("merge", merged, *shards)[0] == 0
    assert len(rows(merged, QUERIES["articles"])) > 60
    assert rows(merged, QUERIES["search"])
    assert [name for name, query in QUERIES.items() if rows(merged, query) != rows(whole, query)] == []
    before = {name: rows(merged, query) for name, query in QUERIES.items()}
    assert command("merge", merged, *reversed(shards))[1].count("nothing new") == len(shards)
    assert {name: rows(merged, query) for name, query in QUERIES.items()} == before
    assert command("verify", merged)[0] == 0
