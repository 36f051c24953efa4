"""From an address to the store that is meant, and to no other."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from broadsheet.crawler.fleet.bucket_store import BucketStore
from broadsheet.crawler.fleet.folder_store import FolderStore
from broadsheet.crawler.fleet.object_store import ObjectStore, Patience, PatientStore, StoreRefused, VersionMoved
from broadsheet.crawler.fleet.store_address import (
    check_conditional_puts,
    check_identity,
    check_writable,
    make_store,
    store_at,
    store_identity,
)
from broadsheet.crawler.fleet.stored_run import run_stored
from tests.crawler.fleet.s3_server import BUCKET, SECRET, S3Server
from tests.crawler.fleet.sites import crawl_of, site_in, stored_names


def test_a_folder_is_made_a_store_once(tmp_path: Path) -> None:
    (tmp_path / "store/lost+found").mkdir(parents=True)
    (tmp_path / "store/.snapshot").touch()
    identity = make_store(str(tmp_path / "store"))
    assert make_store(str(tmp_path / "store")) == identity
    assert len(identity) == 32
    check_identity(store_at(str(tmp_path / "store")), identity)
    assert sorted(path.name for path in (tmp_path / "store").iterdir()) == [".snapshot", "lost+found", "store.json"]


def test_a_store_whose_making_was_cut_off_is_made_by_the_same_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(self: FolderStore, key: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(FolderStore, "delete", killed)
        with pytest.raises(KeyboardInterrupt):
            make_store(str(tmp_path / "store"))
    assert list((tmp_path / "store").iterdir())
    identity = make_store(str(tmp_path / "store"))
    check_identity(store_at(str(tmp_path / "store")), identity)


def test_a_folder_of_that_name_on_another_machine_is_not_taken_for_the_store(tmp_path: Path) -> None:
    identity = make_store(str(tmp_path / "store"))
    (tmp_path / "mount-point").mkdir()
    with pytest.raises(StoreRefused, match="holds no store; is it mounted here"):
        check_identity(store_at(str(tmp_path / "mount-point")), identity)
    make_store(str(tmp_path / "other"))
    with pytest.raises(StoreRefused, match="is another store here"):
        check_identity(store_at(str(tmp_path / "other")), identity)


def test_a_folder_with_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("mine")
    with pytest.raises(StoreRefused, match="holds other things"):
        make_store(str(tmp_path))


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("s3://key:secret@bucket/a", "credentials do not belong"),
        ("s3://bucket/a?X-Amz-Signature=secret", "credentials do not belong"),
        ("ftp://host/a", "is no address of a store"),
        ("s3:///a", "is no address of a store"),
    ],
)
def test_an_address_that_is_none_is_refused_in_a_line_without_secrets(address: str, words: str) -> None:
    with pytest.raises(StoreRefused, match=words) as caught:
        store_at(address)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({}, "there are no credentials for s3://bucket/a: set AWS_ACCESS_KEY_ID"),
        ({"AWS_EC2_METADATA_DISABLED": "true"}, "there are no credentials for"),
        ({"AWS_ACCESS_KEY_ID": "half"}, "Missing SecretAccessKey"),
        ({"AWS_EC2_METADATA_DISABLED": "False"}, ""),
        ({"AWS_SKIP_SIGNATURE": "true"}, ""),
    ],
)
def test_a_bucket_without_credentials_is_refused_before_anything_is_asked(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], words: str
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    if not words:
        assert store_at("s3://bucket/a").address == "s3://bucket/a"
        return
    with pytest.raises(StoreRefused, match=words) as caught:
        store_at("s3://bucket/a")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("refused", [["1"], [""], [], None], ids=["makes twice", "replaces old", "both", "no ETag"])
def test_a_store_that_overwrites_where_it_should_not_is_refused(refused: list[str] | None) -> None:
    class Lax(BucketStore):
        puts = 0

        def replace_record(self, key: str, data: bytes, version: str) -> str:
            self.puts += 1
            if self.puts > 2 and (refused is None or version in refused):
                raise VersionMoved("not so")
            self.put_bytes(key, data)
            return "" if refused is None else str(self.puts)

    with pytest.raises(StoreRefused, match="does not honour conditional puts"):
        check_conditional_puts(Lax(MemoryStore(), "memory://"))


def test_each_store_here_honours_conditional_puts(store: ObjectStore) -> None:
    check_conditional_puts(store)
    check_writable(store)
    assert store.keys("") == []


def test_what_another_version_made_is_left_alone(store: ObjectStore) -> None:
    store.put_bytes("store.json", b'{"store": "x", "layout": 1}')
    with pytest.raises(StoreRefused, match="has layout 1, this version knows 3: name a new store"):
        store_identity(store)


@pytest.mark.slow
def test_an_import_of_the_fleet_brings_no_obstore() -> None:
    code = (
        "import sys, broadsheet.crawler.fleet.stored_run, broadsheet.crawler.fleet.store_address\n"
        "print('obstore' in sys.modules)"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "False"


@pytest.mark.slow
def test_credentials_are_nowhere_in_what_a_run_leaves(
    s3_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    address = f"s3://{BUCKET}/credentials"
    make_store(address)
    store = store_at(address)
    caplog.set_level("DEBUG")
    run_stored(site_in(store, tmp_path), crawl_of("one"))
    assert stored_names(store, tmp_path) == {"one"}
    with pytest.raises(StoreRefused) as refused:
        make_store(f"s3://no-such-bucket-{tmp_path.name.lower().replace('_', '-')}/a")
    left = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    left += [chunk for key in store.keys("") for chunk in store.chunks(key)]
    left += [caplog.text.encode(), repr(store).encode(), str(refused.value).encode()]
    assert len(left) > 8
    assert all(SECRET.encode() not in data for data in left)


@pytest.mark.slow
def test_a_wrong_bucket_and_a_server_that_is_away_are_said_in_one_line(
    s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StoreRefused, match="no such bucket"):
        make_store("s3://nobody-made-this/a")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    away = PatientStore(store_at(f"s3://{BUCKET}/a"), Patience(seconds=0))
    with pytest.raises(Exception, match=r"s3://archives/a/store\.json") as caught:
        store_identity(away)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "variables", "prefix", "allow_http"),
    [("s3://bucket/a/b/", {}, "a/b", False), ("s3://bucket", {"AWS_ENDPOINT": "http://h:1"}, None, True),
     ("s3://bucket/", {"AWS_ENDPOINT_URL": "https://h:1", "AWS_ENDPOINT": "http://h:1"}, None, False),
     ("s3://bucket", {"AWS_ENDPOINT_URL": "http://h:1", "AWS_ENDPOINT": "https://h:1"}, None, True)],
)  # fmt: skip
def test_a_request_to_a_bucket_has_its_time_and_is_tried_again_for_a_moment(
    monkeypatch: pytest.MonkeyPatch, address: str, variables: dict[str, str], prefix: str | None, allow_http: bool
) -> None:
    for name, value in {"AWS_ENDPOINT_URL": "", "AWS_ENDPOINT": "", "AWS_SKIP_SIGNATURE": "true", **variables}.items():
        monkeypatch.setenv(name, value)
    made: list[tuple[object, object]] = []
    monkeypatch.setattr("obstore.store.S3Store", lambda *words, **options: made.append((words, options)))
    assert store_at(address).address == address.rstrip("/")
    client = {"timeout": timedelta(minutes=2), "connect_timeout": timedelta(seconds=5), "allow_http": allow_http}
    retries = {"max_retries": 2, "retry_timeout": timedelta(seconds=10)}
    options = {"prefix": prefix, "checksum_algorithm": "sha256", "client_options": client, "retry_config": retries}
    assert made == [(("bucket",), options)]


@pytest.mark.parametrize("marker", [b"", b"[]", b"{}", b'{"store": "x"}', b'{"store": "x", "layout": "new"}'])
def test_a_marker_that_makes_no_sense_is_said_to_make_none(store: ObjectStore, marker: bytes) -> None:
    store.put_bytes("store.json", marker)
    with pytest.raises(StoreRefused) as caught:
        store_identity(store)
    assert str(caught.value) == f"{store.address}/store.json is not what a store says of itself"


def test_a_bucket_needs_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore.exceptions", None)
    with pytest.raises(StoreRefused, match=r"^s3://bucket/a needs obstore: .*(fleet|'obstore<)"):
        store_at("s3://bucket/a")
