"""Two versions of a text word by word: what stayed, what went, what came. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher

from cleaners.compare.folding import folded, pieces_of

SAME, GONE, CAME = "=", "-", "+"
_BRIDGE = 1  # words that stay between two changes and read better as part of them


def word_changes(before: str, after: str) -> tuple[tuple[str, str], ...]:
    """(what, text) in order: `=` for words of both, `-` for words of `before`, `+` for words of `after`.

    The texts of `=` and `+` together are `after`, but for typography that `folded` takes away.
    """
    old, new = pieces_of(before), pieces_of(after)
    steps = SequenceMatcher(None, list(map(folded, old)), list(map(folded, new)), autojunk=False)
    return tuple(_joined(list(_steps(steps, old, new))))


def _steps(matcher: SequenceMatcher[str], old: list[str], new: list[str]) -> Iterator[tuple[str, str, str]]:
    """(what, words before, words after), with a short word between two changes drawn into them."""
    codes = matcher.get_opcodes()
    for at, (tag, o1, o2, n1, n2) in enumerate(codes):
        between = 0 < at < len(codes) - 1 and n2 - n1 <= _BRIDGE
        what = SAME if tag == "equal" and not between else GONE + CAME
        yield what, "".join(old[o1:o2]), "".join(new[n1:n2])


def _joined(steps: list[tuple[str, str, str]]) -> Iterator[tuple[str, str]]:
    gone = came = ""
    for what, before, after in [*steps, (SAME, "", "")]:
        if what == SAME:
            yield from ((mark, text) for mark, text in ((GONE, gone), (CAME, came)) if text)
            gone = came = ""
            if after:
                yield SAME, after
        else:
            gone, came = gone + before, came + after
