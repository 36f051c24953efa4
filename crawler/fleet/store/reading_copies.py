"""Archives of a store as files on this disk, to be read: fetched once for each state that the store has them in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from broadsheet.crawler.fleet.store.fetch_site import fetch_site
from broadsheet.crawler.fleet.store.local_copy import LocalCopy, read_origin, remove_copy
from broadsheet.crawler.fleet.store.manifest import read_manifest
from broadsheet.crawler.fleet.store.object_store import NotInStore, ObjectStore
from broadsheet.crawler.fleet.store.site_lease import read_site
from broadsheet.crawler.fleet.store.store_address import store_at, store_identity

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
        """The file of a site's archive in its newest state; None if the store has none. StoreError."""
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
    """The archives of the store at an address. StoreError if there is none."""
    store = store_at(address)
    return ReadingCopies(store, store_identity(store), folder)


def archive_finder(
    address: str | None, folder: Path, archive_beside: Callable[[str], Path]
) -> Callable[[str], Path | None]:
    """What gives the archive of a site: that of the store at an address, or without one the file beside the list, if it
    is there. StoreError, also of what is returned."""
    if address:
        return reading_copies(address, folder).archive
    return lambda site: archive if (archive := archive_beside(site)).exists() else None
