"""What two articles with much text in common are to each other, and which of them stands first. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from broadsheet.cleaners.metadata.titles import fold_title
from broadsheet.cleaners.urls.canonical import host_of
from broadsheet.output.settle.similar.likeness import Likeness

MIN_NEAR_SIMILARITY = 0.6
"""Share of shingles in common from which two texts count as one story: measured, see docs/report.md."""

MIN_PART_CONTAINMENT = 0.8
"""Share of a text that must stand in a longer one to be a part of it."""

_MIN_EXACT_SIMILARITY = 0.9999  # every shingle in common: equal but for case, punctuation and line breaks

CLUSTERED_KINDS = frozenset(("exact", "near", "version", "syndicated"))
"""The kinds of relation that join articles in a cluster. `part` does not: a long article may have parts that share no
text."""


@dataclass(frozen=True, slots=True)
class ArticleFacts:
    """What is known of an article besides its text. `published` is when, for the order alone: a day from its
    beginning, a time without a zone as in UTC; empty if unknown."""

    id: int
    url: str
    host: str
    canonical_url: str
    title: str
    published: str
    word_count: int


@dataclass(frozen=True, slots=True)
class Relation:
    """Two articles that are alike: `duplicate_id` says again, in whole or in part, what `article_id` says. The figures
    are those of `Likeness`."""

    article_id: int
    duplicate_id: int
    kind: str
    similarity: float
    containment: float


def classify_pair(first: ArticleFacts, second: ArticleFacts, likeness: Likeness) -> Relation | None:
    """What two articles are to each other; None if they only share a passage."""
    if likeness.similarity >= MIN_NEAR_SIMILARITY:
        original, duplicate = sorted(
            (first, second),
            key=lambda article: _originality_key(article, second if article is first else first),
        )
        kind = _pair_kind(first, second, likeness)
    elif likeness.containment >= MIN_PART_CONTAINMENT:
        duplicate, original = sorted((first, second), key=lambda article: (article.word_count, -article.id))
        kind = "part"
    else:
        return None
    return Relation(original.id, duplicate.id, kind, round(likeness.similarity, 4), round(likeness.containment, 4))


def cluster_articles(relations: Iterable[Relation]) -> dict[int, int]:
    """Map each article that says what another says to its cluster, named by the smallest article id in it."""
    parents: dict[int, int] = {}

    def find_root(article_id: int) -> int:
        while (parent := parents.setdefault(article_id, article_id)) != article_id:
            parents[article_id] = parents[parent]
            article_id = parents[article_id]
        return article_id

    for relation in relations:
        if relation.kind in CLUSTERED_KINDS:
            lower_root, higher_root = sorted((find_root(relation.article_id), find_root(relation.duplicate_id)))
            parents[higher_root] = lower_root
    return {article_id: find_root(article_id) for article_id in parents}


def is_same_site(first_host: str, second_host: str) -> bool:
    """Whether two hosts are one site: `www.` and a subdomain count as the site itself."""
    first, second = (host.removeprefix("www.") for host in (first_host, second_host))
    return first == second or first.endswith("." + second) or second.endswith("." + first)


def _pair_kind(first: ArticleFacts, second: ArticleFacts, likeness: Likeness) -> str:
    if not is_same_site(first.host, second.host) or _names_other_site(first) != _names_other_site(second):
        return "syndicated"
    if likeness.similarity >= _MIN_EXACT_SIMILARITY:
        return "exact"
    title = fold_title(first.title)
    return "version" if title and title == fold_title(second.title) else "near"


def _names_other_site(article: ArticleFacts) -> bool:
    """Whether an article's canonical URL is on another site."""
    canonical_host = host_of(article.canonical_url)
    return bool(canonical_host) and not is_same_site(canonical_host, article.host)


def _originality_key(article: ArticleFacts, other_article: ArticleFacts) -> tuple[bool, bool, str, int, int]:
    """Sorts the original first: not taken from another site, canonical for the other, published earlier, longer."""
    is_canonical = other_article.canonical_url == article.url
    return (
        _names_other_site(article),
        not is_canonical,
        article.published or "9999",
        -article.word_count,
        article.id,
    )
