"""Which articles of an archive are alike: near-duplicates, new versions, syndicated copies, parts of each other.

They are relations (`duplicates`) and clusters, never drops. Texts are found by the hashes that their sketches share,
and then compared in full, without what their host repeats: a series note of sixty words on twenty pages makes none
of them a copy of another. Only texts that are new or changed are read for their sketches; what is found depends on
the archive's content alone, not on the order in which it came.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from sqlite_utils import Database

from output.db.transaction import writing
from output.settle.parallel_map import Share, alone
from output.settle.similar.candidate_pairs import Sketched, alike
from output.settle.similar.likeness import Shingles, likeness, packed, shingles, sketch_of
from output.settle.similar.relation import Relation, Told, clusters, relation

REPEATED = 6
"""Article pages of a host on which a block must stand to be left out when two texts are compared."""

_AT_ONCE = 1_000  # articles whose texts are read at once
_IN_A_JOB = 25
_HELD_TEXTS = 64

_SWEEP = "DELETE FROM sketches WHERE hashes IS NULL"
_NEW = """SELECT a.page_id, a.text FROM articles a LEFT JOIN sketches s ON s.page_id = a.page_id
    WHERE s.page_id IS NULL AND a.page_id > ? ORDER BY a.page_id LIMIT ?"""
_HAVE_SKETCHES = "FROM sketches s JOIN urls u ON u.id = s.page_id WHERE s.hashes > 0 ORDER BY s.page_id"
_SKETCHED = f"SELECT s.page_id, u.host, s.hashes {_HAVE_SKETCHES}"
_SKETCHES = f"SELECT s.sketch {_HAVE_SKETCHES}"

_TOLD = """SELECT id, url, host, coalesce(canonical_url, ''), title, coalesce(datetime(published), ''), word_count
    FROM articles WHERE page_id = ?"""
_OWN_TEXT = f"""SELECT t.text FROM page_blocks b JOIN block_texts t ON t.id = b.block_id
        JOIN articles a ON a.page_id = ?1 LEFT JOIN block_evidence e ON e.block_id = b.block_id AND e.host = a.host
    WHERE b.page_id IN (SELECT ?1 UNION SELECT page_id FROM page_parts WHERE head_id = ?1 AND place > 0)
        AND b.kept = 1 AND coalesce(e.pages, 1) < {REPEATED}
    ORDER BY b.page_id, b.position"""
_HELD = "SELECT article_id, duplicate_id, kind, similarity, contained FROM duplicates"


@dataclass(frozen=True, slots=True)
class Related:
    """What `relate` found: new or changed texts, pairs that are alike, and articles in clusters of several."""

    sketched: int
    pairs: int
    clustered: int


def relate(db: Database, share: Share = alone) -> Related:
    """Bring `duplicates` and `clusters` up to the articles as they stand, in one transaction; `share` sketches."""
    with writing(db):
        sketched = _sketch(db, share)
        found = list(_compared(db, _candidates(db)))
        _store(db, found)
        grouped = clusters(found)
        _store_clusters(db, grouped)
    return Related(sketched, len(found), len(grouped))


def _sketch(db: Database, share: Share) -> int:
    """Sketch the texts that have none; how many."""
    db.execute(_SWEEP)
    count = 0
    for made in share(sketches_of, _unsketched(db)):
        db.conn.executemany("INSERT INTO sketches (page_id, hashes, sketch) VALUES (?, ?, ?)", made)
        count += len(made)
    return count


def _unsketched(db: Database) -> Iterator[list[tuple[int, str]]]:
    """The texts without a sketch by page, some at a time. It is at home where sketches are stored meanwhile."""
    last = -1
    while rows := db.execute(_NEW, [last, _AT_ONCE]).fetchall():
        last = int(rows[-1][0])
        for at in range(0, len(rows), _IN_A_JOB):
            yield rows[at : at + _IN_A_JOB]


def sketches_of(texts: list[tuple[int, str]]) -> list[tuple[int, int, bytes]]:
    """The sketch of each page's text as a row: page, number of hashes, the hashes packed. Pure."""
    made = [(page, sketch_of(text)) for page, text in texts]
    return [(page, len(sketch), packed(sketch)) for page, sketch in made]


def _candidates(db: Database) -> list[tuple[int, int]]:
    """The pairs of pages whose sketches share enough."""
    pages, numbers = Sketched(array("q"), array("i"), array("i")), dict[str, int]()
    for page, host, hashes in db.execute(_SKETCHED):
        pages.numbers.append(page)
        pages.hosts.append(numbers.setdefault(host, len(numbers)))
        pages.hashes.append(hashes)
    return alike(pages, lambda: (sketch for (sketch,) in db.execute(_SKETCHES)))


def _compared(db: Database, pairs: list[tuple[int, int]]) -> Iterator[Relation]:
    @lru_cache(maxsize=_HELD_TEXTS)
    def told(page: int) -> Told:
        return Told(*db.execute(_TOLD, [page]).fetchone())

    @lru_cache(maxsize=_HELD_TEXTS)
    def own(page: int) -> Shingles:
        return shingles("\n".join(text for (text,) in db.execute(_OWN_TEXT, [page])))

    for one, other in pairs:
        if found := relation(told(one), told(other), likeness(own(one), own(other))):
            yield found


def _store(db: Database, found: list[Relation]) -> None:
    """Write what differs, so that settling again changes nothing."""
    held = {Relation(*row) for row in db.execute(_HELD)}
    gone, new = held - set(found), set(found) - held
    db.conn.executemany(
        "DELETE FROM duplicates WHERE article_id = ? AND duplicate_id = ?",
        [(each.article_id, each.duplicate_id) for each in gone],
    )
    db.conn.executemany(
        "INSERT INTO duplicates (article_id, duplicate_id, kind, similarity, contained) VALUES (?, ?, ?, ?, ?)",
        sorted((each.article_id, each.duplicate_id, each.kind, each.similarity, each.contained) for each in new),
    )


def _store_clusters(db: Database, grouped: dict[int, int]) -> None:
    held = dict(db.execute("SELECT article_id, cluster_id FROM clusters").fetchall())
    if grouped == held:
        return
    db.execute("DELETE FROM clusters")
    db.conn.executemany("INSERT INTO clusters (article_id, cluster_id) VALUES (?, ?)", sorted(grouped.items()))
