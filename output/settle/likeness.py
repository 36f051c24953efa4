"""The likeness of two texts by runs of words, and what two articles are to each other. Pure.

A text's *shingles* are its runs of three words; of scripts without spaces, runs of five characters. The sketch is the
eighth of the shingles whose hash is smallest. What two sketches have in common estimates both how alike two texts are
and how much of the smaller stands in the larger, whatever their lengths, which a MinHash signature of fixed size
cannot. Case, punctuation and line breaks do not count. The method is Broder's ("On the resemblance and containment of
documents", 1997, section 4: sketches modulo m).

A sketch is a function of the text and nothing else, so sketches of two archives may be compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple, TypeVar
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from broadsheet.cleaners.page.canonical_urls import host_of
from broadsheet.cleaners.page.titles import fold_title
from broadsheet.cleaners.words import CJK_CHARACTER, CJK_RANGES

from ..archive.stored_text import space_separated_words

SHORT_TOKENS = 40
"""Texts below this many words or characters are not compared: what they share is a phrase, not a story."""

SAMPLE_ONE_IN = 8  # one in so many shingles is in the sketch
_MAX_HASHES = 1024  # hashes of one sketch: a text of some 8,000 words; of a longer one the smallest
_WORDS_PER_SHINGLE, _CHARACTERS_PER_SHINGLE = 3, 5

_TOKEN = re.compile(rf"[{CJK_RANGES}]|[^\W_{CJK_RANGES}]+")
HASH_BITS = 29
"""Bits of a sketch's hashes: the first three of 32 are 0, as of one in `SAMPLE_ONE_IN`."""

_SHORTENED_BITS = 32
_SAMPLE_LIMIT = np.uint64(2**64 // SAMPLE_ONE_IN)
_ODD_FACTORS = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))

HashT = TypeVar("HashT", np.uint32, np.uint64)
Shingles = NDArray[np.uint64]
"""The hashes of a text's shingles."""
Sketch = NDArray[np.uint32]
"""The hashes of a sketch, each once, in order."""

_PACKED_HASH = np.dtype("<u4")
HASH_BYTES = _PACKED_HASH.itemsize
"""Bytes of a hash in a packed sketch."""


class Likeness(NamedTuple):
    """The likeness of two texts, as two shares of shingles from 0 to 1.

    `similarity` (the Jaccard index) is the share of the shingles of either text that both have; `containment` is the
    share of the smaller text's shingles that both have.
    """

    similarity: float
    containment: float


def shingles_of(text: str) -> Shingles:
    """Return the text's shingles as distinct 64-bit hashes, sorted; none of a short text."""
    tokens, size = _token_hashes(text)
    return _sorted_unique(_shingle_hashes(tokens, size)) if len(tokens) >= SHORT_TOKENS else np.empty(0, np.uint64)


def sketch_of(text: str) -> Sketch:
    """Compute the sketch of a text; empty for a short one."""
    tokens, size = _token_hashes(text)
    if len(tokens) < SHORT_TOKENS:
        return np.empty(0, np.uint32)
    shingles = _shingle_hashes(tokens, size)
    return sketch_of_shingles(_sorted_unique(shingles[shingles < _SAMPLE_LIMIT]))


def sketch_of_shingles(shingles: Shingles) -> Sketch:
    """Return the smallest eighth of the hashes, as numbers below 2**29."""
    sample = shingles[: int(np.searchsorted(shingles, _SAMPLE_LIMIT))][:_MAX_HASHES]
    return _sorted_unique((sample >> np.uint64(64 - _SHORTENED_BITS)).astype(np.uint32))


def pack_sketch(sketch: Sketch) -> bytes:
    """Pack a sketch as it is stored: four bytes a hash, the low one first."""
    return sketch.astype(_PACKED_HASH).tobytes()


def unpack_sketch(packed_sketch: bytes) -> Sketch:
    """Unpack a sketch from how it is stored."""
    return np.frombuffer(packed_sketch, _PACKED_HASH)


def compare_shingles(first: Shingles, second: Shingles) -> Likeness:
    """Compare two texts by their shingles. Nothing is like a text without any."""
    smaller_size = min(len(first), len(second))
    if not smaller_size:
        return Likeness(0.0, 0.0)
    common_size = len(np.intersect1d(first, second, assume_unique=True))
    return Likeness(common_size / (len(first) + len(second) - common_size), common_size / smaller_size)


def _token_hashes(text: str) -> tuple[NDArray[np.uint64], int]:
    """Return the hash of each token of a text, and how many tokens make a shingle."""
    lower_text = text.lower()
    if (spaced_text := space_separated_words(lower_text)) is not None:
        words = spaced_text.split()
        return np.fromiter(map(crc32, words), np.uint64, len(words)), _WORDS_PER_SHINGLE
    tokens = _TOKEN.findall(lower_text)
    has_spaces = len(CJK_CHARACTER.findall(text)) * 2 < len(tokens)
    hashes = np.fromiter((crc32(token.encode("utf-8", "replace")) for token in tokens), np.uint64, len(tokens))
    return hashes, _WORDS_PER_SHINGLE if has_spaces else _CHARACTERS_PER_SHINGLE


def _sorted_unique(hashes: NDArray[HashT]) -> NDArray[HashT]:
    """Return the hashes in order, each once."""
    sorted_hashes = np.sort(hashes)
    is_first = np.ones(len(sorted_hashes), bool)
    np.not_equal(sorted_hashes[1:], sorted_hashes[:-1], out=is_first[1:])
    return sorted_hashes[is_first]


def _shingle_hashes(token_hashes: NDArray[np.uint64], size: int) -> Shingles:
    """Hash each run of `size` tokens; the last step is that of splitmix64, so that the smallest are a fair sample."""
    count = len(token_hashes) - size + 1
    hashes = np.zeros(count, np.uint64)
    for offset in range(size):
        hashes = (hashes + token_hashes[offset : offset + count]) * _ODD_FACTORS[0]
        hashes ^= hashes >> np.uint64(29)
    for shift, factor in ((30, _ODD_FACTORS[1]), (27, _ODD_FACTORS[2])):
        hashes = (hashes ^ (hashes >> np.uint64(shift))) * factor
    return hashes ^ (hashes >> np.uint64(31))


MIN_NEAR_SIMILARITY = 0.6
"""Share of shingles in common from which two texts count as one story: measured, see docs/crawl.md."""

MIN_PART_CONTAINMENT = 0.8
"""Share of a text that must stand in a longer one to be a part of it."""

_MIN_EXACT_SIMILARITY = 0.9999  # every shingle in common: equal but for case, punctuation and line breaks

CLUSTERED_KINDS = frozenset(("exact", "near", "version", "syndicated"))
"""The kinds of relation that join articles in a cluster. `part` does not: a long article may have parts that share no
text."""


class ArticleFacts(NamedTuple):
    """The facts of an article besides its text that decide its relations.

    `published` serves to order articles: a day counts from its beginning, a time without a zone as UTC; empty if
    unknown.
    """

    id: int
    url: str
    host: str
    canonical_url: str
    title: str
    published: str
    word_count: int


class Relation(NamedTuple):
    """A relation of two articles: `duplicate_id` says again, in whole or in part, what `article_id` says.

    The figures are those of `Likeness`.
    """

    article_id: int
    duplicate_id: int
    kind: str
    similarity: float
    containment: float


def classify_pair(first: ArticleFacts, second: ArticleFacts, likeness: Likeness) -> Relation | None:
    """Classify the relation of two articles; None if they only share a passage."""
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
    clustered = (relation for relation in relations if relation.kind in CLUSTERED_KINDS)
    return group_pairs((relation.article_id, relation.duplicate_id) for relation in clustered)


def group_pairs(pairs: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Map each number in the pairs to its group, the numbers that pairs connect, named by the smallest one.

    The method is union-find with path halving.

    >>> group_pairs([(4, 2), (2, 9), (5, 6)])
    {4: 2, 2: 2, 9: 2, 5: 5, 6: 5}
    """
    parents: dict[int, int] = {}

    def find_root(number: int) -> int:
        while (parent := parents.setdefault(number, number)) != number:
            parents[number] = parents[parent]
            number = parents[number]
        return number

    for first, second in pairs:
        lower_root, higher_root = sorted((find_root(first), find_root(second)))
        parents[higher_root] = lower_root
    return {number: find_root(number) for number in parents}


def is_same_site(first_host: str, second_host: str) -> bool:
    """Return whether two hosts are one site: `www.` and a subdomain count as the site itself."""
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
    """Return whether an article's canonical URL is on another site."""
    canonical_host = host_of(article.canonical_url)
    return bool(canonical_host) and not is_same_site(canonical_host, article.host)


def _originality_key(article: ArticleFacts, other_article: ArticleFacts) -> tuple[bool, bool, str, int, int]:
    """Return a key that sorts the original first: not taken from another site, canonical for the other, earlier,
    longer.
    """
    is_canonical = other_article.canonical_url == article.url
    return (
        _names_other_site(article),
        not is_canonical,
        article.published or "9999",
        -article.word_count,
        article.id,
    )
