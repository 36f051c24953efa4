"""States of a site that another runner's came before: merged into the site's archive, so that nothing of them is
lost."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from contextlib import closing

from broadsheet.crawler.fleet.store.fetch_site import fetch_site, fetch_warc_files
from broadsheet.crawler.fleet.store.local_copy import LocalCopy, remove_copy
from broadsheet.crawler.fleet.store.manifest import SiteManifest, beside_prefix, read_manifest
from broadsheet.crawler.fleet.store.object_store import DamagedObject, NotInStore, ObjectStore
from broadsheet.crawler.workers.settle_pool import settle_in_processes
from broadsheet.output.db.errors import ArchiveError
from broadsheet.output.db.open import open_database
from broadsheet.output.merge.merge_archive import merge_archive
from broadsheet.output.raw.away_files import AwayFile, read_away_files, write_away_files
from broadsheet.output.write.archive import Archive

_LOG = logging.getLogger(__name__)
_TAKEDOWNS = "SELECT pattern FROM takedowns"


def merge_beside(store: ObjectStore, copy: LocalCopy) -> Mapping[str, SiteManifest]:
    """Merge all that was put beside a site into its local copy, and settle; returns what was merged, by key.

    That may go once the local copy is home. Merging the same again changes nothing. What cannot be merged stays beside,
    and keeps nobody from crawling the site.
    """
    merged = {}
    for key in store.keys(beside_prefix(copy.site)):
        try:
            manifest = read_manifest(store, key)
            _merge_state(store, copy, manifest, key)
        except (ArchiveError, DamagedObject, NotInStore) as error:
            _LOG.error("%s stays beside %s, as it cannot be merged: %s", key, copy.site, error)
            continue
        merged[key] = manifest
    if merged:
        with Archive.open(copy.archive) as archive:
            settle_in_processes(archive.db)
    return merged


def _merge_state(store: ObjectStore, copy: LocalCopy, manifest: SiteManifest, key: str) -> None:
    source = LocalCopy(copy.folder / "beside", copy.site, copy.store)
    shutil.rmtree(source.folder, ignore_errors=True)  # of a merge that was cut off
    fetch_site(store, manifest, key, source)
    Archive.open(copy.archive).close()  # made, if there is none yet
    _bring_warc_files(store, copy, source)
    with Archive.open(copy.archive) as archive:
        merge_archive(archive.db, source.archive)
    remove_copy(source)


def _bring_warc_files(store: ObjectStore, copy: LocalCopy, source: LocalCopy) -> None:
    """Have beside the source what merging copies: the files that the site does not have. Where the source brings a
    takedown, the site's records may have to be written again before they are erased: then all of its files come
    here."""
    _share_files(store, copy, source)
    shared_files = read_away_files(copy.archive)
    names = [name for name, file in read_away_files(source.archive).items() if shared_files.get(name) != file]
    fetch_warc_files(store, source.archive, names)
    if _takedowns(source) - _takedowns(copy):
        fetch_warc_files(store, source.archive, list(read_away_files(source.archive)))
        fetch_warc_files(store, copy.archive, list(shared_files))


def _share_files(store: ObjectStore, copy: LocalCopy, source: LocalCopy) -> None:
    """Where the bytes of a source's file are gone, since a takedown has replaced them, name those that took their
    place."""
    current_files = read_away_files(copy.archive)

    def current(file: AwayFile) -> AwayFile:
        other = current_files.get(file.name)
        is_replaced = other is not None and other.length == file.length and store.length(file.key) is None
        return other if other is not None and is_replaced else file

    write_away_files(source.archive, [current(file) for file in read_away_files(source.archive).values()])


def _takedowns(copy: LocalCopy) -> set[str]:
    with closing(open_database(copy.archive, read_only=True)) as db:
        return {str(pattern) for (pattern,) in db.execute(_TAKEDOWNS).fetchall()}
