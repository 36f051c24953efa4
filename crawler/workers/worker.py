"""One worker process: what it does, and its end of the crawl's side.

Each has a socket of its own, over which it gets one job after the other and answers in that order. A worker that is
killed takes nobody else's answers with it, and one whose crawl is gone reads the end of its socket and ends.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import pickle
import resource
import signal
import socket
import struct
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import forkserver
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future

MEMORY_BYTES = 4 * 1024**3
_GC_THRESHOLD = (1_000_000, 20, 20)  # a page's objects go with it, and few are in cycles
_NICE = 5  # whoever hands out work is not to wait for those who wait for work
_GC_JOBS = 16  # after so many jobs we look for cycles: most leave none
_LENGTH = struct.Struct("!Q")  # goes before each message
_READ = 256 * 1024
_PRELOADED = ["__main__", "crawler.workers.preload"]
_FORKSERVER = "forkserver"


@dataclass(slots=True, eq=False)
class Job:
    """A message to a worker, and the answer that is waited for: its bytes, or the error in their place."""

    message: bytes
    answer: Future[bytes]
    shared: bool = False  # given to a second worker too


class Worker:
    """A worker process and the jobs that it has: the first is under way, the others wait in its socket.

    All but `started` and `stop` belongs to the event loop, or to the one thread that uses `hand` and `wait`.
    """

    def __init__(self, process: Any, channel: socket.socket) -> None:
        self._process = process
        self._channel = channel
        self._came = bytearray()
        self._unsent: deque[memoryview] = deque()
        self._loop: AbstractEventLoop | None = None
        self.jobs: deque[Job] = deque()
        self.began = 0.0
        """When the job under way began, on the steady clock."""

    @classmethod
    def started(cls) -> Worker:
        """A new process. OSError or EOFError if there can be none."""
        begin_early()
        mine, theirs = socket.socketpair()
        try:
            with theirs:
                process = _context().Process(target=_serve, args=(theirs,), name="broadsheet-worker", daemon=True)
                process.start()
        except BaseException:
            mine.close()
            raise
        mine.setblocking(False)
        return cls(process, mine)

    def attach(self, loop: AbstractEventLoop, came: Callable[[Worker], None]) -> None:
        """Have `came` called on the loop whenever there is something to read."""
        self._loop = loop
        loop.add_reader(self._channel, came, self)
        self._send()

    def give(self, job: Job) -> None:
        """Hand a job over."""
        if not self.jobs:
            self.began = time.monotonic()
        self.jobs.append(job)
        self._unsent.append(memoryview(job.message))
        if len(self._unsent) == 1:
            self._send()

    def answers(self) -> Iterator[tuple[Job, bytes]]:
        """The jobs that are done, with what came back. OSError or EOFError if the worker is gone."""
        with suppress(BlockingIOError):
            came = self._channel.recv(_READ)
            if not came:
                raise EOFError
            self._came += came
        while (answer := _taken_from(self._came)) is not None:
            job = self.jobs.popleft()
            self.began = time.monotonic()
            yield job, answer

    def hand(self, job: bytes) -> None:
        """Hand a job over to a process that has none, without an event loop. OSError if it is gone."""
        self._channel.setblocking(True)
        self._channel.sendall(job)

    def wait(self) -> bytes:
        """Wait for the answer to what `hand` gave. OSError or EOFError if the process is gone."""
        while (answer := _taken_from(self._came)) is None:
            if not (came := self._channel.recv(_READ)):
                raise EOFError
            self._came += came
        return answer

    def stop(self) -> None:
        """End the process at once."""
        self._process.kill()

    def ended(self) -> str:
        """How a process that is about to end has ended."""
        self._process.join(1.0)
        return f"exit code {self._process.exitcode}"

    def close(self) -> None:
        """Let the socket go."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._channel)
            self._loop.remove_writer(self._channel)
        self._unsent.clear()
        self._channel.close()

    def _send(self) -> None:
        assert self._loop is not None
        try:
            while self._unsent:
                sent = self._channel.send(self._unsent[0])
                self._unsent[0] = self._unsent[0][sent:]
                if not self._unsent[0]:
                    self._unsent.popleft()
        except BlockingIOError:
            self._loop.add_writer(self._channel, self._send)
            return
        except OSError:  # it is gone: so will say who reads
            self._unsent.clear()
        self._loop.remove_writer(self._channel)


def begin_early() -> None:
    """Have the process started from which workers are forked; it imports what they need while we do other things.

    It takes no notice of Ctrl-C, and neither do the workers, which inherit that: the crawl decides when they end.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy would have one for each processor, with nothing to do
    if _FORKSERVER not in multiprocessing.get_all_start_methods():
        return
    _context()
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def processes(wanted: int) -> int:
    """How many workers there are to be: as many as wanted, one a processor if 0."""
    return wanted or os.cpu_count() or 1


def message(job: object) -> bytes:
    """What goes over the socket. Raises what pickle does."""
    packed = pickle.dumps(job, pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(packed)) + packed


def unpacked(answer: bytes) -> tuple[bool, Any]:
    """What a worker answered: (True, the result), or (False, what went wrong). Raises what pickle does."""
    good, result = pickle.loads(answer)
    return bool(good), result


def _context() -> Any:
    """Processes that inherit neither our sockets nor our threads."""
    if _FORKSERVER not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context(_FORKSERVER)
    context.set_forkserver_preload(_PRELOADED)
    return context


def _serve(channel: socket.socket) -> None:
    """Do one job after the other until the crawl hangs up."""
    _settle_in()
    done = 0
    with channel, channel.makefile("rb") as incoming, suppress(OSError):
        while job := _read(incoming):
            channel.sendall(_answer_to(job))
            done += 1
            if done % _GC_JOBS == 0:
                gc.collect(1)


def _read(incoming: BinaryIO) -> bytes:
    """The next message; empty at the end."""
    length = incoming.read(_LENGTH.size)
    return incoming.read(_LENGTH.unpack(length)[0]) if len(length) == _LENGTH.size else b""


def _answer_to(job: bytes) -> bytes:
    """(True, the result), or (False, what went wrong)."""
    try:
        function, arguments = pickle.loads(job)
        return message((True, function(*arguments)))
    except MemoryError:
        return message((False, "out of memory"))
    except Exception as error:  # noqa: BLE001 - whatever a page does to us is its own fault
        return message((False, f"{type(error).__name__}: {error}"))


def _settle_in() -> None:
    """A worker leaves Ctrl-C to the crawl, lets it go first, and may not eat the machine's memory."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    with suppress(OSError):
        os.nice(_NICE)
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLD)


def _taken_from(came: bytearray) -> bytes | None:
    """The first message of what came, which is then without it; None if it is not whole yet."""
    if len(came) < _LENGTH.size:
        return None
    end = _LENGTH.size + _LENGTH.unpack_from(came)[0]
    if len(came) < end:
        return None
    taken = bytes(memoryview(came)[_LENGTH.size : end])
    del came[:end]
    return taken
