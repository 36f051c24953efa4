"""Two small archives of one site each, and a data set of them in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from broadsheet.output.archive.article_filter import ALL_ARTICLES, ArticleBounds
from broadsheet.output.collections.dataset_build import DatasetBuild, DatasetResult
from broadsheet.output.collections.dataset_files import DatasetStore, LocalStore
from broadsheet.output.collections.dataset_rows import find_archives, open_sources
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import Outcome
from tests.output.conftest import Maker

RIVER, TOWER = "http://river.example", "http://tower.example"


def words(name: str, count: int = 80) -> str:
    return " ".join(f"{name}{number}" for number in range(count))


def fill(path: Path, make: Maker, outcomes: Sequence[Outcome]) -> None:
    with Archive.open(path, make.clock) as archive:
        run = archive.runs.start(f"crawl {path.name}", {}, {})
        archive.save(outcomes)
        settle(archive.db, make.clock)
        archive.runs.finish(run, "finished", "", {})


@dataclass
class Dataset:
    """A data set in a folder, and the archives that it is made of."""

    folder: Path
    archives: list[Path]
    make: Maker = field(default_factory=Maker)
    read_hosts: list[str] = field(default_factory=list)

    def write(self, store: DatasetStore | None = None, bounds: ArticleBounds = ALL_ARTICLES) -> DatasetResult:
        scratch = self.folder.parent / "scratch"
        scratch.mkdir(exist_ok=True)
        with open_sources(find_archives(map(str, self.archives)), bounds) as sources:
            build = DatasetBuild(store or LocalStore(self.folder), sources, scratch)
            return build.run("Two sites", self.make.clock, self.read_hosts.append)

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All rows as a reader finds them by a pattern, with the values of the folders."""
        return pq.read_table(self.folder / table).to_pylist() if (self.folder / table).exists() else []

    def files(self) -> dict[str, int]:
        """All Parquet files, with the time at which each was written."""
        return {str(path.relative_to(self.folder)): path.stat().st_mtime_ns for path in self.folder.rglob("*.parquet")}

    def urls(self) -> list[str]:
        return sorted(row["url"] for row in self.rows("articles"))


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Each site has a story of its own, and the tower also has one of the river's, which it names."""
    made = Dataset(tmp_path / "data", [tmp_path / "river.db", tmp_path / "tower.db"])
    make, shared = made.make, words("shared")
    river = [
        make.outcome(f"{RIVER}/own", words("river"), removed=("Share this story",)),
        make.outcome(f"{RIVER}/shared", shared),
        make.failure(f"{RIVER}/gone", "http_404"),
    ]
    copied = make.outcome(f"{TOWER}/copied", shared, canonical=f"{RIVER}/shared")
    tower = [make.outcome(f"{TOWER}/own", words("tower")), copied]
    for path, outcomes in zip(made.archives, (river, tower), strict=True):
        fill(path, make, outcomes)
    return made
