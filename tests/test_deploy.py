"""The files in `docs/deploy/`, the Dockerfile and the workflows: what can be known of them where none of them runs.

Where systemd-analyze is installed, it has a look too.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from configparser import ConfigParser
from contextlib import closing
from pathlib import Path
from typing import Any

import click
import pytest

from broadsheet.crawler.cli import cli
from tests.bench.load.site import free_port
from tests.crawler.fleet.s3_server import BUCKET, running_s3_server
from tests.crawler.scripted_site import ScriptedSite, page, stories
from tests.release import reasons_against
from tests.tools import ToolsMissingError, programs

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "docs" / "deploy"
WORKFLOWS, DEPENDABOT = ROOT / ".github" / "workflows", ROOT / ".github" / "dependabot.yml"
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
    assert final_stage[0] == ("FROM", "${BASE}")
    assert re.fullmatch(r"BASE=python:3\.\d+-slim", dict(INSTRUCTIONS[:1])["ARG"])
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


def workflows() -> dict[str, dict[str, Any]]:
    yaml = pytest.importorskip("yaml", reason="needs a linter: PyYAML")
    return {file.stem: yaml.safe_load(file.read_text("utf-8")) for file in WORKFLOWS.glob("*.yml")}


def steps_of(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job.get("steps", ())]


def test_what_a_workflow_runs_and_names_is_there():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    for workflow in workflows().values():
        commands = [line for step in steps_of(workflow) for line in step.get("run", "").splitlines()]
        made = [line.split()[1:] for line in commands if line.startswith("make ")]
        assert {word for words in made for word in words if "=" not in word} <= targets
        modules = [found for line in commands for found in re.findall(r"python -m (tests[\w.]+)", line)]
        assert [name for name in modules if not (ROOT / f"{name.replace('.', '/')}.py").is_file()] == []
        called = [job["uses"] for job in workflow["jobs"].values() if "uses" in job]
        assert [name for name in called if not (ROOT / name).is_file()] == []


def test_the_pythons_that_are_promised_are_tried():
    matrix = workflows()["ci"]["jobs"]["pythons"]["strategy"]["matrix"]
    classifiers = re.findall(r"Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text("utf-8"))
    assert (matrix["python"], {part["os"] for part in matrix["include"]}) == (classifiers, {"macos-latest"})
    assert f"Python {classifiers[0]} to {classifiers[-1]} on Linux" in (ROOT / "README.md").read_text("utf-8")


def test_a_release_publishes_without_a_password_what_was_tested_and_only_if_it_may():
    jobs = workflows()["release"]["jobs"]
    waits_for = {name: job.get("needs") for name, job in jobs.items()}
    assert waits_for == {
        "allowed": None, "tests": "allowed", "build": "tests", "publish": "build", "base": "tests",
        "image": ["base", "publish"],
    }  # fmt: skip
    assert [name for name, job in jobs.items() if job.get("permissions", {}).get("id-token")] == [
        "build", "publish", "image",
    ]  # fmt: skip
    assert {part["extras"] for part in jobs["image"]["strategy"]["matrix"]["include"]} == {"", "fleet"}
    assert set(re.findall(r"secrets\.(\w+)", (WORKFLOWS / "release.yml").read_text("utf-8"))) == {"GITHUB_TOKEN"}


def test_what_keeps_a_version_from_being_published_is_told(tmp_path):
    def told(tag: str, own: str, changelog: str) -> list[str]:
        (tmp_path / "pyproject.toml").write_text(
            f'[project]\nversion = "1.2"\n[tool.broadsheet]\nrepository = "{own}"\n'
        )
        (tmp_path / "CHANGELOG.md").write_text(f"# Changelog\n\n## {changelog}\n")
        return [line.split(":")[0].split(",")[0] for line in reasons_against(tag, "https://code.example/a/b", tmp_path)]

    assert told("v1.2", "https://code.example/a/b", "1.2 (2026-12-02)") == []
    assert told("v1.3", "", "Unreleased") == [
        "the tag v1.3 is not v1.2", "the repository's address is not set", "CHANGELOG.md does not begin with 1.2",
    ]  # fmt: skip
    assert told("v1.2", "https://code.example/c", "1.2") == [
        "pyproject.toml names the repository https"
    ]  # fmt: skip


@pytest.mark.slow
def test_the_workflows_have_the_form_that_github_reads():
    """A schema that comes with the checker: nothing here runs a workflow, and no expression in one is evaluated."""
    try:
        checker = programs("release") / "check-jsonschema"
    except ToolsMissingError as error:
        pytest.skip(f"no package registry can be reached: {error}")
    for schema, files in (("github-workflows", WORKFLOWS.glob("*.yml")), ("dependabot", [DEPENDABOT])):
        command = [checker, "--builtin-schema", f"vendor.{schema}", *files]
        process = subprocess.run(command, capture_output=True, text=True, check=False)
        assert process.returncode == 0, process.stdout


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
    [scheduler] = parts["broadsheet-scheduler"]["spec"]["template"]["spec"]["containers"]
    return {
        "cron": cron[6:],
        "systemd": shlex.split(unit("broadsheet-run.service")["Service"]["ExecStart"]),
        "kubernetes": [*run["command"], *run["args"]],
        "kubernetes scheduler": scheduler["command"],
        "slurm": shlex.split(script[4].removeprefix("#")),
        "systemd worker": shlex.split(unit("broadsheet-worker.service")["Service"]["ExecStart"]),
        "kubernetes worker": [*worker["command"], *worker["args"]],
        "slurm worker": shlex.split(script[-1].removeprefix("exec ")),
    }


def test_every_file_runs_a_list_from_a_folder_on_a_local_disk():
    contexts = {name: parsed(words[1:]) for name, words in started_words().items() if " " not in name}
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


def built_with(image: str) -> str:
    """The extras that the commands in the files' heads build an image with."""
    heads = [(ROOT / "Dockerfile").read_text("utf-8"), *(file.read_text("utf-8") for file in DEPLOY.iterdir())]
    found = {match[1] or "" for head in heads for match in re.finditer(
        rf"docker build -t {image}(?: --build-arg EXTRAS=([\w,]+))? \.", head)}  # fmt: skip
    assert len(found) == 1, f"{image} is built {found or 'nowhere'}"
    return found.pop()


def container_images() -> dict[str, str]:
    """The image of each container of the Kubernetes file, by the name of its part."""
    yaml = pytest.importorskip("yaml", reason="needs a linter: PyYAML")
    images = {}
    for part in yaml.safe_load_all((DEPLOY / "kubernetes-workers.yaml").read_text("utf-8")):
        pods = [part.get("spec", {}), part.get("spec", {}).get("jobTemplate", {}).get("spec", {})]
        for pod in (pod["template"]["spec"] for pod in pods if "template" in pod):
            [container] = pod["containers"]
            images[part["metadata"]["name"]] = container["image"]
    return images


def build(folder: Path, extras: str) -> Path:
    """Make the environment of an image as the Dockerfile makes it: its own lines, on what it copies, in a folder."""
    source, target = folder / "src", folder / "opt"
    for name in re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text("utf-8"), re.MULTILINE):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        source.mkdir(parents=True, exist_ok=True)
        copy(ROOT / name, source / name)
    stage = INSTRUCTIONS[1 : [name for name, _ in INSTRUCTIONS].index("FROM", 2)]
    variables = dict(pair.split("=", 1) for name, text in stage if name == "ENV" for pair in text.split())
    variables |= {text.partition("=")[0]: text.partition("=")[2].strip('"') for name, text in stage if name == "ARG"}
    assert set(variables) >= {"EXTRAS", "PIP_CONSTRAINT"}
    given = variables | {"PIP_CONSTRAINT": str(source / "constraints.txt"), "EXTRAS": extras, "PIP_NO_CACHE_DIR": ""}
    environment = {name: text for name, text in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")} | given
    [line] = [text for name, text in stage if name == "RUN"]
    line = line.replace("/opt/broadsheet", str(target)).replace("python -m venv", f"{sys.executable} -m venv")
    built = subprocess.run(["sh", "-c", line], cwd=source, env=environment, capture_output=True, text=True, check=False)
    if "No matching distribution" in built.stderr or "Temporary failure in name resolution" in built.stderr:
        pytest.skip("needs a package index")
    assert built.returncode == 0, built.stderr
    return target / "bin"


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[str]]]:
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        process.terminate()
        process.wait(60)


@pytest.mark.slow
def test_the_cluster_s_commands_start_and_crawl_in_the_image_that_the_file_names(tmp_path, started):
    """Scheduler, worker and run, with the addresses of this machine in place of the cluster's."""
    [image] = set(container_images().values())
    programs = build(tmp_path, built_with(image))
    site = ScriptedSite({"/": page("home", "/lock"), **stories("lock")})
    (tmp_path / "sites.toml").write_text(
        f'[defaults]\nallow-private = true\ndelay = 0\n[sites.one]\nurls = ["{site.url}/"]\n'
    )
    port, words = free_port(), started_words()
    places = {"tcp://broadsheet-scheduler:8786": f"tcp://127.0.0.1:{port}", "/data": str(tmp_path / "data"),
              "/etc/broadsheet": str(tmp_path), "s3://archives": f"s3://{BUCKET}"}  # fmt: skip
    with closing(site), running_s3_server(free_port()) as server:
        environment = {name: text for name, text in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
        environment |= {**server.environment, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}

        def placed(command: list[str]) -> list[str]:
            for place, ours in places.items():
                command = [word.replace(place, ours) for word in command]
            return [str(programs / command[0]), *command[1:]]

        for command in ([*words["kubernetes scheduler"], "--host", "127.0.0.1", "--port", str(port)],
                        words["kubernetes worker"]):  # fmt: skip
            started.append(subprocess.Popen(placed(command), env=environment, cwd=tmp_path, text=True))
            time.sleep(1)
        run = subprocess.run(
            placed(words["kubernetes"]), env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300,
            check=False,
        )  # fmt: skip
        assert [process.poll() for process in started] == [None, None]
    assert run.returncode == 0, run.stderr
    assert "/lock" in site.paths()


def test_each_image_that_a_file_names_is_built_by_a_line_of_the_files_and_has_what_its_commands_need():
    fleet_images, plain_images = set(container_images().values()), {part["image"] for part in services().values()}
    assert {built_with(image) for image in fleet_images} == {"fleet"}
    assert {built_with(image) for image in plain_images} == {""}
