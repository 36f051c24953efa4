"""What the store holds of a site: the files of its archive, each with its key, length and digest. A manifest never
changes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from broadsheet.crawler.fleet.store.object_store import DamagedObject, FileDigest, ObjectStore
from broadsheet.output.raw.away_files import AwayFile


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
        """The keys of all its files."""
        return {self.database.key, *(file.key for file in self.warc_files)}

    def to_json(self) -> bytes:
        """As it stands in the store."""
        return json.dumps(asdict(self), indent=1).encode()


def manifest_prefix(site: str) -> str:
    """Where the manifests of states that were brought home are."""
    return f"sites/{site}/manifests/"


def beside_prefix(site: str) -> str:
    """Where the manifests of states are that another runner's came before: still to be merged."""
    return f"sites/{site}/beside/"


def read_manifest(store: ObjectStore, key: str) -> SiteManifest:
    """A manifest by its key. NotInStore, DamagedObject."""
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
    """An archive's file, under a key that no other lease's upload has: it goes when another state takes its place."""
    key = f"sites/{site}/archive/{site}-{generation:08d}-{digest.sha256[:20]}.db"
    return AwayFile(name, digest.length, digest.sha256, key)


def warc_entry(site: str, name: str, digest: FileDigest) -> AwayFile:
    """A WARC file, under a key that names its content, so that the same bytes are stored once, whoever comes first."""
    stem = name.rpartition("/")[2].removesuffix(".warc.gz")
    return AwayFile(name, digest.length, digest.sha256, f"sites/{site}/warc/{stem}-{digest.sha256[:20]}.warc.gz")
