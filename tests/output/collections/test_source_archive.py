"""An archive that others were merged into is another one than each of them."""

from pathlib import Path

import pytest

from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.collections.source_archive import open_source
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.takedowns import take_down
from tests.internal_tables import OUTSIDE_HOSTS
from tests.output.conftest import Maker
from tests.output.merging import merge_archive

LINKS = f"SELECT host, links FROM {OUTSIDE_HOSTS} ORDER BY host"


@pytest.fixture
def shards(tmp_path, make):
    """Two archives of a host each, which link to one host outside twice and three times."""
    return [shard(tmp_path / f"{host}.db", host, make, links) for links, host in enumerate(("lamp", "reed"), 2)]


def shard(path: Path, host: str, make: Maker, links: int) -> Path:
    with Archive.open(path, make.clock) as archive:
        run = archive.runs.start(f"crawl {host}", {}, {})
        url = f"http://{host}.example/{links}"
        archive.save([make.outcome(url, f"A story of {host}.", outside_links={"cdn.example": links})])
        archive.runs.finish(run, "finished", "", {})
    return path


def merge(target: Path, make: Maker, *sources: Path) -> None:
    with Archive.open(target, make.clock) as archive:
        for source in sources:
            merge_archive(archive.db, source, make.clock)


def identity(path: Path) -> str:
    with open_source(path) as source:
        return source.identity


def links(path: Path) -> list[tuple[str, int]]:
    db = open_database(path, read_only=True)
    try:
        return db.execute(LINKS).fetchall()
    finally:
        db.close()


def test_a_merged_archive_has_an_identity_of_its_own_that_stays(tmp_path, make, shards):
    merge(tmp_path / "all.db", make, *shards)
    names = {identity(tmp_path / "all.db"), *map(identity, shards)}
    assert len(names) == 3
    merge(tmp_path / "all.db", make, *shards)
    shard(tmp_path / "all.db", "sand", make, 1)
    assert identity(tmp_path / "all.db") in names


def test_a_shard_is_known_again_after_an_archive_that_it_is_in(tmp_path, make, shards):
    target, merged = tmp_path / "target.db", tmp_path / "all.db"
    merge(merged, make, *shards)
    merge(target, make, shards[0], merged)
    db = open_database(target, read_only=True)
    keys = [key for (key,) in db.execute("SELECT key FROM meta WHERE key LIKE 'merged_archive %'")]
    db.close()
    assert sorted(keys) == sorted(f"merged_archive {identity(path)}" for path in (shards[0], merged))


@pytest.mark.slow
def test_links_count_once_whichever_way_an_archive_comes(tmp_path, make, shards):
    target, merged = tmp_path / "target.db", tmp_path / "all.db"
    merge(merged, make, *shards)
    merge(target, make, shards[0], merged, shards[1], shards[0])
    assert links(target) == [("cdn.example", 5)]
    shard(shards[0], "lamp", make, 4)
    merge(target, make, shards[0], merged)
    assert links(target) == [("cdn.example", 9)]
    merge(merged, make, *shards)
    merge(target, make, merged)
    assert links(target) == links(merged) == [("cdn.example", 9)]


def test_links_of_an_archive_count_once_before_and_after_others_came_into_it(tmp_path, make, shards):
    target = tmp_path / "target.db"
    merge(target, make, shards[0])
    merge(shards[0], make, shards[1])
    merge(target, make, shards[0], shards[1])
    assert links(target) == [("cdn.example", 5)]


def test_a_takedown_that_removes_nothing_here_is_taken_over(make, shards):
    with Archive.open(shards[0], make.clock) as archive:
        take_down(archive.db, "http://reed.example/none", "a wish", make.clock)
    with Archive.open(shards[1], make.clock) as archive:
        assert merge_archive(archive.db, shards[0], make.clock).takedowns == 0
        assert not archive.db.conn.in_transaction
        found = archive.db.execute("SELECT pattern, note FROM takedowns").fetchall()
    assert found == [("http://reed.example/none", "a wish")]
