"""Values and texts as an archive stores, decodes, counts and finds them; what is damaged is refused with its place."""

import asyncio
import pickle
import random
import re
import sqlite3
import zlib
from contextlib import nullcontext
from datetime import UTC, datetime

import pytest

from broadsheet.cleaners.words import first_words, words_of
from broadsheet.output.archive.archive_errors import DamagedValue
from broadsheet.output.archive.stored_text import (
    count_words,
    escaped_json,
    inert_text,
    storable_text,
)
from broadsheet.output.archive.stored_values import (
    content_id,
    decoding,
    stored_object,
    stored_texts,
    text_digest,
    unpacked,
    utc_now,
)
from broadsheet.output.read.verify import verify
from tests.internal_tables import PAGE_LAYOUT
from tests.output.conftest import found_by


def test_what_was_stored_is_read():
    assert stored_texts('["a", "b"]', "pages", "evidence", 1) == ("a", "b")
    assert stored_object('{"a": 1}', "runs", "options", 1) == {"a": 1}


@pytest.mark.parametrize("value", ['["a', "{}", '"a"', "[1]", "null", "", "[" * 100_000, None, 1, 1.5, b"[]", "\udc80"])
def test_what_is_no_array_of_strings_is_refused_by_its_place(value):
    with pytest.raises(DamagedValue, match="is damaged at pages/evidence row 12; run broadsheet verify"):
        stored_texts(value, "pages", "evidence", 12)


@pytest.mark.parametrize("value", ['{"a', "[]", "1", "", '{"a":' * 100_000, None, b"{}"])
def test_what_is_no_object_is_refused_by_its_place(value):
    with pytest.raises(DamagedValue) as caught:
        stored_object(value, "runs", "options", 3)
    assert caught.value.location == "runs/options row 3"


@pytest.mark.parametrize("error", [zlib.error("x"), ValueError("x"), KeyError("x"), TypeError("x"), IndexError("x")])
def test_whatever_decoding_meets_names_the_value(error):
    with pytest.raises(DamagedValue) as caught, decoding(PAGE_LAYOUT, "layout", "1/2"):
        raise error
    assert (caught.value.location, caught.value.__cause__) == (f"{PAGE_LAYOUT}/layout row 1/2", error)


def test_other_errors_pass():
    with pytest.raises(OSError, match="full"), decoding(PAGE_LAYOUT, "layout", 1):
        raise OSError("full")


def test_the_place_crosses_a_process():
    copy = pickle.loads(pickle.dumps(DamagedValue("pages/evidence row 12")))
    assert (copy.location, str(copy)) == ("pages/evidence row 12", str(DamagedValue("pages/evidence row 12")))


@pytest.mark.parametrize("value", [b"", b"x", zlib.compress(b"words")[:-3], zlib.compress(bytes(200_000_000), 1)])
def test_a_packed_value_that_is_cut_off_or_unpacks_to_too_much_is_refused(value):
    with pytest.raises(ValueError, match=r"incorrect|incomplete|invalid|cut off|too much"):
        unpacked(value)
    assert unpacked(zlib.compress(b"words")) == b"words"


def test_numbers_and_digests_of_content_are_those_of_every_archive():
    assert (content_id("a", "b"), content_id("ab")) == (3155934281168790, 8850811434420615)
    assert content_id("a", "b", bits=63) == 3231676703916841193
    assert content_id("\ud800") == 5124618464725675
    assert content_id("") == 0xE3B0C44298FC1C14 >> 11  # the SHA-256 of nothing
    assert text_digest(" a\n b ") == text_digest("a b") == "c8687a08aa5d6ed2044328fa6a697ab8"
    assert text_digest("a bc") != text_digest("a b c")
    assert text_digest(" \n") == ""


def test_the_present_time_is_told_to_the_second_in_utc():
    before = datetime.now(UTC).replace(microsecond=0)
    told = utc_now()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", told)
    assert before <= datetime.fromisoformat(told) <= datetime.now(UTC)


def test_what_unpacks_to_too_much_is_refused(monkeypatch):
    packed = zlib.compress(b"words " * 9)
    for most, is_unpacked in ((54, True), (53, False)):
        monkeypatch.setattr("broadsheet.output.archive.stored_values._LONGEST_UNPACKED", most)
        with nullcontext() if is_unpacked else pytest.raises(ValueError, match="unpacks to too much"):
            unpacked(packed)


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
        *((query, ["ja"]) for query in ("東京", "方針", "東京都", '"新し しい"', "AI")),
        ("政策", ["zh"]),
        ("title:气候", ["zh"]),
        ("zurich", ["en"]),
        *((query, []) for query in ("东京", "策预", "art")),
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


@pytest.mark.parametrize(
    ("text", "count"),
    [("", 0), ("one two", 2), ("don't re-use it", 3), ("— … !", 0), ("東京 AI 2024", 4), ("Über-Größe ñandú", 2)],
)
def test_words(text, count):
    assert count_words(text) == count


def test_storable_inert_and_escaped():
    assert storable_text("a\0b\udc00é") == "ab?é"
    assert inert_text("a\u202eb\x1b[0m\r\nc\td\u2028e") == "ab[0m\nc\td\ne"
    assert escaped_json('"\u202e"') == '"\\u202e"'


def test_words_are_counted_as_a_pattern_finds_them():
    source = random.Random(3)
    for letters in ("ab1_-'\u2019 \u2014é", "ab1_-'\u2019 \u2014é\u4e00\u3005\u00a0\u2160\u0660\ud800\u0301"):
        for _ in range(5_000):
            text = "".join(source.choices(letters, k=source.randint(0, 12)))
            assert count_words(text) == len(words_of(text)), repr(text)
            assert first_words(text, 3) == words_of(text)[:3], repr(text)
