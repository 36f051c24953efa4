"""SQL that writes names its columns: a column that a user adds to a table makes no statement fail and mixes no values.

Read from the code itself.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
FILES = [path for room in ("output", "crawler") for path in sorted((REPOSITORY / room).rglob("*.py"))]
MISTAKES = {
    "an INSERT that does not name its columns": re.compile(
        r"\bINTO\s+(?:[\w.]|\{\})+\s+(?!\()(?:VALUES|SELECT|WITH)\b"
    ),
    "a SELECT of all columns, whichever those are": re.compile(r"\bSELECT\s+(?:DISTINCT\s+)?(?:\w+\.)?\*"),
    "a REPLACE, which loses the columns that it does not name": re.compile(r"\bOR\s+REPLACE\b|\bREPLACE\s+INTO\b"),
}

_KEYWORDS = re.compile(r"\b(?:INTO|SELECT|REPLACE)\b")
"""One of which each of the mistakes has."""


def strings(tree: ast.AST) -> Iterator[str]:
    """The texts in a module's code; what an f-string puts in is written `{}`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def mistakes(path: Path) -> list[str]:
    """What is wrong with the SQL of a module, with the beginning of the statement."""
    source = path.read_text("utf-8")
    if not _KEYWORDS.search(source):  # nothing to find in two thirds of the modules
        return []
    texts = [" ".join(text.split()) for text in strings(ast.parse(source))]
    return [f"{name}: {text[:60]}" for text in texts for name, form in MISTAKES.items() if form.search(text)]


def test_sql_names_the_columns_that_it_writes_and_copies():
    found = {path: mistakes(path) for path in FILES}
    assert len(found) > 100
    assert {path: lines for path, lines in found.items() if lines} == {}


def test_mistakes_are_seen(tmp_path: Path):
    module = tmp_path / "module.py"
    wrong = ["INSERT INTO a SELECT *, ? FROM b", "INSERT OR REPLACE INTO a (b)", "SELECT DISTINCT a.* FROM a"]
    right = ["INSERT INTO a (b) SELECT b FROM c", "SELECT count(*) FROM a"]
    formatted = "f'INSERT INTO {wrong} VALUES (?)'"
    module.write_text(f"wrong = {wrong}\nright = {right}\nformatted = {formatted}\n")
    assert len(mistakes(module)) == 5
