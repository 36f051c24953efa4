"""A sample of pages of each whole site in the corpus, as annotated pages: sites of one author, of unusual markup."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SITES = "sites"
_PAGES_A_SITE = 30  # more pages of one template add nothing
_LEAST_WORDS = 30

Row = dict[str, Any]


def site_pages(folder: Path) -> Iterator[tuple[Row, bytes]]:
    """The rows and pages of each site's sample, in a fixed order: a row has `id`, `url` and `text`."""
    for file in sorted(folder.glob("*.tar.xz")):
        yield from _sample_pages(file)


def _sample_pages(file: Path) -> Iterator[tuple[Row, bytes]]:
    name = file.name.removesuffix(".tar.xz")
    with tarfile.open(file) as archive:
        members = {member.name: member for member in archive.getmembers() if member.isfile()}
        origins = json.loads(_read_member(archive, members[f"{name}/site.json"]))["origins"]
        lines = _read_member(archive, members[f"{name}/truth.jsonl"]).decode("utf-8").splitlines()
        for row in _sample_rows(list(map(json.loads, lines))):
            paths = _candidate_files(f"{name}/www{row['path']}")
            member = next((members[path] for path in paths if path in members), None)
            if member is not None:
                url = f"https://{origins[0] if origins else name}{row['path']}"
                yield {"id": row["path"], "url": url, "text": row["text"]}, _read_member(archive, member)


def _sample_rows(rows: list[Row]) -> list[Row]:
    """A sample that does not depend on the order of the rows: those whose paths have the smallest digests."""
    long_rows = [row for row in rows if len((row.get("text") or "").split()) >= _LEAST_WORDS]
    return sorted(long_rows, key=lambda row: hashlib.sha256(row["path"].encode()).digest())[:_PAGES_A_SITE]


def _candidate_files(path: str) -> tuple[str, ...]:
    return path, f"{path.rstrip('/')}/index.html"


def _read_member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = archive.extractfile(member)
    assert stream is not None
    return stream.read()
