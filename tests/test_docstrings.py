"""Docstrings of the packages: a module or class opens with a noun, a function with a verb."""

from __future__ import annotations

import ast
import doctest
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]

QUESTION_WORDS = {"which", "what", "how", "whether", "where", "when", "who", "whose", "why"}

NOUN_OPENERS = {"the", "a", "an", "all", "each", "every", "these", "those"}
"""Words before a noun, with which a function's docstring names its result instead of what it does."""

FOLDERS = sorted(
    {
        path.parent.relative_to(REPOSITORY).as_posix()
        for package in ("broadsheet", "crawler", "cleaners", "output")
        for path in (REPOSITORY / package).rglob("*.py")
    }
)


def openings(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """Yield each documented module, class and function with the first word of its docstring in lower case."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            words = (ast.get_docstring(node) or "").split()
            if words:
                yield node, words[0].strip(",:.").lower()


def misopened(tree: ast.AST) -> list[str]:
    """Return name and first word of each docstring that opens with a question word, or a function's with no verb."""
    return [
        f"{getattr(node, 'name', 'module')}: {word}"
        for node, word in openings(tree)
        if word in QUESTION_WORDS or (word in NOUN_OPENERS and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    ]


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_docstring_opens_with_a_noun_or_for_a_function_a_verb(folder: str) -> None:
    found = {path.name: misopened(ast.parse(path.read_text("utf-8"))) for path in (REPOSITORY / folder).glob("*.py")}
    assert {name: words for name, words in found.items() if words} == {}


_DOTTED = re.compile(r"`(?:broadsheet\.)?((?:cleaners|crawler|output)(?:\.\w+)+)`")
_FILE = re.compile(r"`([\w/]+\.(?:py|sql))`")


def is_there(name: str) -> bool:
    """Tell whether a dotted name leads to a module, or to what a module has."""
    try:
        pkgutil.resolve_name(f"broadsheet.{name}")
    except (ImportError, AttributeError):
        return False
    return True


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_modules_and_files_that_docstrings_and_comments_name_exist(folder: str) -> None:
    found = [(path, path.read_text("utf-8")) for path in sorted((REPOSITORY / folder).glob("*.py"))]
    names = {(path.name, name) for path, text in found for name in _DOTTED.findall(text) if not is_there(name)}
    files = {
        (path.name, name)
        for path, text in found
        for name in _FILE.findall(text)
        if not any((place / name).exists() for place in (path.parent, REPOSITORY, *REPOSITORY.glob("*/")))
    }
    assert (names, files) == (set(), set())


@pytest.mark.parametrize(
    "path",
    [
        path.relative_to(REPOSITORY)
        for folder in FOLDERS
        for path in sorted((REPOSITORY / folder).glob("*.py"))
        if ">>> " in path.read_text("utf-8")
    ],
    ids=str,
)
def test_the_examples_are_true(path: Path) -> None:
    name = ".".join(path.with_suffix("").parts)
    results = doctest.testmod(importlib.import_module(f"broadsheet.{name.removeprefix('broadsheet.')}"))
    assert results.attempted
    assert results.failed == 0


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('"""What a room is."""', ["module: what"]),
        ('class Row:\n    """The row."""\n', []),
        ('class Row:\n    """Whether: it is a row."""\n', ["Row: whether"]),
        ('def read():\n    """The rows."""\n', ["read: the"]),
        ('async def read():\n    """Read the rows."""\n', []),
    ],
)
def test_a_question_and_a_function_that_names_its_result_are_seen(source: str, expected: list[str]) -> None:
    assert misopened(ast.parse(source)) == expected
