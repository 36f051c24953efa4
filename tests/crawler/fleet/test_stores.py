"""Stores, a folder, a bucket or a real server: what all do alike, what goes wrong in each, and their addresses."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from obstore import exceptions
from obstore.store import MemoryStore

from broadsheet.crawler.fleet import folder_store
from broadsheet.crawler.fleet.bucket_store import BucketStore
from broadsheet.crawler.fleet.folder_store import FolderStore
from broadsheet.crawler.fleet.object_store import (
    NotInStore,
    Patience,
    PatientStore,
    StoreError,
    StoreFull,
    StoreRefused,
    StoreUnreachable,
    VersionedRecord,
    VersionMoved,
)
from broadsheet.crawler.fleet.store_address import (
    check_conditional_puts,
    check_identity,
    check_writable,
    make_store,
    store_at,
    store_identity,
)
from broadsheet.crawler.fleet.stored_run import run_stored
from tests.crawler.fleet.s3_server import BUCKET, SECRET
from tests.crawler.fleet.sites import crawl_of, site_in, stored_names
from tests.windows import WindowedStore, Windows


def test_an_object_is_given_back_as_it_was_put(store, tmp_path):
    data = bytes(range(256)) * 9_000
    for key, value in (("sites/a/x.gz", data), ("sites/a/empty", b""), ("sites/ab/x", b"x")):
        store.put_bytes(key, value)
    assert [store.length(key) for key in ("sites/a/x.gz", "sites/a/empty", "sites/a/none")] == [len(data), 0, None]
    for start in (0, 1, 1_500_000, len(data)):
        assert b"".join(store.chunks("sites/a/x.gz", start)) == data[start:]
    assert b"".join(store.chunks("sites/a/empty")) == b""
    assert store.keys("sites/a/") == ["sites/a/empty", "sites/a/x.gz"]
    for key in ("sites/a/x.gz", "sites/a/none"):
        store.delete(key)
    assert (store.keys("sites/a/"), store.keys("sites/b/")) == (["sites/a/empty"], [])
    with pytest.raises(NotInStore):
        list(store.chunks("sites/a/x.gz", 1))


def test_a_record_is_made_once_and_replaced_only_by_who_knows_its_version(store):
    assert store.read_record("site.json") is None
    first = store.replace_record("site.json", b"one", "")
    second = store.replace_record("site.json", b"two", first)
    for version in ("", first):
        with pytest.raises(VersionMoved):
            store.replace_record("site.json", b"late", version)
    assert store.read_record("site.json") == VersionedRecord(b"two", second)
    store.delete("site.json")
    assert store.read_record("site.json") is None


class TroubledStore(FolderStore):
    """A folder of which every so many-th act fails."""

    def __init__(self, folder: Path, every: int, error: Exception) -> None:
        super().__init__(folder)
        self.acts, self.every, self.error = 0, every, error

    def check(self) -> None:
        self.acts += 1
        if self.acts % self.every:
            raise self.error

    def put_bytes(self, key: str, data: bytes) -> None:
        self.check()
        super().put_bytes(key, data)

    def chunks(self, key: str, start: int = 0) -> Iterator[bytes]:
        for chunk in super().chunks(key, start):
            self.check()
            yield chunk


class Pauses(list[float]):
    """Sleeps that take no time, and the clock that they move."""

    def sleep(self, seconds: float) -> None:
        self.append(seconds)

    def clock(self) -> float:
        return sum(self)


@pytest.mark.parametrize("error", [StoreUnreachable("away"), StoreFull("full")])
def test_a_whole_run_goes_through_a_store_that_is_away_now_and_then(disk, tmp_path, error):
    pauses, troubled = Pauses(), TroubledStore(Path(disk.address), 3, error)
    store = PatientStore(troubled, Patience(60, 1, 8), pauses.sleep, pauses.clock)
    run_stored(site_in(store, tmp_path), crawl_of("one"))
    assert stored_names(store, tmp_path) == {"one"}
    assert pauses


class BreakingStore:
    """A store that breaks off after each other chunk, and notes where it was asked to begin."""

    address = "breaking"

    def __init__(self) -> None:
        self.starts: list[int] = []

    def chunks(self, key: str, start: int = 0) -> Iterator[bytes]:
        self.starts.append(start)
        for place in range(start, min(start + 4, 10), 2):
            yield b"0123456789"[place : place + 2]
        if start + 4 < 10:
            raise StoreUnreachable("away")


def test_an_object_is_read_on_from_where_it_broke_off_and_not_asked_for_again_before():
    breaking, pauses = BreakingStore(), Pauses()
    store = PatientStore(breaking, Patience(60, 1, 8), pauses.sleep, pauses.clock)  # type: ignore[arg-type]
    assert (store.address, list(store.chunks("key", 1))) == ("breaking", [b"12", b"34", b"56", b"78", b"9"])
    assert (breaking.starts, pauses) == ([1, 5, 9], [1, 1])


def test_all_is_passed_on_to_the_store_behind_and_what_waiting_does_not_mend_at_once(disk):
    pauses = Pauses()
    store = PatientStore(disk, Patience(), pauses.sleep, pauses.clock)
    store.put_bytes("a/x", b"0123")
    assert (store.length("a/x"), store.keys("a/"), list(store.chunks("a/x", 2))) == (4, ["a/x"], [b"23"])
    version = store.replace_record("r", b"1", "")
    assert store.read_record("r") == VersionedRecord(b"1", version)
    store.delete("a/x")
    with pytest.raises(NotInStore):
        list(store.chunks("a/x"))
    assert not pauses


@pytest.mark.parametrize(
    ("patience", "expected"),
    [(Patience(100, 1, 30), [1, 2, 4, 8, 16, 30, 30]), (Patience(31, 1, 30), [1, 2, 4, 8, 16]),
     (Patience(30, 1, 30), [1, 2, 4, 8]), (Patience(), [1, 2, 4, 8, 16, *[20] * 178])],
)  # fmt: skip
def test_patience_has_an_end_and_pauses_grow(tmp_path, patience, expected):
    pauses, troubled = Pauses(), TroubledStore(tmp_path, 10**9, StoreUnreachable("away"))
    with pytest.raises(StoreUnreachable, match="away"):
        PatientStore(troubled, patience, pauses.sleep, pauses.clock).put_bytes("key", b"")
    assert list(pauses) == expected


@pytest.fixture
def disk(tmp_path: Path) -> FolderStore:
    (tmp_path / "store").mkdir()
    return FolderStore(tmp_path / "store")


def test_a_folder_that_is_not_mounted_is_out_of_reach_rather_than_empty(tmp_path):
    store = FolderStore(tmp_path / "nowhere")
    for action in (
        lambda: store.read_record("site.json"),
        lambda: store.put_bytes("key", b"x"),
        lambda: store.replace_record("site.json", b"x", ""),
        lambda: store.length("key"),
        lambda: store.keys("sites/"),
        lambda: list(store.chunks("key")),
    ):
        with pytest.raises(StoreUnreachable, match="is it mounted"):
            action()
    assert not (tmp_path / "nowhere").exists()


def failing(*words: object) -> Callable[..., None]:
    def fail(*_words: object) -> None:
        raise OSError(*words)

    return fail


REFUSED_NUMBERS = (
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG,
)  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        *((StoreFull, (number, "why", "/secret/place")) for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)),
        *((StoreRefused, (number, "why", "/secret/place")) for number in REFUSED_NUMBERS),
        (StoreUnreachable, (errno.ESTALE, "why")),
        (StoreUnreachable, ("why",)),
    ],
)
def test_each_error_of_a_file_system_is_one_of_a_store(disk, monkeypatch, kind, words):
    monkeypatch.setattr(folder_store, "sync_to_disk", failing(*words))
    with pytest.raises(StoreError) as caught:
        disk.put_bytes("sites/a", b"x")
    assert (type(caught.value), str(caught.value)) == (kind, f"{disk.address}/sites/a: why")
    assert disk.keys("sites/") == []


def test_bytes_and_names_are_on_the_disk_before_more_is_said(disk, tmp_path, monkeypatch):
    """The whole of a part is synced before it has its name, and the folder after that, with no stale part in it."""
    log: list[object] = []
    folder = tmp_path / "store/sites"
    folder.mkdir()
    (folder / ".part-old").write_bytes(b"half")
    os.utime(folder / ".part-old", (0, 0))

    def note(synced: object) -> None:
        size = os.fstat(synced).st_size if isinstance(synced, int) else synced
        log.append((size, sorted(path.name[:5] for path in folder.iterdir())))

    monkeypatch.setattr(folder_store, "sync_to_disk", note)
    monkeypatch.setattr(folder_store, "sync_folder", note)
    disk.put_bytes("sites/a", b"12345")
    assert log == [(5, [".part", ".part"]), (folder, ["a"])]


def test_a_record_that_is_never_there_when_it_is_read_is_given_up(disk, tmp_path, monkeypatch):
    looks: list[str] = []
    monkeypatch.setattr(FolderStore, "_newest", lambda _store, key: looks.append(key) or 7)
    with pytest.raises(StoreUnreachable, match=r"site\.json changes faster than it can be read"):
        disk.read_record("site.json")
    assert len(looks) == 20


def test_what_a_killed_runner_left_is_removed_a_day_later(disk, tmp_path, monkeypatch):
    monkeypatch.setattr(folder_store, "time", SimpleNamespace(time=lambda: 1_000_000.0))
    disk.put_bytes("sites/a", b"1")
    ages = {".part-old": 86_401, ".part-new": 86_400, "other": 86_401}
    parts = [tmp_path / "store/sites" / name for name in ages]
    for part in parts:
        part.write_bytes(b"half")
        os.utime(part, (1_000_000 - ages[part.name],) * 2)
    disk.put_bytes("sites/b", b"2")
    assert [part.exists() for part in parts] == [False, True, True]


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [*((number, StoreRefused, "hard links") for number in (errno.EOPNOTSUPP, errno.EPERM, errno.ENOSYS)),
     (errno.ENOSPC, StoreFull, "no link")],
)  # fmt: skip
def test_a_file_system_without_links_is_refused(disk, monkeypatch, error, kind, words):
    monkeypatch.setattr(os, "link", failing(error, "no link"))
    with pytest.raises(kind, match=words):
        disk.replace_record("site.json", b"x", "")


def test_an_object_is_read_in_mebibytes_and_from_the_disk(disk, monkeypatch):
    """So that what is read back after a put is what the disk has."""
    asked: list[object] = []
    monkeypatch.setattr(os, "posix_fadvise", lambda fd, *words: asked.append(words))
    disk.put_bytes("sites/a", bytes(1_048_577))
    assert [len(chunk) for chunk in disk.chunks("sites/a")] == [1_048_576, 1]
    assert asked == [(0, 0, os.POSIX_FADV_DONTNEED)] * 2, "when it is put, too"


KEY = "sites/a/site.json"


def replace(disk: FolderStore, times: int) -> None:
    """Replace a record by what names its version."""
    for _ in range(times):
        version = ((record := disk.read_record(KEY)) and record.version) or ""
        disk.replace_record(KEY, f"theirs {int(version or 0) + 1}".encode(), version)


def newest_version(disk: FolderStore) -> int:
    """The number of the newest version, which is to be theirs."""
    record = disk.read_record(KEY)
    if record is None:
        return 0
    assert record.data == f"theirs {record.version}".encode()
    return int(record.version)


def in_each_window(
    count: int, tmp_path: Path, step: Callable[[], object], act: Callable[[WindowedStore], Any]
) -> list[Any]:
    """Do an act so many times, each time with the step in another of its windows; return what came of each."""
    return [act(WindowedStore(tmp_path / "store", Windows(step, number))) for number in range(1, count + 1)]


@pytest.mark.parametrize(("times", "kept"), [(1, [1, 2, 4, 5, 6, 7, 8]), (9, [41, 42, 43, 44, 45, 46, 47, 48])])
def test_of_all_who_replace_a_version_one_succeeds(disk, tmp_path, times, kept):
    """Others act before ours, before it has its name, and three times after that, once or until versions are pruned."""

    def act(ours: WindowedStore) -> tuple[bool, int]:
        version, is_ours = newest_version(disk), False
        with suppress(VersionMoved):
            is_ours = ours.replace_record(KEY, b"ours", str(version or "")) == str(version + 1)
        return is_ours, newest_version(disk) - version

    results = in_each_window(5, tmp_path, lambda: replace(disk, times), act)
    assert results == [(False, times)] * 2 + [(False, times + 1)] + [(True, times + 1)] * 2
    assert sorted(int(path.name) for path in (tmp_path / "store" / KEY).iterdir()) == kept


def test_a_record_that_is_replaced_while_it_is_read_is_read_whole(disk, tmp_path):
    replace(disk, 1)
    results = in_each_window(2, tmp_path, lambda: replace(disk, 9), lambda ours: ours.read_record(KEY))
    assert [(record.version, record.data) for record in results] == [("10", b"theirs 10"), ("19", b"theirs 19")]


def test_an_object_has_its_old_bytes_or_its_new_ones_and_its_part_is_none(disk, tmp_path):
    disk.put_bytes("sites/a", b"old")
    seen: list[object] = []

    def look() -> None:
        seen.append((b"".join(disk.chunks("sites/a")), disk.length("sites/a"), disk.keys("sites/")))

    WindowedStore(tmp_path / "store", Windows(look)).put_bytes("sites/a", b"newer")
    old, new = (b"old", 3, ["sites/a"]), (b"newer", 5, ["sites/a"])
    assert seen == [old, old, new, new]


def test_an_object_that_goes_while_it_is_read_is_read_to_its_end(disk, tmp_path):
    disk.put_bytes("sites/a", b"all of it")
    reader = WindowedStore(tmp_path / "store", Windows(lambda: disk.delete("sites/a"), "inside chunks"))
    assert b"".join(reader.chunks("sites/a")) == b"all of it"
    assert (disk.length("sites/a"), disk.keys("sites/")) == (None, [])


REFUSED, AWAY, FULL = StoreRefused, StoreUnreachable, StoreFull


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (FileNotFoundError("no such key"), NotInStore, "s3://b holds no sites/a"),
        (FileNotFoundError("<Code>NoSuchBucket</Code>"), REFUSED, "s3://b: there is no such bucket"),
        (exceptions.AlreadyExistsError("x"), VersionMoved, "sites/a was replaced meanwhile"),
        (exceptions.PreconditionError("x"), VersionMoved, "sites/a was replaced meanwhile"),
        (exceptions.PermissionDeniedError("x"), REFUSED, "s3://b does not let us at sites/a: check its credentials"),
        (exceptions.PermissionDeniedError("<Code>RequestTimeTooSkewed</Code>"), REFUSED,
         "s3://b refuses requests by this machine's clock, which is some minutes wrong: set it"),
        (exceptions.UnauthenticatedError("x"), REFUSED, "s3://b does not let us at sites/a: check its credentials"),
        (exceptions.GenericError("x" * 301 + "\nmore"), AWAY, f"s3://b/sites/a: {'x' * 300}"),
        *((exceptions.GenericError(f" {word}\nmore "), FULL, f"s3://b/sites/a: {word}")
          for word in ("507 x", "QuotaExceeded", "XMinioStorageFull", "InsufficientCapacity", "No space left")),
        *((exceptions.GenericError(f"{word}\nmore"), REFUSED, f"s3://b/sites/a: {word}")
          for word in ("NoSuchBucket", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch",
                       "PermanentRedirect")),
        (exceptions.GenericError("503 Slow Down"), AWAY, "s3://b/sites/a: 503 Slow Down"),
        (OSError(104, "reset"), AWAY, "s3://b/sites/a: [Errno 104] reset"),
    ],
)  # fmt: skip
def test_each_error_of_a_bucket_is_one_of_a_store(error, kind, message):
    store = BucketStore(MemoryStore(), "s3://b")
    with pytest.raises(StoreError) as caught, store._errors("sites/a"):
        raise error
    assert (type(caught.value), str(caught.value), caught.value.__cause__) == (kind, message, error)


def test_a_folder_is_made_a_store_once(tmp_path):
    (tmp_path / "store/lost+found").mkdir(parents=True)
    (tmp_path / "store/.snapshot").touch()
    identity = make_store(str(tmp_path / "store"))
    assert make_store(str(tmp_path / "store")) == identity
    assert len(identity) == 32
    check_identity(store_at(str(tmp_path / "store")), identity)
    assert sorted(path.name for path in (tmp_path / "store").iterdir()) == [".snapshot", "lost+found", "store.json"]


def test_a_store_whose_making_was_cut_off_is_made_by_the_same_again(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(FolderStore, "delete", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            make_store(str(tmp_path / "store"))
    assert list((tmp_path / "store").iterdir())
    check_identity(store_at(str(tmp_path / "store")), make_store(str(tmp_path / "store")))


def test_a_folder_of_that_name_on_another_machine_is_not_taken_for_the_store(tmp_path):
    identity = make_store(str(tmp_path / "store"))
    make_store(str(tmp_path / "other"))
    (tmp_path / "mount-point").mkdir()
    for name, words in (("mount-point", "holds no store; is it mounted here"), ("other", "is another store here")):
        with pytest.raises(StoreRefused, match=words):
            check_identity(store_at(str(tmp_path / name)), identity)
    (tmp_path / "mount-point/letters.txt").write_text("mine")
    with pytest.raises(StoreRefused, match="holds other things"):
        make_store(str(tmp_path / "mount-point"))


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("s3://key:secret@bucket/a", "credentials do not belong"),
        ("s3://bucket/a?X-Amz-Signature=secret", "credentials do not belong"),
        ("ftp://host/a", "is not an address of a store"),
        ("s3:///a", "is not an address of a store"),
    ],
)
def test_an_address_that_is_none_is_refused_in_a_line_without_secrets(address, words):
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
def test_a_bucket_without_credentials_is_refused_before_anything_is_asked(monkeypatch, variables, words):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StoreRefused, match=words) if words else nullcontext() as caught:
        assert store_at("s3://bucket/a").address == "s3://bucket/a"
    assert "\n" not in str(caught and caught.value)


@pytest.mark.parametrize("refused", [["1"], [""], [], None], ids=["makes twice", "replaces old", "both", "no ETag"])
def test_a_store_that_overwrites_where_it_should_not_is_refused(refused):
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


def test_each_store_here_honours_conditional_puts(store):
    check_conditional_puts(store)
    check_writable(store)
    assert store.keys("") == []


@pytest.mark.slow
def test_an_import_of_the_fleet_brings_no_obstore():
    code = (
        "import sys, broadsheet.crawler.fleet.stored_run, broadsheet.crawler.fleet.store_address\n"
        "print('obstore' in sys.modules)"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "False"


@pytest.mark.slow
def test_a_wrong_bucket_and_a_server_that_is_away_are_said_in_one_line(s3_server, monkeypatch):
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StoreRefused, match="no such bucket") as refused:
        make_store("s3://nobody-made-this/a")
    assert SECRET not in str(refused.value) + repr(store_at("s3://nobody-made-this/a"))
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
    monkeypatch, address, variables, prefix, allow_http
):
    for name, value in {"AWS_ENDPOINT_URL": "", "AWS_ENDPOINT": "", "AWS_SKIP_SIGNATURE": "true", **variables}.items():
        monkeypatch.setenv(name, value)
    made: list[tuple[object, object]] = []
    monkeypatch.setattr("obstore.store.S3Store", lambda *words, **options: made.append((words, options)))
    assert store_at(address).address == address.rstrip("/")
    client = {"timeout": timedelta(minutes=2), "connect_timeout": timedelta(seconds=5), "allow_http": allow_http}
    retries = {"max_retries": 2, "retry_timeout": timedelta(seconds=10)}
    options = {"prefix": prefix, "checksum_algorithm": "sha256", "client_options": client, "retry_config": retries}
    assert made == [(("bucket",), options)]


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        *((marker, "{0}/store.json is not what a store says of itself")
          for marker in (b"", b"[]", b"{}", b'{"store": "x"}', b'{"store": "x", "layout": "new"}')),
        (b'{"store": "x", "layout": 1}', "{0} has layout 1, this version knows 3: name a new store"),
    ],
)  # fmt: skip
def test_a_marker_that_makes_no_sense_is_said_to_make_none(store, marker, message):
    store.put_bytes("store.json", marker)
    with pytest.raises(StoreRefused) as caught:
        store_identity(store)
    assert str(caught.value) == message.format(store.address)


def test_a_bucket_needs_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "obstore.exceptions", None)
    with pytest.raises(StoreRefused, match=r"^s3://bucket/a needs obstore: .*(fleet|'obstore<)"):
        store_at("s3://bucket/a")
