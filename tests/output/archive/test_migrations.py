"""A migration that has shipped gives the same statements for ever: nothing that it reads may change."""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from broadsheet.output.archive import migrations
from broadsheet.output.archive import stored_text as unspaced_scripts
from broadsheet.output.archive.migrations import v1_fulltext
from broadsheet.output.archive.migrations.v1_archive import ARCHIVE
from broadsheet.output.archive.migrations.v2_manners import MANNERS
from broadsheet.output.archive.migrations.v3_lineage import LINEAGE
from broadsheet.output.archive.migrations.v3_raw import RAW
from broadsheet.output.archive.migrations.v3_survey import SURVEY
from broadsheet.output.archive.migrations.v3_watch import WATCH
from broadsheet.output.archive.migrations.v4_packed import PACKED
from broadsheet.output.archive.migrations.v5_dates import DATES
from broadsheet.output.archive.migrations.v5_growth import GROWTH
from broadsheet.output.archive.migrations.v5_imported import IMPORTED
from broadsheet.output.archive.migrations.v5_keywords import KEYWORDS
from broadsheet.output.archive.migrations.v6_browse import BROWSE
from broadsheet.output.archive.migrations.v6_certainty import CERTAINTY
from broadsheet.output.archive.migrations.v6_images import IMAGES
from broadsheet.output.archive.migrations.v6_layouts import LAYOUTS
from broadsheet.output.archive.migrations.v6_overview import OVERVIEW
from broadsheet.output.archive.migrations.v6_settle import SETTLE
from broadsheet.output.archive.migrations.v7_standfirst import STANDFIRST

MODULES = sorted(Path(migrations.__file__).parent.glob("*.py"))
FROZEN = {*sys.stdlib_module_names, "sqlite_utils"}

SHIPPED = {
    1: "b490dd4431105ebf3bad52ecd47923ccab0dc062d82b1af1ea4ae6b32b03556a",
    2: "795ef2f7e0fd4c35aa13e4394aa9698ca676fce6d8c7df364a690320572efffd",
    3: "df195f00d5b70ae8819f6cd574cf4642bed99174e5fbb0849e531b5efeaf2c0e",
    4: "f31dc30488ff1ed73dc88735621c27f58441073cd4f74fe95a18eb5cab0938ff",
    5: "702a18d74e96dd75e24ee7cb40c02ae9e6482bf07083b19db60644e97d85c241",
    6: "31f4afaca2192099a526c575f377af27e0832864eae0facbfe2e859e5d8ced84",
    7: "b0c2245ddea273502015d1b73d9cf8469e65cba819a879a6934f90633949fd8f",
}
"""SHA-256 of each version's statements, one after another with a NUL between."""


def imported_modules(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def live_imports(source: str) -> list[str]:
    """What a migration would read from modules that may change."""
    names = imported_modules(source)
    package = migrations.__name__
    return [name for name in names if name.split(".")[0] not in FROZEN and not name.startswith(f"{package}.")]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_migration_imports_nothing_live(path):
    assert live_imports(path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("source", "live"),
    [
        (
            "from broadsheet.output.archive.stored_text import CJK_RANGES",
            ["broadsheet.output.archive.stored_text"],
        ),
        ("def f():\n    import broadsheet.cleaners.document", ["broadsheet.cleaners.document"]),
        ("from broadsheet.output.archive import migrations", ["broadsheet.output.archive"]),
        ("from .v1_archive import ARCHIVE", [".v1_archive"]),
        ("import json\nfrom broadsheet.output.archive.migrations.v1_archive import ARCHIVE", []),
    ],
)
def test_a_live_import_is_seen(source, live):
    assert live_imports(source) == live


@pytest.mark.parametrize(
    ("version", "statements"),
    [
        (1, ARCHIVE),
        (2, MANNERS),
        (3, (*RAW, *LINEAGE, *WATCH, *SURVEY)),
        (4, PACKED),
        (5, (*DATES, *GROWTH, *IMPORTED, *KEYWORDS)),
        (6, (*OVERVIEW, *BROWSE, *LAYOUTS, *CERTAINTY, *SETTLE, *IMAGES)),
        (7, STANDFIRST),
    ],
)
def test_a_shipped_migration_gives_the_statements_that_it_was_shipped_with(version, statements):
    assert hashlib.sha256("\0".join(statements).encode()).hexdigest() == SHIPPED[version]


def test_every_version_is_held_to_what_was_shipped():
    assert list(SHIPPED) == list(range(1, migrations.SCHEMA_VERSION + 1))


def test_the_characters_that_the_index_was_shipped_with_are_those_that_are_searched_for():
    assert unspaced_scripts.CJK_RANGES == v1_fulltext.CJK_RANGES
