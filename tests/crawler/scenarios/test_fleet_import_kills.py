"""Many WARC files of a bucket taken in by commands that are killed, or whose disk fills up: what the last one leaves is
what one import after the other leaves."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from broadsheet.crawler.fleet.store_address import store_at
from tests.bench.archives.differences import differences
from tests.bench.load.site import free_port
from tests.crawler.crawls import kill_group
from tests.crawler.fleet.s3_server import BUCKET, S3Server, running_s3_server
from tests.crawler.scripted_site import page
from tests.crawler.shell import command, rows, start
from tests.crawler.warcs import answer, record, write

pytestmark = pytest.mark.slow
FILES, PAGES = 3, 8
OTHERWISE = ("_imports", "meta", "runs", "_url_patterns")  # how an archive was made, not what is in it
AS_OFTEN = ("_imports", "meta", "runs")  # with the times of files and commands
QUEUE_COLUMNS = ("attempts", "revisit_seconds", "found_via", "found_on", "depth", "priority")  # of `urls`: its way here


def site_records(number: int) -> list[bytes]:
    """Stories on two hosts; each file has stories of a host that another file has others of."""
    names = [f"{word}-{n}" for n in range(PAGES) for word in ("river", "mill")]
    hosts = (f"host{number}.example", f"host{(number + 1) % FILES}.example")
    return [
        record(f"https://{hosts[n % 2]}/{name}", answer(page(name)), f"2024-03-0{number + 1}T10:00:00Z")
        for n, name in enumerate(names)
    ]


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    """A bucket on loopback whose address and keys are in the environment."""
    with pytest.MonkeyPatch.context() as patch, running_s3_server(free_port()) as running:
        for name, value in running.environment.items():
            patch.setenv(name, value)
        yield running


@pytest.fixture(scope="module")
def addresses(server: S3Server, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Files of the bucket."""
    folder = tmp_path_factory.mktemp("files")
    for number in range(FILES):
        file = write(folder / f"{number}.warc.gz", site_records(number))
        store_at(f"s3://{BUCKET}/news").put_bytes(file.name, file.read_bytes())
    return [f"s3://{BUCKET}/news/{number}.warc.gz" for number in range(FILES)]


@pytest.fixture(scope="module")
def undisturbed(addresses: list[str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """An archive that nothing disturbed, and the seconds that it took."""
    target, started = tmp_path_factory.mktemp("undisturbed") / "all.db", time.monotonic()
    assert command("fleet", "import", *addresses, "--db", target, "-q")[0] == 0
    return target, time.monotonic() - started


def assert_same(target: Path, other: Path, otherwise: tuple[str, ...]) -> None:
    found = [
        difference
        for difference in differences(other, target)
        if difference.relation not in otherwise
        and not (difference.relation == "urls" and difference.column in QUEUE_COLUMNS)
    ]
    assert found[:5] == []
    assert command("verify", target)[0] == 0


def test_files_of_a_bucket_give_what_one_import_after_the_other_gives(
    undisturbed: tuple[Path, float], tmp_path: Path
) -> None:
    target, one_by_one = undisturbed[0], tmp_path / "each.db"
    copies = sorted((target.parent / "all.db.imported").rglob("*.warc.gz"))
    assert len(copies) == FILES
    for copy in copies:
        assert command("import", copy, "--db", one_by_one, "-q")[0] == 0
    assert len(rows(target, "SELECT id FROM articles")) == PAGES * 2  # the same stories on other hosts are copies
    assert_same(target, one_by_one, OTHERWISE)


@pytest.mark.parametrize("kills", [2, pytest.param(6, marks=pytest.mark.nightly)])
def test_killed_anywhere_and_finished_it_is_as_one_that_was_not(
    addresses: list[str], undisturbed: tuple[Path, float], tmp_path: Path, kills: int
) -> None:
    calm, seconds = undisturbed
    words = ("fleet", "import", *addresses, "--db", tmp_path / "all.db", "-q")
    deaths = 0
    for number in range(kills):
        process = start(*words, start_new_session=True)
        time.sleep(seconds * (number + 1) / (kills + 1))
        if process.poll() is None:
            kill_group(process)
            deaths += 1
    assert deaths
    code, _, errors = command(*words)
    assert (code, errors) == (0, "")
    assert not (tmp_path / "all.db.import").exists()
    assert not [path for path in (tmp_path / "all.db.imported").rglob("*") if path.suffix == ".part"]
    assert_same(tmp_path / "all.db", calm, AS_OFTEN)


def test_a_disk_that_fills_up_is_told_and_the_same_command_goes_on(
    addresses: list[str], undisturbed: tuple[Path, float], tmp_path: Path
) -> None:
    words = ("fleet", "import", *addresses, "--db", tmp_path / "all.db", "-q")
    room = undisturbed[0].stat().st_size // 2

    def limit_file_sizes() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    code, _, errors = command(*words, preexec_fn=limit_file_sizes)
    assert code == 1
    assert "Traceback" not in errors
    assert 1 <= len(errors.splitlines()) <= FILES + 1
    code, _, errors = command(*words)
    assert (code, errors) == (0, "")
    assert_same(tmp_path / "all.db", undisturbed[0], AS_OFTEN)


def test_a_bucket_that_is_away_is_a_line_a_file(addresses: list[str], tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
        code, out, errors = command("fleet", "import", *addresses, "--db", tmp_path / "all.db", "-q")
    assert (code, out) == (1, "")
    assert [line.split(": ")[0] for line in errors.splitlines()] == ["broadsheet"] * FILES
    assert not (tmp_path / "all.db").exists()
