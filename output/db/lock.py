"""One crawl owns an archive file: it holds a lock file beside it while it runs."""

from __future__ import annotations

import os
from pathlib import Path

from filelock import FileLock, Timeout

from output.db.errors import InUse, NotReachable

_TRIES = 5
_KERNEL_LOCKS = Path("/proc/locks")


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

    def acquire(self) -> None:
        """Lock without waiting, or raise InUse; NotReachable if the lock file cannot be made."""
        for _ in range(_TRIES):
            if self._try_lock():
                return
        raise InUse(f"{self._database} is in use by another crawl")

    def release(self) -> None:
        """Remove the lock file and unlock; does nothing if it is not locked."""
        if self._lock.is_locked:
            self._path.unlink(missing_ok=True)
            self._lock.release()

    def _try_lock(self) -> bool:
        """Lock the file at the path; False if it was removed meanwhile, so that another attempt is due."""
        try:
            self._path.touch()
            inode = self._path.stat().st_ino
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise InUse(f"{self._database} is in use by another crawl") from error
        except FileNotFoundError:
            return False
        except OSError as error:
            raise NotReachable(f"{self._path} cannot be made: {error.strerror}") from error
        if self._inode() == inode:
            return True
        self._lock.release()
        return False

    def _inode(self) -> int:
        """The inode that the path names now; -1 for none."""
        try:
            return self._path.stat().st_ino
        except FileNotFoundError:
            return -1


def is_owned(database: str | Path) -> bool:
    """Whether a process holds the lock of an archive, without touching it; for people, not for decisions.

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
