"""The rows of a host from one archive or several, each article and URL once, without takedowns.

Each archive is read as it stands while nobody writes to it. A takedown in any archive counts for the whole data set,
whichever archive still holds the article.

Where several archives hold the same article or URL, that one counts which saw it last. Rows come in the order in which
archives first saw them, so new rows stand at the end and earlier files stay as they are.
"""

from __future__ import annotations

import hashlib
import heapq
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

from sqlite_utils import Database

from ..archive.archive_errors import NotReachable
from ..archive.archive_file import SQLITE_HEADER, archive_path
from ..archive.article_filter import (
    ALL_ARTICLES,
    USAGE_COLUMN,
    USAGE_OF_ARTICLE,
    ArticleBounds,
    permitting_condition,
)
from ..archive.pictures import Picture
from ..archive.table_columns import quoted_name, table_columns
from ..raw.picture_files import read_picture_file
from ..raw.warc_reader import RecordError
from ..write.takedowns import WILDCARD
from .dataset_tables import Row, dataset_tables
from .source_archive import SourceArchive, open_source

_ENDINGS = (".db", ".sqlite", ".sqlite3")
_CACHE_KB = 2_048  # of each archive: many are open at once
_PATTERNS = "SELECT pattern FROM takedowns"
_SEQ = "SELECT coalesce(max(seq), 0) FROM changes"


@dataclass(frozen=True, slots=True)
class DatasetSource:
    """An archive that goes into a data set: the name that it has there, its connection, its first run, and a stamp
    that is another one whenever something was written to it.
    """

    name: str
    file: Path
    db: Database
    identity: str
    stamp: str

    @property
    def last_seq(self) -> int:
        """Return the last number in `changes`."""
        return int(self.db.execute(_SEQ).fetchone()[0])

    @property
    def takedown_patterns(self) -> list[str]:
        """Return the URLs, and the patterns with `*`, that were taken down in this archive."""
        return [pattern for (pattern,) in self.db.execute(_PATTERNS)]


def find_archives(paths: Iterable[str]) -> list[Path]:
    """Find the archives that are named, and those in the folders that are, each once, in order.

    Raises NotReachable if a path is not there, or a folder holds none.
    """
    files = [file for path in paths for file in _archives_at(Path(path))]
    return list(dict.fromkeys(files))


@contextmanager
def open_sources(files: Sequence[Path], bounds: ArticleBounds = ALL_ARTICLES) -> Iterator[list[DatasetSource]]:
    """Open all archives for reading, locked against crawls; of each the articles within the bounds, and of URLs and
    changes only theirs.

    Raises ArchiveError if one of them cannot be used.
    """
    with ExitStack() as stack:
        yield [_make_source(stack.enter_context(open_source(file)), bounds) for file in files]


def _archives_at(path: Path) -> list[Path]:
    if not path.is_dir():
        return [archive_path(path)]
    files = [file for file in sorted(path.iterdir()) if file.suffix in _ENDINGS and _is_database(file)]
    if not files:
        raise NotReachable(f"{path} holds no archive")
    return [archive_path(file) for file in files]


def _is_database(file: Path) -> bool:
    """Return whether a file is of SQLite; other files in a folder are ignored."""
    if not file.is_file():
        return False
    with file.open("rb") as stream:
        return stream.read(len(SQLITE_HEADER)) == SQLITE_HEADER


_CHOSEN = "SELECT id FROM temp.chosen_articles"
_CHOSEN_ROWS = {
    "articles": f"id IN ({_CHOSEN})",
    "urls": f"id IN (SELECT p.id FROM main.pages p WHERE p.article_id IN ({_CHOSEN}))",
    "changes": f"article_id IN ({_CHOSEN})",
}


def _make_source(archive: SourceArchive, bounds: ArticleBounds) -> DatasetSource:
    """Make a source, with temporary views of what is read: `dataset_articles`, `dataset_urls`, `dataset_changes`."""
    archive.db.execute(f"PRAGMA cache_size = {-_CACHE_KB}")
    chosen = f"SELECT id FROM main.articles WHERE {bounds.condition}"
    if bounds != ALL_ARTICLES:
        archive.db.execute(f"CREATE TEMP TABLE chosen_articles AS {chosen}", dict(bounds.values))
    for table, condition in _CHOSEN_ROWS.items():
        where = f" WHERE {condition}" if bounds != ALL_ARTICLES else ""
        columns = ", ".join(quoted_name(column.name) for column in table_columns(archive.db, table))
        archive.db.execute(f"CREATE TEMP VIEW dataset_{table} AS SELECT {columns} FROM main.{table}{where}")
    stamp = archive.stamp if bounds == ALL_ARTICLES else f"{archive.stamp} {bounds}"
    return DatasetSource(_name_of(archive.file), archive.file, archive.db, archive.identity, stamp)


def _name_of(file: Path) -> str:
    """Return a name that two archives of one data set never have, and that does not tell where the file lies."""
    stem = "".join(char if char.isalnum() or char in "-_." else "-" for char in file.stem)
    return f"{stem}-{hashlib.sha256(str(file).encode('utf-8', 'surrogateescape')).hexdigest()[:6]}"


@dataclass(frozen=True, slots=True)
class TakedownList:
    """URLs, and patterns in which `*` stands for anything."""

    urls: frozenset[str]
    patterns: re.Pattern[str] | None
    digest: str

    @classmethod
    def of(cls, patterns: Iterable[str]) -> TakedownList:
        """Return the list of what archives state."""
        all_patterns = sorted(set(patterns))
        wild = [
            re.escape(pattern).replace(re.escape(WILDCARD), ".*") for pattern in all_patterns if WILDCARD in pattern
        ]
        digest = hashlib.sha256("\0".join(all_patterns).encode("utf-8", "surrogatepass")).hexdigest()[:16]
        return cls(frozenset(all_patterns), re.compile("|".join(wild), re.DOTALL) if wild else None, digest)

    def names(self, url: object) -> bool:
        """Return whether a URL was taken down; False for a value that is not text."""
        if not isinstance(url, str) or not (self.urls or self.patterns):
            return False
        return url in self.urls or bool(self.patterns and self.patterns.fullmatch(url))


# Temporary tables in the order in which rows are read; the connections only read their files.
_CREATE_ORDERS = (
    """CREATE TEMP TABLE ordered_articles (host TEXT NOT NULL, first_seen TEXT NOT NULL, id INTEGER NOT NULL,
        PRIMARY KEY (host, first_seen, id)) WITHOUT ROWID""",
    """INSERT INTO temp.ordered_articles (host, first_seen, id)
        SELECT host, first_seen, id FROM temp.dataset_articles ORDER BY 1, 2, 3""",
    """CREATE TEMP TABLE ordered_urls (host TEXT NOT NULL, first_seen TEXT NOT NULL, id INTEGER NOT NULL,
        PRIMARY KEY (host, first_seen, id)) WITHOUT ROWID""",
    """INSERT INTO temp.ordered_urls (host, first_seen, id)
        SELECT host, first_seen, id FROM temp.dataset_urls ORDER BY 1, 2, 3""",
)
_FROM_ARTICLES = "FROM temp.ordered_articles o CROSS JOIN temp.dataset_articles a ON a.id = o.id WHERE o.host = ?"
_FROM_REMOVED = """FROM temp.ordered_articles o CROSS JOIN temp.dataset_articles a ON a.id = o.id
    CROSS JOIN main._page_blocks b ON b.page_id = a.page_id JOIN main._block_texts t ON t.id = b.block_id
    JOIN main._reasons r ON r.id = b.reason_id WHERE o.host = ? AND b.kept = 0"""
_PICTURE_VALUES = "p.digest, p.type, p.width, p.height, p.bytes, p.capture_id"
# As in the view `article_pictures`.
_PICTURE_FILES = """JOIN main.urls f ON f.url = {0} JOIN main.urls t ON t.url = CASE WHEN f.location IS NULL
        THEN f.url ELSE (
            WITH RECURSIVE hops (url, number) AS (
                SELECT f.location, 1
                UNION ALL SELECT u.location, number + 1 FROM hops JOIN main.urls u ON u.url = hops.url
                WHERE u.location IS NOT NULL AND number < 10)
            SELECT url FROM hops ORDER BY number DESC LIMIT 1) END
    JOIN main._pictures p ON p.url_id = t.id WHERE o.host = ?1 AND {{permitted}}"""
_PICTURES = f"""SELECT o.first_seen, o.id, a.url, a.canonical_url, a.id, a.url, -1 AS position, a.image, '', '', '',
        {_PICTURE_VALUES}
    FROM temp.ordered_articles o CROSS JOIN main.articles a ON a.id = o.id {_PICTURE_FILES.format("a.image")}
        AND NOT EXISTS (SELECT 1 FROM main._images i WHERE i.page_id = a.page_id AND i.url = a.image)
    UNION ALL
    SELECT o.first_seen, o.id, a.url, a.canonical_url, a.id, a.url, i.position, i.url, i.caption, i.credit, i.alt,
        {_PICTURE_VALUES}
    FROM temp.ordered_articles o CROSS JOIN main.articles a ON a.id = o.id
        CROSS JOIN main._images i ON i.page_id = a.page_id {_PICTURE_FILES.format("i.url")}
    ORDER BY 1, 2, position"""
_FROM_URLS = "FROM temp.ordered_urls o CROSS JOIN temp.dataset_urls u ON u.id = o.id WHERE o.host = ?"
_REMOVED_VALUES = "a.id, a.url, b.position, b.block_id, t.text, r.reason, r.rule"
_OWN_ARTICLES = "SELECT id, page_id, host, url, canonical_url FROM temp.dataset_articles a WHERE {} ORDER BY page_id"
_HOSTS = "SELECT host FROM temp.dataset_urls UNION SELECT host FROM temp.dataset_articles ORDER BY host"
_ARTICLE_AGES = "SELECT id, last_seen FROM temp.dataset_articles WHERE host = ?"
_URL_AGES = f"SELECT u.url, coalesce(u.fetched_at, '') {_FROM_URLS}"

_CHOOSING_COLUMNS = 4  # at the head of each row: when it was first seen, what it is about, its URL and canonical URL

Owners = Mapping[object, int]
"""For an article's number or a URL that several archives have, the index of the archive that counts."""


@dataclass(frozen=True, slots=True)
class HostReader:
    """A reader of the rows of hosts from open archives, without what was taken down."""

    sources: Sequence[DatasetSource]
    takedowns: TakedownList
    hosts: Mapping[str, tuple[int, ...]]
    """Each host and the indexes of the archives that have it."""
    use: str = ""
    """What the data set is for: articles that their sites refuse to it are left out."""
    has_files: bool = False
    """Whether pictures come with their bytes."""

    def prepare(self, indexes: Iterable[int]) -> None:
        """Put the rows of some archives in order; what is not prepared cannot be read."""
        for index in indexes:
            for statement in _CREATE_ORDERS:
                self.sources[index].db.execute(statement)

    def articles(self, host: str) -> Iterator[Row]:
        """Yield the articles of a host, as the table `articles` of the data set has them."""
        names = dataset_tables()["articles"].column_names
        columns = _columns("a", names).replace(f"a.{USAGE_COLUMN}", USAGE_OF_ARTICLE.format("a"))
        query = f"SELECT o.first_seen, o.id, a.url, a.canonical_url, {columns} {_FROM_ARTICLES} AND {self._permission}"
        yield from self._merged(host, f"{query} ORDER BY o.first_seen, o.id", self.article_owners(host))

    def removed(self, host: str) -> Iterator[Row]:
        """Yield the blocks removed from these articles, in the same order."""
        query = f"""SELECT o.first_seen, o.id, a.url, a.canonical_url, {_REMOVED_VALUES} {_FROM_REMOVED}
            AND {self._permission}"""
        yield from self._merged(host, f"{query} ORDER BY o.first_seen, o.id, b.position", self.article_owners(host))

    def pictures(self, host: str) -> Iterator[Row]:
        """Yield the pictures of these articles, in the same order, each article's lead first."""
        query, owners = _PICTURES.format(permitted=self._permission), self.article_owners(host)
        streams = [self._with_files(index, self._owned_rows(index, query, host, owners)) for index in self.hosts[host]]
        for row in heapq.merge(*streams, key=itemgetter(0)):
            yield row[_CHOOSING_COLUMNS:]

    def _with_files(self, index: int, rows: Iterator[Row]) -> Iterator[Row]:
        """Put the picture's file in place of its capture's number, if files are wanted: with the first of a digest."""
        source, seen_digests = self.sources[index], set[object]()
        for row in rows:
            *values, capture_id = row
            picture, data = Picture(*values[-5:]), None  # type: ignore[arg-type]
            if self.has_files and picture.digest not in seen_digests:
                seen_digests.add(picture.digest)
                with suppress(RecordError):
                    data = read_picture_file(source.db, source.file, int(str(capture_id)), picture)
            yield (*values, data)

    def urls(self, host: str) -> Iterator[Row]:
        """Yield the URLs of a host.

        What a URL that was taken down led to, or where it was found, is not told either.
        """
        names = dataset_tables()["urls"].column_names
        query = f"SELECT o.first_seen, u.url, u.url, '', {_columns('u', names)} {_FROM_URLS}"
        rows = self._merged(host, f"{query} ORDER BY o.first_seen, o.id", self._owners(host, _URL_AGES))
        hidden = [names.index(name) for name in ("found_on", "location")]
        for row in rows:
            yield tuple(
                None if index in hidden and self.takedowns.names(value) else value for index, value in enumerate(row)
            )

    def articles_of(self, index: int) -> Iterator[tuple[int, int]]:
        """Yield (number, page) of the articles that an archive gives to the data set, by page."""
        owners = {host: self.article_owners(host) for host, indexes in self.hosts.items() if index in indexes}
        query = _OWN_ARTICLES.format(self._permission)
        for article_id, page_id, host, url, canonical_url in self.sources[index].db.execute(query):
            if owners[host].get(article_id, index) == index and not self._is_taken_down(url, canonical_url):
                yield article_id, page_id

    @property
    def _permission(self) -> str:
        return permitting_condition(self.use, "a.capture_id")

    def article_owners(self, host: str) -> Owners:
        """Return, for each article that several archives have, the archive that counts; empty if one archive has the
        host.
        """
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
        """Yield the rows of a query from all archives that have the host, less the columns by which they are chosen."""
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
    """Return the hosts of which an archive has URLs, in order."""
    return tuple(host for (host,) in source.db.execute(_HOSTS))


def indexes_by_host(hosts_by_index: Iterable[Iterable[str]]) -> dict[str, tuple[int, ...]]:
    """Return the indexes of the archives that have each host, the hosts in order."""
    indexes: dict[str, tuple[int, ...]] = {}
    for index, hosts in enumerate(hosts_by_index):
        for host in hosts:
            indexes[host] = (*indexes.get(host, ()), index)
    return dict(sorted(indexes.items()))


def _columns(table: str, names: Sequence[str]) -> str:
    return ", ".join(f"{table}.{name}" for name in names)
