"""Faults that `make mutants` puts into the code: they are faults, the seed draws them, the right tests are run."""

import json
import re
import subprocess
import sys

import pytest

from tests import mutants
from tests.faults import faults_of
from tests.mutants import REPOSITORY, RESULTS, drawn_faults

SOURCE = '''"""A module that says SELECT a WHERE b < c."""
from x import field
_QUERY = f"SELECT a FROM t WHERE b <> 'ä' AND c > {2} AND d = a.e ORDER BY a DESC"

@field(frozen=True)
def f(a: int = 3, b: bool | None = None) -> str | None:
    """Wörter."""
    if not a and "ö" in b or a >= 10:
        note(a + 1)
    return min(a, 0.5)
'''
MORE = """
_PUT = "UPDATE t SET a = 1, b = excluded.b WHERE c IS NULL AND d = 'x'"
async def f(self, a, rows):
    with a.lock:
        self.x = a
        await a.close(a, tz=UTC)
    raise datetime.now(UTC) if a else [row.strip() for row in rows if row]
"""


def changes(source: str) -> set[tuple[str, str]]:
    return {(source[fault.start : fault.end], fault.text) for fault in faults_of("m.py", source)}


def test_each_kind_of_fault_is_made_once():
    assert changes(SOURCE) == {
        (" DESC", ""), ("ORDER BY a DESC", ""), (" <> ", " = "), ("AND", "OR"), (" > ", " >= "), ("2", "3"), ("3", "4"),
        ("and", "or"),
        ("AND d = a.e", ""), ("WHERE b <> 'ä' AND ", "WHERE "), ("3", "6"), ("10", "20"),
        ('not a and "ö" in b or ', ""), (" or a >= 10", ""),
        ("not a and ", ""), (' and "ö" in b', ""), ("or", "and"), ("not ", ""), ("in", "not in"), (">=", ">"),
        ("10", "11"), ("note(a + 1)", "pass"), ("+", "-"), ("1", "2"), ("min", "max"), ("0.5", "0.55"),
        ('not a and "ö" in b or a >= 10', "False"),
    }  # fmt: skip


VALUES = """
_GET = "SELECT a.x, y, count(*) FROM t ORDER BY a.x DESC, y LIMIT 3"
_PUT = "INSERT OR IGNORE INTO t (a, b) VALUES (?, ?)"
def f(rows, options):
    first, last = sorted(rows, key=len)[0], rows[-1]
    if first in (a, b) or options.get("x"):
        return Row(first.day, last.day, 3)
    return options["every"], options.all
"""


def test_values_a_user_sees_are_exchanged_lost_and_taken_from_the_other_end():
    kinds = ("exchanged", "lost order", "first last", "option")
    found = {(f.kind, VALUES[f.start : f.end], f.text) for f in faults_of("m.py", VALUES) if f.kind in kinds}
    assert found == {
        ("exchanged", "a.x, y", "y, a.x"), ("exchanged", "a, b", "b, a"), ("exchanged", "first, last", "last, first"),
        ("exchanged", "sorted(rows, key=len)[0], rows[-1]", "rows[-1], sorted(rows, key=len)[0]"),
        ("exchanged", "first.day, last.day", "last.day, first.day"),
        ("exchanged", 'options["every"], options.all', 'options.all, options["every"]'),
        ("lost order", "ORDER BY a.x DESC, y", ""), ("lost order", "sorted(rows, key=len)", "list(rows)"),
        ("first last", " DESC", ""), ("first last", "OR IGNORE", "OR REPLACE"), ("first last", "0", "-1"),
        ("first last", "-1", "0"), ("option", 'options["every"]', "None"), ("option", "options.all", "None"),
    }  # fmt: skip


def test_what_is_missing_is_a_fault():
    found = {(kind, text) for kind, _, text in ((f.kind, f.start, f.text) for f in faults_of("m.py", MORE))}
    choices = {("choice", "(datetime.now(UTC))"), ("choice", "([row.strip() for row in rows if row])")}
    order = ("order", "await a.close(a, tz=UTC)\n        self.x = a")
    assert found == choices | {
        ("SQL", "OR"), ("SQL part", ""), ("SQL part", "WHERE "), ("extent", "if True"), ("attribute", "pass"), order,
        ("await", "a.close(a, tz=UTC)"), ("statement", "pass"), ("default", ""), ("zone", ""), ("method", ""),
        ("filter", "True"),
    }  # fmt: skip
    dropped = {MORE[fault.start : fault.end] for fault in faults_of("m.py", MORE) if fault.text == ""}
    assert dropped == {", b = excluded.b", "AND d = 'x'", ", tz=UTC", "UTC", ".strip()"}


def test_the_same_seed_draws_the_same_faults_and_more_of_them_are_more_of_the_same():
    names = ["crawler/fetch/capacity.py", "cleaners/words.py"]
    few, many = (drawn_faults(names, 7, count) for count in (2, 5))
    assert few == many[:2]
    assert {fault.module for fault in many} == set(names)
    assert drawn_faults(names, 8, 5) != many


def test_of_all_stored_runs_the_quick_tests_notice_enough_and_the_last_is_not_older_than_a_release():
    runs = json.loads(RESULTS.read_text())["runs"]
    faults, noticed = (sum(run[name] for run in runs) for name in ("faults", "quick"))
    assert noticed >= mutants.floor_of(faults), f"{noticed} of {faults}"
    releases = re.findall(r"^## (\d+\.\d+\.\d+)", (REPOSITORY / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert runs[-1]["version"] in releases[:2], "make mutants measures the tests anew"


def test_each_reason_is_of_code_that_is_there():
    for module, line, _ in mutants.reasons():
        assert line in {text.strip() for text in (REPOSITORY / module).read_text().splitlines()}, (module, line)


_TRY = """import sys
from pathlib import Path
from tests.mutants import Copy, ExecutedLines, REPOSITORY
from tests.faults import faults_of
module, test, folder = "crawler/fetch/capacity.py", sys.argv[1], Path(sys.argv[2])
copy = Copy(folder)
copy._fill()
(folder / "run").mkdir()
(folder / "run" / "gw0.json").write_text('{"seconds": {"%s": 1.0}, "users": {}}' % test)
copy.executed = ExecutedLines(folder, folder / "copy")
copy.executed.tests_of_fault = lambda fault: {test}
faults = faults_of(module, (REPOSITORY / module).read_text())
for line in ("amounts.append(int(_CGROUP_LIMIT", "return max(1, ((2**20 if soft_limit == resource.RLIM_INFINITY"):
    outcome = copy.try_quick(next(fault for fault in faults if fault.line.startswith(line)))
    print(outcome.noticed, outcome.by, outcome.tests)
print(copy.fails_without([test]))"""


@pytest.mark.slow
def test_a_fault_is_noticed_in_a_copy_by_the_test_that_executes_it(tmp_path):
    test = "tests/crawler/fetch/test_capacity.py::test_a_container_s_limit_counts"
    command = [sys.executable, "-c", _TRY, test, tmp_path]
    tried = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (tried.returncode, tried.stdout) == (0, f"quick {test} 1\nno  1\nFalse\n"), tried.stderr
