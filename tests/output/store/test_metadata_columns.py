"""A field of the metadata is declared once: every place that stores, reads or exports metadata follows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, get_type_hints

from cleaners.document import Metadata
from cleaners.metadata.fields import FIELD_READERS
from crawler.items import ArticleItem
from output.exports.markdown import markdown_document
from output.exports.rows import iter_articles
from output.reclean.own_reading import read_own_reading
from output.store.metadata_columns import (
    JSON_COLUMNS,
    METADATA_COLUMNS,
    METADATA_FIELDS,
    metadata_of_fields,
    metadata_of_row,
    metadata_values,
)
from output.write.archive import Archive
from tests.output.cleaned_pages import with_page
from tests.output.conftest import Maker


def a_value(name: str, kind: object) -> Any:
    return f"{name} of it" if kind is str else (f"{name} one", f"{name} two")


FULL = Metadata(
    **{name: a_value(name, kind) for name, kind in get_type_hints(Metadata).items() if name != "sources"},
    sources={"title": "meta"},
)


def test_every_field_has_a_column_and_a_reader() -> None:
    names = {field.name for field in fields(Metadata)} - {"sources"}
    assert set(METADATA_FIELDS) == names
    assert FIELD_READERS.keys() == names - {"language"}, "the language is read last, from the text too"


def test_metadata_is_the_same_after_a_way_through_columns_and_through_json() -> None:
    for metadata in (FULL, Metadata(), Metadata(title="A \ud800")):
        values = metadata_values(metadata)
        assert values.keys() == set(METADATA_COLUMNS)
        assert metadata_values(metadata_of_row(values)) == values
    assert metadata_of_row(metadata_values(FULL)) == FULL
    assert metadata_of_fields(json.loads(json.dumps(asdict(FULL)))) == FULL
    assert metadata_of_fields({"title": "An earlier version's"}) == Metadata(title="An earlier version's")


def test_what_a_page_does_not_state_is_null_but_for_the_title_and_lists() -> None:
    values = metadata_values(Metadata())
    assert {name for name, value in values.items() if value is not None} == {"title", *JSON_COLUMNS}


def test_every_field_is_stored_read_again_and_exported(archive: Archive, make: Maker) -> None:
    archive.save([with_page(make.outcome("http://a.test/x", "one two"), metadata=FULL)])
    [article] = iter_articles(archive.db)
    stored = {name: article[name] for name in METADATA_FIELDS}
    assert stored == {name: _as_json(getattr(FULL, name)) for name in METADATA_FIELDS}
    reading = read_own_reading(archive.db, int(str(article["page_id"])))
    assert reading is not None
    assert reading.rows.metadata == FULL
    document = markdown_document(article)
    assert [name for name in METADATA_FIELDS if f"\n{name}: " not in document] == []


def test_an_item_has_every_field(archive: Archive) -> None:
    columns = {str(row[1]) for row in archive.db.execute("PRAGMA table_info(articles)")}
    assert set(METADATA_FIELDS) <= ArticleItem.fields.keys() <= columns
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
