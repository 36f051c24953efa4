"""A field of the metadata is declared once: every place that stores, reads or exports metadata follows."""

import json
import sqlite3
from dataclasses import asdict
from typing import Any

import pytest
from sqlite_utils import Database

from broadsheet.cleaners.document import DECLARED, FieldKind, Metadata
from broadsheet.cleaners.page.metadata_fields import FIELD_READERS
from broadsheet.crawler.items import ArticleItem
from broadsheet.output.archive.metadata_columns import (
    JSON_COLUMNS,
    METADATA_COLUMNS,
    METADATA_FIELDS,
    STATED_COLUMNS,
    StatedDate,
    metadata_of_fields,
    metadata_values,
    read_stated_date,
)
from broadsheet.output.archive.migrations import MIGRATIONS
from broadsheet.output.archive.schema_doc import schema_columns
from broadsheet.output.read.article_files import markdown_document
from broadsheet.output.read.article_rows import iter_articles
from broadsheet.output.settle.own_reading import read_own_reading
from broadsheet.output.write.archive_writer import Archive
from tests.output.cleaned_pages import with_page


def a_value(name: str, kind: FieldKind) -> Any:
    values: dict[FieldKind, Any] = {
        FieldKind.DATE: "2024-05-03T15:47:42+02:00",
        FieldKind.TEXT: f"{name} of it",
        FieldKind.LIST: (f"{name} one", f"{name} two"),
    }
    return values[kind]


FULL = Metadata(**{name: a_value(name, one.kind) for name, one in DECLARED.items()}, sources={"title": "meta"})


@pytest.mark.cause
def test_every_field_has_a_column_and_a_reader():
    db = Database(memory=True)
    MIGRATIONS.apply(db)
    columns = schema_columns(db)["articles"]
    missing = [name for name in METADATA_COLUMNS if name not in columns]
    assert not missing, "a field of Metadata has its column by a step of output/archive/version_2.py"
    assert FIELD_READERS.keys() == {*DECLARED} - {"language", "standfirst"}, "these are read last, from the text too"


def read_again(archive: Archive) -> Metadata:
    """The metadata of the only article, as it is read to be compared with another reading."""
    [(page_id,)] = archive.db.execute("SELECT page_id FROM articles").fetchall()
    reading = read_own_reading(archive.db, page_id)
    return reading.rows.metadata


@pytest.mark.parametrize("metadata", [FULL, Metadata(title="A"), Metadata(published="May 2024", authors=("A \ud800",))])
def test_metadata_is_the_same_after_a_way_through_the_archive(archive, make, metadata):
    archive.save([with_page(make.outcome("http://a.test/x", "one two"), metadata=metadata)])
    values = metadata_values(metadata)
    assert values.keys() == set(METADATA_COLUMNS)
    assert metadata_values(read_again(archive)) == values


def test_metadata_is_the_same_after_a_way_through_json():
    assert metadata_of_fields(json.loads(json.dumps(asdict(FULL)))) == FULL
    assert metadata_of_fields({"title": "An earlier version's"}) == Metadata(title="An earlier version's")


def test_every_field_is_stored_read_again_and_exported(archive, make):
    """What a page does not state is NULL but for the title and lists."""
    archive.save([with_page(make.outcome("http://a.test/x", "one two"), metadata=FULL)])
    [article] = iter_articles(archive.db)
    stored = {name: article.get(f"{name}_stated", article[name]) for name in METADATA_FIELDS}
    stated = {name: getattr(FULL, name) for name in METADATA_FIELDS}
    assert stored == {name: list(value) if isinstance(value, tuple) else value for name, value in stated.items()}
    assert (article["published"], article["published_day"]) == ("2024-05-03T13:47:42Z", "2024-05-03")
    assert read_again(archive) == FULL
    document = markdown_document(article)
    names = [line.partition(":")[0] for line in document.split("\n---\n")[0].splitlines()[1:]]
    assert (names[0], names[-1], len(set(names))) == ("title", "id", len(names))
    assert set(STATED_COLUMNS) <= set(names)
    values = metadata_values(Metadata())
    assert {name for name, value in values.items() if value is not None} == {"title", *JSON_COLUMNS}


def test_an_item_has_every_field(archive):
    columns = {str(row[1]) for row in archive.db.execute("PRAGMA table_info(articles)")}
    assert set(STATED_COLUMNS) <= ArticleItem.fields.keys() <= columns
    assert columns - ArticleItem.fields.keys() == {"metadata_sources", "page_id", "capture_id"}


STATED_DATES = {
    ("2024-05-03T13:47:42Z", "2024-05-03"): ["2024-05-03T15:47:42+02:00"],
    ("2024-05-03T04:30:00Z", "2024-05-03"): ["2024-05-03T10:00:00+05:30"],
    ("2024-05-03T13:30:00Z", "2024-05-03"): ["2024-05-03T10:00:00-03:30"],
    ("2024-05-03T10:00:00Z", "2024-05-03"): [
        *(f"2024-05-03T10:00:00{zone}" for zone in ("Z", "-00:00", "Z", ".750Z")), "2024-05-03 10:00Z",
    ],
    # the publisher's day is another one than the day in UTC
    ("2024-05-04T04:30:00Z", "2024-05-03"): ["2024-05-03T23:30:00-05:00"],
    ("2024-05-02T19:00:00Z", "2024-05-03"): ["2024-05-03T00:30:00+05:30"],
    ("2024-02-29T10:00:00Z", "2024-03-01"): ["2024-03-01T00:00:00+14:00"],
    ("2024-01-01T11:59:59Z", "2023-12-31"): ["2023-12-31T23:59:59-12:00"],
    # without a zone or a time, or with one that is none: no instant
    ("", "2024-05-03"): [
        "2024-05-03T15:47:42", "2024-05-03 15:47", "2024-05-03", "2024-05-03T10:00:00+02:00 or so",
        *(f"2024-05-03T{time}" for time in ("25:00:00Z", "10:60:00Z", "10:00:60Z", "10:00:00+15:00", "10:00:00-99:00")),
    ],
    # years that are no four digits, and instants in them
    ("0999-05-03T10:00:00Z", "0999-05-03"): ["0999-05-03T10:00:00Z"],
    ("", "0999-05-03"): ["0999-05-03"],
    ("", "0001-01-01"): ["0001-01-01T00:00:00+14:00"],
    ("", "9999-12-31"): ["9999-12-31T23:00:00-05:00"],
    ("9999-12-31T23:00:00Z", "9999-12-31"): ["9999-12-31T23:00:00Z"],
    # a month or a year has no day, and the rest is no date
    ("", ""): [
        "2024-05", "2024", "0000-05-03", "999-05-03", "10000-01-01", "", "2024-02-30", "2023-02-29T10:00:00Z",
        "2024-13-01", "20240503", "2024-05-031", "2024-W18-5", "٢٠٢٤-٠٥-٠٣", "3 May 2024", "now",
    ],
}  # fmt: skip
"""The instant in UTC and the day in the publisher's zone, with what pages state."""


@pytest.mark.parametrize(("text", "known"), [(text, known) for known, texts in STATED_DATES.items() for text in texts])
def test_what_is_known_is_taken_from_what_is_stated(text, known):
    assert read_stated_date(text) == StatedDate(*known, text)
    stored = sqlite3.connect(":memory:").execute("SELECT strftime('%Y-%m-%dT%H:%M:%SZ', ?)", [known[0] or None])
    assert stored.fetchone() == (known[0] or None,), "SQLite reads an instant as it stands"
