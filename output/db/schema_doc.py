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

_HERE = Path(__file__).parent
_INTERNAL = ("sqlite_", "_sqlite_", "articles_fts_")

Meanings = Mapping[str, Mapping[str, str]]


def meanings() -> Meanings:
    """What each table and column means: table, then column, then one line; the table's own line is under ''."""
    return tomllib.loads((_HERE / "schema.toml").read_text(encoding="utf-8"))


def document() -> str:
    """The whole page, in Markdown."""
    db = Database(memory=True)
    MIGRATIONS.apply(db)
    said = meanings()
    listed = [_section(db, name, said) for name in said]
    frame = (_HERE / "schema_doc.txt").read_text(encoding="utf-8")
    return frame.replace("{version}", str(SCHEMA_VERSION)).replace("{tables}", "\n".join(listed).rstrip())


def structure(db: Database) -> dict[str, list[str]]:
    """The columns of each table and view that is part of the schema."""
    names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")]
    return {name: [row[1] for row in _columns(db, name)] for name in names if not name.startswith(_INTERNAL)}


def _columns(db: Database, name: str) -> list[tuple[int, str, str, int, object, int]]:
    return db.execute(f"PRAGMA table_info({name})").fetchall()


def _section(db: Database, name: str, said: Meanings) -> str:
    lines = [f"### {name}", "", said[name][""], "", "| column | type | meaning |", "|---|---|---|"]
    return "\n".join([*lines, *_rows(db, name, said)]) + "\n"


def _rows(db: Database, name: str, said: Meanings) -> Iterator[str]:
    for _, column, kind, required, _, key in _columns(db, name):
        meaning = said[name].get(column) or (said["articles"].get(column, "") if name == "shelved" else "")
        traits = " ".join(
            word for word in (kind, "PK" if key else "", "NOT NULL" if required and not key else "") if word
        )
        yield f"| `{column}` | {traits} | {meaning} |"


if __name__ == "__main__":
    sys.stdout.write(document())
