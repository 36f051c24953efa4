"""How site rules override verdicts: they decide last, and their vote is added to the other votes on a block."""

from __future__ import annotations

from collections.abc import Sequence

from broadsheet.cleaners.document import Block, Column, KeepReason, RemovalReason, Verdict, Vote
from broadsheet.cleaners.html.site_labels import is_body_label, is_failure_label, keeps_whole_body, removal_label

_PRUNE_THRESHOLD = 0.1  # a block of a body with a lower probability, by the model, is removed if pruning is on
_PRUNING_VOTERS = frozenset(("metadata", "rule"))
_TITLE = "metadata/title"  # often within the body, but the article has its title apart


def override_verdicts(
    blocks: Sequence[Block], verdicts: Sequence[Verdict], probabilities: Column
) -> tuple[Verdict, ...]:
    """Return the verdicts, overridden where site rules have labelled the blocks.

    `probabilities` are the model's, one for each block, that it belongs to the article.
    """
    landmark_sets = {block.landmarks for block in blocks}
    site_labels = {
        landmarks: sorted(mark for mark in landmarks if mark.startswith("site:")) for landmarks in landmark_sets
    }
    if not any(site_labels.values()):
        return tuple(verdicts)
    labels_by_block = [site_labels[block.landmarks] for block in blocks]
    body_label = next((label for labels in labels_by_block for label in labels if is_body_label(label)), "")
    return tuple(
        _override(verdict, labels, body_label, float(probability))
        for verdict, labels, probability in zip(verdicts, labels_by_block, probabilities, strict=True)
    )


def _override(verdict: Verdict, labels: Sequence[str], body_label: str, probability: float) -> Verdict:
    """Return the verdict on a block with these labels; `body_label` is that of the page's body, if a rule names one."""
    if label := removal_label(labels):
        return _decided_by(Vote("site", False, label, RemovalReason.SITE_RULE), verdict)
    if any(map(is_body_label, labels)):
        if _is_pruned(verdict, labels, probability):
            return verdict
        return _decided_by(Vote("site", True, body_label, KeepReason.SELECTED), verdict)
    if label := body_label or next(filter(is_failure_label, labels), ""):
        return _decided_by(Vote("site", False, label, RemovalReason.SITE_RULE), verdict)
    return verdict


def _is_pruned(verdict: Verdict, labels: Sequence[str], probability: float) -> bool:
    """Whether a block of the body stays removed, because a named rule or the model is sure that it is boilerplate."""
    if verdict.kept:
        return False
    if any(map(keeps_whole_body, labels)):
        return verdict.rule == _TITLE
    removals = [vote for vote in verdict.votes if not vote.keep]
    by_named_rule = any(vote.voter in _PRUNING_VOTERS or vote.rule == "context/duplicate" for vote in removals)
    return by_named_rule or probability < _PRUNE_THRESHOLD


def _decided_by(vote: Vote, verdict: Verdict) -> Verdict:
    """Return the verdict that a vote decides, with the votes of the previous verdict after it."""
    return Verdict(vote.keep, vote.reason, vote.rule, (vote, *verdict.votes))
