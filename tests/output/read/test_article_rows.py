"""The data dictionaries say what the files hold: names, types, meanings.

The article of a page as exporters and item pipelines get it.
"""

import csv
import io
import json
from typing import Any

import pytest

from broadsheet.output.archive.metadata_columns import METADATA_FIELDS
from broadsheet.output.archive.table_columns import table_columns
from broadsheet.output.read.article_rows import (
    article_dictionary,
    article_row,
    csv_cell,
    csv_dictionary,
    export_csv,
    export_jsonl,
    is_own_dictionary,
    iter_articles,
    json_dictionary,
)

TYPES = {"string": str, "integer": int, "array": list, "object": dict}


@pytest.fixture
def filled(archive, make):
    archive.save([make.outcome(f"http://a.test/{number}", f"text {number}") for number in range(2)])
    archive.db.execute("ALTER TABLE articles ADD COLUMN note TEXT")
    archive.db.execute("ALTER TABLE articles ADD COLUMN score REAL")
    archive.db.execute("UPDATE articles SET authors = '[\"Ann\"]', section = 'News', score = 1.5, capture_id = NULL, "
                       "published_day = '2024-05-03', metadata_sources = '{\"title\": \"meta\"}' "
                       "WHERE url = 'http://a.test/1'")  # fmt: skip
    return archive.db


def lines(db) -> list[dict[str, Any]]:
    stream = io.StringIO()
    export_jsonl(db, stream)
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def entries(db):
    return article_dictionary(table_columns(db, "articles"))


def test_each_line_has_the_same_keys_with_values_of_the_same_types(filled):
    bare, full = sorted(lines(filled), key=lambda line: line["url"])
    assert list(bare) == list(full)
    own = {"score"}
    assert {name: type(value) for name, value in bare.items() if name not in own} == {
        name: type(value) for name, value in full.items() if name not in own
    }
    assert None not in [value for name, value in bare.items() if name not in own]
    assert (bare["section"], bare["published"], bare["note"], full["capture_id"]) == ("", "", "", 0)
    assert full["metadata_sources"] == dict.fromkeys(METADATA_FIELDS, "") | {"title": "meta"}
    assert (bare["score"], full["score"]) == (None, 1.5)


def test_every_line_is_what_the_json_schema_says(filled):
    schema = json.loads(json_dictionary(entries(filled)))
    assert schema["additionalProperties"] is False
    for line in lines(filled):
        assert sorted(line) == sorted(schema["required"]) == sorted(schema["properties"])
        for name, value in line.items():
            rule = schema["properties"][name]
            if "type" in rule:
                assert type(value) is TYPES[rule["type"]], name
            assert rule["description"]
        assert set(line["metadata_sources"]) == set(schema["properties"]["metadata_sources"]["required"])


def test_the_metadata_of_a_csv_file_name_its_columns_in_their_order(filled):
    stream = io.StringIO(newline="")
    export_csv(filled, stream)
    [head, *_] = csv.reader(io.StringIO(stream.getvalue(), newline=""))
    names = [str(csv_cell(entry.name)) for entry in entries(filled)]
    metadata = json.loads(csv_dictionary("a.csv", entries(filled), names))
    columns = metadata["tableSchema"]["columns"]
    assert [column["titles"] for column in columns] == head
    assert metadata["url"] == "a.csv"
    assert {column["titles"]: column.get("separator") for column in columns}["authors"] == "; "
    assert {column["datatype"] for column in columns} == {"integer", "string"}


def test_every_field_of_the_schema_has_its_meaning():
    assert all(entry.meaning and not entry.is_own and "`" not in entry.meaning for entry in article_dictionary())


def test_only_our_own_files_are_taken_for_ours(filled, tmp_path):
    file = tmp_path / "a.json"
    assert not is_own_dictionary(file)
    for text, is_own in (
        (json_dictionary(entries(filled)), True),
        (csv_dictionary("a.csv", article_dictionary(), [entry.name for entry in article_dictionary()]), True),
        ("{}", False), ("[]", False), ("{", False),
    ):  # fmt: skip
        file.write_text(text)
        assert is_own_dictionary(file) == is_own


def test_one_article_is_what_all_of_them_have(archive, make):
    archive.save([make.outcome(f"http://a.test/{number}", f"text {number}", title=f"T{number}") for number in "12"])
    articles = {article["id"]: article for article in iter_articles(archive.db)}
    assert {number: article_row(archive.db, number) for number in articles} == articles
    assert article_row(archive.db, 1) is None
