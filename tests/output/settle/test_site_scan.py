"""What pages left out by themselves and the site's evidence brings back: under which bounds, and the way back."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from broadsheet.cleaners.compare.site_boilerplate import find_body_paths
from broadsheet.cleaners.compare.text_comparison import text_template
from broadsheet.cleaners.document import Block, BlockKind, Verdict
from broadsheet.cleaners.judge.article_text import assemble
from broadsheet.output.archive.stored_values import BLOCK_KINDS
from broadsheet.output.read.verify import verify
from broadsheet.output.settle.likeness import shingles_of
from broadsheet.output.settle.page_table import IS_KEPT, IS_KEPT_ELSEWHERE, IS_LEFT_OUT, IS_SHARED
from broadsheet.output.settle.settling import settle
from broadsheet.output.settle.similar_articles import read_shingles
from broadsheet.output.settle.site_scan import PlaceCounts, SeenTwice, _is_needed, _is_restorable, text_key
from broadsheet.output.write.archive_writer import Archive
from tests.internal_tables import BLOCK_TEXTS, BLOCKS, OWN_VERDICTS, PLACE_EVIDENCE, REVISION_BLOCKS
from tests.output.cleaned_pages import with_page

KEPT = Verdict(True, "selected", "extractor/selected")
LEFT = Verdict(False, "closing line", "model/closing-line")
BODY, NOTE = "body>main>div.text>p", "body>main>div.note>p"


def article(make, name, note="", verdict=LEFT, block_path=BODY):
    """An outcome whose page keeps two paragraphs, and a note of its own with its verdict."""
    paragraphs = [(" ".join(f"{name}{part}{n}" for n in range(40)), BODY, KEPT) for part in "xy"]
    words = " ".join(f"{name}{part}" for part in ("wer", "dam", "mill"))  # digits would be folded
    rows = [*paragraphs, (note or f"{words} ends with a few closing words of its own", block_path, verdict)]
    blocks = tuple(Block(n, BlockKind.PARAGRAPH, text, "", path) for n, (text, path, _) in enumerate(rows))
    verdicts = tuple(row[2] for row in rows)
    text, markdown = assemble(blocks, verdicts)
    outcome = make.outcome(f"http://a.test/{name}", "x")
    return with_page(outcome, blocks=blocks, verdicts=verdicts, text=text, markdown=markdown)


def letter(number):
    return "abcdefghijkl"[number]


def rows(archive, sql, *values):
    return archive.db.execute(sql, values).fetchall()


def back(archive):
    return rows(archive, f"SELECT u.url, b.reason, b.rule, b.evidence FROM {BLOCKS} b JOIN urls u USING (url)"
                " WHERE b.rule = 'site/body' AND b.kept ORDER BY 1")  # fmt: skip


def texts(archive):
    return rows(archive, "SELECT url, text, markdown, word_count FROM articles ORDER BY url")


def test_what_came_back_is_no_repetition_where_texts_are_compared(archive, make):
    archive.save([article(make, letter(n), verdict=KEPT) for n in range(9)] + [article(make, "short")])
    settle(archive.db, make.clock)
    [(page_id, text)] = rows(archive, "SELECT page_id, text FROM articles WHERE url = 'http://a.test/short'")
    assert "closing words" in text
    assert set(read_shingles(archive.db, page_id)) == set(shingles_of(text))


def test_nor_in_the_revisions_of_its_article(archive, make):
    archive.save([article(make, letter(n), verdict=KEPT) for n in range(9)] + [article(make, "short")])
    settle(archive.db, make.clock)
    edited = article(make, "longer")
    archive.save([replace(edited, url="http://a.test/short")])
    settle(archive.db, make.clock)
    stored = rows(archive, f"SELECT b.elsewhere FROM {REVISION_BLOCKS} b JOIN {BLOCK_TEXTS} t ON t.id = b.block_id"
                  " WHERE t.text LIKE '%closing words%'")  # fmt: skip
    assert stored == [(0,)]


@pytest.mark.parametrize(
    ("verdict", "block_path"),
    [
        (Verdict(False, "donation", "en/donation-ask", ()), BODY),
        (Verdict(False, "said twice", "context/duplicate", ()), BODY),
        (Verdict(False, "repeats the title", "metadata/title", ()), BODY),
        (Verdict(False, "other articles", "model/beside-related", ()), BODY),
        (LEFT, NOTE),
    ],
    ids=["a phrase rule", "a copy", "the title", "furniture above it", "another place"],
)
def test_what_something_else_explains_stays_out(archive, make, verdict, block_path):
    archive.save([article(make, letter(n), verdict=KEPT) for n in range(9)])
    archive.save([article(make, "short", verdict=verdict, block_path=block_path)])
    settle(archive.db, make.clock)
    assert back(archive) == []


def test_a_text_that_several_pages_have_stays_out(archive, make):
    promo = "Support this magazine with a small gift for its next issue"
    archive.save([article(make, letter(n), verdict=KEPT) for n in range(9)])
    archive.save([article(make, "p" + letter(n), promo) for n in range(2)])
    settle(archive.db, make.clock)
    assert back(archive) == []


def test_a_text_of_few_words_comes_back_unless_it_is_another_page_s_title(archive, make):
    linked = Verdict(False, "navigation", "context/links", ())
    title = Verdict(False, "repeats the title", "metadata/title", ())
    archive.save([article(make, letter(n), verdict=KEPT) for n in range(9)])
    archive.save([article(make, "p", "Tide tables", linked), article(make, "q", "Harbour lights", linked)])
    archive.save([article(make, "r", "Harbour lights", title), article(make, "s", "More", linked)])
    settle(archive.db, make.clock)
    assert [url for url, *_ in back(archive)] == ["http://a.test/p"]


@pytest.mark.parametrize("verdict", [LEFT, KEPT], ids=["left out there too", "kept there"])
def test_a_text_that_another_page_has_with_another_number_stays_out(archive, make, verdict):
    archive.save([article(make, letter(n), verdict=KEPT) for n in range(9)])
    archive.save([article(make, "p", "Issue 12 of this magazine is sold at the harbour")])
    archive.save([article(make, "q", "Issue 13 of this magazine is sold at the harbour", verdict)])
    settle(archive.db, make.clock)
    assert back(archive) == []


def test_texts_that_only_seem_to_stand_on_several_pages_are_looked_up_and_come_back(make, tmp_path, monkeypatch):
    """Which texts stand on several pages is known roughly; where all seem to, the exact answer is the same."""
    pages = [article(make, letter(n), verdict=KEPT) for n in range(9)]
    pages += [article(make, "s" + letter(n)) for n in range(2)]
    pages += [article(make, "t" + letter(n), f"Issue {n} of this magazine is sold at the harbour") for n in range(2)]
    results = []
    for seems_repeated in (SeenTwice.__contains__, lambda numbers, number: True):
        monkeypatch.setattr(SeenTwice, "__contains__", seems_repeated)
        with Archive.open(tmp_path / f"{len(results)}.db") as archive:
            archive.save(pages)
            settle(archive.db, make.clock)
            evidence = rows(archive, f"SELECT block_id, host, pages, of_pages FROM {PLACE_EVIDENCE} ORDER BY block_id")
            results.append((texts(archive), back(archive), evidence))
    assert results[0] == results[1]
    assert [url for url, *_ in results[0][1]] == ["http://a.test/sa", "http://a.test/sb"]


def test_a_shared_text_still_says_that_a_place_is_no_body(archive, make):
    archive.save([article(make, letter(n), verdict=KEPT, block_path=NOTE) for n in range(9)])
    promo = "Support this magazine with a small gift for its next issue"
    archive.save([article(make, "p" + letter(n), promo, block_path=NOTE) for n in range(3)])
    archive.save([article(make, "short", block_path=NOTE)])
    settle(archive.db, make.clock)
    assert back(archive) == []


@pytest.mark.slow
def test_the_order_of_the_crawl_changes_nothing(make, tmp_path):
    pages = [article(make, letter(n), verdict=KEPT) for n in range(9)] + [
        article(make, "s" + letter(n)) for n in range(3)
    ]
    states = []
    for n in range(3):
        random.Random(n).shuffle(pages)
        with Archive.open(tmp_path / f"{n}.db") as archive:
            for page in pages:
                archive.save([page])
                if n == 1:
                    settle(archive.db, make.clock)
            settle(archive.db, make.clock)
            states.append((texts(archive), back(archive)))
    assert states[0] == states[1] == states[2]
    assert len(states[0][1]) == 3


def test_it_goes_again_when_the_share_falls(archive, make):
    archive.save(
        [article(make, letter(n), verdict=KEPT, block_path=NOTE) for n in range(9)]
        + [article(make, "s", block_path=NOTE)]
    )
    settle(archive.db, make.clock)
    assert len(back(archive)) == 1
    archive.save([article(make, "later" + letter(n), block_path=NOTE) for n in range(2)])
    settle(archive.db, make.clock)
    assert back(archive) == []
    assert rows(archive, f"SELECT count(*) FROM {OWN_VERDICTS}") == [(0,)]


ADDRESSES = "body>main>div.text>div.embed>p"


def with_address(make, number, verdict, *, is_phrase_rule=False):
    removed = Verdict(False, "navigation", "en/nav-words" if is_phrase_rule else "context/links", ())
    return article(make, letter(number), f"https://media.test/{letter(number)}", verdict or removed, ADDRESSES)


def test_an_address_comes_back_where_pages_keep_theirs(archive, make):
    archive.save([with_address(make, n, KEPT if n < 8 else None) for n in range(10)])
    settle(archive.db, make.clock)
    assert [row[0] for row in back(archive)] == ["http://a.test/i", "http://a.test/j"]
    assert {row[3] for row in back(archive)} == {'{"pages":8,"of_pages":10,"since":"2026-01-01"}'}
    assert settle(archive.db, make.clock).rejudged_pages == 0
    assert verify(archive.db) == []


def test_an_address_stays_out_where_a_third_of_the_pages_keep_none_for_whatever_reason(archive, make):
    archive.save([with_address(make, n, KEPT) for n in range(6)])
    archive.save([with_address(make, n, None, is_phrase_rule=True) for n in (6, 7)] + [with_address(make, 8, None)])
    settle(archive.db, make.clock)
    assert back(archive) == []


def test_a_place_is_known_since_the_earliest_page_that_keeps_text_there():
    counts = PlaceCounts()
    for first_seen in ("2026-02-02", "2026-01-01", "2026-03-03"):
        counts.count_page(first_seen, {"a"}, {"a", "b"})
    assert counts.first_kept_at == {"a": "2026-01-01"}
    assert (counts.kept_counts, counts.left_out_counts) == ({"a": 3}, {"b": 3})


def test_a_place_is_known_by_its_longer_texts_or_by_all():
    counts = PlaceCounts()
    numbers = [counts.path_number(path) for path in "abc"]
    for _ in range(5):
        counts.count_page("2026-01-01", {"a"}, {"b"})
        counts.count_all_texts("2026-01-01", {"b"}, {"a", "b", "c"})
    assert counts.article_places() == {numbers[0]: ("a", 5, 5), numbers[1]: ("b", 5, 5)}


def test_places_need_pages_and_share():
    assert find_body_paths({"a": 8, "b": 4, "c": 7}, {"a": 2, "c": 3}) == {"a": (8, 10)}


def key(text, kind="paragraph", number=5):
    return text_key(text, text_template(text), number, BLOCK_KINDS.index(kind))


def test_texts_that_differ_in_what_varies_have_one_key():
    assert key("Published in issue 45, August 1999", number=1) == key("Published in issue 7, May 2001", number=2)
    assert key("Published in issue 45") != key("Printed in issue 45")


def test_a_text_in_which_nothing_varies_has_its_own_number():
    assert key("More from the blog of whales", number=3) == 3


@pytest.mark.parametrize("kind", ["table", "code"])
def test_the_numbers_of_tables_and_code_are_what_they_say(kind):
    assert key("Total | 45", kind, number=4) == 4


def test_what_was_met_twice_is_named_and_of_the_rest_little():
    source = random.Random(7)
    numbers = [source.getrandbits(63) for _ in range(4_000)]
    seen_twice = SeenTwice(4_000)
    seen_twice.add(numbers)
    seen_twice.add(numbers[:100])
    assert all(number in seen_twice for number in numbers[:100])
    assert sum(number in seen_twice for number in numbers[100:]) < 2_000


def test_meeting_often_is_as_meeting_twice():
    seen_twice = SeenTwice(1)
    for _ in range(300):
        seen_twice.add([5])
    assert 5 in seen_twice
    assert 6 not in seen_twice


@pytest.mark.parametrize(
    ("flags", "text", "words", "is_restorable", "is_needed"),
    [
        (IS_LEFT_OUT, "two words", 2, True, True),
        (IS_LEFT_OUT, "one", 1, False, False),
        (IS_LEFT_OUT, "http://a.test", 1, True, True),
        (IS_LEFT_OUT, "https://a.test", 0, True, True),
        (IS_LEFT_OUT, "see https://a.test", 1, False, False),
        (IS_LEFT_OUT | IS_SHARED, "x", 8, True, True),
        (IS_LEFT_OUT | IS_SHARED, "https://a.test", 7, False, False),
        (IS_LEFT_OUT | IS_KEPT_ELSEWHERE, "x", 1, False, True),
        (IS_KEPT, "x", 9, False, True),
        (IS_SHARED, "x", 9, False, False),
    ],
)
def test_a_block_comes_back_by_its_words_or_as_an_address(flags, text, words, is_restorable, is_needed):
    assert (_is_restorable(flags, text, words), _is_needed(flags, text, words)) == (is_restorable, is_needed)
