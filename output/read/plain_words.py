"""Rules, reasons and counts in words that a reader knows, in place of the names that an archive holds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus

from broadsheet.cleaners.package_data import read_toml


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


def block_words(reason: str) -> str:
    """Return what a block is, by the reason for its verdict, in words for people.

    >>> block_words("donation"), block_words("share buttons")
    ('asks for support', 'share buttons')
    """
    return _words()["blocks"].get(reason, reason)


def fact_words(fact: str) -> str:
    """Return a fact of a page's verdict in plain words; an unknown fact is returned unchanged.

    >>> fact_words("words=348"), fact_words("states=article"), fact_words("list=0.93")
    ('348 words of text', 'says that it is an article', 'list=0.93')
    """
    words, (name, _, value) = _words()["facts"], fact.partition("=")
    return (words.get(fact) or words.get(name, fact)).replace("{}", value)


def shelving_words(reason: str) -> str:
    """Say in words why an article is shelved."""
    return _words()["shelving"].get(reason, reason)


def count_text(count: int, noun: str) -> str:
    """Write a count with its noun: "1 article", "2,000 copies"."""
    return f"{count:,} {noun if count == 1 else plural_of(noun)}"


def plural_of(noun: str) -> str:
    """Return the plural of a regular English noun.

    >>> [plural_of(noun) for noun in ("copy", "day", "box")]
    ['copies', 'days', 'boxes']
    """
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("s", "x", "ch", "sh")) else "s")


def joined(parts: Sequence[str]) -> str:
    """Join words as a sentence does: "a", "a and b", "a, b and c"."""
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))


def shown_time(moment: str) -> str:
    """Write a stored time (UTC ISO 8601) to the minute: "2026-01-31 12:00"."""
    return moment[:16].replace("T", " ")


def span_text(seconds: float) -> str:
    """Write a span of time in its largest unit, at least 1: "3 hours", "30 days"."""
    for unit, size in (("day", 86_400), ("hour", 3_600)):
        if seconds >= 2 * size or seconds >= size > 3_600:
            return count_text(round(seconds / size), unit)
    return count_text(max(1, round(seconds / 60)), "minute")


def edit_counts_text(counts: Mapping[str, int]) -> str:
    """Write how many edits there are of each kind: "3 corrections, 1 new headline"."""
    return ", ".join(_counted(count, "edits", kind) for kind, count in counts.items())


def shelved_text(counts: Iterable[tuple[str, int]]) -> str:
    """Write how many articles were taken out, by the reason that table `shelved` has: "2 copies, 1 list"."""
    return ", ".join(_counted(count, "shelved", why) for why, count in counts)


def _counted(count: int, table: str, name: str) -> str:
    """Write a count with the words that the data has for a name; "(s)" stands at the end of the noun if not last."""
    words = _words()[table].get(name, name)
    return (
        f"{count:,} {words.replace('(s)', '' if count == 1 else 's')}" if "(s)" in words else count_text(count, words)
    )


def reason_text(reason: str) -> str:
    """Describe a reason in words; a reason without words is returned with spaces for underscores."""
    if match := re.fullmatch(r"http_(\d{3})", reason):
        code = int(match[1])
        try:
            return f"HTTP {code} {HTTPStatus(code).phrase}"
        except ValueError:
            return f"HTTP {code}"
    texts, kind = read_toml(__package__, "url_reasons.toml"), reason.partition(":")[0]
    if kind == "error" and reason != kind:  # `error` alone is a page; `error:NAME` a fault that has no words
        return reason
    return texts.get(reason) or texts.get(kind) or reason.replace("_", " ")


def _words() -> Mapping[str, Mapping[str, str]]:
    return read_toml(__package__, "plain_words.toml")
