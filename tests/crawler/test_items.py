"""Items of a crawl: each column of an article is one or named, and files of them run nothing."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from broadsheet.crawler.items import (
    ArticleItem,
    CsvArticles,
    JsonArticles,
    JsonLinesArticles,
    XmlArticles,
)
from broadsheet.output.write.archive_writer import Archive
from tests.output.filled_rows import columns

NOT_IN_ITEMS = {"page_id", "capture_id", "metadata_sources"}
"""Numbers of the archive, and where it has the other fields from."""


def test_each_column_of_an_article_is_a_field_or_named(tmp_path):
    with Archive.open(tmp_path / "a.db") as archive:
        stored = columns(archive.db, "articles").keys()
    fields = set(ArticleItem.fields)
    assert fields == stored - NOT_IN_ITEMS


ITEM = {"title": "=1+1", "authors": ["=Ann", "B\x07o"], "text": "a\u202eb\ufffe", "section": None, "word_count": 3}


def exported(exporter: type, **options: Any) -> str:
    stream = io.BytesIO()
    made = exporter(stream, **options)
    made.start_exporting()
    made.export_item(ArticleItem(ITEM))
    made.finish_exporting()
    return io.TextIOWrapper(io.BytesIO(stream.getvalue()), "utf-8").read()


def test_a_spreadsheet_runs_no_cell():
    text = exported(CsvArticles, fields_to_export=["title", "authors", "word_count"])
    assert list(csv.reader(io.StringIO(text)))[1] == ["'=1+1", "'=Ann; Bo", "3"]


@pytest.mark.parametrize("exporter", [JsonArticles, JsonLinesArticles])
def test_json_is_exact_and_has_no_controls(exporter):
    text = exported(exporter)
    assert "\u202e" not in text
    loaded = json.loads(text)
    assert (loaded[0] if isinstance(loaded, list) else loaded) == ITEM


def test_xml_has_no_characters_that_it_does_not_allow():
    text = exported(XmlArticles)
    assert "\ufffe" not in text
    assert "\x07" not in text
    assert "<section></section>" in text or "<section/>" in text
    assert "<value>=Ann</value>" in text
