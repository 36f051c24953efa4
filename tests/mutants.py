"""Which faults the tests would not notice: `make mutants` puts them into the code one at a time, and runs the tests.

`tests/mutants.toml` names the modules, and the seed by which faults are drawn. Each is put into a copy of the checkout,
never into the checkout itself, and the quick tests of its module are run there. What came of it is kept in
`tests/bench/results/mutants.json` after each fault, so that a run may be stopped and gone on with; a fault whose module
or tests have changed since is tried again only with `--again`. A fault that no input tells from the code stands in the
TOML file, with the reason, and is not tried again.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any, NoReturn

import hypothesis.stateful  # noqa: F401  # what takes long to import is imported once, before each fork
import lxml.html  # noqa: F401
import numpy as np  # noqa: F401
import pytest
import scrapy.http  # noqa: F401
import sqlite_utils  # noqa: F401
import trafilatura  # noqa: F401

REPOSITORY = Path(__file__).resolve().parents[1]
PLAN = REPOSITORY / "tests" / "mutants.toml"
RESULTS = REPOSITORY / "tests" / "bench" / "results" / "mutants.json"
COPY = REPOSITORY / ".cache" / "mutants"
SECONDS = REPOSITORY / ".cache" / "mutants.json"  # how long each module's tests take without a fault
MIN_SECONDS, SLOWER = 20.0, 4.0  # a fault's tests may take so long, and so many times what they take without it
MAX_ALIVE_SHARE = 0.12
_PACKAGES = ("cleaners", "crawler", "output")

_COMPARISONS: Mapping[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">"), ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="), ast.In: ("in", "not in"), ast.NotIn: ("not in", "in"), ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
}  # fmt: skip
_OPERATORS: Mapping[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "+"), ast.Div: ("/", "*"), ast.FloorDiv: ("//", "*"),
    ast.BitAnd: ("&", "|"), ast.BitOr: ("|", "&"),
}  # fmt: skip
_NAMES = {"min": "max", "max": "min", "any": "all", "all": "any", "True": "False", "False": "True"}
_SQL = re.compile(r"\b(?:SELECT|UPDATE|INSERT|DELETE|WHERE)\b")
_SQL_CHANGES = tuple(
    (re.compile(pattern), changed)
    for pattern, changed in (
        (r"\bAND\b", "OR"), (r"\bOR\b(?! (?:IGNORE|REPLACE))", "AND"), (r" DESC\b", ""), (r"\bmin\(", "max("),
        (r"\bmax\(", "min("), (r" <> ", " = "), (r" < ", " <= "), (r" > ", " >= "), (r"\bIS NOT NULL\b", "IS NULL"),
        (r"\bNOT EXISTS\b", "EXISTS"), (r"\bexcluded\.", "urls."),
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mutant:
    """A fault: the text from `start` to `end` of a module becomes `text`. `line` and `mutant` are the line of code
    without and with it, by which a fault is known also when others above it have changed."""

    module: str
    start: int
    end: int
    text: str
    line: str
    mutant: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What the fault is known by."""
        return self.module, self.line, self.mutant

    def source(self, original: str) -> str:
        """The module's text with the fault in it."""
        return original[: self.start] + self.text + original[self.end :]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a fault: `killed` by a test, `timeout`, or `alive`."""

    module: str
    line: str
    mutant: str
    outcome: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What the fault is known by."""
        return self.module, self.line, self.mutant


@dataclass(frozen=True, slots=True)
class Plan:
    """What `tests/mutants.toml` says. `reasons` are those of faults that no input tells from the code, by key."""

    seed: int
    per_module: int
    modules: Mapping[str, Sequence[str]]
    reasons: Mapping[tuple[str, str, str], str]

    @classmethod
    def read(cls, file: Path) -> Plan:
        """Read the plan's file."""
        plan = tomllib.loads(file.read_text())
        reasons = {(row["module"], row["line"], row["mutant"]): row["reason"] for row in plan.get("equivalent", [])}
        return cls(plan["seed"], plan["per_module"], plan["modules"], reasons)

    def remark(self, outcome: Outcome) -> dict[str, str]:
        """Why a fault that is alive is none, if it is said."""
        is_explained = outcome.outcome == "alive" and outcome.key in self.reasons
        return {"equivalent": self.reasons[outcome.key]} if is_explained else {}


class _Source:
    """A module's text, in which nodes of its syntax tree are found again."""

    def __init__(self, module: str, text: str) -> None:
        self.module, self.text = module, text
        self._line_starts = [0]
        for line in text.splitlines(keepends=True):
            self._line_starts.append(self._line_starts[-1] + len(line))
        self._lines = text.splitlines()

    def offset(self, line: int, column: int) -> int:
        """Where a place is that `ast` gives: columns are bytes of UTF-8 there."""
        return self._line_starts[line - 1] + len(self._lines[line - 1].encode()[:column].decode())

    def span(self, node: Any) -> tuple[int, int]:
        return self.offset(node.lineno, node.col_offset), self.offset(node.end_lineno, node.end_col_offset)

    def mutant(self, start: int, end: int, text: str) -> Mutant:
        number = self.text.count("\n", 0, start)
        mutated_lines = (self.text[:start] + text + self.text[end:]).splitlines()
        return Mutant(self.module, start, end, text, self._lines[number].strip(), mutated_lines[number].strip())

    def between(self, left: Any, right: Any, words: tuple[str, str]) -> Iterator[Mutant]:
        """The fault that replaces what stands between two nodes."""
        start, end = self.span(left)[1], self.span(right)[0]
        pattern = r"\s+".join(map(re.escape, words[0].split()))
        if match := re.search(pattern, self.text[start:end]):
            yield self.mutant(start + match.start(), start + match.end(), words[1])


def mutants_of(module: str, text: str) -> list[Mutant]:
    """All faults that may be put into a module, in the order of its text."""
    source, tree = _Source(module, text), ast.parse(text)
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and _is_text(node.value)}
    passed_over = docstrings | {id(part) for node in _notes(tree) for part in ast.walk(node)}
    formatted = (node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr))
    passed_over |= {id(part) for node in formatted for part in node.values if _is_text(part)}
    nodes = (node for node in ast.walk(tree) if id(node) not in passed_over)
    mutants = chain.from_iterable(_node_mutants(source, node) for node in nodes)
    return sorted(set(mutants), key=lambda mutant: (mutant.start, mutant.end, mutant.text))


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _notes(tree: ast.AST) -> Iterator[ast.AST]:
    """Annotations, decorators, and `strict=`, which only says that two rows of values are of one length."""
    for node in ast.walk(tree):
        parts = (getattr(node, "annotation", None), getattr(node, "returns", None))
        yield from (part for part in parts if part is not None)
        yield from getattr(node, "decorator_list", ())
        if isinstance(node, ast.keyword) and node.arg == "strict":
            yield node.value


def _node_mutants(source: _Source, node: ast.AST) -> Iterator[Mutant]:
    """The faults that one node of the tree may have."""
    match node:
        case ast.Compare():
            for left, operator, right in zip([node.left, *node.comparators], node.ops, node.comparators, strict=False):
                yield from source.between(left, right, _COMPARISONS[type(operator)])
        case ast.BoolOp():
            words = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
            yield from source.between(node.values[0], node.values[1], words)
        case ast.BinOp() if type(node.op) in _OPERATORS:
            yield from source.between(node.left, node.right, _OPERATORS[type(node.op)])
        case ast.UnaryOp(op=ast.Not()):
            yield source.mutant(source.span(node)[0], source.span(node.operand)[0], "")
        case ast.Name() if node.id in _NAMES:
            yield source.mutant(*source.span(node), _NAMES[node.id])
        case ast.Constant():
            yield from _constant_mutants(source, node)
        case ast.JoinedStr():
            text = "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
            yield from _sql_mutants(source, node, text)
        case ast.Expr(value=ast.Call()) | ast.AugAssign():
            yield source.mutant(*source.span(node), "pass")
        case ast.If():
            yield source.mutant(*source.span(node.test), "False")


def _constant_mutants(source: _Source, node: ast.Constant) -> Iterator[Mutant]:
    """A number that is one more, the other truth value, and statements of SQL that say another thing."""
    start, end = source.span(node)
    if isinstance(node.value, bool):
        yield source.mutant(start, end, str(not node.value))
    elif isinstance(node.value, int | float):
        yield source.mutant(start, end, repr(node.value + (1 if node.value == int(node.value) else node.value / 10)))
    elif _is_text(node):
        yield from _sql_mutants(source, node, str(node.value))


def _sql_mutants(source: _Source, node: ast.AST, text: str) -> Iterator[Mutant]:
    """A statement of SQL that says another thing. A formatted one is changed as a whole: from Python 3.12 on its parts
    have places of their own, and none of them alone need be one."""
    if _SQL.search(text):
        for pattern, changed in _SQL_CHANGES:
            for match in pattern.finditer(source.text, *source.span(node)):
                yield source.mutant(match.start(), match.end(), changed)


def drawn_mutants(modules: Sequence[str], seed: int, per_module: int) -> list[Mutant]:
    """So many faults of each module, drawn by the seed: the first of each module, then the second of each."""
    drawn = []
    for module in modules:
        mutants = mutants_of(module, (REPOSITORY / module).read_text())
        drawn.append(random.Random(f"{seed} {module}").sample(mutants, len(mutants))[:per_module])
    return [mutant for row in zip_longest(*drawn) for mutant in row if mutant is not None]


def covering_tests(module: str, more_files: Sequence[str]) -> list[str]:
    """The test files that have to notice a fault in a module."""
    path = Path("tests", module)
    mirrored = sorted(
        str(file.relative_to(REPOSITORY))
        for pattern in (f"test_{path.name}", f"test_{path.stem}_*.py")
        for file in (REPOSITORY / path.parent).glob(pattern)
    )
    return [*mirrored, *(file for file in more_files if file not in mirrored)]


class Trial:
    """Runs tests in a copy of the checkout, into which faults are put."""

    def __init__(self, modules: Mapping[str, Sequence[str]]) -> None:
        self._modules = modules
        self._seconds: dict[str, float] = json.loads(SECONDS.read_text()) if SECONDS.exists() else {}
        shutil.rmtree(COPY, ignore_errors=True)
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=REPOSITORY,
            capture_output=True, check=True, text=True,
        )  # fmt: skip
        for name in filter(None, listed.stdout.split("\0")):
            if (REPOSITORY / name).is_file():
                (COPY / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(REPOSITORY / name, COPY / name)
        for room in _PACKAGES:  # found here before the editable installation's hook finds the checkout's
            (COPY / "broadsheet" / room).symlink_to(COPY / room)

    def outcome(self, mutant: Mutant) -> Outcome:
        """What the tests make of a fault. RuntimeError if they fail without it."""
        self._check_without(mutant.module)
        path = COPY / mutant.module
        original = path.read_text()
        path.write_text(mutant.source(original))
        try:
            word = self._run(mutant.module, MIN_SECONDS + SLOWER * self._seconds[mutant.module])
        finally:
            path.write_text(original)
        return Outcome(*mutant.key, word)

    def _check_without(self, module: str) -> None:
        """See once that a module's tests pass without a fault, and how long they take."""
        if module in self._seconds:
            return
        began = time.monotonic()
        if self._run(module, 600.0) != "alive":
            raise RuntimeError(f"the tests of {module} fail without a fault")
        self._seconds[module] = time.monotonic() - began
        SECONDS.write_text(json.dumps(self._seconds))

    def _run(self, module: str, seconds: float) -> str:
        """Run the tests in a fork of this process, which has imported what takes long and is nobody's under test."""
        arguments = ["-q", "-x", "-n", "0", "-p", "no:randomly", "-p", "no:cacheprovider", "-m", "not slow"]
        child = os.fork()
        if child == 0:
            _run_tests([*arguments, *covering_tests(module, self._modules[module])])
        try:
            return _exit_word(child, time.monotonic() + seconds)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)


def _run_tests(arguments: Sequence[str]) -> NoReturn:
    """Run tests of the copy in this process, which is a fork, and end it: 0 if they pass."""
    code = 3
    try:
        os.setsid()
        silence = os.open(os.devnull, os.O_WRONLY)
        for fd in (1, 2):
            os.dup2(silence, fd)
        os.chdir(COPY)
        sys.path[:] = [str(COPY), *(path for path in sys.path if path not in ("", str(REPOSITORY)))]
        os.environ["PYTHONPATH"] = str(COPY)
        sys.dont_write_bytecode = True  # two faults within a second may have files of one size
        for name in [name for name in sys.modules if name.partition(".")[0] in ("tests", "broadsheet")]:
            del sys.modules[name]
        code = int(pytest.main(list(arguments)))
    finally:
        os._exit(code)


def _exit_word(child: int, deadline: float) -> str:
    """How a fork ended: its tests passed (`alive`), they did not, or it is not at its end at the deadline."""
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return "alive" if status == 0 else "killed"
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "timeout"


def read_results() -> dict[tuple[str, str, str], Outcome]:
    """The outcomes so far, by the key of their faults."""
    rows = json.loads(RESULTS.read_text())["mutants"] if RESULTS.exists() else []
    outcomes = (Outcome(row["module"], row["line"], row["mutant"], row["outcome"]) for row in rows)
    return {outcome.key: outcome for outcome in outcomes}


def write_results(plan: Plan, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Write what came of all faults; returns the counts."""
    counts = Counter(outcome.outcome for outcome in outcomes)
    summary = {
        "seed": plan.seed,
        "modules": len({outcome.module for outcome in outcomes}),
        "faults": len(outcomes),
        **{word: counts[word] for word in ("killed", "timeout", "alive")},
        "alive_share": round(counts["alive"] / max(len(outcomes), 1), 3),
    }
    rows = [asdict(outcome) | plan.remark(outcome) for outcome in sorted(outcomes, key=lambda outcome: outcome.key)]
    RESULTS.write_text(json.dumps({**summary, "mutants": rows}, indent=1, ensure_ascii=False) + "\n")
    return summary


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the faults that are not tried yet; 1 if too many are alive, or one without a reason."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--per-module", type=int, help="so many faults of each module")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no more after so long")
    parser.add_argument("--again", default="", help="try those again whose outcome was this one, such as alive, or all")
    parser.add_argument("--list", action="store_true", help="only print the faults")
    options = parser.parse_args(arguments)
    plan = Plan.read(PLAN)
    mutants = drawn_mutants(list(plan.modules), plan.seed, options.per_module or plan.per_module)
    if options.list:
        print(*(f"{mutant.module}\n  - {mutant.line}\n  + {mutant.mutant}" for mutant in mutants), sep="\n")
        return 0
    try_mutants(plan, mutants, options.again, time.monotonic() + options.seconds)
    return judge(plan, mutants)


def try_mutants(plan: Plan, mutants: Sequence[Mutant], again: str, deadline: float) -> None:
    """Try the faults that have no outcome, or the outcome `again` (`all`: any), and keep each one's outcome at once."""
    results = read_results()
    is_tried = {key: again not in (row.outcome, "all") or bool(plan.remark(row)) for key, row in results.items()}
    due = [mutant for mutant in mutants if not is_tried.get(mutant.key)]
    trial = Trial(plan.modules) if due else None
    for number, mutant in enumerate(due):
        if trial is None or time.monotonic() > deadline:
            return
        outcome = results[mutant.key] = trial.outcome(mutant)
        write_results(plan, list(results.values()))
        print(
            f"{number + 1}/{len(due)} {outcome.outcome:8}{mutant.module}: {mutant.line}  ->  {mutant.mutant}",
            flush=True,
        )


def judge(plan: Plan, mutants: Sequence[Mutant]) -> int:
    """Print what came of these faults; 1 if too many are alive, or one without a reason."""
    results = read_results()
    outcomes = [results[mutant.key] for mutant in mutants if mutant.key in results]
    summary = write_results(plan, outcomes)
    unexplained = [outcome for outcome in outcomes if outcome.outcome == "alive" and not plan.remark(outcome)]
    for outcome in unexplained:
        print(f"no test notices, and no reason is given: {outcome.module}\n  - {outcome.line}\n  + {outcome.mutant}")
    print(", ".join(f"{name} {value}" for name, value in summary.items()))
    return int(bool(unexplained) or summary["alive_share"] > MAX_ALIVE_SHARE)


if __name__ == "__main__":
    sys.exit(main())
