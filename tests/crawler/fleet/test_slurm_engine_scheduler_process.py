"""A scheduler beside the command."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from broadsheet.crawler.command_values import CommandError
from broadsheet.crawler.fleet import slurm_engine as scheduler_process
from broadsheet.crawler.fleet.slurm_engine import running_scheduler, scheduler_command
from tests.crawler.fleet.test_slurm_engine_slurm_job import CLUSTER


def test_it_listens_as_the_file_says(tmp_path: Path) -> None:
    words = scheduler_command(CLUSTER, tmp_path / "address")
    assert words[words.index("--host") + 1] == "tls://10.1.0.4"
    assert words[words.index("--protocol") + 1] == "tls"
    plain_words = scheduler_command(replace(CLUSTER, tls=False, port=8786), tmp_path / "address")
    assert plain_words[plain_words.index("--host") + 1] == "tcp://10.1.0.4"
    assert plain_words[plain_words.index("--port") + 1] == "8786"


def test_one_that_writes_its_address_is_used_and_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    pretence = "import sys, time; open(sys.argv[1], 'w').write('{\"address\": \"tcp://h:1\"}'); time.sleep(60)"
    monkeypatch.setattr(
        scheduler_process, "scheduler_command", lambda _cluster, file: [sys.executable, "-S", "-c", pretence, str(file)]
    )
    processes = []
    start = scheduler_process._start
    monkeypatch.setattr(scheduler_process, "_start", lambda *words: processes.append(start(*words)) or processes[-1])
    with running_scheduler(CLUSTER) as address:
        assert address == "tcp://h:1"
        assert processes[0].poll() is None
    assert processes[0].returncode is not None


def test_one_that_does_not_start_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    words = [sys.executable, "-S", "-c", "raise SystemExit('first\\nno certificate')"]
    monkeypatch.setattr(scheduler_process, "scheduler_command", lambda _cluster, _file: words)
    with pytest.raises(CommandError) as caught, running_scheduler(CLUSTER):
        pass
    assert caught.value.message == "the scheduler does not start: no certificate"
