"""Articles that are alike: how two texts are compared, and which pairs are found."""

import random
from collections.abc import Iterable

import numpy as np
import pytest

from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.read.alike_articles import (
    AlikePair,
    ArticleFacts,
    alike_to,
    candidate_pairs,
    classify_pair,
    cluster_articles,
    compare_shingles,
    find_alike,
    is_same_site,
    later_articles,
    shingles_of,
    sketch_of,
)
from broadsheet.output.read.article_rows import chosen_articles, iter_articles
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.archive_writer import Archive
from broadsheet.reader import open as open_archive
from tests.output.conftest import Maker
from tests.output.settle.stories import edited, prose

SHORT_TOKENS, SAMPLE_ONE_IN, CROWD_LIMIT, REPEATED_PAGES = 40, 8, 24, 6
SITE, OTHER = "http://a.test", "http://b.test"
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
        of_either, of_shorter = compare_shingles(shingles_of(one), shingles_of(other))
        assert similarity[0] - 1e-9 <= of_either <= similarity[1] + 1e-9
        assert containment[0] - 1e-9 <= of_shorter <= containment[1] + 1e-9


def test_a_sketch_is_a_fair_sample():
    words = " ".join(f"word{n}" for n in range(4000))
    assert len(sketch_of(words)) == pytest.approx(len(shingles_of(words)) / SAMPLE_ONE_IN, rel=0.15)
    assert len(shingles_of(RUN)) == 4
    assert len(sketch_of(text(8, SHORT_TOKENS - 1))) == 0


@pytest.mark.parametrize("between", [" ", "_", ", ", "\u2019", "\u00a0", "\u2028", "\x00", " \u2014 "])
def test_what_parts_two_words_does_not_count(between):
    assert list(sketch_of(between.join(prose(6)))) == list(sketch_of(text(6)))


@pytest.mark.parametrize(
    ("first", "second", "is_one"),
    [
        ("a.test", "a.test", True), ("www.a.test", "a.test", True), ("m.a.test", "www.a.test", True),
        ("b.test", "a.test", False), ("ma.test", "a.test", False), ("m.a.test", "n.a.test", False),
    ],
)  # fmt: skip
def test_hosts_of_one_site(first, second, is_one):
    assert is_same_site(first, second) is is_same_site(second, first) is is_one


FIRST = ArticleFacts(1, "http://a.test/1", "a.test", "", "One", "", 100, 1)
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
    pair = None if expected is None else AlikePair(*expected, *(round(share, 4) for share in shares))
    assert classify_pair(*facts, *shares) == classify_pair(*facts[::-1], *shares) == pair


def test_a_cluster_is_named_by_its_lowest_article_and_a_part_is_in_none():
    pairs = ((9, 4, "near"), (7, 9, "version"), (2, 3, "exact"), (3, 5, "syndicated"), (5, 4, "part"))
    assert cluster_articles(AlikePair(*pair, 1.0, 1.0) for pair in pairs) == {9: 4, 4: 4, 7: 4, 2: 2, 3: 2, 5: 2}


def sketches(*of: Iterable[int]) -> list[np.ndarray]:
    return [np.array(sorted(one), np.uint32) for one in of]


def test_pairs_share_two_fifths_of_the_smaller_sketch_and_two_hashes():
    found = candidate_pairs(sketches(range(10), range(6, 40), range(7, 60), {1}, {1}), ["a"] * 5)
    assert found == [(0, 1), (1, 2)]
    assert candidate_pairs([], []) == []


def test_what_many_articles_of_a_host_have_is_no_evidence_but_what_many_hosts_have_is():
    form = sketches(*([*range(10), 100 + n] for n in range(CROWD_LIMIT + 1)))
    assert candidate_pairs(form, ["a"] * len(form)) == []
    assert len(candidate_pairs(form[1:], ["a"] * CROWD_LIMIT)) == CROWD_LIMIT * (CROWD_LIMIT - 1) / 2
    assert len(candidate_pairs(form, [f"host {n}" for n in range(len(form))])) >= len(form) - 1


def pairs(archive: Archive) -> list[tuple[str, str, str]]:
    urls = {number: url.removeprefix(SITE) for number, url in archive.db.execute("SELECT id, url FROM articles")}
    return sorted((urls[pair.article_id], urls[pair.duplicate_id], pair.kind) for pair in find_alike(archive.db))


def left(archive: Archive) -> list[str]:
    return sorted(
        str(row["url"]).removeprefix(SITE)
        for row in iter_articles(archive.db, chosen_articles(archive.db, one_per_cluster=True))
    )


def stored(archive: Archive, make: Maker, texts: dict[str, str]) -> None:
    """Store articles by URL, or by what stands after that of the first site, and settle."""
    archive.save([make.outcome(url if "/" in url else f"{SITE}/{url}", text) for url, text in texts.items()])
    settle(archive.db)


@pytest.mark.parametrize(
    ("late_date", "early_date"),
    [
        ("2024-03-02", "2024-03-01T09:00:00+02:00"),
        ("2024-03-01T02:00:00+02:00", "2024-02-29T18:30:00-05:00"),  # by the instant, whatever the day
        ("2024-03-01T15:00:00", "2024-03-01T09:00:00"),
        ("2024-03-01T00:00:01Z", "2024-03-01"),
        ("", "2024-03-01"),
    ],
)
def test_a_copy_on_another_site_is_syndicated_and_the_earlier_stands_for_both(archive, make, late_date, early_date):
    late, early = make.outcome(f"{SITE}/1", text(1)), make.outcome(f"{OTHER}/x", text(1) + " Reprinted with thanks")
    for outcome, date in ((late, late_date), (early, early_date)):
        assert outcome.page
        object.__setattr__(outcome.page.metadata, "published", date)
    archive.save([late, early])
    settle(archive.db)
    assert pairs(archive) == [(f"{OTHER}/x", "/1", "syndicated")]
    assert left(archive) == [f"{OTHER}/x"]


def test_pairs_are_found_whatever_was_stored_first_and_a_reader_who_may_not_write_finds_them(tmp_path, make):
    texts = {f"form/{n}": " ".join([*prose(50, 90), f"street{n}", f"number{n}", *prose(51, 90)]) for n in range(4)}
    texts = {f"{SITE}/{name}": of for name, of in texts.items()}
    texts |= {"a": text(1), "b": " ".join(edited(prose(1), 40)), "part": " ".join(prose(1)[100:200]), "alone": text(7)}
    texts |= {f"{OTHER}/c": text(1) + " as told there"}
    for order in (sorted(texts), sorted(texts, reverse=True)):
        with Archive.open(tmp_path / f"{order[0][-1]}.db") as archive:
            stored(archive, make, {name: texts[name] for name in order})
            assert {(one, other): kind for one, other, kind in pairs(archive) if "form" not in one} == {
                ("/a", "/b"): "near", ("/a", "/part"): "part", ("/b", "/part"): "part",
                (f"{OTHER}/c", "/a"): "syndicated", (f"{OTHER}/c", "/b"): "syndicated", (f"{OTHER}/c", "/part"): "part",
            }  # fmt: skip
            assert len(left(archive)) == 4
            alike, later = find_alike(archive.db), later_articles(archive.db)
            path = archive.path
        reader = open_database(path, read_only=True)
        assert {
            str(row["id"]) for row in iter_articles(reader, chosen_articles(reader, one_per_cluster=True))
        }.isdisjoint(map(str, later))
        with open_archive(path) as own:
            assert own.alike() == alike
            first = alike[0]
            assert first in alike_to(reader, first.article_id)
            assert first in alike_to(reader, first.duplicate_id)
        assert alike_to(reader, 1) == []
        reader.close()


def test_a_story_on_many_sites_is_one_cluster(archive, make):
    count = CROWD_LIMIT + 6
    stored(archive, make, {f"http://site{n}.test/": " ".join(edited(prose(1), 40 + n)) for n in range(count)})
    assert len(left(archive)) == 1


def test_texts_that_a_repeated_note_made_alike_are_so_no_more_once_it_is_repeated(archive, make):
    note = text(9, count=150)
    archive.save([make.outcome(f"{SITE}/{n}", text(n, 45), note) for n in range(REPEATED_PAGES - 1)])
    stored(archive, make, {f"other-{n}": text(100 + n) for n in range(40)})
    assert len(pairs(archive)) == (REPEATED_PAGES - 1) * (REPEATED_PAGES - 2) / 2
    archive.save([make.outcome(f"{SITE}/last", text(77, 45), note)])
    settle(archive.db)
    assert pairs(archive) == []
