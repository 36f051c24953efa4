"""Copies of a stored site: its manifest, its files on this disk, fetched, and brought home again.

A manifest lists the files of a site's archive in the store, each with its key, length and digest; it never changes. A
fetch brings the database to the local disk, while the WARC files stay where they are. An upload brings the archive as
one consistent file, and those of its WARC files that are new. Copies that are only read are fetched once for each state
of the store.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

from broadsheet.crawler.fleet.object_store import (
    DamagedObject,
    FileDigest,
    NotInStore,
    ObjectStore,
    digest_of,
    file_digest,
    put_verified,
)
from broadsheet.crawler.fleet.site_lease import read_site
from broadsheet.crawler.fleet.store_address import store_at, store_identity
from broadsheet.output.archive.archive_file import COMPANION_ENDINGS
from broadsheet.output.archive.archive_lock import hold_lock
from broadsheet.output.archive.atomic_writes import whole_file
from broadsheet.output.archive.stored_values import utc_now
from broadsheet.output.raw.warc_files import AwayFile, read_away_files, write_away_files
from broadsheet.output.raw.warc_folders import discard_files, make_folder, set_aside, warc_path
from broadsheet.output.write.archive_writer import Archive


@dataclass(frozen=True, slots=True)
class LocalCopy:
    """A folder of a site's own, with its archive. `store` is the identity of the store that it came from and
    goes to.
    """

    folder: Path
    site: str
    store: str

    @property
    def archive(self) -> Path:
        """Return the archive's file; its WARC files are beside it."""
        return self.folder / f"{self.site}.db"

    @property
    def origin_path(self) -> Path:
        """Return the file that says from which manifest the copy was made."""
        return self.folder / "origin.json"

    def is_left_over(self) -> bool:
        """Tell whether an earlier task left an archive here, which is not in the store, or not known to be."""
        return self.archive.is_file() and self.archive.stat().st_size > 0


@dataclass(frozen=True, slots=True)
class CopyOrigin:
    """The manifest (empty: none) and the store that a local copy was made from."""

    store: str
    manifest: str


def read_origin(copy: LocalCopy) -> CopyOrigin | None:
    """Read the origin of a copy; None if it has none, or not of this store."""
    try:
        values = json.loads(copy.origin_path.read_bytes())
        origin = CopyOrigin(str(values["store"]), str(values["manifest"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    return origin if origin.store == copy.store else None


def write_origin(copy: LocalCopy, manifest: str) -> None:
    """Note the manifest from which the copy was made."""
    with whole_file(copy.origin_path) as stream:
        stream.write(json.dumps(asdict(CopyOrigin(copy.store, manifest))).encode())


def remove_copy(copy: LocalCopy) -> None:
    """Remove the archive with its WARC files and all that belongs to it. Other files in the folder stay.

    Bytes of WARC files that no row knows stay too.

    The archive goes first: a removal that is cut off leaves nothing that could be taken for one.
    """
    warc_files = _warc_lengths(copy.archive)
    copy.archive.unlink(missing_ok=True)
    write_away_files(copy.archive, [])
    copy.archive.with_suffix(".log").unlink(missing_ok=True)
    for ending in (*COMPANION_ENDINGS, ".home"):
        Path(f"{copy.archive}{ending}").unlink(missing_ok=True)
    discard_files(copy.archive.parent, warc_files)
    copy.origin_path.unlink(missing_ok=True)
    with suppress(OSError):
        copy.folder.rmdir()


@dataclass(frozen=True, slots=True)
class SiteManifest:
    """A state of a site: the archive's one SQLite file, and its WARC files."""

    site: str
    generation: int
    """Of the lease under which it was brought home."""
    made_at: str
    database: AwayFile
    warc_files: tuple[AwayFile, ...] = ()

    @property
    def keys(self) -> set[str]:
        """Return the keys of all its files."""
        return {self.database.key, *(file.key for file in self.warc_files)}

    def to_json(self) -> bytes:
        """Return the manifest as it stands in the store."""
        return json.dumps(asdict(self), indent=1).encode()


def manifest_prefix(site: str) -> str:
    """Return the prefix of the manifests of states that were brought home."""
    return f"sites/{site}/manifests/"


def beside_prefix(site: str) -> str:
    """Return the prefix of the manifests of states that another runner's came before: still to be merged."""
    return f"sites/{site}/beside/"


def read_manifest(store: ObjectStore, key: str) -> SiteManifest:
    """Read a manifest by its key. NotInStore, DamagedObject."""
    try:
        values = json.loads(b"".join(store.chunks(key)))
        return SiteManifest(
            str(values["site"]),
            int(values["generation"]),
            str(values["made_at"]),
            AwayFile.from_values(values["database"]),
            tuple(map(AwayFile.from_values, values["warc_files"])),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedObject(f"{store.address}/{key} makes no sense as a list of files") from error


def database_entry(site: str, name: str, generation: int, digest: FileDigest) -> AwayFile:
    """Name an archive's file by a key that no other lease's upload has: it goes when another state takes its place."""
    key = f"sites/{site}/archive/{site}-{generation:08d}-{digest.sha256[:20]}.db"
    return AwayFile(name, digest.length, digest.sha256, key)


def warc_entry(site: str, name: str, digest: FileDigest) -> AwayFile:
    """Name a WARC file by its content, so that the same bytes are stored once, whoever comes first."""
    stem = name.rpartition("/")[2].removesuffix(".warc.gz")
    return AwayFile(name, digest.length, digest.sha256, f"sites/{site}/warc/{stem}-{digest.sha256[:20]}.warc.gz")


def fetch_site(store: ObjectStore, manifest: SiteManifest, manifest_key: str, copy: LocalCopy) -> None:
    """Fetch a site's database, and note its WARC files as away. The database appears last, whole or not at all."""
    copy.folder.mkdir(parents=True, exist_ok=True)
    write_away_files(copy.archive, manifest.warc_files)
    write_origin(copy, manifest_key)
    fetch_file(store, manifest.database, copy.archive)


def fetch_warc_files(store: ObjectStore, archive: Path, names: Iterable[str]) -> None:
    """Bring WARC files that are away to their places beside an archive; they are away no longer."""
    away_files = dict(read_away_files(archive))
    for name in [name for name in names if name in away_files]:
        path = warc_path(archive.parent, name)
        make_folder(path.parent)
        file = away_files.pop(name)
        is_there = path.is_file() and file_digest(path) == FileDigest(file.length, file.sha256)
        if path.is_file() and not is_there:  # nobody knows from where
            set_aside(path, 0)
        if not is_there:
            fetch_file(store, file, path)
        write_away_files(archive, away_files.values())


def fetch_file(store: ObjectStore, file: AwayFile, target: Path) -> None:
    """Fetch a file to its place; it appears whole and as it was brought to the store. DamagedObject if it is not."""
    with whole_file(target) as stream:
        digest = digest_of(_written(store.chunks(file.key), stream))
        if digest != FileDigest(file.length, file.sha256):
            raise DamagedObject(f"{store.address}/{file.key} is not what was brought there")


def _written(chunks: Iterator[bytes], stream: BinaryIO) -> Iterator[bytes]:
    """Yield the chunks, each after it was written to a file."""
    for chunk in chunks:
        stream.write(chunk)
        yield chunk


_LOG = logging.getLogger(__name__)
_WARC_LENGTHS = "SELECT name, length FROM _warc_files"
_WARC_NAMES = "SELECT name FROM _warc_files WHERE length > 0 ORDER BY name"
_ERASED_NAMES = "SELECT DISTINCT file FROM _warc_erasures"


def upload_site(store: ObjectStore, copy: LocalCopy, generation: int, prefix: str) -> str:
    """Bring all that a local copy has to the store; return the key of its manifest, below `prefix`.

    Each file is read back before the manifest names it. WARC files that are in the store already stay as they are, but
    for those in which a takedown has something erased: they come here first. Nothing states yet that this is the site:
    a lease does. InUse while a crawl owns the archive.
    """
    _close_archive(store, copy.archive)
    with hold_lock(copy.archive):
        warc_files = _upload_warc_files(store, copy)
        database = _upload_database(store, copy, generation)
    manifest = SiteManifest(copy.site, generation, utc_now(), database, tuple(warc_files))
    key = f"{prefix}{generation:08d}-{token_hex(8)}.json"
    store.put_bytes(key, manifest.to_json())
    return key


def _close_archive(store: ObjectStore, archive: Path) -> None:
    """Leave the archive as a finished run does, also after one that was killed.

    Rulings are applied, WARC files cut to what was committed, and records erased that are to be.
    """
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
    """Upload the archive as one file: itself, or a copy by SQLite's backup where a reader keeps it in WAL mode."""
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


def _warc_lengths(archive: Path) -> list[tuple[str, int]]:
    """Return the names and lengths of an archive's WARC files; none of one that is not there or cannot be read."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"{archive.as_uri()}?mode=ro", uri=True)) as connection:
        return [(str(name), int(length)) for name, length in connection.execute(_WARC_LENGTHS).fetchall()]
    return []


def _warc_names(archive: Path) -> list[str]:
    with closing(sqlite3.connect(f"{archive.as_uri()}?mode=ro", uri=True)) as connection:
        return [str(name) for (name,) in connection.execute(_WARC_NAMES).fetchall()]


_TRIES = 3  # a state that is replaced while it is being fetched goes


@dataclass(frozen=True)
class ReadingCopies:
    """The archives of a store, without their WARC files, in a folder a site. They are only read, and go nowhere."""

    store: ObjectStore
    identity: str
    folder: Path
    fetched: list[str] = field(default_factory=list)
    """The sites whose archives were fetched, as the copies here were of an earlier state."""

    def archive(self, site: str) -> Path | None:
        """Return the file of a site's archive in its newest state; None if the store has none. StoreError."""
        copy = LocalCopy(self.folder / site, site, self.identity)
        for tries_left in reversed(range(_TRIES)):
            key = read_site(self.store, site).manifest
            if not key:
                return None
            origin = read_origin(copy)
            if origin and origin.manifest == key and copy.is_left_over():
                return copy.archive
            remove_copy(copy)
            try:
                fetch_site(self.store, read_manifest(self.store, key), key, copy)
            except NotInStore:
                if not tries_left:
                    raise
                continue
            self.fetched.append(site)
            return copy.archive
        return None


def reading_copies(address: str, folder: Path) -> ReadingCopies:
    """Open the archives of the store at an address. StoreError if there is none."""
    store = store_at(address)
    return ReadingCopies(store, store_identity(store), folder)


def archive_finder(
    address: str | None, folder: Path, archive_beside: Callable[[str], Path]
) -> Callable[[str], Path | None]:
    """Return a function that gives the archive of a site: from the store at an address, or else the file beside the
    list.  StoreError, also from the function that is returned.
    """
    if address:
        return reading_copies(address, folder).archive
    return lambda site: archive if (archive := archive_beside(site)).exists() else None
