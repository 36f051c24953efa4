"""Check of a site's state in a store: every piece that its manifest names is there, with the bytes that were put."""

from __future__ import annotations

from collections.abc import Iterator

from broadsheet.output.archive.row_sample import RowSample
from broadsheet.output.raw.warc_files import StoredPiece

from .object_store import DamagedObject, NotInStore, ObjectStore, StoreError
from .site_head import read_head
from .site_states import fetch_piece, read_manifest

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
