"""Version 1: the full-text index in SQL: FTS5 over `articles`, in step by triggers, with words of Chinese and Japanese.

The two scripts write no spaces, so a word tokenizer sees a sentence as one word; the `trigram` tokenizer finds
no word of two characters, which most Chinese words are, and makes «art» match «party». The index therefore reads
a view that writes each run of such characters as overlapping pairs, then once more as overlapping triples, and
every other text as it is. A query of two or three characters then matches as typed, in Datasette too; a longer
run is asked for as a phrase of its pairs (`broadsheet.output.read.search`). All is plain SQL: a writer without our
functions keeps the index in step, and FTS5's `rebuild` and `integrity-check` work. The characters are cut in chunks of
256, since `substr` counts from the beginning each time: 5,000 Chinese characters take 18 ms, 5,000 Latin 0.5 ms.

Datasette and sqlite-utils find the index of a table by the words `content="articles"` in its SQL. Its content
is the view, so a comment carries those words.
"""

from __future__ import annotations

# The value that the schema was shipped with, whatever `broadsheet.output.db.fulltext` says later.
CJK_RANGES = "⺀-⿟々-〇぀-ヿ㐀-䶿一-鿿豈-﫿\U00020000-\U000323af"

_CHUNK = 256


def _segmented(column: str) -> str:
    """SQL for one column of `articles a`, with unspaced scripts written as pairs and triples."""
    return f"""CASE WHEN a.{column} GLOB '*[{CJK_RANGES}]*' THEN (
            WITH RECURSIVE chunk (start, part) AS (
                SELECT 1, substr(a.{column}, 1, {_CHUNK + 2}) UNION ALL
                SELECT start + {_CHUNK}, substr(a.{column}, start + {_CHUNK}, {_CHUNK + 2})
                FROM chunk WHERE start + {_CHUNK} <= length(a.{column})),
            step (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM step WHERE n < {_CHUNK}),
            grams (one, two, three) AS (
                SELECT substr(part, n, 1), substr(part, n, 2), substr(part, n, 3)
                FROM chunk CROSS JOIN step WHERE n <= length(part))
            SELECT group_concat(CASE WHEN one GLOB '[{CJK_RANGES}]' THEN ' ' || two || ' ' ELSE one END, '')
                || char(10)
                || group_concat(CASE WHEN one GLOB '[{CJK_RANGES}]' THEN ' ' || three || ' ' ELSE ' ' END, '')
            FROM grams) ELSE a.{column} END"""


REMOVE = """INSERT INTO articles_fts (articles_fts, rowid, title, text)
            SELECT 'delete', id, title, text FROM articles_search WHERE id = old.id;"""
ADD = """INSERT INTO articles_fts (rowid, title, text)
            SELECT id, title, text FROM articles_search WHERE id = new.id;"""
DIFFERS = "old.title IS NOT new.title OR old.text IS NOT new.text"
_UPDATE = f"UPDATE OF title, text ON articles WHEN {DIFFERS}"

FULLTEXT = (
    f"""CREATE VIEW articles_search AS
        SELECT a.id AS id, {_segmented("title")} AS title, {_segmented("text")} AS text FROM articles a""",
    """CREATE VIRTUAL TABLE articles_fts USING fts5 /* content="articles" */ (
        title, text, content='articles_search', content_rowid='id', tokenize='unicode61 remove_diacritics 2')""",
    # What leaves the index must be the text that entered it: it is read before the row changes.
    f"CREATE TRIGGER articles_fts_insert AFTER INSERT ON articles BEGIN {ADD} END",
    f"CREATE TRIGGER articles_fts_delete BEFORE DELETE ON articles BEGIN {REMOVE} END",
    f"CREATE TRIGGER articles_fts_before BEFORE {_UPDATE} BEGIN {REMOVE} END",
    f"CREATE TRIGGER articles_fts_after AFTER {_UPDATE} BEGIN {ADD} END",
)
