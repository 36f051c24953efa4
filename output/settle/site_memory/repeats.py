"""What each host repeats, counted over the whole archive, and what follows for the blocks of its pages.

Pages with one text count once, and pages that only repeat others are not counted at all. Everything starts from the
pages' own verdicts, so that what comes out depends on the archive's content, and neither on the order in which it
came nor on how often it was settled.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from sqlite_utils import Database

from cleaners.compare.site_memory import Seen, judge_again, least_pages, remember
from cleaners.document import Verdict
from output.settle.parallel_map import Share, alone
from output.settle.site_memory.article_places import Bodies, brought_back
from output.settle.site_memory.page_table import TEMP, Packed, prepare_looks, seen_blocks
from output.settle.site_memory.read_pages import look
from output.settle.site_memory.seen_twice import Several

_TEMP = ("settle_kept", "settle_seen", "settle_left", "settle_evidence", *TEMP)
_BLOCKS = 128  # of a page, about: for the size of a table

# The blocks that each page kept by itself, whatever the site's memory made of them since.
_KEPT = """INSERT INTO settle_kept (page_id, position, block_id) SELECT b.page_id, b.position, b.block_id
    FROM pages p CROSS JOIN page_blocks b ON b.page_id = p.id
        LEFT JOIN own_verdicts o ON o.page_id = b.page_id AND o.position = b.position
        LEFT JOIN overruled v ON v.page_id = b.page_id AND v.position = b.position
    WHERE p.own_type IN ('article', 'teaser') AND coalesce(o.kept, v.kept, b.kept) = 1"""

_HOSTS = """SELECT DISTINCT u.host FROM pages p JOIN urls u ON u.id = p.id
    WHERE p.own_type IN ('article', 'teaser') ORDER BY u.host"""
_PAGES = """SELECT p.id FROM pages p JOIN urls u ON u.id = p.id
    WHERE p.own_type IN ('article', 'teaser') AND u.host = ? ORDER BY p.id"""

# A removed block counts only where the same text is kept in the same part of another page.
_STANDING = """DELETE FROM settle_seen WHERE NOT kept AND NOT EXISTS (SELECT 1 FROM settle_seen k
    WHERE k.key = settle_seen.key AND k.counted = 1 AND k.kept AND k.container = settle_seen.container)"""

_BESIDE = "SELECT DISTINCT key, container FROM settle_seen WHERE NOT kept"

_COUNTS = """SELECT key, count(DISTINCT page_id) AS pages FROM settle_seen WHERE counted
    GROUP BY key HAVING pages >= ?"""

_EVIDENCE = """INSERT INTO settle_evidence (block_id, host, pages, of_pages, first_seen)
    SELECT s.block_id, :host, max(k.pages), :pages, min(k.since) FROM settle_seen s JOIN (
        SELECT n.key AS key, count(DISTINCT n.page_id) AS pages, min(coalesce(a.first_seen, x.first_seen)) AS since
        FROM settle_seen n LEFT JOIN articles a ON a.page_id = n.page_id LEFT JOIN shelved x ON x.page_id = n.page_id
        WHERE n.counted GROUP BY n.key HAVING count(DISTINCT n.page_id) > 1) k ON k.key = s.key
    GROUP BY s.block_id"""

_PUT_SEEN = """INSERT INTO settle_seen (page_id, position, block_id, key, container, kept, counted)
    VALUES (?, ?, ?, ?, ?, ?, ?)"""

_STALE = """DELETE FROM block_evidence WHERE NOT EXISTS (SELECT 1 FROM settle_evidence e
    WHERE e.block_id = block_evidence.block_id AND e.host = block_evidence.host)"""
_EVIDENT = "block_id, host, pages, of_pages, first_seen"
_NEW = f"""INSERT INTO block_evidence ({_EVIDENT})
    SELECT {_EVIDENT} FROM (SELECT {_EVIDENT} FROM settle_evidence EXCEPT SELECT {_EVIDENT} FROM block_evidence)
    WHERE true ON CONFLICT (block_id, host) DO UPDATE
    SET pages = excluded.pages, of_pages = excluded.of_pages, first_seen = excluded.first_seen"""


def count_kept(db: Database) -> None:
    """Make the temporary tables of the blocks that pages keep by themselves; `forget_counts` drops them."""
    forget_counts(db)
    db.execute(
        """CREATE TEMP TABLE settle_kept (page_id INTEGER NOT NULL, position INTEGER NOT NULL,
            block_id INTEGER NOT NULL, PRIMARY KEY (page_id, position)) WITHOUT ROWID"""
    )
    db.execute(_KEPT)
    db.execute("CREATE INDEX temp.settle_kept_block ON settle_kept (block_id)")
    prepare_looks(db)


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
    db: Database, uncounted: Collection[int], unjudged: Collection[int], share: Share = alone
) -> Iterator[tuple[int, dict[int, Verdict]]]:
    """Judge article pages again with the evidence of all of them, and store the evidence.

    Yields pages with the verdicts, by position, that differ from their own; pages without any are left out, and so
    are those `unjudged`. Those `uncounted` are no evidence. Runs in the caller's transaction, after `count_kept`;
    `share` looks at pages.
    """
    _make_tables(db)
    for (host,) in db.execute(_HOSTS).fetchall():
        pages = [page for (page,) in db.execute(_PAGES, [host])]
        number = sum(page not in uncounted for page in pages)
        if number > 1:
            several, bodies = Several(_BLOCKS * len(pages)), Bodies()
            boxes = look(db, pages, uncounted, several, bodies, share)
            _gather(db, several)
            db.execute(_EVIDENCE, {"host": host, "pages": number})
            back = brought_back(db, host, bodies, several, unjudged)
            for page, verdicts in _judge_host(db, number, boxes, unjudged):
                yield page, verdicts | back.pop(page, {})
            yield from back.items()
    db.execute(_STALE)
    db.execute(_NEW)


def _make_tables(db: Database) -> None:
    """`settle_seen` holds the blocks of one host at a time whose texts seem to be on several pages."""
    db.execute(
        """CREATE TEMP TABLE settle_seen (page_id INTEGER NOT NULL, position INTEGER NOT NULL,
            block_id INTEGER NOT NULL, key INTEGER NOT NULL, container INTEGER NOT NULL, kept INTEGER NOT NULL,
            counted INTEGER NOT NULL, PRIMARY KEY (page_id, position)) WITHOUT ROWID"""
    )
    db.execute("CREATE INDEX temp.settle_seen_key ON settle_seen (key, counted, kept, container)")
    db.execute(
        """CREATE TEMP TABLE settle_evidence (block_id INTEGER NOT NULL, host TEXT NOT NULL, pages INTEGER NOT NULL,
            of_pages INTEGER NOT NULL, first_seen TEXT NOT NULL, PRIMARY KEY (block_id, host)) WITHOUT ROWID"""
    )


def _gather(db: Database, several: Several) -> None:
    """Fill `settle_seen` with what seems to be on several of the pages that were looked at."""
    db.execute("DELETE FROM settle_seen")
    for page_id, counted, page in seen_blocks(db):
        rows = [(page_id, *row[:4], row[7], counted) for row in page if row[2] in several]
        if rows:
            db.conn.executemany(_PUT_SEEN, rows)
    db.execute(_STANDING)


def _judge_host(
    db: Database, number: int, boxes: list[str], unjudged: Collection[int]
) -> Iterator[tuple[int, dict[int, Verdict]]]:
    repeated = dict(db.execute(_COUNTS, [least_pages(number)]).fetchall())
    if not repeated:
        return
    beside = set(db.execute(_BESIDE).fetchall())
    counted = (page for _, counts, page in seen_blocks(db) if counts)
    memory = remember((_standing(page, boxes, repeated, beside) for page in counted), repeated, number)
    for page_id, _, page in seen_blocks(db):
        kept = [row for row in page if row[7]]
        if page_id in unjudged or repeated.keys().isdisjoint([row[2] for row in kept]):
            continue
        if verdicts := judge_again(_as_seen(kept, boxes), memory):
            yield page_id, verdicts


def _standing(
    page: list[Packed], boxes: list[str], repeated: Mapping[int, int], beside: Collection[tuple[int, int]]
) -> list[Seen]:
    """The blocks of a page that count. Where none of them repeats, one for each container says the same."""
    if repeated.keys().isdisjoint([row[2] for row in page]):
        return _as_seen({row[3]: row for row in page if row[7]}.values(), boxes)
    return _as_seen([row for row in page if row[7] or (row[2], row[3]) in beside], boxes)


def _as_seen(page: Iterable[Packed], boxes: list[str]) -> list[Seen]:
    return [
        Seen(at, key, boxes[box], words, bool(heading), bool(named), bool(kept))
        for at, _, key, box, words, heading, named, kept in page
    ]


def told_by(verdicts: Mapping[int, Verdict]) -> dict[int, tuple[str, str]]:
    """Verdicts as the archive holds them: reason and rule by position."""
    return {position: (each.reason, each.rule) for position, each in verdicts.items()}
