"""What two articles with much text in common are to each other, and which of them stands first. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cleaners.metadata.titles import fold_title
from cleaners.urls.canonical import host_of
from output.settle.similar.likeness import Likeness

NEAR = 0.6
"""Share of shingles in common from which two texts are told as one story: measured, see docs/report.md."""

WHOLE = 0.8
"""Share of a text that must stand in a longer one to be a part of it."""

_SAME = 0.9999  # every shingle in common: equal but for case, punctuation and line breaks

MERGING = frozenset(("exact", "near", "version", "syndicated"))
"""The kinds whose articles are one cluster. A part is not: a long article may hold parts that share nothing."""


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of an article besides its text. `published` is in UTC, empty if unknown."""

    id: int
    url: str
    host: str
    canonical_url: str
    title: str
    published: str
    words: int


@dataclass(frozen=True, slots=True)
class Relation:
    """`duplicate_id` says again, in whole or in part, what `article_id` says."""

    article_id: int
    duplicate_id: int
    kind: str
    similarity: float
    contained: float


def relation(one: Told, other: Told, alike: Likeness) -> Relation | None:
    """What two articles are to each other; None if they only share a passage."""
    if alike.similarity >= NEAR:
        first, second = sorted((one, other), key=lambda each: _rank(each, other if each is one else one))
        kind = _kind(one, other, alike)
    elif alike.contained >= WHOLE:
        second, first = sorted((one, other), key=lambda each: (each.words, -each.id))
        kind = "part"
    else:
        return None
    return Relation(first.id, second.id, kind, round(alike.similarity, 4), round(alike.contained, 4))


def clusters(relations: Iterable[Relation]) -> dict[int, int]:
    """Map each article that says what another says to its cluster, named by the smallest id in it."""
    leader: dict[int, int] = {}

    def root(number: int) -> int:
        while (above := leader.setdefault(number, number)) != number:
            leader[number] = leader[above]
            number = leader[number]
        return number

    for each in relations:
        if each.kind in MERGING:
            low, high = sorted((root(each.article_id), root(each.duplicate_id)))
            leader[high] = low
    return {number: root(number) for number in leader}


def same_site(one: str, other: str) -> bool:
    """Whether two hosts are one site: `www.` and a subdomain count as the site itself."""
    first, second = (host.removeprefix("www.") for host in (one, other))
    return first == second or first.endswith("." + second) or second.endswith("." + first)


def _kind(one: Told, other: Told, alike: Likeness) -> str:
    if not same_site(one.host, other.host) or _names_elsewhere(one) != _names_elsewhere(other):
        return "syndicated"
    if alike.similarity >= _SAME:
        return "exact"
    folded = fold_title(one.title)
    return "version" if folded and folded == fold_title(other.title) else "near"


def _names_elsewhere(told: Told) -> bool:
    """Whether an article says that it belongs to another site."""
    named = host_of(told.canonical_url)
    return bool(named) and not same_site(named, told.host)


def _rank(told: Told, other: Told) -> tuple[bool, bool, str, int, int]:
    """The original first: not taken from elsewhere, named by the other, published earlier, longer."""
    named = other.canonical_url == told.url
    return _names_elsewhere(told), not named, told.published or "9999", -told.words, told.id
