"""What site rules make of verdicts: their word is the last on a page, and stands beside the others' votes."""

from __future__ import annotations

from collections.abc import Sequence

from cleaners.document import Block, Column, Verdict, Vote
from cleaners.html.site_labels import is_body, is_failure, is_whole, takes_out

REASON = "site_rule"
_SURE = 0.1  # the model's chance of a block below which it is taken out of a body that may be pruned
_NAMED = frozenset(("metadata", "rule"))
_TITLE = "metadata/title"  # a body holds it often, and the article has it already


def ruled(blocks: Sequence[Block], verdicts: Sequence[Verdict], chances: Column) -> tuple[Verdict, ...]:
    """Return the verdicts as the rules' marks on the blocks want them; `chances` are the model's, 0 to 1."""
    places = {block.landmarks for block in blocks}
    marked = {place: sorted(each for each in place if each.startswith("site:")) for place in places}
    if not any(marked.values()):
        return tuple(verdicts)
    marks = [marked[block.landmarks] for block in blocks]
    body = next((label for labels in marks for label in labels if is_body(label)), "")
    return tuple(
        _ruled(verdict, labels, body, float(chance))
        for verdict, labels, chance in zip(verdicts, marks, chances, strict=True)
    )


def _ruled(verdict: Verdict, labels: Sequence[str], body: str, chance: float) -> Verdict:
    if label := takes_out(labels):
        return _by(Vote("site", False, label, REASON), verdict)
    if any(map(is_body, labels)):
        return verdict if _pruned(verdict, labels, chance) else _by(Vote("site", True, body, "selected"), verdict)
    if label := body or next(filter(is_failure, labels), ""):
        return _by(Vote("site", False, label, REASON), verdict)
    return verdict


def _pruned(verdict: Verdict, labels: Sequence[str], chance: float) -> bool:
    """Whether a block of the body goes all the same: a named rule or the model is sure that it is not the article."""
    if verdict.kept:
        return False
    if any(map(is_whole, labels)):
        return verdict.rule == _TITLE
    named = any(vote.voter in _NAMED or vote.rule == "context/duplicate" for vote in verdict.votes if not vote.keep)
    return named or chance < _SURE


def _by(vote: Vote, verdict: Verdict) -> Verdict:
    return Verdict(vote.keep, vote.reason, vote.rule, (vote, *verdict.votes))
