"""Verdicts on lines of text: rules' verdicts combined with the line model's scores.

A text in which rules remove hardly any line is nearly clean already: there the model removes only what it is sure of.
In other texts (dumps of whole pages) the model decides, and the rules give the reasons.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ..document import BlockReason, Column, RemovalReason, Verdict, Vote, cast_vote
from ..judge.weighed_verdicts import MODEL_KEEPS, ONE_LINE_REASONS
from .text_lines import TextLines

# Thresholds are chances (0 to 1) from which a line is kept.
_CLEAN_LINES = 3  # a text with fewer lines that a rule removes is nearly clean; dumps of whole pages have 18 and more
_CLEAN_SHARE = 0.85  # so is one of whose words the model expects this share to be the article's
_CLEAN_KEEP = 0.1  # threshold in a nearly clean text for lines that the rules keep
_CLEAN_RESCUE = 0.5  # threshold in a nearly clean text for lines that the rules remove
_RULED_RESCUE = 0.9  # threshold in any text for a line that a phrase rule itself removes
_DUMP_RESCUE = dict.fromkeys(("text/under", "text/teaser", "text/dated"), 0.6)  # in a dump: sections and cards
_RESCUE_MARGIN = 0.05  # in a dump: above the text's best threshold for other lines that the rules remove
_KEEP_MARGIN = 0.05  # in a dump: below the text's best threshold for lines that the rules keep
_NEVER = 2.0
_REPEATED_REASONS = frozenset(
    (RemovalReason.TITLE, RemovalReason.DUPLICATE)
)  # these lines repeat kept text and are never rescued
_MIN_KEPT_SHARE = 0.15  # share of the rules' kept words; if the model keeps less, the rules' verdicts stand
_MIN_KEPT_WORDS = 30  # likewise, if the model keeps fewer words than this and than the rules
_SHAPE_RULES = {"C": ("text/teaser-cut", RemovalReason.RELATED), "D": ("text/date", RemovalReason.DATE)}
_BEFORE_ARTICLE: tuple[str, BlockReason] = "model/before-article", RemovalReason.HEADER
_AFTER_ARTICLE: tuple[str, BlockReason] = "model/after-article", RemovalReason.ELSEWHERE
_INSIDE_ARTICLE: tuple[str, BlockReason] = "model/inside-article", RemovalReason.BOILERPLATE


def weigh_lines(text: TextLines, rule_verdicts: Sequence[Verdict], chances: Column) -> tuple[Verdict, ...]:
    """Return the final verdicts, one a line.

    `rule_verdicts` are those of the rules, `chances` the model's chances that a line is the article's, 0 to 1.
    """
    word_counts = np.array([block.words + 1 for block in text.blocks])
    is_kept = chances >= _line_thresholds(rule_verdicts, chances, word_counts)
    rule_kept_words = sum(int(count) for count, verdict in zip(word_counts, rule_verdicts, strict=True) if verdict.kept)
    kept_words = int(word_counts[is_kept].sum())
    if kept_words < _MIN_KEPT_SHARE * rule_kept_words or (
        kept_words < _MIN_KEPT_WORDS and kept_words < rule_kept_words
    ):
        return tuple(rule_verdicts)
    model_votes = _votes_against(text, rule_verdicts, is_kept)
    return tuple(_combined_verdict(*line) for line in zip(rule_verdicts, model_votes, is_kept.tolist(), strict=True))


def _line_thresholds(rule_verdicts: Sequence[Verdict], chances: Column, word_counts: Column) -> Column:
    """Return the chance from which each line is kept, by what the rules say of it and how clean the text is."""
    ruled_by_phrase = [_is_ruled(verdict) for verdict in rule_verdicts]
    is_nearly_clean = (
        sum(ruled_by_phrase) < _CLEAN_LINES or (word_counts * chances).sum() >= _CLEAN_SHARE * word_counts.sum()
    )
    best_threshold = _best_f1_threshold(word_counts, chances)
    kept_threshold, removed_threshold = (
        (_CLEAN_KEEP, _CLEAN_RESCUE)
        if is_nearly_clean
        else (best_threshold - _KEEP_MARGIN, best_threshold + _RESCUE_MARGIN)
    )
    rule_thresholds = (
        {"text/under": _RULED_RESCUE, "text/teaser": _NEVER, "text/dated": _NEVER} if is_nearly_clean else _DUMP_RESCUE
    )
    return np.array(
        [
            kept_threshold
            if verdict.kept
            else _rescue_threshold(verdict, rule_thresholds, removed_threshold, is_ruled=is_ruled)
            for verdict, is_ruled in zip(rule_verdicts, ruled_by_phrase, strict=True)
        ]
    )


def _rescue_threshold(
    verdict: Verdict, rule_thresholds: Mapping[str, float], default_threshold: float, *, is_ruled: bool
) -> float:
    """Return the chance from which a line that the rules remove is kept."""
    if verdict.reason in _REPEATED_REASONS:
        return _NEVER
    return _RULED_RESCUE if is_ruled else rule_thresholds.get(verdict.rule.partition("-")[0], default_threshold)


def _is_ruled(verdict: Verdict) -> bool:
    """Return whether a phrase rule decided, and not the order of lines."""
    return any(vote.voter == "rule" for vote in verdict.votes)


def _best_f1_threshold(word_counts: Column, chances: Column) -> float:
    """Return the chance from which one more kept line improves the expected word F1: half of the best F1."""
    order = np.argsort(-chances, kind="stable")
    expected_words, chosen_words = np.cumsum((word_counts * chances)[order]), np.cumsum(word_counts[order])
    return float((expected_words / (chosen_words + expected_words[-1])).max())


def _combined_verdict(rule_verdict: Verdict, model_vote: Vote, is_kept: bool) -> Verdict:
    """Combine both verdicts on a line: the model decides, all votes stay, and the rules' reason if both remove it."""
    if is_kept:
        return (
            rule_verdict
            if rule_verdict.kept
            else Verdict(True, MODEL_KEEPS.reason, MODEL_KEEPS.rule, (MODEL_KEEPS, *rule_verdict.votes))
        )
    if not rule_verdict.kept:
        return Verdict(False, rule_verdict.reason, rule_verdict.rule, (*rule_verdict.votes, model_vote))
    return Verdict(False, model_vote.reason, model_vote.rule, (model_vote, *rule_verdict.votes))


def _votes_against(text: TextLines, rule_verdicts: Sequence[Verdict], is_kept: Column) -> Iterator[Vote]:
    """Yield the model's vote against each line, with a reason by its shape, position and nearest ruled line."""
    kept_indices = np.flatnonzero(is_kept)
    first_kept, last_kept = (int(kept_indices[0]), int(kept_indices[-1])) if len(kept_indices) else (len(is_kept), -1)
    nearest_reason: BlockReason = ""
    for index, (verdict, shape) in enumerate(zip(rule_verdicts, text.shapes, strict=True)):
        if is_kept[index]:
            nearest_reason = ""
        elif _is_ruled(verdict):
            nearest_reason = "" if verdict.reason in ONE_LINE_REASONS else verdict.reason
        if index < first_kept:
            rule, reason = _BEFORE_ARTICLE
        elif shape in _SHAPE_RULES:
            rule, reason = _SHAPE_RULES[shape]
        elif nearest_reason:
            rule, reason = f"model/beside-{RemovalReason(nearest_reason).key}", nearest_reason
        else:
            rule, reason = _AFTER_ARTICLE if index > last_kept else _INSIDE_ARTICLE
        yield cast_vote("model", False, rule, reason)
