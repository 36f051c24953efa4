"""The data set's card: a README that people read, with a head that Hugging Face reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from broadsheet.output.dataset.manifest import Manifest
from broadsheet.output.dataset.tables import DatasetTable, dataset_tables
from broadsheet.output.db.text import as_json, inert_text

CARD = "README.md"

_TEMPLATE = Path(__file__).with_name("card.md")
_SIZES = (
    (10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"),
)  # fmt: skip
_TABLE_HEAD = ("| column | type | meaning |", "|---|---|---|")
_LARGEST = "100M<n<1B"


def write_card(file: Path, title: str, manifest: Manifest, languages: Mapping[str, int]) -> None:
    """Write the card of a state of the data set."""
    articles = manifest.rows_of("articles")
    tables = [table for table in dataset_tables().values() if manifest.rows_of(table.name)]
    text = _TEMPLATE.read_text("utf-8").format(
        title=inert_text(title), quoted_title=as_json(title), languages=as_json(sorted(languages)),
        size=_size_category(articles), configs=_configs(tables), articles=f"{articles:,}",
        hosts=f"{manifest.host_count:,}", archives=f"{len(manifest.archives):,}", made_at=manifest.made_at,
        tables=_table_sections(tables, manifest),
    )  # fmt: skip
    file.write_text(text, "utf-8")


def _size_category(articles: int) -> str:
    return next((name for limit, name in _SIZES if articles < limit), _LARGEST)


def _configs(tables: Iterable[DatasetTable]) -> str:
    """A configuration a table, with the pattern of its files."""
    return "\n".join(
        f"- config_name: {table.name}\n  data_files: {table.name}/**/*.parquet" + "\n  default: true" * (number == 0)
        for number, table in enumerate(tables)
    )


def _table_sections(tables: Iterable[DatasetTable], manifest: Manifest) -> str:
    return "\n".join(_table_section(table, manifest.rows_of(table.name)) for table in tables)


def _table_section(table: DatasetTable, rows: int) -> str:
    schema = table.arrow_schema()
    lines = [f"\n### {table.name}\n", f"{table.meaning} {rows:,} rows.\n", *_TABLE_HEAD]
    lines += [f"| `{c.name}` | {schema.field(c.name).type} | {c.meaning} |" for c in table.columns]
    return "\n".join(lines)
