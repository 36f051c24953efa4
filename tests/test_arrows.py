"""Which package and which room may import what, read from the code itself; that what is imported here is ours, and
that tests reach each module.

A room is a folder or a module directly below a package.
"""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from functools import cache
from importlib.util import resolve_name
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGES = {
    "broadsheet": {"crawler", "cleaners", "output"},
    "crawler": {"cleaners", "output"},
    "output": {"cleaners"},
    "cleaners": set(),
}
"""Each room and the rooms that it may import."""

IMPURE = (
    "aiohttp http.client http.server httpx requests select socket ssl twisted urllib.request urllib3 scrapy "  # network
    "random secrets time sqlite3 sqlite_utils "  # clock and chance, SQL
    "asyncio concurrent multiprocessing signal subprocess threading os tempfile"  # processes, machine
).split()
"""Modules that the cleaners must not import: they would depend on more than their arguments."""

FLOORS = {
    "cleaners": (
        "words", "document", "package_data", "rules", "page", "compare", "judge", "text_mode", "site", "lineage",
        "clean",
    ),
    "broadsheet": (),
    "output": ("archive", "raw", "write", "settle", "read", "browse collections"),
    "crawler": (
        "options settings items demo", "cli", "plugins", "fetch", "discovery rendering workers", "crawl",
        "replay fleet", "bulk desk", "commands",
    ),
}  # fmt: skip
"""The rooms of each package from the lowest floor up. A room imports its own files and what stands below it."""

CLOCK_CALLS = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today")}

_INNER = ("body", "orelse", "finalbody", "handlers", "cases")
"""Where the statements inside a statement are, and the branches of `try` and `match`."""

_IMPORT = re.compile(r"^ *(?:from|import) ([\w.]+)(?: import (\([^)]*\)|.*))?", re.MULTILINE)

FILES = [(room, path) for room in PACKAGES for path in sorted((REPOSITORY / room).rglob("*.py"))]


@cache
def parsed(path: Path) -> ast.Module:
    """A module's code, read once for all tests."""
    return ast.parse(path.read_text("utf-8"))


def statements(tree: ast.AST) -> Iterator[ast.AST]:
    """All statements of a tree, those inside others too, and no expressions."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += (inner for name in _INNER for inner in getattr(node, name, ()))


def imports(tree: ast.AST, folder: str = "") -> Iterator[str]:
    """The full name of each module that is imported anywhere in the tree of a module in the package `folder`."""
    for node in statements(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = resolve_name("." * node.level + (node.module or ""), folder)
            yield source
            yield from (f"{source}.{alias.name}" for alias in node.names)


def told_imports(text: str) -> Iterator[str]:
    """The same of many modules' text, of absolute imports alone: reading the tests as trees takes ten seconds."""
    for source, names in _IMPORT.findall(text):
        yield source
        yield from (f"{source}.{name}" for name in re.findall(r"\w+", names))


def folder_of(path: Path, repository: Path = REPOSITORY) -> str:
    """The package in which a file's relative imports begin."""
    return module_name(path.relative_to(repository).parent)


def absolute_imports_within(package: str, tree: ast.AST) -> set[str]:
    """The modules of its own package that a source imports by their whole names."""
    named = (node.module or "" for node in statements(tree) if isinstance(node, ast.ImportFrom) and not node.level)
    return {name for name in named if room_of(name) == package}


def room_of(name: str) -> str:
    """The top-level folder that a module of ours lies in; empty for a module that is not ours.

    `broadsheet.crawler.fetch` lies in `crawler`, `broadsheet.reader` in `broadsheet`.
    """
    parts = name.split(".")
    if parts[0] != "broadsheet":
        return parts[0] if parts[0] == "tests" else ""
    return parts[1] if parts[1:2] and parts[1] in PACKAGES else "broadsheet"


def calls(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """(object, method) of each call whose object ends in a plain name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            holder = node.func.value
            name = holder.id if isinstance(holder, ast.Name) else getattr(holder, "attr", "")
            yield name, node.func.attr


def floor_of(module: str) -> int | None:
    """The floor of the room that a module is in; None for a package itself."""
    package = room_of(module)
    room = module.removeprefix(f"broadsheet.{package}").removeprefix(".").partition(".")[0]
    floors = [number for number, rooms in enumerate(FLOORS[package]) if room in rooms.split()]
    return floors[0] if floors else None


def module_names(repository: Path) -> dict[str, Path]:
    """The file of each module of ours, by the module's name."""
    paths = (path for package in PACKAGES for path in (repository / package).rglob("*.py"))
    return {module_name(path.relative_to(repository)): path for path in paths}


def module_name(path: Path) -> str:
    """The name that a file of ours is imported by, from its path in the checkout."""
    name = ".".join(path.with_suffix("").parts).removesuffix(".__init__")
    return name if path.parts[0] == "broadsheet" else f"broadsheet.{name}"


def imported_modules(names: Iterable[str], modules: Container[str]) -> set[str]:
    """The modules of ours among imported names: a name may be one, or stand in one."""
    return {name if name in modules else name.rpartition(".")[0] for name in names} & set(modules)


@cache
def import_graph(repository: Path) -> Mapping[str, set[str]]:
    """For each module of ours, those that it imports, also under TYPE_CHECKING."""
    modules = module_names(repository)
    named = {name: imports(parsed(path), folder_of(path, repository)) for name, path in modules.items()}
    return {name: imported_modules(names, modules) - {name} for name, names in named.items()}


def upward_imports(graph: Mapping[str, set[str]]) -> list[tuple[str, str]]:
    """(importer, imported) where a room imports one of its own floor or of a higher one."""
    pairs = [(module, target) for module, targets in graph.items() for target in targets]
    inside = [pair for pair in pairs if room_of(pair[0]) == room_of(pair[1])]
    between = [pair for pair in inside if pair[0].split(".")[2:3] != pair[1].split(".")[2:3]]
    floors = [(pair, floor_of(pair[0]), floor_of(pair[1])) for pair in between]
    return sorted(pair for pair, above, below in floors if None not in (above, below) and above <= below)


def modules_in_circles(graph: Mapping[str, set[str]]) -> set[str]:
    """The modules that import themselves by way of others."""

    def reach(module: str) -> set[str]:
        reached: set[str] = set()
        waiting = set(graph[module])
        while waiting:
            target = waiting.pop()
            reached.add(target)
            waiting |= graph[target] - reached
        return reached

    return {module for module in graph if module in reach(module)}


def reached_modules(starts: Iterable[str], graph: Mapping[str, set[str]]) -> set[str]:
    """The modules that are loaded where these are: they, the packages they stand in, and what those import."""
    reached: set[str] = set()
    waiting = set(starts) & graph.keys()
    while waiting:
        module = waiting.pop()
        reached.add(module)
        waiting |= (graph[module] | {module.rpartition(".")[0]} & graph.keys()) - reached
    return reached


def is_named(module: str, text: str) -> bool:
    """Whether a text names a module that is loaded by its name: in full, or a verb by its words."""
    if module in text or not module.startswith("broadsheet.crawler.commands."):
        return module in text
    words = r"[\s\"',]+".join(module.rpartition(".")[2].split("_"))
    places = (found.start() for found in re.finditer(rf"{words}[\"'\s]", text))
    return any(text[max(0, place - 11) : place].endswith(('"', "'", "broadsheet ")) for place in places)


def against_the_arrows(room: str, tree: ast.AST, folder: str = "") -> set[str]:
    """The rooms that a module of this room imports and may not."""
    named = {room_of(name) for name in imports(tree, folder) if name != "broadsheet"}
    return (named & (PACKAGES.keys() | {"tests"})) - PACKAGES[room] - {room}


def bare_names(tree: ast.AST, folder: str = "") -> set[str]:
    """The folders of ours that a source imports as if they were top-level packages: modules that are loaded twice."""
    return {name for name in imports(tree, folder) if name.split(".")[0] in PACKAGES.keys() - {"broadsheet"}}


def impurities(tree: ast.AST, folder: str = "") -> set[str]:
    """What makes a module of the cleaners depend on more than its arguments."""
    named = {name for name in imports(tree, folder) for bad in IMPURE if name == bad or name.startswith(f"{bad}.")}
    return named | {".".join(call) for call in calls(tree) if call in CLOCK_CALLS}


def found_in(look: Callable[..., set[str]], *rooms: str) -> dict[Path, set[str]]:
    """What is wrong with the modules of rooms, by module."""
    wrong = {path: look(room, parsed(path), folder_of(path)) for room, path in FILES if room in (rooms or PACKAGES)}
    assert wrong
    return {path: names for path, names in wrong.items() if names}


def test_imports_follow_the_arrows():
    assert found_in(against_the_arrows) == {}
    for room, source, found in (
        ("output", "def f():\n    from broadsheet.crawler.cli import main", {"crawler"}),
        ("cleaners", "import broadsheet.output.archive.archive_file", {"output"}),
        ("crawler", "from tests.crawler import crawls", {"tests"}),
        ("crawler", "from broadsheet.output import archive\nimport broadsheet.cleaners.clean", set()),
    ):
        assert against_the_arrows(room, ast.parse(source)) == found


def test_imports_inside_a_package_are_relative():
    assert found_in(lambda room, tree, _: absolute_imports_within(room, tree), "crawler", "cleaners", "output") == {}
    source = "def f():\n    from broadsheet.output.raw import a\nfrom broadsheet.cleaners import clean\nfrom . import b"
    assert absolute_imports_within("output", ast.parse(source)) == {"broadsheet.output.raw"}


def test_cleaners_are_pure():
    assert found_in(lambda _, *code: impurities(*code), "cleaners") == {}
    source = """from urllib import request
import sqlite3, datetime, socketless
from datetime import date
from urllib.parse import urlsplit
datetime.datetime.now(), date.today()"""
    assert impurities(ast.parse(source)) == {"urllib.request", "sqlite3", "datetime.now", "date.today"}


def test_nothing_is_imported_by_the_bare_name_of_a_folder():
    """In a checkout `import crawler` would work, and load each module a second time beside `broadsheet.crawler`."""
    assert found_in(lambda _, *code: bare_names(*code)) == {}
    source = "import crawler.settings\ndef f():\n    from output.db import lock\nfrom broadsheet.crawler import a"
    assert bare_names(ast.parse(source)) == {"crawler.settings", "output.db", "output.db.lock"}
    folders = "|".join(PACKAGES.keys() - {"broadsheet"})
    bare = re.compile(rf"^ *(?:from|import) (?:{folders})\b", re.MULTILINE)
    assert [path for path in (REPOSITORY / "tests").rglob("*.py") if bare.search(path.read_text("utf-8"))] == []


@pytest.mark.slow
def test_no_module_is_loaded_under_a_bare_name():
    """What a crawl loads by name, such as Scrapy's components and the modules of a worker, is loaded once."""
    program = """import sys
from scrapy.utils.misc import walk_modules
import broadsheet.crawler.workers.preload
for module in ("commands", "crawl.spiders"):
    walk_modules(f"broadsheet.crawler.{module}")
print(*sorted(name for name in sys.modules if name.partition(".")[0] in ("cleaners", "crawler", "output")))"""
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert loaded.stdout.split() == []


def test_a_room_imports_only_what_stands_on_a_lower_floor():
    assert upward_imports(import_graph(REPOSITORY)) == []
    pairs = {
        ("broadsheet.cleaners.page.visible_blocks", "broadsheet.cleaners.judge.block_verdicts"): True,
        ("broadsheet.cleaners.judge.block_verdicts", "broadsheet.cleaners.page.visible_blocks"): False,
        ("broadsheet.output.settle.settling", "broadsheet.output.settle.site_repeats"): False,
        ("broadsheet.crawler.crawl.spiders", "broadsheet.output.archive.archive_file"): False,
    }
    assert {pair: bool(upward_imports({pair[0]: {pair[1]}, pair[1]: set()})) for pair in pairs} == pairs


def test_each_room_has_a_floor_and_each_floor_names_rooms_that_are_there():
    inside = {module for module in module_names(REPOSITORY) if module.count(".") > 1}
    assert {module for module in inside if floor_of(module) is None} == set()
    rooms = {tuple(module.split(".")[1:3]) for module in module_names(REPOSITORY)}
    assert {(package, room) for package, floors in FLOORS.items() for room in " ".join(floors).split()} - rooms == set()


@pytest.mark.slow
def test_no_module_imports_itself_by_way_of_others(tmp_path):
    assert modules_in_circles(import_graph(REPOSITORY)) == set()
    for package in PACKAGES:
        (tmp_path / package).mkdir()
    (tmp_path / "output/a.py").write_text("if TYPE_CHECKING:\n    from broadsheet.output.b import B\n")
    (tmp_path / "output/b.py").write_text("from . import c\n")
    (tmp_path / "output/c.py").write_text("def f():\n    import broadsheet.output.a\n")
    (tmp_path / "output/d.py").write_text("from broadsheet.output.a import A\n")
    assert modules_in_circles(import_graph(tmp_path)) == {f"broadsheet.output.{name}" for name in "abc"}


def test_an_import_is_seen_wherever_a_statement_may_stand():
    source = """
class C:
    def f(self):
        for _ in ():
            import a
        else:
            with x:
                async def g():
                    if x: import b
                    elif y: import c
                    else: import d
try: import e
except A: import f
else: import g
finally: import h
match x:
    case 1: import i
    case _: from j import k
"""
    assert sorted(imports(ast.parse(source))) == [*"abcdefghij", "j.k"]


def test_no_file_name_stands_twice_but_for_a_verb_and_what_it_calls():
    paths = [path for _, path in FILES if "commands" not in path.parts and path.stem != "__init__"]
    assert {name for name, count in Counter(path.name for path in paths).items() if count > 1} == set()


def test_each_room_is_imported_from_its_folder():
    for room in PACKAGES:
        file = importlib.import_module("broadsheet" if room == "broadsheet" else f"broadsheet.{room}").__file__
        assert file is not None
        assert Path(file).resolve().parent == REPOSITORY / room


@pytest.mark.slow
def test_each_module_is_reached_by_a_test():
    """By what tests import, and what that imports; a verb, which is loaded by its name, by a test that names it."""
    modules = module_names(REPOSITORY)
    files = [path for path in (REPOSITORY / "tests").rglob("*.py") if "bench" not in path.parts]
    text = "\n".join(path.read_text("utf-8") for path in files)
    graph, named = import_graph(REPOSITORY), imported_modules(set(told_imports(text)), modules)
    lazy = {module for module in modules.keys() - reached_modules(named, graph) if is_named(module, text)}
    with_code = {name for name, path in modules.items() if parsed(path).body[1:] and path.stem != "__main__"}
    assert with_code - reached_modules(named | lazy, graph) == set()
    verb = "broadsheet.crawler.commands.fleet_read"
    texts = ("run('fleet', 'read')", "broadsheet fleet read x", verb, "a fleet_readable one", "fleet reads")
    assert [is_named(verb, text) for text in texts] == [True, True, True, False, False]
