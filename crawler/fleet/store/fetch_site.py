"""From the store to the local disk: an archive's database, while its WARC files stay where they are."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from crawler.fleet.store.local_copy import LocalCopy, write_origin
from crawler.fleet.store.manifest import SiteManifest
from crawler.fleet.store.object_store import DamagedObject, FileDigest, ObjectStore, digest_of
from output.raw.away_files import AwayFile, read_away_files, write_away_files
from output.raw.warc_files import make_folder, sync_folder, warc_path


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
        fetch_file(store, away_files.pop(name), path)
        write_away_files(archive, away_files.values())


def fetch_file(store: ObjectStore, file: AwayFile, target: Path) -> None:
    """Fetch a file to its place; it appears whole and as it was brought to the store. DamagedObject if it is not."""
    part = target.with_name(f"{target.name}.part")
    try:
        digest = digest_of(_written(store.chunks(file.key), part))
        if digest != FileDigest(file.length, file.sha256):
            raise DamagedObject(f"{store.address}/{file.key} is not what was brought there")
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    sync_folder(target.parent)


def _written(chunks: Iterator[bytes], path: Path) -> Iterator[bytes]:
    """The chunks, each written to a file; the disk has confirmed them when the last one was taken."""
    with path.open("wb") as stream:
        for chunk in chunks:
            stream.write(chunk)
            yield chunk
        stream.flush()
        os.fsync(stream.fileno())
