"""Version 4: less to write for a page. New articles enter the full-text index together, and a sketch is one value."""

from __future__ import annotations

from broadsheet.output.archive.migrations.v1_fulltext import ADD, DIFFERS, REMOVE

_AWAITED = "EXISTS (SELECT 1 FROM unindexed WHERE id = {row}.id)"
_CHANGED = f"""UPDATE OF title, text ON articles
        WHEN ({DIFFERS}) AND NOT {_AWAITED}"""

# An article that is in `unindexed` enters the index with others (`broadsheet.output.archive.fulltext`), and
# is not in it until then, whatever becomes of its row meanwhile.
_TOGETHER = (
    "CREATE TABLE unindexed (id INTEGER PRIMARY KEY)",
    *(f"DROP TRIGGER articles_fts_{name}" for name in ("insert", "delete", "before", "after")),
    f"""CREATE TRIGGER articles_fts_insert AFTER INSERT ON articles WHEN NOT {_AWAITED.format(row="new")}
        BEGIN {ADD} END""",
    f"""CREATE TRIGGER articles_fts_delete BEFORE DELETE ON articles WHEN NOT {_AWAITED.format(row="old")}
        BEGIN {REMOVE} END""",
    f"CREATE TRIGGER articles_fts_before BEFORE {_CHANGED.format(row='old')} BEGIN {REMOVE} END",
    f"CREATE TRIGGER articles_fts_after AFTER {_CHANGED.format(row='new')} BEGIN {ADD} END",
)

# Sketches of before are made anew when the archive is settled next.
_SKETCHES = (
    "DROP TABLE sketch_hashes",
    "DELETE FROM sketches",
    "ALTER TABLE sketches ADD COLUMN sketch BLOB",
)

PACKED: tuple[str, ...] = (*_TOGETHER, *_SKETCHES)
