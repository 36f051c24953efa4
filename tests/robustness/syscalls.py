"""Durable steps of commands, counted by a library loaded before C's (`syscalls.c`), and kills and faults at them.

A step is a commit of SQLite (the last frame of a transaction in the write-ahead log, or the end of a rollback
journal), a sync, a rename or link, bytes appended to a WARC file, a file cut or deleted; for faults also any other
write, and a file opened to be written. Commands run in forks of a process that has imported all they need
(`tests.crawler.warm`).
"""

import mmap
import os
import shutil
import signal
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from pathlib import Path
from typing import Self
from unittest import mock

from tests.crawler.shell import environment
from tests.crawler.warm import WarmProcess

PROGRAM = "broadsheet.crawler.cli"
SOURCE = Path(__file__).with_name("syscalls.c")
_HEAD = struct.Struct("=6I256s")  # `struct control` before its entries
_ENTRY = struct.Struct("=I60s")
_ENTRIES = 16384
_SECONDS = 120.0  # after which a command counts as hung


class Kind(IntFlag):
    """Kinds of steps, as `syscalls.c` numbers them."""

    COMMIT = 1
    SYNC = 2
    RENAME = 4
    APPEND = 8
    CUT = 16
    UNLINK = 32
    WRITE = 64
    OPEN = 128


class Action(IntEnum):
    """Actions at a step: none, a kill of the process group before or after it, a fault of it, or of all from it on."""

    COUNT = 0
    KILL_BEFORE = 1
    KILL_AFTER = 2
    FAIL_ONCE = 3
    FAIL_ON = 4


DURABLE = Kind.COMMIT | Kind.SYNC | Kind.RENAME | Kind.APPEND | Kind.CUT | Kind.UNLINK
"""Steps at which commands are killed."""


@dataclass(frozen=True, slots=True)
class Injection:
    """An action at the step of this number, from 1 on, among those of some kinds; `error` is the fault's errno."""

    action: Action = Action.COUNT
    number: int = 0
    kinds: Kind = DURABLE
    error: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a command: its kind, and the end of the file's path below the work folder."""

    kind: Kind
    place: str


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that has ended: exit code (negative for a signal), outputs, steps; whether the action was reached."""

    code: int
    out: str
    errors: str
    steps: tuple[Step, ...]
    is_reached: bool


class InjectedCommands:
    """Commands run in a work folder whose files' steps count. A context manager; it needs gcc and LD_PRELOAD."""

    def __init__(self, folder: Path, work: Path) -> None:
        self.work = work
        self._control = folder / "control"
        self._library = folder / "syscalls.so"
        compiler = ["gcc", "-O2", "-shared", "-fPIC", "-o", str(self._library), str(SOURCE), "-ldl"]
        subprocess.run(compiler, check=True, capture_output=True)
        with mock.patch.dict(os.environ, LD_PRELOAD=str(self._library), BROADSHEET_WORKERS="1"):
            self._process = WarmProcess()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.close()

    def run(self, words: Sequence[str], injection: Injection | None = None, module: str = PROGRAM) -> Ended:
        """Run a program with these words in the work folder; without an injection nothing is counted either."""
        variables = environment() | {"BROADSHEET_WORKERS": "1"}
        if injection:
            self._write_control(injection)
            variables |= {"LD_PRELOAD": str(self._library), "COMMIT_POINTS": str(self._control)}
        try:
            code, out, errors = self._process.run(module, words, variables, self.work, _SECONDS)
        except subprocess.TimeoutExpired:
            code, out, errors = -signal.SIGKILL, "", f"hung for {_SECONDS:.0f} s"
        return Ended(code, out, errors, *(self._read_control() if injection else ((), False)))

    def _write_control(self, injection: Injection) -> None:
        head = _HEAD.pack(
            injection.action, injection.kinds, injection.number, injection.error, 0, 0, bytes(self.work.resolve())
        )
        with self._control.open("wb") as stream:
            stream.write(head)
            stream.truncate(_HEAD.size + _ENTRY.size * _ENTRIES)

    def _read_control(self) -> tuple[tuple[Step, ...], bool]:
        with self._control.open("rb") as stream, mmap.mmap(stream.fileno(), 0, prot=mmap.PROT_READ) as data:
            *_, counted, fired, _prefix = _HEAD.unpack_from(data)
            entries = _ENTRY.iter_unpack(data[_HEAD.size : _HEAD.size + _ENTRY.size * min(counted, _ENTRIES)])
            steps = tuple(Step(Kind(kind), name.rstrip(b"\0").decode("utf-8", "replace")) for kind, name in entries)
        return steps, bool(fired)


def missing_tool() -> str:
    """Return why no step can be counted here; empty where it can."""
    return "" if shutil.which("gcc") and os.uname().sysname == "Linux" else "needs gcc, and a linker with LD_PRELOAD"
