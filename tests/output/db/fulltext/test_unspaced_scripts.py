from __future__ import annotations

import asyncio
import random
import sqlite3

import pytest

from broadsheet.output.read.verify import verify
from tests.output.conftest import found_by

CHINESE = "政府昨日宣布新的气候政策，预计明年实施。" * 3
JAPANESE = "東京都庁は昨日、AIについての新しい方針を発表した。"


@pytest.fixture
def filled(archive, make):
    archive.save(
        [
            make.outcome("http://a.test/zh", CHINESE, title="气候变化"),
            make.outcome("http://a.test/ja", JAPANESE, title="都庁の発表"),
            make.outcome("http://a.test/en", "The party met in Zürich.", title="Meeting"),
        ]
    )
    return archive


def matches(db, query):
    return [url[-2:] for url in found_by(db, query)]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("政策", ["zh"]),
        ("东京", []),
        ("東京", ["ja"]),
        ("方針", ["ja"]),
        ("東京都", ["ja"]),
        ('"新し しい"', ["ja"]),
        ("策预", []),
        ("AI", ["ja"]),
        ("zurich", ["en"]),
        ("art", []),
        ("title:气候", ["zh"]),
    ],
)
def test_words_are_found_as_typed(filled, query, found):
    assert matches(filled.db, query) == found


def test_a_writer_without_our_functions_keeps_the_index_in_step(filled, file):
    plain = sqlite3.connect(file)
    plain.execute("UPDATE articles SET text = '別の文章' WHERE url LIKE '%ja'")
    plain.execute("DELETE FROM articles WHERE url LIKE '%zh'")
    plain.commit()
    assert (matches(plain, "東京"), matches(plain, "文章"), matches(plain, "气候")) == ([], ["ja"], [])
    plain.execute("INSERT INTO articles_fts (articles_fts, rank) VALUES ('integrity-check', 1)")
    plain.execute("INSERT INTO articles_fts (articles_fts) VALUES ('rebuild')")
    assert matches(plain, "文章") == ["ja"]
    plain.close()


def test_other_columns_do_not_touch_the_index(filled):
    before = filled.db.execute("SELECT count(*), total(length(block)) FROM articles_fts_data").fetchone()
    filled.db.execute("UPDATE articles SET language = 'xx', last_seen = 'later', title = title")
    assert filled.db.execute("SELECT count(*), total(length(block)) FROM articles_fts_data").fetchone() == before


def test_every_pair_and_triple_of_a_long_text_is_found(archive, make):
    text = "".join(chr(0x4E00 + number) for number in random.Random(1).sample(range(20_000), 600))
    archive.save([make.outcome("http://a.test/x", text)])
    for size in (2, 3):
        pieces = (text[start : start + size] for start in range(len(text) - size + 1))
        assert all(matches(archive.db, piece) for piece in pieces)
    assert verify(archive.db) == []


def test_sqlite_utils_knows_the_index(filled):
    assert filled.db["articles"].detect_fts() == "articles_fts"
    assert [row["url"][-2:] for row in filled.db["articles"].search("party")] == ["en"]


@pytest.mark.slow
def test_datasette_searches_articles_while_a_writer_writes(filled, file, make):
    app = pytest.importorskip("datasette.app")

    async def asked() -> list[list[str]]:
        client = app.Datasette(files=[str(file)]).client
        filled.save([make.outcome("http://a.test/e2", "Another party.")])
        answers = [
            await client.get(f"/a/articles.json?_shape=array&_search={word}") for word in ("政策", "東京", "party")
        ]
        assert (await client.get("/a/removed")).status_code == 200
        return [sorted(row["url"][-2:] for row in answer.json()) for answer in answers]

    assert asyncio.run(asked()) == [["zh"], ["ja"], ["e2", "en"]]
