"""Articles that say the same, within each archive and between archives: who copied whom.

What an archive found among its own articles is taken as it is. Between archives the sketches that each keeps are joined
by the hashes that they share, whatever their hosts are, and the pairs that this yields are compared in full, without
what their own hosts repeat. A pair of archives in which nothing was written since is not compared again.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import compress

from ..archive.archive_errors import DamagedValue
from ..archive.stored_values import location_of
from ..settle.candidate_pairs import SketchedPages, find_candidate_pairs
from ..settle.likeness import (
    HASH_BYTES,
    ArticleFacts,
    Relation,
    Shingles,
    classify_pair,
    compare_shingles,
)
from ..settle.similar_articles import read_facts, read_shingles
from .dataset_rows import HostReader
from .dataset_tables import Row

_SKETCHED = """SELECT a.id, a.page_id, a.host, s.hashes, length(s.sketch) FROM main._sketches s
    JOIN temp.dataset_articles a ON a.page_id = s.page_id WHERE s.hashes > 0 ORDER BY s.page_id, a.id"""
_SKETCHES = """SELECT s.sketch FROM main._sketches s JOIN temp.dataset_articles a ON a.page_id = s.page_id
    WHERE s.hashes > 0 ORDER BY s.page_id, a.id"""
_STORED = "SELECT article_id, duplicate_id, kind, similarity, contained FROM main.duplicates"
_DESCRIBED = "SELECT id, host, url, published_day FROM temp.dataset_articles"
_CACHED = 256

Relations = Iterable[Relation]
Description = tuple[str, str, str | None]
"""Of an article: host, URL, the day on which it was published."""


@dataclass(frozen=True, slots=True)
class Archives:
    """The archives whose articles are compared: for each article's number the index of the archive that gives it; and
    the indexes of those that are as they were when the data set was last written.
    """

    reader: HostReader
    index_by_article: Mapping[int, int]
    unchanged: Collection[int]


def assign_articles(reader: HostReader) -> dict[int, int]:
    """Return for each article of the data set the index of the archive that it comes from."""
    indexes = range(len(reader.sources))
    return {article_id: index for index in indexes for article_id, _ in reader.articles_of(index)}


def duplicate_rows(archives: Archives, earlier: Relations) -> Iterator[Row]:
    """Yield the rows of `duplicates`, in order. `earlier` are those of the data set as it was."""
    relations = {(relation.article_id, relation.duplicate_id): relation for relation in _within(archives)}
    relations |= {(r.article_id, r.duplicate_id): r for r in _kept_relations(archives, earlier)}
    relations |= {(r.article_id, r.duplicate_id): r for r in _compare_between(archives)}
    related = {number for pair in relations for number in pair}
    described = _describe(archives, related)
    for (first, second), relation in sorted(relations.items()):
        (host, url, day), (other_host, other_url, other_day) = described[first], described[second]
        figures = (relation.kind, relation.similarity, relation.containment)
        yield first, second, *figures, host, other_host, url, other_url, day, other_day


def _within(archives: Archives) -> Iterator[Relation]:
    """Yield the relations that each archive found among its own articles."""
    for index, source in enumerate(archives.reader.sources):
        for row in source.db.execute(_STORED):
            if archives.index_by_article.get(row[0]) == archives.index_by_article.get(row[1]) == index:
                yield Relation(*row)


def _kept_relations(archives: Archives, earlier: Relations) -> Iterator[Relation]:
    """Yield earlier relations between two archives that are as they were."""
    for relation in earlier:
        indexes = [archives.index_by_article.get(n) for n in (relation.article_id, relation.duplicate_id)]
        if indexes[0] != indexes[1] and all(index in archives.unchanged for index in indexes):
            yield relation


def _compare_between(archives: Archives) -> Iterator[Relation]:
    """Find the relations between articles of two archives, one of which at least has changed."""
    sketches = _SketchJoin(archives)
    sources = archives.reader.sources

    @lru_cache(maxsize=_CACHED)
    def facts_of(index: int, page_id: int) -> ArticleFacts:
        return read_facts(sources[index].db, page_id)

    @lru_cache(maxsize=_CACHED)
    def shingles_of_page(index: int, page_id: int) -> Shingles:
        return read_shingles(sources[index].db, page_id)

    for first, second in sketches.pairs():
        likeness = compare_shingles(shingles_of_page(*first), shingles_of_page(*second))
        if relation := classify_pair(facts_of(*first), facts_of(*second), likeness):
            yield relation


class _SketchJoin:
    """The sketches of all archives, joined. An article is known by its index, in the order of archives and pages."""

    def __init__(self, archives: Archives) -> None:
        self._archives = archives
        self._page_ids, self._places = array("q"), array("i")
        self._is_taken = [bytearray() for _ in archives.reader.sources]
        self._pages = SketchedPages(array("q"), array("i"), array("i"))
        host_numbers: dict[str, int] = {}
        for index, source in enumerate(archives.reader.sources):
            for article_id, page_id, host, hash_count, size in source.db.execute(_SKETCHED):
                if size != hash_count * HASH_BYTES:
                    raise DamagedValue(location_of("_sketches", "sketch", page_id), str(source.file))
                is_taken = archives.index_by_article.get(article_id) == index
                self._is_taken[index].append(is_taken)
                if is_taken:
                    self._add(index, page_id, host_numbers.setdefault(host, len(host_numbers)), hash_count)

    def pairs(self) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        """Yield pairs of articles, each as the index of its archive and its page there, whose sketches share enough."""
        for first, second in find_candidate_pairs(self._pages, self._sketches()):
            indexes = self._places[first], self._places[second]
            if indexes[0] != indexes[1] and not all(index in self._archives.unchanged for index in indexes):
                yield (indexes[0], self._page_ids[first]), (indexes[1], self._page_ids[second])

    def _add(self, index: int, page_id: int, host_number: int, hash_count: int) -> None:
        self._pages.page_ids.append(len(self._page_ids))
        self._pages.host_numbers.append(host_number)
        self._pages.hash_counts.append(hash_count)
        self._page_ids.append(page_id)
        self._places.append(index)

    def _sketches(self) -> Iterator[bytes]:
        for source, is_taken in zip(self._archives.reader.sources, self._is_taken, strict=True):
            for (sketch,) in compress(source.db.execute(_SKETCHES), is_taken):
                yield sketch


def _describe(archives: Archives, related: Collection[int]) -> Mapping[int, Description]:
    described: dict[int, Description] = {}
    for index, source in enumerate(archives.reader.sources):
        for article_id, host, url, day in source.db.execute(_DESCRIBED):
            if article_id in related and archives.index_by_article.get(article_id) == index:
                described[article_id] = host, url, day
    return described
