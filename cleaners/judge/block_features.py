"""Features of a page's blocks, and the judge: how likely each block is the article's, from the page alone.

A feature table has one row a block and one column a feature. Characters are counted over all blocks at once, and
features of a block's location in the markup are computed once a location, so that a page costs a few milliseconds.

The judge is three models. The first look's trees see the features. Those of the second look see them too, and the first
look's chances around each block. A network sees the page as a whole. The log-odds of a block are the mean of second
look and network.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import repeat
from typing import NamedTuple

import numpy as np

from ..document import Block, BlockKind, Column, Columns, Metadata, Outlink, Page
from ..page.elements import TagIndex
from ..page.page_context import PageContext
from ..page.page_images import PicturePlaces
from ..page.running_text import common_step_count
from .characters import DIGIT, END, IDEOGRAPH, MARK, OTHER, PAUSE, UPPER
from .hashed_words import word_columns
from .headline_blocks import find_title_line
from .page_columns import (
    PageColumns,
    group_means,
    group_sums,
    leave_one_out_means,
    neighbour_values,
    previous_marked,
    read_page_columns,
    signed_log,
    window_sums,
)  # fmt: skip
from .page_network import block_graph, load_network
from .site_rules import NO_FINDINGS, SiteFindings
from .tree_models import FIRST_LOOK_MODEL, SECOND_LOOK_MODEL, expected_f1, log_odds

_NO_LINE = -9  # the distance to a line that the page does not have
_SHORT_WORDS = 80  # a longer block is not compared with title and description
_MOST_COPIES = 9
_REMEMBERED_TEXTS = 1024
_FEATURE_KINDS = (
    BlockKind.PARAGRAPH,
    BlockKind.HEADING,
    BlockKind.LIST_ITEM,
    BlockKind.QUOTE,
    BlockKind.CODE,
    BlockKind.CAPTION,
)
_KIND_NUMBERS = {kind: n for n, kind in enumerate(_FEATURE_KINDS)}
_WORD = re.compile(r"\w+")


class MeasuredPage(NamedTuple):
    """Page's columns, and its features: their names, and a row for each block."""

    page: PageColumns
    names: tuple[str, ...]
    rows: Column


def measure_page(blocks: Sequence[Block], metadata: Metadata) -> MeasuredPage:
    """Compute the features that need only the page. The page must have at least one block."""
    page = read_page_columns(blocks, metadata)
    features = _page_only_columns(page)
    return MeasuredPage(page, tuple(features), _table(features))


def with_chances(measured: MeasuredPage, log_odds: Column) -> MeasuredPage:
    """Add the features of the first look's chances on and around each block; `log_odds` are these chances'."""
    features = chance_features(measured.page, log_odds)
    names, rows = (*measured.names, *features), np.concatenate((measured.rows, _table(features)), axis=1)
    return MeasuredPage(measured.page, names, rows)


SURE_OF_PAGE_F1 = 0.85
"""The expected F1 (see `page_f1`) from which the judge is sure of a page."""

_EXTRACTED_ODDS, _LEFT_OUT_ODDS, _LEAST_CHANCE = 0.6, -1.4, 3e-4
"""What the extractor's choice adds to the log-odds of blocks on pages of which the judge is unsure, as fitted there."""
_LOST_F1, _EXTRACTED_CHANCE, _LEFT_OUT_CHANCE = 0.75, 0.8, 0.15
"""The expected F1 below which the extractor's choice is taken, and the chances that its blocks and others have then: on
38 such pages of 2,971, judged by models that saw no page of the host, it was better."""

_HALF = 0.5
_PLAIN = 0.2
"""The probability below which a block is plain boilerplate. Hundreds of links of .03 each would look like lost text:
they alone put 59 of 349 annotated pages in doubt."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Judgement of a page: each block's probability to be the article's, 0 to 1, and the F1 expected of the best
    choice, plain boilerplate left out.
    """

    probabilities: Column
    expected_f1: float

    @property
    def is_sure(self) -> bool:
        """Return whether the judge is sure of the page as a whole."""
        return self.expected_f1 >= SURE_OF_PAGE_F1

    @property
    def selected_positions(self) -> frozenset[int]:
        """Return the positions of the blocks that more likely than not belong to the article."""
        return frozenset(np.flatnonzero(self.probabilities >= _HALF).tolist())


@dataclass(frozen=True, slots=True)
class Reading:
    """Reading of a page before rules give their reasons.

    `context` is the parsed page with its statements. `base` is the URL that its relative links are resolved against.
    `findings` are those of the rules for its host. `extracted` are the positions of the blocks that the extractor
    selected; None where it was not asked. `picture_places` has the number of blocks before each picture.
    """

    page: Page
    context: PageContext
    base: str
    blocks: tuple[Block, ...]
    metadata: Metadata
    outlinks: tuple[Outlink, ...] = ()
    robots: tuple[str, ...] = ()
    findings: SiteFindings = NO_FINDINGS
    judgement: Judgement = Judgement(np.zeros(0), 0.0)
    extracted: frozenset[int] | None = None
    picture_places: PicturePlaces = field(default_factory=dict)

    @property
    def index(self) -> TagIndex:
        """Return the parsed page's elements by tag."""
        return self.context.tag_index

    @property
    def selected(self) -> frozenset[int]:
        """Return the positions of the blocks that look like the article."""
        return self.judgement.selected_positions


def _table(columns: Columns) -> Column:
    rows = np.empty((len(next(iter(columns.values()))), len(columns)), np.float32, order="F")
    for n, column in enumerate(columns.values()):
        rows[:, n] = column
    return rows


def _page_only_columns(page: PageColumns) -> Columns:
    features: Columns = {}
    for compute in (
        _text_columns,
        _kind_columns,
        context_features,
        _likeness_columns,
        _title_columns,
        _page_size_columns,
    ):
        features |= compute(page)
    return features | word_columns(page.blocks)


def _text_columns(page: PageColumns) -> Columns:
    characters, words = page.characters, page.words
    return {
        "words": page.log_words,
        "chars": np.log1p(characters.length),
        "links": page.link_density,
        "digits": characters.class_share(DIGIT),
        "capitals": characters.class_share(UPPER),
        "marks": characters.class_share(MARK, OTHER),
        "ends": characters.class_counts[:, END],
        "ends_a_word": characters.class_counts[:, END] / words,
        "pauses_a_word": characters.class_counts[:, PAUSE] / words,
        "word_chars": characters.class_counts[:, DIGIT : IDEOGRAPH + 1].sum(axis=1) / words,
        "ends_sentence": characters.last_class == END,
        "begins_capital": characters.first_class == UPPER,
        "begins_digit": characters.first_class == DIGIT,
    }


def _kind_columns(page: PageColumns) -> Columns:
    kinds = np.array(list(map(_KIND_NUMBERS.get, [block.kind for block in page.blocks], repeat(-1))))
    return {f"kind_{kind}": kinds == n for kind, n in _KIND_NUMBERS.items()} | {
        "level": np.array([block.level for block in page.blocks]),
        **page.markup.label_columns,
    }


def _likeness_columns(page: PageColumns) -> Columns:
    """Count words shared with title and description, as shares of theirs and the block's, and copies of the block."""
    texts = [block.text for block in page.blocks]
    counts, earlier_counts = Counter(texts), Counter[str]()
    copies, earlier_copies = [counts[text] for text in texts], [0] * len(texts)
    for n, text in enumerate(texts):
        if copies[n] > 1:
            earlier_copies[n] = earlier_counts[text]
            earlier_counts[text] += 1
    features = {"copies": np.minimum(copies, _MOST_COPIES), "copies_before": np.minimum(earlier_copies, _MOST_COPIES)}
    title, description = (
        frozenset(_WORD.findall(text.lower())) for text in (page.metadata.title, page.metadata.description)
    )
    metadata_words = title | description
    overlaps: list[tuple[int, int, int, int]] = []  # position, words of the title, of the description, and all words
    for n in np.flatnonzero(page.words < _SHORT_WORDS).tolist() if metadata_words else ():
        block_words = _words_of(texts[n])
        if not metadata_words.isdisjoint(block_words):
            in_title, in_description = title.intersection(block_words), description.intersection(block_words)
            overlaps.append((n, len(in_title), len(in_description), len(block_words)))
    positions, title_overlaps, description_overlaps, sizes = np.array(overlaps, np.int64).reshape(-1, 4).T
    for name, overlap, field_words in (
        ("title", title_overlaps, title),
        ("description", description_overlaps, description),
    ):
        shares = np.zeros((2, len(texts)))
        shares[:, positions] = overlap / max(len(field_words), 1), overlap / sizes
        features |= {f"{name}_told": shares[0], f"{name}_share": shares[1]}
    return features


@lru_cache(maxsize=_REMEMBERED_TEXTS)
def _words_of(text: str) -> tuple[str, ...]:
    """Return a short text's words, each once, in lower case; cached, since menus recur on the next page."""
    return tuple(set(text.lower().split()))


def _title_columns(page: PageColumns) -> Columns:
    """Return a block's signed distance from the line that repeats the title, and from the first `h1` heading."""
    title_position = find_title_line(page.blocks, page.metadata)
    no_line = np.full(len(page.blocks), _NO_LINE)
    heading_position = next((b.position for b in page.blocks if b.kind is BlockKind.HEADING and b.level == 1), None)
    return {
        "from_title": no_line if title_position is None else signed_log(page.positions - title_position),
        "from_h1": no_line if heading_position is None else signed_log(page.positions - heading_position),
    }


def _page_size_columns(page: PageColumns) -> Columns:
    words = page.words
    values = {
        "page_blocks": np.log1p(len(words)),
        "page_words": np.log1p(words.sum()),
        "page_links": (words * page.link_density).sum() / words.sum(),
        "page_prose": np.log1p((words * page.is_prose).sum()),
    }
    return {name: np.full(len(words), value) for name, value in values.items()}


def judge_page(blocks: Sequence[Block], metadata: Metadata) -> Judgement:
    """Return the models' judgement of a page's blocks. For a page without blocks they are not sure."""
    if not blocks:
        return Judgement(np.zeros(0), 0.0)
    measured = measure_page(blocks, metadata)
    first_odds = log_odds(measured.names, measured.rows, FIRST_LOOK_MODEL)
    looked_again = with_chances(measured, first_odds)
    second_odds = log_odds(looked_again.names, looked_again.rows, SECOND_LOOK_MODEL)
    network_odds = load_network().log_odds(measured.names, measured.rows, block_graph([measured.page.markup]))
    return judgement(measured.page.words, judged_chances(second_odds, network_odds))


def judged_chances(second_odds: Column, network_odds: Column) -> Column:
    """Combine the log-odds of the second look and the network into probabilities."""
    probabilities: Column = 1 / (1 + np.exp(-(second_odds + network_odds) / 2))
    return probabilities


def judgement(words: Column, probabilities: Column) -> Judgement:
    """Return the judgement of blocks, given the words and the probability of each."""
    return Judgement(probabilities, page_f1(words, probabilities))


def hear_extractor(reading: Reading, extracted: frozenset[int]) -> Reading:
    """Return the reading with the extractor's selection, which shifts the chances where the judge is unsure."""
    own = reading.judgement
    if own.is_sure or not extracted:
        return replace(reading, extracted=extracted)
    is_extracted = np.zeros(len(reading.blocks), bool)
    is_extracted[list(extracted)] = True
    probabilities = np.clip(own.probabilities, _LEAST_CHANCE, 1 - _LEAST_CHANCE)
    odds = np.log(probabilities / (1 - probabilities)) + np.where(is_extracted, _EXTRACTED_ODDS, _LEFT_OUT_ODDS)
    moved = 1 / (1 + np.exp(-odds))
    if own.expected_f1 < _LOST_F1:
        moved = np.where(is_extracted, _EXTRACTED_CHANCE, _LEFT_OUT_CHANCE)
    words = np.array([block.words for block in reading.blocks])
    return replace(reading, extracted=extracted, judgement=judgement(words, moved))


def page_f1(words: Column, probabilities: Column) -> float:
    """Return the F1 expected of the best choice of blocks, as `expected_f1` does, plain boilerplate left out."""
    return expected_f1(words, np.where(probabilities < _PLAIN, 0, probabilities))


# Features of a block's surroundings: path, containers, neighbours, and the chances of the blocks there.


def context_features(page: PageColumns) -> Columns:
    """Compute all columns of a block's surroundings that need only the page, by name."""
    features: Columns = {}
    for compute in (
        _group_features, _container_features, _main_location_features, _neighbour_features, _window_features,
    ):  # fmt: skip
        features |= compute(page)
    return features


def _group_features(page: PageColumns) -> Columns:
    """Compute means over blocks of the same path: by tags and classes, by tags alone, by its last two steps."""
    features: Columns = {}
    for name, group in (("path", page.markup.path), ("tags", page.markup.tags), ("leaf", page.markup.leaf)):
        sizes = np.bincount(group)
        for quantity, column in (("links", page.link_density), ("words", page.log_words)):
            features[f"{name}_{quantity}"] = (np.bincount(group, column) / sizes)[group]
        features[f"{name}_count"] = np.log1p(sizes - 1)[group]
    return features


def _container_features(page: PageColumns) -> Columns:
    """Count words, links and blocks of the containers around a block, one, two and three steps up."""
    features: Columns = {}
    words = page.words
    for up, group in enumerate(page.markup.containers, 1):
        features[f"up{up}_words"] = (group_sums(group, words) - words) / words.sum()
        features[f"up{up}_links"] = group_means(group, words, page.link_density)
        features[f"up{up}_count"] = np.log1p(np.bincount(group)[group])
    return features


def _main_location_features(page: PageColumns) -> Columns:
    """Measure a block's depth in the markup, and its steps up and down from the location with the most prose."""
    paths, location = page.markup.location_steps, page.markup.location
    main_location = int(np.bincount(location, page.words * page.is_prose).argmax())
    common_steps = np.array([common_step_count(path, paths[main_location]) for path in paths])
    depths = np.array([len(path) for path in paths])
    return {
        "depth": depths[location],
        "main_up": (depths[main_location] - common_steps)[location],
        "main_down": (depths - common_steps)[location],
    }


def _neighbour_features(page: PageColumns) -> Columns:
    features: Columns = {}
    parent = page.markup.containers[0]
    for step in (-3, -2, -1, 1, 2, 3):
        features[f"words_{step:+d}"] = neighbour_values(page.log_words, step)
    for step in (-2, -1, 1, 2):
        features[f"links_{step:+d}"] = neighbour_values(page.link_density, step)
    for step in (-1, 1):
        features[f"heading_{step:+d}"] = neighbour_values(page.is_heading, step)
        features[f"same_parent_{step:+d}"] = neighbour_values(parent, step, -1) == parent
    return features


def _window_features(page: PageColumns) -> Columns:
    """Measure words and links within 5 and 12 blocks, the nearest heading above, and the block's place in the page."""
    features: Columns = {}
    for reach in (5, 12):
        words = window_sums(page.words, reach)
        features[f"near{reach}_words"] = np.log1p(words)
        features[f"near{reach}_links"] = window_sums(page.words * page.link_density, reach) / words
    heading, positions = previous_marked(page.is_heading), page.positions
    for name, column in (("links", page.link_density), ("words", page.log_words)):
        features[f"heading_{name}"] = np.where(heading < 0, -1, column[heading])
    features["heading_distance"] = np.where(heading < 0, -1, np.log1p(positions - heading))
    return features | {
        "words_before": (np.cumsum(page.words) - page.words) / page.words.sum(),
        "place": positions / len(positions),
    }


_NO_BLOCK = -8.0  # log-odds that stand for a block that is not there
_LONG_WORDS, _HALF = 15, 0.5  # of a block that the text may begin or end with, and its chance


def chance_features(page: PageColumns, log_odds: Column) -> Columns:
    """Compute the columns of the first look's chances on and around a block, by name; `log_odds` are those chances'."""
    chances, weights = 1 / (1 + np.exp(-log_odds)), page.words + 1.0
    hits, reads_like_text = weights * chances, (page.words > _LONG_WORDS) & (chances > _HALF)
    features: Columns = {"odds": log_odds}
    for step in (-1, 1, -2, 2, -3, 3, -4, 4):
        features[f"odds_{step:+d}"] = neighbour_values(log_odds, step, _NO_BLOCK)
    groups = {"path": page.markup.path, "tags": page.markup.tags, "leaf": page.markup.leaf}
    groups |= {f"up{up}": group for up, group in enumerate(page.markup.containers, 1)}
    for name, group in groups.items():
        features[f"{name}_hits"] = leave_one_out_means(group, weights, chances)
        features[f"{name}_chance"] = leave_one_out_means(group, np.ones(len(weights)), chances)
    for reach in (5, 12, 30):
        features[f"near{reach}_hits"] = window_sums(hits, reach) / window_sums(weights, reach)
    text = np.flatnonzero(reads_like_text)
    start, end = (int(text[0]), int(text[-1])) if len(text) else (0, len(log_odds) - 1)
    values = {
        "page_hits": np.log1p(hits.sum()),
        "page_chance": hits.sum() / weights.sum(),
        "page_doubt": (hits * (1 - chances)).sum() / hits.sum(),
    }
    return features | {
        "hits_before": (np.cumsum(hits) - hits) / hits.sum(),
        "from_start": signed_log(page.positions - start),
        "from_end": signed_log(page.positions - end),
        **{name: np.full(len(log_odds), value) for name, value in values.items()},
    }
