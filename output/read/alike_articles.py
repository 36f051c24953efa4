"""Articles that are alike: near-duplicates, new versions, syndicated copies, parts of each other; computed when asked.

A text's *shingles* are its runs of three words; of scripts without spaces, runs of five characters. The sketch is the
eighth of the shingles whose hash is smallest. What two sketches have in common estimates both how alike two texts are
and how much of the smaller stands in the larger, whatever their lengths (Broder, "On the resemblance and containment of
documents", 1997, section 4). Case, punctuation and line breaks do not count. Pairs whose sketches share enough are
compared in full, without what their host repeats: a series note of sixty words on twenty pages makes none of them a
copy of another.

One article is compared with those that share its rarest words by the full-text index, so that a page of the reading
room need not compare all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from broadsheet.cleaners.page.canonical_urls import host_of
from broadsheet.cleaners.page.titles import fold_title
from broadsheet.cleaners.words import CJK_CHARACTER, CJK_RANGES

from ..archive.stored_text import space_separated_words
from ..settle.copies_and_parts import group_pairs

REPEATED_PAGES = 6
"""Article pages of a host on which a block must stand to be left out when two texts are compared."""

SHORT_TOKENS = 40
"""Texts below this many words or characters are not compared: what they share is a phrase, not a story."""

SAMPLE_ONE_IN = 8  # one shingle in eight is in the sketch
CROWD_LIMIT = 24
"""Articles of one host that may share a run of words; what stands in more is a form, and evidence of nothing."""

_NEIGHBOURS = CROWD_LIMIT  # articles with a run of words that each is compared with: of more, clusters join the rest
_MIN_SHARED_HASHES, _MIN_SHARED_SHARE = 2, 0.4  # a sketch is a sample: well below `MIN_NEAR_SIMILARITY`
MIN_NEAR_SIMILARITY = 0.6
"""Share of shingles in common from which two texts count as one story: measured, see docs/crawl.md."""

MIN_PART_CONTAINMENT = 0.8
"""Share of a text that must stand in a longer one to be a part of it."""

_MIN_EXACT_SIMILARITY = 0.9999  # every shingle in common: equal but for case, punctuation and line breaks
_CLUSTERED_KINDS = frozenset(("exact", "near", "version", "syndicated"))  # a long article's parts may share no text
_MAX_HASHES = 1024  # hashes of one sketch: a text of some 8,000 words; of a longer one the smallest
_WORDS_PER_SHINGLE, _CHARACTERS_PER_SHINGLE = 3, 5
_TOKEN = re.compile(rf"[{CJK_RANGES}]|[^\W_{CJK_RANGES}]+")
_HASH_BITS = 29  # of a sketch's hashes: the first three of 32 are 0, as of one in `SAMPLE_ONE_IN`
_SAMPLE_LIMIT = np.uint64(2**64 // SAMPLE_ONE_IN)
_ODD_FACTORS = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_CACHED_TEXTS = 64
_ASKED_WORDS, _ASKED_ARTICLES = 12, 12  # rare words of a text, and articles with most of them
_RARE_WORD = re.compile(rf"[{CJK_RANGES}]{{3}}|[^\W_{CJK_RANGES}]{{3,40}}")

# Of the whole archive: names within a narrowed connection may mean some articles only.
_TEXTS = "SELECT id, host, text FROM main.articles ORDER BY id"
_FACTS = """SELECT id, url, host, coalesce(canonical_url, ''), title, coalesce(datetime(published_stated), ''),
        word_count, page_id FROM main.articles WHERE id = ?"""
_UNREPEATED_TEXT = f"""SELECT t.text FROM main._page_blocks b JOIN main._block_texts t ON t.id = b.block_id
        LEFT JOIN main._block_evidence e ON e.block_id = b.block_id AND e.host = ?2 AND e.at_place = 0
    WHERE b.page_id IN (SELECT ?1 UNION SELECT page_id FROM main._page_parts WHERE head_id = ?1 AND place > 0)
        AND b.kept = 1 AND coalesce(e.pages, 1) < {REPEATED_PAGES}
    ORDER BY b.page_id, b.position"""
_WITH_WORDS = f"""SELECT rowid FROM articles_fts WHERE articles_fts MATCH ? AND rowid <> ?
    ORDER BY rank LIMIT {_ASKED_ARTICLES}"""

Shingles = NDArray[np.uint64]
"""The hashes of a text's shingles, each once, in order."""
Sketch = NDArray[np.uint32]
"""The hashes of a sketch, each once, in order."""


class AlikePair(NamedTuple):
    """Two similar articles: `duplicate_id` repeats all or part of `article_id`.

    `kind` is `exact`, `near`, `version`, `syndicated` or `part`. `similarity` is the share of all shingles that both
    texts have, `contained` the share of the smaller text's; both are 0 to 1.
    """

    article_id: int
    duplicate_id: int
    kind: str
    similarity: float
    contained: float


class ArticleFacts(NamedTuple):
    """Facts that decide an article's relations, besides its text.

    `published` orders articles: a day counts from its beginning, a time without a zone as UTC; empty if unknown.
    """

    id: int
    url: str
    host: str
    canonical_url: str
    title: str
    published: str
    word_count: int
    page_id: int


def find_alike(db: Database) -> list[AlikePair]:
    """Find all pairs of similar articles; reads every text."""
    ids: list[int] = []
    hosts: list[str] = []
    sketches: list[Sketch] = []
    for article_id, host, text in db.execute(_TEXTS):
        if len(sketch := sketch_of(text)):
            ids.append(article_id)
            hosts.append(host)
            sketches.append(sketch)
    return list(_compare(db, ((ids[one], ids[other]) for one, other in candidate_pairs(sketches, hosts))))


def alike_to(db: Database, article_id: int) -> list[AlikePair]:
    """Find the articles that are similar to one, among those that share its rare words in the full-text index."""
    row = db.execute("SELECT text FROM main.articles WHERE id = ?", [article_id]).fetchone()
    words = sorted(set(_RARE_WORD.findall(row[0] if row else "")), key=lambda word: (-len(word), word))[:_ASKED_WORDS]
    if not words:
        return []
    others = db.execute(_WITH_WORDS, [" OR ".join(f'"{word}"' for word in words), article_id]).fetchall()
    return sorted(_compare(db, ((article_id, other) for (other,) in others)), key=lambda pair: -pair.similarity)


def earliest_condition(db: Database, column: str = "id") -> str:
    """Return an SQL condition on a column of article ids that keeps only the earliest of similar articles.

    Valid on this connection, for the archive's present content.
    """
    later = later_articles(db)
    db.register_function(lambda article_id: article_id in later, name="says_it_again", replace=True)
    return f"NOT says_it_again({column})"


def later_articles(db: Database) -> frozenset[int]:
    """Find the articles that repeat an earlier one. Undated articles count as latest; of equal dates the longest is
    first.
    """
    clusters: dict[int, list[ArticleFacts]] = {}
    for article_id, cluster in cluster_articles(find_alike(db)).items():
        clusters.setdefault(cluster, []).append(_read_facts(db, article_id))
    earliest = {
        min(articles, key=lambda one: (one.published or "9999", -one.word_count, one.id)).id
        for articles in clusters.values()
    }
    return frozenset(one.id for articles in clusters.values() for one in articles) - earliest


def cluster_articles(pairs: Iterable[AlikePair]) -> dict[int, int]:
    """Map each article that repeats another to its cluster, which is named by its smallest article id."""
    return group_pairs((one.article_id, one.duplicate_id) for one in pairs if one.kind in _CLUSTERED_KINDS)


def candidate_pairs(sketches: Sequence[Sketch], hosts: Sequence[str]) -> list[tuple[int, int]]:
    """Find pairs of texts whose sketches overlap enough, by position and in order.

    Hashes that more than `CROWD_LIMIT` texts of a host share are ignored. For hashes that are still common, each text
    is paired with its next `_NEIGHBOURS` only, so the time grows linearly.
    """
    count, number_by_host = len(sketches), {host: number for number, host in enumerate(sorted(set(hosts)))}
    hashes = np.concatenate([np.empty(0, np.uint32), *sketches]).astype(np.int64)
    owners = np.repeat(np.arange(count), [len(sketch) for sketch in sketches])
    host_numbers = np.array([number_by_host[host] for host in hosts], np.int64)
    keys = (host_numbers[owners] << _HASH_BITS) | hashes
    _, key_indexes, text_counts = np.unique(keys, return_inverse=True, return_counts=True)
    is_story = text_counts[key_indexes] <= CROWD_LIMIT
    hashes, owners = hashes[is_story], owners[is_story]
    sizes, order = np.bincount(owners, minlength=count), np.lexsort((owners, hashes))
    hashes, owners = hashes[order], owners[order]
    found = [np.empty(0, np.int64)]
    for distance in range(1, _NEIGHBOURS + 1):
        firsts = np.flatnonzero(hashes[distance:] == hashes[:-distance])
        found.append(owners[firsts] * count + owners[firsts + distance])
    pairs, shared = np.unique(np.concatenate(found), return_counts=True)
    smaller = np.minimum(sizes[pairs // count], sizes[pairs % count]) if len(pairs) else np.empty(0)
    pairs = pairs[shared >= np.maximum(_MIN_SHARED_HASHES, _MIN_SHARED_SHARE * smaller)]
    return [divmod(pair, count) for pair in pairs.tolist()]


def _compare(db: Database, pairs: Iterable[tuple[int, int]]) -> Iterator[AlikePair]:
    """Yield those of the pairs of articles whose full texts are alike."""
    facts_of = lru_cache(maxsize=_CACHED_TEXTS)(lambda article_id: _read_facts(db, article_id))
    shingles_of_article = lru_cache(maxsize=_CACHED_TEXTS)(lambda article_id: _read_shingles(db, facts_of(article_id)))
    for first, second in pairs:
        similarity, containment = compare_shingles(shingles_of_article(first), shingles_of_article(second))
        if pair := classify_pair(facts_of(first), facts_of(second), similarity, containment):
            yield pair


def _read_facts(db: Database, article_id: int) -> ArticleFacts:
    return ArticleFacts(*db.execute(_FACTS, [article_id]).fetchone())


def _read_shingles(db: Database, article: ArticleFacts) -> Shingles:
    """Return the shingles of an article's text, without what its host repeats."""
    rows = db.execute(_UNREPEATED_TEXT, [article.page_id, article.host])
    return shingles_of("\n".join(text for (text,) in rows))


def shingles_of(text: str) -> Shingles:
    """Return the text's shingles as distinct 64-bit hashes, sorted; empty for a short text."""
    tokens, size = _token_hashes(text)
    return np.unique(_shingle_hashes(tokens, size)) if len(tokens) >= SHORT_TOKENS else np.empty(0, np.uint64)


def sketch_of(text: str) -> Sketch:
    """Compute the sketch of a text; empty for a short one."""
    shingles = shingles_of(text)
    sample = shingles[: int(np.searchsorted(shingles, _SAMPLE_LIMIT))][:_MAX_HASHES]
    return np.unique((sample >> np.uint64(32)).astype(np.uint32))


def compare_shingles(first: Shingles, second: Shingles) -> tuple[float, float]:
    """Return similarity and containment of two texts, as in `AlikePair`; 0 for a text without shingles."""
    smaller_size = min(len(first), len(second))
    if not smaller_size:
        return 0.0, 0.0
    common_size = len(np.intersect1d(first, second, assume_unique=True))
    return common_size / (len(first) + len(second) - common_size), common_size / smaller_size


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


def classify_pair(first: ArticleFacts, second: ArticleFacts, similarity: float, containment: float) -> AlikePair | None:
    """Classify the relation of two articles; None if they only share a passage."""
    if similarity >= MIN_NEAR_SIMILARITY:
        original, duplicate = sorted(
            (first, second),
            key=lambda article: _originality_key(article, second if article is first else first),
        )
        kind = _pair_kind(first, second, similarity)
    elif containment >= MIN_PART_CONTAINMENT:
        duplicate, original = sorted((first, second), key=lambda article: (article.word_count, -article.id))
        kind = "part"
    else:
        return None
    return AlikePair(original.id, duplicate.id, kind, round(similarity, 4), round(containment, 4))


def is_same_site(first_host: str, second_host: str) -> bool:
    """Return whether two hosts are one site: `www.` and a subdomain count as the site itself."""
    first, second = (host.removeprefix("www.") for host in (first_host, second_host))
    return first == second or first.endswith("." + second) or second.endswith("." + first)


def _pair_kind(first: ArticleFacts, second: ArticleFacts, similarity: float) -> str:
    if not is_same_site(first.host, second.host) or _names_other_site(first) != _names_other_site(second):
        return "syndicated"
    if similarity >= _MIN_EXACT_SIMILARITY:
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
