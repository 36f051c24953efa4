"""What a worker process does, done here: the jobs of a socket, its own limits, and a start that fails."""

from __future__ import annotations

import io
import operator
import os
import pickle
import resource
import signal
import socket
import threading
from types import SimpleNamespace

import pytest

from broadsheet.crawler.workers import worker
from broadsheet.crawler.workers.worker import WorkerProcess, pack_message, process_count, unpack_answer


def out_of_memory() -> None:
    raise MemoryError


def test_jobs_are_served_in_order_until_the_socket_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    limits, collected = [], []
    monkeypatch.setattr(worker, "_limit_process", lambda: limits.append("set"))
    monkeypatch.setattr(worker, "gc", SimpleNamespace(collect=collected.append))
    ours, theirs = socket.socketpair()
    thread = threading.Thread(target=worker._serve_jobs, args=(theirs,))
    thread.start()
    used = WorkerProcess(None, ours)
    large = bytes(3_000_000)
    for job, answer in (
        ((operator.add, (1, 2)), (True, 3)),
        ((len, (large,)), (True, 3_000_000)),
        ((bytes, (large,)), (True, large)),
        ((int, ("x",)), (False, "ValueError: invalid literal for int() with base 10: 'x'")),
        ((out_of_memory, ()), (False, "out of memory")),
        *[((operator.add, (number, 1)), (True, number + 1)) for number in range(28)],
    ):
        used.send_blocking(pack_message(job))
        assert unpack_answer(used.receive_blocking()) == answer
    used.close()
    thread.join(20)
    assert not thread.is_alive()
    assert (limits, collected) == (["set"], [1, 1]), "cycles are collected after each sixteenth of 33 jobs"
    assert theirs.fileno() == -1


@pytest.mark.parametrize("length", [8 + 5, 8 + 4, 8, 7, 3, 0])
def test_a_message_that_breaks_off_ends_the_jobs(length: int) -> None:
    message = (5).to_bytes(8, "big") + b"12345"
    read = worker._read_message(io.BytesIO(message[:length]))
    assert read == (message[8:length] if length >= 8 else b"")


def test_a_worker_that_is_gone_is_told_while_an_answer_is_awaited() -> None:
    ours, theirs = socket.socketpair()
    theirs.sendall(b"\0\0\0")
    theirs.close()
    used = WorkerProcess(None, ours)
    with pytest.raises(EOFError):
        used.receive_blocking()
    used.close()
    assert ours.fileno() == -1


@pytest.mark.parametrize("is_refused", [False, True])
def test_a_worker_limits_itself_as_far_as_the_system_lets_it(monkeypatch: pytest.MonkeyPatch, is_refused: bool) -> None:
    noted: list[tuple[object, ...]] = []

    def note(*words: object) -> None:
        noted.append(words)

    def refuse(*words: object) -> None:
        note(*words)
        if is_refused:
            raise OSError("not here")

    monkeypatch.setattr(signal, "signal", note)
    monkeypatch.setattr(resource, "setrlimit", refuse)
    monkeypatch.setattr(os, "nice", refuse)
    monkeypatch.setattr(worker, "gc", SimpleNamespace(freeze=lambda: note("freeze"), set_threshold=note))
    worker._limit_process()
    assert noted == [
        (signal.SIGINT, signal.SIG_IGN),
        (resource.RLIMIT_AS, (4_294_967_296, 4_294_967_296)),
        (5,),
        ("freeze",),
        (1_000_000, 20, 20),
    ]


def test_a_start_that_fails_leaves_no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[socket.socket] = []
    pair = socket.socketpair

    def note_pair() -> tuple[socket.socket, socket.socket]:
        made.extend(pair())
        return made[0], made[1]

    def refuse(**_options: object) -> None:
        raise OSError("no more processes")

    monkeypatch.setattr(worker, "start_fork_server", lambda: None)
    monkeypatch.setattr(worker, "_process_context", lambda: SimpleNamespace(Process=refuse))
    monkeypatch.setattr(socket, "socketpair", note_pair)
    with pytest.raises(OSError, match="no more processes"):
        WorkerProcess.start()
    assert [one.fileno() for one in made] == [-1, -1]


def test_what_is_said_of_a_worker() -> None:
    joined: list[float] = []
    gone = WorkerProcess(SimpleNamespace(join=joined.append, exitcode=-9), socket.socket())
    assert (gone.wait_for_exit(), joined) == ("exit code -9", [1.0])
    gone.close()
    assert (process_count(3), process_count(0)) == (3, os.cpu_count())
    assert unpack_answer(pickle.dumps((1, "x"))) == (True, "x")
