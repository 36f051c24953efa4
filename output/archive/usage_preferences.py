"""Usage preferences of a response: `Content-Usage` (IETF AIPREF) and `Content-Signal`, in its headers or robots.txt.

A stated preference is a line as it came, after its source: `Content-Usage: train-ai=n`, `robots.txt Content-Usage:
/blog search=y`. The preferences that follow are `train-ai=n` for a refused use, `train-ai=y` for a granted one; a use
of which nothing is said is not among them. Of lines that contradict one another the refusal counts, and of a line that
is not a dictionary (RFC 9651) what it refuses. Drafts: draft-ietf-aipref-attach, draft-ietf-aipref-vocab.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from broadsheet.cleaners.package_data import read_toml

_DATA = read_toml(__package__, "usage_preferences.toml")
USES: tuple[str, ...] = tuple(_DATA["uses"])
"""The uses that are told apart."""

PICTURE_REFUSALS = ("noimageindex", "noimageai", "broadsheet: noimageindex", "broadsheet: noimageai")
"""Directives of a page that ask not to use its pictures."""

_USES_BY_LABEL: dict[str, list[str]] = _DATA["labels"]
_GRANTS = frozenset(_DATA["grants"])
_DIRECTIVES: dict[str, list[str]] = _DATA["directives"]
_ROBOTS_SOURCE = "robots.txt "
_LABELS = {"content-usage": "Content-Usage", "content-signal": "Content-Signal"}  # of headers and of lines
_GROUP_RULES = frozenset(("allow", "disallow", "crawl-delay", "request-rate", *_LABELS))
_REFUSED = re.compile(rf"([a-z0-9_.*-]+)\s*[=:]\s*\"?(?:{'|'.join(map(re.escape, _DATA['refusals']))})(?![\w.*/-])")
_MEMBER = re.compile(r"\s*([a-z*][a-z0-9_.*-]*)(?:=([^\s,;=\"]+|\"[^\"]*\"))?(?:\s*;[^,]*)?\s*")
_PERCENT = re.compile(r"%([0-9a-f]{2})", re.IGNORECASE)
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_MAX_LINES = 64  # of one response
_MAX_CHARS = 500  # of one line


def header_statements(headers: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return the preferences that the headers state, each once; `headers` are (lower-case name, value) pairs.

    >>> header_statements([("content-usage", "train-ai=n"), ("date", "Mon")])
    ('Content-Usage: train-ai=n',)
    """
    lines = (f"{_LABELS[name]}: {_clip(value)}" for name, value in headers if name in _LABELS and value.strip())
    return tuple(dict.fromkeys(lines))[:_MAX_LINES]


def usage_of(statements: Iterable[str]) -> tuple[str, ...]:
    """Return the preferences that the statements add up to, sorted by use. Where two differ, the stricter one counts.

    >>> usage_of(["Content-Usage: train-ai=y, search=y", "robots.txt Content-Signal: ai-train=no"])
    ('search=y', 'train-ai=n')
    """
    refused: set[str] = set()
    granted: set[str] = set()
    for statement in statements:
        value = statement.removeprefix(_ROBOTS_SOURCE).partition(":")[2].strip()
        expression = (value.partition(" ")[2] if value.startswith("/") else value).lower()
        refused.update(_uses(match[1] for match in _REFUSED.finditer(expression)))
        granted.update(_uses(_granted_labels(expression)))
    return tuple(f"{use}={'n' if use in refused else 'y'}" for use in sorted(refused | granted))


def refused_uses(usage: Iterable[str]) -> tuple[str, ...]:
    """Return the uses that preferences refuse.

    >>> refused_uses(["search=y", "train-ai=n"])
    ('train-ai',)
    """
    return tuple(preference.removesuffix("=n") for preference in usage if preference.endswith("=n"))


def refusing_texts(use: str, robot: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the preferences, and the robots directives for everybody or for `robot`, that refuse a use."""
    directives = _DIRECTIVES[use]
    return (f"{use}=n",), (*directives, *(f"{robot}: {directive}" for directive in directives))


class UsageRule(NamedTuple):
    """A preference in a robots.txt: its label, the path pattern that it holds for, and the line as it came."""

    label: str
    path: str
    line: str


@dataclass(frozen=True, slots=True)
class RobotsUsage:
    """The usage preferences of a robots.txt: of everybody, and by the name of each group in lower case."""

    common: tuple[UsageRule, ...] = ()
    groups: tuple[tuple[str, tuple[UsageRule, ...]], ...] = ()

    @classmethod
    def parse(cls, text: str) -> RobotsUsage:
        """Read the preferences of a robots.txt. A line that stands before every group is for everybody."""
        if "content-" not in text.lower():
            return cls()
        groups: dict[str, list[UsageRule]] = {}
        common: list[UsageRule] = []
        names: list[str] = []
        is_naming = False
        for label, value in _robots_lines(text):
            if label == "user-agent":
                names = [*(names if is_naming else ()), value.lower()]
                groups.setdefault(value.lower(), [])
                is_naming = True
            elif label in _GROUP_RULES:
                is_naming = False
                if label in _LABELS:
                    for rules in [groups[name] for name in names] or [common]:
                        rules.append(_make_rule(label, value))
        return cls(tuple(common), tuple((name, tuple(rules)) for name, rules in groups.items()))

    def statements_for(self, url: str, robot: str) -> tuple[str, ...]:
        """Return the lines that hold for a URL, each once; `robot` is a User-Agent without addresses.

        The group with the longest name in `robot` decides, else `*`; in it, the longest path that matches.
        """
        if not (self.common or self.groups):
            return ()
        name = max((name for name, _ in self.groups if name in robot.lower()), key=len, default="*")
        rules = (*self.common, *(rule for group, rules in self.groups if group == name for rule in rules))
        path = _path_of(url)
        matching = [rule for rule in rules if _matches(rule.path, path)]
        longest: dict[str, int] = {}
        for rule in matching:
            longest[rule.label] = max(longest.get(rule.label, 0), len(rule.path))
        lines = (f"{_ROBOTS_SOURCE}{rule.line}" for rule in matching if len(rule.path) == longest[rule.label])
        return tuple(dict.fromkeys(lines))[:_MAX_LINES]


def _clip(value: str) -> str:
    return " ".join(value.split())[:_MAX_CHARS]


def _granted_labels(expression: str) -> Iterator[str]:
    """Yield the labels that an expression grants; nothing unless all of it is a valid dictionary."""
    members = [_MEMBER.fullmatch(member) for member in expression.split(",")]
    for member in members if all(members) else ():
        if member and member[2] in _GRANTS:
            yield member[1]


def _uses(labels: Iterable[str]) -> Iterator[str]:
    for label in labels:
        yield from _USES_BY_LABEL.get(label, ())


def _robots_lines(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        label, colon, value = line.partition("#")[0].partition(":")
        if colon:
            yield label.strip().lower(), value.strip()


def _make_rule(label: str, value: str) -> UsageRule:
    """Make the rule of a line; without a path it holds for every path of its group."""
    path = value.split(maxsplit=1)[0] if value.startswith("/") else "/"
    return UsageRule(label, _normalised(path[:_MAX_CHARS]), f"{_LABELS[label]}: {_clip(value)}")


def _path_of(url: str) -> str:
    parts = urlsplit(url)
    return _normalised((parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


def _normalised(path: str) -> str:
    """Return a path with its percent-encoding as RFC 9309, section 2.2.2 compares it."""

    def decode(match: re.Match[str]) -> str:
        char = chr(int(match[1], 16))
        return char if char in _UNRESERVED else f"%{match[1].upper()}"

    return _PERCENT.sub(decode, quote(path, safe="%/?#[]@!$&'()*+,;=:~"))


def _matches(pattern: str, path: str) -> bool:
    """Return whether a pattern with `*` and a last `$` matches the beginning of a path; takes linear time a part."""
    is_anchored = pattern.endswith("$")
    first, *parts = pattern.removesuffix("$").split("*")
    if not path.startswith(first):
        return False
    position = len(first)
    for index, part in enumerate(parts):
        if is_anchored and index == len(parts) - 1:
            return len(path) - len(part) >= position and path.endswith(part)
        found = path.find(part, position)
        if found < 0:
            return False
        position = found + len(part)
    return not is_anchored or position == len(path)
