"""A site's archive on the disk of the machine that runs it: where it is, what it was made from, and how it goes."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from broadsheet.output.db.open import COMPANION_ENDINGS
from broadsheet.output.raw.away_files import write_away_files
from broadsheet.output.raw.warc_files import MERGED_ENDING
from broadsheet.output.raw.whole_file import whole_file


@dataclass(frozen=True, slots=True)
class LocalCopy:
    """A folder of a site's own, with its archive. `store` is the identity of the store that it came from and goes
    to."""

    folder: Path
    site: str
    store: str

    @property
    def archive(self) -> Path:
        """The archive's file; its WARC files are beside it."""
        return self.folder / f"{self.site}.db"

    @property
    def origin_path(self) -> Path:
        """Where it says from which manifest the copy was made."""
        return self.folder / "origin.json"

    def is_left_over(self) -> bool:
        """Whether an earlier task left an archive here, which is not in the store, or not known to be."""
        return self.archive.is_file() and self.archive.stat().st_size > 0


@dataclass(frozen=True, slots=True)
class CopyOrigin:
    """From which manifest (empty: from none) of which store a local copy was made."""

    store: str
    manifest: str


def read_origin(copy: LocalCopy) -> CopyOrigin | None:
    """Where a copy is from; None if it does not say, or not of this store."""
    try:
        values = json.loads(copy.origin_path.read_bytes())
        origin = CopyOrigin(str(values["store"]), str(values["manifest"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    return origin if origin.store == copy.store else None


def write_origin(copy: LocalCopy, manifest: str) -> None:
    """Say from which manifest the copy was made."""
    with whole_file(copy.origin_path) as stream:
        stream.write(json.dumps(asdict(CopyOrigin(copy.store, manifest))).encode())


def remove_copy(copy: LocalCopy) -> None:
    """Remove the archive with its WARC files and all that belongs to it. What else is in the folder stays.

    The archive goes first: what is cut off leaves nothing that could be taken for one.
    """
    copy.archive.unlink(missing_ok=True)
    write_away_files(copy.archive, [])
    copy.archive.with_suffix(".log").unlink(missing_ok=True)
    for ending in (*COMPANION_ENDINGS, ".home"):
        Path(f"{copy.archive}{ending}").unlink(missing_ok=True)
    for warc_ending in (".warc", MERGED_ENDING):
        shutil.rmtree(f"{copy.archive}{warc_ending}", ignore_errors=True)
    copy.origin_path.unlink(missing_ok=True)
    with suppress(OSError):
        copy.folder.rmdir()
