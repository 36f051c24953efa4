"""Which room may import what, read from the code itself; and that the rooms imported here are this repository's."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
ROOMS = {"crawler": {"cleaners", "output"}, "output": {"cleaners"}, "cleaners": set()}
"""Each room and the rooms that it may import."""

IMPURE = {
    "network": ["aiohttp", "http.client", "http.server", "httpx", "requests", "select", "socket", "ssl", "twisted"],
    "more network": ["urllib.request", "urllib3", "scrapy"],
    "clock and chance": ["random", "secrets", "time"],
    "SQL": ["sqlite3", "sqlite_utils"],
    "processes": ["asyncio", "concurrent", "multiprocessing", "signal", "subprocess", "threading"],
    "machine": ["os", "tempfile"],
}
"""What the cleaners must not import, by what it would make them depend on."""

CLOCK_CALLS = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today")}

FILES = [(room, path) for room in ROOMS for path in sorted((REPOSITORY / room).rglob("*.py"))]


def imports(tree: ast.AST) -> Iterator[str]:
    """The full name of each module that is imported anywhere in the tree."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def calls(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """(object, method) of each call whose object ends in a plain name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            holder = node.func.value
            name = holder.id if isinstance(holder, ast.Name) else getattr(holder, "attr", "")
            yield name, node.func.attr


def against_the_arrows(room: str, source: str) -> set[str]:
    """The rooms that a module of this room imports and may not."""
    named = {name.split(".")[0] for name in imports(ast.parse(source))}
    return (named & (ROOMS.keys() | {"tests"})) - ROOMS[room] - {room}


def impurities(source: str) -> set[str]:
    """What makes a module of the cleaners depend on more than its arguments."""
    tree = ast.parse(source)
    impure = tuple(name for names in IMPURE.values() for name in names)
    named = {name for name in imports(tree) for bad in impure if name == bad or name.startswith(f"{bad}.")}
    return named | {".".join(call) for call in calls(tree) if call in CLOCK_CALLS}


@pytest.mark.parametrize(("room", "path"), FILES, ids=lambda value: getattr(value, "stem", value))
def test_imports_follow_the_arrows(room: str, path: Path) -> None:
    assert against_the_arrows(room, path.read_text("utf-8")) == set()


@pytest.mark.parametrize("path", [path for room, path in FILES if room == "cleaners"], ids=lambda path: path.stem)
def test_cleaners_are_pure(path: Path) -> None:
    assert impurities(path.read_text("utf-8")) == set()


@pytest.mark.parametrize("room", ROOMS)
def test_each_room_is_ours(room: str) -> None:
    """Other packages of these names exist, and Scrapy puts folders on the path."""
    module = importlib.import_module(room)
    assert module.__file__ is not None
    assert Path(module.__file__).resolve().parent == REPOSITORY / room


@pytest.mark.parametrize(
    ("room", "source", "found"),
    [
        ("output", "def f():\n    from crawler.cli import main", {"crawler"}),
        ("cleaners", "import output.db.open", {"output"}),
        ("crawler", "from tests.crawler import crawls", {"tests"}),
        ("crawler", "from output import archive\nimport cleaners.clean", set()),
    ],
)
def test_a_wrong_arrow_is_seen(room: str, source: str, found: set[str]) -> None:
    assert against_the_arrows(room, source) == found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from urllib import request", {"urllib.request"}),
        ("import sqlite3", {"sqlite3"}),
        ("import datetime\ndatetime.datetime.now()", {"datetime.now"}),
        ("from datetime import date\ndate.today()", {"date.today"}),
        ("from urllib.parse import urlsplit\nimport socketless", set()),
    ],
)
def test_an_impurity_is_seen(source: str, found: set[str]) -> None:
    assert impurities(source) == found
