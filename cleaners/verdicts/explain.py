"""The reason for a block that the model removes and no rule names: read from the page around it.

What its own part of the markup says comes first, then the reason of what stands beside or below it, then its text: a
note on the author, a footnote, a box beside the text, a closing line. The last reasons say only where it stands.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from functools import lru_cache

from broadsheet.cleaners.compare.site_memory import names_author
from broadsheet.cleaners.document import Block, BlockKind, BlockReason, RemovalReason, Verdict, Vote
from broadsheet.cleaners.html.prose import MAX_LINK_DENSITY, common_step_count, container_of, is_prose
from broadsheet.cleaners.rules.layout import explain_layout
from broadsheet.cleaners.verdicts.furniture import explain_by_content

RuleReason = tuple[str, BlockReason]  # rule, reason

_NOT_SHARED_REASONS = frozenset(
    (RemovalReason.TITLE, RemovalReason.BYLINE, RemovalReason.DATE, RemovalReason.DUPLICATE)
)  # of one line only, not of what follows
# Reasons of boxes that have a heading.
_HEADED_REASONS = frozenset(
    (
        RemovalReason.RELATED,
        RemovalReason.COMMENTS,
        RemovalReason.NEWSLETTER,
        RemovalReason.PROMO,
        RemovalReason.DONATION,
        RemovalReason.MEMBERSHIP,
        RemovalReason.SHARE,
        RemovalReason.AUTHOR_BIO,
    )
)
# Reasons of layout rules that are more specific than the section that a heading far above opened.
_SPECIFIC_LAYOUT_REASONS = frozenset(
    (
        RemovalReason.NAVIGATION,
        RemovalReason.FORM,
        RemovalReason.FOOTER,
        RemovalReason.COMMENTS,
        RemovalReason.NEWSLETTER,
        RemovalReason.CONSENT,
        RemovalReason.SHARE,
        RemovalReason.BREADCRUMB,
    )
)
_LABEL_REASONS = frozenset(
    (
        RemovalReason.ADVERTISEMENT,
        RemovalReason.NAVIGATION,
        RemovalReason.DATE,
        RemovalReason.CAPTION,
        RemovalReason.BYLINE,
    )
)  # not of headings
_HEADING_WORDS = 9
_HEADING_KINDS = frozenset((BlockKind.HEADING, BlockKind.PARAGRAPH))
_HEADED_WITHIN = 2  # blocks below a line that it may be the heading of
_NOTE_WORDS = 5
_FOOTNOTE = re.compile(r"(?:\^|\[\d{1,3}\]|[¹²³⁴-⁹]|\*{1,3}\s)\s*\S")
_BACKLINKS = ("↩", "↑", "↩\ufe0e", "↑\ufe0e")  # at the end of a footnote
_vote = lru_cache(maxsize=4096)(Vote)  # equal votes are one object: thousands of blocks have the same


def deciding_vote_against(verdict: Verdict) -> Vote | None:
    """The first vote against a block, or that of its own markup where it says more than a heading far above."""
    votes = [vote for vote in verdict.votes if not vote.keep]
    if votes and votes[0].rule.endswith("/section"):
        layout_votes = (vote for vote in votes if vote.voter == "layout" and vote.reason in _SPECIFIC_LAYOUT_REASONS)
        return next(layout_votes, votes[0])
    votes = [vote for vote in votes if not (vote.rule.endswith("/heading") and vote.reason in _LABEL_REASONS)]
    return votes[0] if votes else None


def model_votes_against(
    blocks: Sequence[Block],
    rule_verdicts: Sequence[Verdict],
    kept_positions: Set[int],
    authors: Sequence[str] = (),
    skipped_positions: Set[int] = frozenset(),
) -> dict[int, Vote]:
    """The model's vote against each block, by position, with the most specific reason; none for `skipped_positions`.

    `kept_positions` are the blocks that end up kept; `authors` are the page's.
    """
    block_reasons = [
        None if n in kept_positions and n in skipped_positions else _block_reason(block)
        for n, block in enumerate(blocks)
    ]
    rule_votes = _deciding_votes_against(rule_verdicts)
    reasons_from_above = _reasons_from_above(blocks, rule_votes, kept_positions, block_reasons)
    reasons = [reason or from_above for reason, from_above in zip(block_reasons, reasons_from_above, strict=True)]
    heading_reasons = _heading_reasons(blocks, rule_votes, kept_positions, reasons)
    fallback = _FallbackReasons(blocks, kept_positions, authors)
    return {
        n: _vote("model", False, *(reasons[n] or heading_reasons.get(n) or fallback.reason_for(block)))
        for n, block in enumerate(blocks)
        if n not in skipped_positions
    }


def _deciding_votes_against(rule_verdicts: Sequence[Verdict]) -> list[Vote | None]:
    """The deciding vote against each block; computed once for blocks that share a verdict."""
    distinct_verdicts = {id(verdict): verdict for verdict in rule_verdicts}
    votes = {key: deciding_vote_against(verdict) for key, verdict in distinct_verdicts.items()}
    return [votes[id(verdict)] for verdict in rule_verdicts]


def _block_reason(block: Block) -> RuleReason | None:
    """The layout rule that matches the block's path, or else a reason from its links, its kind, its text."""
    rule = explain_layout(block.path, block.landmarks)
    if rule is not None:
        return rule.name, rule.reason
    return explain_by_content(block)


def _reasons_from_above(
    blocks: Sequence[Block],
    rule_votes: Sequence[Vote | None],
    kept_positions: Set[int],
    block_reasons: Sequence[RuleReason | None],
) -> list[RuleReason | None]:
    """For each block, the reason of the nearest explained block above in its container, with no kept block between."""
    reasons: list[RuleReason | None] = []
    reason_above: BlockReason = ""
    container_above = ""
    for n, block in enumerate(blocks):
        container = block.path.rpartition(">")[0]
        applies = reason_above and container == container_above and reason_above not in _NOT_SHARED_REASONS
        reasons.append((f"model/beside-{reason_above}", reason_above) if applies else None)
        if n in kept_positions:
            reason_above = ""
        elif rule_vote := rule_votes[n]:
            reason_above, container_above = rule_vote.reason, container
        elif block_reason := block_reasons[n]:
            reason_above, container_above = block_reason[1], container
    return reasons


def _heading_reasons(
    blocks: Sequence[Block],
    rule_votes: Sequence[Vote | None],
    kept_positions: Set[int],
    reasons: Sequence[RuleReason | None],
) -> dict[int, RuleReason]:
    """The reasons, by position, of headings and short lines directly above boilerplate of the same container."""
    heading_reasons: dict[int, RuleReason] = {}
    for n, block in enumerate(blocks):
        if reasons[n] is not None or n in kept_positions:
            continue
        if block.words <= _HEADING_WORDS and block.kind in _HEADING_KINDS:
            reason = _reason_below(blocks, rule_votes, kept_positions, reasons, n)
            if reason in _HEADED_REASONS:
                heading_reasons[n] = f"model/heads-{reason}", reason
    return heading_reasons


def _reason_below(
    blocks: Sequence[Block],
    rule_votes: Sequence[Vote | None],
    kept_positions: Set[int],
    reasons: Sequence[RuleReason | None],
    position: int,
) -> BlockReason:
    """The reason of the next explained block below a heading, up to a kept block or another part of the page."""
    heading_steps = blocks[position].path.split(">")
    for n in range(position + 1, min(position + 1 + _HEADED_WITHIN, len(blocks))):
        steps = blocks[n].path.split(">")
        if n in kept_positions or common_step_count(heading_steps, steps) < len(heading_steps) - 2:
            return ""
        rule_vote = rule_votes[n]
        rule_reason = reasons[n]
        reason = rule_vote.reason if rule_vote else rule_reason[1] if rule_reason else ""
        if reason:
            return reason
    return ""


class _FallbackReasons:
    """Reasons from a block's text and position, where no rule and no markup gives one."""

    def __init__(self, blocks: Sequence[Block], kept_positions: Set[int], authors: Sequence[str]) -> None:
        self.first_kept, self.last_kept = min(kept_positions, default=len(blocks)), max(kept_positions, default=-1)
        prose_containers = {container_of(blocks[n]) for n in kept_positions if is_prose(blocks[n])}
        self.article_containers = prose_containers or {container_of(blocks[n]) for n in kept_positions}
        self.authors = authors

    def reason_for(self, block: Block) -> RuleReason:
        """The rule and the reason for a removed block."""
        if block.position < self.first_kept:
            return "model/before-article", RemovalReason.HEADER
        if _FOOTNOTE.match(block.text) or block.text.endswith(_BACKLINKS):
            return "model/footnote", RemovalReason.NOTES
        below_article = block.position > self.last_kept
        if below_article and block.words >= _NOTE_WORDS and names_author(block.text, self.authors):
            return "model/author-note", RemovalReason.AUTHOR_BIO
        if container_of(block) in self.article_containers:
            return (
                ("model/closing-line", RemovalReason.CLOSING)
                if below_article
                else ("model/inside-article", RemovalReason.BOILERPLATE)
            )
        return self._reason_outside_article(block, below_article)

    def _reason_outside_article(self, block: Block, below_article: bool) -> RuleReason:
        """The rule and the reason for a block in another container than the article's text."""
        if below_article:
            return "model/after-article", RemovalReason.ELSEWHERE
        if block.kind is BlockKind.TABLE or block.link_density >= MAX_LINK_DENSITY:
            return "model/inside-article", RemovalReason.BOILERPLATE
        return "model/box-in-article", RemovalReason.SIDEBAR
