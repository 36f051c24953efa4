"""Faults that `make mutants` puts into the code: they are faults, the seed draws them, the plan names what is there."""

from __future__ import annotations

import ast
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests import mutants
from tests.mutants import PLAN, REPOSITORY, Outcome, Plan, covering_tests, drawn_mutants, mutants_of

SOURCE = '''"""A module that says SELECT a WHERE b < c."""
from x import field
_QUERY = f"SELECT a FROM t WHERE b <> 'ä' AND c > {2} ORDER BY a DESC"

@field(frozen=True)
def f(a: int = 3, b: bool | None = None) -> str | None:
    """Wörter."""
    if not a and "ö" in b or a >= 10:
        note(a + 1)
    return min(a, 0.5)
'''


def changes(source: str) -> set[tuple[str, str]]:
    return {(source[mutant.start : mutant.end], mutant.text) for mutant in mutants_of("m.py", source)}


def test_each_kind_of_fault_is_made_once() -> None:
    assert changes(SOURCE) == {
        (" DESC", ""), (" <> ", " = "), ("AND", "OR"), (" > ", " >= "), ("2", "3"), ("3", "4"), ("and", "or"),
        ("or", "and"), ("not ", ""), ("in", "not in"), (">=", ">"), ("10", "11"), ("note(a + 1)", "pass"),
        ("+", "-"), ("1", "2"), ("min", "max"), ("0.5", "0.55"), ('not a and "ö" in b or a >= 10', "False"),
    }  # fmt: skip


def test_annotations_decorators_and_docstrings_are_left_as_they_are() -> None:
    assert changes('@d(1)\ndef f(a: "2 < 3" = x) -> Literal[4]:\n    """SELECT 1 WHERE a AND b"""\n') == set()


def test_a_fault_is_known_by_its_line_and_is_code() -> None:
    for mutant in mutants_of("m.py", SOURCE):
        changed = mutant.source(SOURCE)
        ast.parse(changed)
        assert changed != SOURCE
        assert mutant.line in SOURCE
        assert mutant.mutant in changed


def test_the_same_seed_draws_the_same_faults_and_more_of_them_are_more_of_the_same() -> None:
    modules = ["crawler/crawl/hosts.py", "cleaners/compare/text_comparison.py"]
    few, many = (drawn_mutants(modules, 7, count) for count in (2, 5))
    assert few == many[: len(few)]
    assert [mutant.module for mutant in few] == modules * 2
    assert drawn_mutants(modules, 8, 5) != many


def test_a_reason_is_noted_beside_a_fault_that_is_alive_alone() -> None:
    plan = Plan(1, 1, {}, {("m.py", "a", "b"): "it is the same"})
    remarks = [plan.remark(Outcome("m.py", "a", "b", word)) for word in ("alive", "killed")]
    assert remarks == [{"equivalent": "it is the same"}, {}]


def test_outcomes_are_read_back_as_they_were_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutants, "RESULTS", tmp_path / "results.json")
    assert mutants.read_results() == {}
    outcomes = [Outcome("m.py", "a", "b", "alive"), Outcome("m.py", "c", "d", "killed")]
    summary = mutants.write_results(Plan(1, 1, {}, {("m.py", "a", "b"): "it is the same"}), outcomes)
    assert (summary["faults"], summary["alive"], summary["alive_share"]) == (2, 1, 0.5)
    assert list(mutants.read_results().values()) == outcomes


PLANNED = Plan.read(PLAN)


@pytest.mark.parametrize("module", PLANNED.modules)
def test_each_module_of_the_plan_has_tests(module: str) -> None:
    names = covering_tests(module, PLANNED.modules[module])
    assert names
    assert all((REPOSITORY / name).is_file() for name in names)


def test_each_reason_is_of_code_that_is_there() -> None:
    for module, line, _ in PLANNED.reasons:
        assert line in {text.strip() for text in (REPOSITORY / Path(module)).read_text().splitlines()}, (module, line)


_TRY = """import json, sys
from pathlib import Path
from tests import mutants
folder, keys = Path(sys.argv[1]), [tuple(key) for key in json.loads(sys.argv[2])]
mutants.COPY, mutants.SECONDS = folder / "copy", folder / "seconds.json"
plan = mutants.Plan.read(mutants.PLAN)
every = mutants.drawn_mutants(list(plan.modules), plan.seed, sys.maxsize)
trial = mutants.Trial(plan.modules)
print(json.dumps([trial.outcome(mutant).outcome for mutant in every if mutant.key in keys]))"""


@pytest.mark.slow
def test_a_few_faults_are_noticed(tmp_path: Path) -> None:
    """Two of those that `make mutants` found to be, of modules whose tests take a few seconds."""
    outcomes = mutants.read_results()
    names = [name for name in PLANNED.modules if name.startswith("cleaners/")]
    drawn = drawn_mutants(names, PLANNED.seed, sys.maxsize)
    killed = [mutant.key for mutant in drawn if mutant.key in outcomes and outcomes[mutant.key].outcome == "killed"]
    keys = json.dumps(random.Random(PLANNED.seed).sample(killed, 2))
    command = [sys.executable, "-c", _TRY, tmp_path, keys]
    tried = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (tried.returncode, tried.stdout) == (0, '["killed", "killed"]\n'), tried.stderr
