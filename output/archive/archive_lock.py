"""The lock of an archive: a file beside it, held by the one crawl that owns it while it runs."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from .archive_errors import InUse, NotReachable

_TRIES = 5
_PAUSE = 0.05  # seconds between two attempts of who waits
_KERNEL_LOCKS = Path("/proc/locks")
_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)


class ArchiveLock:
    """The lock of one archive file, held from `acquire` to `release`; the system frees that of a dead process.

    The lock file is removed while the lock is still held. Another process may have opened it just before and
    then lock a file that has no name any more; so a lock counts only if the path names the same file before
    and after it was taken.
    """

    def __init__(self, database: str | Path) -> None:
        self._database = Path(database)
        self._path = Path(f"{self._database}.lock")
        self._lock = FileLock(self._path, thread_local=False)
        self._is_lent = False

    def acquire(self, patience: float = 0.0) -> None:
        """Lock, waiting at most `patience` seconds for the holder, or raise InUse.

        Raises NotReachable if the lock file cannot be made.
        """
        deadline = time.monotonic() + patience
        while True:
            try:
                return self._lock_now()
            except InUse:
                if time.monotonic() >= deadline:
                    raise
            time.sleep(min(_PAUSE, max(0.0, deadline - time.monotonic())))

    def _lock_now(self) -> None:
        """Lock without waiting, or raise InUse. A lock that `keep_lock` holds is lent to one opener at a time."""
        if _LENT.get(self._database) is False:
            self._is_lent = _LENT[self._database] = True
            return
        for _ in range(_TRIES):
            if self._try_lock():
                return
        raise InUse(f"{self._database} is in use by another command")

    def release(self) -> None:
        """Remove the lock file and unlock; does nothing if it is not locked."""
        if self._is_lent:
            self._is_lent = False
            if self._database in _LENT:
                _LENT[self._database] = False
        elif self._lock.is_locked:
            self._path.unlink(missing_ok=True)
            self._lock.release()

    def _try_lock(self) -> bool:
        """Lock the file at the path; False if it was removed meanwhile: try again."""
        if self._path.is_symlink():
            raise NotReachable(f"{self._path} is a link: look at it, and move it away")
        try:
            self._path.touch()
            inode = self._path.stat().st_ino
            # Without flock, filelock would take the file itself for the lock, and a killed process leaves it behind.
            with suppress(ImportError):
                from fcntl import LOCK_UN, flock

                with self._path.open("rb") as stream:
                    flock(stream, LOCK_UN)
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise InUse(f"{self._database} is in use by another command") from error
        except FileNotFoundError:
            return False
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise NotReachable(f"{self._path} cannot be made: {error.strerror}") from error
            self._path.unlink(missing_ok=True)
            raise NotReachable(f"the file system of {self._database} has no locks (flock): use another disk") from error
        if self._inode() == inode:
            return True
        self._lock.release()
        return False

    def _inode(self) -> int:
        """Return the inode that the path names now; -1 for none."""
        try:
            return self._path.stat().st_ino
        except FileNotFoundError:
            return -1


_LENT: dict[Path, bool] = {}
"""Archives whose lock this process keeps, and whether somebody in it uses the archive at the moment."""


@contextmanager
def hold_lock(path: Path, patience: float = 0.0, refusal: str = "") -> Iterator[None]:
    """Own a file while the context is open.

    Waits for another holder for `patience` seconds at most, and then raises InUse, in the words of `refusal` if given.
    """
    lock = ArchiveLock(path)
    try:
        lock.acquire(patience)
    except InUse as error:
        raise InUse(refusal or str(error)) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def keep_lock(database: Path, patience: float) -> Iterator[None]:
    """Hold the archive's lock for this process while the context is open; its opens are lent the lock in turn.

    Waits for another process for `patience` seconds at most, and then raises InUse. `database` is a path as
    `broadsheet.output.archive.archive_file.archive_path` gives it.
    """
    with hold_lock(database, patience):
        _LENT[database] = False
        try:
            yield
        finally:
            del _LENT[database]


def is_owned(database: str | Path) -> bool:
    """Return whether a process holds the lock of an archive, without touching it. It may be outdated: only show it.

    Where the system does not list its locks, a lock file that a killed process left counts too.
    """
    try:
        status = os.stat(f"{database}.lock")
        locks = _KERNEL_LOCKS.read_text("ascii", "replace")
    except FileNotFoundError:
        return Path(f"{database}.lock").exists()
    except OSError:
        return True
    place = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    return any(place in line.split() for line in locks.splitlines())
