"""Crawls as short as a test needs them: pages of one site are stored in an archive, with their raw responses."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import Event

from broadsheet.crawler.fleet.object_store import ObjectStore
from broadsheet.crawler.fleet.site_copies import LocalCopy, fetch_copy, fetch_warc_files
from broadsheet.crawler.fleet.site_head import read_head
from broadsheet.crawler.fleet.site_states import SiteManifest, read_manifest
from broadsheet.crawler.fleet.stored_run import StoredSite
from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.raw.warc_files import read_away_files
from broadsheet.output.read.verify import verify
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import Outcome
from tests.output.conftest import Clock, Maker
from tests.output.wires import make_exchange

HOST = "http://lamp.example"


def site_in(store: ObjectStore, folder: Path, machine: str = "first") -> StoredSite:
    """A site, and a machine: a folder."""
    return StoredSite(store, LocalCopy(folder / machine / "lamp", "lamp", "store-1"))


def page(name: str, make: Maker) -> Outcome:
    """A page of the site with a text, and a response, of its own."""
    url = f"{HOST}/{name}"
    outcome = make.outcome(url, *(f"{word} of {name} is told here at the length of a sentence." for word in "ABC"))
    assert outcome.capture is not None
    return replace(outcome, capture=replace(outcome.capture, raw=make_exchange(f"the page {name}".encode())))


def store_pages(archive: Path, names: Iterable[str], make: Maker | None = None) -> None:
    """Store pages as a crawl does."""
    make = make or Maker(Clock(sum(map(ord, "".join(names)))))
    with Archive.open(archive, make.clock) as opened:
        opened.keep_raw({"software": "test"})
        run = opened.runs.start(f"crawl {' '.join(names)}", {}, {})
        opened.save([page(name, make) for name in names])
        opened.runs.finish(run, "finished", "", {})


def crawl_of(*names: str) -> Callable[[Path, Event], None]:
    """A crawl that stores these pages."""
    return lambda archive, is_lost: store_pages(archive, names)


def stored_manifest(store: ObjectStore, site: str = "lamp") -> SiteManifest:
    """What the store says that the site is."""
    return read_manifest(store, read_head(store, site).manifest)


def stored_names(store: ObjectStore, folder: Path) -> set[str]:
    """The names of the site's pages in the store, whose archive is checked with all of its WARC files."""
    copy = LocalCopy(folder / "looked-at", "lamp", "store-1")
    fetch_copy(store, read_head(store, "lamp").manifest, copy)
    fetch_warc_files(store, copy.archive, list(read_away_files(copy.archive)))
    with closing(open_database(copy.archive, read_only=True)) as db:
        findings = list(verify(db))
        assert findings == [], findings
        rows = db.execute("SELECT url, warc_file FROM captures").fetchall()
    assert all(warc_file for _, warc_file in rows)
    return {url.rpartition("/")[2] for url, _ in rows}
