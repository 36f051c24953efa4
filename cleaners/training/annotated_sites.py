"""Some pages of each whole site in the corpus, as annotated pages: sites of one hand, away from the mainstream."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SITES = "sites"
_A_SITE = 30  # pages; more of one template teach nothing new
_LEAST_WORDS = 30

Row = dict[str, Any]


def site_pages(folder: Path) -> Iterator[tuple[Row, bytes]]:
    """The rows and pages of each site's sample, in a fixed order: a row has `id`, `url` and `text`."""
    for file in sorted(folder.glob("*.tar.xz")):
        yield from _pages(file)


def _pages(file: Path) -> Iterator[tuple[Row, bytes]]:
    name = file.name.removesuffix(".tar.xz")
    with tarfile.open(file) as archive:
        held = {member.name: member for member in archive.getmembers() if member.isfile()}
        origin = json.loads(_read(archive, held[f"{name}/site.json"]))["origins"]
        lines = _read(archive, held[f"{name}/truth.jsonl"]).decode("utf-8").splitlines()
        for row in _sample(list(map(json.loads, lines))):
            member = next((held[path] for path in _files(f"{name}/www{row['path']}") if path in held), None)
            if member is not None:
                url = f"https://{origin[0] if origin else name}{row['path']}"
                yield {"id": row["path"], "url": url, "text": row["text"]}, _read(archive, member)


def _sample(rows: list[Row]) -> list[Row]:
    """The same rows whatever their order: those whose paths have the smallest digests."""
    long = [row for row in rows if len((row.get("text") or "").split()) >= _LEAST_WORDS]
    return sorted(long, key=lambda row: hashlib.sha256(row["path"].encode()).digest())[:_A_SITE]


def _files(path: str) -> tuple[str, ...]:
    return path, f"{path.rstrip('/')}/index.html"


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = archive.extractfile(member)
    assert stream is not None
    return stream.read()
