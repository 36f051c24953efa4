"""Which file systems cannot hold an archive."""

from __future__ import annotations

from pathlib import Path

import pytest

from broadsheet.crawler.fleet import disk
from broadsheet.crawler.fleet.disk import disk_problem, file_system_of

MOUNTS = r"""/dev/sda1 / ext4 rw 0 0
server:/export /mnt/nfs nfs4 rw,vers=4.2 0 0
10.0.0.1@tcp:/scratch /scratch lustre rw 0 0
/dev/sdb1 /mnt/nfs/local xfs rw 0 0
host:/x /mnt/with\040space nfs rw 0 0
tmpfs /mnt/over tmpfs rw 0 0
host:/y /mnt/over nfs rw 0 0
broken
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
