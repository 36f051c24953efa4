"""The schema's documentation, made from the schema itself: `python -m output.db.schema_doc > docs/schema.md`.

What exists is read from a new archive; what it means is in `schema.toml`, the words around it in `schema_doc.txt`.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from sqlite_utils import Database

from output.db.migrations import MIGRATIONS, SCHEMA_VERSION

_FOLDER = Path(__file__).parent
_INTERNAL = ("sqlite_", "_sqlite_", "articles_fts_")

ColumnMeanings = Mapping[str, Mapping[str, str]]
"""Table, then column, to one line of text; the table's own line is under ''."""


def column_meanings() -> ColumnMeanings:
    """What each table and column means, read from `schema.toml`."""
    return tomllib.loads((_FOLDER / "schema.toml").read_text(encoding="utf-8"))


def schema_page() -> str:
    """The whole documentation page, in Markdown."""
    db = Database(memory=True)
    MIGRATIONS.apply(db)
    meanings = column_meanings()
    sections = [_section(db, name, meanings) for name in meanings]
    template = (_FOLDER / "schema_doc.txt").read_text(encoding="utf-8")
    return template.replace("{version}", str(SCHEMA_VERSION)).replace("{tables}", "\n".join(sections).rstrip())


def schema_columns(db: Database) -> dict[str, list[str]]:
    """The columns of each table and view that is part of the schema."""
    names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")]
    return {name: [row[1] for row in _columns(db, name)] for name in names if not name.startswith(_INTERNAL)}


def _columns(db: Database, name: str) -> list[tuple[int, str, str, int, object, int]]:
    return db.execute(f"PRAGMA table_info({name})").fetchall()


def _section(db: Database, name: str, meanings: ColumnMeanings) -> str:
    lines = [f"### {name}", "", meanings[name][""], "", "| column | type | meaning |", "|---|---|---|"]
    return "\n".join([*lines, *_column_rows(db, name, meanings)]) + "\n"


def _column_rows(db: Database, name: str, meanings: ColumnMeanings) -> Iterator[str]:
    for _, column, column_type, required, _, key in _columns(db, name):
        meaning = meanings[name].get(column) or (meanings["articles"].get(column, "") if name == "shelved" else "")
        traits = " ".join(
            word for word in (column_type, "PK" if key else "", "NOT NULL" if required and not key else "") if word
        )
        yield f"| `{column}` | {traits} | {meaning} |"


if __name__ == "__main__":
    sys.stdout.write(schema_page())
