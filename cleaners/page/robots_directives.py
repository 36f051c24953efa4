"""Robots directives in a response's headers and a page's metas, as short strings.

`noindex` is meant for every robot, `googlebot: noindex` for one. Names are in lower case; a value follows its name
after a colon: `max-snippet: 20`, `unavailable_after: 25 jun 2030`, `tdm-reservation: 1`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from lxml.html import HtmlElement

from ..package_data import read_toml
from .elements import TagIndex

_DATA = read_toml(__package__, "robots_directives.toml")
_PLAIN_NAMES = frozenset(_DATA["plain"])
_VALUED_NAMES = frozenset(_DATA["valued"])
_TDM_NAMES = frozenset(_DATA["tdm"])
_ROBOT_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,60}")
_SEPARATOR = re.compile(r",(?!\s*\d{1,2}[ -][a-z]{3})", re.IGNORECASE)  # not the comma in `Friday, 25-Jun-10`
_MAX_DIRECTIVES = 64  # of one response or page
_MAX_CHARS = 300  # of one directive


def header_directives(headers: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return the directives in the headers, sorted, each once; `headers` are (lower-case name, value) pairs."""
    directives: set[str] = set()
    for name, value in headers:
        if name == "x-robots-tag":
            directives.update(_parse_value(value))
        elif name in _TDM_NAMES:
            directives.add(_tdm_directive(name, value))
    return _sorted_and_bounded(directives)


def meta_directives(tree: HtmlElement | TagIndex) -> tuple[str, ...]:
    """Return the directives in a page's metas, sorted, each once: `robots`, a robot's name, and TDM Reservation."""
    directives: set[str] = set()
    for meta in tree.iter("meta"):
        name, content = (meta.get("name") or "").strip().lower(), meta.get("content") or ""
        if name == "robots":
            directives.update(_parse_value(content))
        elif name in _TDM_NAMES:
            directives.add(_tdm_directive(name, content))
        elif _ROBOT_NAME.fullmatch(name) and len(content) <= _MAX_CHARS:
            directives.update(_parse_named_meta(name, content))
    return _sorted_and_bounded(directives)


def read_robots_directives(tree: HtmlElement | TagIndex, of_headers: tuple[str, ...]) -> tuple[str, ...]:
    """Return the robots directives of the page's metas and of its headers, sorted, each once."""
    return tuple(sorted({*of_headers, *meta_directives(tree)}))


def directives_for(directives: Iterable[str], robot: str) -> frozenset[str]:
    """Return the directives for `robot`, a name in lower case, without that name.

    Directives for every robot are among them; those for other robots are too, with the robot's name.
    """
    prefix = f"{robot}: "
    return frozenset(directive.removeprefix(prefix) for directive in directives)


def _parse_named_meta(robot: str, content: str) -> Iterator[str]:
    """Yield the directives of a meta that is named after a robot, and nothing for any other meta.

    It is taken for a robot's if its content is known directives only, and one of them is a restriction.
    """
    directives = list(_parse_value(content))
    names = {directive.partition(":")[0] for directive in directives}
    if names <= _PLAIN_NAMES | _VALUED_NAMES and any(name.startswith("no") or name in _VALUED_NAMES for name in names):
        yield from (f"{robot}: {directive}" for directive in directives)


def _parse_value(value: str) -> Iterator[str]:
    """Yield the directives in one value. A robot's name applies to all that follow it, up to the next name."""
    prefix = ""
    for part in _SEPARATOR.split(value)[:_MAX_DIRECTIVES]:
        folded = " ".join(part.split()).lower()[:_MAX_CHARS]
        name, colon, rest = folded.partition(":")
        name = name.strip()
        if colon and name not in _VALUED_NAMES | _PLAIN_NAMES and _ROBOT_NAME.fullmatch(name):
            prefix, folded = f"{name}: ", rest.strip()
            name, colon, rest = folded.partition(":")
            name = name.strip()
        if name in _VALUED_NAMES and colon:
            yield f"{prefix}{name}: {rest.strip()}"
        else:
            yield from (f"{prefix}{directive}" for directive in _split_words(folded))


def _split_words(part: str) -> list[str]:
    """Split a part without a comma: one directive, or several with spaces or semicolons between them."""
    words = part.replace(";", " ").split()
    return words if words and set(words) <= _PLAIN_NAMES else [part] if part else []


def _tdm_directive(name: str, value: str) -> str:
    return f"{name}: {' '.join(value.split())[:_MAX_CHARS]}"


def _sorted_and_bounded(directives: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(directives)[:_MAX_DIRECTIVES])
