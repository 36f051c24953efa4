"""All that a merge leaves in an archive, and all that a data set of both archives holds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from sqlite_utils import Database

from broadsheet.output.archive.article_filter import ALL_ARTICLES
from broadsheet.output.browse.library import Library
from broadsheet.output.collections import dataset_catalogue
from broadsheet.output.collections.archive_merge import MergeResult, merge_archive
from broadsheet.output.collections.dataset_build import DatasetBuild
from broadsheet.output.collections.dataset_files import LocalStore
from broadsheet.output.collections.dataset_rows import find_archives, open_sources
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.archive_writer import Archive
from tests.output.browse.conftest import RoomClient
from tests.output.filled_rows import rows, tables
from tests.output.harbour import fill_harbour, fill_neighbour, settled_facts
from tests.output.told import as_json, changed, expected, page_text, sections, told, unpacked

UNSTABLE = re.compile(
    r'(?<=ebb-)[0-9a-f]{6}\b|(?<=flood-)[0-9a-f]{6}\b|(?<=part-)[0-9a-f]{20}|(?<="digest": ")[0-9a-f]{20}\b'
    r'|(?<=stamp": ")[0-9a-f]{16}|(?<=stamp\\": \\")[0-9a-f]{16}|(?<="bytes": )\d+|(?<=\.gz\\": \[)[\d, ]+'
    r"|(?<=4825842924156698-)[0-9a-f]{16}"
)
"""What follows from the place and the bytes of the archives' files."""
CARD = Path(dataset_catalogue.__file__).with_name("card.md")
MERGED, DATASET, PAGES = (Path(__file__).with_name(f"whole_{name}.txt") for name in ("merge", "dataset", "pages"))


@pytest.fixture(scope="module")
def merged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    folder = tmp_path_factory.mktemp("merge")
    fill_harbour(folder / "ebb.db")
    make = fill_neighbour(folder / "flood.db")
    hosts: list[str] = []
    with settled_facts(), Archive.open(folder / "flood.db", make.clock) as archive:
        result = merge_archive(archive.db, folder / "ebb.db", make.clock, hosts.append)
        assert (result.file.name, result.new_urls, result.stored_pages, result.takedowns) == ("ebb.db", 24, 12, 0)
        assert result.copied_bytes == (folder / "ebb.db.warc/ebb-20260105040000-00000.warc.gz").stat().st_size
        assert not archive.db.conn.in_transaction
        settle(archive.db, make.clock)
        again = merge_archive(archive.db, folder / "ebb.db", make.clock, hosts.append)
        assert again == MergeResult(folder / "ebb.db", 0, 0, 0, 0)
        assert hosts == ["a.example", "b.example"]  # each once: the second time nothing is read
        yield archive.db


def test_every_table_of_the_merge_is_looked_at(merged: Database) -> None:
    assert list(sections(MERGED)) == tables(merged)


@pytest.mark.parametrize("name", sections(MERGED))
def test_a_merge_leaves_these_rows(merged: Database, name: str) -> None:
    found = changed(sorted(unpacked(rows(merged, name)), key=as_json))
    text = told(UNSTABLE.sub("X", as_json(row)) for row in found)
    assert text == expected(MERGED, name, text)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dataset")
    fill_harbour(folder / "ebb.db")
    make = fill_neighbour(folder / "flood.db")
    archives = [str(folder / name) for name in ("ebb.db", "flood.db")]
    with open_sources(find_archives(archives), ALL_ARTICLES) as sources:
        DatasetBuild(LocalStore(folder / "data"), sources, folder).run("Ebb and flood", make.clock)
    return folder / "data"


def in_dataset(folder: Path, name: str) -> Iterator[str]:
    if name == "catalogue.db":
        catalogue = Library.at(folder).catalogue
        assert catalogue
        with catalogue.open() as db:
            for table in tables(db):
                yield from (f"{table} {as_json(row)}" for row in rows(db, table))
    elif name == "manifest.json":
        values = json.loads((folder / name).read_text("utf-8"))
        yield from map(as_json, [*values.pop("files"), *values.pop("archives").items(), values])
    elif (folder / name).is_file():
        yield from lines_of_the_card((folder / name).read_text("utf-8"))
    else:
        yield from map(as_json, changed(unpacked(pq.read_table(folder / name).to_pylist())))


def lines_of_the_card(card: str) -> Iterator[str]:
    """The lines that its template has not; of a table with many columns their names and types, without the meanings."""
    template = CARD.read_text("utf-8").splitlines()
    for section in card.split("\n### "):
        lines = [line for line in section.splitlines() if line not in template]
        columns = [line.split(" | ")[:2] for line in lines if line.startswith("| `")]
        yield from (line for line in lines if len(columns) < 8 or not line.startswith("| `"))
        yield from [", ".join(map(" ".join, columns))] * (len(columns) >= 8)


@pytest.mark.parametrize("name", sections(DATASET))
def test_a_data_set_holds_this(dataset: Path, name: str) -> None:
    text = told((UNSTABLE.sub("X", line) for line in in_dataset(dataset, name)), FOLDER=dataset.parent)
    assert text == expected(DATASET, name, text)


def test_nothing_else_is_in_the_data_set(dataset: Path) -> None:
    assert sorted(path.name for path in dataset.iterdir()) == sorted(sections(DATASET))


@pytest.mark.parametrize("path", sections(PAGES))
def test_a_page_of_the_data_set_and_its_twin_say_all_of_this(dataset: Path, path: str) -> None:
    client = RoomClient(dataset)
    address, _, arguments = path.partition("?")
    twin = f"{address}index" if address.endswith("/") else address
    lines = page_text(client.page(path)), as_json(client.json(f"{twin}.json?{arguments}"))
    text = told(UNSTABLE.sub("X", line) for line in lines)
    assert text == expected(PAGES, path, text)
