"""How certain verdicts are, on made-up chances and on pages."""

import numpy as np
import pytest

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import Page, RemovalReason, Verdict, Vote
from broadsheet.cleaners.judge.certainty import Certainty, block_chances, certain_chance, certainty, expected_verdict_f1

KEPT, REMOVED = Verdict(True, "", ""), Verdict(False, "", "")


@pytest.mark.parametrize(
    ("words", "chances", "kept", "expected"),
    [
        ([99, 49], [255, 0], [True, False], 1),
        ([99, 49], [255, 0], [False, True], 0),
        ([9], [200], [False], 0),
        ([9], [], [True], None),
        ([9, 9], [1], [True, True], None),
    ],
    ids=["certain", "the opposite", "a text of nothing misses all", "unknown chances", "too few chances"],
)
def test_how_right_verdicts_are_expected_to_be(words, chances, kept, expected):
    assert expected_verdict_f1(words, bytes(chances), kept) == expected


def test_doubt_about_a_long_block_costs_more_than_about_a_short_one():
    long_doubt = expected_verdict_f1([99, 9], bytes([128, 255]), [True, True])
    short_doubt = expected_verdict_f1([99, 9], bytes([255, 128]), [True, True])
    assert long_doubt is not None
    assert short_doubt is not None
    assert long_doubt < short_doubt < 1


def test_a_duplicate_and_what_a_site_rule_judges_are_certain():
    by_site = [Verdict(kept, "", "site", (Vote("site", kept, "site"),)) for kept in (True, False)]
    verdicts = [KEPT, REMOVED, Verdict(False, RemovalReason.DUPLICATE, "context/duplicate"), *by_site]
    chances = block_chances(np.array([0.5, 0.2, 0.9, 0.3, 0.7]), verdicts)
    assert list(chances) == [128, 51, certain_chance(is_kept=False), certain_chance(is_kept=True), 0]


def test_a_plain_page_is_more_certain_than_one_of_fragments():
    story = "".join(f"<p>Paragraph {n} tells at length what the council did about the mill.</p>" for n in range(9))
    fragments = "".join(f"<div class='c{n}'><p>Item {n}, sold out</p><a href='/{n}'>More</a></div>" for n in range(30))
    expected = []
    for body in (f"<h1>The mill</h1><article>{story}</article>", fragments):
        cleaned = clean(Page("https://a.example/mill", f"<html><body>{body}</body></html>".encode()))
        words, kept = [block.words for block in cleaned.blocks], [verdict.kept for verdict in cleaned.verdicts]
        assert len(cleaned.chances) == len(cleaned.blocks)
        expected.append(expected_verdict_f1(words, cleaned.chances, kept))
    assert expected[0] is not None
    assert expected[1] is not None
    assert expected[0] > 0.9 > expected[1]


@pytest.mark.parametrize(
    ("expected_f1", "word"), [(0.93, "high"), (0.9299, "fair"), (0.8, "fair"), (0.7999, "low"), (1, "high"), (0, "low")]
)
def test_a_text_is_of_high_certainty_from_93_and_of_fair_from_80_on(expected_f1, word):
    assert certainty(expected_f1) is Certainty(word)
