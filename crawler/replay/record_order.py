"""The records of many files in the order of their import, in a temporary table on disk for any number of them.

robots.txt comes first, then what looks like a sitemap or feed, so that what they say of pages is known; then by time, a
page as it was received before the same one as a browser rendered it.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from urllib.parse import urlsplit

from broadsheet.cleaners.page.canonical_urls import canonicalise, host_of
from broadsheet.output.raw.raw_exchange import RecordLocation

from .record_index import ANSWER_TYPES, RENDERED, IndexedRecord, scan_records

_CREATE_TABLES = (
    """CREATE TABLE entries (file TEXT, rank INTEGER, host TEXT, name TEXT, offset INTEGER, length INTEGER, kind TEXT,
        url TEXT, at TEXT, status INTEGER, content_type TEXT, digest TEXT, refers_to TEXT, refers_at TEXT)""",
    "CREATE TABLE stored (file TEXT, offset INTEGER, PRIMARY KEY (file, offset)) WITHOUT ROWID",
)
_IN_ORDER = f"rank, at, kind = '{RENDERED}', file, offset"
_CREATE_ORDER_INDEX = f"CREATE INDEX by_order ON entries ({_IN_ORDER})"
_CREATE_LOOKUP_INDEXES = (
    "CREATE INDEX by_url ON entries (url, at) WHERE kind IN ('response', 'resource')",
    "CREATE INDEX by_digest ON entries (digest) WHERE kind IN ('response', 'resource') AND digest <> ''",
)
_USER_INFO = re.compile(r"^(https?://)[^/?#\\]*@", re.IGNORECASE)
_PAGE_RANK = 2  # of everything but robots.txt and likely sitemaps and feeds
_FIELDS = ", ".join(field.name for field in fields(IndexedRecord))
_PLACEHOLDERS = ", ".join("?" * (4 + len(fields(IndexedRecord))))
_INSERT_RECORD = f"INSERT INTO entries (file, rank, host, name, {_FIELDS}) VALUES ({_PLACEHOLDERS})"
_SELECT_IN_ORDER = f"""SELECT file, name, rank < {_PAGE_RANK}, {_FIELDS} FROM entries e INDEXED BY by_order
    WHERE NOT EXISTS (SELECT 1 FROM stored s WHERE s.file = e.file AND s.offset = e.offset)
    ORDER BY {_IN_ORDER}"""
_SELECT_BODY = "SELECT file, offset, length, name, at, digest FROM entries WHERE kind IN ('response', 'resource')"
_XML_TYPES = ("xml", "rss", "atom")
_XML_SUFFIXES = (".xml", ".xml.gz", ".rss", ".atom")


@dataclass(frozen=True, slots=True)
class ReplayJob:
    """A record to be imported: its file as the archive names it, the canonical URL, and the record's index entry."""

    file: str
    url: str
    lists_urls: bool  # likely a robots.txt, sitemap or feed
    record: IndexedRecord

    @property
    def location(self) -> RecordLocation:
        """Return the record's location."""
        return RecordLocation(self.file, self.record.offset, self.record.length)


@dataclass(frozen=True, slots=True)
class LostBytes:
    """Bytes of a file without a readable record that names a URL."""

    file: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class BodyRecord:
    """A record that may have a revisit's body: location, canonical URL, time, and the payload digest that it states."""

    location: RecordLocation
    url: str
    at: str
    digest: str


class RecordOrder:
    """The index of some files: add the files, call `sort`, iterate over `jobs`; `close` drops it."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("")  # a file of SQLite's own, gone when it is closed
        for statement in _CREATE_TABLES:
            self._db.execute(statement)
        self.counts: Counter[str] = Counter()
        """Records by type. Further keys: `no_url` for records without an http(s) URL, `damaged` for unreadable ones,
        `other_host` for hosts that were not asked for.
        """
        self.lost: list[LostBytes] = []
        """Where the `damaged` ones are."""

    def add_file(self, name: str, path: Path, hosts: frozenset[str] = frozenset()) -> Counter[str]:
        """Index the records of a file, of these hosts or of all; return their number by type. ScanError if it cannot be
        read.
        """
        return self.add_records(name, scan_records(path), hosts)

    def add_records(
        self, name: str, records: Iterable[IndexedRecord], hosts: frozenset[str] = frozenset()
    ) -> Counter[str]:
        """Index records of a file that were found before."""
        counts: Counter[str] = Counter()
        self._db.executemany(_INSERT_RECORD, self._record_rows(name, records, hosts, counts))
        self.counts += counts
        return counts

    def skip_locations(self, locations: Iterable[tuple[str, int]]) -> None:
        """Leave out records whose captures the archive has; a location is (file, offset)."""
        self._db.executemany("INSERT OR IGNORE INTO stored (file, offset) VALUES (?, ?)", locations)

    def sort(self) -> None:
        """Build the SQL indexes, once all files are added."""
        for statement in (_CREATE_ORDER_INDEX, *_CREATE_LOOKUP_INDEXES):
            self._db.execute(statement)

    def hosts(self) -> list[str]:
        """Return the hosts of the records' URLs."""
        return [host for (host,) in self._db.execute("SELECT DISTINCT host FROM entries ORDER BY host")]

    def __len__(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM entries").fetchone()[0])

    def next_offset(self, file: str, offset: int) -> int | None:
        """Return where the next answer in a file begins; None after the last one."""
        row = self._db.execute(
            "SELECT min(offset) FROM entries WHERE file = ? AND offset > ?", [file, offset]
        ).fetchone()
        return None if row[0] is None else int(row[0])

    def jobs(self) -> Iterator[ReplayJob]:
        """Yield the records to import, in order."""
        for file, name, lists_urls, *values in self._db.execute(_SELECT_IN_ORDER):
            yield ReplayJob(file, name, bool(lists_urls), IndexedRecord(*values))

    def body_records(self, record: IndexedRecord) -> list[BodyRecord]:
        """Return the records that may have the body of a revisit, best first.

        The record that it names comes first, then one with the same payload, then the URL's latest 200 before it.
        """
        conditions: Sequence[tuple[str, tuple[str, ...]]] = (
            ("url = ? AND at = ?", (record.refers_to, record.refers_at)),
            ("digest = ? AND digest <> ''", (record.digest,)),
            ("url = ? AND at <= ? AND status = 200 ORDER BY at DESC", (record.url, record.at)),
        )
        rows = (
            self._db.execute(f"{_SELECT_BODY} AND {condition} LIMIT 1", values).fetchone()
            for condition, values in conditions
        )
        return [BodyRecord(RecordLocation(*row[:3]), *row[3:]) for row in rows if row]

    def close(self) -> None:
        """Drop the temporary database."""
        self._db.close()

    def _record_rows(
        self, file: str, records: Iterable[IndexedRecord], hosts: frozenset[str], counts: Counter[str]
    ) -> Iterator[tuple[object, ...]]:
        for record in records:
            counts[record.kind] += 1
            if record.kind not in ANSWER_TYPES:
                continue
            url = canonical_record_url(record.url)
            if url is None:
                counts["no_url" if record.url else "damaged"] += 1
                if not record.url:
                    self.lost.append(LostBytes(file, record.offset, record.length))
                continue
            host = host_of(url)
            if hosts and host.removeprefix("www.") not in hosts:
                counts["other_host"] += 1
                continue
            yield (
                file,
                _record_rank(url, record),
                host,
                url,
                *(getattr(record, field.name) for field in fields(IndexedRecord)),
            )


def canonical_record_url(url: str) -> str | None:
    """Return the canonical spelling of a record's URL, without a user name and password; None if it is not a URL of a
    page.
    """
    return canonicalise(_USER_INFO.sub(r"\1", url.strip()))


def is_robots(url: str) -> bool:
    """Tell whether a canonical URL is that of its host's robots.txt."""
    parts = urlsplit(url)
    return parts.path == "/robots.txt" and not parts.query


def _record_rank(url: str, record: IndexedRecord) -> int:
    if is_robots(url):
        return 0
    content_type = record.content_type.lower()
    is_xml = any(name in content_type for name in _XML_TYPES) and "xhtml" not in content_type
    return 1 if is_xml or urlsplit(url).path.lower().endswith(_XML_SUFFIXES) else _PAGE_RANK
