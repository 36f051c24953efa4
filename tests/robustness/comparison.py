"""What a command left that was cut off and run again, beside what an undisturbed one left."""

import json
import re
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing
from pathlib import Path

from fastwarc import ArchiveIterator
from warcio.archiveiterator import ArchiveIterator as WarcioIterator
from warcio.exceptions import ArchiveLoadFailed

from broadsheet.crawler.fleet.site_copies import fetch_warc_files, reading_copies
from broadsheet.crawler.fleet.site_head import read_head
from broadsheet.crawler.fleet.site_records import stored_site_names
from broadsheet.crawler.fleet.site_states import read_manifest, state_prefix
from broadsheet.crawler.fleet.store_address import store_at
from broadsheet.output.archive.archive_errors import ArchiveError
from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.raw.warc_files import read_away_files
from broadsheet.output.raw.warc_folders import IDENTITY_NAME, JOURNAL_NAME
from broadsheet.output.read.verify import verify
from tests.bench.archives.differences import Difference, differences

_MOST = 4  # differences that are told of one archive
_STAMP = re.compile(r"\d{14}-\d{5}")
_TAIL = re.compile(r"\.tail-\d+$")
_BY_TURN = re.compile(r"^store/|/\.?addresses/|/results?/")
"""Files of a store, which `store_faults` looks into, and those by which running processes share addresses."""


def damages(archive: Path) -> list[str]:
    """Return what SQLite finds wrong with a copy of an archive as a dead process left it."""
    if not archive.exists():
        return []
    with tempfile.TemporaryDirectory(dir=archive.parent.parent) as folder:
        copy = Path(folder) / archive.name
        for ending in ("", "-wal", "-journal"):
            if (file := Path(f"{archive}{ending}")).exists():
                shutil.copy(file, f"{copy}{ending}")
        try:
            with closing(sqlite3.connect(copy)) as db:
                found = [str(row) for row in db.execute("PRAGMA integrity_check") if row != ("ok",)]
                return found + [f"foreign key {row}" for row in db.execute("PRAGMA foreign_key_check")]
        except sqlite3.DatabaseError as error:
            return [str(error)]


def archive_faults(calm: Path, other: Path, may_differ: Collection[str]) -> Iterator[str]:
    """Yield where an archive is not in order, or not the same as the one of an undisturbed run.

    `may_differ` are tables, columns as `urls.attempts`, and paths of URLs, as `/robots.txt`, whose rows may differ.
    """
    if calm.exists() != other.exists():
        yield f"{other.name} is {'missing' if calm.exists() else 'there'}"
        return
    yield from damages(other)
    try:
        with closing(open_database(other, read_only=True)) as db:
            yield from (f"verify: {finding}" for finding in verify(db))
    except ArchiveError as error:
        yield f"verify: {error}"
        return
    found = [one for one in differences(calm, other) if not _is_expected(one, may_differ)]
    yield from (f"{one.relation}.{one.column} {one.row}: {one.old!r} -> {one.new!r}"[:300] for one in found[:_MOST])
    records, other_records = (_records_of(archive, may_differ) for archive in (calm, other))
    if records != other_records:
        yield f"records: missing {records - other_records}, more {other_records - records}"[:300]


def _is_expected(difference: Difference, may_differ: Collection[str]) -> bool:
    names = (difference.relation, f"{difference.relation}.{difference.column}")
    return difference.is_timing or any(name in may_differ for name in names) or _is_of(difference.row, may_differ)


def _is_of(row: Iterable[object], paths: Collection[str]) -> bool:
    """Return whether a row's key has a URL of one of the paths."""
    words = [str(value).partition(" ")[0] for value in row]
    return any(word.endswith(path) for word in words for path in paths if path.startswith("/"))


def warc_files(archive: Path) -> list[Path]:
    """Return the WARC files in the folders of an archive."""
    return sorted(archive.parent.glob(f"{archive.name}*.warc/*.warc.gz"))


def _records_of(archive: Path, may_differ: Collection[str]) -> Counter[tuple[str, str, str]]:
    return Counter({key: count for key, count in records_of(archive).items() if not _is_of(key, may_differ)})


def records_of(archive: Path) -> Counter[tuple[str, str, str]]:
    """Count an archive's records by type, URL and payload digest; those that begin a run's part are left out."""
    found: Counter[tuple[str, str, str]] = Counter()
    for file in warc_files(archive):
        with file.open("rb") as stream:
            for each in ArchiveIterator(stream, parse_http=False):
                fields = {name.lower(): value for name, value in each.headers.items()}
                if fields["warc-type"] not in ("warcinfo", "metadata"):
                    digest = fields.get("warc-payload-digest", "")
                    found[fields["warc-type"], fields.get("warc-target-uri", ""), digest] += 1
    return found


def warc_faults(folder: Path) -> Iterator[str]:
    """Yield what fastwarc and warcio find wrong with the WARC files below a folder; each digest is computed again."""
    for file in sorted(folder.rglob("*.warc.gz")):
        with file.open("rb") as stream:
            for each in ArchiveIterator(stream, parse_http=False):
                if not each.verify_block_digest():
                    yield f"fastwarc: {file.name} at {each.stream_pos}: digest"
        try:
            with file.open("rb") as stream:
                for record in WarcioIterator(stream, check_digests=True):
                    record.raw_stream.read()
                    if record.digest_checker.passed is False:
                        yield f"warcio: {file.name}: {record.digest_checker.problems}"
        except ArchiveLoadFailed as error:
            yield f"warcio: {file.name}: {error}"


def file_faults(calm: Path, other: Path) -> Iterator[str]:
    """Yield names of files that only one of two folders has, but for those that keep torn bytes."""
    names, other_names = _file_names(calm), _file_names(other)
    kept_folders = {str(path.parent.relative_to(other)) for path in other.rglob("*") if _TAIL.search(path.name)}
    other_names -= {f"{folder}/{name}" for folder in kept_folders for name in (IDENTITY_NAME, JOURNAL_NAME)} - names
    yield from (f"missing file {name}" for name in sorted(names - other_names))
    yield from (f"left behind {name}" for name in sorted(other_names - names))


def _file_names(folder: Path) -> set[str]:
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    found = {name for name in found if not _BY_TURN.search(name)}
    return {re.sub(r"[0-9a-f]{16,}", "ID", _STAMP.sub("TIME", name)) for name in found if not _TAIL.search(name)}


def store_faults(calm: Path, other: Path, site: str, may_differ: Collection[str]) -> Iterator[str]:
    """Yield where the archive of a site in a store is not the same, or its state names what is not there.

    A piece that a killed runner had stored, and no state names, stays for a day: its runner may have been only slow.
    """
    if not read_head(store_at(str(other)), site).manifest:
        yield f"the store has no state of {site}"
        return
    with tempfile.TemporaryDirectory(dir=calm.parent) as folder:
        copies = [_bring(store, Path(folder) / name / site, site) for store, name in ((calm, "calm"), (other, "other"))]
        yield from archive_faults(*copies, may_differ)
        yield from warc_faults(copies[1].parent)
    store = store_at(str(other))
    named = read_manifest(store, read_head(store, site).manifest).keys
    yield from (f"the store lacks {key}" for key in sorted(named - set(store.keys(state_prefix(site)))))


def _bring(folder: Path, target: Path, site: str) -> Path:
    """Bring a site's archive with its WARC files from a store in a folder; return its path."""
    store = store_at(str(folder))
    archive = reading_copies(str(folder), target.parent).archive(site)
    assert archive is not None
    fetch_warc_files(store, archive, list(read_away_files(archive)))
    return archive


def record_faults(calm: Path, other: Path) -> Iterator[str]:
    """Yield the records of a fleet's sites that say otherwise how their last turn ended: those beside the archives, or
    those of a store."""
    ends, other_ends = _ends(calm), _ends(other)
    for name, end in ends.items():
        if other_ends.get(name) != end:
            yield f"record {name}: {end} -> {other_ends.get(name)}"


def _ends(folder: Path) -> dict[str, object]:
    """How the last turn of each site ended."""
    values = {file.name: json.loads(file.read_text()) for file in sorted(folder.rglob(".fleet/*.json"))}
    for marker in folder.glob("*/store.json"):
        store = store_at(str(marker.parent))
        values |= {name: dict(read_head(store, name).turn) for name in stored_site_names(store)}
    return {
        name: (turn["result"]["end"], turn["result"]["exit_code"], turn["is_crawled"], turn["failures"])
        for name, turn in values.items()
        if turn
    }
