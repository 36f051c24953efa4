"""Lines of text that another tool extracted, as numbers: what the learned voice of the text mode sees of them.

There is no markup; what is left is how long a line is and how it ends, which words it has in common with the text's
own paragraphs, what the rules say of it, and what stands around it. One row a line, one column a name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from cleaners.document import Column, Verdict
from cleaners.learned import characters as chars
from cleaners.learned.characters import Characters, count_characters
from cleaners.learned.column_math import around, last_before, neighbour, signed_log
from cleaners.text_mode.text_lines import Text

Columns = dict[str, Column]

_FAR = 200  # lines; what is farther away is as far as can be
_COPIES = 9
_LONG_WORD = re.compile(r"\w{4,}")
_WORD = re.compile(r"\w+")
_IDEOGRAPHS = 2  # of a script without spaces, as many as are compared like a word
_SYLLABLE = re.compile(r"[\u2e80-\ud7ff]{2}")
_BULLET = re.compile(r"[-–—•·*»›▪■●]\s|\d{1,2}[.)]\s")
_BARS = re.compile(r"[|»›•·/]")
_TIME = re.compile(r"\b\d{1,2}[:h.]\d{2}\b|\b(?:19|20)\d{2}\b")


def line_features(text: Text, named: Sequence[Verdict], title: int | None) -> tuple[list[str], Column]:
    """The features' names, and a row of them for each line. The text must have a line.

    `named` are the verdicts of the rules and of the order of lines; `title` is the line that they take for the title.
    """
    counts = count_characters([block.text for block in text.blocks])
    prose = np.array([shape == "P" for shape in text.shapes], float)
    judged = np.array([verdict.kept for verdict in named], float)
    columns = _letters(text, counts) | _shapes(text) | _voices(named)
    columns |= _likeness(text, prose * judged, title)
    columns |= _around(counts.words, prose, judged, columns)
    columns |= _places(counts.words, prose, judged, title) | _whole(counts.words, prose, judged, columns)
    return list(columns), np.stack([column.astype(np.float32) for column in columns.values()], axis=1)


def _letters(text: Text, counts: Characters) -> Columns:
    words = counts.words
    own = [_WORD.findall(block.text) for block in text.blocks]
    sizes = np.array([max(len(each), 1) for each in own])
    lines = [block.text for block in text.blocks]
    return {
        "words": np.log1p(words),
        "chars": np.log1p(counts.total),
        "digits": counts.share(chars.DIGIT),
        "capitals": counts.share(chars.UPPER),
        "marks": counts.share(chars.MARK, chars.OTHER),
        "ideographs": counts.share(chars.IDEOGRAPH),
        "ends": counts.classes[:, chars.END],
        "ends_a_word": counts.classes[:, chars.END] / words,
        "pauses_a_word": counts.classes[:, chars.PAUSE] / words,
        "word_chars": counts.total / words,
        "ends_sentence": counts.last == chars.END,
        "begins_capital": counts.first == chars.UPPER,
        "begins_lower": counts.first == chars.LETTER,
        "begins_digit": counts.first == chars.DIGIT,
        "small_words": np.array([sum(word.islower() for word in each) for each in own]) / sizes,
        "short_words": np.array([sum(len(word) <= 3 for word in each) for each in own]) / sizes,
        "bullet": np.array([_BULLET.match(line) is not None for line in lines]),
        "bars": np.array([len(_BARS.findall(line)) for line in lines]),
        "times": np.array([len(_TIME.findall(line)) for line in lines]),
        "colon": np.array([line.endswith((":", "：")) for line in lines]),
        "quoted": np.array([line[0] in '"“„«‘「『' for line in lines]),
        "address": np.array(["@" in line or "://" in line or "www." in line for line in lines]),
    }


def _shapes(text: Text) -> Columns:
    return {f"shape_{shape}": np.array([each == shape for each in text.shapes]) for shape in "PCDSRH"}


def _voices(named: Sequence[Verdict]) -> Columns:
    told = [(each.votes[0].voter if each.votes else "", each.rule) for each in named]
    return {
        "judged": np.array([each.kept for each in named]),
        "ruled": np.array([voter == "rule" for voter, _ in told]),
        "under": np.array([rule.startswith("text/under") for _, rule in told]),
        "tail": np.array([rule in ("text/tail-line", "text/before-title") for _, rule in told]),
        "copy": np.array([each.reason == "duplicate" for each in named]),
    }


def _likeness(text: Text, weights: Column, title: int | None) -> Columns:
    """Words in common with the text's own paragraphs and with the title; copies of a line, and of how it begins."""
    terms = [_terms(line) for line in text.folded]
    body: Counter[str] = Counter()
    for own, weight in zip(terms, weights.tolist(), strict=True):
        if weight:
            body.update(own)
    heading = terms[title] if title is not None else frozenset()
    times = Counter(text.folded)
    begins = Counter(" ".join(line.split()[:2]) for line in text.folded)
    sizes = np.array([max(len(own), 1) for own in terms])
    others = [sum(body[term] > weight for term in own) for own, weight in zip(terms, weights.tolist(), strict=True)]
    return {
        "body_share": np.array(others) / sizes,
        "title_share": np.array([len(own & heading) for own in terms]) / sizes,
        "title_told": np.array([len(own & heading) for own in terms]) / max(len(heading), 1),
        "copies": np.minimum([times[line] for line in text.folded], _COPIES),
        "alike": np.minimum([begins[" ".join(line.split()[:2])] for line in text.folded], _COPIES),
    }


def _terms(folded: str) -> frozenset[str]:
    return frozenset(_LONG_WORD.findall(folded)) | frozenset(_SYLLABLE.findall(folded))


def _around(words: Column, prose: Column, judged: Column, known: Columns) -> Columns:
    found: Columns = {}
    sizes = np.log1p(words)
    ends, ruled = known["ends_sentence"].astype(float), known["ruled"].astype(float)
    for step in (-3, -2, -1, 1, 2, 3):
        found[f"words_{step:+d}"] = neighbour(sizes, step, -1)
    for step in (-2, -1, 1, 2):
        found[f"ends_{step:+d}"] = neighbour(ends, step, -1)
        found[f"judged_{step:+d}"] = neighbour(judged, step, -1)
        found[f"ruled_{step:+d}"] = neighbour(ruled, step)
        found[f"times_{step:+d}"] = neighbour(known["times"].astype(float), step)
    for reach in (3, 8, 20):
        near = around(words, reach)
        found[f"near{reach}_words"] = np.log1p(near)
        found[f"near{reach}_prose"] = around(words * prose, reach) / near
        found[f"near{reach}_judged"] = around(words * judged, reach) / near
        found[f"near{reach}_ruled"] = around(ruled, reach) / around(np.ones(len(words)), reach)
        found[f"near{reach}_short"] = around((words < 6).astype(float), reach) / around(np.ones(len(words)), reach)
        found[f"near{reach}_body"] = around(words * known["body_share"], reach) / near
    return found


def _places(words: Column, prose: Column, judged: Column, title: int | None) -> Columns:
    places, weight = np.arange(len(words)), words * judged
    own = np.flatnonzero((prose > 0) & (judged > 0))
    own = own if len(own) else np.flatnonzero(judged)
    first, last = (int(own[0]), int(own[-1])) if len(own) else (0, len(words) - 1)
    chosen = prose > 0
    above, below = last_before(chosen), len(places) - 1 - last_before(chosen[::-1])[::-1]
    return {
        "place": places / len(places),
        "from_top": np.log1p(places),
        "from_end": np.log1p(len(places) - 1 - places),
        "words_before": (np.cumsum(words) - words) / words.sum(),
        "judged_before": (np.cumsum(weight) - weight) / max(weight.sum(), 1),
        "from_first": signed_log(places - first),
        "from_last": signed_log(places - last),
        "from_title": signed_log(places - title) if title is not None else np.full(len(places), -9),
        "since_prose": np.log1p(np.where(above < 0, _FAR, np.minimum(places - above, _FAR))),
        "until_prose": np.log1p(np.where(below >= len(places), _FAR, np.minimum(below - places, _FAR))),
        "run_words": np.log1p(_runs(words, prose)),
    }


def _runs(words: Column, prose: Column) -> Column:
    """Words of the unbroken run of prose, or of what is no prose, that each line stands in."""
    starts = np.flatnonzero(np.diff(prose, prepend=-1))
    run = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(prose)))
    found: Column = np.bincount(run, words)[run]
    return found


def _whole(words: Column, prose: Column, judged: Column, known: Columns) -> Columns:
    facts = {
        "all_lines": np.log1p(len(words)),
        "all_words": np.log1p(words.sum()),
        "all_prose": (words * prose).sum() / words.sum(),
        "all_judged": (words * judged).sum() / words.sum(),
        "all_short": (words < 6).mean(),
        "all_ruled": known["ruled"].mean(),
        "all_ends": known["ends_sentence"].mean(),
    }
    return {name: np.full(len(words), fact) for name, fact in facts.items()}
