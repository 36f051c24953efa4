"""The rows of a host, from the one archive that has it or from several: each article and each URL once.

Where several archives hold the same article or URL, that one counts which saw it last. Rows come in the order in which
archives first saw them, so that what is new stands at the end and earlier files stay as they are.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

from broadsheet.output.dataset.arrow_rows import Row
from broadsheet.output.dataset.sources import DatasetSource
from broadsheet.output.dataset.tables import dataset_tables
from broadsheet.output.dataset.takedown_list import TakedownList

# Temporary tables in the order in which rows are read; the connections only read their files.
_CREATE_ORDERS = (
    """CREATE TEMP TABLE ordered_articles (host TEXT NOT NULL, first_seen TEXT NOT NULL, id INTEGER NOT NULL,
        PRIMARY KEY (host, first_seen, id)) WITHOUT ROWID""",
    """INSERT INTO temp.ordered_articles (host, first_seen, id)
        SELECT host, first_seen, id FROM main.articles ORDER BY 1, 2, 3""",
    """CREATE TEMP TABLE ordered_urls (host TEXT NOT NULL, first_seen TEXT NOT NULL, id INTEGER NOT NULL,
        PRIMARY KEY (host, first_seen, id)) WITHOUT ROWID""",
    """INSERT INTO temp.ordered_urls (host, first_seen, id)
        SELECT host, first_seen, id FROM main.urls ORDER BY 1, 2, 3""",
)
_FROM_ARTICLES = "FROM temp.ordered_articles o CROSS JOIN main.articles a ON a.id = o.id WHERE o.host = ?"
_FROM_REMOVED = """FROM temp.ordered_articles o CROSS JOIN main.articles a ON a.id = o.id
    CROSS JOIN main.page_blocks b ON b.page_id = a.page_id JOIN main.block_texts t ON t.id = b.block_id
    JOIN main.reasons r ON r.id = b.reason_id WHERE o.host = ? AND b.kept = 0"""
_FROM_URLS = "FROM temp.ordered_urls o CROSS JOIN main.urls u ON u.id = o.id WHERE o.host = ?"
_REMOVED_VALUES = "a.id, a.url, b.position, b.block_id, t.text, r.reason, r.rule"
_OWN_ARTICLES = "SELECT id, page_id, host, url, canonical_url FROM main.articles ORDER BY page_id"
_HOSTS = "SELECT host FROM main.urls UNION SELECT host FROM main.articles ORDER BY host"
_ARTICLE_AGES = "SELECT id, last_seen FROM main.articles WHERE host = ?"
_URL_AGES = f"SELECT u.url, coalesce(u.fetched_at, '') {_FROM_URLS}"

_CHOOSING_COLUMNS = 4  # at the head of each row: when it was first seen, what it is about, its URL and canonical URL

Owners = Mapping[object, int]
"""For an article's number or a URL that several archives have, the index of the archive that counts."""


@dataclass(frozen=True, slots=True)
class HostReader:
    """Reads the rows of hosts from archives that are open, without what was taken down."""

    sources: Sequence[DatasetSource]
    takedowns: TakedownList
    hosts: Mapping[str, tuple[int, ...]]
    """Each host and the indexes of the archives that have it."""

    def prepare(self, indexes: Iterable[int]) -> None:
        """Put the rows of some archives in order; what is not prepared cannot be read."""
        for index in indexes:
            for statement in _CREATE_ORDERS:
                self.sources[index].db.execute(statement)

    def articles(self, host: str) -> Iterator[Row]:
        """The articles of a host, as the table `articles` of the data set has them."""
        names = dataset_tables()["articles"].column_names
        query = f"SELECT o.first_seen, o.id, a.url, a.canonical_url, {_columns('a', names)} {_FROM_ARTICLES}"
        yield from self._merged(host, f"{query} ORDER BY o.first_seen, o.id", self.article_owners(host))

    def removed(self, host: str) -> Iterator[Row]:
        """What was removed from these articles, in the same order."""
        query = f"SELECT o.first_seen, o.id, a.url, a.canonical_url, {_REMOVED_VALUES} {_FROM_REMOVED}"
        yield from self._merged(host, f"{query} ORDER BY o.first_seen, o.id, b.position", self.article_owners(host))

    def urls(self, host: str) -> Iterator[Row]:
        """The URLs of a host. What a URL that was taken down led to, or where it was found, is not told either."""
        names = dataset_tables()["urls"].column_names
        query = f"SELECT o.first_seen, u.url, u.url, '', {_columns('u', names)} {_FROM_URLS}"
        rows = self._merged(host, f"{query} ORDER BY o.first_seen, o.id", self._owners(host, _URL_AGES))
        hidden = [names.index(name) for name in ("found_on", "location")]
        for row in rows:
            yield tuple(
                None if index in hidden and self.takedowns.names(value) else value for index, value in enumerate(row)
            )

    def articles_of(self, index: int) -> Iterator[tuple[int, int]]:
        """(number, page) of the articles that an archive gives to the data set, by page."""
        owners = {host: self.article_owners(host) for host, indexes in self.hosts.items() if index in indexes}
        for article_id, page_id, host, url, canonical_url in self.sources[index].db.execute(_OWN_ARTICLES):
            if owners[host].get(article_id, index) == index and not self._is_taken_down(url, canonical_url):
                yield article_id, page_id

    def article_owners(self, host: str) -> Owners:
        """Which archive counts for each article that several have; empty where one archive has the host."""
        return self._owners(host, _ARTICLE_AGES)

    def _owners(self, host: str, query: str) -> Owners:
        indexes = self.hosts[host]
        if len(indexes) < 2:
            return {}
        latest: dict[object, tuple[str, int]] = {}
        for index in indexes:
            for key, seen_at in self.sources[index].db.execute(query, [host]):
                latest[key] = max(latest.get(key, ("", -1)), (str(seen_at), index))
        return {key: index for key, (_, index) in latest.items()}

    def _merged(self, host: str, query: str, owners: Owners) -> Iterator[Row]:
        """The rows of a query from all archives that have the host, less the columns by which they are chosen."""
        streams = [self._owned_rows(index, query, host, owners) for index in self.hosts[host]]
        for row in heapq.merge(*streams, key=itemgetter(0)):
            yield row[_CHOOSING_COLUMNS:]

    def _owned_rows(self, index: int, query: str, host: str, owners: Owners) -> Iterator[Row]:
        for row in self.sources[index].db.execute(query, [host]):
            _, key, url, canonical_url, *_ = row
            if owners.get(key, index) == index and not self._is_taken_down(url, canonical_url):
                yield row

    def _is_taken_down(self, url: object, canonical_url: object) -> bool:
        return self.takedowns.names(url) or self.takedowns.names(canonical_url)


def hosts_of(source: DatasetSource) -> tuple[str, ...]:
    """The hosts of which an archive has URLs, in order."""
    return tuple(host for (host,) in source.db.execute(_HOSTS))


def indexes_by_host(hosts_by_index: Iterable[Iterable[str]]) -> dict[str, tuple[int, ...]]:
    """Which archives, by their indexes, have each host; the hosts in order."""
    indexes: dict[str, tuple[int, ...]] = {}
    for index, hosts in enumerate(hosts_by_index):
        for host in hosts:
            indexes[host] = (*indexes.get(host, ()), index)
    return dict(sorted(indexes.items()))


def _columns(table: str, names: Sequence[str]) -> str:
    return ", ".join(f"{table}.{name}" for name in names)
