"""The references of an archive's data, made from the schemas: `python -m tests.data_reference docs`.

It writes `docs/schema.md`, the contract, and `docs/parquet.md`. The words around the schema are in
`data_reference.txt`.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from sqlite_utils import Database

from broadsheet.output.archive.migrations import MIGRATIONS, SCHEMA_VERSION
from broadsheet.output.archive.schema_doc import EXAMPLES, columns_of, meanings_of
from broadsheet.output.collections.parquet_files import parquet_tables

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


def schema_page() -> str:
    """Return the page of the schema in Markdown: the tables and columns that others build on."""
    db = Database(memory=True)
    MIGRATIONS.apply(db)
    page = Path(__file__).with_suffix(".txt").read_text("utf-8")
    tables = "\n".join([_references(db), *(_section(db, name) for name in EXAMPLES)]).rstrip()
    for mark, text in (("version", SCHEMA_VERSION), ("tables", tables)):
        page = page.replace(f"{{{mark}}}", str(text))
    return page


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


def _section(db: Database, name: str) -> str:
    meanings = meanings_of(name)
    example = ["```sql", EXAMPLES[name], "```"]
    head = [f"### {name}", "", meanings[""], "", *example, "", "| column | type | meaning |", "|---|---|---|"]
    return "\n".join([*head, *_column_rows(db, name, meanings)]) + "\n"


def _column_rows(db: Database, name: str, meanings: Mapping[str, str]) -> Iterator[str]:
    for _, column, column_type, required, _, key in columns_of(db, name):
        if not column.startswith("_"):
            traits = (column_type, "PK" if key else "", "NOT NULL" if required and not key else "")
            yield f"| `{column}` | {' '.join(filter(None, traits))} | {meanings[column]} |"


_MADE_BY = {
    "`broadsheet export --format parquet`": ("articles", "removed", "urls"),
    "`broadsheet clean … -o`": ("pages", "removed", "records"),
}
"""The commands that write Parquet, with the tables of each."""
_PAGE_HEAD = """# Parquet tables

With this page you read the Parquet files of [`export`](export.md#parquet) and of
[`clean`](machines.md#warc-files-by-the-thousand), in DuckDB for instance:

```
SELECT page_type, count(*) FROM 'clean/pages/*.parquet' GROUP BY 1
```

A table is a folder of files, packed with zstd. Each column has its meaning in the files too, as its field's
`description`. This page is generated: `python -m tests.data_reference docs`.
"""


def parquet_page() -> str:
    """Return the page of the tables in Markdown."""
    heads = [f"{name} writes {', '.join(f'[`{each}`](#{each})' for each in made)}." for name, made in _MADE_BY.items()]
    lines = [_PAGE_HEAD, *_paragraphs(heads)]
    for name, table in parquet_tables().items():
        lines += [
            f"## {name}",
            "",
            _described(table.schema.metadata),
            "",
            "| column | type | meaning |",
            "|---|---|---|",
        ]
        lines += [f"| `{each.name}` | `{each.type}` | {_described(each.metadata)} |" for each in table.schema]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _paragraphs(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        yield from (text, "")


def _described(metadata: Mapping[bytes, bytes]) -> str:
    return metadata[b"description"].decode()


def main(folder: str) -> None:
    """Write the pages into a folder."""
    for name, page in (("schema", schema_page()), ("parquet", parquet_page())):
        (Path(folder) / f"{name}.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
