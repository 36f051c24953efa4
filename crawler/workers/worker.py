"""A worker process: the loop that runs in it, and the object that the crawl controls it with.

Each worker has its own socket, and answers jobs in the order in which they came. Killing a worker loses only its own
answers. When the crawl exits, its workers read the end of their sockets and exit too.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import pickle
import shutil
import signal
import socket
import struct
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future

MEMORY_BYTES = 4 * 1024**3
GC_THRESHOLD = (1_000_000, 20, 20)  # a page's objects are freed with it, and few are in cycles
_NICENESS = 5  # lower priority than the crawl's process, which hands out the work
_JOBS_PER_GC = 16  # jobs between two collections: most leave no cycles
_MESSAGE_LENGTH = struct.Struct("!Q")  # precedes each message
_RECEIVE_BYTES = 256 * 1024  # read from a socket at a time
PRELOADED_MODULES = ("broadsheet.crawler.workers.preload",)
"""Modules that a fork server imports for workers."""
_MAIN_LOCK = threading.Lock()  # held while the environment or the main module is another: threads start processes
_FORKSERVER = "forkserver"
_SOCKET_FOLDER_BYTES = 107 - len("/pymp-12345678/listener-12345678")
"""Of a temporary folder, at most, in which the fork server's socket has an address: Linux's, macOS has 4 less."""
_SHORT_FOLDER = "/tmp"


@dataclass(slots=True, eq=False)
class WorkerJob:
    """A packed function call for a worker, and the future of its packed answer."""

    message: bytes
    answer: Future[bytes]
    has_two_workers: bool = False  # sent to a second worker too; the first answer counts


class WorkerProcess:
    """A worker process and the jobs that were sent to it: the first is running, the others wait in its socket.

    Only `start` and `kill` are thread-safe. Call the rest from the event loop's thread, or from the one thread that
    uses `send_blocking` and `receive_blocking`.
    """

    def __init__(self, process: Any, channel: socket.socket) -> None:
        self._process = process
        self._channel = channel
        self._receive_buffer = bytearray()
        self._send_queue: deque[memoryview] = deque()
        self._loop: AbstractEventLoop | None = None
        self.jobs: deque[WorkerJob] = deque()
        self.job_started_at = 0.0
        """When the running job began, by `time.monotonic`."""

    @classmethod
    def start(cls, cpu_seconds: float = 0.0) -> WorkerProcess:
        """Start a new process, which a job over the CPU limit kills, if there is one.

        OSError or EOFError if it cannot be started.
        """
        start_fork_server()
        pool_socket, worker_socket = socket.socketpair()
        try:
            with worker_socket:
                process = _process_context().Process(
                    target=_serve_jobs, args=(worker_socket, cpu_seconds), name="broadsheet-worker", daemon=True
                )
                with _hidden_main():
                    process.start()
        except BaseException:
            pool_socket.close()
            raise
        pool_socket.setblocking(False)
        return cls(process, pool_socket)

    def attach(self, loop: AbstractEventLoop, on_readable: Callable[[WorkerProcess], None]) -> None:
        """Have the loop call `on_readable` when the socket is readable."""
        self._loop = loop
        loop.add_reader(self._channel, on_readable, self)
        self._send_queued()

    def send_job(self, job: WorkerJob) -> None:
        """Send a job, or queue it to be sent when the socket takes it."""
        if not self.jobs:
            self.job_started_at = time.monotonic()
        self.jobs.append(job)
        self._send_queue.append(memoryview(job.message))
        if len(self._send_queue) == 1:
            self._send_queued()

    def read_answers(self) -> Iterator[tuple[WorkerJob, bytes]]:
        """Read all available answers, with their jobs. OSError or EOFError if the worker has exited."""
        with suppress(BlockingIOError):
            chunk = self._channel.recv(_RECEIVE_BYTES)
            if not chunk:
                raise EOFError
            self._receive_buffer += chunk
        while (answer := _take_message(self._receive_buffer)) is not None:
            job = self.jobs.popleft()
            self.job_started_at = time.monotonic()
            yield job, answer

    def send_blocking(self, packed_job: bytes) -> None:
        """Send a job to an idle process, without an event loop. OSError if it has exited."""
        self._channel.setblocking(True)
        self._channel.sendall(packed_job)

    def receive_blocking(self) -> bytes:
        """Wait for the answer to what `send_blocking` sent. OSError or EOFError if the process is gone."""
        while (answer := _take_message(self._receive_buffer)) is None:
            if not (chunk := self._channel.recv(_RECEIVE_BYTES)):
                raise EOFError
            self._receive_buffer += chunk
        return answer

    def kill(self) -> None:
        """Kill the process."""
        self._process.kill()

    def wait_for_exit(self) -> str:
        """Wait up to a second for the process to exit; describe its exit code."""
        self._process.join(1.0)
        return f"exit code {self._process.exitcode}"

    @property
    def is_out_of_time(self) -> bool:
        """Return whether the process has exited because a job took too much CPU time."""
        return bool(self._process.exitcode == -signal.SIGPROF)

    def close(self) -> None:
        """Stop watching the socket, and close it."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._channel)
            self._loop.remove_writer(self._channel)
        self._send_queue.clear()
        self._channel.close()

    def _send_queued(self) -> None:
        assert self._loop is not None
        try:
            while self._send_queue:
                sent_bytes = self._channel.send(self._send_queue[0])
                self._send_queue[0] = self._send_queue[0][sent_bytes:]
                if not self._send_queue[0]:
                    self._send_queue.popleft()
        except BlockingIOError:
            self._loop.add_writer(self._channel, self._send_queued)
            return
        except OSError:  # the worker is gone: reading will report it
            self._send_queue.clear()
        self._loop.remove_writer(self._channel)


def _is_long_for_sockets() -> bool:
    return len(os.fsencode(tempfile.gettempdir())) > _SOCKET_FOLDER_BYTES - 4


def _use_short_folder() -> None:
    """Have the fork server's socket where its address fits, if it does not in TMPDIR. Its folder goes with us."""
    from multiprocessing.util import Finalize

    config = multiprocessing.current_process()._config  # type: ignore[attr-defined]
    if config.get("tempdir") is None and _is_long_for_sockets():
        config["tempdir"] = tempfile.mkdtemp(prefix="broadsheet-", dir=_SHORT_FOLDER)
        Finalize(None, shutil.rmtree, args=(config["tempdir"],), kwargs={"ignore_errors": True}, exitpriority=-100)


def start_fork_server(preloaded_modules: Sequence[str] = PRELOADED_MODULES) -> None:
    """Start the server process that workers are forked from; it imports what they need in the background.

    Server and workers block SIGINT (Ctrl-C): the crawl decides when they end. They import nothing from the current
    folder.
    """
    from multiprocessing import forkserver, resource_tracker

    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy would have one for each processor, with nothing to do
    _use_short_folder()
    _process_context().set_forkserver_preload(list(preloaded_modules))
    with _safe_path():
        resource_tracker.ensure_running()  # first: it unblocks SIGINT after its start, and the fork server would get it
        previous_mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            forkserver.ensure_running()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, previous_mask)


def fork_process(preloaded_modules: Sequence[str], target: Callable[..., object], *arguments: object) -> Any:
    """Run a function in a fork of the server, which has loaded these modules; return the process, with `pid` and
    `poll()` like Popen's.

    It may start processes, even if this one is a Dask worker, where multiprocessing forbids that; and it may outlive
    this process.
    """
    start_fork_server(preloaded_modules)
    process = _process_context().Process(target=target, args=arguments, daemon=False)
    with _hidden_main():
        return process._Popen(process)


def share_fork_server() -> int:
    """Have this process, itself a fork, start its workers from the same server. Return the end of a pipe that closes
    with the server.
    """
    from multiprocessing import forkserver

    server: Any = forkserver._forkserver
    if sys.version_info < (3, 14):  # there it asks for a key that a fork does not have: it starts a server of its own
        server.ensure_running = forkserver.ensure_running = lambda: None
    return int(server._forkserver_alive_fd)


@contextmanager
def _safe_path() -> Iterator[None]:
    """Keep the processes started within the `with` block from importing from the current folder.

    multiprocessing starts its processes with `python -c`, which would put the current folder first on the path.
    """
    with _MAIN_LOCK:
        previous = os.environ.get("PYTHONSAFEPATH")
        os.environ["PYTHONSAFEPATH"] = "1"
        try:
            yield
        finally:
            if previous is None:
                del os.environ["PYTHONSAFEPATH"]
            else:
                os.environ["PYTHONSAFEPATH"] = previous


@contextmanager
def _hidden_main() -> Iterator[None]:
    """Keep the processes started within the `with` block from importing the main module.

    multiprocessing has each process run it again, under another name: a script without `if __name__ == "__main__"`
    would crawl in each worker.
    """
    with _MAIN_LOCK:
        main_module = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main_module


def workers_problem() -> str:
    """Return the reason, in one line, why this system cannot run workers; empty if it can."""
    if _FORKSERVER in multiprocessing.get_all_start_methods():
        if _is_long_for_sockets() and not os.access(_SHORT_FOLDER, os.W_OK):
            return f"TMPDIR is too long for sockets, and {_SHORT_FOLDER} cannot be used: name a shorter folder"
        return ""
    return "this needs Linux or macOS: on Windows, install Broadsheet in WSL and run it there (wsl --install)"


def process_count(requested_count: int) -> int:
    """Return the number of workers: the requested one, or one for each processor if 0."""
    return requested_count or os.cpu_count() or 1


def pack_message(content: object) -> bytes:
    """Pack an object as it is sent over the socket: its length, then its pickle. Raises what pickle does."""
    pickled = pickle.dumps(content, pickle.HIGHEST_PROTOCOL)
    return _MESSAGE_LENGTH.pack(len(pickled)) + pickled


def unpack_answer(answer: bytes) -> tuple[bool, Any]:
    """Unpack a worker's answer: (True, the result), or (False, an error text). Raises what pickle does."""
    succeeded, result = pickle.loads(answer)
    return bool(succeeded), result


def _process_context() -> Any:
    """Return a multiprocessing context whose processes inherit neither our sockets nor our threads."""
    return multiprocessing.get_context(_FORKSERVER)


def _serve_jobs(channel: socket.socket, cpu_seconds: float = 0.0) -> None:
    """Run one job after the other in the worker until the crawl closes its end of the socket.

    A job that uses up `cpu_seconds` ends the process by SIGPROF, even inside a C library. CPU time is limited, not
    wall-clock time, so that a busy machine fails no page.
    """
    _limit_process()
    job_count = 0
    with channel, channel.makefile("rb") as stream, suppress(OSError):
        while job := _read_message(stream):
            if cpu_seconds:
                signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
            answer = _run_job(job)
            if cpu_seconds:
                signal.setitimer(signal.ITIMER_PROF, 0)
            channel.sendall(answer)
            job_count += 1
            if job_count % _JOBS_PER_GC == 0:
                gc.collect(1)


def _read_message(stream: BinaryIO) -> bytes:
    """Read the next message's pickle; empty at the end of the stream."""
    length = stream.read(_MESSAGE_LENGTH.size)
    return stream.read(_MESSAGE_LENGTH.unpack(length)[0]) if len(length) == _MESSAGE_LENGTH.size else b""


def _run_job(job: bytes) -> bytes:
    """Run a pickled (function, arguments); return the message with (True, the result), or (False, an error text)."""
    try:
        function, arguments = pickle.loads(job)
        return pack_message((True, function(*arguments)))
    except MemoryError:
        return pack_message((False, "out of memory"))
    except Exception as error:  # noqa: BLE001 - any error fails this page only
        return pack_message((False, f"{type(error).__name__}: {error}"))


def _limit_process() -> None:
    """Set up this worker: ignore Ctrl-C, lower the priority below the crawl's, and limit its memory."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # macOS does not support this limit.
    import resource  # missing on Windows, where no workers run

    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    with suppress(OSError):
        os.nice(_NICENESS)
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLD)


def _take_message(buffer: bytearray) -> bytes | None:
    """Remove the first message from the buffer and return it; None if it is not complete yet."""
    if len(buffer) < _MESSAGE_LENGTH.size:
        return None
    end = _MESSAGE_LENGTH.size + _MESSAGE_LENGTH.unpack_from(buffer)[0]
    if len(buffer) < end:
        return None
    first_message = bytes(memoryview(buffer)[_MESSAGE_LENGTH.size : end])
    del buffer[:end]
    return first_message
