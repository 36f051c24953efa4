import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from broadsheet.output.archive import archive_lock
from broadsheet.output.archive.archive_errors import InUse, NotReachable
from broadsheet.output.archive.archive_lock import ArchiveLock, hold_lock, is_owned, keep_lock

ROOT = Path(__file__).resolve().parents[3]


def test_only_one_holds_it_and_nothing_stays(file):
    first, second = ArchiveLock(file), ArchiveLock(file)
    first.acquire()
    with pytest.raises(InUse):
        second.acquire()
    first.release()
    assert os.listdir(file.parent) == []
    second.acquire()
    second.release()
    second.release()


def test_a_dead_holder_holds_nothing(file):
    code = f"import sys, os; sys.path.insert(0, {str(ROOT)!r})"
    code += "; from broadsheet.output.archive.archive_lock import ArchiveLock"
    code += f"; ArchiveLock({str(file)!r}).acquire(); os._exit(1)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 1
    assert os.path.exists(f"{file}.lock")
    ArchiveLock(file).acquire()


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_told_in_a_line(file, monkeypatch, number):
    def flock(*_words):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(NotReachable, match=r"has no locks \(flock\): use another disk"):
        ArchiveLock(file).acquire()
    assert os.listdir(file.parent) == []


def test_a_lock_that_is_kept_is_lent_to_one_at_a_time(file):
    with keep_lock(file, 0):
        first, second = ArchiveLock(file), ArchiveLock(file)
        first.acquire()
        with pytest.raises(InUse):
            second.acquire()
        first.release()
        assert is_owned(file)
        second.acquire()
    second.release()
    assert os.listdir(file.parent) == []
    first.acquire()
    with pytest.raises(InUse):
        second.acquire()


def test_who_only_looks_sees_whether_it_is_held_and_leaves_it_as_it_is(file, monkeypatch):
    assert not is_owned(file)
    held = ArchiveLock(file)
    held.acquire()
    assert is_owned(file)
    with pytest.raises(InUse):
        ArchiveLock(file).acquire()
    held.release()
    assert not is_owned(file)
    Path(f"{file}.lock").touch()  # left by a process that was killed
    assert is_owned(file) is not Path("/proc/locks").exists()


def test_a_lock_is_held_within_the_context_and_refused_in_the_words_given(file):
    with hold_lock(file):
        with pytest.raises(InUse, match=r"is in use by another command$"), hold_lock(file):
            pass
        with pytest.raises(InUse, match=r"^somebody is here$"), hold_lock(file, refusal="somebody is here"):
            pass
    assert os.listdir(file.parent) == []


def test_a_link_in_place_of_the_lock_is_not_followed(tmp_path):
    outside = tmp_path / "outside"
    outside.write_bytes(b"kept")
    (tmp_path / "a.db.lock").symlink_to(outside)
    with pytest.raises(NotReachable, match="is a link"):
        ArchiveLock(tmp_path / "a.db").acquire()
    assert outside.read_bytes() == b"kept"


def test_a_lock_file_that_cannot_be_made_is_said(file, monkeypatch):
    def refuse(*_args, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "touch", refuse)
    with pytest.raises(NotReachable) as caught:
        ArchiveLock(file).acquire()
    assert str(caught.value) == f"{file}.lock cannot be made: Permission denied"


@pytest.mark.parametrize(("removals", "turns"), [(1, 2), (4, 5), (9, 5)])
def test_a_lock_file_that_loses_its_name_is_tried_five_times(file, monkeypatch, removals, turns):
    """Another process removes the name just before a try takes hold."""
    lock, path, taken = ArchiveLock(file), Path(f"{file}.lock"), []
    take = lock._lock.acquire

    def acquire(**options):
        take(**options)
        taken.append(lock._lock.is_locked)
        if len(taken) <= removals:
            path.unlink()

    monkeypatch.setattr(lock._lock, "acquire", acquire)
    if removals < turns:
        lock.acquire()
        lock = ArchiveLock(file)
    with pytest.raises(InUse, match=rf"^{file} is in use by another command$"):
        lock.acquire()
    assert taken == [True] * turns


def test_who_may_wait_looks_again_every_twentieth_of_a_second(file, monkeypatch):
    pauses, now, first = [], [10.0], ArchiveLock(file)

    def sleep(seconds):
        pauses.append(round(seconds, 3))
        now[0] += seconds
        if len(pauses) > 3:
            first.release()

    monkeypatch.setattr(archive_lock, "time", SimpleNamespace(monotonic=lambda: now[0], sleep=sleep))
    with keep_lock(file, 0):
        first.acquire()
        for seconds in (0.12, 0):
            with pytest.raises(InUse):
                ArchiveLock(file).acquire(seconds)
        ArchiveLock(file).acquire(1)
    assert pauses == [0.05, 0.05, 0.02, 0.05]


def test_where_locks_are_not_listed_a_lock_file_counts(file, monkeypatch):
    assert not is_owned(file)
    Path(f"{file}.lock").touch()
    assert not is_owned(file), "nobody holds it"
    monkeypatch.setattr(archive_lock, "_KERNEL_LOCKS", file.parent / "none")
    assert is_owned(file)
    monkeypatch.setattr(archive_lock, "_KERNEL_LOCKS", file.parent)
    assert is_owned(file)
    Path(f"{file}.lock").unlink()
    assert not is_owned(file)
