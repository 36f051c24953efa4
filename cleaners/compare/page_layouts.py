"""Layouts: a page's signature, and groups of pages whose signatures are alike.

A signature stands for the names in a page's markup without its words: `tag.class` and `tag#id` of its elements, digits
as `#`. Of their 32-bit hashes the smallest are kept (a bottom-k sketch, Cohen and Kaplan 2007): two sketches give an
estimate of the share of names that two pages have in common.

Groups are the connected components of signatures that are alike. A new page joins a group or merges several; it never
splits one. So the groups depend on the pages, not on the order in which they came.
Pure.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import starmap
from math import ceil
from sys import byteorder

from ..page.elements import TagIndex

MAX_HASHES = 128
MIN_NAMES = 6
"""Names that a page must have: with fewer, pages of any kind are alike."""

_DIGITS = re.compile(r"\d+")
_UNSEEN_TAGS = frozenset(("script", "style", "link", "meta", "noscript"))  # libraries come and go, the layout stays


def layout_signature(tree: TagIndex) -> bytes:
    """Compute the signature of a parsed page, four bytes a hash in rising order; empty for a page of few names."""
    names = {(element.tag, element.get("class"), element.get("id")) for element in tree.elements}
    hashes = sorted(set[int]().union(*starmap(_name_hashes, names)))
    return pack_signature(hashes[:MAX_HASHES]) if len(hashes) >= MIN_NAMES else b""


def pack_signature(hashes: list[int]) -> bytes:
    """Pack hashes into bytes, four a hash, little-endian."""
    values = array("I", hashes)
    if byteorder == "big":
        values.byteswap()
    return values.tobytes()


def unpack_signature(signature: bytes) -> frozenset[int]:
    """Unpack the hashes of a signature; bytes that are no whole hash are left out."""
    values = array("I")
    values.frombytes(signature[: len(signature) // 4 * 4])
    if byteorder == "big":
        values.byteswap()
    return frozenset(values)


@lru_cache(maxsize=1024)
def _name_hashes(tag: str, classes: str | None, identity: str | None) -> tuple[int, ...]:
    """Hash an element's names; a cached tuple of numbers is nothing that the garbage collector walks, a set is."""
    if tag in _UNSEEN_TAGS:
        return ()
    names = [f"{tag}.{name}" for name in (classes or "").split()]
    return tuple(map(_hash_name, [*names, f"{tag}#{identity.strip()}"] if identity else names))


@lru_cache(maxsize=1024)
def _hash_name(name: str) -> int:
    digest = blake2b(_DIGITS.sub("#", name).encode("utf-8", "replace"), digest_size=4).digest()
    return int.from_bytes(digest, "little")


MIN_SIMILARITY = 0.85
"""Share of their names that two pages of one layout have in common at least."""

_Hashes = frozenset[int]


def signature_similarity(first: _Hashes, second: _Hashes) -> float:
    """Estimate the share of their names that two pages have in common, 0 to 1; exact if they have few.

    >>> signature_similarity(frozenset({1, 2, 3}), frozenset({2, 3, 4}))
    0.5
    """
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
                if _group_root(parents, root) != _group_root(parents, number):
                    new_members = [member for member in members if member not in compared]
                    compared.update(new_members)
                    if any(_are_alike(hash_sets[number], hash_sets[member]) for member in new_members):
                        parents[_group_root(parents, number)] = _group_root(parents, root)
        for name in rare_names:
            postings[name][_group_root(parents, number)].append(number)
    groups: dict[int, list[bytes]] = defaultdict(list)
    for number, signature in enumerate(ordered):
        groups[_group_root(parents, number)].append(signature)
    return sorted(groups.values())


def _are_alike(first: _Hashes, second: _Hashes) -> bool:
    """Return whether two signatures are of one layout; counting what they share rules most pairs out at once."""
    if len(first & second) < MIN_SIMILARITY * max(len(first), len(second)):
        return False
    return signature_similarity(first, second) >= MIN_SIMILARITY


def _rare_names(signatures: Sequence[_Hashes]) -> list[list[int]]:
    """Return for each signature its rarest names, so many that two signatures that are alike share one of them.

    Two alike signatures have `MIN_SIMILARITY` of the larger one's names in common, so not all of the first names of
    either can be missing in the other (prefix filtering, Chaudhuri 2006).
    """
    frequencies: Mapping[int, int] = Counter(name for names in signatures for name in names)
    return [
        sorted(names, key=lambda name: (frequencies[name], name))[: len(names) - ceil(MIN_SIMILARITY * len(names)) + 1]
        for names in signatures
    ]


def _group_root(parents: list[int], number: int) -> int:
    """Find the root of a group in the union-find forest `parents`, with path halving."""
    while parents[number] != number:
        parents[number] = parents[parents[number]]
        number = parents[number]
    return number
