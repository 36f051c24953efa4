"""Which pages a change may make copies or parts of others, or no longer: the changed ones and all related ones.

Pages are related that carry one text, that a canonical URL or a link to the rest of an article relates, and that were
copies or parts of one article when the archive was last settled. Their groups, taken whole, decide alone what each of
them is, so what is found in them is what would be found in the whole archive.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlite_utils import Database

AFFECTED_TABLES = ("settle_affected",)

_CREATE = "CREATE TEMP TABLE settle_affected (page_id INTEGER PRIMARY KEY, step INTEGER NOT NULL)"
_CREATE_STEPS = "CREATE INDEX temp.settle_affected_step ON settle_affected (step)"
_INSERT_UNSETTLED = "INSERT OR IGNORE INTO settle_affected (page_id, step) SELECT page_id, 0 FROM unsettled"
_INSERT_LEADING = "INSERT OR IGNORE INTO settle_affected (page_id, step) SELECT page_id, 0 FROM page_leads"
_INSERT = "INSERT OR IGNORE INTO settle_affected (page_id, step) VALUES (?, 0)"
_IS_ARTICLE = "own_type IN ('article', 'teaser')"

# What the pages of a step, `a`, are related to.
_RELATED_PAGES = (
    "SELECT c.original_id FROM step a CROSS JOIN page_copies c ON c.page_id = a.page_id",
    "SELECT c.page_id FROM step a CROSS JOIN page_copies c ON c.original_id = a.page_id",
    "SELECT h.head_id FROM step a CROSS JOIN page_parts h ON h.page_id = a.page_id",
    "SELECT h.page_id FROM step a CROSS JOIN page_parts h ON h.head_id = a.page_id",
    f"""SELECT o.id FROM step a CROSS JOIN pages p ON p.id = a.page_id AND p.{_IS_ARTICLE}
        CROSS JOIN pages o ON o.text_digest = p.text_digest AND o.{_IS_ARTICLE}""",
    f"""SELECT o.id FROM step a CROSS JOIN urls u ON u.id = a.page_id
        CROSS JOIN pages o ON o.canonical_url = u.url AND o.{_IS_ARTICLE}""",
    f"""SELECT o.id FROM step a CROSS JOIN pages p ON p.id = a.page_id
        CROSS JOIN pages o ON o.canonical_url = p.canonical_url AND o.{_IS_ARTICLE} WHERE p.canonical_url <> ''""",
    """SELECT u.id FROM step a CROSS JOIN pages p ON p.id = a.page_id CROSS JOIN urls u ON u.url = p.canonical_url
        WHERE p.canonical_url <> ''""",
    """SELECT u.id FROM step a CROSS JOIN page_leads l ON l.page_id = a.page_id CROSS JOIN urls u ON u.url = l.url""",
    """SELECT l.page_id FROM step a CROSS JOIN urls u ON u.id = a.page_id CROSS JOIN page_leads l ON l.url = u.url""",
)
_INSERT_RELATED = tuple(
    f"""WITH step (page_id) AS (SELECT page_id FROM settle_affected WHERE step = :step)
    INSERT OR IGNORE INTO settle_affected (page_id, step) SELECT column1, :step + 1 FROM (
        SELECT NULL AS column1 WHERE 0 UNION ALL {query})"""
    for query in _RELATED_PAGES
)


def find_affected_pages(db: Database, more_pages: Iterable[int], *, awaited_urls_changed: bool) -> None:
    """Make the temporary table `settle_affected` of the pages in `unsettled`, and some more, and all related ones.

    Where it changed which pages of articles are awaited, every page with a link to the rest of its article is one.
    """
    db.execute(_CREATE)
    db.execute(_CREATE_STEPS)
    db.execute(_INSERT_UNSETTLED)
    db.conn.executemany(_INSERT, [(page_id,) for page_id in more_pages])
    if awaited_urls_changed:
        db.execute(_INSERT_LEADING)
    step = 0
    while db.execute("SELECT 1 FROM settle_affected WHERE step = ? LIMIT 1", [step]).fetchone():
        for statement in _INSERT_RELATED:
            db.execute(statement, {"step": step})
        step += 1
