"""The wheel holds one package, `broadsheet`, and nothing else; what is installed runs beside projects of any name."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
from dataclasses import dataclass
from email import message_from_bytes
from pathlib import Path
from zipfile import ZipFile

import pytest

from broadsheet.crawler import __version__
from tests.crawler.demo.truth import expected_stories
from tests.sampling import sampled
from tests.sharing import shared_folder
from tests.tools import ToolsMissingError, programs

REPOSITORY = Path(__file__).resolve().parents[1]
FOLDERS = ("broadsheet", "cleaners", "crawler", "output")
ADDRESS = "https://code.example/owner/broadsheet"
PATIENCE = 900  # seconds for a step; a first installation downloads some 100 MB
REQUIREMENT = "setuptools>=77.0.3"  # of what pyproject.toml builds with; where it cannot be had, there is no registry

_IMPORT_ALL = """import importlib, pkgutil
import broadsheet
for module in pkgutil.walk_packages(broadsheet.__path__, "broadsheet."):
    try:
        importlib.import_module(module.name)
    except ModuleNotFoundError as error:
        if (error.name, module.name) != ("playwright", "broadsheet.crawler.rendering.browser_process") and (
            error.name not in ("pyarrow", "dask")
            or not {"parquet", "bulk", "dask"} & {*module.name.replace("_", ".").split(".")}):
            raise
print(broadsheet.__file__)"""


@dataclass(frozen=True)
class Installation:
    """A virtual environment of its own and the wheel that was installed into it."""

    folder: Path
    wheel: Path

    def run(self, program: str, *arguments: object, folder: Path | None = None) -> str:
        """What a program of the environment prints, run in a folder (beside it) as if the checkout did not exist."""
        return run([self.folder / "venv/bin" / program, *arguments], folder or self.folder)


def run(command: list[object], folder: Path, **more_variables: str) -> str:
    """What a command prints on standard output; a failure fails the test with all that it said."""
    variables = {name: text for name, text in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    variables |= more_variables
    words = list(map(str, command))
    process = subprocess.run(
        words, cwd=folder, env=variables, capture_output=True, text=True, timeout=PATIENCE, check=False
    )  # fmt: skip
    assert process.returncode == 0, f"{command}\n{process.stdout}\n{process.stderr}"
    return process.stdout


def tracked_files(*folders: str) -> list[str]:
    """The files below these folders that a commit would hold, by their path in the checkout."""
    if not shutil.which("git") or not (REPOSITORY / ".git").exists():
        pytest.skip("needs git, in a checkout")
    listing = run(["git", "ls-files", "-z", "--", *folders], REPOSITORY)
    return [name for name in listing.split("\0") if name and (REPOSITORY / name).is_file()]


def copy_checkout(target: Path) -> None:
    """The tracked files and links, and what a checkout gathers beside them once it has been used."""
    for name in tracked_files():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, target / name)
    for room in FOLDERS[1:]:
        (target / "broadsheet" / room).symlink_to((REPOSITORY / "broadsheet" / room).readlink())
    for package in {(target / name).parent for name in tracked_files(*FOLDERS) if name.endswith("__init__.py")}:
        (package / "__pycache__").mkdir()
        (package / "__pycache__/__init__.cpython-311.pyc").touch()


def make_project(folder: Path, name: str, more_settings: str = "") -> None:
    """A Scrapy project of a name, with settings and one spider of its own that fetches nothing."""
    (folder / "scrapy.cfg").write_text(f"[settings]\ndefault = {name}.settings\n")
    files = {
        "__init__.py": "",
        "settings.py": f'BOT_NAME = "the-{name}-of-a-user"\nSPIDER_MODULES = ["{name}.spiders"]\n{more_settings}',
        "spiders/__init__.py": "",
        "spiders/mine.py": """import scrapy


class Mine(scrapy.Spider):
    name = "mine"

    async def start(self):
        yield {"module": __name__}
""",
    }
    for file, text in files.items():
        (folder / name / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / name / file).write_text(text)


def skip_without_registry(python: Path, folder: Path) -> None:
    """Skip where pip cannot fetch what every build needs."""
    command = [python, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, REQUIREMENT]
    if subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False).returncode:
        pytest.skip("no package registry can be reached")


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The wheel of the tracked files in a fresh environment, by the pip that comes with this Python."""
    folder = shared_folder(tmp_path_factory, "wheel", install_wheel)
    (wheel,) = (folder / "dist").glob("*.whl")
    return Installation(folder, wheel)


def install_wheel(folder: Path) -> None:
    """Build the wheel into `dist` below a folder, and install it into `venv` there."""
    run([sys.executable, "-m", "venv", folder / "venv"], folder)
    python = folder / "venv/bin/python"
    skip_without_registry(python, folder / "probe")
    copy_checkout(folder / "source")
    run(
        [python, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder / "dist", folder / "source"],
        folder,
    )
    (wheel,) = (folder / "dist").glob("*.whl")
    run([python, "-m", "pip", "install", "--quiet", "--no-compile", wheel], folder)
    shutil.rmtree(folder / "source")


def installed_path(name: str) -> str:
    """The path in the wheel of a file of the checkout; empty for sources in C, of which it holds what they became."""
    if name.endswith((".c", ".h")):
        return ""
    return name if name.startswith("broadsheet/") else f"broadsheet/{name}"


@pytest.mark.slow
def test_a_plain_checkout_opens_an_archive_where_only_what_it_needs_is_installed(tmp_path):
    copy_checkout(tmp_path)
    program = """import broadsheet, broadsheet.crawler.cli
try:
    broadsheet.open("x.db")
except broadsheet.ArchiveError as error:
    print(error, broadsheet.__file__)"""
    without_hooks = [sys.executable, "-S", "-c", program]  # and so without the editable installation
    printed = run(without_hooks, tmp_path, PYTHONPATH=sysconfig.get_path("purelib"))
    assert printed == f"{tmp_path / 'x.db'} does not exist {tmp_path / 'broadsheet/__init__.py'}\n"


def test_every_package_is_named_in_pyproject():
    setuptools = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    found = [str(file.relative_to(REPOSITORY)) for room in FOLDERS for file in (REPOSITORY / room).rglob("__init__.py")]
    folders = {Path(installed_path(name)).parent for name in found}
    packages = {".".join(folder.parts) for folder in folders}
    assert setuptools["packages"] == sorted(packages)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel built from it, of a repository whose address its owner has set."""
    return shared_folder(tmp_path_factory, "release", build_release)


def build_release(folder: Path) -> None:
    """Build both into `dist` below a folder, as `make dist` does."""
    copy_checkout(folder / "source")
    settings = folder / "source/pyproject.toml"
    settings.write_text(settings.read_text("utf-8").replace('repository = ""', f'repository = "{ADDRESS}"'), "utf-8")
    run([release_tools() / "pyproject-build", "--outdir", folder / "dist", folder / "source"], folder)
    shutil.rmtree(folder / "source")


def release_tools() -> Path:
    """The folder of the programs that a release needs."""
    try:
        return programs("release")
    except ToolsMissingError as error:
        pytest.skip(f"no package registry can be reached: {error}")


@pytest.mark.slow
def test_what_is_published_has_links_that_lead_somewhere_from_anywhere(release):
    [wheel], [sdist] = (release / "dist").glob("*.whl"), (release / "dist").glob("*.tar.gz")
    run([release_tools() / "twine", "check", "--strict", wheel, sdist], release)
    with ZipFile(wheel) as archive:
        metadata = message_from_bytes(archive.read(f"broadsheet-{__version__}.dist-info/METADATA"))
        licences = [name.rpartition("/")[2] for name in archive.namelist() if "/licenses/" in name]
    links = re.findall(r"\]\(([^)\s]+)", metadata.get_payload())
    assert [link for link in links if "://" not in link] == []
    own = [link.removeprefix(f"{ADDRESS}/") for link in links if link.startswith(ADDRESS)]
    views = [link.partition("#")[0].split("/", 2) for link in own]
    assert {(place, tag) for place, tag, _ in views} == {("blob", f"v{__version__}"), ("raw", f"v{__version__}")}
    assert [path for _, _, path in views if not (REPOSITORY / path).is_file()] == []
    assert dict(url.split(", ") for url in metadata.get_all("Project-URL"))["Source"] == ADDRESS
    assert (metadata["License-Expression"], sorted(licences)) == ("Apache-2.0 AND CC-BY-SA-3.0", ["LICENSE", "NOTICE"])


@pytest.mark.slow
def test_the_sdist_is_the_checkout_and_has_its_links_once_make_was_run(release, tmp_path):
    [sdist] = (release / "dist").glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    [folder] = tmp_path.iterdir()
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    made = {"PKG-INFO", "setup.cfg"} | {name for name in found if name.startswith("broadsheet.egg-info/")}
    links = {f"broadsheet/{room}" for room in FOLDERS[1:]}
    assert (sorted({*tracked_files()} - links - found), sorted(found - {*tracked_files()} - made)) == ([], [])
    rules = run(["make", "--dry-run", "test"], folder)
    [lay] = [line for line in rules.splitlines() if "ln -s" in line]
    run(["sh", "-c", lay], folder)
    assert all((folder / link / "__init__.py").is_file() for link in links)


@pytest.mark.slow
def test_the_wheel_holds_every_tracked_file_of_the_packages_and_no_other(installation):
    with ZipFile(installation.wheel) as archive:
        info = f"broadsheet-{__version__}.dist-info"
        names = {name for name in archive.namelist() if not name.startswith(f"{info}/")}
    tracked = {installed_path(name) for name in tracked_files(*FOLDERS)}
    tracked -= {""}
    assert (sorted(tracked - names), sorted(names - tracked)) == ([], [])


@pytest.mark.slow
@pytest.mark.parametrize("name", sampled(FOLDERS[1:], 1))
def test_a_project_of_the_name_of_one_of_our_folders_keeps_its_settings_and_spiders(installation, tmp_path, name):
    """Scrapy puts a project's folder at the end of the path, so an installed package of its name would come first."""
    make_project(tmp_path, name)
    assert installation.run("scrapy", "list", folder=tmp_path) == "mine\n"
    assert installation.run("scrapy", "settings", "--get", "BOT_NAME", folder=tmp_path) == f"the-{name}-of-a-user\n"
    installation.run("scrapy", "crawl", "mine", "-O", "items.json", folder=tmp_path)
    assert json.loads((tmp_path / "items.json").read_text()) == [{"module": f"{name}.spiders.mine"}]
    assert installation.run("broadsheet", "--version", folder=tmp_path) == f"broadsheet {__version__}\n"
    program = "import broadsheet; print(broadsheet.clean('<p>A word.</p>').url == '', broadsheet.open.__module__)"
    assert installation.run("python", "-c", program, folder=tmp_path) == "True broadsheet.reader\n"


@pytest.mark.slow
@pytest.mark.parametrize("name", sampled(FOLDERS[1:], 1))
def test_the_add_on_brings_our_spiders_into_such_a_project(installation, tmp_path, name):
    make_project(tmp_path, name, 'ADDONS = {"broadsheet.Addon": 0}\n')
    program = """from scrapy.crawler import AsyncCrawlerProcess
from scrapy.utils.project import get_project_settings
print(*sorted(AsyncCrawlerProcess(get_project_settings()).spider_loader.list()))"""
    assert installation.run("python", "-c", program, folder=tmp_path) == "mine site urls\n"


@pytest.mark.slow
def test_every_module_can_be_imported_from_the_wheel(installation):
    file = installation.run("python", "-c", _IMPORT_ALL).strip()
    assert Path(file).is_relative_to(installation.folder / "venv")


@pytest.mark.slow
def test_the_installed_demo_crawls_every_story_into_the_folder_it_is_run_in(installation):
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
def test_a_program_that_imports_the_installed_module_is_checked_against_its_types(installation, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(_TYPED_PROGRAM)
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path / "cache", "--python-executable",
               installation.folder / "venv/bin/python", program]  # fmt: skip
    process = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert re.findall(r'Revealed type is "(.*)"', process.stdout) == [
        "datetime.datetime | None",
        "broadsheet.reader.RawResponse | None",
        "str",
    ]
    errors = [line for line in process.stdout.splitlines() if ": error:" in line]
    assert len(errors) == 1, process.stdout
    assert 'Unexpected keyword argument "tongue"' in errors[0]
