"""The file that says how a cluster starts workers."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from broadsheet.crawler.command_values import CommandError
from broadsheet.crawler.fleet.slurm_engine import SlurmCluster, read_cluster
from tests.crawler.warm import REPOSITORY

WHOLE = """\
[cluster]
launcher = "slurm"
host = "10.1.0.4"
port = 8786
workers = 20
crawls = 8
patience = "1d"
setup = ["module load python/3.12"]
python = "/opt/broadsheet/bin/python"

[sbatch]
partition = "long"
cpus-per-task = 4
exclusive = true
"""


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    file = tmp_path / "slurm.toml"
    file.write_text(WHOLE)
    options = (("partition", "long"), ("cpus-per-task", "4"), ("exclusive", ""))
    setup, python = ("module load python/3.12",), "/opt/broadsheet/bin/python"
    assert read_cluster(file) == SlurmCluster("10.1.0.4", 8786, 20, 8, True, setup, 86_400.0, python, options)


@pytest.mark.parametrize(
    ("host", "tls", "spoken"),
    [("127.0.0.1", "", False), ("::1", "", False), ("localhost", "tls = true", True), ("head", "", True),
     ("10.1.0.4", "tls = false", False)],
)  # fmt: skip
def test_over_a_network_workers_speak_tls_unless_the_file_says_otherwise(
    tmp_path: Path, host: str, tls: str, spoken: bool
) -> None:
    file = tmp_path / "slurm.toml"
    file.write_text(f'[cluster]\nhost = "{host}"\n{tls}\n')
    cluster = read_cluster(file)
    assert cluster.tls is spoken
    assert (cluster.port, cluster.workers, cluster.crawls, cluster.python) == (0, 1, 4, sys.executable)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 0, "needs host"),
        ("[cluster]\nworkers = 2\n", 1, "needs host"),
        ('[cluster]\nhost = ""\n', 2, "host must be a text"),
        ('[cluster]\nhost = "a"\nworker = 2\n', 3, "worker is not known here"),
        ('[cluster]\nhost = "a"\nworkers = 0\n', 3, "workers must be from 1 to 10,000"),
        ('[cluster]\nhost = "a"\nworkers = true\n', 3, "workers must be a whole number, not True"),
        ('[cluster]\nhost = "a"\nport = 65536\n', 3, "port must be from 0"),
        ('[cluster]\nhost = "a"\npatience = "soon"\n', 3, "patience: 'soon' is no time"),
        ('[cluster]\nhost = "a"\nsetup = ["a", 1]\n', 3, "setup must be an array of texts"),
        ('[cluster]\nhost = "a"\nsetup = ["a\\nb"]\n', 3, "setup must be an array of texts"),
        ('[cluster]\nhost = "a"\nlauncher = "pbs"\n', 3, "the launcher 'pbs' is not known, only slurm"),
        ('[cluster]\nhost = "a"\n[sbatch]\narray = "1-9"\n', 4, "array is no long option of sbatch that may stand"),
        ('[cluster]\nhost = "a"\n[sbatch]\nTime = "1"\n', 4, "Time is no long option"),
        ('[cluster]\nhost = "a"\n[sbatch]\ntime = "1\\nrm x"\n', 4, "time must be a text, a whole number or true"),
        ('[cluster]\nhost = "a"\n[sbatch]\nexclusive = false\n', 4, "exclusive must be a text"),
        ("cluster = 1\n", 1, "cluster must be a table"),
        ("[pbs]\n", 1, "pbs is not known here; there are cluster, sbatch"),
    ],
)
def test_a_mistake_is_one_line_with_its_place(tmp_path: Path, text: str, line: int, words: str) -> None:
    file = tmp_path / "slurm.toml"
    file.write_text(text)
    with pytest.raises(CommandError) as caught:
        read_cluster(file)
    place = f"{file}, line {line}: " if line else f"{file}: "
    assert caught.value.message.startswith(place)
    assert words in caught.value.message
    assert "\n" not in caught.value.message


def test_a_file_that_cannot_be_read_is_one_line_too(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b"# \xe4\n")
    (tmp_path / "open.toml").write_text("[cluster\n")
    for name in ("none.toml", "latin.toml", "open.toml", "."):
        with pytest.raises(CommandError) as caught:
            read_cluster(tmp_path / name)
        assert str(tmp_path) in caught.value.message
        assert "\n" not in caught.value.message


def test_the_file_of_the_documentation_can_be_read(tmp_path: Path) -> None:
    example = (REPOSITORY / "docs/cluster.md").read_text("utf-8").partition("```toml\n[cluster]")[2].partition("```")[0]
    file = tmp_path / "slurm.toml"
    file.write_text("[cluster]" + example)
    cluster = read_cluster(file)
    assert (cluster.workers, cluster.crawls, dict(cluster.job_options)["mem"]) == (20, 8, "10G")
