"""Verdicts weighed from rules' votes and the model's probabilities, with the most specific reason.

A phrase or metadata rule decides unless the model is sure of the opposite. Elsewhere the model decides and the rules
explain: a block that it removes keeps the reason that a rule or the page's own markup gives for it, if there is one.

A removed block that no rule names gets its reason from the page around it. Its own part of the markup comes first, then
the reason of the blocks beside or below it, then its text: a note on the author, a footnote, a box beside the text, a
closing line. The last reasons only name its place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from functools import cache
from itertools import groupby

import numpy as np

from ..compare.text_comparison import names_author
from ..document import (
    Block,
    BlockKind,
    BlockReason,
    Column,
    KeepReason,
    RemovalReason,
    Verdict,
    Vote,
    cast_vote,
    verdict_by,
)
from ..page.running_text import MAX_LINK_DENSITY, common_step_count, container_of, is_prose, most_worded
from ..rules.layout_rules import box_rule_names, explain_layout
from .page_boilerplate import explain_by_content
from .repeated_texts import pull_quotes, repeated_blocks
from .rescue import ADDRESS, LINK_LIST, STANDFIRST, answered_questions
from .text_span import COMMENT_THREAD, NEXT_ARTICLE, PREVIOUS_ARTICLE
from .tree_models import expected_f1

_BESIDE_RULES: Mapping[str, str] = {reason: f"model/beside-{reason.key}" for reason in RemovalReason}
_HEADING_RULES: Mapping[str, str] = {reason: f"model/heads-{reason.key}" for reason in RemovalReason}
"""Names of the rules that give a block the reason of the one above or below it, by the reason."""

RuleReason = tuple[str, BlockReason]  # rule, reason

ONE_LINE_REASONS = frozenset(
    (RemovalReason.TITLE, RemovalReason.BYLINE, RemovalReason.DATE, RemovalReason.DUPLICATE)
)  # they do not apply to the lines below
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
_FOOTNOTE = re.compile(r"(?:\^|\[(?:\d{1,3}|[ivx]{1,5})\]|[¹²³⁴-⁹]|\*{1,3}\s)\s*[^\s*]")
_BACKLINKS = ("↩", "↑", "↩\ufe0e", "↑\ufe0e")  # at the end of a footnote


def deciding_vote_against(verdict: Verdict) -> Vote | None:
    """Return the first vote against a block, or that of its own markup if it says more than a heading far above, or
    than what the block may head.
    """
    votes = [vote for vote in verdict.votes if not vote.keep]
    if votes and votes[0].rule.endswith("/heading"):
        votes.sort(key=lambda vote: vote.voter != "layout")
    elif votes and votes[0].rule.endswith(_SECTION_ENDING):
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
    """Return the model's vote against each block, by position, with the most specific reason.

    `skipped_positions` get no vote. `kept_positions` are the blocks that end up kept; `authors` are the page's.
    """
    fallback = _FallbackReasons(blocks, kept_positions, authors)
    block_reasons = [
        None if n in kept_positions and n in skipped_positions else _block_reason(block) or fallback.note_reason(block)
        for n, block in enumerate(blocks)
    ]
    # Many blocks share a verdict, so each is looked at once.
    distinct_verdicts = dict(zip(map(id, rule_verdicts), rule_verdicts, strict=True))
    votes = {key: deciding_vote_against(verdict) for key, verdict in distinct_verdicts.items()}
    rule_votes = list(map(votes.__getitem__, map(id, rule_verdicts)))
    reasons_from_above = _reasons_from_above(blocks, rule_votes, kept_positions, block_reasons)
    reasons = [reason or from_above for reason, from_above in zip(block_reasons, reasons_from_above, strict=True)]
    # Headings and short lines go with the boilerplate directly below them in the same container.
    heading_reasons: dict[int, RuleReason] = {}
    for n, block in enumerate(blocks):
        is_short_heading = block.words <= _HEADING_WORDS and block.kind in _HEADING_KINDS
        if is_short_heading and reasons[n] is None and n not in kept_positions:
            reason = _reason_below(blocks, rule_votes, kept_positions, reasons, n)
            if reason in _HEADED_REASONS:
                heading_reasons[n] = _HEADING_RULES[reason], reason
    return {
        n: cast_vote("model", False, *(reasons[n] or heading_reasons.get(n) or fallback.reason_for(block)))
        for n, block in enumerate(blocks)
        if n not in skipped_positions
    }


def _block_reason(block: Block) -> RuleReason | None:
    """Return the layout rule that matches the block's path, or else a reason from its links, its kind, its text."""
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
    """Return the reason, for each block, of the nearest explained block above in its container, no kept one between."""
    reasons: list[RuleReason | None] = []
    reason_above: BlockReason = ""
    container_above = ""
    for n, block in enumerate(blocks):
        container = block.path.rpartition(">")[0]
        applies = reason_above and container == container_above and reason_above not in ONE_LINE_REASONS
        reasons.append((_BESIDE_RULES[reason_above], reason_above) if applies else None)
        if n in kept_positions:
            reason_above = ""
        elif rule_vote := rule_votes[n]:
            reason_above, container_above = rule_vote.reason, container
        elif block_reason := block_reasons[n]:
            reason_above, container_above = block_reason[1], container
    return reasons


def _reason_below(
    blocks: Sequence[Block],
    rule_votes: Sequence[Vote | None],
    kept_positions: Set[int],
    reasons: Sequence[RuleReason | None],
    position: int,
) -> BlockReason:
    """Return the reason of the next explained block below a heading, up to a kept block or another part of the page."""
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

    def note_reason(self, block: Block) -> RuleReason | None:
        """Return the rule and the reason for a footnote or a note on the author; None for any other block."""
        if block.position < self.first_kept:
            return None
        if _FOOTNOTE.match(block.text) or block.text.endswith(_BACKLINKS):
            return "model/footnote", RemovalReason.NOTES
        is_note = block.position > self.last_kept and block.words >= _NOTE_WORDS
        if is_note and names_author(block.text, self.authors):
            return "model/author-note", RemovalReason.AUTHOR_BIO
        return None

    def reason_for(self, block: Block) -> RuleReason:
        """Return the rule and the reason for a removed block that is not a note."""
        if block.position < self.first_kept:
            return "model/before-article", RemovalReason.HEADER
        below_article = block.position > self.last_kept
        if container_of(block) in self.article_containers:
            return (
                ("model/closing-line", RemovalReason.CLOSING)
                if below_article
                else ("model/inside-article", RemovalReason.BOILERPLATE)
            )
        return self._reason_outside_article(block, below_article)

    def _reason_outside_article(self, block: Block, below_article: bool) -> RuleReason:
        """Return the rule and the reason for a block in another container than the article's text."""
        if below_article:
            return "model/after-article", RemovalReason.ELSEWHERE
        if block.kind is BlockKind.TABLE or block.link_density >= MAX_LINK_DENSITY:
            return "model/inside-article", RemovalReason.BOILERPLATE
        return "model/box-in-article", RemovalReason.SIDEBAR


# Thresholds are probabilities, by the model, that a block is the article's: from them on it is kept.
SURE_THRESHOLD = 0.98  # the model overrules a rule that matches the block itself
_SECTION_THRESHOLD = 0.8  # it overrules the section that a heading above opened, or the column beside the article's
_UNREACHABLE_THRESHOLD = 2.0  # no probability overrules what reads like the article's text and is told by its place
_ADD_MARGIN = 0.05  # above the page's threshold, for blocks that the rules remove
_KEEP_MARGIN = 0.05  # below the page's threshold, for blocks that the rules keep
_LINK_RULES = frozenset((ADDRESS, LINK_LIST))
_STANDFIRST_FLOOR = 0.35  # below it four in five words that a standfirst's place speaks for are no text
_SPECIAL_KIND_THRESHOLD = 0.1  # for quotes, code and tables: often not annotated, yet they belong to the text
_OPENING_THRESHOLD = 0.3  # for the sentence that the article opens with: it may be the standfirst
_SECTION_ENDING = "/section"
ELSEWHERE_ENDING = "-elsewhere"
"""The ending of a rule's name for an item of a list whose links all lead to other sites."""

_LABEL_WORDS = 4
_TITLE_RULE = f"metadata/{RemovalReason.TITLE.key}"
_BUTTON = re.compile(r">button(?:[.#][^>]*)?$")  # the end of a path
_OPENING_WORDS, _SENTENCE_ENDS = 8, tuple(".!?…。！？")
DIRECT_VOTERS = frozenset(("metadata", "rule"))
_SPECIAL_KINDS = frozenset((BlockKind.QUOTE, BlockKind.CODE, BlockKind.TABLE))
_INDIRECT_RULE_ENDINGS = frozenset(("section", "heading"))  # of votes by a rule that matched another block
MODEL_SELECTS = Vote("model", True, "model/selected", KeepReason.SELECTED)
MODEL_KEEPS = Vote("model", True, "model/kept", KeepReason.RESCUED)
_ANSWERED = Vote("context", True, "context/answered-question", KeepReason.RESCUED)
_CODE = Vote("context", True, "context/code-between", KeepReason.RESCUED)
_SECTION_PROSE = Vote("context", True, "context/prose-in-text", KeepReason.RESCUED)
_TITLE_HEADING = Vote("context", True, "context/heading-in-text", KeepReason.RESCUED)
_UNNAMED = Vote("context", True, "context/unnamed-in-text", KeepReason.RESCUED)
# Probabilities from which such a block is brought back. Cross-validated on seven corpora, 97 % of the words of items
# and 95 % of those of paragraphs from .1 on that no rule names are the text's, and 87 % of those of headings from .5.
_LIKELY, _UNNAMED_THRESHOLD = 0.5, 0.1
_LINKED = Vote("context", True, "context/links-in-text", KeepReason.RESCUED)
_LINKED_BELOW_THRESHOLD = 0.2  # below the text; of items within it that link to other sites 94 % of the words are its
_KEPT_OF_LIST = 0.5  # from this share on the items of a list that link to other sites are kept too
_DUPLICATE = Vote("context", False, "context/duplicate", RemovalReason.DUPLICATE)
_BELIEVED_SHARE = 0.15  # of the words that the rules keep: where the model keeps less, it is not believed
_BELIEVED_WORDS = 60  # nor where it keeps fewer words than this, and fewer than the rules


def weigh(
    blocks: Sequence[Block],
    rule_verdicts: Sequence[Verdict],
    probabilities: Column,
    authors: Sequence[str] = (),
) -> list[Verdict]:
    """Return a verdict a block; `probabilities` are the model's, 0 to 1.

    `rule_verdicts` and their votes stay beside the result: the model's vote is added to them, unless it is there as a
    selection. `authors` are the page's.
    """
    page_threshold = expected_f1(np.array([block.words for block in blocks]), probabilities) / 2
    thresholds = _keep_thresholds(blocks, rule_verdicts, page_threshold)
    # Labels of buttons, such as `Yes`, look like short lines of dialogue.
    button_paths = [(n, block.path) for n, block in enumerate(blocks) if ">button" in block.path]
    buttons = {n for n, path in button_paths if _BUTTON.search(path) and not rule_verdicts[n].kept}
    for n in buttons:
        thresholds[n] = max(thresholds[n], SURE_THRESHOLD)
    if (opening_position := _opening_position(blocks, rule_verdicts)) is not None:
        thresholds[opening_position] = min(thresholds[opening_position], _OPENING_THRESHOLD)
    kept_positions = _true_positions(probabilities >= np.array(thresholds, np.result_type(probabilities, np.float32)))
    duplicates = repeated_blocks(blocks, kept_positions)
    leads = {n for n in kept_positions if rule_verdicts[n].rule == STANDFIRST}
    duplicates |= pull_quotes(blocks, kept_positions - duplicates, leads)
    kept_positions -= duplicates
    labels = _label_positions(blocks, rule_verdicts, kept_positions)
    kept_positions -= labels
    questions = answered_questions(blocks, kept_positions) - duplicates
    code = _code_between(blocks, rule_verdicts, kept_positions) - duplicates
    within = _within_text(blocks, rule_verdicts, probabilities, kept_positions)
    within = {n: vote for n, vote in within.items() if n not in duplicates | labels}
    kept_positions |= questions | code | within.keys()
    rest = _rest_of_lists(blocks, rule_verdicts, kept_positions) - duplicates
    within |= dict.fromkeys(rest, _LINKED)
    kept_positions |= rest
    words_by_rules = sum(block.words for block, verdict in zip(blocks, rule_verdicts, strict=True) if verdict.kept)
    words = sum(blocks[n].words for n in kept_positions)
    if words < _BELIEVED_SHARE * words_by_rules or (words < _BELIEVED_WORDS and words < words_by_rules):
        return list(rule_verdicts)
    likely_positions = _true_positions(probabilities >= page_threshold + _ADD_MARGIN)
    likely_positions -= labels | (buttons - kept_positions)
    votes_against = model_votes_against(blocks, rule_verdicts, kept_positions, authors, likely_positions)
    model_votes = list((dict.fromkeys(range(len(blocks)), MODEL_KEEPS) | votes_against).values())
    verdicts: dict[tuple[int, ...], Verdict] = {}  # blocks with the same key share a verdict
    keys = []
    pairs = zip(rule_verdicts, model_votes, map(id, rule_verdicts), map(id, model_votes), strict=True)
    for n, (verdict, model_vote, verdict_id, vote_id) in enumerate(pairs):
        is_kept = n in kept_positions
        overrules, is_duplicate = is_kept and thresholds[n] == SURE_THRESHOLD, n in duplicates
        keys.append(key := (verdict_id, vote_id, is_kept, overrules, is_duplicate))
        if key not in verdicts and is_kept:
            vote_for = next((vote for vote in verdict.votes if vote.keep), model_vote)
            verdicts[key] = _verdict_led_by(model_vote if overrules else vote_for, verdict, model_vote)
        elif key not in verdicts:
            verdicts[key] = _remove_verdict(verdict, model_vote, is_duplicate=is_duplicate)
    brought_back = within | dict.fromkeys(code, _CODE) | dict.fromkeys(questions, _ANSWERED)
    weighed_verdicts = [verdicts[key] for key in keys]
    for n, vote in brought_back.items():
        weighed_verdicts[n] = _verdict_led_by(vote, rule_verdicts[n], model_votes[n])
    return weighed_verdicts


def _true_positions(mask: Column) -> set[int]:
    return set(np.flatnonzero(mask).tolist())


def _keep_thresholds(blocks: Sequence[Block], rule_verdicts: Sequence[Verdict], page_threshold: float) -> list[float]:
    """Return the probability from which each block is kept; computed once for blocks of the same verdict and kind."""
    keys = list(zip(map(id, rule_verdicts), [block.kind for block in blocks], strict=True))
    thresholds = {
        key: _keep_threshold(blocks[n], rule_verdicts[n], page_threshold)
        for key, n in dict(zip(keys, range(len(keys)), strict=True)).items()
    }
    return [thresholds[key] for key in keys]


@cache
def final_rules() -> frozenset[str]:
    """Return the rules that the model cannot overrule, whatever its probability."""
    return box_rule_names() | {COMMENT_THREAD, NEXT_ARTICLE, PREVIOUS_ARTICLE}


def _keep_threshold(block: Block, verdict: Verdict, page_threshold: float) -> float:
    """Return the probability from which a block is kept, by the rules' votes on it."""
    if not final_rules().isdisjoint([vote.rule for vote in verdict.votes]):
        return _UNREACHABLE_THRESHOLD
    votes_against = [vote for vote in verdict.votes if vote.voter in DIRECT_VOTERS and not vote.keep]
    rule_endings = {vote.rule.rpartition("/")[2] for vote in votes_against}
    if rule_endings - _INDIRECT_RULE_ENDINGS:
        return SURE_THRESHOLD
    if "section" in rule_endings or any(vote.rule == "layout/other-column" for vote in verdict.votes):
        return _SECTION_THRESHOLD
    if any(vote.rule in _LINK_RULES for vote in verdict.votes):
        return 0  # all of it is a link, which looks like navigation to the model
    if not verdict.kept:
        return page_threshold + _ADD_MARGIN
    if block.kind in _SPECIAL_KINDS:
        return _SPECIAL_KIND_THRESHOLD
    floor = _STANDFIRST_FLOOR if verdict.rule == STANDFIRST else 0.0
    return max(page_threshold - _KEEP_MARGIN, floor)


def _opening_position(blocks: Sequence[Block], rule_verdicts: Sequence[Verdict]) -> int | None:
    """Return the first block that the rules keep, headings and short lines apart, if it ends like a sentence."""
    kept_blocks = (block for block, verdict in zip(blocks, rule_verdicts, strict=True) if verdict.kept)
    opening = next((b for b in kept_blocks if b.kind is not BlockKind.HEADING and b.words >= _OPENING_WORDS), None)
    return opening.position if opening is not None and opening.text.endswith(_SENTENCE_ENDS) else None


def _label_positions(blocks: Sequence[Block], rule_verdicts: Sequence[Verdict], kept_positions: set[int]) -> set[int]:
    """Find kept lines of a few words and a colon above a teaser that is removed: `See also:` in any language."""
    labels = set()
    for n in kept_positions:
        text = blocks[n].text
        if text.endswith((":", "：")) and blocks[n].words <= _LABEL_WORDS and n + 1 < len(blocks):
            vote = deciding_vote_against(rule_verdicts[n + 1])
            if n + 1 not in kept_positions and vote is not None and vote.reason == RemovalReason.RELATED:
                labels.add(n)
    return labels


def _code_between(blocks: Sequence[Block], rule_verdicts: Sequence[Verdict], kept_positions: set[int]) -> set[int]:
    """Find removed code with kept text right above and below it: the text is about that code."""
    code = [n for n, block in enumerate(blocks) if block.kind is BlockKind.CODE]
    positions: set[int] = set()
    for _, numbered_run in groupby(enumerate(code), key=lambda pair: pair[1] - pair[0]):
        run = [n for _, n in numbered_run]
        if run[0] - 1 in kept_positions and run[-1] + 1 in kept_positions:
            positions.update(n for n in run if final_rules().isdisjoint([v.rule for v in rule_verdicts[n].votes]))
    return positions - kept_positions


def _within_text(
    blocks: Sequence[Block], rule_verdicts: Sequence[Verdict], probabilities: Column, kept_positions: Set[int]
) -> dict[int, Vote]:
    """Return the votes that bring back what stands within the text, in its own container, by position.

    These are items of lists and paragraphs that no rule names, and headings like the title. A section that a heading
    opened ends, too, where prose that the model holds for text stands there.
    """
    prose = [blocks[n] for n in kept_positions if is_prose(blocks[n])]
    if not prose:
        return {}
    container, first, last = most_worded(prose, container_of), min(kept_positions), max(kept_positions)
    votes: dict[int, Vote] = {}
    for n in np.flatnonzero(probabilities >= _UNNAMED_THRESHOLD).tolist():
        if n in kept_positions or container_of(blocks[n]) != container:
            continue
        if n > last:
            if probabilities[n] >= _LINKED_BELOW_THRESHOLD and _links_elsewhere(rule_verdicts[n]):
                votes[n] = _LINKED
        elif probabilities[n] >= _LIKELY and is_prose(blocks[n]) and _is_in_section(rule_verdicts[n]):
            votes[n] = _SECTION_PROSE
        elif n > first and (vote := _vote_within(blocks[n], rule_verdicts[n], probabilities[n])):
            votes[n] = vote
    return votes


def _links_elsewhere(verdict: Verdict) -> bool:
    """Return whether an item of a list is suspect only for its links, which lead to other sites."""
    votes_against = [vote for vote in verdict.votes if not vote.keep]
    return bool(votes_against) and all(vote.rule.endswith(ELSEWHERE_ENDING) for vote in votes_against)


def _rest_of_lists(blocks: Sequence[Block], rule_verdicts: Sequence[Verdict], kept_positions: set[int]) -> set[int]:
    """Find the items that link to other sites in lists of which half is kept: the others are of their kind."""
    distinct_verdicts = dict(zip(map(id, rule_verdicts), rule_verdicts, strict=True))
    judged = [(key, verdict) for key, verdict in distinct_verdicts.items() if ELSEWHERE_ENDING in verdict.rule]
    elsewhere = {key for key, verdict in judged if _links_elsewhere(verdict)}
    if not elsewhere:
        return set()
    candidates = [n for n, key in enumerate(map(id, rule_verdicts)) if key in elsewhere and n not in kept_positions]
    runs = dict.fromkeys(_list_around(blocks, n) for n in candidates)
    found = {n for run in runs if len(kept_positions.intersection(run)) >= _KEPT_OF_LIST * len(run) for n in run}
    return found.intersection(candidates)


def _list_around(blocks: Sequence[Block], position: int) -> range:
    """Return the positions of the items at one path, one below the other, around an item."""
    first, end, path = position, position + 1, blocks[position].path
    while first and blocks[first - 1].path == path:
        first -= 1
    while end < len(blocks) and blocks[end].path == path:
        end += 1
    return range(first, end)


def _is_in_section(verdict: Verdict) -> bool:
    """Return whether a heading above speaks against a block, and else its markup at most."""
    votes_against = [vote for vote in verdict.votes if not vote.keep]
    in_section = [vote.rule.endswith(_SECTION_ENDING) for vote in votes_against]
    return any(in_section) and all(
        is_section or (vote.voter == "layout" and vote.rule not in final_rules())
        for vote, is_section in zip(votes_against, in_section, strict=True)
    )


def _vote_within(block: Block, verdict: Verdict, probability: float) -> Vote | None:
    vote = deciding_vote_against(verdict)
    if block.kind is BlockKind.HEADING:
        return _TITLE_HEADING if vote and vote.rule == _TITLE_RULE and probability >= _LIKELY else None
    if _links_elsewhere(verdict):
        return _LINKED
    is_text = block.kind is BlockKind.LIST_ITEM or is_prose(block)
    return _UNNAMED if is_text and vote is None and _block_reason(block) is None else None


def _remove_verdict(verdict: Verdict, model_vote: Vote, *, is_duplicate: bool) -> Verdict:
    """Make a verdict that removes, with the rule of the deciding vote against it, or as a duplicate of a kept block."""
    vote = _DUPLICATE if is_duplicate else deciding_vote_against(verdict) or model_vote
    return _verdict_led_by(vote, verdict, model_vote)


def _verdict_led_by(deciding_vote: Vote, verdict: Verdict, model_vote: Vote) -> Verdict:
    """Make the verdict of a vote, with the rules' other votes and the model's after it."""
    is_said = model_vote is MODEL_KEEPS and MODEL_SELECTS in verdict.votes
    votes = verdict.votes if is_said else (*verdict.votes, model_vote)
    other_votes = tuple(vote for vote in votes if vote != deciding_vote)
    return verdict_by(deciding_vote, *other_votes)
