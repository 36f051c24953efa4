"""States of a site in a store: manifests, the pieces that they name, how a state is saved, fetched and checked.

A piece is an object that never changes; its key is its digest, the attempt that made it and the generation that it was
made for. A manifest lists the pieces of a state: deltas of the database, the first of them against nothing, and parts
of its WARC files, which only grow. Saving a state makes the pieces that the state before does not have; fetching it
takes those that the file here lacks. The database begins anew, with pieces of its own, when its deltas weigh as much as
what they change.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from secrets import token_hex
from typing import Any, BinaryIO, Self

from broadsheet.output.archive.atomic_writes import whole_file
from broadsheet.output.archive.row_sample import RowSample
from broadsheet.output.archive.stored_values import utc_now
from broadsheet.output.raw.warc_files import AwayFile, StoredPiece, read_away_files
from broadsheet.output.raw.warc_folders import make_folder, set_aside, shown_name, warc_path

from .object_store import DamagedObject, NotInStore, ObjectStore, StoreError
from .page_deltas import DamagedDelta, FileChange, apply_delta, compare_files, pack_change
from .site_head import FORMAT, SiteAttempt, SiteHead, check_format, read_head

_LOG = logging.getLogger(__name__)
_MOST_DELTAS = 256  # each is a request of who fetches the state without having an earlier one
_PIECE_BYTES = 32 << 20  # of a WARC file: so much is in memory
_KEY_DIGITS = 20  # of a digest: 80 bits
_WARC_FILES = "SELECT name, length FROM _warc_files WHERE length > 0 ORDER BY name"
_TAKEDOWNS = "SELECT DISTINCT pattern FROM takedowns ORDER BY pattern"


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """A state of a database: its length in bytes, its SHA-256, and the deltas that make it, in order.

    The first `full_count` deltas are the pieces of a file, each later one changes it.
    """

    length: int
    sha256: str
    full_count: int
    pieces: tuple[StoredPiece, ...]
    takedowns: str = ""
    """A digest of what was taken down."""

    @property
    def is_heavy(self) -> bool:
        """Tell whether the next state is to begin anew: the changes weigh as much as the file, or are too many."""
        full, changes = self.pieces[: self.full_count], self.pieces[self.full_count :]
        return len(changes) >= _MOST_DELTAS or _bytes_of(changes) >= _bytes_of(full)


def _bytes_of(pieces: Iterable[StoredPiece]) -> int:
    return sum(piece.length for piece in pieces)


@dataclass(frozen=True, slots=True)
class SiteManifest:
    """A state of a site: its database and its WARC files. `generation` is the one that it was saved to be."""

    site: str
    generation: int
    made_at: str
    database: DatabaseState
    warc_files: tuple[AwayFile, ...] = ()
    lost_files: tuple[AwayFile, ...] = ()
    """WARC files of an earlier state of which this one knows nothing. Their bytes are nowhere else."""

    @property
    def keys(self) -> set[str]:
        """Return the keys of all its pieces."""
        files = (*self.warc_files, *self.lost_files)
        return {piece.key for pieces in (self.database.pieces, *(file.pieces for file in files)) for piece in pieces}

    def to_json(self, **more: str) -> bytes:
        """Return the manifest as it stands in the store; a local copy adds `more` fields."""
        return json.dumps({"format": FORMAT, **asdict(self), **more}, separators=(",", ":")).encode()


def parse_manifest(data: bytes, name: str) -> SiteManifest:
    """Read a manifest. DamagedObject if it is none, or of another format; the message calls it by `name`."""
    try:
        values = json.loads(data)
        check_format(int(values.get("format", 1)), name)
        return SiteManifest(
            str(values["site"]), int(values["generation"]), str(values["made_at"]), _database(values["database"]),
            tuple(map(AwayFile.from_values, values["warc_files"])),
            tuple(map(AwayFile.from_values, values["lost_files"])),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedObject(f"{name} makes no sense as a list of pieces") from error


def _database(values: dict[str, Any]) -> DatabaseState:
    pieces = tuple(map(StoredPiece.from_values, values["pieces"]))
    length, full_count = int(values["length"]), int(values["full_count"])
    return DatabaseState(length, str(values["sha256"]), full_count, pieces, str(values["takedowns"]))


def read_manifest(store: ObjectStore, key: str) -> SiteManifest:
    """Read a manifest by its key. NotInStore, DamagedObject."""
    return parse_manifest(b"".join(store.chunks(key)), f"{store.address}/{key}")


def state_prefix(site: str) -> str:
    """Return the prefix of a site's manifests and pieces."""
    return f"sites/{site}/states/"


@dataclass(frozen=True, slots=True)
class StoredState:
    """A state that the store has, the key of its manifest, and the file here with its database, if there is one."""

    manifest: SiteManifest
    key: str
    file: Path | None = None

    @classmethod
    def of_nothing(cls, site: str) -> Self:
        """Return the state of a site that the store has not yet: its key is empty."""
        return cls(SiteManifest(site, 0, "", DatabaseState(0, "", 0, ())), "")


@dataclass(frozen=True, slots=True)
class StateWriter:
    """A writer of states of a site for one attempt, which labels them with the generation that it will publish."""

    store: ObjectStore
    attempt: SiteAttempt

    def save(self, archive: Path, database: Path, base: StoredState | None) -> SiteManifest:
        """Store the pieces of a state that the base does not have; return the manifest of all.

        `database` is a file that nobody writes, the archive's own or a copy, whose WARC files lie beside `archive`.
        Those that are away stay as they are.
        """
        known_files = {file.name: file for file in base.manifest.warc_files} if base else {}
        warc_files = tuple(self._save_warc_files(archive, database, known_files))
        names = {file.name for file in warc_files}
        earlier = (*base.manifest.warc_files, *base.manifest.lost_files) if base else ()
        lost_files = tuple(file for file in earlier if file.name not in names)
        for file in lost_files:
            _LOG.warning("%s is no longer named by %s; its bytes stay in the store", file.name, self.attempt.site)
        state = self._save_database(database, base)
        generation = self.attempt.head.generation + 1
        return SiteManifest(self.attempt.site, generation, utc_now(), state, warc_files, lost_files)

    def put_manifest(self, manifest: SiteManifest) -> str:
        """Store a manifest; return its key. Nothing says yet that it counts: the head does, once it is published."""
        return self._put_labelled(f"{token_hex(4)}.json", manifest.to_json())

    def _save_database(self, database: Path, base: StoredState | None) -> DatabaseState:
        """Save what changed since the base. All of it anew where that is due, or something was taken down since."""
        takedowns = takedown_digest(database)
        if base and base.file and not base.manifest.database.is_heavy:
            known = base.manifest.database
            change = compare_files(base.file, database)
            if (change.old_sha256, takedowns) == (known.sha256, known.takedowns):
                is_same = change.sha256 == known.sha256
                pieces = known.pieces if is_same else (*known.pieces, *self._put_deltas(change, base.file, database))
                return replace(known, length=change.length, sha256=change.sha256, pieces=pieces)
        change = compare_files(None, database)
        pieces = tuple(self._put_deltas(change, None, database))
        return DatabaseState(change.length, change.sha256, len(pieces), pieces, takedowns)

    def _put_deltas(self, change: FileChange, old: Path | None, new: Path) -> Iterator[StoredPiece]:
        return (self._put(delta) for delta in pack_change(change, old, new))

    def _save_warc_files(self, archive: Path, database: Path, known: dict[str, AwayFile]) -> Iterator[AwayFile]:
        away_files = read_away_files(archive)
        for name, length in _rows(database, _WARC_FILES):
            path = warc_path(archive, name)
            if name in away_files:
                yield away_files[name]
            elif path.is_file():
                yield AwayFile(name, tuple(self._save_warc_file(path, length, known.get(name))))
            else:
                shown = shown_name(archive, name)
                _LOG.warning("%s is missing beside %s, and cannot be brought to the store", shown, archive)

    def _save_warc_file(self, path: Path, length: int, known: AwayFile | None) -> Iterator[StoredPiece]:
        """Yield the known pieces of a file as far as it still has them, and new ones of what follows."""
        with path.open("rb") as stream:
            position = 0
            for piece in known.pieces if known and known.length <= length else ():
                if not _has_piece(stream, position, piece):
                    break  # records were erased in it
                position += piece.length
                yield piece
            stream.seek(position)
            while data := stream.read(min(_PIECE_BYTES, length - position)):
                position += len(data)
                yield self._put(data)

    def _put(self, data: bytes) -> StoredPiece:
        sha256 = hashlib.sha256(data).hexdigest()
        return StoredPiece(self._put_labelled(sha256[:_KEY_DIGITS], data), len(data), sha256)

    def _put_labelled(self, name: str, data: bytes) -> str:
        label = f"{self.attempt.head.generation + 1:08d}-{self.attempt.id}"
        key = f"{state_prefix(self.attempt.site)}{label}-{name}"
        self.store.put_bytes(key, data)
        return key


def takedown_digest(database: Path) -> str:
    """Compute a digest of what was taken down in an archive; the same for as long as nothing more is."""
    return hashlib.sha256(json.dumps(_rows(database, _TAKEDOWNS)).encode()).hexdigest()


def _rows(database: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()


def _has_piece(stream: BinaryIO, position: int, piece: StoredPiece) -> bool:
    """Tell whether an open file has a piece's bytes at a position."""
    stream.seek(position)
    return hashlib.sha256(stream.read(piece.length)).hexdigest() == piece.sha256


def fetch_database(store: ObjectStore, state: DatabaseState, target: Path, base: StoredState | None = None) -> None:
    """Make a database of its pieces, of which only those are fetched that the base lacks. It appears whole.

    DamagedObject if it is not what was brought to the store. `target` may be the base's own file.
    """
    with whole_file(target) as stream, open(stream.name, "r+b") as file:
        for piece in state.pieces[_copy_base(state, base, file) :]:
            try:
                apply_delta(file, fetch_piece(store, piece))
            except DamagedDelta as error:
                raise DamagedObject(f"{store.address}/{piece.key}: {error}") from error
        file.flush()
        if _file_digest(Path(stream.name)) != state.sha256:
            raise DamagedObject(f"{store.address} has pieces of {target.name} that do not make what was brought there")


def _copy_base(state: DatabaseState, base: StoredState | None, file: BinaryIO) -> int:
    """Copy the base's file if the state continues it; return how many pieces that makes superfluous."""
    known = base.manifest.database if base else None
    if not (base and base.file and known and state.pieces[: len(known.pieces)] == known.pieces):
        return 0
    with suppress(FileNotFoundError), base.file.open("rb") as source:
        shutil.copyfileobj(source, file)
        if _file_digest(base.file) == known.sha256:
            return len(known.pieces)
    file.seek(0)
    file.truncate()
    return 0


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch_piece(store: ObjectStore, piece: StoredPiece) -> bytes:
    """Fetch a piece. DamagedObject if it has other bytes than were put there."""
    data = b"".join(store.chunks(piece.key))
    if hashlib.sha256(data).hexdigest() != piece.sha256:
        raise DamagedObject(f"{store.address}/{piece.key} is not what was brought there")
    return data


def fetch_warc_file(store: ObjectStore, file: AwayFile, path: Path) -> None:
    """Bring a WARC file to its place, if it is not there. What else has its name is set aside."""
    make_folder(path.parent)
    if path.is_file() and _is_file(path, file):
        return
    if path.is_file():  # nobody knows from where
        set_aside(path, 0)
    with whole_file(path) as stream:
        for piece in file.pieces:
            stream.write(fetch_piece(store, piece))


def _is_file(path: Path, file: AwayFile) -> bool:
    with path.open("rb") as stream:
        position = 0
        for piece in file.pieces:
            if not _has_piece(stream, position, piece):
                return False
            position += piece.length
        return position == path.stat().st_size


def collect_leftovers(store: ObjectStore, site: str, head: SiteHead, current: SiteManifest | None) -> None:
    """Remove what the current state, which a head names, does not name, of every generation that the head has reached.

    None of it can be published any more: whose it is began before, and is refused. So nothing is left of what was taken
    down, nor of attempts that were killed.
    """
    kept = {head.manifest, *(current.keys if current else ())}
    for key in store.keys(state_prefix(site)):
        if key not in kept and int(key.removeprefix(state_prefix(site)).partition("-")[0]) <= head.generation:
            store.delete(key)


_DIGEST_DIGITS = 15  # of a piece's SHA-256, for the part that it is in


def state_faults(store: ObjectStore, site: str, sample: RowSample) -> list[str]:
    """Return a line for each piece of the site's newest state that is missing or damaged.

    Pieces of the sample are fetched, and their digests compared; of the others only the length is asked for.
    """
    try:
        while key := read_head(store, site).manifest:
            faults = list(_manifest_faults(store, key, sample))
            if not faults or read_head(store, site).manifest == key:
                return faults  # pieces of a state that was replaced meanwhile may be gone
    except StoreError as error:
        return [str(error)]
    return []


def _manifest_faults(store: ObjectStore, key: str, sample: RowSample) -> Iterator[str]:
    try:
        manifest = read_manifest(store, key)
    except (NotInStore, DamagedObject) as error:
        yield str(error)
        return
    for piece in manifest.database.pieces:
        yield from _piece_faults(store, f"{manifest.site}.db", piece, sample)
    for file in (*manifest.warc_files, *manifest.lost_files):
        for piece in file.pieces:
            yield from _piece_faults(store, f"{manifest.site}.db{file.name}", piece, sample)


def _piece_faults(store: ObjectStore, file: str, piece: StoredPiece, sample: RowSample) -> Iterator[str]:
    try:
        if sample.holds(int(piece.sha256[:_DIGEST_DIGITS], 16)):
            fetch_piece(store, piece)
        elif (length := store.length(piece.key)) != piece.length:
            found = "is not there" if length is None else f"has {length:,} of {piece.length:,} bytes"
            yield f"{file}: {store.address}/{piece.key} {found}"
    except (NotInStore, DamagedObject) as error:
        yield f"{file}: {error}"
