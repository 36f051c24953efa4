"""Judge text that another tool already extracted: the markup is gone; lines, order, repeats and phrases are left.

The rules decide on the string of the lines' shapes; `textlines` says what the letters mean. Then a learned voice looks
at every line (`line_features`), and `weigh_lines` brings both together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from cleaners.document import Block, Verdict, Vote
from cleaners.learned.model import LINES, probabilities
from cleaners.rules.matcher import RuleBook, core, count_words
from cleaners.rules.rule import Rule
from cleaners.text_mode.line_features import line_features
from cleaners.text_mode.text_lines import AFTER, BEFORE, BETWEEN, SENTENCE_END, Text, blocks_of_text, read_lines
from cleaners.text_mode.weigh_lines import weigh_lines

__all__ = ["blocks_of_text", "judge_text"]

REPEAT_WORDS = 12
"""A repeated line is a paragraph printed twice from this length on; verse has refrains and interviews have names."""
COMMENTS_SHARE = 0.25
"""Comments run to the end only if this share of all prose stands above them: a counter under the headline does not."""

_DATED_CARDS = re.compile(r"(?:[RH]*S+D[PC]?){2,}[RHD]*$")
_CUT_CARDS = re.compile(r"S?C(?:[RHDS]*C)+[RHDS]*$")
_RESUMED = re.compile(r"P[SR]?P")
_NAME = re.compile(r"[^\W\d_a-zà-ÿ]\S*(?: (?:de|van|von|da|di|del|la|le|[^\W\d_a-zà-ÿ]\S*)){1,4}")
_SECTION_REASONS = frozenset({"date", "byline", "related", "caption", "tags"})
"""Under a heading these are parts of its cards and keep its reason."""

_Fate = tuple[str, str]  # reason, rule
_Fates = dict[int, _Fate]


def judge_text(blocks: tuple[Block, ...], rules: RuleBook) -> tuple[str, tuple[Verdict, ...]]:
    """The title, or an empty string, and a verdict a block. The title's own line is removed with reason `title`."""
    if not blocks:
        return "", ()
    text = read_lines(blocks, rules)
    title, named = named_lines(text)
    names, rows = line_features(text, named, title)
    verdicts = weigh_lines(text, named, probabilities(names, rows, LINES))
    return (blocks[title].text if title is not None else ""), verdicts


def named_lines(text: Text) -> tuple[int | None, tuple[Verdict, ...]]:
    """The title's line, and what the rules and the order of the lines say, before the learned voice is heard."""
    fates = _sections(text)
    first, last = _body_span(text, fates)
    title = _title_index(text, first, fates)
    fates |= _judge_head(text, title, first, fates)
    fates |= _judge_middle(text, first, last, fates)
    fates |= _judge_tail(text, last, fates)
    fates |= _repeats(text, title, fates)
    return title, tuple(_verdict(fates.get(index)) for index in range(len(text.blocks)))


def _verdict(fate: _Fate | None) -> Verdict:
    if fate is None:
        return Verdict(True, "article", "text/body", (Vote("context", True, "text/body"),))
    reason, rule = fate
    voter = "context" if rule.startswith("text/") else "rule"
    return Verdict(False, reason, rule, (Vote(voter, False, rule),))


def _sections(text: Text) -> _Fates:
    """The lines of each furniture section, its heading included, and of dated headline cards at the end."""
    fates: _Fates = {}
    first = text.shapes.find("P")
    for index, shape in enumerate(text.shapes):
        if shape == "H" and index not in fates:
            rule = text.rule(index, AFTER)
            end = _section_end(text, index, rule, first) if rule else index
            fates |= {each: _fate_in_section(text, each, index, rule) for each in range(index, end) if rule}
    return _cards(text, fates) | fates


def _section_end(text: Text, head: int, rule: Rule, first: int) -> int:
    """Where the section that this heading opens ends; the heading's own index if it opens none."""
    if not 0 <= first < head:
        return head
    if rule.reason == "related":
        return _related_end(text.shapes, head)
    if rule.reason == "comments":
        return len(text.shapes) if _holds_body(text, head) else head
    following = text.shapes.find("H", head + 1)
    end = following if following > 0 else len(text.shapes)
    return end if _is_aside(text, head, end) else head


def _holds_body(text: Text, head: int) -> bool:
    return text.words(range(head)) >= COMMENTS_SHARE * text.words(range(len(text.shapes)))


def _is_aside(text: Text, head: int, end: int) -> bool:
    """Whether what follows a heading such as `About us` is too small to be the article going on."""
    return "PPP" not in text.shapes[head:end] and 2 * text.words(range(head, end)) < text.words(range(head))


def _related_end(shapes: str, head: int) -> int:
    """Up to the next article paragraph. Excerpts that are whole sentences are told by the headline above each."""
    goes_on = _RESUMED.search(shapes, head)
    cards = 0
    for index in range(head + 1, len(shapes)):
        if shapes[index] == "H":
            return index
        if shapes[index] == "P":
            if goes_on or not _is_excerpt(shapes, index, cards):
                return index
            cards += 1
    return len(shapes)


def _is_excerpt(shapes: str, index: int, cards: int) -> bool:
    follows = shapes[index + 1 : index + 2]
    return shapes[index - 1] in "SD" and (cards > 0 or (follows != "" and follows in "SDC"))


def _fate_in_section(text: Text, index: int, head: int, rule: Rule | None) -> _Fate:
    assert rule is not None
    own = text.rule(index, AFTER)
    if own and own.reason not in _SECTION_REASONS:
        return own.reason, own.name
    return rule.reason, rule.name if index == head else f"text/under-{rule.name.replace('/', '-')}"


def _cards(text: Text, fates: _Fates) -> _Fates:
    """Headline, date and excerpt, at least twice, at the very end, where no heading announces them."""
    body = "".join("R" if index in fates else shape for index, shape in enumerate(text.shapes))
    found = _DATED_CARDS.search(body, body.find("P") + 1) if "P" in body else None
    if not found or body[: found.start()].count("P") == 0:
        return {}
    return {index: ("related", "text/dated-cards") for index in range(*found.span()) if body[index] not in "RH"}


def _body_span(text: Text, fates: _Fates) -> tuple[int, int]:
    """The first and last article line. Without prose (verse, lists) every line that no rule removes is one."""
    free = [index for index, shape in enumerate(text.shapes) if index not in fates and shape not in "RHD"]
    prose = [index for index in free if text.shapes[index] == "P"]
    if prose:
        return prose[0], prose[-1]
    return (free[min(1, len(free) - 1)], free[-1]) if free else (0, -1)


def _title_index(text: Text, first: int, fates: _Fates) -> int | None:
    heads = [index for index in range(first) if text.shapes[index] in "SC" and index not in fates]
    again = [index for index in heads if _glued_before(text, index)]
    if again:
        return again[-1]
    named = [index for index in heads if _may_be_title(text, index)]
    scores = {index: _likeness(text, index, first) for index in named}
    best = max(scores.values(), default=0.0)
    return next((index for index in named if scores[index] >= 0.7 * best), None)


def _may_be_title(text: Text, index: int) -> bool:
    line = text.blocks[index].text
    return core(line) != "" and not SENTENCE_END.search(line) and not text.rule(index, BEFORE)


def _glued_before(text: Text, index: int) -> bool:
    """Whether an earlier line repeats this one, alone, after a breadcrumb or before the name of the site."""
    line = core(text.folded[index])
    earlier = (core(text.folded[before]) for before in range(max(0, index - 12), index))
    return count_words(line) > 1 and any(each.endswith(line) or each.startswith(line) for each in earlier)


def _likeness(text: Text, index: int, first: int) -> float:
    """How much a line before the body is like its headline: its words return in the text, and it is no label."""
    words = set(re.findall(r"\w{4,}", text.folded[index]))
    body = set(re.findall(r"\w{4,}", " ".join(text.folded[first : first + 8])))
    near = 1 / (1 + 0.1 * (first - index))
    return 0.2 + len(words & body) / max(3, len(words)) + 0.5 * near * (count_words(text.folded[index]) >= 4)


def _judge_head(text: Text, title: int | None, first: int, fates: _Fates) -> _Fates:
    heading = core(text.folded[title]) if title is not None else ""
    found: _Fates = {index: fate for index in range(first) if (fate := _head_fate(text, index, title, heading))}
    if title is not None:
        found[title] = ("title", "text/title")
    return found | {index: fate for index, fate in fates.items() if index != title} | _names(text, first, found)


def _head_fate(text: Text, index: int, title: int | None, heading: str) -> _Fate | None:
    line = core(text.folded[index])
    if heading and line != heading and heading in line and not line.startswith(heading):
        return "breadcrumb", "text/breadcrumb-glued"
    if heading and index != title and line.startswith(heading):
        return "duplicate", "text/title-again"
    rule = text.rule(index, BEFORE)
    if rule:
        return rule.reason, rule.name
    if title is not None and index < title and count_words(line) <= 8:
        return "navigation", "text/before-title"
    return None


def _names(text: Text, first: int, found: _Fates) -> _Fates:
    """Names of authors: capitalised words alone on a line beside a date or byline."""
    signs = {index for index, (reason, _) in found.items() if reason in ("date", "byline")}
    near = (index for index in range(first) if index not in found and {index - 1, index + 1} & signs)
    return {index: ("byline", "text/name") for index in near if _NAME.fullmatch(text.blocks[index].text)}


def _judge_middle(text: Text, first: int, last: int, fates: _Fates) -> _Fates:
    indices = (index for index in range(max(first, 0), last + 1) if index not in fates)
    rules = ((index, text.rule(index, BETWEEN)) for index in indices)
    return {index: (rule.reason, rule.name) for index, rule in rules if rule}


def _judge_tail(text: Text, last: int, fates: _Fates) -> _Fates:
    """After the last paragraph: what a rule names; and every other line once furniture has begun."""
    found: _Fates = {}
    begun = _cards_begin(text.shapes, last)
    for index in range(last + 1, len(text.shapes)):
        rule = text.rule(index, AFTER)
        if index in fates or rule:
            begun = min(begun, index)
        if index not in fates and (rule or index >= begun):
            found[index] = (rule.reason, rule.name) if rule else _tail_fate(text.shapes, index)
    return found


def _cards_begin(shapes: str, last: int) -> int:
    """Where truncated teasers begin after the body. One that follows the last paragraph directly ends the article."""
    cards = _CUT_CARDS.search(shapes, last + 1)
    return cards.start() if cards else len(shapes)


def _tail_fate(shapes: str, index: int) -> _Fate:
    if shapes[index] == "C":
        return "related", "text/teaser-cut"
    if shapes[index + 1 : index + 2] in ("D", "C"):
        return "related", "text/teaser-title"
    return "navigation", "text/tail-line"


def _repeats(text: Text, title: int | None, fates: _Fates) -> _Fates:
    """A paragraph printed twice keeps its first printing; the headline does not return in the text."""
    return dict(_repeated(text, title, fates))


def _repeated(text: Text, title: int | None, fates: _Fates) -> Iterator[tuple[int, _Fate]]:
    seen: set[str] = set()
    heading = text.folded[title] if title is not None else None
    for index, line in enumerate(text.folded):
        if index in fates:
            continue
        if line == heading and count_words(line) > 3:
            yield index, ("duplicate", "text/title-again")
        elif line in seen and count_words(line) >= REPEAT_WORDS:
            yield index, ("duplicate", "text/paragraph-again")
        seen.add(line)
