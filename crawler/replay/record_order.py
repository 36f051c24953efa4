"""The records of many files in the order in which they are worked on, however many they are: a table on disk.

robots.txt comes first, then what looks like a sitemap or feed, so that what they say of pages is known; then by time.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from urllib.parse import urlsplit

from cleaners.urls.canonical import canonicalise, host_of
from crawler.replay.record_index import HELD, Entry, scan
from output.raw.capture import Place

_MAKE = (
    """CREATE TABLE entries (file TEXT, rank INTEGER, host TEXT, name TEXT, offset INTEGER, length INTEGER, kind TEXT,
        url TEXT, at TEXT, status INTEGER, content_type TEXT, digest TEXT, refers_to TEXT, refers_at TEXT)""",
    "CREATE TABLE stored (file TEXT, offset INTEGER, PRIMARY KEY (file, offset)) WITHOUT ROWID",
)
_SORT = "CREATE INDEX by_order ON entries (rank, at, file, offset)"
_INDEXES = (
    "CREATE INDEX by_url ON entries (url, at) WHERE kind IN ('response', 'resource')",
    "CREATE INDEX by_digest ON entries (digest) WHERE kind IN ('response', 'resource') AND digest <> ''",
)
_PAGE = 2  # the rank of what is neither robots.txt nor likely a sitemap or feed
_FIELDS = ", ".join(field.name for field in fields(Entry))
_MARKS = ", ".join("?" * (4 + len(fields(Entry))))
_NOTE = f"INSERT INTO entries (file, rank, host, name, {_FIELDS}) VALUES ({_MARKS})"
_IN_ORDER = f"""SELECT file, name, rank < {_PAGE}, {_FIELDS} FROM entries e INDEXED BY by_order
    WHERE NOT EXISTS (SELECT 1 FROM stored s WHERE s.file = e.file AND s.offset = e.offset)
    ORDER BY rank, at, file, offset"""
_HOLDS = "SELECT file, offset, length FROM entries WHERE kind IN ('response', 'resource')"
_MARKUP = ("xml", "rss", "atom")
_ENDINGS = (".xml", ".xml.gz", ".rss", ".atom")


@dataclass(frozen=True, slots=True)
class Job:
    """A record to be worked on: its file as the archive names it, the canonical URL, and what the index knows."""

    file: str
    url: str
    names_others: bool  # likely a robots.txt, sitemap or feed
    entry: Entry

    @property
    def place(self) -> Place:
        """Where it lies."""
        return Place(self.file, self.entry.offset, self.entry.length)


class Order:
    """The index of some files. Fill it, `sort` it, and take the jobs; `close` drops it."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("")  # a file of SQLite's own, gone when it is closed
        for statement in _MAKE:
            self._db.execute(statement)
        self.counts: Counter[str] = Counter()
        """Records by type; `no_url` are those that are about no http or https URL."""

    def add(self, name: str, path: Path, hosts: frozenset[str] = frozenset()) -> Counter[str]:
        """Note what a file holds, of these hosts or of all; its records by type. ScanError if it cannot be read."""
        counts: Counter[str] = Counter()
        self._db.executemany(_NOTE, self._rows(name, scan(path), hosts, counts))
        self.counts += counts
        return counts

    def skip(self, places: Iterable[tuple[str, int]]) -> None:
        """Leave out records whose captures the archive has."""
        self._db.executemany("INSERT OR IGNORE INTO stored (file, offset) VALUES (?, ?)", places)

    def sort(self) -> None:
        """Make it ready."""
        for statement in (_SORT, *_INDEXES):
            self._db.execute(statement)

    def hosts(self) -> list[str]:
        """The hosts that the records are about."""
        return [host for (host,) in self._db.execute("SELECT DISTINCT host FROM entries ORDER BY host")]

    def __len__(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM entries").fetchone()[0])

    def jobs(self) -> Iterator[Job]:
        """What is to be done, in order."""
        for file, name, names_others, *values in self._db.execute(_IN_ORDER):
            yield Job(file, name, bool(names_others), Entry(*values))

    def held_by(self, entry: Entry) -> list[Place]:
        """Where the body of a revisit may be: what it names, then the same payload, then what its URL gave before."""
        ways: Sequence[tuple[str, tuple[str, ...]]] = (
            ("url = ? AND at = ?", (entry.refers_to, entry.refers_at)),
            ("digest = ? AND digest <> ''", (entry.digest,)),
            ("url = ? AND at <= ? AND status = 200 ORDER BY at DESC", (entry.url, entry.at)),
        )
        found = (self._db.execute(f"{_HOLDS} AND {way} LIMIT 1", values).fetchone() for way, values in ways)
        return [Place(*row) for row in found if row]

    def close(self) -> None:
        """Drop it."""
        self._db.close()

    def _rows(
        self, file: str, entries: Iterable[Entry], hosts: frozenset[str], counts: Counter[str]
    ) -> Iterator[tuple[object, ...]]:
        for entry in entries:
            counts[entry.kind] += 1
            if entry.kind not in HELD:
                continue
            url = canonicalise(entry.url)
            if url is None:
                counts["no_url"] += 1
                continue
            host = host_of(url)
            if hosts and host.removeprefix("www.") not in hosts:
                counts["other_host"] += 1
                continue
            yield (file, _rank(url, entry), host, url, *(getattr(entry, field.name) for field in fields(Entry)))


def is_robots(url: str) -> bool:
    """Whether a canonical URL is that of its host's robots.txt."""
    parts = urlsplit(url)
    return parts.path == "/robots.txt" and not parts.query


def _rank(url: str, entry: Entry) -> int:
    if is_robots(url):
        return 0
    kind = entry.content_type.lower()
    looks = any(mark in kind for mark in _MARKUP) and "xhtml" not in kind
    return 1 if looks or urlsplit(url).path.lower().endswith(_ENDINGS) else _PAGE
