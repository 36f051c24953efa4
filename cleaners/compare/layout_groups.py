"""Groups of pages with one layout: the connected components of signatures that are alike.

A new page joins a group or merges several; it never splits one. So the groups depend on the pages, not on the order in
which they came. Pure.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from math import ceil

from broadsheet.cleaners.html.layout_signature import MAX_HASHES, unpack_signature

MIN_SIMILARITY = 0.85
"""Share of their names that two pages of one layout have in common at least."""

_Hashes = frozenset[int]


def signature_similarity(first: _Hashes, second: _Hashes) -> float:
    """The estimated share of their names that two pages have in common, 0 to 1; exact if they have few."""
    smallest = sorted(first | second)[:MAX_HASHES]
    return sum(name in first and name in second for name in smallest) / len(smallest) if smallest else 0.0


def group_signatures(signatures: Collection[bytes]) -> list[list[bytes]]:
    """Group distinct signatures; each group is sorted, and so are the groups."""
    ordered = sorted(set(signatures))
    hash_sets = [unpack_signature(signature) for signature in ordered]
    parents = list(range(len(ordered)))
    postings: dict[int, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))  # by name, then by root
    for number, rare_names in enumerate(_rare_names(hash_sets)):
        compared: set[int] = set()
        for name in rare_names:
            for root, members in postings[name].items():
                if _root(parents, root) != _root(parents, number):
                    new_members = [member for member in members if member not in compared]
                    compared.update(new_members)
                    if any(_are_alike(hash_sets[number], hash_sets[member]) for member in new_members):
                        parents[_root(parents, number)] = _root(parents, root)
        for name in rare_names:
            postings[name][_root(parents, number)].append(number)
    groups: dict[int, list[bytes]] = defaultdict(list)
    for number, signature in enumerate(ordered):
        groups[_root(parents, number)].append(signature)
    return sorted(groups.values())


def _are_alike(first: _Hashes, second: _Hashes) -> bool:
    """Whether two signatures are of one layout; counting what they share rules most pairs out at once."""
    if len(first & second) < MIN_SIMILARITY * max(len(first), len(second)):
        return False
    return signature_similarity(first, second) >= MIN_SIMILARITY


def _rare_names(signatures: Sequence[_Hashes]) -> list[list[int]]:
    """For each signature, its rarest names, so many that two signatures which are alike have one of them in common.

    As these have `MIN_SIMILARITY` of the larger one's names in common, not all of the names in front of either can be
    missing in the other (prefix filtering, Chaudhuri 2006).
    """
    frequencies: Mapping[int, int] = Counter(name for names in signatures for name in names)
    return [
        sorted(names, key=lambda name: (frequencies[name], name))[: len(names) - ceil(MIN_SIMILARITY * len(names)) + 1]
        for names in signatures
    ]


def _root(parents: list[int], number: int) -> int:
    """The root of a group in the union-find forest `parents`, with path halving."""
    while parents[number] != number:
        parents[number] = parents[parents[number]]
        number = parents[number]
    return number
