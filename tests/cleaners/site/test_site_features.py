"""What the other pages of a layout do at a block's place, as numbers: worked out by hand, and in any order."""

import random
from itertools import pairwise

import numpy as np
import pytest

from broadsheet.cleaners.judge.tree_models import SITE_MODEL, load_trees, predict
from broadsheet.cleaners.site.site_features import SITE_FEATURES, BlockColumns, PlaceTotals, place_use, site_features

COLUMN = {name: number for number, name in enumerate(SITE_FEATURES)}


def judged(*blocks, block_count=10):
    """Blocks of (position, chance, words, linked thousandths, kept, shared, heading)."""
    return BlockColumns(block_count, *np.array(blocks, np.int64).T)


BODY, NOTE, BOX = (0, 9), (1, 9), (2, 8)  # numbers of place and container
PAGE = judged((2, 250, 40, 0, 1, 0, 0), (5, 100, 10, 500, 0, 1, 0), (7, 20, 60, 1000, 0, 0, 1))
PLACES = np.array([BODY, NOTE, BOX])


def features_of(page, places, *others, is_counted=True):
    totals, use = PlaceTotals(), place_use(places, page)
    for other in [*others, *([(page, places)] if is_counted else [])]:
        totals.add_page(place_use(other[1], other[0]))
    return site_features(page, use, totals, len(others) + is_counted, is_counted=is_counted)


def test_what_a_page_does_at_its_places_is_weighed_by_words():
    use = place_use(PLACES, PAGE)
    assert use.numbers.tolist() == [0, 1, 2, 8, 9]
    assert use.kept_shares.tolist() == [1000, 0, 0, 0, 800]  # of the 50 words in the container 40
    assert use.chances.tolist() == [980, 392, 78, 78, 862]
    assert use.of_block.tolist() == [[0, 4], [1, 4], [2, 3]]


@pytest.mark.parametrize("is_counted", [True, False])
def test_other_pages_count_and_the_page_itself_does_not(is_counted):
    other = judged((2, 255, 30, 0, 1, 0, 0), (5, 0, 20, 0, 0, 0, 0))
    rows = features_of(PAGE, PLACES, (other, np.array([BODY, NOTE])), is_counted=is_counted)
    assert rows[:, COLUMN["place_pages"]] == pytest.approx(np.log1p([1, 1, 0]))
    assert rows[:, COLUMN["place_kept"]].tolist() == [0.75, 0.25, 0.5]
    assert rows[:, COLUMN["place_chance"]].tolist() == [0.75, 0.25, 0.5]
    assert rows[:, COLUMN["container_kept"]] == pytest.approx([0.55, 0.55, 0.5])
    assert rows[:, COLUMN["place_chance_above"]].tolist() == [0, 0.75, 0.25]
    assert rows[:, COLUMN["place_chance_below"]].tolist() == [0.25, 0.5, 0]
    assert rows[0, COLUMN["layout_pages"]] == pytest.approx(np.log1p(1 + is_counted))


def test_what_the_block_itself_shows():
    rows = features_of(PAGE, PLACES)
    assert rows[0, COLUMN["log_odds"]] == pytest.approx(np.log(250 / 5), rel=1e-5)
    for name, values in {
        "kept": [1, 0, 0],
        "shared": [0, 1, 0],
        "heading": [0, 0, 1],
        "link_share": [0, 0.5, 1],
        "position": [0.2, 0.5, 0.7],
        "words": np.log1p([40, 10, 60]),
        "blocks_before_text": [0, 0, 0],
        "blocks_after_text": [0, 1, 2],
    }.items():
        assert rows[:, COLUMN[name]] == pytest.approx(values), name


def test_the_text_lies_between_what_is_surely_the_page_s_own_or_is_kept_at_all():
    shared = judged((0, 250, 9, 0, 1, 1, 0), (1, 250, 9, 0, 1, 0, 0), (2, 9, 9, 0, 0, 0, 0))
    unsure = judged((0, 9, 9, 0, 0, 0, 0), (1, 128, 9, 0, 1, 0, 0), (2, 9, 9, 0, 0, 0, 0))
    for page, before in ((shared, [1, 0, 0]), (unsure, [1, 0, 0])):
        rows = features_of(page, PLACES)
        assert rows[:, COLUMN["blocks_before_text"]].tolist() == before
        assert rows[:, COLUMN["blocks_after_text"]].tolist() == [0, 0, 1]


def test_neither_order_nor_numbers_of_pages_and_places_change_a_feature():
    chance = random.Random(1)
    pages = []
    for _ in range(12):
        blocks = [
            (n, *(chance.randrange(top) for top in (256, 80, 1001, 2, 2, 2))) for n in range(chance.randint(1, 9))
        ]
        places = [(chance.randrange(4), 4 + chance.randrange(2)) for _ in blocks]
        pages.append((judged(*blocks), np.array(places)))
    turned = [(page, 7 - places) for page, places in reversed(pages)]
    once = features_of(*pages[0], *pages[1:])
    assert np.array_equal(once, features_of(*turned[-1], *turned[:-1]))
    assert once.dtype == np.float32


def test_the_model_knows_these_features_and_hears_the_other_pages():
    assert load_trees(SITE_MODEL).feature_names == SITE_FEATURES
    kept, left_out = (judged((4, chance, 30, 0, kept, 0, 0)) for chance, kept in ((250, 1), (5, 0)))
    doubtful = judged((4, 128, 30, 0, 1, 0, 0))
    probabilities = [
        predict(
            list(SITE_FEATURES),
            features_of(doubtful, np.array([BODY]), *((page, np.array([BODY])) for page in pages)),
            SITE_MODEL,
        )[0]
        for pages in ([left_out] * 20, [left_out] * 10 + [kept] * 10, [kept] * 20)
    ]
    assert all(lower < higher for lower, higher in pairwise(probabilities)), probabilities
