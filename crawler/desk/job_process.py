"""The process of a job: `python -m broadsheet.crawler.desk.job_process FOLDER ID` carries an order out as a verb."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from broadsheet.output.archive.archive_errors import ArchiveError
from broadsheet.output.archive.archive_lock import hold_lock

from ..cli import run
from ..cli.command_line import INTERRUPTED
from .jobs import FOLDER, add_line, end_job, read_job

_PATIENCE = 10.0  # seconds: a desk that looks whether the job runs holds its lock for a moment


def carry_out(archives: Path, job_id: str) -> int:
    """Carry out an order that was not begun yet, and return the verb's exit code."""
    with hold_lock(archives / FOLDER / f"{job_id}.run", _PATIENCE):
        job = read_job(archives, job_id)
        if job is None:
            return 0
        add_line(archives / FOLDER / f"{job_id}.jsonl", event="started", at=job.started_at, process=job.process)
        try:
            code = run(job.order.words)
        except KeyboardInterrupt:
            code = INTERRUPTED
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # its end is written down, however often somebody presses Stop
        end_job(archives, job, code)
        return code


def main() -> int:
    """Run the command line of this process."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a desk that a shell has started with & ignores it
    try:
        return carry_out(Path(sys.argv[1]), sys.argv[2])
    except ArchiveError as error:
        print(f"broadsheet: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
