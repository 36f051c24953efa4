"""Corpora that the models learn from: samples of whole sites, and weights.

Whole sites are those of one author, of unusual markup; a sample of the pages of each counts as annotated pages.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SITES = "sites"
_PAGES_A_SITE = 30  # more pages of one template add nothing
_LEAST_WORDS = 30

Row = dict[str, Any]


def site_pages(folder: Path) -> Iterator[tuple[Row, bytes]]:
    """Yield the rows and pages of each site's sample, in a fixed order: a row has `id`, `url` and `text`."""
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
    """Return a sample that does not depend on the order of the rows: those whose paths have the smallest digests."""
    long_rows = [row for row in rows if len((row.get("text") or "").split()) >= _LEAST_WORDS]
    return sorted(long_rows, key=lambda row: hashlib.sha256(row["path"].encode()).digest())[:_PAGES_A_SITE]


def _candidate_files(path: str) -> tuple[str, ...]:
    return path, f"{path.rstrip('/')}/index.html"


def _read_member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = archive.extractfile(member)
    assert stream is not None
    return stream.read()


FOLDS = 5


@dataclass(frozen=True, slots=True)
class TrainingCorpus:
    """Corpus of the mixture, with the weight of its blocks beside those of others."""

    name: str
    weight: float = 1.0


MIXTURE = (
    TrainingCorpus("news"),
    TrainingCorpus("segments"),
    TrainingCorpus("wcxb"),
    TrainingCorpus(SITES),
    TrainingCorpus("dragnet", 0.3),  # pages of 2012, and annotators of other habits
    TrainingCorpus("zh69", 0.5),
)
PAGE_CORPORA = tuple(corpus.name for corpus in MIXTURE if corpus.name != SITES)
WHOLE_CORPORA = tuple(corpus.name for corpus in MIXTURE if corpus.name != SITES and corpus.weight == 1)


def training_options(
    description: str | None, out: str, arguments: list[str] | None, names: Sequence[str] = PAGE_CORPORA
) -> argparse.Namespace:
    """Parse the options of a training whose files are in the folder `out` of `cleaners`.

    Exits with one line if the annotated pages of a corpus are missing.
    """
    repository = Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cv", action="store_true", help="only cross-validate; write nothing")
    parser.add_argument("--corpus", type=Path, default=repository.parent / "shared" / "corpus")
    parser.add_argument("--date", default="", help="today, which the training facts then say")
    parser.add_argument("--out", type=Path, default=repository / "cleaners" / out)
    options = parser.parse_args(arguments)
    for folder in (options.corpus / name for name in names):
        if not (folder / "truth.jsonl.gz").is_file():
            sys.exit(f"no annotated pages at {folder}: --corpus names the folder that holds them")
    return options


def fold_of(host: str) -> int:
    """Return the fold in which the pages of a host are tested, from 0: all of them in one."""
    return hashlib.sha256(host.encode()).digest()[0] % FOLDS
