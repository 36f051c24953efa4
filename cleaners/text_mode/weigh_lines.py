"""The rules' word on lines of text and the learned voice's brought together: a verdict for each line.

A text in which hardly any line is furniture by a rule is nearly clean already: from it the learned voice takes only
what it is sure of. Elsewhere it decides, and the rules explain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

import numpy as np

from cleaners.document import Column, Verdict, Vote
from cleaners.text_mode.text_lines import Text

_FEW = 3  # lines that a rule removes, below which a text counts as nearly clean; dumps of whole pages have 18 and more
_MOSTLY = 0.85  # so does one of which so much is the article's, as far as the model can tell
_HARDLY = 0.1  # the chance below which a line is removed from such a text though no rule is against it
_RATHER, _SURE = 0.5, 0.9  # from which a line is brought back there, and anywhere over a rule on the line itself
_OVER_CARDS = dict.fromkeys(("text/under", "text/teaser", "text/dated"), 0.6)  # in a dump, from a section or cards
_MORE, _LESS = 0.05, 0.05  # above the text's own line for lines to bring back; below it for what the rules keep
_NEVER = 2.0
_ONCE = frozenset(("title", "duplicate"))  # what is said elsewhere already is not brought back
_LITTLE, _FEW_WORDS = 0.15, 30  # of the words that the rules keep, below which the model is not believed
_OWN = frozenset(("title", "byline", "date", "duplicate"))  # reasons that say nothing of the lines below
_FOR = Vote("model", True, "model/kept", "rescued")
_SHAPES = {"C": ("text/teaser-cut", "related"), "D": ("text/date", "date")}
_vote = lru_cache(maxsize=1024)(Vote)


def weigh_lines(text: Text, named: Sequence[Verdict], chances: Column) -> tuple[Verdict, ...]:
    """Return the verdicts; `named` are those of the rules, `chances` the model's, 0 to 1."""
    words = np.array([block.words + 1 for block in text.blocks])
    kept = chances >= _all_needed(named, chances, words)
    before = sum(int(count) for count, verdict in zip(words, named, strict=True) if verdict.kept)
    after = int(words[kept].sum())
    if after < _LITTLE * before or (after < _FEW_WORDS and after < before):
        return tuple(named)
    votes = _against(text, named, kept)
    return tuple(_verdict(*each) for each in zip(named, votes, kept.tolist(), strict=True))


def _all_needed(named: Sequence[Verdict], chances: Column, words: Column) -> Column:
    """The chance from which each line is kept."""
    ruled = [_is_ruled(verdict) for verdict in named]
    nearly = sum(ruled) < _FEW or (words * chances).sum() >= _MOSTLY * words.sum()
    line = _line(words, chances)
    own, other = (_HARDLY, _RATHER) if nearly else (line - _LESS, line + _MORE)
    over = {"text/under": _SURE, "text/teaser": _NEVER, "text/dated": _NEVER} if nearly else _OVER_CARDS
    return np.array(
        [
            own if verdict.kept else _over(verdict, over, other, by_rule=by_rule)
            for verdict, by_rule in zip(named, ruled, strict=True)
        ]
    )


def _over(verdict: Verdict, over: Mapping[str, float], other: float, *, by_rule: bool) -> float:
    """The chance from which a line is brought back over the rules' verdict on it."""
    if verdict.reason in _ONCE:
        return _NEVER
    return _SURE if by_rule else over.get(verdict.rule.partition("-")[0], other)


def _is_ruled(verdict: Verdict) -> bool:
    return any(vote.voter == "rule" for vote in verdict.votes)


def _line(words: Column, chances: Column) -> float:
    """The chance from which one more line makes the text better: half of the F1 of the best choice."""
    order = np.argsort(-chances, kind="stable")
    hits, taken = np.cumsum((words * chances)[order]), np.cumsum(words[order])
    return float((hits / (taken + hits[-1])).max())


def _verdict(named: Verdict, own: Vote, kept: bool) -> Verdict:
    if kept:
        return named if named.kept else Verdict(True, _FOR.reason, _FOR.rule, (_FOR, *named.votes))
    if not named.kept:
        return Verdict(False, named.reason, named.rule, (*named.votes, own))
    return Verdict(False, own.reason, own.rule, (own, *named.votes))


def _against(text: Text, named: Sequence[Verdict], kept: Column) -> Iterator[Vote]:
    """The model's vote against each line, with what the lines around it show."""
    places = np.flatnonzero(kept)
    first, last = (int(places[0]), int(places[-1])) if len(places) else (len(kept), -1)
    nearest = ""
    for n, (verdict, shape) in enumerate(zip(named, text.shapes, strict=True)):
        if kept[n]:
            nearest = ""
        elif _is_ruled(verdict):
            nearest = "" if verdict.reason in _OWN else verdict.reason
        if n < first:
            rule, reason = "model/before-article", "header"
        elif shape in _SHAPES:
            rule, reason = _SHAPES[shape]
        elif nearest:
            rule, reason = f"model/beside-{nearest}", nearest
        else:
            rule, reason = ("model/after-article", "elsewhere") if n > last else ("model/inside-article", "boilerplate")
        yield _vote("model", False, rule, reason)
