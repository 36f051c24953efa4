"""Stores to test with: a folder, a bucket in memory, and a bucket of a real server; and sites in them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from broadsheet.crawler.fleet.bucket_store import BucketStore
from broadsheet.crawler.fleet.folder_store import FolderStore
from broadsheet.crawler.fleet.object_store import ObjectStore
from broadsheet.crawler.fleet.store_address import store_at
from tests.bench.load.site import free_port
from tests.crawler.fleet.s3_server import BUCKET, S3Server, running_s3_server
from tests.new_archives import copied_schemas


@pytest.fixture(autouse=True, scope="module")
def quick_new_archives(request: pytest.FixtureRequest) -> Iterator[None]:
    with copied_schemas(request.path):
        yield


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    with running_s3_server(free_port()) as server:
        yield server


S3 = pytest.param("s3", marks=pytest.mark.slow)


@pytest.fixture(params=["folder", "memory", S3])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    """An empty store, of each kind."""
    return empty_store(request.param, request, tmp_path, monkeypatch)


@pytest.fixture(params=["folder", S3])
def run_store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    """Likewise, for tests of whole runs: what a bucket in memory can show, a real server shows too."""
    return empty_store(request.param, request, tmp_path, monkeypatch)


def empty_store(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> ObjectStore:
    if kind == "memory":
        return BucketStore(MemoryStore(), "memory://")
    if kind == "s3":
        server = request.getfixturevalue("s3_server")
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        return store_at(f"s3://{BUCKET}/{tmp_path.name}")
    (tmp_path / "store").mkdir()
    return FolderStore(tmp_path / "store")
