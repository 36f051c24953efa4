"""From the store to the local disk: an archive's database, while its WARC files stay where they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from broadsheet.crawler.fleet.store.local_copy import LocalCopy, write_origin
from broadsheet.crawler.fleet.store.manifest import SiteManifest
from broadsheet.crawler.fleet.store.object_store import DamagedObject, FileDigest, ObjectStore, digest_of
from broadsheet.output.raw.away_files import AwayFile, read_away_files, write_away_files
from broadsheet.output.raw.warc_files import make_folder, warc_path
from broadsheet.output.raw.whole_file import whole_file


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
    with whole_file(target) as stream:
        digest = digest_of(_written(store.chunks(file.key), stream))
        if digest != FileDigest(file.length, file.sha256):
            raise DamagedObject(f"{store.address}/{file.key} is not what was brought there")


def _written(chunks: Iterator[bytes], stream: BinaryIO) -> Iterator[bytes]:
    """The chunks, each written to a file before it is given on."""
    for chunk in chunks:
        stream.write(chunk)
        yield chunk
