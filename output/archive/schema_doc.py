"""The schema's documentation, made from the schema itself: `python -m broadsheet.output.archive.schema_doc docs`
writes `docs/schema.md`, the contract.

The tables are read from a new archive; their meanings are in `schema.toml`, the words around them in `schema_doc.txt`.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from sqlite_utils import Database

from .metadata_columns import SOURCES_COLUMN, STATED_MEANINGS
from .migrations import MIGRATIONS, SCHEMA_VERSION

_FOLDER = Path(__file__).parent
_INTERNAL = ("sqlite_", "_sqlite_", "articles_fts_")

EXAMPLES = tomllib.loads((_FOLDER / "contract.toml").read_text(encoding="utf-8"))
"""The contract: each table and view that others build on, with a query as an example, in their order."""

# What refers to what without a declared foreign key, since either may come first, or the referring one is a view.
_UNDECLARED_REFERENCES = (
    ("blocks", "article_id", "articles"), ("removed", "article_id", "articles"),
    ("links", "article_id", "articles"), ("links", "target_id", "articles"),
    ("versions", "article_id", "articles"), ("article_urls", "article_id", "articles"),
    ("shelved", "article_id", "articles"), ("changes", "article_id", "articles"),
    ("revisions", "article_id", "articles"), ("revisions", "capture_id", "captures"),
    ("pages_overview", "article_id", "articles"), ("pages_overview", "capture_id", "captures"),
    ("captures_overview", "page_id", "pages"), ("captures_overview", "article_id", "articles"),
)  # fmt: skip
_OF_SHELVED = """
`changes` and `revisions` of an article that was taken out as a copy or a list stay; its row is in `shelved`.
"""
ColumnMeanings = Mapping[str, Mapping[str, str]]
"""Table, then column, to one line of text; the table's own line is under ''."""


@cache
def column_meanings() -> ColumnMeanings:
    """Read the meaning of each table and column from `schema.toml`, and of what a page states from its declaration."""
    meanings = tomllib.loads((_FOLDER / "schema.toml").read_text(encoding="utf-8"))
    lines = [*meanings["articles"].items()]
    place = [name for name, _ in lines].index(SOURCES_COLUMN)
    return {**meanings, "articles": dict([*lines[:place], *STATED_MEANINGS.items(), *lines[place:]])}


def schema_page() -> str:
    """Return the page of the schema in Markdown: the tables and columns that others build on."""
    db = Database(memory=True)
    MIGRATIONS.apply(db)
    page = (_FOLDER / "schema_doc.txt").read_text(encoding="utf-8")
    tables = "\n".join([_references(db), *(_section(db, name) for name in EXAMPLES)]).rstrip()
    for mark, text in (("version", SCHEMA_VERSION), ("tables", tables)):
        page = page.replace(f"{{{mark}}}", str(text))
    return page


def dictionary_rows(db: Database) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield the rows of table `dictionary`: table, column, meaning, unit, and what NULL stands for."""
    for table in EXAMPLES:
        meanings = _meanings_of(table)
        yield table, "", _plain_text(meanings[""]), "", ""
        for _, column, *_ in _columns(db, table):
            if column in meanings and not column.startswith("_"):  # a user may have added others
                text = _plain_text(meanings[column])
                absent = _ABSENT.search(text)
                unit = _units().get(column, "")
                yield table, column, _ABSENT.sub(".", text), unit, (absent["when"] or "otherwise") if absent else ""


_ABSENT = re.compile(r"[;.] (?:NULL (?P<when>[^.]*)|else NULL)\.")


@cache
def _units() -> Mapping[str, str]:
    """Read the unit of each column that has one, by its name, which means the same in all tables."""
    units = tomllib.loads((_FOLDER / "units.toml").read_text(encoding="utf-8"))
    return {column: unit for unit, columns in units.items() for column in columns}


def _plain_text(text: str) -> str:
    return text.replace("`", "")


def schema_columns(db: Database) -> dict[str, list[str]]:
    """Return the columns of each table and view that is part of the schema."""
    names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")]
    return {name: [row[1] for row in _columns(db, name)] for name in names if not name.startswith(_INTERNAL)}


def references(db: Database) -> list[tuple[str, str, str]]:
    """Return the columns of the public tables that hold the id of another table's row: table, column, the other."""
    declared = [
        (table, row[3], row[2])
        for table in EXAMPLES
        for row in sorted(db.execute(f"PRAGMA foreign_key_list({table})").fetchall())
    ]
    return [reference for reference in (*declared, *_UNDECLARED_REFERENCES) if reference[2] in EXAMPLES]


def _references(db: Database) -> str:
    lines = [f"| `{table}.{column}` | `{target}` |" for table, column, target in references(db)]
    return "\n".join(["| column | is the `id` of a row in |", "|---|---|", *lines, _OF_SHELVED])


def _columns(db: Database, name: str) -> list[tuple[int, str, str, int, object, int]]:
    return db.execute(f"PRAGMA table_info({name})").fetchall()


def _section(db: Database, name: str) -> str:
    meanings = _meanings_of(name)
    example = ["```sql", EXAMPLES[name], "```"]
    head = [f"### {name}", "", meanings[""], "", *example, "", "| column | type | meaning |", "|---|---|---|"]
    return "\n".join([*head, *_column_rows(db, name, meanings)]) + "\n"


def _meanings_of(name: str) -> Mapping[str, str]:
    """Return the meanings of a table's columns; `shelved` has those of `articles` and its own."""
    return {**(column_meanings()["articles"] if name == "shelved" else {}), **column_meanings()[name]}


def _column_rows(db: Database, name: str, meanings: Mapping[str, str]) -> Iterator[str]:
    for _, column, column_type, required, _, key in _columns(db, name):
        if not column.startswith("_"):
            traits = (column_type, "PK" if key else "", "NOT NULL" if required and not key else "")
            yield f"| `{column}` | {' '.join(filter(None, traits))} | {meanings[column]} |"


def main(folder: str) -> None:
    """Write the page into a folder."""
    (Path(folder) / "schema.md").write_text(schema_page(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
