"""The files in `docs/deploy/`, and the Dockerfile: what can be known of them without a container engine.

Where systemd-analyze is installed, it has a look too.
"""

import re
import shlex
import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import click
import pytest

from broadsheet.crawler.cli import cli

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "docs" / "deploy"
INSTRUCTIONS = [
    tuple(line.split(maxsplit=1))
    for line in (ROOT / "Dockerfile").read_text("utf-8").splitlines()
    if line and not line.startswith(("#", " "))
]


def parsed(words: list[str]) -> click.Context:
    """The verb that a command line of broadsheet leads to; click's error if it makes no sense."""
    command: click.Command = cli
    name, *rest = words
    while isinstance(command, click.Group):
        _, subcommand, _ = command.resolve_command(click.Context(command), [name])
        assert subcommand is not None, name
        command = subcommand
        if isinstance(command, click.Group):
            name, *rest = rest
    return command.make_context(name, rest)


def unit(name: str) -> ConfigParser:
    parser = ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(DEPLOY / name, "utf-8")
    return parser


def services() -> dict[str, Any]:
    yaml = pytest.importorskip("yaml", reason="needs a linter: PyYAML")
    return dict(yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))["services"])


def test_the_image_is_slim_not_root_and_has_one_volume():
    final_stage = INSTRUCTIONS[max(at for at, (name, _) in enumerate(INSTRUCTIONS) if name == "FROM") :]
    assert final_stage[0][1].endswith("-slim")
    assert [line for line in final_stage if line[0] in ("VOLUME", "ENTRYPOINT")] == [
        ("VOLUME", "/data"), ("ENTRYPOINT", '["broadsheet"]'),
    ]  # fmt: skip
    names = [name for name, _ in final_stage]
    assert dict(final_stage)["USER"] not in ("root", "0")
    assert (names.count("USER"), names.index("USER") < names.index("ENTRYPOINT")) == (1, True)


def test_what_the_image_is_built_from_is_what_the_package_needs():
    kept = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text("utf-8"), re.MULTILINE)
    assert [name for name in kept if not (ROOT / name).exists()] == []
    assert {"broadsheet", "cleaners", "crawler", "output", "pyproject.toml", "constraints.txt"} <= set(kept)


def test_the_commands_of_the_services_are_commands():
    fleet, browse = services()["fleet"], services()["browse"]
    assert parsed([*fleet["entrypoint"], *fleet["command"]][1:]).info_name == "run"
    assert parsed(browse["command"]).params["read_only"] is True
    assert all(port.startswith("127.0.0.1:") for port in browse["ports"])
    assert {service["cap_drop"][0] for service in services().values()} == {"ALL"}


def test_the_unit_runs_a_command_and_stops_the_runner_alone():
    service = unit("broadsheet-fleet.service")["Service"]
    program, *words = shlex.split(service["ExecStart"])
    assert Path(program).name == "broadsheet"
    assert parsed(words).info_name == "run"
    assert (service["KillMode"], service["User"]) == ("mixed", "broadsheet")
    assert unit("broadsheet-fleet.timer")["Timer"]["OnCalendar"] == "hourly"


def started_words() -> dict[str, list[str]]:
    """The command of each file that runs a list or starts a worker, with the name of its program."""
    cron = (DEPLOY / "fleet.cron").read_text("utf-8").splitlines()[-1].split()
    script = (DEPLOY / "slurm-workers.sh").read_text("utf-8").splitlines()
    yaml = pytest.importorskip("yaml", reason="needs a linter: PyYAML")
    parts = {part["metadata"]["name"]: part for part in yaml.safe_load_all(
        (DEPLOY / "kubernetes-workers.yaml").read_text("utf-8")) if part["kind"] != "Service"}  # fmt: skip
    [run] = parts["broadsheet-run"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    [worker] = parts["broadsheet-workers"]["spec"]["template"]["spec"]["containers"]
    return {
        "cron": cron[6:],
        "systemd": shlex.split(unit("broadsheet-run.service")["Service"]["ExecStart"]),
        "kubernetes": [*run["command"], *run["args"]],
        "slurm": shlex.split(script[4].removeprefix("#")),
        "systemd worker": shlex.split(unit("broadsheet-worker.service")["Service"]["ExecStart"]),
        "kubernetes worker": [*worker["command"], *worker["args"]],
        "slurm worker": shlex.split(script[-1].removeprefix("exec ")),
    }


def test_every_file_runs_a_list_from_a_folder_on_a_local_disk():
    contexts = {name: parsed(words[1:]) for name, words in started_words().items() if "worker" not in name}
    assert {context.info_name for context in contexts.values()} == {"run"}
    assert {name: context.params["work"] for name, context in contexts.items()} == {
        "cron": "/var/lib/broadsheet", "systemd": "copies", "kubernetes": "/data/copies",
        "slurm": "$TMPDIR/broadsheet",
    }  # fmt: skip
    assert [name for name, context in contexts.items() if context.params["is_waiting"]] == ["systemd"]
    assert {name for name, context in contexts.items() if context.params["scheduler"]} == {*contexts} - {"cron"}
    assert unit("broadsheet-run.service")["Service"]["KillMode"] == "mixed"


@pytest.mark.slow
def test_every_file_starts_a_worker_by_a_command_of_dask():
    from distributed.cli.dask_worker import main

    words = {name: words for name, words in started_words().items() if "worker" in name}
    assert {tuple(each[:2])[1] for each in words.values()} == {"worker"}
    for each in words.values():
        params = main.make_context("worker", [*each[2:], "--scheduler-file", str(ROOT / "README.md")]).params
        assert (params["n_workers"], params["memory_limit"]) == ("1", "0")
        assert params["nthreads"] >= 8


@pytest.mark.slow
def test_systemd_finds_nothing_in_the_units(tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("needs a linter: systemd-analyze")
    for file in DEPLOY.glob("broadsheet-*.*"):
        text = (
            file.read_text("utf-8")
            .replace("/usr/local/bin/broadsheet", "/bin/true")
            .replace("/usr/local/bin/dask", "/bin/true")
        )
        (tmp_path / file.name).write_text(text.replace("User=broadsheet", "User=root"), "utf-8")
    units = [str(path) for path in tmp_path.iterdir()]
    process = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    assert [line for line in process.stderr.splitlines() if "broadsheet-" in line] == []
