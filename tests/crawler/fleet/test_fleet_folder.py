"""Which file systems cannot hold an archive.

What a fleet remembers of its sites.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from broadsheet.crawler.fleet import fleet_folder as disk
from broadsheet.crawler.fleet.fleet_folder import RecordFolder, disk_problem, file_system_of
from broadsheet.crawler.fleet.site_records import SiteRecord, digest_of
from broadsheet.crawler.fleet.site_task import SiteCounts, SiteEnd, SiteResult

MOUNTS = r"""/dev/sda1 / ext4 rw 0 0
server:/export /mnt/nfs nfs4 rw,vers=4.2 0 0
10.0.0.1@tcp:/scratch /scratch lustre rw 0 0
/dev/sdb1 /mnt/nfs/local xfs rw 0 0
host:/x /mnt/with\040space nfs rw 0 0
tmpfs /mnt/over tmpfs rw 0 0
host:/y /mnt/over nfs rw 0 0
broken line
/dev/sdc1 /mnt/bare btrfs
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/srv/archives", "ext4"),
        ("/mnt/nfs/archives", "nfs4"),
        ("/mnt/nfs", "nfs4"),
        ("/mnt/nfs2/archives", "ext4"),
        ("/mnt/nfs/local/a", "xfs"),
        ("/mnt/with space/a", "nfs"),
        ("/mnt/over/a", "nfs"),
        ("/mnt/bare/a", "btrfs"),
    ],
)
def test_the_innermost_and_last_mount_counts(path: str, kind: str) -> None:
    assert file_system_of(Path(path), MOUNTS) == kind


@pytest.mark.parametrize(("name", "kind"), [("scratch", "Lustre"), ("nfs", "NFS")])
def test_a_network_file_system_is_refused_with_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, kind: str
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda1 / ext4 rw 0 0\nx {tmp_path}/scratch lustre rw 0 0\nx {tmp_path}/nfs nfs4 rw 0 0\n")
    monkeypatch.setattr(disk, "_MOUNTS", mounts)
    assert f"network file system ({kind})" in disk_problem(tmp_path / name / "not" / "there" / "yet")
    assert disk_problem(tmp_path / "elsewhere") == ""
    (tmp_path / "link").symlink_to(tmp_path / name)
    assert kind in disk_problem(tmp_path / "link")


def test_a_system_without_a_list_of_mounts_refuses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "_MOUNTS", tmp_path / "none")
    assert disk_problem(tmp_path) == ""


RESULT = SiteResult("news", SiteEnd.FAILED, 1, Path("a/news.db"), SiteCounts(new=3, alarms=1), 12.5, "no article")
RECORD = SiteRecord(RESULT, "2026-01-01T03:00:00+00:00", "2026-01-01T04:00:00+00:00", digest_of(["x"]), is_crawled=True)


def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    records = RecordFolder(tmp_path / "archives")
    assert records.read("news") is None
    records.write(RECORD)
    assert records.read("news") == RECORD
    (file,) = (tmp_path / "archives/.fleet").iterdir()
    assert (file.name, file.read_text()[:30]) == ("news.json", '{\n "result": {\n  "name": "news')


def test_a_record_is_whole_on_the_disk_before_it_takes_the_place_of_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records, sizes = RecordFolder(tmp_path), list[int]()
    records.write(RECORD)
    file = tmp_path / ".fleet/news.json"
    size = file.stat().st_size
    monkeypatch.setattr(os, "fsync", lambda stream: sizes.extend((os.fstat(stream).st_size, file.stat().st_size)))
    records.write(replace(RECORD, worker="a host"))
    assert sizes[:2] == [size + len("a host"), size]
    assert records.log("news") == tmp_path / ".fleet/news.log"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", "{}", '{"result": {}}', '{"result": null, "turn_at": ""}', "\xff"]
)
def test_a_record_that_is_none_is_as_if_it_were_not_there(tmp_path: Path, text: str) -> None:
    records = RecordFolder(tmp_path)
    records.write(RECORD)
    (tmp_path / ".fleet" / "news.json").write_bytes(text.encode("latin-1"))
    assert records.read("news") is None


def test_no_words_are_kept(tmp_path: Path) -> None:
    assert digest_of(["--header=X: secret"]) != digest_of(["--header=X:", "secret"])
    assert "secret" not in digest_of(["secret"])
