"""Many WARC files side by side: the same as one import after the other, and no file costs another anything."""

from __future__ import annotations

import gzip
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest
from obstore.store import MemoryStore

from broadsheet.crawler.command_values import CommandError
from broadsheet.crawler.commands.fleet_import import (
    FleetImport,
    ImportTurn,
    bring_file,
    import_task,
    listed_files,
    option_words,
)
from broadsheet.crawler.fleet import site_processes, store_address
from broadsheet.crawler.fleet.bucket_store import BucketStore
from broadsheet.crawler.fleet.fleet_folder import RecordFolder
from broadsheet.crawler.fleet.folder_store import FolderStore
from broadsheet.crawler.fleet.object_store import NotInStore, ObjectStore, StoreError, StoreRefused
from broadsheet.crawler.fleet.site_task import SiteResult, SiteTask
from broadsheet.output.archive.archive_errors import NotReachable
from broadsheet.output.collections import archive_merge
from broadsheet.output.write.archive_writer import Archive
from tests.bench.archives.differences import differences
from tests.crawler.scripted_site import page
from tests.crawler.shell import command, rows, verb_here
from tests.crawler.warcs import answer, record, write

HOSTS = ("a.example", "b.example")
_PROGRESS = re.compile(r"^\d+ of \d+ files; .*\n", re.MULTILINE)
OTHERWISE = ("meta", "runs", "_url_patterns")  # how an archive was made, not what is in it
QUEUE_COLUMNS = ("attempts", "revisit_seconds", "found_via", "found_on", "depth", "priority")  # of `urls`: its way here


def host_records(host: str, day: int, *names: str) -> list[bytes]:
    """Pages of a host on a day; `/front` is there each day, with other links."""
    site, links = f"https://{host}", [f"/{name}" for name in names]
    pages = {"front": page("front", *links)} | {name: page(name) for name in names}
    moved = record(f"{site}/old-{names[0]}", answer("", "301 Moved", location=links[0]), f"2024-03-0{day}T12:00:00Z")
    return [record(f"{site}/{name}", answer(text), f"2024-03-0{day}T10:00:00Z") for name, text in pages.items()] + [
        moved
    ]


def fleet_import(*arguments: object) -> tuple[int, str, str]:
    """Exit code, standard output and standard error, without the progress lines that a slow machine shows."""
    code, out, errors = command("fleet", "import", *arguments)
    return code, out, _PROGRESS.sub("", errors)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return [
        write(tmp_path / "one.warc.gz", host_records(HOSTS[0], 1, "river", "mill")),
        write(tmp_path / "two.warc.gz", host_records(HOSTS[1], 1, "tower", "river")),
        write(tmp_path / "three.warc.gz", host_records(HOSTS[0], 2, "mill", "harbour")),
    ]


@pytest.mark.slow
def test_it_gives_what_one_import_after_the_other_gives_and_again_nothing(tmp_path: Path, files: list[Path]) -> None:
    one_by_one, side_by_side = tmp_path / "each.db", tmp_path / "all.db"
    for file in files:
        assert command("import", file, "--db", one_by_one, "-q")[0] == 0
    code, out, errors = fleet_import(*files, "--db", side_by_side)
    assert (code, errors) == (0, "")
    assert [line.split(":")[0] for line in out.splitlines()] == [*(file.name for file in files), "all.db"]
    differing = [
        d
        for d in differences(one_by_one, side_by_side)
        if d.relation not in OTHERWISE and not (d.relation == "urls" and d.column in QUEUE_COLUMNS)
    ]
    assert [(d.relation, d.row, d.column, d.old, d.new) for d in differing][:9] == []
    assert command("verify", side_by_side)[0] == 0
    assert not (tmp_path / "all.db.import").exists()
    before = Path(shutil.copy(side_by_side, tmp_path / "before.db"))
    assert fleet_import(*files, "--db", side_by_side)[1] == ("Nothing to do: 3 files are in the archive already.\n")
    assert command("import", *files, "--db", side_by_side)[1].startswith("Nothing to do: 3 files")
    assert differences(before, side_by_side) == []


@pytest.mark.slow
def test_a_file_that_fails_is_a_line_and_the_next_command_reads_what_is_new(tmp_path: Path, files: list[Path]) -> None:
    db, listing = tmp_path / "all.db", tmp_path / "files.txt"
    (tmp_path / "text.warc.gz").write_text("no records")
    listing.write_text(f"one.warc.gz\nmissing.warc.gz\ntext.warc.gz\n{files[1]}\n")
    code, out, errors = fleet_import(listing, "--db", db, "--host", "b.example")
    assert code == 1
    assert [line.split(": ")[0] for line in errors.splitlines()] == ["broadsheet", "broadsheet"]
    assert "missing.warc.gz: No such file" in errors
    assert "text.warc.gz" in errors.splitlines()[1]
    assert out.splitlines()[0] == "one.warc.gz: nothing new"
    assert {url.split("/")[2] for (url,) in rows(db, "SELECT url FROM urls")} == {"b.example"}
    os.replace(files[2], tmp_path / "missing.warc.gz")
    write(tmp_path / "text.warc.gz", host_records("b.example", 3, "bridge"))
    code, out, errors = fleet_import(listing, "--db", db, "--host", "b.example")
    assert (code, errors) == (0, "")
    assert [line.split(":")[0] for line in out.splitlines()] == ["missing.warc.gz", "text.warc.gz", "all.db"]
    assert len(rows(db, "SELECT url FROM articles")) == 4


@pytest.mark.slow
def test_nothing_that_can_be_read_leaves_no_archive(tmp_path: Path) -> None:
    code, out, errors = fleet_import(tmp_path / "no.warc.gz", "--db", tmp_path / "all.db")
    assert (code, out) == (1, "")
    assert errors == f"broadsheet: {tmp_path}/no.warc.gz: No such file or directory\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_file_with_lost_records_is_said_again_by_each_later_import(tmp_path: Path, files: list[Path]) -> None:
    file = files[0]
    file.write_bytes(file.read_bytes() + gzip.compress(b"WARC/1.0\r\nWARC-Type: response\r\n\r\nlost\r\n\r\n"))
    db = tmp_path / "target.db"
    for options, expected_code in (((), 1), ((), 1), (("--lenient",), 0)):
        code, _, errors = command("fleet", "import", file, "--db", db, "--quiet", *options)
        assert (code, errors.count("\n")) == (expected_code, 1), errors
        assert f"{file}: 1" in errors


@pytest.mark.slow
def test_an_archive_in_use_is_left_alone(tmp_path: Path, files: list[Path]) -> None:
    with Archive.open(tmp_path / "all.db"):
        code, out, errors = fleet_import(*files, "--db", tmp_path / "all.db")
    assert (code, out, len(errors.splitlines())) == (75, "", 1)
    assert not (tmp_path / "all.db.import").exists()


def test_options_are_passed_on_as_they_are_typed() -> None:
    options = {
        "hosts": ("a.example",), "include": ("-x", "y"), "exclude": (), "language": ("en",), "since": "2024-01-31",
        "site_rules": None, "obey_directives": True,
    }  # fmt: skip
    assert option_words(options) == (
        "--host=a.example", "--include=-x", "--include=y", "--language=en", "--since=2024-01-31", "--lenient",
        "--obey-directives",
    )  # fmt: skip


ADDRESS = "s3://news/2024/01/a.warc.gz"


@pytest.fixture
def buckets(tmp_path: Path) -> Path:
    (tmp_path / "buckets/news/2024/01").mkdir(parents=True)
    (tmp_path / "buckets/news/2024/01/a.warc.gz").write_bytes(b"records" * 999)
    return tmp_path / "buckets"


def bring(address: str, buckets: Path, folder: Path) -> Path:
    def open_store(prefix: str) -> ObjectStore:
        return FolderStore(buckets / prefix.removeprefix("s3://"))

    return bring_file(address, folder, open_store)


def test_a_file_comes_whole_and_once(tmp_path: Path, buckets: Path) -> None:
    path = bring(ADDRESS, buckets, tmp_path / "here")
    assert path == tmp_path / "here/news/2024/01/a.warc.gz"
    assert path.read_bytes() == b"records" * 999
    os.utime(path, ns=(1, 1))
    assert bring(ADDRESS, buckets, tmp_path / "here").stat().st_mtime_ns == 1


def test_half_a_file_is_fetched_anew(tmp_path: Path, buckets: Path) -> None:
    path = bring(ADDRESS, buckets, tmp_path / "here")
    path.write_bytes(b"half")
    path.with_name("a.warc.gz.part").write_bytes(b"less")
    assert bring(ADDRESS, buckets, tmp_path / "here").read_bytes() == b"records" * 999
    assert [file.name for file in path.parent.iterdir()] == ["a.warc.gz"]


@pytest.mark.parametrize("address", ["s3://news/2024/01/b.warc.gz", "s3://news", "s3://news/../news/2024/01/a.warc.gz"])
def test_what_is_not_there_leaves_nothing(tmp_path: Path, buckets: Path, address: str) -> None:
    with pytest.raises(StoreError):
        bring(address, buckets, tmp_path / "here")
    assert not (tmp_path / "here").exists()


def test_an_address_without_a_bucket_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreRefused):
        bring_file("s3:///a.warc.gz", tmp_path)


def test_a_file_comes_from_a_bucket(tmp_path: Path) -> None:
    bucket = BucketStore(MemoryStore(), "s3://news")
    bucket.put_bytes("a.warc.gz", b"records")
    addresses: list[str] = []

    def open_store(address: str) -> ObjectStore:
        addresses.append(address)
        return bucket

    assert bring_file("s3://news/a.warc.gz", tmp_path, open_store).read_bytes() == b"records"
    with pytest.raises(NotInStore, match="there is no s3://"):
        bring_file("s3://news/b.warc.gz", tmp_path, open_store)
    assert addresses == ["s3://news"] * 2


def test_lists_are_read_and_other_names_stand_for_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("news").mkdir()
    Path("news/files.txt").write_text("# of March\n\na.warc.gz\n/far/b.warc.gz\ns3://other/c.warc.gz\na.warc.gz\n")
    assert listed_files(["news/files.txt", "d.wacz", "s3://bucket/e.txt"]) == [
        f"{tmp_path}/news/a.warc.gz", "/far/b.warc.gz", "s3://other/c.warc.gz", f"{tmp_path}/d.wacz",
        "s3://bucket/e.txt",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("base", "file"), [("s3://news/", "s3://news/crawl/a.warc.gz"), ("/far", "/far/crawl/a.warc.gz")]
)
def test_what_a_packed_list_names_is_relative_to_the_base(tmp_path: Path, base: str, file: str) -> None:
    (tmp_path / "warc.paths.gz").write_bytes(gzip.compress(b"crawl/a.warc.gz\n", mtime=0))
    assert listed_files([str(tmp_path / "warc.paths.gz")], base) == [file]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file"),
        (b"no gzip", "cannot be read"),
        (gzip.compress(b"\xff\n", mtime=0), "cannot be read"),
        (gzip.compress(b"a.warc.gz\n" * 99, mtime=0)[:20], "cannot be read"),
        (gzip.compress(b"# none\n", mtime=0), "names no file"),
    ],
)
def test_a_bad_list_is_one_line(tmp_path: Path, content: bytes | None, message: str) -> None:
    file = tmp_path / "files.txt.gz"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(CommandError, match=message) as caught:
        listed_files([str(file)])
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


FILE = Path("/news/a.warc.gz")


def test_a_task_is_of_one_file_and_its_options() -> None:
    task = import_task(FILE, Path("/work"), ["--since=2024-01-01"])
    assert task.command(task.archive) == (
        "import", "/news/a.warc.gz", "--db", str(task.archive), "--quiet", "--since=2024-01-01",
    )  # fmt: skip
    assert task.archive == Path("/work") / task.name / "archive.db"
    others = (
        import_task(FILE, Path("/work"), []),
        import_task(Path("/old/a.warc.gz"), Path("/work"), task.crawl_words),
    )
    assert len({task.name, *(other.name for other in others)}) == 3
    assert import_task(FILE, Path("/work"), ["--since=2024-01-01"]) == task


def test_a_long_name_makes_a_name_that_a_disk_takes() -> None:
    assert len(import_task(Path("/" + "a" * 255), Path("/work"), []).name) < 200


@dataclass
class BusyEngine:
    """An engine that says what it runs, and starts nothing."""

    tasks: Sequence[SiteTask]

    def run(self, tasks: Sequence[SiteTask], on_result: Callable[[SiteResult], None]) -> None:
        for task in tasks:
            on_result(SiteResult.without_run(task, "not now"))

    def stop(self) -> None:
        self.tasks = ()

    def running(self) -> tuple[SiteTask, ...]:
        return tuple(self.tasks)


def test_the_progress_names_a_few_files() -> None:
    tasks = [import_task(Path(f"/{number}.warc.gz"), Path("/work"), []) for number in range(5)]
    turn = ImportTurn(tasks, BusyEngine(tasks))
    assert turn.progress_line() == "0 of 5 files; reading: 0.warc.gz, 1.warc.gz, 2.warc.gz and 2 more"
    turn.engine.stop()
    turn.run()
    assert turn.progress_line() == "5 of 5 files; reading: none"
    assert [result.message for result in turn.results] == ["not now"] * 5


class ShortStore(FolderStore):
    """A store that breaks off."""

    def chunks(self, key: str, start: int = 0) -> Iterator[bytes]:
        yield b"records"


def test_a_file_that_comes_short_is_said_and_not_kept(tmp_path: Path, buckets: Path) -> None:
    with pytest.raises(NotInStore, match=r"^a.warc.gz came with 7 of 6,993 bytes$"):
        bring_file(ADDRESS, tmp_path / "here", lambda prefix: ShortStore(buckets / prefix.removeprefix("s3://")))
    assert [path for path in (tmp_path / "here").rglob("*") if path.is_file()] == []


@pytest.mark.usefixtures("engine_here", "workers_here")
def test_a_file_of_a_bucket_is_kept_beside_the_archive_and_one_that_is_away_is_a_line(
    buckets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def open_store(address: str) -> ObjectStore:
        return FolderStore(buckets / address.removeprefix("s3://"))

    def merge(_db: object, archive: Path) -> NoReturn:
        raise NotReachable(f"{archive.name} is away")

    write(buckets / "news/2024/01/a.warc.gz", host_records(HOSTS[0], 1, "river"))
    monkeypatch.chdir(buckets)
    monkeypatch.setattr(store_address, "store_at", open_store)
    words = ("fleet", "import", ADDRESS, "s3://news/b.warc.gz", "--db", "all.db")
    missing = "broadsheet: there is no s3://news/b.warc.gz\n"
    kept = buckets / "all.db.imported/news/2024/01/a.warc.gz"
    with monkeypatch.context() as patch:
        patch.setattr(archive_merge, "merge_archive", merge)
        assert verb_here(*words) == (1, "all.db: 0 articles\n", f"{missing}broadsheet: {kept}: archive.db is away\n")
    assert not Path("all.db").exists()
    assert verb_here(*words) == (1, "a.warc.gz: 3 URLs new, 2 pages stored\nall.db: 2 articles\n", missing)
    assert kept.is_file()
    assert rows(Path("all.db"), "SELECT file FROM _imports") == [("all.db.imported/news/2024/01/a.warc.gz",)]


@pytest.mark.parametrize(
    ("words", "processors", "variable", "parallel", "environment"),
    [
        ((), 8, "", 3, {"BROADSHEET_WORKERS": "2"}),
        (("--parallel", "2"), 8, "", 2, {"BROADSHEET_WORKERS": "4"}),
        (("--parallel", "9"), 2, "", 3, {"BROADSHEET_WORKERS": "1"}),
        ((), None, "", 1, {"BROADSHEET_WORKERS": "1"}),
        (("--parallel", "2"), 8, "3", 2, {}),
    ],
)
def test_files_are_read_by_as_many_processes_as_there_is_room_for(
    words: tuple[str, ...], processors: int | None, variable: str, parallel: int, environment: dict[str, str],
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    made: list[object] = []

    class Engine(BusyEngine):
        def __init__(self, records: RecordFolder, parallel: int, environment: object) -> None:
            made.append((records.archives, parallel, environment))
            self.tasks = ()

    monkeypatch.setattr(site_processes, "EmbeddedEngine", Engine)
    monkeypatch.setattr(os, "cpu_count", lambda: processors)
    monkeypatch.delenv("BROADSHEET_WORKERS", raising=False)
    if variable:
        monkeypatch.setenv("BROADSHEET_WORKERS", variable)
    code, _, errors = verb_here("fleet", "import", *files, "--db", tmp_path / "all.db", *words)
    assert made == [(tmp_path / "all.db.import", parallel, environment)]
    assert (code, errors) == (1, "".join(f"broadsheet: {file}: not now\n" for file in files))


def test_an_import_is_strict_and_takes_no_pictures_unless_told_otherwise(tmp_path: Path) -> None:
    with Archive.open(tmp_path / "a.db") as archive:
        fleet = FleetImport(archive, tmp_path / "a.db", {}, (), 1, False)
    assert (fleet.is_lenient, fleet.keeps_pictures, fleet.obeys_directives) == (False, False, False)
