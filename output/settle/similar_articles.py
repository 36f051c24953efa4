"""Articles that are alike: near-duplicates, new versions, syndicated copies, parts of each other.

They are stored as relations (`duplicates`) and clusters; no article is dropped for them. Pairs of texts are found by
the hashes that their sketches share, and then compared in full, without what their host repeats: a series note of sixty
words on twenty pages makes none of them a copy of another. Sketches are made only of new or changed texts; the result
depends on the archive's content alone, not on the order in which it came.

Relations are computed anew for pages whose comparison may come out otherwise. That depends on what settling reads of a
page (`unsettled`), its sketch, the hashes crowded on its host, and the blocks left out because many pages of the host
have them. Two articles of other pages keep their stored relation.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from ..archive.archive_errors import DamagedValue
from ..archive.atomic_writes import write_transaction
from ..archive.stored_values import location_of
from .candidate_pairs import SketchedPages, find_candidate_pairs
from .likeness import (
    CLUSTERED_KINDS,
    HASH_BYTES,
    ArticleFacts,
    Relation,
    Shingles,
    classify_pair,
    cluster_articles,
    compare_shingles,
    pack_sketch,
    shingles_of,
    sketch_of,
)
from .settle_steps import ParallelMap, serial_map
from .stored_sketches import count_crowded_hashes, find_pairs_of_pages
from .unsettled import WHOLE_ARCHIVE, StaleHosts, hosts_of_pages, list_hosts

if TYPE_CHECKING:
    from sqlite_utils import Database


REPEATED_PAGES = 6
"""Article pages of a host on which a block must stand to be left out when two texts are compared."""

_UNSETTLED = "SELECT page_id FROM _unsettled"
_FIRST_PAGES_OF_PAGES = """SELECT coalesce(h.head_id, w.value) FROM json_each(?) w
    LEFT JOIN _page_parts h ON h.page_id = w.value"""
_HAVE_RECOUNTED = f"""SELECT DISTINCT a.page_id FROM settle_recounted c
        CROSS JOIN _page_blocks b ON b.block_id = c.block_id
        LEFT JOIN _page_parts h ON h.page_id = b.page_id AND h.place > 0
        CROSS JOIN articles a ON a.page_id = coalesce(h.head_id, b.page_id)
    WHERE (c.pages_before >= {REPEATED_PAGES}) <> (c.pages >= {REPEATED_PAGES}) AND a.host = c.host"""


def find_touched_pages(db: Database, page_ids: Collection[int]) -> set[int]:
    """Find the pages whose relations must be computed anew.

    They are these pages, the unsettled ones, the first pages of the articles they continue, and the pages of articles
    with a block whose verdict changes. Needs `settle_recounted`.
    """
    touched_pages = {*page_ids, *(page_id for (page_id,) in db.execute(_UNSETTLED))}
    first_pages = db.execute(_FIRST_PAGES_OF_PAGES, [json.dumps(sorted(touched_pages))])
    touched_pages |= {page_id for (page_id,) in first_pages.fetchall()}
    return touched_pages | {page_id for (page_id,) in db.execute(_HAVE_RECOUNTED)}


_TEXTS_PER_QUERY = 1_000
_TEXTS_PER_JOB = 25
_CACHED_TEXTS = 64

_STALE_SKETCHES = "SELECT page_id FROM _sketches WHERE hashes IS NULL"
_DELETE_STALE_SKETCHES = "DELETE FROM _sketches WHERE hashes IS NULL"
_UNSKETCHED_TEXTS = """SELECT a.page_id, a.text FROM articles a LEFT JOIN _sketches s ON s.page_id = a.page_id
    WHERE s.page_id IS NULL AND a.page_id > ? ORDER BY a.page_id LIMIT ?"""
_FROM_SKETCHES = "FROM _sketches s JOIN urls u ON u.id = s.page_id WHERE s.hashes > 0 ORDER BY s.page_id"
_SKETCHED_PAGES = f"SELECT s.page_id, u.host, s.hashes, length(s.sketch) {_FROM_SKETCHES}"
_SKETCHES = f"SELECT s.sketch {_FROM_SKETCHES}"

_MAX_INDEXED = 10_000
_ARTICLES_OF_PAGES = "SELECT a.id FROM json_each(?) w CROSS JOIN articles a ON a.page_id = w.value"
_ARTICLE_FACTS = """SELECT id, url, host, coalesce(canonical_url, ''), title, coalesce(datetime(published_stated), ''),
        word_count
    FROM articles WHERE page_id = ?"""
_UNREPEATED_TEXT = f"""SELECT t.text FROM _page_blocks b JOIN _block_texts t ON t.id = b.block_id
        JOIN articles a ON a.page_id = ?1 LEFT JOIN _block_evidence e ON e.block_id = b.block_id AND e.host = a.host
    WHERE b.page_id IN (SELECT ?1 UNION SELECT page_id FROM _page_parts WHERE head_id = ?1 AND place > 0)
        AND b.kept = 1 AND coalesce(e.pages, 1) < {REPEATED_PAGES}
    ORDER BY b.page_id, b.position"""
_STORED_RELATIONS = "SELECT article_id, duplicate_id, kind, similarity, contained FROM duplicates"
_RELATIONS_OF_ARTICLE = (
    f"{_STORED_RELATIONS} WHERE article_id = ?1 UNION ALL {_STORED_RELATIONS} WHERE duplicate_id = ?1"
)


def relate_articles(
    db: Database,
    parallel_map: ParallelMap = serial_map,
    stale_hosts: StaleHosts = WHOLE_ARCHIVE,
    head_pages: Collection[int] = (),
) -> int:
    """Bring `duplicates` up to date with the articles, in one transaction; return how many texts had no sketch yet.

    Sketches are made by `parallel_map`.

    `stale_hosts` are those on which anything has changed since, and `head_pages` the first pages of articles on several
    pages that settling looked at. Compared are the articles of the pages that any of that has to do with.
    """
    with write_transaction(db):
        outdated_pages = {page_id for (page_id,) in db.execute(_STALE_SKETCHES)}
        sketched_pages = _sketch_new_texts(db, parallel_map)
        stale_hosts = stale_hosts.and_hosts(hosts_of_pages(db, outdated_pages | sketched_pages))
        crowded_pages = {page for host in list_hosts(db, stale_hosts) for page in count_crowded_hashes(db, host)}
        changed_pages = outdated_pages | sketched_pages | crowded_pages | set(head_pages)
        touched_pages = None if stale_hosts.hosts is None else find_touched_pages(db, changed_pages)
        relations = _find_relations(db, touched_pages)
        _store_relations(db, relations, touched_pages)
        cluster_by_article = cluster_articles(Relation(*row) for row in db.execute(_STORED_RELATIONS))
        _store_clusters(db, cluster_by_article)
    return len(sketched_pages)


def _sketch_new_texts(db: Database, parallel_map: ParallelMap) -> set[int]:
    """Sketch the texts that have no sketch yet; returns the ids of their pages."""
    db.execute(_DELETE_STALE_SKETCHES)
    page_ids: set[int] = set()
    for rows in parallel_map(sketch_rows, _unsketched_batches(db)):
        db.conn.executemany("INSERT INTO _sketches (page_id, hashes, sketch) VALUES (?, ?, ?)", rows)
        page_ids.update(row[0] for row in rows)
    return page_ids


def _unsketched_batches(db: Database) -> Iterator[list[tuple[int, str]]]:
    """Yield batches of (page id, text) without a sketch, by page id. Sketches may be stored while it runs."""
    last_page_id = -1
    while rows := db.execute(_UNSKETCHED_TEXTS, [last_page_id, _TEXTS_PER_QUERY]).fetchall():
        last_page_id = int(rows[-1][0])
        for start in range(0, len(rows), _TEXTS_PER_JOB):
            yield rows[start : start + _TEXTS_PER_JOB]


def sketch_rows(texts: list[tuple[int, str]]) -> list[tuple[int, int, bytes]]:
    """Make rows of `sketches` for (page id, text): page id, number of hashes, the sketch packed. Pure."""
    sketches = [(page_id, sketch_of(text)) for page_id, text in texts]
    return [(page_id, len(sketch), pack_sketch(sketch)) for page_id, sketch in sketches]


def read_facts(db: Database, page_id: int) -> ArticleFacts:
    """Read the facts of a page's article that decide its relations."""
    return ArticleFacts(*db.execute(_ARTICLE_FACTS, [page_id]).fetchone())


def read_shingles(db: Database, page_id: int) -> Shingles:
    """Read the shingles of the text of a page's article, without what its host repeats."""
    return shingles_of("\n".join(text for (text,) in db.execute(_UNREPEATED_TEXT, [page_id])))


def _find_relations(db: Database, pages: Collection[int] | None) -> list[Relation]:
    """Find the relations of the articles of these pages, with each other and with those of others; None for all."""
    if pages is None:
        return list(_compare_pairs(db, _find_all_pairs(db)))
    if len(pages) <= _MAX_INDEXED:
        return list(_compare_pairs(db, find_pairs_of_pages(db, pages)))
    return list(_compare_pairs(db, [pair for pair in _find_all_pairs(db) if pair[0] in pages or pair[1] in pages]))


def _find_all_pairs(db: Database) -> list[tuple[int, int]]:
    """Find the pairs of page ids whose sketches share enough."""
    pages, number_by_host = SketchedPages(array("q"), array("i"), array("i")), dict[str, int]()
    for page_id, host, hash_count, sketch_bytes in db.execute(_SKETCHED_PAGES):
        if sketch_bytes != hash_count * HASH_BYTES:
            raise DamagedValue(location_of("_sketches", "sketch", page_id))
        pages.page_ids.append(page_id)
        pages.host_numbers.append(number_by_host.setdefault(host, len(number_by_host)))
        pages.hash_counts.append(hash_count)
    return find_candidate_pairs(pages, (sketch for (sketch,) in db.execute(_SKETCHES)))


def _compare_pairs(db: Database, pairs: list[tuple[int, int]]) -> Iterator[Relation]:
    """Find the relations of those pairs of pages whose full texts are alike."""

    @lru_cache(maxsize=_CACHED_TEXTS)
    def facts_of(page_id: int) -> ArticleFacts:
        return read_facts(db, page_id)

    @lru_cache(maxsize=_CACHED_TEXTS)
    def unrepeated_shingles(page_id: int) -> Shingles:
        return read_shingles(db, page_id)

    for first, second in pairs:
        likeness = compare_shingles(unrepeated_shingles(first), unrepeated_shingles(second))
        if relation := classify_pair(facts_of(first), facts_of(second), likeness):
            yield relation


def _store_relations(db: Database, relations: list[Relation], pages: Collection[int] | None) -> None:
    """Write only what differs from the stored relations of these pages' articles: settling again changes nothing."""
    stored_relations = _read_relations(db, pages)
    stale_relations, new_relations = stored_relations - set(relations), set(relations) - stored_relations
    db.conn.executemany(
        "DELETE FROM duplicates WHERE article_id = ? AND duplicate_id = ?",
        [(relation.article_id, relation.duplicate_id) for relation in stale_relations],
    )
    db.conn.executemany(
        "INSERT INTO duplicates (article_id, duplicate_id, kind, similarity, contained) VALUES (?, ?, ?, ?, ?)",
        sorted(
            (relation.article_id, relation.duplicate_id, relation.kind, relation.similarity, relation.containment)
            for relation in new_relations
        ),
    )


def _read_relations(db: Database, pages: Collection[int] | None) -> set[Relation]:
    """Read the stored relations of the articles of these pages; None for all."""
    if pages is None:
        return {Relation(*row) for row in db.execute(_STORED_RELATIONS)}
    articles = db.execute(_ARTICLES_OF_PAGES, [json.dumps(sorted(pages))]).fetchall()
    return {Relation(*row) for article in articles for row in db.execute(_RELATIONS_OF_ARTICLE, article)}


def _store_clusters(db: Database, cluster_by_article: dict[int, int]) -> None:
    stored_pairs = db.execute("SELECT article_id, duplicate_id, kind, cluster_id FROM duplicates").fetchall()
    clusters = [cluster_by_article[first] if kind in CLUSTERED_KINDS else None for first, _, kind, _ in stored_pairs]
    changes = [(cluster, *pair[:2]) for cluster, pair in zip(clusters, stored_pairs, strict=True) if cluster != pair[3]]
    db.conn.executemany("UPDATE duplicates SET cluster_id = ? WHERE article_id = ? AND duplicate_id = ?", changes)
