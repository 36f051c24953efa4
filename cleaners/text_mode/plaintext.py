"""Judgement of plain text that another tool extracted, by phrase rules, the lines' order, and a model.

The rules work on the string of the lines' shapes, whose letters are explained in `text_lines`. Then the line model
scores every line (`line_features`), and both are combined. A text in which rules remove hardly any line is nearly clean
already: there the model removes only what it is sure of. In other texts (dumps of whole pages) the model decides, and
the rules give the reasons.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ..document import Block, BlockReason, Column, KeepReason, RemovalReason, Verdict, Vote, cast_vote, verdict_by
from ..judge.tree_models import LINE_MODEL, predict
from ..judge.weighed_verdicts import MODEL_KEEPS, ONE_LINE_REASONS
from ..rules.matcher import RuleBook, count_words, strip_outer_marks
from ..rules.rule import AFTER_BODY, BEFORE_BODY, WITHIN_BODY, Rule
from .line_features import line_features
from .text_lines import SENTENCE_END, TextLines, read_lines

REPEAT_WORDS = 12
"""From this length a repeated line is a duplicate paragraph; shorter ones are refrains of verse or speakers' names."""
COMMENTS_SHARE = 0.25
"""A comments heading removes all below it only if this share of all prose is above it: not a counter at the top."""

_DATED_CARDS = re.compile(r"(?:[RH]*S+D[PC]?){2,}[RHD]*$")
_CUT_CARDS = re.compile(r"S?C(?:[RHDS]*C)+[RHDS]*$")
_RESUMED = re.compile(r"P[SR]?P")
_NAME = re.compile(r"[^\W\d_a-zà-ÿ]\S*(?: (?:de|van|von|da|di|del|la|le|[^\W\d_a-zà-ÿ]\S*)){1,4}")
_SECTION_REASONS = frozenset(
    {RemovalReason.DATE, RemovalReason.BYLINE, RemovalReason.RELATED, RemovalReason.CAPTION, RemovalReason.TAGS}
)
"""A line with one of these reasons is part of a section's cards and gets the section's reason."""

_Removal = tuple[BlockReason, str]  # reason, rule
_Removals = dict[int, _Removal]  # by index of the line


def judge_text(blocks: tuple[Block, ...], rules: RuleBook) -> tuple[str, tuple[Verdict, ...]]:
    """Return the title, which may be empty, and a verdict per block; the title's line is removed as `title`."""
    if not blocks:
        return "", ()
    text = read_lines(blocks, rules)
    title_index, rule_verdicts = judge_lines_by_rules(text)
    names, rows = line_features(text, rule_verdicts, title_index)
    verdicts = weigh_lines(text, rule_verdicts, predict(names, rows, LINE_MODEL))
    return (blocks[title_index].text if title_index is not None else ""), verdicts


def judge_lines_by_rules(text: TextLines) -> tuple[int | None, tuple[Verdict, ...]]:
    """Return the index of the title's line, and the verdicts by rules and order of lines, before the model's."""
    removals = _section_removals(text)
    body_start, body_end = _body_span(text, removals)
    title_index = _find_title(text, body_start, removals)
    removals |= _head_removals(text, title_index, body_start, removals)
    indices = (index for index in range(max(body_start, 0), body_end + 1) if index not in removals)
    rules = ((index, text.matching_rule(index, WITHIN_BODY)) for index in indices)
    removals |= {index: (rule.reason, rule.name) for index, rule in rules if rule}
    tail_removals: _Removals = {}
    # Two or more teasers with a cut end begin the boilerplate.
    match = _CUT_CARDS.search(text.shapes, body_end + 1)
    boilerplate_start = match.start() if match else len(text.shapes)
    for index in range(body_end + 1, len(text.shapes)):
        rule = text.matching_rule(index, AFTER_BODY)
        if index in removals or rule:
            boilerplate_start = min(boilerplate_start, index)
        if index not in removals and (rule or index >= boilerplate_start):
            tail_removals[index] = (rule.reason, rule.name) if rule else _tail_removal(text.shapes, index)
    removals |= tail_removals
    removals |= dict(_find_repeats(text, title_index, removals))
    return title_index, tuple(_verdict(removals.get(index)) for index in range(len(text.blocks)))


def _verdict(removal: _Removal | None) -> Verdict:
    if removal is None:
        return Verdict(True, KeepReason.ARTICLE, "text/body", (Vote("context", True, "text/body"),))
    reason, rule = removal
    voter = "context" if rule.startswith("text/") else "rule"
    return Verdict(False, reason, rule, (Vote(voter, False, rule),))


def _section_removals(text: TextLines) -> _Removals:
    """Return the lines of each boilerplate section with its heading, and of dated headline cards at the end."""
    removals: _Removals = {}
    first_prose = text.shapes.find("P")
    for index, shape in enumerate(text.shapes):
        if shape == "H" and index not in removals:
            rule = text.matching_rule(index, AFTER_BODY)
            section_end = _section_end(text, index, rule, first_prose) if rule else index
            removals |= {
                line_index: _removal_in_section(text, line_index, index, rule)
                for line_index in range(index, section_end)
                if rule
            }
    return _dated_card_removals(text, removals) | removals


def _section_end(text: TextLines, heading_index: int, rule: Rule, first_prose: int) -> int:
    """Return the index at which a heading's section ends; the heading's own index if it opens no section."""
    if not 0 <= first_prose < heading_index:
        return heading_index
    if rule.reason == RemovalReason.RELATED:
        return _related_end(text.shapes, heading_index)
    if rule.reason == RemovalReason.COMMENTS:
        return len(text.shapes) if _is_below_body(text, heading_index) else heading_index
    next_heading = text.shapes.find("H", heading_index + 1)
    end = next_heading if next_heading > 0 else len(text.shapes)
    return end if _is_short_section(text, heading_index, end) else heading_index


def _is_below_body(text: TextLines, heading_index: int) -> bool:
    """Return whether enough of the text's prose is above a comments heading for the rest to be comments."""
    return text.prose_word_count(range(heading_index)) >= COMMENTS_SHARE * text.prose_word_count(
        range(len(text.shapes))
    )


def _is_short_section(text: TextLines, heading_index: int, end: int) -> bool:
    """Return whether a section such as `About us` is too short to be part of the article."""
    return "PPP" not in text.shapes[heading_index:end] and 2 * text.prose_word_count(
        range(heading_index, end)
    ) < text.prose_word_count(range(heading_index))


def _related_end(shapes: str, heading_index: int) -> int:
    """Return the end of related links: the next heading, or the next paragraph that is not an excerpt of a card."""
    body_resumes = _RESUMED.search(shapes, heading_index)
    card_count = 0
    for index in range(heading_index + 1, len(shapes)):
        if shapes[index] == "H":
            return index
        if shapes[index] == "P":
            if body_resumes or not _is_excerpt(shapes, index, card_count):
                return index
            card_count += 1
    return len(shapes)


def _is_excerpt(shapes: str, index: int, card_count: int) -> bool:
    """Return whether a prose line among related links is a card's excerpt."""
    next_shape = shapes[index + 1 : index + 2]
    return shapes[index - 1] in "SD" and (card_count > 0 or (next_shape != "" and next_shape in "SDC"))


def _removal_in_section(text: TextLines, index: int, heading_index: int, rule: Rule | None) -> _Removal:
    assert rule is not None
    line_rule = text.matching_rule(index, AFTER_BODY)
    if line_rule and line_rule.reason not in _SECTION_REASONS:
        return line_rule.reason, line_rule.name
    return rule.reason, rule.name if index == heading_index else f"text/under-{rule.name.replace('/', '-')}"


def _dated_card_removals(text: TextLines, removals: _Removals) -> _Removals:
    """Find cards (headline, date and excerpt) at the very end, two or more, without a heading above them."""
    masked_shapes = "".join("R" if index in removals else shape for index, shape in enumerate(text.shapes))
    match = _DATED_CARDS.search(masked_shapes, masked_shapes.find("P") + 1) if "P" in masked_shapes else None
    if not match or masked_shapes[: match.start()].count("P") == 0:
        return {}
    return {
        index: (RemovalReason.RELATED, "text/dated-cards")
        for index in range(*match.span())
        if masked_shapes[index] not in "RH"
    }


def _body_span(text: TextLines, removals: _Removals) -> tuple[int, int]:
    """Return the first and last article line; in a text without prose, the first and last that no rule removes."""
    free_indices = [index for index, shape in enumerate(text.shapes) if index not in removals and shape not in "RHD"]
    prose_indices = [index for index in free_indices if text.shapes[index] == "P"]
    if prose_indices:
        return prose_indices[0], prose_indices[-1]
    return (free_indices[min(1, len(free_indices) - 1)], free_indices[-1]) if free_indices else (0, -1)


def _find_title(text: TextLines, body_start: int, removals: _Removals) -> int | None:
    """Find the title's index: a line before the body that repeats an earlier one, or the most title-like line."""
    candidates = [index for index in range(body_start) if text.shapes[index] in "SC" and index not in removals]
    repeated_lines = [index for index in candidates if _repeats_earlier_line(text, index)]
    if repeated_lines:
        return repeated_lines[-1]
    title_like = [index for index in candidates if _may_be_title(text, index)]
    scores = {index: _title_score(text, index, body_start) for index in title_like}
    best_score = max(scores.values(), default=0.0)
    return next((index for index in title_like if scores[index] >= 0.7 * best_score), None)


def _may_be_title(text: TextLines, index: int) -> bool:
    line = text.blocks[index].text
    return (
        strip_outer_marks(line) != "" and not SENTENCE_END.search(line) and not text.matching_rule(index, BEFORE_BODY)
    )


def _repeats_earlier_line(text: TextLines, index: int) -> bool:
    """Return whether an earlier line has the same text alone, behind a breadcrumb or before the site's name."""
    line = strip_outer_marks(text.folded_lines[index])
    earlier_lines = (
        strip_outer_marks(text.folded_lines[earlier_index]) for earlier_index in range(max(0, index - 12), index)
    )
    return count_words(line) > 1 and any(
        earlier_line.endswith(line) or earlier_line.startswith(line) for earlier_line in earlier_lines
    )


def _title_score(text: TextLines, index: int, body_start: int) -> float:
    """Rate a line as the headline: its words occur in the body, it is near to it, and longer than a label."""
    line_words = set(re.findall(r"\w{4,}", text.folded_lines[index]))
    body_words = set(re.findall(r"\w{4,}", " ".join(text.folded_lines[body_start : body_start + 8])))
    nearness = 1 / (1 + 0.1 * (body_start - index))
    return (
        0.2
        + len(line_words & body_words) / max(3, len(line_words))
        + 0.5 * nearness * (count_words(text.folded_lines[index]) >= 4)
    )


def _head_removals(text: TextLines, title_index: int | None, body_start: int, removals: _Removals) -> _Removals:
    """Return the lines to remove before the body, the title among them."""
    title_text = strip_outer_marks(text.folded_lines[title_index]) if title_index is not None else ""
    head_removals: _Removals = {
        index: removal
        for index in range(body_start)
        if (removal := _head_removal(text, index, title_index, title_text))
    }
    if title_index is not None:
        head_removals[title_index] = (RemovalReason.TITLE, "text/title")
    return (
        head_removals
        | {index: removal for index, removal in removals.items() if index != title_index}
        | _author_name_removals(text, body_start, head_removals)
    )


def _head_removal(text: TextLines, index: int, title_index: int | None, title_text: str) -> _Removal | None:
    """Return the reason and rule that remove a line before the body, None if it is kept."""
    line = strip_outer_marks(text.folded_lines[index])
    if title_text and line != title_text and title_text in line and not line.startswith(title_text):
        return RemovalReason.BREADCRUMB, "text/breadcrumb-glued"
    if title_text and index != title_index and line.startswith(title_text):
        return RemovalReason.DUPLICATE, "text/title-again"
    rule = text.matching_rule(index, BEFORE_BODY)
    if rule:
        return rule.reason, rule.name
    if title_index is not None and index < title_index and count_words(line) <= 8:
        return RemovalReason.NAVIGATION, "text/before-title"
    return None


def _author_name_removals(text: TextLines, body_start: int, head_removals: _Removals) -> _Removals:
    """Find lines of a name alone (capitalised words) next to a date or byline."""
    dated_indices = {
        index for index, (reason, _) in head_removals.items() if reason in (RemovalReason.DATE, RemovalReason.BYLINE)
    }
    candidates = (
        index for index in range(body_start) if index not in head_removals and {index - 1, index + 1} & dated_indices
    )
    return {
        index: (RemovalReason.BYLINE, "text/name") for index in candidates if _NAME.fullmatch(text.blocks[index].text)
    }


def _tail_removal(shapes: str, index: int) -> _Removal:
    if shapes[index] == "C":
        return RemovalReason.RELATED, "text/teaser-cut"
    if shapes[index + 1 : index + 2] in ("D", "C"):
        return RemovalReason.RELATED, "text/teaser-title"
    return RemovalReason.NAVIGATION, "text/tail-line"


def _find_repeats(text: TextLines, title_index: int | None, removals: _Removals) -> Iterator[tuple[int, _Removal]]:
    """Find repeated paragraphs except for the first copy, and repeats of the headline."""
    earlier_lines: set[str] = set()
    title_text = text.folded_lines[title_index] if title_index is not None else None
    for index, line in enumerate(text.folded_lines):
        if index in removals:
            continue
        if line == title_text and count_words(line) > 3:
            yield index, (RemovalReason.DUPLICATE, "text/title-again")
        elif line in earlier_lines and count_words(line) >= REPEAT_WORDS:
            yield index, (RemovalReason.DUPLICATE, "text/paragraph-again")
        earlier_lines.add(line)


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
_MIN_KEPT_WORDS = 30  # the same if the model keeps fewer words than this, and fewer than the rules
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
    """Return the threshold of each line's chance, by the rules' verdict and the cleanness of the text."""
    ruled_by_phrase = [_is_ruled(verdict) for verdict in rule_verdicts]
    is_nearly_clean = (
        sum(ruled_by_phrase) < _CLEAN_LINES or (word_counts * chances).sum() >= _CLEAN_SHARE * word_counts.sum()
    )
    # One more line improves the expected F1 if its chance is above half of the best F1.
    order = np.argsort(-chances, kind="stable")
    expected_words, chosen_words = np.cumsum((word_counts * chances)[order]), np.cumsum(word_counts[order])
    best_threshold = float((expected_words / (chosen_words + expected_words[-1])).max())
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


def _combined_verdict(rule_verdict: Verdict, model_vote: Vote, is_kept: bool) -> Verdict:
    """Combine both verdicts on a line: the model decides, all votes stay, and the rules' reason if both remove it."""
    if is_kept:
        return rule_verdict if rule_verdict.kept else verdict_by(MODEL_KEEPS, *rule_verdict.votes)
    if not rule_verdict.kept:
        return Verdict(False, rule_verdict.reason, rule_verdict.rule, (*rule_verdict.votes, model_vote))
    return verdict_by(model_vote, *rule_verdict.votes)


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
