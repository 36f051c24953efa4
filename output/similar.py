"""Which articles of an archive are alike: near-duplicates, new versions, syndicated copies, parts of each other.

They are relations (`duplicates`) and clusters, never drops. Texts are found by the hashes that their sketches share,
and then compared in full, without what their host repeats: a series note of sixty words on twenty pages makes none
of them a copy of another. Only texts that are new or changed are read for their sketches; what is found depends on
the archive's content alone, not on the order in which it came.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from sqlite_utils import Database

from output.share import Share, alone
from output.similar_kinds import Relation, Told, clusters, relation
from output.similar_text import Shingles, likeness, shingles, sketch_of
from output.transaction import writing

CROWD = 24
"""Articles of one host that may share a run of words; what stands in more is a form, and evidence of nothing."""

REPEATED = 6
"""Article pages of a host on which a block must stand to be left out when two texts are compared."""

_AT_ONCE = 1_000  # articles whose texts are sketched between two writes
_IN_A_JOB = 25
_HELD_TEXTS = 64

# Two sketches that share less than this are not of texts that are alike: it is a sample, so well below `NEAR`.
_LEAST_SHARED, _LEAST_SHARE = 2, 0.4

_STALE = "SELECT EXISTS (SELECT 1 FROM sketches WHERE hashes IS NULL)"
_SWEEP = (
    "DELETE FROM sketch_hashes WHERE page_id IN (SELECT page_id FROM sketches WHERE hashes IS NULL)",
    "DELETE FROM sketches WHERE hashes IS NULL",
)
_NEW = """SELECT a.page_id, a.text FROM articles a LEFT JOIN sketches s ON s.page_id = a.page_id
    WHERE s.page_id IS NULL AND a.page_id > ? ORDER BY a.page_id LIMIT ?"""

_TEMP = ("alike_hashes", "alike_crowds", "alike_rows", "alike_pairs")
_FIND = (
    """CREATE TEMP TABLE alike_hashes AS
        SELECT hash, count(*) AS pages FROM sketch_hashes GROUP BY hash HAVING count(*) > 1""",
    f"""CREATE TEMP TABLE alike_crowds AS
        SELECT s.hash AS hash, u.host AS host FROM alike_hashes h CROSS JOIN sketch_hashes s ON s.hash = h.hash
            JOIN urls u ON u.id = s.page_id
        WHERE h.pages > {CROWD} GROUP BY s.hash, u.host HAVING count(*) > {CROWD}""",
    "CREATE UNIQUE INDEX temp.alike_crowds_hash ON alike_crowds (hash, host)",
    """CREATE TEMP TABLE alike_rows (hash INTEGER NOT NULL, crowded INTEGER NOT NULL, page_id INTEGER NOT NULL,
        PRIMARY KEY (hash, crowded, page_id)) WITHOUT ROWID""",
    """INSERT INTO alike_rows SELECT s.hash, EXISTS (
            SELECT 1 FROM urls u JOIN alike_crowds c ON c.hash = s.hash AND c.host = u.host WHERE u.id = s.page_id
            ), s.page_id
        FROM alike_hashes h CROSS JOIN sketch_hashes s ON s.hash = h.hash""",
    f"""CREATE TEMP TABLE alike_pairs AS
        WITH own (page_id, hashes) AS (
            SELECT s.page_id, s.hashes - coalesce(r.crowded, 0) FROM sketches s LEFT JOIN (
                SELECT page_id, sum(crowded) AS crowded FROM alike_rows WHERE crowded GROUP BY page_id) r
                    ON r.page_id = s.page_id)
        SELECT m.one AS one, m.other AS other FROM (
            SELECT a.page_id AS one, b.page_id AS other, count(*) AS shared
            FROM alike_rows a CROSS JOIN alike_rows b ON b.hash = a.hash AND b.crowded = 0 AND b.page_id > a.page_id
            WHERE a.crowded = 0 GROUP BY a.page_id, b.page_id HAVING count(*) >= {_LEAST_SHARED}) m
            JOIN own x ON x.page_id = m.one JOIN own y ON y.page_id = m.other
        WHERE m.shared >= {_LEAST_SHARE} * min(x.hashes, y.hashes)""",
)

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
    if db.execute(_STALE).fetchone()[0]:
        for statement in _SWEEP:
            db.execute(statement)
    count, made = 0, dict[int, list[int]]()
    for some in share(sketches_of, _unsketched(db)):
        made |= some
        if len(made) >= _AT_ONCE:
            count += _store_sketches(db, made)
            made = {}
    return count + _store_sketches(db, made)


def _unsketched(db: Database) -> Iterator[list[tuple[int, str]]]:
    """The texts without a sketch by page, some at a time. It is at home where sketches are stored meanwhile."""
    last = -1
    while rows := db.execute(_NEW, [last, _AT_ONCE]).fetchall():
        last = int(rows[-1][0])
        for at in range(0, len(rows), _IN_A_JOB):
            yield rows[at : at + _IN_A_JOB]


def sketches_of(texts: list[tuple[int, str]]) -> dict[int, list[int]]:
    """The sketch of each page's text. Pure."""
    return {page: sketch_of(text) for page, text in texts}


def _store_sketches(db: Database, made: dict[int, list[int]]) -> int:
    """Store some sketches, of a hash all pages together; how many."""
    db.conn.executemany("INSERT INTO sketches VALUES (?, ?)", [(page, len(each)) for page, each in made.items()])
    pairs = sorted((number, page) for page, each in made.items() for number in each)
    db.conn.executemany("INSERT OR IGNORE INTO sketch_hashes VALUES (?, ?)", pairs)
    return len(made)


def _candidates(db: Database) -> list[tuple[int, int]]:
    """The pairs of pages whose sketches share enough."""
    _clear(db)
    try:
        for statement in _FIND:
            db.execute(statement)
        return [(one, other) for one, other in db.execute("SELECT one, other FROM alike_pairs ORDER BY one, other")]
    finally:
        _clear(db)


def _clear(db: Database) -> None:
    for name in _TEMP:
        db.execute(f"DROP TABLE IF EXISTS temp.{name}")


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
        "INSERT INTO duplicates VALUES (?, ?, ?, ?, ?)",
        sorted((each.article_id, each.duplicate_id, each.kind, each.similarity, each.contained) for each in new),
    )


def _store_clusters(db: Database, grouped: dict[int, int]) -> None:
    held = dict(db.execute("SELECT article_id, cluster_id FROM clusters").fetchall())
    if grouped == held:
        return
    db.execute("DELETE FROM clusters")
    db.conn.executemany("INSERT INTO clusters VALUES (?, ?)", sorted(grouped.items()))
