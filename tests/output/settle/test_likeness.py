"""Texts that are alike: how two are compared, which pairs of all pages are compared, and what is stored for that."""

import random
from array import array
from collections import Counter
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest

from broadsheet.output.archive.archive_errors import DamagedValue
from broadsheet.output.settle import candidate_pairs, stored_sketches
from broadsheet.output.settle.candidate_pairs import (
    CLASSES,
    RARE_PAGES,
    SketchedPages,
    SkippedHashes,
    find_candidate_pairs,
    frequency_classes,
)
from broadsheet.output.settle.likeness import (
    HASH_BITS,
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
from broadsheet.output.settle.similar_articles import _find_all_pairs
from broadsheet.output.settle.stored_sketches import (
    count_crowded_hashes,
    find_pairs_of_pages,
    read_crowded_hashes,
    read_sketches,
)
from broadsheet.output.write.archive_writer import Archive
from tests.internal_tables import CROWDED_HASHES, SKETCHES
from tests.output.settle.stories import HOSTS, edited, prose

SHORT_TOKENS, SAMPLE_ONE_IN, CROWD_LIMIT = 40, 8, 24
CHANCE = random.Random(4)
HAN = CHANCE.choices([chr(0x4E00 + 7 * n) for n in range(400)], k=300)
SCRIPTS = {
    letters: ["".join(CHANCE.choices(letters, k=5)) for _ in range(200)]
    for letters in ("абвгдежзиклмн", "ابتثجحخدذرزسش", "กขคงจฉชซญดตถท", "कखगघचछजझटठडढण")
}
RUN = "one two three four " * 20


def text(seed: int, count: int = 300) -> str:
    return " ".join(prose(seed, count))


@pytest.mark.parametrize(
    ("first", "second", "similarity", "containment"),
    [
        pytest.param(text(1), text(1).replace(" ", ",\n", 9).upper(), (1, 1), (1, 1), id="case, commas, lines"),
        *(pytest.param(text(n), text(n + 1), (0, 0.15), (0, 0.15), id=f"other texts {n}") for n in range(9)),
        pytest.param(text(2), " ".join(edited(prose(2), 60)), (0.85, 0.95), (0.9, 1), id="one word in 60"),
        pytest.param(text(2), " ".join(edited(prose(2), 20)), (0.68, 0.8), (0.8, 0.9), id="one word in 20"),
        pytest.param(text(2), " ".join(edited(prose(2), 5)), (0.15, 0.35), (0.3, 0.5), id="one word in 5"),
        pytest.param(text(3), " ".join(prose(3)[50:120]), (0.1, 0.35), (1, 1), id="a part"),
        pytest.param("".join(HAN), "".join(HAN[:100] + HAN[:3] + HAN[103:]), (0.9, 1), (0.9, 1), id="Chinese"),
        pytest.param("".join(HAN), "".join(HAN[::-1]), (0, 0.05), (0, 0.05), id="other Chinese"),
        *(
            pytest.param(" ".join(of), " ".join(edited(of, 40)), (0.8, 1), (0.8, 1), id=of[0])
            for of in SCRIPTS.values()
        ),
        pytest.param(text(6, SHORT_TOKENS), text(6, SHORT_TOKENS), (1, 1), (1, 1), id="short"),
        pytest.param(text(6, SHORT_TOKENS - 1), text(6, SHORT_TOKENS - 1), (0, 0), (0, 0), id="too short"),
        pytest.param("… — ! " * 90, "… — ! " * 90, (0, 0), (0, 0), id="no words"),
        pytest.param(RUN, f"{RUN}five", (0.7, 0.9), (1, 1), id="a run of words that repeats"),
        pytest.param(text(7, 60) + " x々y", text(7, 60) + " x 々 y", (1, 1), (1, 1), id="a character among words"),
    ],
)
def test_texts_are_alike_by_the_runs_of_words_that_they_share(first, second, similarity, containment):
    """Of all their runs, and of the runs of the shorter text."""
    for one, other in ((first, second), (second, first)):
        score = compare_shingles(shingles_of(one), shingles_of(other))
        assert similarity[0] - 1e-9 <= score.similarity <= similarity[1] + 1e-9
        assert containment[0] - 1e-9 <= score.containment <= containment[1] + 1e-9


def test_a_sketch_is_a_fair_sample_in_four_bytes_a_hash_and_does_not_change():
    shingles = shingles_of(" ".join(f"word{n}" for n in range(4000)))
    sketch = sketch_of_shingles(shingles)
    assert len(sketch) == pytest.approx(len(shingles) / SAMPLE_ONE_IN, rel=0.15)
    assert max(sketch) < 2**HASH_BITS
    assert unpack_sketch(pack_sketch(sketch)).tolist() == sketch.tolist() == sorted(set(sketch.tolist()))
    assert pack_sketch(sketch)[:4] == int(sketch[0]).to_bytes(4, "little")
    assert len(pack_sketch(sketch)) == 4 * len(sketch)
    # As archives of this version have it: another list means that all sketches are to be made anew.
    smallest_hashes = [67318758, 85273252, 108290489, 220011445, 238152450, 252962861, 374418271]
    assert sketch_of(" ".join(f"word{n}" for n in range(60))).tolist() == smallest_hashes
    assert len(shingles_of(RUN)) == 4
    assert len(sketch_of(text(8, SHORT_TOKENS - 1))) == 0


@pytest.mark.parametrize("between", [" ", "_", ", ", "\u2019", "\u00a0", "\u2028", "\x00", " \u2014 "])
def test_what_parts_two_words_does_not_count(between):
    of_shingles = list(sketch_of_shingles(shingles_of(text(6))))
    assert list(sketch_of(between.join(prose(6)))) == list(sketch_of(text(6))) == of_shingles


@pytest.mark.parametrize(
    ("first", "second", "is_one"),
    [
        ("a.test", "a.test", True), ("www.a.test", "a.test", True), ("m.a.test", "www.a.test", True),
        ("b.test", "a.test", False), ("ma.test", "a.test", False), ("m.a.test", "n.a.test", False),
    ],
)  # fmt: skip
def test_hosts_of_one_site(first, second, is_one):
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
def test_a_relation_has_its_kind_and_the_original_first(shares, first, second, expected):
    """Taken from nowhere else, canonical for the other, earlier, longer, with the lower number."""
    facts = FIRST._replace(**first), SECOND._replace(**second)
    relation = None if expected is None else Relation(*expected, *(round(share, 4) for share in shares))
    assert classify_pair(*facts, Likeness(*shares)) == classify_pair(*facts[::-1], Likeness(*shares)) == relation


def test_a_cluster_is_named_by_its_lowest_article_and_a_part_is_in_none():
    pairs = ((9, 4, "near"), (7, 9, "version"), (2, 3, "exact"), (3, 5, "syndicated"), (5, 4, "part"))
    assert cluster_articles(Relation(*pair, 1.0, 1.0) for pair in pairs) == {9: 4, 4: 4, 7: 4, 2: 2, 3: 2, 5: 2}


Sketches = Sequence[set[int]]
Pairs = list[tuple[int, int]]


def found_pairs(sketches: Sketches, hosts: Sequence[int], hashes_per_range: int = 1_000) -> Pairs:
    """The pairs by the places of their sketches, which are read once; the pages have other numbers."""
    count = len(sketches)
    pages = SketchedPages(array("q", range(1, 7 * count + 1, 7)), array("i", hosts), array("i", map(len, sketches)))
    packed = (pack_sketch(np.array(sorted(sketch), np.uint32)) for sketch in sketches)
    found = find_candidate_pairs(pages, packed, hashes_per_range)
    assert next(packed, None) is None
    return [((first - 1) // 7, (second - 1) // 7) for first, second in found]


def compared_pairs(sketches: Sketches, hosts: Sequence[int]) -> Pairs:
    """The same by looking at each two."""
    crowds = Counter((number, host) for sketch, host in zip(sketches, hosts, strict=True) for number in sketch)
    rare = [{n for n in sketch if crowds[n, host] <= CROWD_LIMIT} for sketch, host in zip(sketches, hosts, strict=True)]
    shared_counts = {(n, m): len(rare[n] & rare[m]) for n, m in combinations(range(len(rare)), 2)}
    return [(n, m) for (n, m), count in shared_counts.items() if count >= max(2, 0.4 * min(len(rare[n]), len(rare[m])))]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "bounds",
    [(2, RARE_PAGES, 10**6, 50), (2, RARE_PAGES, 50, 10_000), (90, 1, 50, 400), (90, 3, 50, 400), (90, 20, 1_000, 400)],
)
def test_pairs_are_those_that_looking_at_each_two_gives(monkeypatch, seed, bounds):
    """However many hashes are common, and however few hashes and pairs are held at once."""
    host_count, rare_pages, pairs_at_once, hashes_per_range = bounds
    monkeypatch.setattr(candidate_pairs, "RARE_PAGES", rare_pages)
    for name in ("_PAIRS_AT_ONCE", "_COMMON_PAIRS_AT_ONCE"):
        monkeypatch.setattr(candidate_pairs, name, pairs_at_once)
    chance = random.Random(seed)
    numbers = [chance.randrange(2**HASH_BITS) for _ in range(300)]
    sketches = []
    for _ in range(90):
        topic = chance.randrange(280)
        own = {chance.choice(numbers[topic : topic + 20]) for _ in range(chance.randint(0, 20))}
        sketches.append(own | {numbers[int(300 * chance.random() ** 4)] for _ in range(chance.randint(1, 30))})
    hosts = [n % host_count for n in range(90)]
    assert found_pairs(sketches, hosts, hashes_per_range) == (pairs := compared_pairs(sketches, hosts))
    assert 20 < len(pairs) < 2_000


def test_what_many_pages_of_a_host_have_is_no_evidence_but_what_many_hosts_have_is():
    sketches = [{1, 2, 3}] * (CROWD_LIMIT + 1)
    assert found_pairs(sketches, [0] * len(sketches)) == found_pairs([], []) == []
    assert len(found_pairs(sketches, range(len(sketches)))) == (CROWD_LIMIT + 1) * CROWD_LIMIT // 2


def test_a_hash_is_in_the_class_of_up_to_twice_as_many_pages(monkeypatch):
    for count, its_class in {1: 0, RARE_PAGES: 0, RARE_PAGES + 1: 1, 2 * RARE_PAGES: 1, 2 * RARE_PAGES + 1: 2}.items():
        hashes = np.array([5] + [7] * count + [9], np.uint32)
        assert frequency_classes(hashes).tolist() == [0] + [its_class] * count + [0]
    monkeypatch.setattr(candidate_pairs, "RARE_PAGES", 1)
    assert set(frequency_classes(np.zeros(2**CLASSES, np.uint32)).tolist()) == {CLASSES - 1}


def skipped(class_counts: Sequence[dict[int, int]], most: list[int], sizes: list[int] | None = None) -> SkippedHashes:
    counts = np.array([[of.get(number, 0) for number in range(CLASSES)] for of in class_counts], np.uint16)
    return SkippedHashes.choose(counts, np.array(sizes or [50] * len(most), np.int32), np.array(most))


def test_a_page_skips_whole_classes_from_the_most_frequent_on_and_no_more_than_it_may():
    chosen = skipped([{1: 2, 3: 4, 9: 1}] * 4 + [{}], [7, 6, 1, 0, 3])
    assert (chosen.first_classes.tolist(), chosen.counts.tolist()) == ([1, 2, 4, 10, 1], [7, 5, 1, 0, 0])
    firsts, seconds = np.array([0, 1, 0, 2], np.int32), np.array([1, 0, 2, 0], np.int32)
    sized = skipped([{}] * 3, [0] * 3, sizes=[5, 3, 5])
    assert sized.smaller_first(firsts, seconds).tolist() == [False, True, True, False], "then the lower index"


@pytest.mark.parametrize("at_once", [1, 100, 100_000])
def test_a_skipped_hash_makes_no_pairs_and_is_counted_afterwards(monkeypatch, at_once):
    monkeypatch.setattr(candidate_pairs, "_COMMON_PAIRS_AT_ONCE", at_once)
    count = RARE_PAGES + 1
    rows = np.full(count, 77, np.uint32), np.arange(count, dtype=np.int32)
    chosen = skipped([{1: 1}] * count, [1] + [0] * (count - 1))
    pairs = {
        pair
        for columns in chosen.unskipped_pairs(rows, frequency_classes(rows[0]))
        for pair in zip(*(column.tolist() for column in columns), strict=True)
    }
    assert pairs == set(combinations(range(1, count), 2))
    smaller, larger = np.array([0, 0, 4]), np.array([3, 5, 5])
    assert chosen.count_skipped(smaller, larger, lambda: iter([rows])).tolist() == [1, 1, 0]


def store_sketches(archive: Archive, sketches: Sequence[tuple[str, set[int]]]) -> None:
    """Sketches of pages by host, instead of those that are there; the pages themselves are not needed."""
    archive.db.execute("PRAGMA foreign_keys = OFF")
    archive.db.execute("DELETE FROM urls")
    archive.db.execute(f"DELETE FROM {SKETCHES}")
    for number, (host, hashes) in enumerate(sketches, 1):
        columns = "(id, url, host, kind, state, found_via, first_seen)"
        row = (number, f"http://{host}/{number}", host, "page", "done", "link", "")
        archive.db.execute(f"INSERT INTO urls {columns} VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        packed = pack_sketch(np.array(sorted(hashes), np.uint32))
        row = (number, len(hashes), packed)
        archive.db.execute(f"INSERT INTO {SKETCHES} (page_id, hashes, sketch) VALUES (?, ?, ?)", row)
    for host in HOSTS:
        count_crowded_hashes(archive.db, host)


@pytest.mark.parametrize("seed", range(3))
def test_the_pairs_of_some_pages_are_those_of_all_in_which_one_of_them_is(archive, seed):
    chance = random.Random(seed)
    numbers = [chance.randrange(2**HASH_BITS) for _ in range(300)]
    form = set(chance.sample(numbers, 6))
    sketches = [
        (chance.choice(HOSTS), set(chance.sample(numbers, chance.randint(1, 20))) | (form if n % 3 else set()))
        for n in range(150)
    ]
    store_sketches(archive, sketches)
    all_pairs = _find_all_pairs(archive.db)
    for count in (1, 7, 60, len(sketches)):
        pages = set(chance.sample(range(1, len(sketches) + 1), count))
        assert find_pairs_of_pages(archive.db, pages) == [pair for pair in all_pairs if not pages.isdisjoint(pair)]
    assert len(all_pairs) > 20
    assert set(read_crowded_hashes(archive.db, "a.test").tolist()) == form


def test_what_is_crowded_on_the_other_host_is_no_evidence(archive):
    for count, pairs in ((CROWD_LIMIT, CROWD_LIMIT), (CROWD_LIMIT + 1, 0)):
        store_sketches(archive, [("a.test", {1, 2, 3}), *[("b.test", {1, 2, 9 + n}) for n in range(count)]])
        assert len(find_pairs_of_pages(archive.db, [1])) == pairs


def test_pages_without_sketches_have_no_pairs(archive):
    store_sketches(archive, [("a.test", hashes) for hashes in (set(), {1, 2}, {1, 2}, set(), set())])
    crowded_counts = archive.db.execute(f"SELECT crowded FROM {SKETCHES} ORDER BY page_id").fetchall()
    assert crowded_counts == [(None,), (0,), (0,), (None,), (None,)]
    assert [find_pairs_of_pages(archive.db, pages) for pages in ([], [6], [1, 4])] == [[], [], []]
    assert find_pairs_of_pages(archive.db, [2]) == find_pairs_of_pages(archive.db, range(7)) == [(2, 3)]


@pytest.mark.parametrize("at_once", [7, 1_000_000])
def test_what_more_than_so_many_pages_of_a_host_have_is_crowded_until_they_are_fewer(archive, monkeypatch, at_once):
    monkeypatch.setattr(stored_sketches, "_HASHES_AT_ONCE", at_once)
    form = {5, 700_000, 2**28}
    sketches = [("a.test", form | {1_000 + n}) for n in range(CROWD_LIMIT)]
    store_sketches(archive, sketches)
    assert read_crowded_hashes(archive.db, "a.test").tolist() == []
    store_sketches(archive, [*sketches, ("a.test", form | {9, 10})])
    assert set(read_crowded_hashes(archive.db, "a.test").tolist()) == form
    counts = f"SELECT DISTINCT crowded, hashes - crowded FROM {SKETCHES} ORDER BY 2"
    assert archive.db.execute(counts).fetchall() == [(3, 1), (3, 2)]
    archive.db.execute(f"DELETE FROM {SKETCHES} WHERE page_id = 1")
    count_crowded_hashes(archive.db, "a.test")
    assert archive.db[CROWDED_HASHES].count == 0
    assert archive.db.execute(counts).fetchall() == [(0, 4), (0, 5)]


@pytest.mark.parametrize("changed", ["substr(sketch, 1, 8)", "sketch || x'00000000'"])
def test_damage_is_named_wherever_it_is_read(archive, changed):
    store_sketches(archive, [("a.test", {1, 2, 3}), ("b.test", {1, 2, 3})])
    assert find_pairs_of_pages(archive.db, [1]) == _find_all_pairs(archive.db) == [(1, 2)]
    archive.db.execute(f"UPDATE {SKETCHES} SET sketch = {changed} WHERE page_id = 2")
    for read in (
        lambda: find_pairs_of_pages(archive.db, [1]),
        lambda: _find_all_pairs(archive.db),
        lambda: list(read_sketches(archive.db, "b.test")),
    ):
        with pytest.raises(DamagedValue, match=f"{SKETCHES}/sketch row 2"):
            read()
    archive.db.execute(f"INSERT INTO {CROWDED_HASHES} (host, hashes) VALUES ('a.test', x'010203')")
    with pytest.raises(DamagedValue, match=r"crowded_hashes.*a\.test"):
        read_crowded_hashes(archive.db, "a.test")
