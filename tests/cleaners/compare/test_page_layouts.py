"""Layouts of pages: signatures in common, and groups of alike ones."""

from __future__ import annotations

import random

import pytest

from broadsheet.cleaners.compare.page_layouts import (
    MAX_HASHES,
    MIN_SIMILARITY,
    group_signatures,
    layout_signature,
    pack_signature,
    signature_similarity,
    unpack_signature,
)
from broadsheet.cleaners.page.elements import index_tags
from broadsheet.cleaners.page.parsed_page import parse


def signature(names: range, *more: int) -> bytes:
    return pack_signature(sorted({*names, *more}))


def grouped_by_all_pairs(signatures: list[bytes]) -> list[list[bytes]]:
    """The same by comparing everything with everything."""
    groups = [{one} for one in set(signatures)]
    merged = True
    while merged:
        merged = False
        for number, group in enumerate(groups):
            for other in groups[number + 1 :]:
                pairs = ((unpack_signature(a), unpack_signature(b)) for a in group for b in other)
                if any(signature_similarity(a, b) >= MIN_SIMILARITY for a, b in pairs):
                    group |= other
                    groups.remove(other)
                    merged = True
                    break
    return sorted(sorted(group) for group in groups)


def test_a_page_between_two_joins_them():
    first, middle, last = signature(range(40)), signature(range(3, 43)), signature(range(6, 46))
    assert signature_similarity(unpack_signature(first), unpack_signature(last)) < MIN_SIMILARITY
    assert len(group_signatures([first, last])) == 2
    assert len(group_signatures([last, middle, first])) == 1
    assert group_signatures([]) == []
    alike, near, far = signature(range(20)), signature(range(17)), signature(range(16))
    assert group_signatures([alike, near]) == [sorted([alike, near])]
    assert group_signatures([alike, far]) == sorted([[alike], [far]])


@pytest.mark.slow
def test_groups_are_those_of_all_pairs_in_any_order():
    dice = random.Random(4)
    for _ in range(20):
        bases = [dice.sample(range(2**32), dice.choice([8, 30, 90])) for _ in range(4)]
        signatures = []
        for base in bases:
            for _ in range(12):
                kept = [name for name in base if dice.random() > 0.06]
                signatures.append(pack_signature(sorted({*kept, *dice.sample(range(2**32), dice.randint(0, 3))})))
        expected = grouped_by_all_pairs(signatures)
        assert group_signatures(signatures) == expected
        dice.shuffle(signatures)
        assert group_signatures(signatures) == expected


PAGE = """<html><body class="single post-{number}"><header id="top"><nav class="menu main">
    <a class="item" href="/">Home</a></nav></header>
    <article id="post-{number}" class="entry"><h1 class="title">{words}</h1><p>{words}</p>
    <div class="meta"><time>May</time></div></article><footer class="foot"><p class="small">2024</p></footer></body>"""


def signature_of(html: str) -> frozenset[int]:
    tree = parse(html)
    assert tree is not None
    return unpack_signature(layout_signature(index_tags(tree)))


def test_words_and_numbers_make_no_difference():
    first = signature_of(PAGE.format(number=12, words="The mill burned down"))
    assert first == signature_of(PAGE.format(number=7, words="Rain"))
    assert len(first) == 12
    other = signature_of(PAGE.format(number=1, words="a").replace("entry", "teaser").replace("meta", "more"))
    assert signature_similarity(first, other) == 10 / 14


def test_spaces_around_names_and_an_empty_identity_make_no_difference():
    names = "<p class='{0}a{0}b {0}'></p><p id='{0}c{0}'></p><p class=d></p><p class=e></p><p class=f></p>{1}"
    plain = signature_of(names.format("", "").replace("ab", "a b"))
    assert len(plain) == 6
    assert signature_of(names.format(" ", "<p id=''></p>")) == plain


def test_a_page_with_hardly_a_name_has_no_signature():
    assert signature_of("<p class=a>x</p><script class='a b c d e f g h'></script>") == frozenset()


def test_a_large_page_is_sketched():
    names = [f"n{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(600)]

    def page(chosen: list[str]) -> frozenset[int]:
        return signature_of("".join(f"<div class='{name}'>x</div>" for name in chosen))

    first, other = page(names[:550]), page(names[50:])
    assert len(first) == len(other) == MAX_HASHES
    assert abs(signature_similarity(first, other) - 500 / 600) < 0.08


@pytest.mark.parametrize(("names", "hashes"), [(5, 0), (6, 6), (128, 128), (129, 128)])
def test_a_signature_has_six_names_at_least_and_a_hundred_and_twenty_eight_at_most(names, hashes):
    classes = (f"{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(names))
    assert len(signature_of("".join(f"<div class='{name}'>x</div>" for name in classes))) == hashes


def test_pages_that_share_their_rarest_names_alone_are_no_group():
    one, other = signature(range(40), 90), signature(range(100, 140), 90)
    assert group_signatures([one, other]) == sorted([[one], [other]])
