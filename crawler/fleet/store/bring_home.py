"""From the local disk to the store: an archive as one consistent file, and those of its WARC files that are new."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from secrets import token_hex

from broadsheet.crawler.fleet.store.fetch_site import fetch_warc_files
from broadsheet.crawler.fleet.store.local_copy import LocalCopy
from broadsheet.crawler.fleet.store.manifest import SiteManifest, database_entry, warc_entry
from broadsheet.crawler.fleet.store.object_store import FileDigest, ObjectStore, file_digest, put_verified
from broadsheet.output.db.clock import utc_now
from broadsheet.output.db.lock import ArchiveLock
from broadsheet.output.raw.away_files import AwayFile, read_away_files
from broadsheet.output.raw.warc_files import warc_path
from broadsheet.output.write.archive import Archive

_LOG = logging.getLogger(__name__)
_WARC_NAMES = "SELECT name FROM warc_files WHERE length > 0 ORDER BY name"
_ERASED_NAMES = "SELECT DISTINCT file FROM warc_erasures"


def upload_site(store: ObjectStore, copy: LocalCopy, generation: int, prefix: str) -> str:
    """Bring all that a local copy has to the store; returns the key of its manifest, below `prefix`.

    Each file is read back before the manifest names it. WARC files that are in the store already stay as they are, but
    for those in which a takedown has something erased: they come here first. Nothing states yet that this is the site:
    a lease does. InUse while a crawl owns the archive.
    """
    _close_archive(store, copy.archive)
    lock = ArchiveLock(copy.archive)
    lock.acquire()
    try:
        warc_files = _upload_warc_files(store, copy)
        database = _upload_database(store, copy, generation)
    finally:
        lock.release()
    manifest = SiteManifest(copy.site, generation, utc_now(), database, tuple(warc_files))
    key = f"{prefix}{generation:08d}-{token_hex(8)}.json"
    store.put_bytes(key, manifest.to_json())
    return key


def _close_archive(store: ObjectStore, archive: Path) -> None:
    """Leave the archive as a finished run does, also after one that was killed: rulings applied, WARC files cut to what
    was committed, records erased that are to be."""
    with Archive.open(archive) as opened:
        waiting_names = [name for (name,) in opened.db.execute(_ERASED_NAMES).fetchall()]
    if waiting_names:
        fetch_warc_files(store, archive, waiting_names)
        Archive.open(archive).close()


def _upload_warc_files(store: ObjectStore, copy: LocalCopy) -> list[AwayFile]:
    away_files, files = read_away_files(copy.archive), []
    for name in _warc_names(copy.archive):
        path = warc_path(copy.archive.parent, name)
        if name in away_files:
            files.append(away_files[name])
        elif path.is_file():
            files.append(_put(store, warc_entry(copy.site, name, file_digest(path)), path))
        else:
            _LOG.warning("%s is missing beside %s, and cannot be brought to the store", name, copy.archive)
    return files


def _upload_database(store: ObjectStore, copy: LocalCopy, generation: int) -> AwayFile:
    """The archive as one file: itself, or a copy by SQLite's backup where somebody who reads it keeps it in WAL
    mode."""
    if not Path(f"{copy.archive}-wal").exists():
        return _put_database(store, copy, generation, copy.archive)
    snapshot = Path(f"{copy.archive}.home")
    snapshot.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(copy.archive)) as source, closing(sqlite3.connect(snapshot)) as target:
            source.backup(target)
            target.execute("PRAGMA journal_mode = DELETE")
        return _put_database(store, copy, generation, snapshot)
    finally:
        snapshot.unlink(missing_ok=True)


def _put_database(store: ObjectStore, copy: LocalCopy, generation: int, path: Path) -> AwayFile:
    return _put(store, database_entry(copy.site, copy.archive.name, generation, file_digest(path)), path)


def _put(store: ObjectStore, file: AwayFile, path: Path) -> AwayFile:
    put_verified(store, file.key, path, FileDigest(file.length, file.sha256))
    return file


def _warc_names(archive: Path) -> list[str]:
    with closing(sqlite3.connect(f"{archive.as_uri()}?mode=ro", uri=True)) as connection:
        return [str(name) for (name,) in connection.execute(_WARC_NAMES).fetchall()]
