"""What each host repeats, counted over the whole archive, and what follows for the blocks of its pages.

Pages with one text count once, and pages that only repeat others are not counted at all. Everything starts from the
pages' own verdicts, so that what comes out depends on the archive's content, and neither on the order in which it
came nor on how often it was settled.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import groupby

from sqlite_utils import Database

from cleaners.record import Verdict
from cleaners.site_memory import (
    Seen,
    container,
    judge_again,
    least_pages,
    length,
    names_author,
    remember,
)
from output.bodies import Bodies, brought_back, read_facts, text_key
from output.migrations import BLOCK_KINDS

_HEADING = BLOCK_KINDS.index("heading")
_TEMP = ("settle_kept", "settle_beside", "settle_seen", "settle_left", "settle_evidence")

# The blocks that each page kept by itself, whatever the site's memory made of them since.
_KEPT = """INSERT INTO settle_kept SELECT b.page_id, b.position, b.block_id, b.kind
    FROM pages p CROSS JOIN page_blocks b ON b.page_id = p.id
        LEFT JOIN own_verdicts o ON o.page_id = b.page_id AND o.position = b.position
        LEFT JOIN overruled v ON v.page_id = b.page_id AND v.position = b.position
    WHERE p.own_type IN ('article', 'teaser') AND coalesce(o.kept, v.kept, b.kept) = 1"""

# The same texts where a page removed them by itself: what is kept on one page only may stand on all.
_BESIDE = """INSERT INTO settle_beside SELECT b.page_id, b.position, b.block_id, b.kind
    FROM (SELECT DISTINCT block_id FROM settle_kept) k CROSS JOIN page_blocks b ON b.block_id = k.block_id
        JOIN pages p ON p.id = b.page_id AND p.own_type IN ('article', 'teaser')
    WHERE NOT EXISTS (SELECT 1 FROM settle_kept s WHERE s.page_id = b.page_id AND s.position = b.position)"""

_HOSTS = """SELECT DISTINCT u.host FROM pages p JOIN urls u ON u.id = p.id
    WHERE p.own_type IN ('article', 'teaser') ORDER BY u.host"""
_PAGES = """SELECT p.id FROM pages p JOIN urls u ON u.id = p.id
    WHERE p.own_type IN ('article', 'teaser') AND u.host = ? ORDER BY p.id"""

_BLOCKS = """SELECT k.position, k.block_id, k.kind, t.text, k.kept FROM (
        SELECT position, block_id, kind, 1 AS kept FROM settle_kept WHERE page_id = ?1 UNION ALL
        SELECT position, block_id, kind, 0 FROM settle_beside WHERE page_id = ?1) k
    JOIN block_texts t ON t.id = k.block_id"""

# A removed block counts only where the same text is kept in the same part of another page.
_STANDING = """DELETE FROM settle_seen WHERE NOT kept AND NOT EXISTS (SELECT 1 FROM settle_seen k
    WHERE k.key = settle_seen.key AND k.counted = 1 AND k.kept AND k.container = settle_seen.container)"""

_COUNTS = """SELECT key, count(DISTINCT page_id) AS pages FROM settle_seen WHERE counted
    GROUP BY key HAVING pages >= ?"""

_EVIDENCE = """INSERT INTO settle_evidence
    SELECT s.block_id, :host, max(k.pages), :pages, min(k.since) FROM settle_seen s JOIN (
        SELECT n.key AS key, count(DISTINCT n.page_id) AS pages, min(coalesce(a.first_seen, x.first_seen)) AS since
        FROM settle_seen n LEFT JOIN articles a ON a.page_id = n.page_id LEFT JOIN shelved x ON x.page_id = n.page_id
        WHERE n.counted GROUP BY n.key HAVING pages > 1) k ON k.key = s.key
    GROUP BY s.block_id"""

_STALE = """DELETE FROM block_evidence WHERE NOT EXISTS (SELECT 1 FROM settle_evidence e
    WHERE e.block_id = block_evidence.block_id AND e.host = block_evidence.host)"""
_NEW = """INSERT INTO block_evidence SELECT * FROM (SELECT * FROM settle_evidence EXCEPT SELECT * FROM block_evidence)
    WHERE true ON CONFLICT (block_id, host) DO UPDATE
    SET pages = excluded.pages, of_pages = excluded.of_pages, first_seen = excluded.first_seen"""


def count_kept(db: Database) -> None:
    """Make the temporary tables of the blocks that pages keep by themselves; `forget_counts` drops them."""
    forget_counts(db)
    for name, statement in (("settle_kept", _KEPT), ("settle_beside", _BESIDE)):
        db.execute(
            f"""CREATE TEMP TABLE {name} (page_id INTEGER NOT NULL, position INTEGER NOT NULL,
                block_id INTEGER NOT NULL, kind INTEGER NOT NULL, PRIMARY KEY (page_id, position)) WITHOUT ROWID"""
        )
        db.execute(statement)
        db.execute(f"CREATE INDEX {name}_block ON {name} (block_id)")


def kept_text(db: Database, page_id: int) -> str:
    """The text that a page gives by itself, after `count_kept`."""
    query = """SELECT t.text FROM settle_kept k JOIN block_texts t ON t.id = k.block_id
        WHERE k.page_id = ? ORDER BY k.position"""
    return "\n".join(text for (text,) in db.execute(query, [page_id]))


def forget_counts(db: Database) -> None:
    """Drop what was counted."""
    for name in _TEMP:
        db.execute(f"DROP TABLE IF EXISTS temp.{name}")


def judged_again(
    db: Database, uncounted: Collection[int], unjudged: Collection[int]
) -> Iterator[tuple[int, dict[int, Verdict]]]:
    """Judge article pages again with the evidence of all of them, and store the evidence.

    Yields pages with the verdicts, by position, that differ from their own; pages without any are left out, and so
    are those `unjudged`. Those `uncounted` are no evidence. Runs in the caller's transaction, after `count_kept`.
    """
    _make_tables(db)
    for (host,) in db.execute(_HOSTS).fetchall():
        pages = [page for (page,) in db.execute(_PAGES, [host])]
        number = sum(page not in uncounted for page in pages)
        if number > 1:
            bodies = Bodies(db)
            boxes = _look(db, pages, uncounted, bodies)
            db.execute(_EVIDENCE, {"host": host, "pages": number})
            back = brought_back(db, host, bodies, unjudged)
            for page, verdicts in _judge_host(db, number, boxes, unjudged):
                yield page, verdicts | back.pop(page, {})
            yield from back.items()
    db.execute(_STALE)
    db.execute(_NEW)


def _make_tables(db: Database) -> None:
    """`settle_seen` holds the kept blocks of one host at a time."""
    db.execute(
        """CREATE TEMP TABLE settle_seen (page_id INTEGER NOT NULL, position INTEGER NOT NULL,
            block_id INTEGER NOT NULL, key INTEGER NOT NULL, container INTEGER NOT NULL, words INTEGER NOT NULL,
            heading INTEGER NOT NULL, named INTEGER NOT NULL, kept INTEGER NOT NULL, counted INTEGER NOT NULL,
            PRIMARY KEY (page_id, position)) WITHOUT ROWID"""
    )
    db.execute("CREATE INDEX settle_seen_key ON settle_seen (key, counted, kept, container)")
    db.execute(
        """CREATE TEMP TABLE settle_evidence (block_id INTEGER NOT NULL, host TEXT NOT NULL, pages INTEGER NOT NULL,
            of_pages INTEGER NOT NULL, first_seen TEXT NOT NULL, PRIMARY KEY (block_id, host)) WITHOUT ROWID"""
    )


def _look(db: Database, pages: Iterable[int], uncounted: Collection[int], bodies: Bodies) -> list[str]:
    """Fill `settle_seen` and `bodies` with the pages of a host; returns the containers that its rows name by number."""
    db.execute("DELETE FROM settle_seen")
    numbers: dict[str, int] = defaultdict(lambda: len(numbers))
    for page in pages:
        facts = read_facts(db, page)
        bodies.look(facts, counted=page not in uncounted)
        rows = [
            (
                *(
                    page,
                    at,
                    block,
                    text_key(text, block, kind, facts.title, facts.authors),
                    numbers[container(facts.places[at])],
                    length(text),
                ),
                *(kind == _HEADING, names_author(text, facts.authors), kept, page not in uncounted),
            )
            for at, block, kind, text, kept in db.execute(_BLOCKS, [page]).fetchall()
        ]
        db.conn.executemany("INSERT INTO settle_seen VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    db.execute(_STANDING)
    return list(numbers)


def _judge_host(
    db: Database, number: int, boxes: list[str], unjudged: Collection[int]
) -> Iterator[tuple[int, dict[int, Verdict]]]:
    repeated = dict(db.execute(_COUNTS, [least_pages(number)]).fetchall())
    if not repeated:
        return
    memory = remember((page for _, page in _seen(db, boxes, "WHERE counted")), repeated, number)
    for page_id, page in _seen(db, boxes, "WHERE kept"):
        if page_id not in unjudged and (verdicts := judge_again(page, memory)):
            yield page_id, verdicts


def _seen(db: Database, boxes: list[str], which: str = "") -> Iterator[tuple[int, list[Seen]]]:
    query = f"""SELECT page_id, position, key, container, words, heading, named, kept FROM settle_seen {which}
        ORDER BY page_id, position"""
    for page_id, rows in groupby(db.execute(query), key=lambda row: int(row[0])):
        yield page_id, [Seen(row[1], row[2], boxes[row[3]], row[4], *map(bool, row[5:])) for row in rows]


def told_by(verdicts: Mapping[int, Verdict]) -> dict[int, tuple[str, str]]:
    """Verdicts as the archive holds them: reason and rule by position."""
    return {position: (each.reason, each.rule) for position, each in verdicts.items()}
