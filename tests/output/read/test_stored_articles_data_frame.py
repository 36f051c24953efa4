import sys

import pandas as pd
import pytest

from broadsheet.output.archive.archive_errors import DamagedValue
from broadsheet.output.read.stored_articles import articles_frame


@pytest.fixture
def filled(archive, make):
    archive.save([make.outcome(f"http://a.test/{number}", f"word{number} " * 20) for number in range(3)])
    archive.db.execute("UPDATE articles SET published = '2024-05-03T13:47:42Z', published_day = '2024-05-03', "
                       "authors = '[\"Ann\", \"Bo\"]' WHERE url = 'http://a.test/1'")  # fmt: skip
    return archive.db


def test_the_columns_have_the_types_of_their_values(filled):
    frame = articles_frame(filled).set_index("url")
    row = frame.loc["http://a.test/1"]
    assert row["published"] == pd.Timestamp("2024-05-03T13:47:42", tz="UTC")
    assert row["published_day"] == pd.Timestamp("2024-05-03")
    assert row["authors"] == ["Ann", "Bo"]
    assert frame.loc["http://a.test/0", "authors"] == []
    assert pd.isna(frame.loc["http://a.test/0", "published"])
    assert str(frame["id"].dtype) == "int64"
    assert str(frame["first_seen"].dtype).endswith("UTC]")


def test_only_the_columns_that_are_named_in_their_order(filled):
    assert list(articles_frame(filled, ["title", "id"]).columns) == ["title", "id"]


def test_an_archive_without_articles_has_the_columns_all_the_same(archive):
    frame = articles_frame(archive.db)
    assert len(frame) == 0
    assert {"title", "published", "authors"} <= set(frame.columns)
    assert str(frame["published"].dtype).endswith("UTC]")


def test_a_column_that_is_not_there_is_named(filled):
    with pytest.raises(KeyError, match="articles has no column body; it has id, url"):
        articles_frame(filled, ["body"])


def test_damage_is_named(filled):
    filled.execute("UPDATE articles SET tags = '{' WHERE url = 'http://a.test/1'")
    with pytest.raises(DamagedValue, match="articles/tags row"):
        articles_frame(filled)


def test_without_pandas_it_says_what_to_install(filled, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"pip install .*pandas"):
        articles_frame(filled)
