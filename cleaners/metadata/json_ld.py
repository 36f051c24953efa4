"""JSON-LD as pages really carry it: read as far as it can be, and the node of the article chosen.

Broken blocks (trailing commas, raw line breaks, HTML entities, CDATA and comment marks, a cut end) are repaired;
what no repair can read is searched for the few members that matter.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

Node = dict[str, Any]

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
_INSIDE = ("@graph", "mainEntity", "mainEntityOfPage", "itemReviewed", "review")
_ARTICLE = re.compile(r"(?:Article|Posting|Report|Review|Recipe|HowTo|CreativeWork|Thesis|Chapter|Story)$")
_MAX_DEPTH = 6
_MAX_BLOCK = 1_000_000  # characters; a larger block is a data dump


def read_nodes(text: str) -> list[Node]:
    """Return the nodes of one `application/ld+json` script, `@graph` and main entities opened, broken or not.

    The last few are remembered, since several stages read them: nobody may change a node.
    """
    return list(_read_nodes(text))


@lru_cache(maxsize=4)
def _read_nodes(text: str) -> tuple[Node, ...]:
    if len(text) > _MAX_BLOCK:
        return ()
    values = _load(text)
    if values is None:
        salvaged = _salvage(text)
        return (salvaged,) if salvaged else ()
    return tuple(_nodes(values, 0))


def types_of(node: Node) -> tuple[str, ...]:
    """Return the node's types without their vocabulary's address."""
    value = node.get("@type") or ()
    values = value if isinstance(value, list) else [value]
    return tuple(str(each).rsplit("/", 1)[-1].rsplit(":", 1)[-1] for each in values if each)


def is_article(node: Node) -> bool:
    """Say whether the node describes a text: NewsArticle, BlogPosting, Report, Review, Recipe and the like."""
    return any(_ARTICLE.search(name) for name in types_of(node))


def strings(value: Any) -> Iterator[str]:
    """Yield the names a member's value states: plain strings, `name`s and `@value`s, through lists."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value[:100]:
            yield from strings(each)
    elif isinstance(value, dict):
        for key in ("name", "@value", "url", "@id"):
            if value.get(key):
                yield from strings(value[key])
                return


def resolve(value: Any, by_id: dict[str, Node]) -> Any:
    """Replace references (`{"@id": …}` alone) by the nodes they name."""
    if isinstance(value, list):
        return [resolve(each, by_id) for each in value]
    if isinstance(value, dict) and "name" not in value and isinstance(value.get("@id"), str):
        return by_id.get(value["@id"], value)
    return value


def _load(text: str) -> list[Any] | None:
    for repaired in _repairs(text):
        try:
            return [json.loads(repaired, strict=False)]
        except (ValueError, RecursionError):
            continue
    return _load_sequence(text)


def _repairs(text: str) -> Iterator[str]:
    """Yield the text, then ever more intrusive repairs of it."""
    text = text.strip().strip(";\ufeff")
    yield text
    text = _WRAPPING.sub("", text)
    yield text
    text = _BAD_ESCAPE.sub(r"\\\\", _TRAILING_COMMA.sub(r"\1", text))
    yield text
    yield _MISSING_COMMA.sub(r"\1,\2", text)
    if "&" in text:
        yield html.unescape(text)


def _load_sequence(text: str) -> list[Any] | None:
    """Read objects that follow each other without a list around them."""
    decoder = json.JSONDecoder(strict=False)
    text = _WRAPPING.sub("", text).strip()
    found: list[Any] = []
    while text:
        try:
            value, end = decoder.raw_decode(text)
        except (ValueError, RecursionError):
            break
        found.append(value)
        text = text[end:].lstrip(" \t\r\n,;")
    return found or None


def _salvage(text: str) -> Node:
    """Pick the members that matter out of a block that cannot be read; the first of each name counts."""
    node: Node = {}
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


def _nodes(value: Any, depth: int) -> Iterator[Node]:
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, list):
        for each in value[:500]:
            yield from _nodes(each, depth + 1)
    elif isinstance(value, dict):
        yield value
        for key in _INSIDE:
            if isinstance(value.get(key), (dict, list)):
                yield from _nodes(value[key], depth + 1)
