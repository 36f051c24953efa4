"""Copies of a stored site on this disk: fetched, worked on, saved again.

A fetch brings the database, while the WARC files stay where they are. Beside the copy stays its base, the database as
the store has it: a state is saved against it, and the next fetch goes on from it, so only new pieces travel. One file,
`origin.json`, says of which state both are. Copies that are only read are brought up to date once for each state.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from broadsheet.output.archive.archive_errors import NotAnArchive
from broadsheet.output.archive.archive_file import COMPANION_ENDINGS
from broadsheet.output.archive.archive_lock import hold_lock
from broadsheet.output.archive.atomic_writes import whole_file
from broadsheet.output.raw.warc_files import read_away_files, write_away_files
from broadsheet.output.raw.warc_folders import discard_files, own_folders, read_folder_id, stated_id, warc_path
from broadsheet.output.write.archive_writer import Archive

from .object_store import DamagedObject, NotInStore, ObjectStore
from .site_head import read_head
from .site_states import StateWriter, StoredState, fetch_database, fetch_warc_file, parse_manifest, read_manifest
from .store_address import store_at, store_identity


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
        """Return the file with the store and the state that the copy was made from."""
        return self.folder / "origin.json"

    @property
    def base_path(self) -> Path:
        """Return the file of the database as the store has it, which a state is compared with."""
        return self.folder / f"{self.site}.db.base"

    def is_left_over(self) -> bool:
        """Tell whether an earlier task left an archive here, which is not in the store, or not known to be."""
        return self.archive.is_file() and self.archive.stat().st_size > 0


def read_origin(copy: LocalCopy) -> StoredState | None:
    """Read the state that a copy was made from, with the base as its file; None if that is not known, or of another
    store.
    """
    with suppress(FileNotFoundError, ValueError, KeyError, TypeError, DamagedObject):
        data = copy.origin_path.read_bytes()
        values = json.loads(data)
        base = copy.base_path if copy.base_path.is_file() else None
        if values["store"] == copy.store:
            return StoredState(parse_manifest(data, str(copy.origin_path)), str(values["key"]), base)
    return None


def write_origin(copy: LocalCopy, state: StoredState) -> None:
    """Note the state that the copy was made from."""
    with whole_file(copy.origin_path) as stream:
        stream.write(state.manifest.to_json(store=copy.store, key=state.key))


def keep_base(copy: LocalCopy, saved: StoredState) -> None:
    """Make a saved state the origin and the base of the copy.

    A kill in between leaves a base of another digest, as good as none.
    """
    assert saved.file
    write_origin(copy, saved)
    saved.file.replace(copy.base_path)


def bring_copy_home(copy: LocalCopy, saved: StoredState) -> None:
    """Remove a copy whose state the store has, but for its database, which becomes the base.

    Bytes of WARC files that no row knows stay too.
    """
    warc_files = _warc_lengths(copy.archive)
    keep_base(copy, saved)
    copy.archive.unlink(missing_ok=True)
    discard_files(copy.archive, warc_files)
    for path in _files_beside(copy):
        path.unlink(missing_ok=True)


def set_copy_aside(copy: LocalCopy) -> None:
    """Remove all that a copy has here, but for its base, since the store has moved on. Other files in the folder stay.

    The archive goes first: a removal that is cut off leaves nothing that could be taken for one. `clear_place` then
    does the rest.
    """
    _set_aside(copy, [copy.archive, *_files_beside(copy), *own_folders(copy.archive)])
    if not copy.base_path.exists():
        copy.origin_path.unlink(missing_ok=True)
    with suppress(OSError):
        copy.folder.rmdir()


def clear_place(copy: LocalCopy, *, is_new: bool) -> None:
    """Remove what a killed run left of an archive that is no longer here: SQLite would apply its write-ahead log to the
    next one. WARC folders stay unless the site is new; `set_foreign_folders_aside` sees to them.
    """
    _set_aside(copy, [*_files_beside(copy), *(own_folders(copy.archive) if is_new else ())])


def set_foreign_folders_aside(copy: LocalCopy) -> None:
    """Remove WARC folders of another archive than that of the copy, such as of a first crawl that was not published."""
    own_id = stated_id(copy.archive)
    _set_aside(copy, [folder for folder in own_folders(copy.archive) if _is_foreign(folder, own_id)])


def _is_foreign(folder: Path, own_id: str) -> bool:
    try:
        return read_folder_id(folder) not in ("", own_id)
    except NotAnArchive:
        return True


def _set_aside(copy: LocalCopy, paths: Iterable[Path]) -> None:
    """Give files and folders that are there another place, each at once, and remove them there."""
    aside = copy.folder / "aside"
    shutil.rmtree(aside, ignore_errors=True)
    for path in filter(os.path.lexists, paths):
        with suppress(FileNotFoundError):  # another reader may do the same
            aside.mkdir(exist_ok=True)
            path.rename(aside / path.name)
    shutil.rmtree(aside, ignore_errors=True)


def _files_beside(copy: LocalCopy) -> tuple[Path, ...]:
    """Return the files that belong to the archive of a copy."""
    companions = (Path(f"{copy.archive}{ending}") for ending in (*COMPANION_ENDINGS, ".home"))
    return (*companions, copy.archive.with_suffix(".log"))


_IDLE_SECONDS = 7 * 24 * 3600.0
"""How long a base stays that is not used: most sites are looked at once a week or more often, by any of the workers."""
_LEAST_FREE = 0.1  # of the disk: below that no base stays


def remove_old_bases(folder: Path) -> None:
    """Remove bases below the folder for local copies that were not used for a week; on a full disk all but those in
    use.
    """
    usage = shutil.disk_usage(folder)
    oldest = time.time() - _IDLE_SECONDS if usage.free > _LEAST_FREE * usage.total else time.time()
    for base in folder.glob("*/*.db.base"):
        copy = LocalCopy(base.parent, base.parent.name, "")
        with suppress(OSError):  # another worker may remove it first
            if base.stat().st_mtime < oldest and not copy.is_left_over():
                base.unlink()
                copy.origin_path.unlink(missing_ok=True)
                copy.folder.rmdir()  # if nothing else is in it


def fetch_copy(store: ObjectStore, key: str, copy: LocalCopy) -> None:
    """Fetch what the base of a copy lacks of a state, whose WARC files are noted as away. NotInStore, DamagedObject.

    The archive appears last, whole or not at all.
    """
    copy.folder.mkdir(parents=True, exist_ok=True)
    base = read_origin(copy)
    manifest = base.manifest if base and base.key == key else read_manifest(store, key)
    if not (base and base.file and base.manifest.database == manifest.database):
        fetch_database(store, manifest.database, copy.base_path, base)
    write_away_files(copy.archive, manifest.warc_files)
    write_origin(copy, StoredState(manifest, key))
    fetch_database(store, manifest.database, copy.archive, StoredState(manifest, key, copy.base_path))


def fetch_warc_files(store: ObjectStore, archive: Path, names: Iterable[str]) -> None:
    """Bring WARC files that are away to their places beside an archive; they are away no longer."""
    away_files = dict(read_away_files(archive))
    for name in [name for name in names if name in away_files]:
        fetch_warc_file(store, away_files.pop(name), warc_path(archive, name))
        write_away_files(archive, away_files.values())


_WARC_LENGTHS = "SELECT name, length FROM _warc_files"
_ERASED_NAMES = "SELECT DISTINCT file FROM _warc_erasures"


def save_site(writer: StateWriter, copy: LocalCopy) -> StoredState:
    """Save all that a local copy has, once nobody works on it.

    Only what the base does not have is stored. WARC files in which a takedown has something erased come here first, and
    what no row uses is then overwritten. Nothing states yet that this is the site: a head does. InUse while a crawl
    owns the archive.
    """
    base = read_origin(copy)
    _close_archive(writer.store, copy.archive)
    with hold_lock(copy.archive), _still_database(copy) as database:
        manifest = writer.save(copy.archive, database, base)
        return StoredState(manifest, writer.put_manifest(manifest), database)


def save_running(writer: StateWriter, copy: LocalCopy) -> StoredState | None:
    """Save what the archive of a running crawl has committed, in the state of one moment; None if it has no tables
    yet.
    """
    snapshot = copy.archive.with_name(f"{copy.archive.name}.home")
    copy_database(copy.archive, snapshot)
    if not _has_tables(snapshot):
        return None
    manifest = writer.save(copy.archive, snapshot, read_origin(copy))
    return StoredState(manifest, writer.put_manifest(manifest), snapshot)


def _has_tables(database: Path) -> bool:
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        return bool(connection.execute("PRAGMA user_version").fetchone()[0])


def _close_archive(store: ObjectStore, archive: Path) -> None:
    """Leave the archive as a finished run does, also after one that was killed.

    Rulings are applied, WARC files cut to what was committed, and records erased that are to be.
    """
    with Archive.open(archive) as opened:
        waiting_names = [name for (name,) in opened.db.execute(_ERASED_NAMES).fetchall()]
    for name in waiting_names:
        with suppress(NotInStore):  # another runner's takedown has removed its bytes
            fetch_warc_files(store, archive, [name])
    if waiting_names:
        Archive.open(archive).close()


@contextmanager
def _still_database(copy: LocalCopy) -> Iterator[Path]:
    """Give the archive's file, or a copy of it where a reader keeps it in WAL mode."""
    if not Path(f"{copy.archive}-wal").exists():
        yield copy.archive
        return
    snapshot = Path(f"{copy.archive}.home")
    copy_database(copy.archive, snapshot)
    yield snapshot


def copy_database(archive: Path, target: Path) -> None:
    """Copy a database by SQLite's backup, page by page, while others may write it."""
    target.unlink(missing_ok=True)
    with closing(sqlite3.connect(f"{archive.as_uri()}?mode=ro", uri=True)) as source, closing(
        sqlite3.connect(target)
    ) as copy:  # fmt: skip
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")


def _warc_lengths(archive: Path) -> list[tuple[str, int]]:
    """Return the names and lengths of an archive's WARC files; none of one that is not there or cannot be read."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"{archive.as_uri()}?mode=ro", uri=True)) as connection:
        return [(str(name), int(length)) for name, length in connection.execute(_WARC_LENGTHS).fetchall()]
    return []


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
            key = read_head(self.store, site).manifest
            if not key:
                return None
            origin = read_origin(copy) if copy.is_left_over() else None
            if origin and origin.key == key:
                return copy.archive
            try:
                self._fetch(copy, key, origin)
            except NotInStore:
                if not tries_left:
                    raise
                continue
            self.fetched.append(site)
            return copy.archive
        return None

    def _fetch(self, copy: LocalCopy, key: str, origin: StoredState | None) -> None:
        """Bring a copy up to a state, which is noted last. What was read so far is the base."""
        manifest, base = read_manifest(self.store, key), origin and replace(origin, file=copy.archive)
        copy.folder.mkdir(parents=True, exist_ok=True)
        fetch_database(self.store, manifest.database, copy.base_path, base)
        set_copy_aside(copy)
        copy.base_path.replace(copy.archive)
        write_away_files(copy.archive, manifest.warc_files)
        write_origin(copy, StoredState(manifest, key))


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
