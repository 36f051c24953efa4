"""What an answer's headers and a page's metas ask of robots, as short strings. Pure.

`noindex` is asked of every robot, `googlebot: noindex` of one. Names are in lower case; a value follows its name after
a colon: `max-snippet: 20`, `unavailable_after: 25 jun 2030`, `tdm-reservation: 1`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from importlib.resources import files

from lxml.html import HtmlElement

from cleaners.html.tag_index import Walked

_FACTS = tomllib.loads(files(__package__).joinpath("robots_directives.toml").read_text(encoding="utf-8"))
_PLAIN = frozenset(_FACTS["plain"])
_VALUED = frozenset(_FACTS["valued"])
_TDM = frozenset(_FACTS["tdm"])
HEADERS = frozenset(("x-robots-tag", *_TDM))
"""The headers that are read, lower case."""

_ROBOT = re.compile(r"[a-z0-9][a-z0-9._-]{0,60}")
_BETWEEN = re.compile(r",(?!\s*\d{1,2}[ -][a-z]{3})", re.IGNORECASE)  # not the comma in `Friday, 25-Jun-10`
_MOST = 64  # directives of one answer or page
_LONGEST = 300  # characters of one


def header_directives(headers: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """What the headers ask, sorted, each once; `headers` are (lower-case name, value) pairs."""
    found: set[str] = set()
    for name, value in headers:
        if name == "x-robots-tag":
            found.update(_read(value))
        elif name in _TDM:
            found.add(_tdm(name, value))
    return _bounded(found)


def meta_directives(tree: HtmlElement | Walked) -> tuple[str, ...]:
    """What a page's metas ask, sorted, each once: `robots`, those named after a robot, and TDM Reservation."""
    found: set[str] = set()
    for meta in tree.iter("meta"):
        name, content = (meta.get("name") or "").strip().lower(), meta.get("content") or ""
        if name == "robots":
            found.update(_read(content))
        elif name in _TDM:
            found.add(_tdm(name, content))
        elif _ROBOT.fullmatch(name) and len(content) <= _LONGEST:
            found.update(_for_one(name, content))
    return _bounded(found)


def binding(directives: Iterable[str], robot: str) -> frozenset[str]:
    """Those of the directives that are meant for everybody or for `robot`, a name in lower case."""
    own = f"{robot}: "
    return frozenset(each.removeprefix(own) for each in directives)


def _for_one(robot: str, content: str) -> Iterator[str]:
    """A meta named after a robot. Other metas are told by their words: all known, and one that asks for less."""
    said = list(_read(content))
    names = {each.partition(":")[0] for each in said}
    if names <= _PLAIN | _VALUED and any(name.startswith("no") or name in _VALUED for name in names):
        yield from (f"{robot}: {each}" for each in said)


def _read(value: str) -> Iterator[str]:
    """The directives of one value. A robot's name holds for all that follow it, up to the next name."""
    robot = ""
    for part in _BETWEEN.split(value)[:_MOST]:
        folded = " ".join(part.split()).lower()[:_LONGEST]
        name, colon, rest = folded.partition(":")
        name = name.strip()
        if colon and name not in _VALUED | _PLAIN and _ROBOT.fullmatch(name):
            robot, folded = f"{name}: ", rest.strip()
            name, colon, rest = folded.partition(":")
            name = name.strip()
        if name in _VALUED and colon:
            yield f"{robot}{name}: {rest.strip()}"
        else:
            yield from (f"{robot}{each}" for each in _words(folded))


def _words(part: str) -> list[str]:
    """A part without a comma: one directive, or several that blanks or semicolons keep apart."""
    words = part.replace(";", " ").split()
    return words if words and set(words) <= _PLAIN else [part] if part else []


def _tdm(name: str, value: str) -> str:
    return f"{name}: {' '.join(value.split())[:_LONGEST]}"


def _bounded(found: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(found)[:_MOST])
