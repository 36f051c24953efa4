"""layout_groups: connected components of alike signatures, whatever the order."""

import random

import pytest

from broadsheet.cleaners.compare.layout_groups import MIN_SIMILARITY, group_signatures, signature_similarity
from broadsheet.cleaners.html.layout_signature import pack_signature, unpack_signature


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


def test_alike_pages_are_one_group_and_others_are_not() -> None:
    one, alike, other = signature(range(40)), signature(range(40), 90), signature(range(100, 140))
    assert group_signatures([one, alike, other]) == sorted([sorted([one, alike]), [other]])


def test_a_page_between_two_joins_them() -> None:
    first, middle, last = signature(range(40)), signature(range(3, 43)), signature(range(6, 46))
    assert signature_similarity(unpack_signature(first), unpack_signature(last)) < MIN_SIMILARITY
    assert len(group_signatures([first, last])) == 2
    assert len(group_signatures([last, middle, first])) == 1


@pytest.mark.slow
def test_groups_are_those_of_all_pairs_in_any_order() -> None:
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


def test_nothing_gives_no_group() -> None:
    assert group_signatures([]) == []
