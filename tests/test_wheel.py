"""The wheel holds the four packages whole and nothing else; what is installed from it runs outside the checkout."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import pytest

from crawler import __version__
from crawler.demo.truth import expected_stories

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGES = ("broadsheet", "cleaners", "crawler", "output")
PATIENCE = 900  # seconds for a step; a first installation downloads some 100 MB
REQUIREMENT = "setuptools>=64"  # what pyproject.toml builds with; where it cannot be had, there is no registry

_IMPORT_ALL = """import importlib, pkgutil, sys
for package in sys.argv[1:]:
    for module in pkgutil.walk_packages([importlib.import_module(package).__path__[0]], f"{package}."):
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as error:
            if error.name != "pyarrow" or "dataset" not in module.name:  # the extra for data sets is not installed
                raise
    print(importlib.import_module(package).__file__)"""


@dataclass(frozen=True)
class Installation:
    """A virtual environment of its own and the wheel that was installed into it."""

    folder: Path
    wheel: Path

    def run(self, program: str, *arguments: object) -> str:
        """What a program of the environment prints, run beside it as if the checkout did not exist."""
        return run([self.folder / "venv/bin" / program, *arguments], self.folder)


def run(command: list[object], folder: Path) -> str:
    """What a command prints on standard output; a failure fails the test with all that it said."""
    variables = {name: text for name, text in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    words = list(map(str, command))
    process = subprocess.run(
        words, cwd=folder, env=variables, capture_output=True, text=True, timeout=PATIENCE, check=False
    )  # fmt: skip
    assert process.returncode == 0, f"{command}\n{process.stdout}\n{process.stderr}"
    return process.stdout


def tracked_files(*folders: str) -> list[str]:
    """The files below these folders that a commit would hold, by their path in the checkout."""
    listing = run(["git", "ls-files", "-z", "--", *folders], REPOSITORY)
    return [name for name in listing.split("\0") if name and (REPOSITORY / name).is_file()]


def copy_checkout(target: Path) -> None:
    """The tracked files, and what a checkout gathers beside them once it has been used."""
    for name in tracked_files():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, target / name)
    for package in {(target / name).parent for name in tracked_files(*PACKAGES) if name.endswith("__init__.py")}:
        (package / "__pycache__").mkdir()
        (package / "__pycache__/__init__.cpython-311.pyc").touch()


def skip_without_registry(python: Path, folder: Path) -> None:
    """Skip where pip cannot fetch what every build needs."""
    command = [python, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, REQUIREMENT]
    if subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False).returncode:
        pytest.skip("no package registry can be reached")


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The wheel of the tracked files in a fresh environment, by the pip that comes with this Python."""
    folder: Path = tmp_path_factory.mktemp("wheel")
    run([sys.executable, "-m", "venv", folder / "venv"], folder)
    python = folder / "venv/bin/python"
    skip_without_registry(python, folder / "probe")
    copy_checkout(folder / "source")
    run(
        [python, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder / "dist", folder / "source"],
        folder,
    )
    (wheel,) = (folder / "dist").glob("*.whl")
    run([python, "-m", "pip", "install", "--quiet", wheel], folder)
    shutil.rmtree(folder / "source")
    return Installation(folder, wheel)


def folders_without_init(package: Path) -> list[str]:
    """Folders at and below a package, on the way to a module, that a wheel would not take for packages."""
    modules = package.rglob("*.py")
    folders = {folder for module in modules for folder in module.parents if package.parent in folder.parents}
    return sorted(
        str(folder.relative_to(package.parent)) for folder in folders if not (folder / "__init__.py").is_file()
    )


@pytest.mark.parametrize("package", PACKAGES)
def test_every_folder_that_holds_modules_is_a_package(package: str) -> None:
    assert folders_without_init(REPOSITORY / package) == []


def test_a_forgotten_init_is_seen_also_on_the_way_to_a_module(tmp_path: Path) -> None:
    for name in (
        "room/__init__.py",
        "room/a/__init__.py",
        "room/b/module.py",
        "room/c/d/__init__.py",
        "room/data/x.toml",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert folders_without_init(tmp_path / "room") == ["room/b", "room/c"]


@pytest.mark.slow
def test_the_wheel_holds_every_tracked_file_of_the_packages_and_no_other(installation: Installation) -> None:
    with ZipFile(installation.wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    tracked = set(tracked_files(*PACKAGES))
    assert (sorted(tracked - names), sorted(names - tracked)) == ([], [])


@pytest.mark.slow
def test_every_module_can_be_imported_from_the_wheel(installation: Installation) -> None:
    files = installation.run("python", "-c", _IMPORT_ALL, *PACKAGES).split()
    assert len(files) == len(PACKAGES)
    assert all(Path(file).is_relative_to(installation.folder / "venv") for file in files)


@pytest.mark.slow
def test_the_installed_command_says_its_version(installation: Installation) -> None:
    assert installation.run("broadsheet", "--version") == f"broadsheet {__version__}\n"


@pytest.mark.slow
def test_the_installed_demo_crawls_every_story_into_the_folder_it_is_run_in(installation: Installation) -> None:
    installation.run("broadsheet", "demo")
    with sqlite3.connect(installation.folder / "demo-out/sample.db") as db:
        titles = [title for (title,) in db.execute("SELECT title FROM articles ORDER BY title")]
    db.close()
    assert len(titles) == 27
    assert titles == sorted(story.title for story in expected_stories())


_TYPED_PROGRAM = """import broadsheet

with broadsheet.open("demo-out/sample.db") as archive:
    for article in archive.articles(language="en"):
        reveal_type(article.published)
    reveal_type(archive.raw("https://a.example/"))
reveal_type(broadsheet.clean("<p>x</p>").text)
archive.articles(tongue="en")
"""


@pytest.mark.slow
def test_a_program_that_imports_the_installed_module_is_checked_against_its_types(
    installation: Installation, tmp_path: Path
) -> None:
    program = tmp_path / "program.py"
    program.write_text(_TYPED_PROGRAM)
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path / "cache", "--python-executable",
               installation.folder / "venv/bin/python", program]  # fmt: skip
    process = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert re.findall(r'Revealed type is "(.*)"', process.stdout) == [
        "datetime.datetime | None",
        "broadsheet.RawResponse | None",
        "str",
    ]
    errors = [line for line in process.stdout.splitlines() if ": error:" in line]
    assert len(errors) == 1, process.stdout
    assert 'Unexpected keyword argument "tongue"' in errors[0]
