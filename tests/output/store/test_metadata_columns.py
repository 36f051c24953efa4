"""A field of the metadata is declared once: every place that stores, reads or exports metadata follows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, get_type_hints

import pytest

from broadsheet.cleaners.document import Metadata
from broadsheet.cleaners.metadata.fields import FIELD_READERS
from broadsheet.crawler.items import ArticleItem
from broadsheet.output.exports.markdown import markdown_document
from broadsheet.output.exports.rows import iter_articles
from broadsheet.output.reclean.own_reading import read_own_reading
from broadsheet.output.store.metadata_columns import (
    JSON_COLUMNS,
    METADATA_COLUMNS,
    METADATA_FIELDS,
    STATED_COLUMNS,
    metadata_of_fields,
    metadata_values,
)
from broadsheet.output.write.archive import Archive
from tests.output.cleaned_pages import with_page
from tests.output.conftest import Maker


def a_value(name: str, kind: object) -> Any:
    if name in ("published", "modified"):
        return "2024-05-03T15:47:42+02:00"
    return f"{name} of it" if kind is str else (f"{name} one", f"{name} two")


FULL = Metadata(
    **{name: a_value(name, kind) for name, kind in get_type_hints(Metadata).items() if name != "sources"},
    sources={"title": "meta"},
)


def test_every_field_has_a_column_and_a_reader() -> None:
    names = {field.name for field in fields(Metadata)} - {"sources"}
    assert set(METADATA_FIELDS) == names
    assert FIELD_READERS.keys() == names - {"language", "standfirst"}, "these are read last, from the text too"


def read_again(archive: Archive) -> Metadata:
    """The metadata of the only article, as it is read to be compared with another reading."""
    [(page_id,)] = archive.db.execute("SELECT page_id FROM articles").fetchall()
    reading = read_own_reading(archive.db, page_id)
    assert reading is not None
    return reading.rows.metadata


@pytest.mark.parametrize("metadata", [FULL, Metadata(title="A"), Metadata(published="May 2024", authors=("A \ud800",))])
def test_metadata_is_the_same_after_a_way_through_the_archive(
    archive: Archive, make: Maker, metadata: Metadata
) -> None:
    archive.save([with_page(make.outcome("http://a.test/x", "one two"), metadata=metadata)])
    values = metadata_values(metadata)
    assert values.keys() == set(METADATA_COLUMNS)
    assert metadata_values(read_again(archive)) == values


def test_metadata_is_the_same_after_a_way_through_json() -> None:
    assert metadata_of_fields(json.loads(json.dumps(asdict(FULL)))) == FULL
    assert metadata_of_fields({"title": "An earlier version's"}) == Metadata(title="An earlier version's")


def test_a_date_has_three_columns() -> None:
    values = metadata_values(Metadata(published="2024-05-03T15:47:42+02:00"))
    assert {name: value for name, value in values.items() if name.startswith("published")} == {
        "published": "2024-05-03T13:47:42Z",
        "published_day": "2024-05-03",
        "published_raw": "2024-05-03T15:47:42+02:00",
    }


def test_what_a_page_does_not_state_is_null_but_for_the_title_and_lists() -> None:
    values = metadata_values(Metadata())
    assert {name for name, value in values.items() if value is not None} == {"title", *JSON_COLUMNS}


def test_every_field_is_stored_read_again_and_exported(archive: Archive, make: Maker) -> None:
    archive.save([with_page(make.outcome("http://a.test/x", "one two"), metadata=FULL)])
    [article] = iter_articles(archive.db)
    stored = {name: article.get(f"{name}_raw", article[name]) for name in METADATA_FIELDS}
    assert stored == {name: _as_json(getattr(FULL, name)) for name in METADATA_FIELDS}
    assert read_again(archive) == FULL
    document = markdown_document(article)
    assert [name for name in STATED_COLUMNS if f"\n{name}: " not in document] == []


def test_an_item_has_every_field(archive: Archive) -> None:
    columns = {str(row[1]) for row in archive.db.execute("PRAGMA table_info(articles)")}
    assert set(STATED_COLUMNS) <= ArticleItem.fields.keys() <= columns
    assert columns - ArticleItem.fields.keys() == {"metadata_sources", "page_id", "capture_id"}


def test_the_front_matter_begins_with_the_title_and_ends_with_the_id(archive: Archive, make: Maker) -> None:
    archive.save([with_page(make.outcome("http://a.test/x", "one two"), metadata=FULL)])
    [article] = iter_articles(archive.db)
    names = [line.partition(":")[0] for line in markdown_document(article).split("\n---\n")[0].splitlines()[1:]]
    assert (names[0], names[-1], len(set(names))) == ("title", "id", len(names))


def _as_json(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def test_a_mapping_is_no_field_of_its_own_column() -> None:
    assert isinstance(FULL.sources, Mapping)
    assert "sources" not in METADATA_COLUMNS
