"""A Dask scheduler of a command's own, in a process beside it, which ends with it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from broadsheet.crawler.console.option_types import CommandError
from broadsheet.crawler.fleet.engine.cluster_file import SlurmCluster
from broadsheet.crawler.fleet.engine.stop_process import stop_process

_START_SECONDS = 60.0
_STOP_SECONDS = 15.0
_LOOK_SECONDS = 0.1
_IDLE = "5 minutes"  # until a scheduler ends whose command was killed: its tasks go with the command's connection


@contextmanager
def running_scheduler(cluster: SlurmCluster) -> Iterator[str]:
    """Within it a scheduler listens as the file of the cluster says; gives its address.

    CommandError, one line, if it does not start.
    """
    if find_spec("distributed") is None:
        raise CommandError("a cluster needs Dask: pip install 'broadsheet[fleet]'")
    with tempfile.TemporaryDirectory(prefix="broadsheet-scheduler-") as folder:
        process = _start(cluster, Path(folder))
        try:
            yield _address(process, Path(folder))
        finally:
            stop_process(process, _STOP_SECONDS)


def scheduler_command(cluster: SlurmCluster, address_file: Path) -> list[str]:
    """The command of the scheduler, which writes its address into a file."""
    protocol = "tls" if cluster.tls else "tcp"
    words = ["--host", f"{protocol}://{cluster.host}", "--port", str(cluster.port), "--protocol", protocol]
    words += ["--no-dashboard", "--idle-timeout", _IDLE, "--scheduler-file", str(address_file)]
    return [sys.executable, "-m", "distributed.cli.dask_scheduler", *words]


def _start(cluster: SlurmCluster, folder: Path) -> subprocess.Popen[bytes]:
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            scheduler_command(cluster, folder / "address"),
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip


def _address(process: subprocess.Popen[bytes], folder: Path) -> str:
    """The address that the scheduler has written, as soon as it has."""
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            return str(json.loads((folder / "address").read_bytes())["address"])
        except (FileNotFoundError, ValueError):
            time.sleep(_LOOK_SECONDS)
    lines = (folder / "log").read_text("utf-8", "replace").strip().splitlines()
    raise CommandError(f"the scheduler does not start: {lines[-1] if lines else 'no reason given'}")
