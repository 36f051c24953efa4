"""Reads JSON-LD scripts, broken ones included, into a flat list of nodes.

Broken blocks (trailing commas, raw line breaks, HTML entities, CDATA and comment marks, a cut end) are repaired;
a block that stays unreadable is searched for the few members that matter.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

JsonLdNode = dict[str, Any]

_WRAPPING = re.compile(r"^\s*(?://|/\*)?\s*(?:<!\[CDATA\[|<!--)\s*(?:\*/)?|(?://|/\*)?\s*(?:\]\]>|-->)\s*(?:\*/)?\s*$")
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")
_MISSING_COMMA = re.compile(r'([}\]"])(\s*\n\s*")')
_BAD_ESCAPE = re.compile(r'\\(?!["\\/bfnrt]|u[0-9a-fA-F]{4})')
_MEMBER = re.compile(
    r'"(@type|headline|datePublished|dateCreated|dateModified|inLanguage|description|articleSection)"\s*:\s*'
    r'"((?:[^"\\\n]|\\.)*)"'
)
_AUTHOR = re.compile(r'"author"\s*:\s*(\[[^\]]*\]|\{[^}]*\}|"[^"\n]*")')
_NAME = re.compile(r'"name"\s*:\s*"((?:[^"\\\n]|\\.)*)"')
_NESTING_MEMBERS = ("@graph", "mainEntity", "mainEntityOfPage", "itemReviewed", "review")
_ARTICLE_TYPE = re.compile(r"(?:Article|Posting|Report|Review|Recipe|HowTo|CreativeWork|Thesis|Chapter|Story)$")
_MAX_DEPTH = 6
_MAX_BLOCK_CHARS = 1_000_000  # a larger block is a data dump


def read_nodes(text: str) -> list[JsonLdNode]:
    """Return the nodes of one `application/ld+json` script, those in `@graph` and main entities included.

    The last few scripts are cached, since several stages read them: a node must not be changed.
    """
    return list(_read_cached_nodes(text))


@lru_cache(maxsize=4)
def _read_cached_nodes(text: str) -> tuple[JsonLdNode, ...]:
    if len(text) > _MAX_BLOCK_CHARS:
        return ()
    values = _parse_json(text)
    if values is None:
        salvaged_node = _salvage_members(text)
        return (salvaged_node,) if salvaged_node else ()
    return tuple(_nested_nodes(values, 0))


def types_of(node: JsonLdNode) -> tuple[str, ...]:
    """Return the node's types without their vocabulary: `NewsArticle` for `https://schema.org/NewsArticle`."""
    value = node.get("@type") or ()
    values = value if isinstance(value, list) else [value]
    return tuple(str(type_name).rsplit("/", 1)[-1].rsplit(":", 1)[-1] for type_name in values if type_name)


def is_article(node: JsonLdNode) -> bool:
    """Whether the node describes a text: NewsArticle, BlogPosting, Report, Review, Recipe and the like."""
    return any(_ARTICLE_TYPE.search(name) for name in types_of(node))


def string_values(value: Any) -> Iterator[str]:
    """Yield the strings of a member's value: of each list element itself or its `name`, `@value`, `url` or `@id`."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for element in value[:100]:
            yield from string_values(element)
    elif isinstance(value, dict):
        for key in ("name", "@value", "url", "@id"):
            if value.get(key):
                yield from string_values(value[key])
                return


def resolve_references(value: Any, by_id: dict[str, JsonLdNode]) -> Any:
    """Replace references (`{"@id": …}` without a name) by their nodes in `by_id`."""
    if isinstance(value, list):
        return [resolve_references(element, by_id) for element in value]
    if isinstance(value, dict) and "name" not in value and isinstance(value.get("@id"), str):
        return by_id.get(value["@id"], value)
    return value


def _parse_json(text: str) -> list[Any] | None:
    for repaired_text in _repairs(text):
        try:
            return [json.loads(repaired_text, strict=False)]
        except (ValueError, RecursionError):
            continue
    return _parse_sequence(text)


def _repairs(text: str) -> Iterator[str]:
    """Yield the text, then more and more intrusive repairs of it."""
    text = text.strip().strip(";\ufeff")
    yield text
    text = _WRAPPING.sub("", text)
    yield text
    text = _BAD_ESCAPE.sub(r"\\\\", _TRAILING_COMMA.sub(r"\1", text))
    yield text
    yield _MISSING_COMMA.sub(r"\1,\2", text)
    if "&" in text:
        yield html.unescape(text)


def _parse_sequence(text: str) -> list[Any] | None:
    """Parse objects that follow each other without a list around them; None if there is none."""
    decoder = json.JSONDecoder(strict=False)
    text = _WRAPPING.sub("", text).strip()
    values: list[Any] = []
    while text:
        try:
            value, end = decoder.raw_decode(text)
        except (ValueError, RecursionError):
            break
        values.append(value)
        text = text[end:].lstrip(" \t\r\n,;")
    return values or None


def _salvage_members(text: str) -> JsonLdNode:
    """Find the members that matter in a block that cannot be parsed; the first of each name counts."""
    node: JsonLdNode = {}
    for key, value in _MEMBER.findall(text):
        node.setdefault(key, _unescape(value))
    if author := _AUTHOR.search(text):
        names = _NAME.findall(author[1]) or ([author[1].strip('"')] if author[1].startswith('"') else [])
        node["author"] = [_unescape(name) for name in names]
    return node


def _unescape(value: str) -> str:
    try:
        return str(json.loads(f'"{value}"', strict=False))
    except ValueError:
        return value


def _nested_nodes(value: Any, depth: int) -> Iterator[JsonLdNode]:
    """Yield the nodes in a value, depth first."""
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, list):
        for element in value[:500]:
            yield from _nested_nodes(element, depth + 1)
    elif isinstance(value, dict):
        yield value
        for key in _NESTING_MEMBERS:
            if isinstance(value.get(key), (dict, list)):
                yield from _nested_nodes(value[key], depth + 1)
