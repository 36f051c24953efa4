"""The strings of which a text must contain one for a pattern to match it, so that most patterns need not be tried."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from re import _parser  # type: ignore[attr-defined]
from typing import Any

_REPEAT_OPERATIONS = frozenset(("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"))
_DIGITS = frozenset("0123456789")
_COMMON_CHARS = frozenset(" .,:;-'abcdefghijklmnopqrstuvwxyz")  # nearly every text has them
_MAX_RANGE = 20  # characters of a range, such as [a-f], that are listed

_Operations = Iterable[tuple[Any, Any]]
"""The (operation, argument) pairs of a pattern that `re` has parsed."""


@cache
def literals_of(pattern: str) -> frozenset[str]:
    """Return strings of which every text that the pattern matches contains one; empty if none are known.

    A digit of any script counts as one of 0 to 9.
    """
    parsed = _parser.parse(pattern)
    return _sequence_literals(parsed) if parsed.state.flags == re.UNICODE else frozenset()


def _sequence_literals(operations: _Operations) -> frozenset[str]:
    """Return the literals of the most selective part of a sequence: the longest ones, then the fewest."""
    literals_by_part: list[frozenset[str]] = []
    run = ""
    for operation, argument in operations:
        if str(operation) == "LITERAL":
            run += chr(argument)
        else:
            literals_by_part += frozenset((run,)), _part_literals(str(operation), argument)
            run = ""
    candidates = [literals for literals in (*literals_by_part, frozenset((run,))) if literals and "" not in literals]
    return max(candidates, key=_selectivity, default=frozenset())


def _selectivity(literals: frozenset[str]) -> tuple[int, int]:
    return min(0 if literal in _COMMON_CHARS else len(literal.strip()) for literal in literals), -len(literals)


def _part_literals(operation: str, argument: Any) -> frozenset[str]:
    if operation == "BRANCH":
        branches = [_sequence_literals(branch) for branch in argument[1]]
        return frozenset().union(*branches) if all(branches) else frozenset()
    if operation == "SUBPATTERN":
        _, added_flags, removed_flags, inner = argument
        return frozenset() if added_flags or removed_flags else _sequence_literals(inner)
    if operation in _REPEAT_OPERATIONS:
        min_count, _, inner = argument
        return _sequence_literals(inner) if min_count else frozenset()
    return _set_literals(argument) if operation == "IN" else frozenset()


def _set_literals(members: _Operations) -> frozenset[str]:
    """Return the characters of a set such as `[a-f0]`; empty if they are too many or a class other than digits."""
    chars: frozenset[str] = frozenset()
    for operation, argument in members:
        if str(operation) == "LITERAL":
            chars |= {chr(argument)}
        elif str(operation) == "RANGE" and argument[1] - argument[0] < _MAX_RANGE:
            chars |= {chr(code) for code in range(argument[0], argument[1] + 1)}
        elif str(argument) == "CATEGORY_DIGIT":
            chars |= _DIGITS
        else:
            return frozenset()
    return chars
