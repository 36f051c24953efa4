"""The engine for a Slurm cluster: a scheduler beside the command, workers as jobs, and both gone when it ends."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from broadsheet.crawler.console.option_types import CommandError
from broadsheet.crawler.fleet.engine.cluster_file import SlurmCluster
from broadsheet.crawler.fleet.engine.dask_engine import DaskEngine
from broadsheet.crawler.fleet.engine.scheduler_process import running_scheduler
from broadsheet.crawler.fleet.engine.slurm_job import cancel_jobs, job_script, submit_jobs
from broadsheet.crawler.fleet.site_task import SiteResult, SiteTask
from broadsheet.crawler.fleet.store.task_in_store import StorePlace
from broadsheet.output.db.errors import NotReachable

_LOG = logging.getLogger(__name__)


@dataclass
class SlurmEngine:
    """Runs tasks on workers that `sbatch` starts. `folder` gets the script of the jobs, and their logs."""

    cluster: SlurmCluster
    store_place: StorePlace
    folder: Path
    _engine: DaskEngine | None = field(default=None, init=False)
    _is_stopped: bool = field(default=False, init=False)

    def run(self, tasks: Sequence[SiteTask], on_result: Callable[[SiteResult], None]) -> None:
        """See `Engine.run`. CommandError, one line, if there is no scheduler or no job to be had."""
        with running_scheduler(self.cluster) as address, self._workers(address):
            self._engine = DaskEngine(address, self.store_place, worker_seconds=self.cluster.patience)
            if self._is_stopped:
                self._engine.stop()
            self._engine.run(tasks, on_result)

    def stop(self) -> None:
        """See `Engine.stop`."""
        self._is_stopped = True
        if self._engine:
            self._engine.stop()

    def running(self) -> tuple[SiteTask, ...]:
        """See `Engine.running`."""
        return self._engine.running() if self._engine else ()

    @contextmanager
    def _workers(self, address: str) -> Iterator[None]:
        """Within it workers of the scheduler run, or wait for a place on the cluster."""
        job = submit_jobs(self._write_script(address))
        try:
            yield
        finally:
            try:
                cancel_jobs(job)
            except CommandError as error:
                _LOG.warning("%s; end the workers with: scancel %s", error.message, job)

    def _write_script(self, address: str) -> Path:
        script = self.folder / "worker.sh"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            script.write_text(job_script(self.cluster, address, self.folder), "utf-8")
        except OSError as error:
            raise NotReachable(f"{script} cannot be written: {error.strerror}") from error
        return script
