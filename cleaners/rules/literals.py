"""What a text must contain for a pattern to match it, told from the pattern: most patterns need not be tried at all."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from re import _parser  # type: ignore[attr-defined]
from typing import Any

_REPEATS = frozenset(("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"))
_DIGITS = frozenset("0123456789")
_COMMON = frozenset(" .,:;-'abcdefghijklmnopqrstuvwxyz")  # alone they stand in nearly every text
_MOST = 20  # characters of a set that are listed

_Parsed = Iterable[tuple[Any, Any]]


@cache
def literals_of(pattern: str) -> frozenset[str]:
    """Texts of which one stands in every text that the pattern matches; empty where none are known.

    A digit of any script counts as one of 0 to 9.
    """
    parsed = _parser.parse(pattern)
    return _of_sequence(parsed) if parsed.state.flags == re.UNICODE else frozenset()


def _of_sequence(parsed: _Parsed) -> frozenset[str]:
    """The literals of the part of a sequence that tells most: the longest, then the fewest."""
    found: list[frozenset[str]] = []
    run = ""
    for operation, told in parsed:
        if str(operation) == "LITERAL":
            run += chr(told)
        else:
            found += frozenset((run,)), _of_part(str(operation), told)
            run = ""
    told_by = [each for each in (*found, frozenset((run,))) if each and "" not in each]
    return max(told_by, key=_worth, default=frozenset())


def _worth(literals: frozenset[str]) -> tuple[int, int]:
    return min(0 if each in _COMMON else len(each.strip()) for each in literals), -len(literals)


def _of_part(operation: str, told: Any) -> frozenset[str]:
    if operation == "BRANCH":
        branches = [_of_sequence(branch) for branch in told[1]]
        return frozenset().union(*branches) if all(branches) else frozenset()
    if operation == "SUBPATTERN":
        _, added, removed, inner = told
        return frozenset() if added or removed else _of_sequence(inner)
    if operation in _REPEATS:
        least, _, inner = told
        return _of_sequence(inner) if least else frozenset()
    return _of_set(told) if operation == "IN" else frozenset()


def _of_set(members: _Parsed) -> frozenset[str]:
    found: frozenset[str] = frozenset()
    for operation, told in members:
        if str(operation) == "LITERAL":
            found |= {chr(told)}
        elif str(operation) == "RANGE" and told[1] - told[0] < _MOST:
            found |= {chr(code) for code in range(told[0], told[1] + 1)}
        elif str(told) == "CATEGORY_DIGIT":
            found |= _DIGITS
        else:
            return frozenset()
    return found
