"""Packages: what code imports is declared, what is declared is pinned and has its line; one version everywhere."""

import ast
import hashlib
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from broadsheet.crawler import __version__
from tests.tools import PINS, REPOSITORY, ToolsMissingError, programs

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
EXTRAS = PROJECT["project"]["optional-dependencies"]
NAMESPACES = {"backports"}  # packages of several distributions: the second part of the name counts too
UNINSTALLED = {"readability": "readability-lxml", "newspaper": "newspaper4k"}
"""Of the benchmarks alone: an installation for tests does not have them."""
EXTRA_OF = {
    "tests/training/": "train",
    "crawler/fleet/": "fleet",
    "crawler/bulk/bulk_run.py": "fleet",
    "crawler/rendering/browser_process.py": "browser",
    "output/read/stored_articles.py": "pandas",
    "output/collections/parquet_files.py": "parquet",
    "crawler/fleet/run_notices.py": "notify",
    "tests/bench/": "bench",
    "tests/": "dev",
}
"""Which extra of pyproject.toml the modules of a folder may need besides."""
installed_packages = cache(metadata.packages_distributions)


def requirements(lines: Iterable[str]) -> list[Requirement]:
    return [Requirement(line) for line in lines if line.strip() and not line.lstrip().startswith("#")]


def read(file: Path) -> list[Requirement]:
    return requirements(file.read_text("utf-8").splitlines())


def declared(*extras: str) -> set[str]:
    """The names of the packages that running, and these extras, ask for."""
    lines = [*PROJECT["project"]["dependencies"], *(line for name in extras for line in EXTRAS[name])]
    return {canonicalize_name(one.name) for one in requirements(lines)}


def imported_modules(source: str) -> Iterator[str]:
    """The modules outside the standard library that a source imports, at its top or within."""
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            is_part = node.module in NAMESPACES
            names = [f"{node.module}.{alias.name}" if is_part else node.module for alias in node.names]
        own = (*sys.stdlib_module_names, "broadsheet", "tests", "compression")
        yield from (name for name in names if name.split(".")[0] not in own)


def distribution_of(module: str) -> str:
    """The distribution that a module comes from; its own name where that is not installed."""
    top, _, rest = module.partition(".")
    if top in NAMESPACES:
        return canonicalize_name(f"{top}.{rest.split('.')[0]}")
    return canonicalize_name(installed_packages().get(top, [UNINSTALLED.get(top, top)])[0])


@pytest.mark.slow
def test_what_is_imported_is_declared_and_what_is_declared_is_imported():
    undeclared, imported = set(), set()
    for file in (
        file for folder in ("cleaners", "crawler", "output", "tests") for file in (REPOSITORY / folder).rglob("*.py")
    ):
        path = str(file.relative_to(REPOSITORY))
        names = {distribution_of(module) for module in imported_modules(file.read_text("utf-8"))}
        extras = [extra for place, extra in EXTRA_OF.items() if path.startswith(place)]
        undeclared |= {(path, name) for name in names - declared(*extras)}
        imported |= set() if path.startswith("tests/") else names
    assert undeclared == {("tests/executed_lines.py", "coverage")}, "which has an environment of its own (tests/pins)"
    assert declared() - imported == {"lxml-html-clean"}, "for others: docs/architecture.md says for whom"


def test_an_import_is_seen_wherever_it_stands():
    source = "import os\nfrom backports import zstd\ndef f():\n    import lxml.html, json\n    from tests import x\n"
    assert {*map(distribution_of, imported_modules(source))} == {"backports-zstd", "lxml"}


def test_what_is_declared_has_its_line():
    document = (REPOSITORY / "docs/architecture.md").read_text("utf-8")
    section = document.partition("\n## Dependencies\n")[2].partition("\n## ")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("|")]
    assert declared(*EXTRAS) == {canonicalize_name(name) for cell in cells for name in re.findall(r"`([\w.-]+)`", cell)}


def test_the_language_model_is_the_one_that_the_notice_names():
    digest = hashlib.sha256((REPOSITORY / "cleaners/page/lid.176.ftz").read_bytes()).hexdigest()
    assert digest in (REPOSITORY / "NOTICE").read_text("utf-8")


def unpinned(wanted: Iterable[Requirement], pins: Iterable[Requirement]) -> list[str]:
    """What is wanted and has no pin, or one that it does not allow; a pin of no one version."""
    versions: dict[str, set[str]] = {}
    for pin in pins:
        versions.setdefault(canonicalize_name(pin.name), set()).add(str(pin.specifier).removeprefix("=="))
    missing = [
        str(each) for each in wanted
        if not (known := versions.get(canonicalize_name(each.name)))
        or not all(each.specifier.contains(version, prereleases=True) for version in known)
    ]  # fmt: skip
    return missing + [name for name, known in versions.items() if re.search(r"[<>~=,*]|^$", " ".join(known))]


def test_all_that_is_asked_for_is_pinned_to_one_version():
    """Not the benchmarks' extractors."""
    lines = [
        *PROJECT["build-system"]["requires"],
        *PROJECT["project"]["dependencies"],
        *EXTRAS["dev"],
        *EXTRAS["train"],
    ]
    assert unpinned(requirements(lines), read(REPOSITORY / "constraints.txt")) == [], "make pins writes it anew"
    sets = {file.stem: unpinned(read(file), read(file.with_suffix(".txt"))) for file in PINS.glob("*.in")}
    assert {name for name, missing in sets.items() if missing} == set()
    wanted = requirements(["a>=2", "B_c<3", "d"])
    assert unpinned(wanted, requirements(["a==1", "b-c==2.9", "e>1"])) == ["a>=2", "d", "e"]
    assert unpinned(wanted, requirements(["a==2", "b-c==2.9", "d==1", "d==2 ; python_version < '3.12'"])) == []


def locked() -> dict[str, tuple[str, int]]:
    """The version and the number of hashes of each package of locked.txt."""
    parts = re.split(r"^(?=\w)", (REPOSITORY / "locked.txt").read_text("utf-8"), flags=re.MULTILINE)[1:]
    pins = [(Requirement(part.partition(" \\")[0]), part.count("--hash=sha256:")) for part in parts]
    return {canonicalize_name(pin.name): (str(pin.specifier), hashes) for pin, hashes in pins}


def test_the_lock_has_hashes_and_the_versions_of_constraints_for_all_that_running_needs():
    versions = {canonicalize_name(pin.name): str(pin.specifier) for pin in read(REPOSITORY / "constraints.txt")}
    assert declared() <= locked().keys()
    pins = {name: pin for name, pin in locked().items() if name != "pip"}  # which installs constraints.txt
    assert {name for name, (version, hashes) in pins.items() if versions[name] != version or not hashes} == set()


@pytest.mark.slow
def test_the_list_of_what_a_release_needs_is_that_of_the_lock(tmp_path):
    """By the line of `make dist` that writes it."""
    recipe = (REPOSITORY / "Makefile").read_text("utf-8").partition("/cyclonedx-py ")[2].partition("\n\n")[0]
    words = recipe.replace("\\\n", " ").replace("build/sbom.json", str(tmp_path / "sbom.json")).split()
    try:
        program = programs("release") / "cyclonedx-py"
    except ToolsMissingError as error:
        pytest.skip(f"no package registry can be reached: {error}")
    subprocess.run([program, *words], cwd=REPOSITORY, check=True, capture_output=True)
    bill = json.loads((tmp_path / "sbom.json").read_text("utf-8"))
    assert bill["metadata"]["component"]["name"] == "broadsheet"
    listed = {canonicalize_name(one["name"]): f"=={one['version']}" for one in bill["components"]}
    assert listed == {name: version for name, (version, _) in locked().items()}


def test_pyproject_the_installation_and_the_changelog_say_the_version_of_the_package():
    changelog = (REPOSITORY / "CHANGELOG.md").read_text("utf-8")
    versions = re.findall(r"^## \[?(\d[^\s\]]*)", changelog, re.MULTILINE)
    assert {PROJECT["project"]["version"], metadata.version("broadsheet"), versions[0]} == {__version__}
    assert versions == sorted(versions, key=Version, reverse=True)
