"""A data set is what its archives hold: at first, after a change, after a takedown, and whatever cut a run off."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from broadsheet.output.archive.archive_errors import InUse
from broadsheet.output.archive.article_filter import ArticleBounds
from broadsheet.output.archive.ledger import block_id
from broadsheet.output.collections.dataset_files import LocalStore, NotADataset
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.applied_rulings import carry_out_ruling
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.person_verdicts import Ruling
from broadsheet.output.write.takedowns import take_down
from tests.output.collections.conftest import RIVER, TOWER, Dataset, fill, words
from tests.output.conftest import Maker


class FailingStore(LocalStore):
    """A folder where the first file of some name, or the first removal, goes wrong."""

    def __init__(self, folder: Path, step: str, error: BaseException) -> None:
        super().__init__(folder)
        self.step, self.error = step, error

    def put_file(self, file: Path, name: str) -> None:
        if name.startswith(self.step) and (name != "manifest.json" or super().read_file("README.md")):
            raise self.error
        super().put_file(file, name)

    def remove_file(self, name: str) -> None:
        if self.step == "removal":
            raise self.error
        super().remove_file(name)


def change_all(dataset: Dataset) -> None:
    """An edit at the river, a new story at the tower."""
    make = dataset.make
    edited = make.outcome(f"{RIVER}/own", words("river"), "Correction: a bridge.", removed=("Print this page",))
    fill(dataset.archives[0], make, [edited])
    fill(dataset.archives[1], make, [make.outcome(f"{TOWER}/new", words("new"))])


def content(dataset: Dataset) -> dict[str, list[str]]:
    return {
        table: sorted(map(repr, dataset.rows(table)))
        for table in ("articles", "removed", "urls", "changes", "duplicates")
    }


def test_it_has_what_the_archives_hold(dataset: Dataset) -> None:
    dataset.write()
    assert dataset.urls() == [f"{RIVER}/own", f"{RIVER}/shared", f"{TOWER}/copied", f"{TOWER}/own"]
    assert {row["host"] for row in dataset.rows("articles")} == {"river.example", "tower.example"}
    (removed,) = dataset.rows("removed")
    assert (removed["url"], removed["text"], removed["reason"]) == (f"{RIVER}/own", "Share this story", "share buttons")
    assert {(row["url"], row["reason"]) for row in dataset.rows("urls") if row["state"] == "failed"} == {
        (f"{RIVER}/gone", "http_404")
    }
    assert sorted((row["archive"][:5], row["change"]) for row in dataset.rows("changes")) == [
        *[("river", "added")] * 2, *[("tower", "added")] * 2,
    ]  # fmt: skip


def test_it_tells_who_copied_whom_between_archives(dataset: Dataset) -> None:
    dataset.write()
    (pair,) = dataset.rows("duplicates")
    assert (pair["host"], pair["duplicate_host"], pair["kind"]) == ("river.example", "tower.example", "syndicated")
    assert (pair["url"], pair["duplicate_url"]) == (f"{RIVER}/shared", f"{TOWER}/copied")


def test_values_have_types_and_columns_say_what_they_mean(dataset: Dataset) -> None:
    with Archive.open(dataset.archives[0]) as archive:
        archive.db.execute(
            """UPDATE articles SET published = '2024-05-03T13:47:42Z', published_day = '2024-05-04',
               authors = '["A. Ba", "C. De"]' WHERE url LIKE '%/own'"""
        )
        archive.db.conn.commit()
    dataset.write()
    (row,) = [row for row in dataset.rows("articles") if row["url"] == f"{RIVER}/own"]
    assert row["published"] == datetime(2024, 5, 3, 13, 47, 42, tzinfo=UTC)
    assert (row["published_day"], row["authors"]) == (date(2024, 5, 4), ["A. Ba", "C. De"])
    file = next((dataset.folder / "articles").rglob("*.parquet"))
    schema = pq.read_schema(file)
    assert schema.field("text").metadata[b"description"].startswith(b"Its clean text")
    assert pq.ParquetFile(file).metadata.row_group(0).column(0).compression == "ZSTD"


def test_without_a_change_nothing_is_written(dataset: Dataset) -> None:
    assert dataset.write().has_changed
    before, manifest = dataset.files(), (dataset.folder / "manifest.json").read_bytes()
    result = dataset.write()
    assert (result.has_changed, result.read_hosts) == (False, 0)
    assert (dataset.files(), (dataset.folder / "manifest.json").read_bytes()) == (before, manifest)


def test_a_change_writes_the_files_of_its_host_and_no_others(dataset: Dataset) -> None:
    dataset.write()
    before = dataset.files()
    fill(dataset.archives[1], dataset.make, [dataset.make.outcome(f"{TOWER}/new", words("new"))])
    assert (dataset.write().read_hosts, dataset.read_hosts) == (1, ["river.example", "tower.example", "tower.example"])
    kept = {name for name, written in dataset.files().items() if before.get(name) == written}
    assert kept == {name for name in before if "host=river" in name or "archive=river" in name or "dupl" in name}
    assert f"{TOWER}/new" in dataset.urls()


@pytest.mark.slow
def test_it_is_the_same_as_one_written_at_once(dataset: Dataset, tmp_path: Path) -> None:
    dataset.write()
    change_all(dataset)
    dataset.write()
    at_once = Dataset(tmp_path / "at_once", dataset.archives, dataset.make)
    at_once.write()
    assert content(dataset) == content(at_once)
    assert set(dataset.files()) == set(at_once.files())


def test_what_was_taken_down_in_one_archive_leaves_all_tables(dataset: Dataset) -> None:
    dataset.write()
    with Archive.open(dataset.archives[0], dataset.make.clock) as archive:
        take_down(archive.db, f"{TOWER}/*", clock=dataset.make.clock)  # another archive holds it
        take_down(archive.db, f"{RIVER}/own", clock=dataset.make.clock)
    dataset.write()
    assert dataset.urls() == [f"{RIVER}/shared"]
    assert dataset.rows("duplicates") == dataset.rows("removed") == []
    everything = b"".join(path.read_bytes() for path in dataset.folder.rglob("*") if path.is_file())
    assert b"/copied" not in everything
    assert not [row for row in dataset.rows("urls") if row["url"].startswith(TOWER)]


def test_a_ruling_that_is_made_later_changes_the_text(dataset: Dataset) -> None:
    dataset.write()
    with Archive.open(dataset.archives[0], dataset.make.clock) as archive:
        carry_out_ruling(archive.db, Ruling(block_id("Share this story"), True, ruled_at=dataset.make.clock()))
    dataset.write()
    assert [row["url"] for row in dataset.rows("articles") if "Share this story" in row["text"]] == [f"{RIVER}/own"]
    assert dataset.rows("removed") == []


def test_an_article_that_two_archives_hold_is_there_once_as_the_later_saw_it(dataset: Dataset, tmp_path: Path) -> None:
    make, other = dataset.make, tmp_path / "other.db"
    fill(other, make, [make.outcome(f"{RIVER}/own", words("later")), make.outcome(f"{RIVER}/more", words("more"))])
    dataset.archives.append(other)
    dataset.write()
    assert dataset.urls().count(f"{RIVER}/own") == 1
    (row,) = [row for row in dataset.rows("articles") if row["url"] == f"{RIVER}/own"]
    assert row["text"] == words("later")
    assert len({row["url"] for row in dataset.rows("urls")}) == len(dataset.rows("urls"))
    dataset.archives.pop()
    dataset.write()
    (row,) = [row for row in dataset.rows("articles") if row["url"] == f"{RIVER}/own"]
    assert row["text"] == words("river")


def test_an_archive_that_is_no_longer_named_leaves(dataset: Dataset) -> None:
    dataset.write()
    dataset.archives.pop(0)
    dataset.write()
    assert dataset.urls() == [f"{TOWER}/copied", f"{TOWER}/own"]
    assert dataset.rows("duplicates") == []


@pytest.mark.slow
def test_relations_between_archives_that_did_not_change_stay(dataset: Dataset, tmp_path: Path) -> None:
    dataset.write()
    pairs = dataset.rows("duplicates")
    fill(tmp_path / "third.db", dataset.make, [dataset.make.outcome("http://third.example/a", words("third"))])
    dataset.archives.append(tmp_path / "third.db")
    dataset.write()
    assert dataset.rows("duplicates") == pairs


FULL = OSError(errno.ENOSPC, "No space left on device")
STEPS = ["articles", "removed", "urls", "changes", "catalogue", "README", "manifest"]
CUTS = [*((step, KeyboardInterrupt()) for step in STEPS), ("articles", FULL), ("catalogue", FULL), ("manifest", FULL)]
QUICK_CUTS = [("articles", FULL), ("manifest", FULL)]


@pytest.mark.parametrize(
    ("step", "error"), [pytest.param(*cut, marks=[] if cut in QUICK_CUTS else [pytest.mark.slow]) for cut in CUTS]
)
def test_a_run_that_is_cut_off_has_changed_nothing_that_counts(
    dataset: Dataset, tmp_path: Path, step: str, error: BaseException
) -> None:
    dataset.write()
    manifest = (dataset.folder / "manifest.json").read_bytes()
    named = [file["name"] for file in json.loads(manifest)["files"]]
    change_all(dataset)
    with pytest.raises(type(error)):
        dataset.write(FailingStore(dataset.folder, step, error))
    assert (dataset.folder / "manifest.json").read_bytes() == manifest
    assert [name for name in named if not (dataset.folder / name).exists()] == []
    dataset.write()
    at_once = Dataset(tmp_path / "at_once", dataset.archives, dataset.make)
    at_once.write()
    assert set(dataset.files()) == set(at_once.files())


def test_old_files_that_could_not_be_removed_go_with_the_next_run(dataset: Dataset, tmp_path: Path) -> None:
    dataset.write()
    change_all(dataset)
    with pytest.raises(KeyboardInterrupt):
        dataset.write(FailingStore(dataset.folder, "removal", KeyboardInterrupt()))
    named = {file["name"] for file in json.loads((dataset.folder / "manifest.json").read_text())["files"]}
    assert set(dataset.files()) > named
    assert dataset.write().has_changed
    assert set(dataset.files()) == named


def test_a_first_run_that_is_cut_off_is_gone_on_with(dataset: Dataset) -> None:
    dataset.folder.mkdir()
    with pytest.raises(KeyboardInterrupt):
        dataset.write(FailingStore(dataset.folder, "removed", KeyboardInterrupt()))
    assert json.loads((dataset.folder / "manifest.json").read_text())["files"] == []
    dataset.write()
    assert len(dataset.urls()) == 4


def test_two_runs_at_once_are_seen(dataset: Dataset) -> None:
    class OtherRun(LocalStore):
        def put_file(self, file: Path, name: str) -> None:
            super().put_file(file, name)
            if name == "catalogue.db":
                manifest = json.loads((self.folder / "manifest.json").read_text())
                (self.folder / "manifest.json").write_text(json.dumps(manifest | {"made_at": "now"}))

    with pytest.raises(InUse, match="another run meanwhile"):
        dataset.write(OtherRun(dataset.folder))


def test_files_that_another_version_wrote_are_written_anew(dataset: Dataset) -> None:
    dataset.write()
    path = dataset.folder / "manifest.json"
    path.write_text(path.read_text().replace('"schema": "', '"schema": "0'))
    before = dataset.files()
    next((dataset.folder / "duplicates").iterdir()).unlink()  # what the other version related is not asked for
    dataset.write()
    assert set(dataset.files()) == set(before)
    assert all(dataset.files()[name] != before[name] for name in before)


def test_a_lost_file_of_relations_is_named(dataset: Dataset) -> None:
    dataset.write()
    (lost,) = (dataset.folder / "duplicates").iterdir()
    lost.unlink()
    fill(dataset.archives[1], dataset.make, [dataset.make.outcome(f"{TOWER}/new", words("new"))])
    with pytest.raises(NotADataset) as caught:
        dataset.write()
    advice = "is missing; write the data set anew, in an empty folder"
    assert str(caught.value) == f"{dataset.folder}/duplicates/{lost.name} {advice}"


def test_an_archive_that_is_being_written_is_refused_and_nothing_changes(dataset: Dataset) -> None:
    dataset.write()
    before = dataset.files()
    with Archive.open(dataset.archives[0]), pytest.raises(InUse, match=r"river\.db is in use"):
        dataset.write()
    assert dataset.files() == before


def test_the_catalogue_has_titles_copies_and_files(dataset: Dataset) -> None:
    dataset.write()
    connection = sqlite3.connect(dataset.folder / "catalogue.db")
    copied = connection.execute("SELECT * FROM copied_between_hosts").fetchall()
    titles = connection.execute("SELECT rowid FROM articles_fts WHERE articles_fts MATCH 'copied'").fetchall()
    hosts = connection.execute("SELECT host, articles, words FROM hosts").fetchall()
    files = [name for (name,) in connection.execute("SELECT name FROM files ORDER BY name")]
    connection.close()
    assert copied == [("river.example", "tower.example", "syndicated", 1)]
    assert len(titles) == 1
    assert hosts == [("river.example", 2, 160), ("tower.example", 2, 160)]
    assert files == sorted(dataset.files())


@pytest.mark.slow
def test_many_rows_go_into_several_files_and_what_comes_later_leaves_the_first(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broadsheet.output.collections.dataset_files._MOST_BYTES", 3_000)  # two stories and a little
    make: Maker = dataset.make
    fill(dataset.archives[0], make, [make.outcome(f"{RIVER}/{n}", words(f"many{n}")) for n in range(6)])
    dataset.write()
    before = {name for name in dataset.files() if name.startswith("articles/host=river")}
    assert len(before) == 4
    fill(dataset.archives[0], make, [make.outcome(f"{RIVER}/later", words("later"))])
    dataset.write()
    after = {name for name in dataset.files() if name.startswith("articles/host=river")}
    assert len(before & after) >= 3
    assert len(dataset.urls()) == 11


def test_settling_again_writes_nothing(dataset: Dataset) -> None:
    dataset.write()
    before = set(dataset.files())
    with Archive.open(dataset.archives[0], dataset.make.clock) as archive:
        settle(archive.db, dataset.make.clock)
    os.utime(dataset.archives[0])
    dataset.write()
    assert set(dataset.files()) == before


def test_a_query_leaves_its_articles_and_what_is_about_them_and_without_it_all_is_back(dataset: Dataset) -> None:
    dataset.write()
    whole = content(dataset)
    river = ArticleBounds(match='"river5"')
    dataset.write(bounds=river)
    assert dataset.urls() == [f"{RIVER}/own"]
    assert [row["url"] for row in dataset.rows("urls")] == [f"{RIVER}/own"]
    assert [row["text"] for row in dataset.rows("removed")] == ["Share this story"]
    assert len(dataset.rows("changes")) == 1
    assert dataset.rows("duplicates") == []
    assert not dataset.write(bounds=river).has_changed
    dataset.write(bounds=ArticleBounds(host="tower.example"))
    assert dataset.urls() == [f"{TOWER}/copied", f"{TOWER}/own"]
    dataset.write()
    assert content(dataset) == whole
