"""Which block texts several pages have, and whether pages keep them: looked up again where a page changed.

Table `common_texts` holds what was true when the archive was last settled. A change of a text's flags matters to every
page that has it. The pages' own verdicts count, so neither the site's memory nor a ruling changes a flag.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from broadsheet.output.settle.site_memory.page_table import IS_FREQUENT, IS_KEPT_ELSEWHERE, IS_SHARED, MAX_KEPT

if TYPE_CHECKING:
    from sqlite_utils import Database

COMMON_TEXT_TABLES = ("settle_overridden", "settle_touched", "settle_common")

# The blocks that each page keeps by its own verdicts, whatever the site's memory or a person made of them since.
CREATE_KEPT_VIEW = """CREATE TEMP VIEW settle_kept (page_id, position, block_id) AS
    SELECT b.page_id, b.position, b.block_id FROM page_blocks b
    WHERE coalesce((SELECT o.kept FROM own_verdicts o WHERE o.page_id = b.page_id AND o.position = b.position),
            (SELECT v.kept FROM overruled v WHERE v.page_id = b.page_id AND v.position = b.position), b.kept) = 1
        AND (SELECT own_type FROM pages p WHERE p.id = b.page_id) IN ('article', 'teaser')"""

# The texts of blocks whose own verdict is not the one in `page_blocks`. What the site's memory changed has evidence;
# only a page that was just stored may carry such a verdict without.
_CREATE_OVERRIDDEN = "CREATE TEMP TABLE settle_overridden (block_id INTEGER PRIMARY KEY)"
_INSERT_OVERRIDDEN = """INSERT OR IGNORE INTO settle_overridden (block_id)
    SELECT b.block_id FROM {table} o
        CROSS JOIN page_blocks b ON b.page_id = o.page_id AND b.position = o.position"""
_INSERT_UNSETTLED_OVERRIDDEN = """INSERT OR IGNORE INTO settle_overridden (block_id)
    SELECT b.block_id FROM unsettled s CROSS JOIN own_verdicts o ON o.page_id = s.page_id
        CROSS JOIN page_blocks b ON b.page_id = o.page_id AND b.position = o.position"""

# `kept` is how many pages keep a text, no more than need to be counted.
_CREATE_TOUCHED = """CREATE TEMP TABLE settle_touched (
    block_id INTEGER PRIMARY KEY, kept INTEGER NOT NULL DEFAULT 0)"""
_INSERT_ALL = (
    "INSERT INTO settle_touched (block_id) SELECT block_id FROM page_blocks GROUP BY block_id HAVING count(*) > 1"
)
_INSERT_CHANGED = (
    """INSERT OR IGNORE INTO settle_touched (block_id)
        SELECT b.block_id FROM unsettled s CROSS JOIN page_blocks b ON b.page_id = s.page_id""",
    "INSERT OR IGNORE INTO settle_touched (block_id) SELECT block_id FROM unsettled_texts",
)
_COUNT_KEPT = f"""UPDATE settle_touched SET kept = CASE
    WHEN EXISTS (SELECT 1 FROM settle_overridden o WHERE o.block_id = settle_touched.block_id)
        OR EXISTS (SELECT 1 FROM block_evidence e WHERE e.block_id = settle_touched.block_id)
    THEN (SELECT count(*) FROM (
        SELECT 1 FROM temp.settle_kept k WHERE k.block_id = settle_touched.block_id LIMIT {MAX_KEPT + 1}))
    ELSE (SELECT count(*) FROM (
        SELECT 1 FROM page_blocks b WHERE b.block_id = settle_touched.block_id AND b.kept = 1
        LIMIT {MAX_KEPT + 1})) END"""
_CREATE_COMMON = "CREATE TEMP TABLE settle_common (block_id INTEGER PRIMARY KEY, asked INTEGER NOT NULL)"
_INSERT_COMMON = f"""INSERT INTO settle_common (block_id, asked)
    SELECT t.block_id, {IS_SHARED} * EXISTS (
            SELECT 1 FROM page_blocks b WHERE b.block_id = t.block_id AND b.page_id <> (
                SELECT f.page_id FROM page_blocks f WHERE f.block_id = t.block_id LIMIT 1))
        + {IS_KEPT_ELSEWHERE} * (t.kept > 0) + {IS_FREQUENT} * (t.kept > {MAX_KEPT})
    FROM settle_touched t
    WHERE EXISTS (SELECT 1 FROM page_blocks b WHERE b.block_id = t.block_id LIMIT 1 OFFSET 1)"""

_HOSTS_OF_CHANGED_TEXTS = """SELECT DISTINCT u.host FROM (
        SELECT t.block_id FROM settle_touched t LEFT JOIN settle_common n ON n.block_id = t.block_id
            LEFT JOIN common_texts c ON c.block_id = t.block_id WHERE n.asked IS NOT c.asked) d
    CROSS JOIN page_blocks b ON b.block_id = d.block_id CROSS JOIN urls u ON u.id = b.page_id"""
_DELETE_UNCOMMON = """DELETE FROM common_texts WHERE block_id IN (SELECT block_id FROM settle_touched)
    AND block_id NOT IN (SELECT block_id FROM settle_common)"""
_DELETE_ALL_UNCOMMON = "DELETE FROM common_texts WHERE block_id NOT IN (SELECT block_id FROM settle_common)"
_UPSERT_COMMON = """INSERT INTO common_texts (block_id, asked)
    SELECT n.block_id, n.asked FROM settle_common n LEFT JOIN common_texts c ON c.block_id = n.block_id
        WHERE c.asked IS NOT n.asked
    ON CONFLICT (block_id) DO UPDATE SET asked = excluded.asked"""


def find_common_texts(db: Database, *, in_whole_archive: bool) -> frozenset[str]:
    """Bring `common_texts` up to date; returns the hosts of all pages with a text whose flags changed.

    Only texts of pages in `unsettled`, and those in `unsettled_texts`, are looked at, or all `in_whole_archive`. The
    temporary tables, which need the view `settle_kept`, stay until settling ends.
    """
    for statement in (_CREATE_OVERRIDDEN, _CREATE_TOUCHED, _CREATE_COMMON):
        db.execute(statement)
    db.execute(_INSERT_OVERRIDDEN.format(table="overruled"))
    if in_whole_archive:
        db.execute(_INSERT_OVERRIDDEN.format(table="own_verdicts"))
        db.execute(_INSERT_ALL)
    else:
        for statement in (_INSERT_UNSETTLED_OVERRIDDEN, *_INSERT_CHANGED):
            db.execute(statement)
    db.execute(_COUNT_KEPT)
    db.execute(_INSERT_COMMON)
    hosts = frozenset[str]()
    if not in_whole_archive:
        hosts = frozenset(host for (host,) in db.execute(_HOSTS_OF_CHANGED_TEXTS))
    db.execute(_DELETE_ALL_UNCOMMON if in_whole_archive else _DELETE_UNCOMMON)
    db.execute(_UPSERT_COMMON)
    return hosts
