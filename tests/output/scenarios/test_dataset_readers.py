"""A data set of the sample site, read by the tools that people read Parquet with; also out of an object store."""

from __future__ import annotations

import json
import os
import resource
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyarrow import fs

from tests.crawler.crawls import kill_group
from tests.crawler.shell import command, demo_archive, start
from tests.tools import REPOSITORY, ToolsMissingError, programs

pytestmark = pytest.mark.slow
PATIENCE = 120.0  # seconds for one reader
BUCKET = "collection"
OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "tests", "AWS_EC2_METADATA_DISABLED": "true"}

READERS = {
    "DuckDB": """import duckdb
rows = duckdb.sql('''SELECT language, count(*), min(host)
    FROM read_parquet('articles/*/*.parquet', hive_partitioning = true) GROUP BY 1 ORDER BY 1''').fetchall()
print(json.dumps([list(row)[:2] for row in rows]))
print(duckdb.sql("SELECT count(*) FROM 'removed/*/*.parquet' WHERE reason = 'donation'").fetchall()[0][0])""",
    "Polars": """import polars as pl
articles = pl.scan_parquet("articles/*/*.parquet", hive_partitioning=True).collect()
assert articles.schema["first_seen"] == pl.Datetime("us", "UTC"), articles.schema
assert articles["host"].n_unique() == 1
print(json.dumps(sorted(map(list, articles.group_by("language").len().rows()))))
print(pl.scan_parquet("removed/*/*.parquet").filter(pl.col("reason") == "donation").collect().height)""",
    "pandas": """import pandas as pd
articles = pd.read_parquet("articles")
assert str(articles.first_seen.dtype) == "datetime64[us, UTC]", articles.first_seen.dtype
print(json.dumps([[name, int(count)] for name, count in articles.groupby("language").size().items()]))
print(int((pd.read_parquet("removed").reason == "donation").sum()))""",
    "Hugging Face": """import datasets
articles = datasets.load_dataset("../data", "articles", split="train", cache_dir="../cache")
removed = datasets.load_dataset("../data", "removed", split="train", cache_dir="../cache")
counts = {}
for row in articles:
    counts[row["language"]] = counts.get(row["language"], 0) + 1
print(json.dumps(sorted(map(list, counts.items()))))
print(sum(row["reason"] == "donation" for row in removed))""",
}


@pytest.fixture(scope="module")
def tools() -> Path:
    try:
        return programs("data")
    except ToolsMissingError as error:
        pytest.skip(f"what reads a data set cannot be installed here: {error}")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample site's archive."""
    return demo_archive(tmp_path_factory.mktemp("sample"))


@pytest.fixture(scope="module")
def folder(sample: Path) -> Path:
    """A data set of the sample site's archive."""
    target = sample.parent / "data"
    assert command("dataset", target, sample)[0] == 0
    return target


def read_by(tools: Path, folder: Path, code: str) -> list[str]:
    process = subprocess.run([tools / "python", "-c", f"import json\n{code}"], cwd=folder, env=os.environ | OFFLINE,
                             capture_output=True, text=True, timeout=PATIENCE, check=False)  # fmt: skip
    assert process.returncode == 0, process.stderr
    return process.stdout.splitlines()[-2:]


@pytest.mark.parametrize("name", READERS)
def test_it_is_read_as_the_archive_is(tools: Path, sample: Path, folder: Path, name: str) -> None:
    languages = sql(sample, "SELECT language, count(*) FROM articles GROUP BY 1 ORDER BY 1")
    [(donations,)] = sql(sample, "SELECT count(*) FROM removed WHERE reason = 'donation'")
    counts, removed = read_by(tools, folder, READERS[name])
    assert json.loads(counts) == [list(row) for row in languages]
    assert int(removed) == donations > 0


def sql(archive: Path, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(archive)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


@pytest.fixture(scope="module")
def store(tools: Path) -> Iterator[str]:
    """An object store on loopback; the address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = [tools / "python", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        make_bucket(address)
        yield address
    finally:
        process.kill()
        process.wait()


def make_bucket(address: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            urllib.request.urlopen(urllib.request.Request(f"{address}/{BUCKET}", method="PUT"), timeout=PATIENCE)
            return
        except OSError:
            assert time.monotonic() < deadline, "the object store did not start"
            time.sleep(0.2)


def test_it_is_written_to_an_object_store_and_brought_up_to_date_there(
    tools: Path, sample: Path, folder: Path, store: str
) -> None:
    uri = f"s3://{BUCKET}/news/data?scheme=http&endpoint_override={store.removeprefix('http://')}&region=us-east-1"
    environment = os.environ | CREDENTIALS | {"PYTHONPATH": str(REPOSITORY)}

    def write(*sources: Path) -> str:
        arguments = [sys.executable, "-m", "broadsheet.crawler.cli", "dataset", uri, *map(str, sources)]
        process = subprocess.run(
            arguments, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert process.returncode == 0, process.stderr
        return process.stdout

    assert "files new, 0 removed" in write(sample)
    assert "nothing new" in write(sample)
    assert object_names(uri) == names_in(folder)
    copy = sample.parent / "copy.db"
    copy.write_bytes(sample.read_bytes())
    shutil.copytree(sample.with_name("sample.db.warc"), sample.parent / "copy.db.warc")
    assert command("forget", copy, "*/investigations/*", "--yes")[0] == 0
    assert "removed" in write(copy)
    assert command("dataset", sample.parent / "again", copy)[0] == 0
    assert object_names(uri) == names_in(sample.parent / "again")


def names_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def object_names(uri: str) -> set[str]:
    os.environ.update(CREDENTIALS)
    filesystem, base = fs.FileSystem.from_uri(uri)
    infos = filesystem.get_file_info(fs.FileSelector(base, recursive=True))
    return {info.path.removeprefix(f"{base}/") for info in infos if info.is_file}


def parquet_files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("part-*.parquet")}


def test_runs_that_are_killed_leave_a_whole_state_and_are_finished(sample: Path, folder: Path, tmp_path: Path) -> None:
    target, goals = tmp_path / "data", range(1, len(parquet_files(folder)), 2)
    for goal in goals:
        process = start("dataset", target, sample, start_new_session=True)
        while len(parquet_files(target)) < goal and process.poll() is None:
            time.sleep(0.005)
        kill_group(process)
        if (target / "manifest.json").exists():
            named = {file["name"] for file in json.loads((target / "manifest.json").read_text())["files"]}
            assert named <= parquet_files(target)
    assert command("dataset", target, sample)[0] == 0
    assert names_in(target) == names_in(folder)


def limit_file_sizes() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))


def test_a_disk_that_takes_no_more_is_one_line_and_the_state_stays(sample: Path, tmp_path: Path) -> None:
    target, small = tmp_path / "data", tmp_path / "small.db"
    shutil.copy(sample, small)
    assert command("forget", small, "*/*", "--yes")[0] == 0
    assert command("dataset", target, small)[0] == 0
    state = (target / "manifest.json").read_bytes()
    code, _, errors = command("dataset", target, sample, preexec_fn=limit_file_sizes)
    assert (code, len(errors.splitlines())) == (1, 1)
    assert "the same command goes on from here" in errors
    assert (target / "manifest.json").read_bytes() == state
    assert command("dataset", target, sample)[0] == 0
