"""A Dask cluster on loopback, scheduler and workers in processes of their own, to be killed and restarted by tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from broadsheet.crawler.command_values import CommandError
from broadsheet.crawler.fleet.dask_engine import connected

_ENVIRONMENT = {
    "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "200ms",
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
}


@dataclass
class DaskCluster:
    """Scheduler and workers; `folder` gets their logs."""

    port: int
    folder: Path
    scheduler: subprocess.Popen[bytes] | None = None
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    protocol: str = "tcp"
    variables: dict[str, str] = field(default_factory=dict)
    """Variables that scheduler and workers get besides those of this process."""

    @property
    def address(self) -> str:
        return f"{self.protocol}://127.0.0.1:{self.port}"

    def start_scheduler(self) -> None:
        words = ["distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(self.port), "--no-dashboard"]
        words += ["--protocol", self.protocol]
        self.scheduler = self._start("scheduler", words)
        deadline = time.monotonic() + 60
        while True:
            with suppress(CommandError):
                connected(self.address).close()
                return
            assert time.monotonic() < deadline
            time.sleep(0.2)

    def start_worker(self, machine: str = "") -> None:
        """A worker loop as a job script runs it; on a machine of its own if none is named."""
        words = ["broadsheet.crawler.fleet.worker_loop", self.address, "2"]
        machine = machine or f"machine-{len(self.workers)}"
        self.workers.append(self._start(machine, words, MACHINE=str(self.folder / machine)))

    def restart_scheduler(self) -> None:
        assert self.scheduler
        self.scheduler.kill()
        self.scheduler.wait()
        self.start_scheduler()

    def worker_pids(self) -> list[int]:
        """The processes of the workers proper, which nannies watch."""
        with connected(self.address) as client:
            return sorted(client.run(os.getpid).values())

    def close(self) -> None:
        for process in [*self.workers, *([self.scheduler] if self.scheduler else [])]:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _start(self, name: str, words: list[str], **variables: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", *words],
                stdout=log,
                stderr=log,
                env={**os.environ, **_ENVIRONMENT, **self.variables, **variables},
                start_new_session=True,
            )
