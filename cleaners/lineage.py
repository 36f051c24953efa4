"""Lineage: the cleaner's version, and digests of the data files that its verdicts depend on.

Two equal lineages give the same text for the same page, so every data file that can change a verdict is in a digest.
The digest covers a file's label and its content, so a file may be moved or renamed. Computed once a process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.resources import files

from .document import ExtractorUse
from .judge.site_rule_files import SiteRuleFile

CLEANER_VERSION = "20"
"""Raised whenever the same page may give another result. Stored beside each text."""

DataFile = tuple[str, str]
"""The package that a file lies in, and the file's name."""

PHRASES_PACKAGE = "broadsheet.cleaners.rules.phrases"
"""The package with one file of phrase rules for each language. The label of `de.toml` is `phrases/de`."""

RULE_DATA: Mapping[str, DataFile] = {
    "layout": ("broadsheet.cleaners.rules", "layout.toml"),
    "letters": ("broadsheet.cleaners.page", "letters.toml"),
    "metadata-words": ("broadsheet.cleaners.page", "word_lists.toml"),
    "notices": ("broadsheet.cleaners.compare", "notices.toml"),
    "page-signs": ("broadsheet.cleaners.judge", "page_signs.toml"),
    "page-type": ("broadsheet.cleaners.judge", "page_features.toml"),
    "robots-directives": ("broadsheet.cleaners.page", "robots_directives.toml"),
    "url-shape": ("broadsheet.cleaners.page", "url_shapes.toml"),
    "urls": ("broadsheet.cleaners.page", "canonical_urls.toml"),
}
"""The hand-written data files, except the phrases, by label. A label never changes, since stored digests cover it."""

MODEL_DATA: Mapping[str, DataFile] = {
    "block-words": ("broadsheet.cleaners.judge.models", "block_words.npz"),
    "first-look-model": ("broadsheet.cleaners.judge.models", "first_look.npz"),
    "language-model": ("broadsheet.cleaners.page", "lid.176.ftz"),
    "line-model": ("broadsheet.cleaners.judge.models", "lines.npz"),
    "page-network": ("broadsheet.cleaners.judge.models", "network.npz"),
    "page-type-weights": ("broadsheet.cleaners.judge", "page_weights.json"),
    "page-words": ("broadsheet.cleaners.judge", "page_words.npz"),
    "second-look-model": ("broadsheet.cleaners.judge.models", "second_look.npz"),
}
"""The trained models and weights, by label."""

_LIBRARIES = ("charset-normalizer", "htmldate", "lxml", "trafilatura")
_HEX_DIGITS = 16  # of a digest: 64 bits are enough to tell the versions of one project apart


@dataclass(frozen=True, slots=True)
class Lineage:
    """Lineage of a text: all that produced it.

    `version` is `CLEANER_VERSION`. `rules` and `model` are digests of the data files and of the trained models,
    `site_rules` one of the user's rules for the page's host, empty without any. `libraries` lists the versions of the
    libraries that read pages.
    """

    version: str = ""
    rules: str = ""
    model: str = ""
    site_rules: str = ""
    libraries: str = ""


@cache
def lineage(extractor_use: ExtractorUse = ExtractorUse.IN_DOUBT) -> Lineage:
    """Return the lineage of the installed cleaner, without site rules.

    The use of trafilatura is named if it is not the default.
    """
    libraries = " ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    if extractor_use is not ExtractorUse.IN_DOUBT:
        libraries += f" ({extractor_use})"
    return Lineage(CLEANER_VERSION, data_digest(rule_files()), data_digest(MODEL_DATA), "", libraries)


def rule_files() -> dict[str, DataFile]:
    """Return the hand-written data files by label; phrase files are listed from the package, so new languages count."""
    file_names = (path.name for path in files(PHRASES_PACKAGE).iterdir() if path.name.endswith(".toml"))
    phrase_files = ((PHRASES_PACKAGE, name) for name in file_names if (PHRASES_PACKAGE, name) not in RULE_DATA.values())
    return {**RULE_DATA, **{f"phrases/{name.removesuffix('.toml')}": (package, name) for package, name in phrase_files}}


def data_digest(data: Mapping[str, DataFile]) -> str:
    """Compute the digest of the labels and the contents of data files; their paths and names do not count."""
    return _digest(part for label, file in sorted(data.items()) for part in (label, _content_digest(*file)))


def site_rules_digest(rules: Sequence[SiteRuleFile]) -> str:
    """Compute the digest of the site rules for a host, in the order in which they apply; empty without any."""
    descriptions = (repr((rule.file, rule.directives, rule.replacements)) for rule in rules)
    return _digest(descriptions) if rules else ""


def _content_digest(package: str, name: str) -> str:
    return hashlib.sha256(files(package).joinpath(name).read_bytes()).hexdigest()


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:_HEX_DIGITS]
