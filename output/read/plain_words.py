"""Rules, reasons and counts in words that a reader knows, in place of the names that an archive holds."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from importlib.resources import files


def rule_words(rule: str) -> str:
    """Return the rule behind a verdict as words for people.

    >>> rule_words("model/after-article")
    'learned: after article'
    """
    source, _, name = rule.partition("/")
    if not name:
        return _words()["rules"].get(source, rule)
    source_words = _words()["rules"].get(source, f"phrase ({source})")
    return f"{source_words}: {name.replace('-', ' ').replace('/', ', ')}"


def count_text(count: int, noun: str) -> str:
    """Write a count with its noun, as a person does: "1 article", "2,000 copies"."""
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{count:,} {noun if count == 1 else plural}"


def reason_text(reason: str) -> str:
    """Describe a reason in words; one without words is returned with spaces for underscores."""
    if match := re.fullmatch(r"http_(\d{3})", reason):
        return _status_text(int(match[1]))
    texts, kind = _reason_texts(), reason.partition(":")[0]
    if kind == "error" and reason != kind:  # `error` alone is a page; `error:NAME` a fault that has no words
        return reason
    return texts.get(reason) or texts.get(kind) or reason.replace("_", " ")


def _status_text(code: int) -> str:
    try:
        return f"HTTP {code} {HTTPStatus(code).phrase}"
    except ValueError:
        return f"HTTP {code}"


@cache
def _reason_texts() -> dict[str, str]:
    return tomllib.loads(files(__package__).joinpath("url_reasons.toml").read_text("utf-8"))


@cache
def _words() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads(files(__package__).joinpath("plain_words.toml").read_text("utf-8"))
