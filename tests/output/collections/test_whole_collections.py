"""All that a merge leaves in an archive."""

import re
from pathlib import Path

import pytest

from broadsheet.output.collections.archive_merge import MergeResult
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.archive_writer import Archive
from tests.internal_tables import labelled, named
from tests.output.filled_rows import rows, tables
from tests.output.harbour import fill_harbour, fill_neighbour, settled_facts
from tests.output.merging import merge_archive
from tests.output.told import as_json, changed, expected, sections, told, unpacked

UNSTABLE = re.compile(
    r'(?<=stamp\\": \\")[0-9a-f]{16}|(?<="bytes": )\d+|(?<=\.gz\\": \[)[\d, ]+|(?<=\d{16}-)[0-9a-f]{16}'
)
"""What follows from the place and the bytes of the archives' files."""
MERGED = Path(__file__).with_name("whole_merge.txt")


@pytest.fixture(scope="module")
def merged(tmp_path_factory):
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


def test_every_table_of_the_merge_is_looked_at(merged):
    assert list(sections(MERGED)) == [labelled(name) for name in tables(merged)]


@pytest.mark.parametrize("name", sections(MERGED))
def test_a_merge_leaves_these_rows(merged, name):
    found = changed(sorted(unpacked(rows(merged, named(name))), key=as_json))
    text = told(UNSTABLE.sub("X", as_json(row)) for row in found)
    assert text == expected(MERGED, name, text)
