"""The script of a worker's job, and Slurm's commands."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from broadsheet.crawler.command_values import CommandError
from broadsheet.crawler.fleet.slurm_engine import SlurmCluster, cancel_jobs, job_script, submit_jobs

CLUSTER = SlurmCluster(
    host="10.1.0.4", port=0, workers=3, crawls=8, tls=True, setup=("module load python",), patience=60.0,
    python="/opt/our python/bin/python", job_options=(("time", "08:00:00"), ("comment", "our news"), ("exclusive", "")),
)  # fmt: skip


def test_a_job_script_is_a_worker_with_the_options_of_the_file(tmp_path: Path) -> None:
    script = job_script(CLUSTER, "tls://10.1.0.4:4711", Path("/srv/archives"))
    assert script.splitlines() == [
        "#!/bin/bash",
        "#SBATCH --array=1-3",
        "#SBATCH --job-name=broadsheet",
        "#SBATCH --signal=B:TERM@120",
        "#SBATCH --output=/srv/archives/worker-%a.log",
        "#SBATCH --time=08:00:00",
        '#SBATCH --comment="our news"',
        "#SBATCH --exclusive",
        "module load python",
        "exec '/opt/our python/bin/python' -P -m broadsheet.crawler.fleet.worker_loop tls://10.1.0.4:4711 8 600",
    ]
    (tmp_path / "worker.sh").write_text(script)
    subprocess.run(["bash", "-n", tmp_path / "worker.sh"], check=True)


def write_command(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def test_the_number_of_the_job_is_the_answer_of_sbatch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    write_command(tmp_path, "sbatch", 'test "$1" = --parsable && test "$2" = s.sh && echo "41;lab"')
    write_command(tmp_path, "scancel", f'echo "$@" > {tmp_path}/ended')
    assert submit_jobs(Path("s.sh")) == "41"
    cancel_jobs("41")
    assert (tmp_path / "ended").read_text() == "41\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "there is no sbatch on this machine"),
        ("echo 'sbatch: error: no such partition' >&2; echo more >&2; exit 1", "sbatch: error: no such partition"),
        ("exit 3", "exit code 3"),
        ("exit 0", "sbatch named no job"),
    ],
)
def test_what_slurm_does_not_take_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, words: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    if text is not None:
        write_command(tmp_path, "sbatch", text)
    with pytest.raises(CommandError) as caught:
        submit_jobs(Path("s.sh"))
    assert words in caught.value.message
    assert "\n" not in caught.value.message
