from __future__ import annotations

import random
from typing import Any

import pytest

from broadsheet.output.settle.likeness import (
    ArticleFacts,
    Likeness,
    Relation,
    classify_pair,
    cluster_articles,
    compare_shingles,
    is_same_site,
    pack_sketch,
    shingles_of,
    sketch_of,
    sketch_of_shingles,
    unpack_sketch,
)

SHORT_TOKENS, SAMPLE_ONE_IN, HASH_BITS = 40, 8, 29

HAN = [chr(0x4E00 + 7 * n) for n in range(400)]


def prose(seed: int, count: int = 300) -> list[str]:
    """Words as they come in a text: a few of them often, most of them seldom."""
    rng = random.Random(seed)
    return [f"w{int(20 * rng.paretovariate(0.7)) % 5000}" for _ in range(count)]


def edited(words: list[str], one_in: int) -> list[str]:
    return [f"new{index}" if index % one_in == one_in - 1 else word for index, word in enumerate(words)]


def test_a_text_is_like_itself_whatever_its_case_punctuation_and_lines():
    words = prose(1)
    text, edited_text = " ".join(words), "\n".join(words).upper().replace("\n", ",\n", 9)
    assert compare_shingles(shingles_of(text), shingles_of(edited_text)).similarity == 1.0


def test_other_texts_of_the_same_words_are_not_alike():
    scores = [compare_shingles(shingles_of(" ".join(prose(n))), shingles_of(" ".join(prose(n + 1)))) for n in range(20)]
    assert max(score.containment for score in scores) < 0.15


@pytest.mark.parametrize(("one_in", "low", "high"), [(60, 0.85, 0.95), (20, 0.68, 0.8), (5, 0.15, 0.35)])
def test_the_score_falls_with_the_number_of_changed_words(one_in, low, high):
    words = prose(2)
    assert (
        low
        < compare_shingles(shingles_of(" ".join(words)), shingles_of(" ".join(edited(words, one_in)))).similarity
        < high
    )


def test_a_part_is_contained_in_the_whole_in_either_order():
    whole, part = shingles_of(" ".join(prose(3))), shingles_of(" ".join(prose(3)[50:120]))
    for score in (compare_shingles(whole, part), compare_shingles(part, whole)):
        assert score.containment == pytest.approx(1.0)
        assert score.similarity < 0.35


def test_chinese_is_compared_by_runs_of_characters():
    rng = random.Random(4)
    text = rng.choices(HAN, k=300)
    changed = "".join(text[:100] + HAN[:3] + text[103:])
    assert compare_shingles(shingles_of("".join(text)), shingles_of(changed)).similarity > 0.9
    assert compare_shingles(shingles_of("".join(text)), shingles_of("".join(rng.choices(HAN, k=300)))).similarity < 0.05


@pytest.mark.parametrize("letters", ["абвгдежзиклмн", "ابتثجحخدذرزسش", "กขคงจฉชซญดตถท", "कखगघचछजझटठडढण"])
def test_any_script_will_do(letters):
    rng = random.Random(5)
    words = ["".join(rng.choices(letters, k=5)) for _ in range(200)]
    assert compare_shingles(shingles_of(" ".join(words)), shingles_of(" ".join(edited(words, 40)))).similarity > 0.8


def test_short_texts_and_texts_without_words_are_like_nothing():
    short = shingles_of(" ".join(prose(6, SHORT_TOKENS - 1)))
    assert len(short) == 0
    assert compare_shingles(short, short).containment == 0.0
    assert len(shingles_of("… — ! " * 90)) == 0


def test_a_sketch_is_a_fair_sample_and_does_not_change():
    shingles = shingles_of(" ".join(f"word{n}" for n in range(4000)))
    assert len(sketch_of_shingles(shingles)) == pytest.approx(len(shingles) / SAMPLE_ONE_IN, rel=0.15)
    # As archives of this version have it: another list means that all sketches are to be made anew.
    smallest_hashes = [67318758, 85273252, 108290489, 220011445, 238152450, 252962861, 374418271]
    assert sketch_of_shingles(shingles_of(" ".join(f"word{n}" for n in range(60)))).tolist() == smallest_hashes
    assert max(sketch_of_shingles(shingles)) < 2**HASH_BITS


def test_a_sketch_is_stored_in_four_bytes_a_hash():
    sketch = sketch_of(" ".join(prose(9)))
    assert unpack_sketch(pack_sketch(sketch)).tolist() == sketch.tolist() == sorted(set(sketch.tolist()))
    assert pack_sketch(sketch)[:4] == int(sketch[0]).to_bytes(4, "little")
    assert len(pack_sketch(sketch)) == 4 * len(sketch)


@pytest.mark.parametrize("between", [" ", "_", ", ", "\u2019", "\u00a0", "\u2028", "\x00", " \u2014 "])
def test_what_parts_two_words_does_not_count(between):
    words = prose(6)
    plain = " ".join(words)
    assert (
        list(sketch_of(between.join(words))) == list(sketch_of(plain)) == list(sketch_of_shingles(shingles_of(plain)))
    )


def test_one_character_of_an_unspaced_script_is_a_word_among_others():
    words = prose(7, 60)
    assert list(shingles_of(" ".join([*words, "x々y"]))) == list(shingles_of(" ".join([*words, "x", "々", "y"])))


def test_a_short_text_has_no_sketch():
    assert len(sketch_of(" ".join(prose(8, SHORT_TOKENS - 1)))) == 0


def test_a_text_is_compared_from_its_shortest_length_on():
    words = prose(3, SHORT_TOKENS)
    assert len(shingles_of(" ".join(words))) > 0
    assert len(shingles_of(" ".join(words[1:]))) == 0


def test_a_run_of_words_counts_once_however_often_it_stands():
    text = "one two three four " * 20
    assert len(shingles_of(text)) == 4
    assert sorted(set(sketch_of(text).tolist())) == sketch_of(text).tolist()
    assert compare_shingles(shingles_of(text), shingles_of(text + "five")).containment == 1


@pytest.mark.parametrize(
    ("first", "second", "is_one"),
    [
        ("a.test", "a.test", True), ("www.a.test", "a.test", True), ("m.a.test", "www.a.test", True),
        ("b.test", "a.test", False), ("ma.test", "a.test", False), ("m.a.test", "n.a.test", False),
    ],
)  # fmt: skip
def test_hosts_of_one_site(first: str, second: str, is_one: bool) -> None:
    assert is_same_site(first, second) is is_same_site(second, first) is is_one


FIRST = ArticleFacts(1, "http://a.test/1", "a.test", "", "One", "", 100)
SECOND = FIRST._replace(id=2, url="http://a.test/2", title="Two")
ALIKE = (0.7, 0.9)


@pytest.mark.parametrize(
    ("shares", "first", "second", "expected"),
    [
        ((0.6, 0.7), {}, {}, (1, 2, "near")),
        ((0.59999, 0.8), {}, {}, (1, 2, "part")),
        ((0.59999, 0.79999), {}, {}, None),
        ((0.9998, 1.0), {}, {}, (1, 2, "near")),
        ((0.9999, 1.0), {}, {}, (1, 2, "exact")),
        ((0.9998, 1.0), {"title": "TWO."}, {}, (1, 2, "version")),
        ((0.9998, 1.0), {"title": ""}, {"title": ""}, (1, 2, "near")),
        ((1.0, 1.0), {}, {"host": "b.test"}, (1, 2, "syndicated")),
        ((1.0, 1.0), {}, {"host": "www.a.test"}, (1, 2, "exact")),
        (ALIKE, {"canonical_url": "http://b.test/x"}, {}, (2, 1, "syndicated")),
        (ALIKE, {"canonical_url": "http://m.a.test/x"}, {}, (1, 2, "near")),
        (ALIKE, {"canonical_url": "http://b.test/x"}, {"canonical_url": "http://c.test/x"}, (1, 2, "near")),
        (ALIKE, {"canonical_url": "http://a.test/2"}, {"published": "2026"}, (2, 1, "near")),
        (ALIKE, {"canonical_url": "http://a.test/2", "published": "2025"}, {"published": "2026"}, (2, 1, "near")),
        (ALIKE, {"published": "2026"}, {"published": "2025"}, (2, 1, "near")),
        (ALIKE, {}, {"published": "2026"}, (2, 1, "near")),
        (ALIKE, {"published": "2025"}, {"word_count": 101}, (1, 2, "near")),
        (ALIKE, {}, {"word_count": 101}, (2, 1, "near")),
        ((0.5, 0.9), {"published": "2025"}, {"word_count": 101}, (2, 1, "part")),
        ((0.5, 0.9), {}, {"word_count": 99}, (1, 2, "part")),
    ],
)
def test_a_relation_has_its_kind_and_the_original_first(shares: Any, first: Any, second: Any, expected: Any) -> None:
    """Taken from nowhere else, canonical for the other, earlier, longer, with the lower number."""
    facts = FIRST._replace(**first), SECOND._replace(**second)
    relation = None if expected is None else Relation(*expected, *(round(share, 4) for share in shares))
    assert classify_pair(*facts, Likeness(*shares)) == classify_pair(*facts[::-1], Likeness(*shares)) == relation


def test_a_cluster_is_named_by_its_lowest_article_and_a_part_is_in_none() -> None:
    pairs = ((9, 4, "near"), (7, 9, "version"), (2, 3, "exact"), (3, 5, "syndicated"), (5, 4, "part"))
    assert cluster_articles(Relation(*pair, 1.0, 1.0) for pair in pairs) == {9: 4, 4: 4, 7: 4, 2: 2, 3: 2, 5: 2}
