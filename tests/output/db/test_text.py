from __future__ import annotations

import random

import pytest

from broadsheet.output.db.ids import content_id, text_digest
from broadsheet.output.db.text import count_words, escaped_json, first_words, inert_text, storable_text, words_of


@pytest.mark.parametrize(
    ("text", "count"),
    [("", 0), ("one two", 2), ("don't re-use it", 3), ("— … !", 0), ("東京 AI 2024", 4), ("Über-Größe ñandú", 2)],
)
def test_words(text, count):
    assert count_words(text) == count


def test_storable():
    assert storable_text("a\0b\udc00é") == "ab?é"


def test_inert_and_escaped():
    assert inert_text("a\u202eb\x1b[0m\r\nc\td\u2028e") == "ab[0m\nc\td\ne"
    assert escaped_json('"\u202e"') == '"\\u202e"'


def test_ids_are_fixed_and_of_their_size():
    assert content_id("http://a.test/", bits=53) == content_id("http://a.test/") < 2**53
    assert content_id("a", "b") != content_id("ab")
    assert content_id("a", bits=63).bit_length() <= 63
    assert content_id("") == 0xE3B0C44298FC1C14 >> 11  # the SHA-256 of nothing


def test_a_digest_does_not_see_white_space():
    assert text_digest("a  b\nc") == text_digest("a b c") != text_digest("a bc")
    assert text_digest(" ") == ""


def test_words_are_counted_as_a_pattern_finds_them():
    source = random.Random(3)
    for letters in ("ab1_-'\u2019 \u2014é", "ab1_-'\u2019 \u2014é\u4e00\u3005\u00a0\u2160\u0660\ud800\u0301"):
        for _ in range(5_000):
            text = "".join(source.choices(letters, k=source.randint(0, 12)))
            assert count_words(text) == len(words_of(text)), repr(text)
            assert first_words(text, 3) == words_of(text)[:3], repr(text)
