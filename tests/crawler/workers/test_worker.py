"""One worker process at the other end of a socket, its own limits, and what is loaded before it is forked."""

from __future__ import annotations

import asyncio
import operator
import os
import pickle
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from broadsheet.crawler.workers import worker
from broadsheet.crawler.workers.worker import WorkerJob, WorkerProcess, pack_message, start_fork_server


async def run_jobs(worker: WorkerProcess, *jobs: tuple[Callable[..., object], tuple[object, ...]]) -> list[object]:
    """What comes back of jobs that are all given at once, in order."""
    loop, answers = asyncio.get_running_loop(), list[object]()
    done = loop.create_future()

    def on_readable(worker: WorkerProcess) -> None:
        try:
            answers.extend(pickle.loads(answer) for _, answer in worker.read_answers())
        except (OSError, EOFError) as error:
            done.set_exception(error)
        if len(answers) == len(jobs):
            done.set_result(None)

    worker.attach(loop, on_readable)
    for job in jobs:
        worker.send_job(WorkerJob(pack_message(job), loop.create_future()))
    try:
        await asyncio.wait_for(done, 60)
    finally:
        worker.close()
        worker.kill()
        worker.wait_for_exit()
    return answers


def test_jobs_are_answered_in_order_with_results_or_what_went_wrong():
    large = b"x" * 3_000_000  # more than a socket takes at once
    jobs = ((operator.add, (1, 2)), (int, ("no number",)), (len, (large,)), (operator.mul, (large, 1)))
    one, fault, size, same = asyncio.run(run_jobs(WorkerProcess.start(), *jobs))
    assert one == (True, 3)
    assert fault == (False, "ValueError: invalid literal for int() with base 10: 'no number'")
    assert (size, same) == ((True, len(large)), (True, large))


def test_a_worker_that_is_gone_is_told_by_the_end_of_its_socket():
    worker = WorkerProcess.start()
    worker.kill()
    assert worker.wait_for_exit() == "exit code -9"
    with pytest.raises((OSError, EOFError)):
        asyncio.run(run_jobs(worker, (operator.add, (1, 2))))


def test_a_worker_lets_the_crawl_go_first():
    who = (os.PRIO_PROCESS, 0)
    ((good, level),) = asyncio.run(run_jobs(WorkerProcess.start(), (os.getpriority, who)))
    assert good
    assert level > os.getpriority(*who)


def loaded(*names: str) -> list[bool]:
    return [name in sys.modules for name in names]


def test_a_worker_has_what_a_page_needs_before_its_first():
    needed = ("broadsheet.cleaners.clean", "broadsheet.crawler.crawl.worker_jobs", "fasttext")
    assert asyncio.run(run_jobs(WorkerProcess.start(), (loaded, needed))) == [(True, [True] * 3)]


@pytest.mark.parametrize("previous", [None, "", "1"])
def test_what_this_process_starts_besides_finds_its_environment_unchanged(monkeypatch, previous):
    if previous is None:
        monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    else:
        monkeypatch.setenv("PYTHONSAFEPATH", previous)
    start_fork_server()
    assert os.environ.get("PYTHONSAFEPATH") == previous


SCRIPT = """
import operator
from broadsheet.crawler.workers.worker import WorkerProcess, pack_message, unpack_answer

print("runs", __name__, flush=True)
worker = WorkerProcess.start()
worker.send_blocking(pack_message((operator.add, (1, 2))))
print(unpack_answer(worker.receive_blocking()), flush=True)
worker.close()
"""


@pytest.mark.slow
def test_a_worker_does_not_run_the_main_module_again(tmp_path):
    """A script that crawls without asking for its name would crawl in each worker."""
    (tmp_path / "script.py").write_text(SCRIPT, "utf-8")
    command = [sys.executable, str(tmp_path / "script.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines() == ["runs __main__", "(True, 3)"]


_BLOCKED_SIGNALS = r"""
import os, re
from broadsheet.crawler.workers.worker import start_fork_server
from multiprocessing.forkserver import _forkserver
from pathlib import Path

if __name__ == "__main__":
    start_fork_server()
    status = Path(f"/proc/{_forkserver._forkserver_pid}/status").read_text()
    print(int(re.search(r"SigBlk:\t(\w+)", status)[1], 16))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_ctrl_c_does_not_reach_the_fork_server_while_it_imports():
    done = subprocess.run([sys.executable, "-c", _BLOCKED_SIGNALS], capture_output=True, text=True, check=True)
    assert int(done.stdout) & 1 << (signal.SIGINT - 1)


def test_a_worker_that_is_gone_is_told_while_an_answer_is_awaited():
    ours, theirs = socket.socketpair()
    theirs.sendall(b"\0\0\0")
    theirs.close()
    used = WorkerProcess(None, ours)
    with pytest.raises(EOFError):
        used.receive_blocking()
    used.close()
    assert ours.fileno() == -1


@pytest.mark.parametrize("is_refused", [False, True])
def test_a_worker_limits_itself_as_far_as_the_system_lets_it(monkeypatch, is_refused):
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


def test_a_start_that_fails_leaves_no_socket(monkeypatch):
    pair = socket.socketpair()
    monkeypatch.setattr(worker, "start_fork_server", lambda: None)
    refuse = Mock(side_effect=OSError("no more processes"))
    monkeypatch.setattr(worker, "_process_context", lambda: SimpleNamespace(Process=refuse))
    monkeypatch.setattr(socket, "socketpair", lambda: pair)
    with pytest.raises(OSError, match="no more processes"):
        WorkerProcess.start()
    assert [one.fileno() for one in pair] == [-1, -1]


_CHECK = """
import broadsheet.crawler.workers.preload
from broadsheet.cleaners.judge.tree_models import FIRST_LOOK_MODEL, SECOND_LOOK_MODEL, load_trees
from broadsheet.cleaners.judge.page_network import load_network
from broadsheet.cleaners.lineage import lineage
from broadsheet.cleaners.page.date_parser import _written_date_pattern
assert lineage.cache_info().currsize
assert _written_date_pattern.cache_info().currsize
assert load_trees.cache_info().currsize == 2
assert all("_leaf_finder" in vars(load_trees(file)) for file in (FIRST_LOOK_MODEL, SECOND_LOOK_MODEL))
assert load_network.cache_info().currsize
"""


@pytest.mark.slow
def test_models_and_lineage_are_ready_before_a_worker_is_forked():
    done = subprocess.run([sys.executable, "-c", _CHECK], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_temporary_folder_too_long_for_sockets_is_no_obstacle(tmp_path):
    folder = tmp_path / ("d" * 120)
    folder.mkdir()
    (tmp_path / "main.py").write_text("""
import os
from broadsheet.crawler.workers.worker import start_fork_server
from multiprocessing.forkserver import _forkserver
if __name__ == "__main__":
    start_fork_server(())
    print(os.path.dirname(_forkserver._forkserver_address))
""")
    environment = os.environ | {"TMPDIR": str(folder)}
    command = [sys.executable, tmp_path / "main.py"]
    told = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, timeout=60)
    assert told.stdout.startswith("/tmp/broadsheet-")
    assert not os.path.exists(told.stdout.strip())


def test_where_no_folder_is_short_enough_a_line_says_so(monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", "/" + "d" * 120)
    assert worker.workers_problem() == ""
    monkeypatch.setattr(worker, "_SHORT_FOLDER", "/none")
    assert worker.workers_problem() == "TMPDIR is too long for sockets, and /none cannot be used: name a shorter folder"
