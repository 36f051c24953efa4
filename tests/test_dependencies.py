"""Every package that code imports is declared, and every declared one has its line in docs/architecture.md."""

from __future__ import annotations

import ast
import hashlib
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import packages_distributions

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.test_pins import PROJECT
from tests.tools import REPOSITORY

OWN = {"broadsheet", "tests"}
NAMESPACES = {"backports"}  # packages of several distributions: the second part of the name counts too
DOCUMENT = (
    (REPOSITORY / "docs/architecture.md").read_text("utf-8").partition("\n## Dependencies\n")[2].partition("\n## ")[0]
)
NOT_IMPORTED = {"lxml-html-clean"}
"""Declared for others: the document says for whom."""

EXTRA_OF = {
    "cleaners/training/": "train",
    "crawler/fleet/": "fleet",
    "crawler/rendering/browser_process.py": "browser",
    "output/read/stored_articles.py": "pandas",
    "output/collections/parquet_files.py": "parquet",
    "crawler/fleet/run_notices.py": "notify",
    "tests/bench/": "bench",
    "tests/": "dev",
}
"""Which extra of pyproject.toml the modules of a folder may need besides."""

APART = {("tests/executed_lines.py", "coverage")}
"""Packages that a tool has in an environment of its own (`tests/pins`)."""


@cache
def declared(*extras: str) -> set[str]:
    """The names of the packages that running, and these extras, ask for."""
    project = PROJECT["project"]
    lines = [*project["dependencies"], *(line for name in extras for line in project["optional-dependencies"][name])]
    return {canonicalize_name(Requirement(line).name) for line in lines}


def imported_modules(source: str) -> set[str]:
    """The modules outside the standard library that a source imports, at its top or within."""
    modules: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            modules |= {
                f"{node.module}.{alias.name}" if node.module in NAMESPACES else node.module for alias in node.names
            }
    return {module for module in modules if module.split(".")[0] not in (*sys.stdlib_module_names, *OWN, "compression")}


def distribution_of(module: str) -> str:
    """The distribution that a module comes from; its own name where that is not installed."""
    top, _, rest = module.partition(".")
    if top in NAMESPACES:
        return canonicalize_name(f"{top}.{rest.split('.')[0]}")
    names = _installed_packages().get(top, [UNINSTALLED.get(top, top)])
    return canonicalize_name(names[0])


@cache
def _installed_packages() -> Mapping[str, list[str]]:
    return packages_distributions()


UNINSTALLED = {"readability": "readability-lxml", "newspaper": "newspaper4k"}
"""Of the benchmarks alone: an installation for tests does not have them."""


def modules_of(folder: str) -> Iterator[tuple[str, str]]:
    """(path, imported distribution) of the modules below a folder."""
    for path in sorted((REPOSITORY / folder).rglob("*.py")):
        for module in imported_modules(path.read_text("utf-8")):
            yield str(path.relative_to(REPOSITORY)), distribution_of(module)


@pytest.mark.slow
def test_what_is_imported_is_declared_and_what_is_declared_is_imported() -> None:
    undeclared, imported = set(), set()
    for path, name in (found for folder in ("cleaners", "crawler", "output", "tests") for found in modules_of(folder)):
        extras = [extra for place, extra in EXTRA_OF.items() if path.startswith(place)]
        if name not in declared(*extras):
            undeclared.add((path, name))
        if not path.startswith("tests/"):
            imported.add(name)
    assert undeclared == APART
    assert declared() - imported == NOT_IMPORTED


def test_what_is_declared_has_its_line() -> None:
    named = {canonicalize_name(name) for line in DOCUMENT.splitlines() if line.startswith("|") for name in _names(line)}
    assert declared(*PROJECT["project"]["optional-dependencies"]) == named


def _names(line: str) -> list[str]:
    """The packages in the first cell of a table's line."""
    return re.findall(r"`([\w.-]+)`", line.split("|")[1])


def test_an_import_is_seen_wherever_it_stands() -> None:
    source = "import os\nfrom backports import zstd\ndef f():\n    import lxml.html, json\n    from tests import x\n"
    assert imported_modules(source) == {"backports.zstd", "lxml.html"}
    assert distribution_of("backports.zstd") == "backports-zstd"
    assert distribution_of("lxml.html") == "lxml"


def test_the_language_model_is_the_one_that_the_notice_names() -> None:
    digest = hashlib.sha256((REPOSITORY / "cleaners/page/lid.176.ftz").read_bytes()).hexdigest()
    assert digest in (REPOSITORY / "NOTICE").read_text("utf-8")
