"""Plausibility of a site's articles: unusual facts that a person should look at; pure.

One value of a field on many articles, titles with a common ending, languages mixed, a line that some articles keep and
others lost, a folder nearly all pages of which are no articles.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from ..page.titles import title_parts

_LEAST_ARTICLES = 10  # of a site, for a share to say something
_COMMON_SHARE, _SOLE_SHARE = (
    0.3,
    0.95,
)  # of the articles with one value; from the second on it is the site's: one author
_MOST_NAMED = 4  # languages in a line
_MIXED_SHARE, _LEAST_MIXED = 0.02, 3  # of the articles in another language than most
_LEAST_SPLIT, _SPLIT_LINES = 3, 5  # articles that keep a line, and that lost it; lines that are told
_LEAST_FOLDER, _FEW_ARTICLES = 20, 0.1  # pages of a folder, and share of them that are articles
_SHOWN_CHARS = 60


@dataclass(frozen=True, slots=True)
class SiteFigures:
    """Figures of a host's articles and pages.

    `values` counts the articles by value, for each field by its name. `split_lines` are texts that some articles keep
    and others lost, each with how many of both. `folders` has by folder its articles and its pages.
    """

    host: str
    articles: int
    values: Mapping[str, Mapping[str, int]]
    titles: Sequence[str]
    split_lines: Sequence[tuple[str, int, int]] = ()
    folders: Mapping[str, tuple[int, int]] | None = None


def implausible_facts(site: SiteFigures) -> Iterator[str]:
    """Yield unusual facts about a site, each as a sentence; nothing for a site with few articles.

    >>> authors = {"authors": {"What We Do": 6, "Ann Lee": 5, "Bo Chen": 4}}
    >>> list(implausible_facts(SiteFigures("a.example", 15, authors, [])))
    ['a.example: 6 of 15 articles have the authors What We Do']
    """
    if site.articles >= _LEAST_ARTICLES:
        for fact in chain(
            _common_values(site), _common_ending(site), _languages(site), _split_lines(site), _folders(site)
        ):
            yield f"{site.host}: {fact}"


def _common_values(site: SiteFigures) -> Iterator[str]:
    for field, counts in site.values.items():
        value, count = _commonest(counts) if field != "language" else ("", 0)
        if value and _COMMON_SHARE * site.articles < count < _SOLE_SHARE * site.articles:
            yield f"{count} of {site.articles} articles have the {field} {_shown(value)}"


def _common_ending(site: SiteFigures) -> Iterator[str]:
    endings = Counter(part for title in site.titles for side, part in title_parts(title).items() if side == "end")
    ending, count = _commonest(endings)
    if count > _COMMON_SHARE * site.articles:
        yield f"{count} of {site.articles} titles end with {_shown(ending.strip())}"


def _languages(site: SiteFigures) -> Iterator[str]:
    counts = site.values.get("language", {})
    usual, _ = _commonest(counts)
    others = {name: n for name, n in counts.items() if n >= max(_LEAST_MIXED, _MIXED_SHARE * site.articles)}
    named = sorted((name for name in others if name not in ("", usual)), key=lambda name: (-others[name], name))
    if named:
        rest = ", ".join(f"{others[name]} {name}" for name in named[:_MOST_NAMED])
        yield f"{counts[usual]} of {site.articles} articles are in {usual}, {rest}"


def _split_lines(site: SiteFigures) -> Iterator[str]:
    lines = (line for line in site.split_lines if min(line[1:]) >= _LEAST_SPLIT)
    for text, kept, removed in islice(sorted(lines, key=lambda line: (-line[1] - line[2], line[0])), _SPLIT_LINES):
        yield f"{kept} articles keep the line {_shown(text)}, {removed} lost it"


def _folders(site: SiteFigures) -> Iterator[str]:
    for folder, (articles, pages) in sorted((site.folders or {}).items()):
        if pages >= _LEAST_FOLDER and articles < _FEW_ARTICLES * pages:
            yield f"{articles} of {pages} pages in {folder} are articles"


def _commonest(counts: Mapping[str, int]) -> tuple[str, int]:
    return min(((value, count) for value, count in counts.items() if value), key=_by_count, default=("", 0))


def _by_count(pair: tuple[str, int]) -> tuple[int, str]:
    return -pair[1], pair[0]


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN_CHARS else f"{line[:_SHOWN_CHARS].rstrip()} …"


def count_folders(pages: Iterable[tuple[str, bool]]) -> dict[str, tuple[int, int]]:
    """Count by folder the pages and those of them that are articles, from pairs of folder and whether one is."""
    totals: Counter[str] = Counter()
    articles: Counter[str] = Counter()
    for folder, is_article in pages:
        totals[folder] += bool(folder)
        articles[folder] += is_article and bool(folder)
    return {folder: (articles[folder], count) for folder, count in totals.items() if count}
