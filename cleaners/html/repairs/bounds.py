"""Bounds on a page's elements and attributes, kept before it is parsed: what is beyond them is cut, and said.

A parser compares each attribute with all others of its element, and everything after it takes time by the element. No
page that people read comes near the bounds: of 2,000 the largest had 16,000 elements, and one element 136 attributes.
"""

from __future__ import annotations

import re
from itertools import islice

MAX_ELEMENTS = 250_000
"""Start tags of a page; the page ends before the next one."""

MAX_ATTRIBUTES = 4_000
"""Attributes of an element; further ones are left out."""

_START_TAG = re.compile(r"<[a-zA-Z]")
_LONG_TAG_CHARS = 2 * MAX_ATTRIBUTES  # a space and a letter each, at the least
_LONG_TAG = re.compile(rf"<[a-zA-Z][\w:-]*+[\s/][^<>]{{{_LONG_TAG_CHARS},}}")
_SCRIPT_OR_LONG_TAG = re.compile(rf"<(?is:script)\b(?is:.*?</script\b|.*)|{_LONG_TAG.pattern}")
_ATTRIBUTE = re.compile(r"""[\s/]+[^\s=<>"'/]++(?:\s*+=\s*+(?:"[^"]*"|'[^']*'|[^\s"'>]+))?+(?!\s*=)""")


def has_too_many_elements(text: str) -> bool:
    """Whether a page has more elements than it may have."""
    return text.count("<") > MAX_ELEMENTS and _end_of_elements(text) is not None


def cut_elements(text: str) -> str:
    """The page up to the first element beyond the bound."""
    return text[: _end_of_elements(text)]


def cut_attributes(text: str) -> str:
    """The page with at most so many attributes an element; quotes stay whole. One within the bound is returned as it
    is."""
    long_parts = [
        part for part in text.split("<") if len(part) > _LONG_TAG_CHARS
    ]  # in a fifth of the time of a pattern
    long_tags = (part.partition(">")[0] for part in long_parts)
    if all(len(tag) <= _LONG_TAG_CHARS or len(_attribute_ends(tag)) <= MAX_ATTRIBUTES for tag in long_tags):
        return text
    return _SCRIPT_OR_LONG_TAG.sub(_cut_attributes, text)  # slower: `a <b` in a script is no tag


def _end_of_elements(text: str) -> int | None:
    first_beyond = next(islice(_START_TAG.finditer(text), MAX_ELEMENTS, None), None)
    return first_beyond.start() if first_beyond else None


def _cut_attributes(tag: re.Match[str]) -> str:
    text = tag[0]
    if text[:7].lower() == "<script":
        return text
    ends = _attribute_ends(text)
    return text[: ends[MAX_ATTRIBUTES - 1]] + text[ends[-1] :] if len(ends) > MAX_ATTRIBUTES else text


def _attribute_ends(tag: str) -> list[int]:
    """Where each attribute of a start tag ends, as far as the tag has no `<` and `>` in its values."""
    return [attribute.end() for attribute in _ATTRIBUTE.finditer(tag)]
