"""Features of lines of plain text for the line model: one row a line, one column a feature.

There is no markup. Features are a line's length, characters and ending, the words that it has in common with the text's
own paragraphs, the rules' verdict on it, its position, and the same of the lines around it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from ..document import Column, Columns, RemovalReason, Verdict
from ..judge.characters import DIGIT, END, IDEOGRAPH, LETTER, MARK, OTHER, PAUSE, UPPER, Characters, count_characters
from ..judge.page_columns import neighbour_values, previous_marked, signed_log, window_sums
from .text_lines import TextLines

_MAX_DISTANCE = 200  # lines; larger distances count as this one
_MAX_COPIES = 9
_LONG_WORD = re.compile(r"\w{4,}")
_WORD = re.compile(r"\w+")
_IDEOGRAPH_PAIR = re.compile(r"[\u2e80-\ud7ff]{2}")
_BULLET = re.compile(r"[-–—•·*»›▪■●]\s|\d{1,2}[.)]\s")
_BARS = re.compile(r"[|»›•·/]")
_TIME = re.compile(r"\b\d{1,2}[:h.]\d{2}\b|\b(?:19|20)\d{2}\b")


def line_features(
    text: TextLines, rule_verdicts: Sequence[Verdict], title_index: int | None
) -> tuple[list[str], Column]:
    """Compute the features: return their names, and a row of values for each line. The text must have a line.

    `rule_verdicts` are those of the rules and of the order of lines; `title_index` is the title's line by them.
    """
    counts = count_characters([block.text for block in text.blocks])
    is_prose = np.array([shape == "P" for shape in text.shapes], float)
    is_kept = np.array([verdict.kept for verdict in rule_verdicts], float)
    columns = _character_columns(text, counts) | _shape_columns(text) | _rule_columns(rule_verdicts)
    columns |= _likeness_columns(text, is_prose * is_kept, title_index)
    columns |= _neighbour_columns(counts.words, is_prose, is_kept, columns)
    columns |= _position_columns(counts.words, is_prose, is_kept, title_index) | _text_columns(
        counts.words, is_prose, is_kept, columns
    )
    return list(columns), np.stack([column.astype(np.float32) for column in columns.values()], axis=1)


def _character_columns(text: TextLines, counts: Characters) -> Columns:
    word_counts = counts.words
    words_by_line = [_WORD.findall(block.text) for block in text.blocks]
    divisors = np.array([max(len(line_words), 1) for line_words in words_by_line])
    lines = [block.text for block in text.blocks]
    return {
        "words": np.log1p(word_counts),
        "chars": np.log1p(counts.length),
        "digits": counts.class_share(DIGIT),
        "capitals": counts.class_share(UPPER),
        "marks": counts.class_share(MARK, OTHER),
        "ideographs": counts.class_share(IDEOGRAPH),
        "ends": counts.class_counts[:, END],
        "ends_a_word": counts.class_counts[:, END] / word_counts,
        "pauses_a_word": counts.class_counts[:, PAUSE] / word_counts,
        "word_chars": counts.length / word_counts,
        "ends_sentence": counts.last_class == END,
        "begins_capital": counts.first_class == UPPER,
        "begins_lower": counts.first_class == LETTER,
        "begins_digit": counts.first_class == DIGIT,
        "small_words": np.array([sum(word.islower() for word in line_words) for line_words in words_by_line])
        / divisors,
        "short_words": np.array([sum(len(word) <= 3 for word in line_words) for line_words in words_by_line])
        / divisors,
        "bullet": np.array([_BULLET.match(line) is not None for line in lines]),
        "bars": np.array([len(_BARS.findall(line)) for line in lines]),
        "times": np.array([len(_TIME.findall(line)) for line in lines]),
        "colon": np.array([line.endswith((":", "：")) for line in lines]),
        "quoted": np.array([line[0] in '"“„«‘「『' for line in lines]),
        "address": np.array(["@" in line or "://" in line or "www." in line for line in lines]),
    }


def _shape_columns(text: TextLines) -> Columns:
    return {f"shape_{shape}": np.array([line_shape == shape for line_shape in text.shapes]) for shape in "PCDSRH"}


def _rule_columns(rule_verdicts: Sequence[Verdict]) -> Columns:
    voters_and_rules = [(verdict.votes[0].voter if verdict.votes else "", verdict.rule) for verdict in rule_verdicts]
    return {
        "judged": np.array([verdict.kept for verdict in rule_verdicts]),
        "ruled": np.array([voter == "rule" for voter, _ in voters_and_rules]),
        "under": np.array([rule.startswith("text/under") for _, rule in voters_and_rules]),
        "tail": np.array([rule in ("text/tail-line", "text/before-title") for _, rule in voters_and_rules]),
        "copy": np.array([verdict.reason == RemovalReason.DUPLICATE for verdict in rule_verdicts]),
    }


def _likeness_columns(text: TextLines, is_kept_prose: Column, title_index: int | None) -> Columns:
    """Count words in common with kept paragraphs and the title, and copies of the line and of its first two words."""
    terms_by_line = [_line_terms(line) for line in text.folded_lines]
    body_counts: Counter[str] = Counter()
    for line_terms, own_count in zip(terms_by_line, is_kept_prose.tolist(), strict=True):
        if own_count:
            body_counts.update(line_terms)
    title_terms = terms_by_line[title_index] if title_index is not None else frozenset()
    line_counts = Counter(text.folded_lines)
    beginning_counts = Counter(" ".join(line.split()[:2]) for line in text.folded_lines)
    term_counts = np.array([max(len(line_terms), 1) for line_terms in terms_by_line])
    body_term_counts = [
        sum(body_counts[term] > own_count for term in line_terms)
        for line_terms, own_count in zip(terms_by_line, is_kept_prose.tolist(), strict=True)
    ]
    return {
        "body_share": np.array(body_term_counts) / term_counts,
        "title_share": np.array([len(line_terms & title_terms) for line_terms in terms_by_line]) / term_counts,
        "title_told": np.array([len(line_terms & title_terms) for line_terms in terms_by_line])
        / max(len(title_terms), 1),
        "copies": np.minimum([line_counts[line] for line in text.folded_lines], _MAX_COPIES),
        "alike": np.minimum([beginning_counts[" ".join(line.split()[:2])] for line in text.folded_lines], _MAX_COPIES),
    }


def _line_terms(folded_line: str) -> frozenset[str]:
    """Return the words that lines are compared by: those of four letters or more, and pairs of ideographs."""
    return frozenset(_LONG_WORD.findall(folded_line)) | frozenset(_IDEOGRAPH_PAIR.findall(folded_line))


def _neighbour_columns(word_counts: Column, is_prose: Column, is_kept: Column, line_columns: Columns) -> Columns:
    """Return values of single lines before and after each line, and of windows of lines around it."""
    columns: Columns = {}
    log_words = np.log1p(word_counts)
    ends_sentence, is_ruled = line_columns["ends_sentence"].astype(float), line_columns["ruled"].astype(float)
    for step in (-3, -2, -1, 1, 2, 3):
        columns[f"words_{step:+d}"] = neighbour_values(log_words, step, -1)
    for step in (-2, -1, 1, 2):
        columns[f"ends_{step:+d}"] = neighbour_values(ends_sentence, step, -1)
        columns[f"judged_{step:+d}"] = neighbour_values(is_kept, step, -1)
        columns[f"ruled_{step:+d}"] = neighbour_values(is_ruled, step)
        columns[f"times_{step:+d}"] = neighbour_values(line_columns["times"].astype(float), step)
    for reach in (3, 8, 20):
        near_words = window_sums(word_counts, reach)
        columns[f"near{reach}_words"] = np.log1p(near_words)
        columns[f"near{reach}_prose"] = window_sums(word_counts * is_prose, reach) / near_words
        columns[f"near{reach}_judged"] = window_sums(word_counts * is_kept, reach) / near_words
        columns[f"near{reach}_ruled"] = window_sums(is_ruled, reach) / window_sums(np.ones(len(word_counts)), reach)
        columns[f"near{reach}_short"] = window_sums((word_counts < 6).astype(float), reach) / window_sums(
            np.ones(len(word_counts)), reach
        )
        columns[f"near{reach}_body"] = window_sums(word_counts * line_columns["body_share"], reach) / near_words
    return columns


def _position_columns(word_counts: Column, is_prose: Column, is_kept: Column, title_index: int | None) -> Columns:
    """Return each line's position in the text, and its distance from kept prose, the title and the nearest prose."""
    positions, kept_words = np.arange(len(word_counts)), word_counts * is_kept
    body = np.flatnonzero((is_prose > 0) & (is_kept > 0))
    body = body if len(body) else np.flatnonzero(is_kept)
    first_body, last_body = (int(body[0]), int(body[-1])) if len(body) else (0, len(word_counts) - 1)
    prose_mask = is_prose > 0
    prose_above, prose_below = previous_marked(prose_mask), len(positions) - 1 - previous_marked(prose_mask[::-1])[::-1]
    # Count the words of each run of prose lines, or of other lines.
    starts = np.flatnonzero(np.diff(is_prose, prepend=-1))
    run_numbers = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(is_prose)))
    run_words: Column = np.bincount(run_numbers, word_counts)[run_numbers]
    return {
        "place": positions / len(positions),
        "from_top": np.log1p(positions),
        "from_end": np.log1p(len(positions) - 1 - positions),
        "words_before": (np.cumsum(word_counts) - word_counts) / word_counts.sum(),
        "judged_before": (np.cumsum(kept_words) - kept_words) / max(kept_words.sum(), 1),
        "from_first": signed_log(positions - first_body),
        "from_last": signed_log(positions - last_body),
        "from_title": signed_log(positions - title_index) if title_index is not None else np.full(len(positions), -9),
        "since_prose": np.log1p(
            np.where(prose_above < 0, _MAX_DISTANCE, np.minimum(positions - prose_above, _MAX_DISTANCE))
        ),
        "until_prose": np.log1p(
            np.where(prose_below >= len(positions), _MAX_DISTANCE, np.minimum(prose_below - positions, _MAX_DISTANCE))
        ),
        "run_words": np.log1p(run_words),
    }


def _text_columns(word_counts: Column, is_prose: Column, is_kept: Column, line_columns: Columns) -> Columns:
    """Return values of the whole text, the same for each line."""
    totals = {
        "all_lines": np.log1p(len(word_counts)),
        "all_words": np.log1p(word_counts.sum()),
        "all_prose": (word_counts * is_prose).sum() / word_counts.sum(),
        "all_judged": (word_counts * is_kept).sum() / word_counts.sum(),
        "all_short": (word_counts < 6).mean(),
        "all_ruled": line_columns["ruled"].mean(),
        "all_ends": line_columns["ends_sentence"].mean(),
    }
    return {name: np.full(len(word_counts), total) for name, total in totals.items()}
