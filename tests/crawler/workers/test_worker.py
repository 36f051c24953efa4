"""One worker process at the other end of a socket; `test_pool.py` has what a crawl makes of several."""

from __future__ import annotations

import asyncio
import operator
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

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


def test_jobs_are_answered_in_order_with_results_or_what_went_wrong() -> None:
    large = b"x" * 3_000_000  # more than a socket takes at once
    jobs = ((operator.add, (1, 2)), (int, ("no number",)), (len, (large,)), (operator.mul, (large, 1)))
    one, fault, size, same = asyncio.run(run_jobs(WorkerProcess.start(), *jobs))
    assert one == (True, 3)
    assert fault == (False, "ValueError: invalid literal for int() with base 10: 'no number'")
    assert (size, same) == ((True, len(large)), (True, large))


def test_a_worker_that_is_gone_is_told_by_the_end_of_its_socket() -> None:
    worker = WorkerProcess.start()
    worker.kill()
    assert worker.wait_for_exit() == "exit code -9"
    with pytest.raises((OSError, EOFError)):
        asyncio.run(run_jobs(worker, (operator.add, (1, 2))))


def test_a_worker_lets_the_crawl_go_first() -> None:
    who = (os.PRIO_PROCESS, 0)
    ((good, level),) = asyncio.run(run_jobs(WorkerProcess.start(), (os.getpriority, who)))
    assert good
    assert level > os.getpriority(*who)


def loaded(*names: str) -> list[bool]:
    return [name in sys.modules for name in names]


def test_a_worker_has_what_a_page_needs_before_its_first() -> None:
    needed = ("broadsheet.cleaners.clean", "broadsheet.crawler.crawl.worker_jobs", "fasttext")
    assert asyncio.run(run_jobs(WorkerProcess.start(), (loaded, needed))) == [(True, [True] * 3)]


@pytest.mark.parametrize("previous", [None, "", "1"])
def test_what_this_process_starts_besides_finds_its_environment_unchanged(
    monkeypatch: pytest.MonkeyPatch, previous: str | None
) -> None:
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
def test_a_worker_does_not_run_the_main_module_again(tmp_path: Path) -> None:
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
def test_ctrl_c_does_not_reach_the_fork_server_while_it_imports() -> None:
    done = subprocess.run([sys.executable, "-c", _BLOCKED_SIGNALS], capture_output=True, text=True, check=True)
    assert int(done.stdout) & 1 << (signal.SIGINT - 1)
