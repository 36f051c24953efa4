"""Merges that are killed, or whose disk fills up: what is there stays in order, and the same command finishes them."""

from __future__ import annotations

import resource
import time
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from broadsheet.output.archive.archive_errors import NotAnArchive, NotReachable, WrongSchema
from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.read.verify import verify
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.archive_writer import Archive
from tests.bench.archives.differences import differences
from tests.crawler.crawls import kill_group
from tests.crawler.shell import command, start
from tests.new_archives import copied_schemas
from tests.output.conftest import Maker
from tests.output.wires import make_exchange

pytestmark = pytest.mark.slow
HOSTS = ("reed", "lamp", "sand")
PAGES = 60
OTHERWISE = ("runs", "meta", "_warc_files")  # how an archive was made


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Archives of three hosts with raw responses; each also has stories of the one before."""
    folder, make = tmp_path_factory.mktemp("sources"), Maker()
    with copied_schemas(folder):
        return [
            make_source(folder / f"{name}.db", make, number) for number, name in enumerate(("reed", "lamp", "sand"))
        ]


def make_source(path: Path, make: Maker, host_number: int) -> Path:
    with Archive.open(path, make.clock) as archive:
        archive.keep_raw({"software": "test"})
        outcomes = []
        for number in range(PAGES):
            url = f"https://{path.stem}.example/{number}"
            story = " ".join(f"w{(host_number * PAGES // 2 + number) * 97 % 1009}x{n}" for n in range(90))
            outcome = make.outcome(url, story, removed=("Share this story",))
            assert outcome.capture is not None
            raw = make_exchange((url * 300).encode())
            outcomes.append(replace(outcome, capture=replace(outcome.capture, raw=raw)))
        archive.save(outcomes)
        settle(archive.db, make.clock)
    return path


@pytest.fixture(scope="module")
def undisturbed(sources: list[Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """A merge that nothing disturbed, and the seconds that it took."""
    target, started = tmp_path_factory.mktemp("undisturbed") / "all.db", time.monotonic()
    assert command("merge", target, *sources, cwd=target.parent)[0] == 0
    return target, time.monotonic() - started


def assert_in_order(target: Path) -> None:
    with closing(open_database(target, read_only=True)) as db:
        assert verify(db) == []


def assert_same(target: Path, other: Path) -> None:
    assert_in_order(target)
    assert [found for found in differences(other, target) if found.relation not in OTHERWISE] == []


@pytest.mark.parametrize("kills", [2, pytest.param(8, marks=pytest.mark.nightly)])
def test_killed_anywhere_and_finished_a_merge_is_as_one_that_was_not(
    sources: list[Path], undisturbed: tuple[Path, float], tmp_path: Path, kills: int
) -> None:
    calm, seconds = undisturbed
    deaths = 0
    for number in range(kills):
        process = start("merge", tmp_path / "all.db", *sources, start_new_session=True)
        time.sleep(seconds * (number + 1) / (kills + 1))
        if process.poll() is None:  # one that was quicker this time is gone, and cannot be killed
            kill_group(process)
            deaths += 1
        with suppress(NotReachable, NotAnArchive, WrongSchema):  # killed before it was made
            assert_in_order(tmp_path / "all.db")
    assert deaths
    assert command("merge", tmp_path / "all.db", *sources)[0] == 0
    assert_same(tmp_path / "all.db", calm)
    for source in sources:
        assert_in_order(source)


def limit_file_sizes() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (700_000, 700_000))


def test_a_disk_that_fills_up_is_one_line_and_the_same_command_goes_on(
    sources: list[Path], undisturbed: tuple[Path, float], tmp_path: Path
) -> None:
    target = tmp_path / "all.db"
    code, _, errors = command("merge", target, *sources, preexec_fn=limit_file_sizes)
    assert (code, len(errors.splitlines())) == (1, 1)
    assert "the same command goes on from here" in errors
    assert command("merge", target, *sources)[0] == 0
    assert_same(target, undisturbed[0])


def test_of_two_merges_into_one_file_at_once_one_is_refused(
    sources: list[Path], undisturbed: tuple[Path, float], tmp_path: Path
) -> None:
    processes = [start("merge", tmp_path / "all.db", *sources) for _ in range(2)]
    errors = [process.communicate(timeout=120)[1] for process in processes]
    codes = sorted(process.returncode for process in processes)
    assert codes in ([0, 75], [0, 0])  # where one was over before the other began
    assert all(len(text.splitlines()) == bool(text) for text in errors)
    assert_same(tmp_path / "all.db", undisturbed[0])
