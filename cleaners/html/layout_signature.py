"""A page's layout as a signature: the names in its markup, without its words, so that pages made alike can be found.

The names are `tag.class` and `tag#id` of its elements, digits as `#`. Of their 32-bit hashes the smallest are kept
(a bottom-k sketch, Cohen and Kaplan 2007): from two of these follows how many of their names two pages share.
"""

from __future__ import annotations

import re
from array import array
from functools import lru_cache
from hashlib import blake2b
from sys import byteorder

from broadsheet.cleaners.html.tag_index import TagIndex

MAX_HASHES = 128
MIN_NAMES = 6
"""Names that a page must have: with fewer, pages of any kind are alike."""

_DIGITS = re.compile(r"\d+")
_UNSEEN_TAGS = frozenset(("script", "style", "link", "meta", "noscript"))  # libraries come and go, the layout stays


def layout_signature(tree: TagIndex) -> bytes:
    """The signature of a parsed page, four bytes a hash in rising order; empty if the page has hardly a name."""
    attributes = {(element.tag, element.get("class"), element.get("id")) for element in tree.elements}
    hashes = sorted(frozenset[int]().union(*[_hashes(str(tag), *names) for tag, *names in attributes]))
    return pack_signature(hashes[:MAX_HASHES]) if len(hashes) >= MIN_NAMES else b""


def pack_signature(hashes: list[int]) -> bytes:
    """Hashes as bytes, little-endian."""
    values = array("I", hashes)
    if byteorder == "big":
        values.byteswap()
    return values.tobytes()


def unpack_signature(signature: bytes) -> frozenset[int]:
    """The hashes of a signature; bytes that are not whole hashes are left out."""
    values = array("I")
    values.frombytes(signature[: len(signature) // 4 * 4])
    if byteorder == "big":
        values.byteswap()
    return frozenset(values)


@lru_cache(maxsize=16_384)
def _hashes(tag: str, classes: str | None, identity: str | None) -> frozenset[int]:
    """The hashes of an element's names."""
    if tag in _UNSEEN_TAGS:
        return frozenset()
    names = [f"{tag}.{name}" for name in (classes or "").split()]
    return frozenset(map(_hash_name, [*names, f"{tag}#{identity.strip()}"] if identity else names))


def _hash_name(name: str) -> int:
    digest = blake2b(_DIGITS.sub("#", name).encode("utf-8", "replace"), digest_size=4).digest()
    return int.from_bytes(digest, "little")
