"""Faults of the kind that a tired colleague makes, read from a module's syntax tree: `faults_of` lists them all.

Some are of kinds that a user would meet: two columns or values exchanged, an order that is lost, the first in place of
the last, an option that is ignored. Each is one change of the text. The tests that execute it are found by its lines,
or by the names that it defines if it runs when the module is imported.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

_COMPARISONS: Mapping[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">"), ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="), ast.In: ("in", "not in"), ast.NotIn: ("not in", "in"), ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
}  # fmt: skip
_OPERATORS: Mapping[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "+"), ast.Div: ("/", "*"), ast.FloorDiv: ("//", "*"),
    ast.BitAnd: ("&", "|"), ast.BitOr: ("|", "&"),
}  # fmt: skip
_NAMES = {"any": "all", "all": "any"}
_ENDS = {"min": "max", "max": "min"}
_OPTIONS = {"options", "arguments", "limits", "policy", "settings"}
_DROPPED_CALLS = {"strip", "lstrip", "rstrip", "lower", "casefold", "astimezone", "isoformat", "removeprefix"}
_NEUTRAL = {"strict", "maxsize"}
_PLACES = (ast.Name, ast.Attribute, ast.Subscript)
_ZONES = {"UTC", "utc", "tz", "zone"}
_SQL = re.compile(r"\b(?:SELECT|UPDATE|INSERT|DELETE|WHERE)\b")
_TEXT = r"[^()\"'?{}]|'[^'\"{}]*'"
_CLAUSE = rf"(?:(?!\b(?:AND|OR|BETWEEN|ORDER|GROUP|LIMIT|UNION|ON|SET)\b)(?:{_TEXT}|\((?:{_TEXT})*\)))+?"
_SQL_CHANGES = tuple(
    (re.compile(pattern), changed)
    for pattern, changed in (
        (r"\bAND\b", "OR"), (r"\bOR\b(?! (?:IGNORE|REPLACE))", "AND"), (r" <> ", " = "),
        (r" < ", " <= "), (r" > ", " >= "), (r"\bIS NOT NULL\b", "IS NULL"),
        (r"\bNOT EXISTS\b", "EXISTS"), (r"\bDISTINCT ", ""), (r"\bLEFT JOIN\b", "JOIN"), (r"\bUNION ALL\b", "UNION"),
    )
)  # fmt: skip
_SQL_ENDS = tuple(
    (re.compile(pattern), changed)
    for pattern, changed in (
        (r" DESC\b", ""), (r"\bmin\(", "max("), (r"\bmax\(", "min("), (r"\bOR IGNORE\b", "OR REPLACE"),
        (r"\bOR REPLACE\b", "OR IGNORE"),
    )
)  # fmt: skip
_SQL_ORDER = ((re.compile(rf"\bORDER BY (?:{_TEXT}|\((?:{_TEXT})*\))+?(?= LIMIT\b| UNION\b|[\")]|\s*$)"), ""),)
_SQL_COLUMNS = re.compile(r"\b(?:SELECT (?:DISTINCT )?|INTO \w+ \()([\w., ]+?)(?=\s+FROM\b|\)|,\s*\w+\()")
_SQL_PAIR = re.compile(r"(?<![\w. ])\s?([\w.]+), ([\w.]+)(?=,|$)")
_SQL_DROPS = tuple(
    (re.compile(pattern), kept)
    for pattern, kept in (
        (rf"\bAND {_CLAUSE}(?= AND\b| OR\b| ORDER\b| GROUP\b| LIMIT\b| UNION\b|[\")]|\s*$)", ""),
        (rf"\bWHERE {_CLAUSE} AND ", "WHERE "),
        (r", \w+ = (?:\w+\.\w+|NULL|\w+\([\w., ]*\))(?=[\s,\"'])", ""),
    )
)


@dataclass(frozen=True, slots=True)
class Place:
    """Lines of a statement's own code (first, last), and the names that it defines if it runs at import."""

    lines: tuple[int, int] = (0, 0)
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """Change of a module's text from `start` to `end`. `line` and `mutant` are the line of code without and with it, by
    which a fault is known also when others above it have changed."""

    module: str
    kind: str
    start: int
    end: int
    text: str
    line: str
    mutant: str
    place: Place

    @property
    def key(self) -> tuple[str, str, str]:
        """Return what the fault is known by."""
        return self.module, self.line, self.mutant

    def source(self, original: str) -> str:
        """Return the module's text with the fault in it."""
        return original[: self.start] + self.text + original[self.end :]

    def is_code(self, original: str) -> bool:
        """Return whether the text with the fault is another program: some changes leave no syntax."""
        try:
            return ast.dump(ast.parse(self.source(original))) != ast.dump(ast.parse(original))
        except SyntaxError:
            return False


Change = tuple[str, int, int, str]
"""Kind, start, end, text."""


class _Source:
    """Text in which nodes of its syntax tree are found again."""

    def __init__(self, text: str, tree: ast.AST) -> None:
        self.text, self.lines = text, text.splitlines()
        self.called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        self.unordered = {id(part) for node in ast.walk(tree) for part in _unordered(node)}
        self._line_starts = [0]
        for line in text.splitlines(keepends=True):
            self._line_starts.append(self._line_starts[-1] + len(line))

    def offset(self, line: int, column: int) -> int:
        """Return the offset of a place that `ast` gives: columns are bytes of UTF-8 there."""
        return self._line_starts[line - 1] + len(self.lines[line - 1].encode()[:column].decode())

    def span(self, node: Any) -> tuple[int, int]:
        return self.offset(node.lineno, node.col_offset), self.offset(node.end_lineno, node.end_col_offset)

    def code(self, node: ast.AST) -> str:
        return self.text[slice(*self.span(node))]

    def between(self, kind: str, left: ast.AST, right: ast.AST, words: tuple[str, str]) -> Iterator[Change]:
        """Replace what stands between two nodes."""
        start, end = self.span(left)[1], self.span(right)[0]
        pattern = r"\s+".join(map(re.escape, words[0].split()))
        if match := re.search(pattern, self.text[start:end]):
            yield kind, start + match.start(), start + match.end(), words[1]


def faults_of(module: str, text: str) -> list[Fault]:
    """Return all faults of a module, in the order of its text."""
    source = _Source(text, tree := ast.parse(text))
    passed_over = _passed_over(tree)
    faults = set()
    for node, place in _placed(tree):
        if id(node) not in passed_over:
            for kind, start, end, changed in _changes(source, node):
                if not place.lines[0] and (kind == "extent" or changed in ("&", "|")):
                    continue  # what an import is bracketed by, and unions of types
                number = text.count("\n", 0, start)
                mutated = (text[:start] + changed + text[end:]).splitlines()[number : number + 1]
                line = source.lines[number].strip()
                faults.add(Fault(module, kind, start, end, changed, line, "".join(mutated).strip(), place))
    return sorted(faults, key=lambda fault: (fault.start, fault.end, fault.text, fault.kind))


def _placed(tree: ast.Module) -> Iterator[tuple[ast.AST, Place]]:
    """Each node with the place of its statement."""
    waiting: list[tuple[ast.AST, Place, bool]] = [(tree, Place(), False)]
    while waiting:
        node, place, is_inside = waiting.pop()
        if isinstance(node, ast.stmt):
            place = _place(node, is_inside)
        yield node, place
        is_inside = is_inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        waiting += ((child, place, is_inside) for child in ast.iter_child_nodes(node))


def _place(node: ast.stmt, is_inside: bool) -> Place:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):  # its defaults show wherever it runs
        return Place((node.body[0].lineno, node.end_lineno or 0))
    body = getattr(node, "body", None)
    last = max(node.lineno, body[0].lineno - 1) if isinstance(body, list) else node.end_lineno or 0
    if is_inside:
        return Place((node.lineno, last))
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    parts = [part for target in targets for part in getattr(target, "elts", [target])]
    return Place(names=tuple(part.id for part in parts if isinstance(part, ast.Name)))


def _passed_over(tree: ast.AST) -> set[int]:
    """Docstrings, annotations, decorators, parts of formatted texts, and keywords that no outcome depends on: `strict`
    asserts, `maxsize` bounds a cache."""
    nodes: list[ast.AST] = []
    for node in ast.walk(tree):
        nodes += filter(None, (getattr(node, "annotation", None), getattr(node, "returns", None)))
        nodes += getattr(node, "decorator_list", ())
        if isinstance(node, ast.keyword) and node.arg in _NEUTRAL:
            nodes += [node, node.value]
        elif isinstance(node, ast.JoinedStr):
            nodes += (part for part in node.values if _is_text(part))
        elif isinstance(node, ast.Expr) and _is_text(node.value):
            nodes.append(node.value)
        elif isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            nodes.append(node)
    return {id(part) for node in nodes for part in ([node] if isinstance(node, ast.If) else ast.walk(node))}


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _changes(source: _Source, node: ast.AST) -> Iterator[Change]:
    yield from _expression_changes(source, node)
    yield from _statement_changes(source, node)
    yield from _value_changes(source, node)
    if isinstance(node, ast.Call):
        yield from _call_changes(source, node)


def _expression_changes(source: _Source, node: ast.AST) -> Iterator[Change]:
    match node:
        case ast.Compare():
            for left, operator, right in zip([node.left, *node.comparators], node.ops, node.comparators, strict=False):
                yield from source.between("comparison", left, right, _COMPARISONS[type(operator)])
        case ast.BoolOp():
            words = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
            yield from source.between("and or", node.values[0], node.values[1], words)
            yield "clause", source.span(node.values[0])[0], source.span(node.values[1])[0], ""
            for left, right in pairwise(node.values):
                yield "clause", source.span(left)[1], source.span(right)[1], ""
        case ast.BinOp() if type(node.op) in _OPERATORS:
            yield from source.between("arithmetic", node.left, node.right, _OPERATORS[type(node.op)])
        case ast.UnaryOp(op=ast.Not()):
            yield "not", source.span(node)[0], source.span(node.operand)[0], ""
        case ast.Name() if node.id in _NAMES:
            yield "name", *source.span(node), _NAMES[node.id]
        case ast.Constant():
            yield from _constant_changes(source, node)
        case ast.JoinedStr():
            text = "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
            yield from _sql_changes(source, node, text)
        case ast.Await():
            yield "await", *source.span(node), source.code(node.value)
        case ast.IfExp():
            yield from (("choice", *source.span(node), f"({source.code(way)})") for way in (node.body, node.orelse))
        case ast.comprehension():
            yield from (("filter", *source.span(test), "True") for test in node.ifs)


def _statement_changes(source: _Source, node: ast.AST) -> Iterator[Change]:
    match node:
        case ast.Expr(value=ast.Call() | ast.Await()) | ast.AugAssign() | ast.Raise() | ast.Delete():
            yield "statement", *source.span(node), "pass"
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield "attribute", *source.span(node), "pass"
        case ast.If():
            yield "branch", *source.span(node.test), "False"
        case ast.With() | ast.AsyncWith() if all(item.optional_vars is None for item in node.items):
            yield "extent", source.span(node)[0], source.span(node.items[-1].context_expr)[1], "if True"
    for first, second in pairwise(getattr(node, "body", ()) if isinstance(node, ast.stmt) else ()):
        if _has_effect(first) and _has_effect(second) and not _are_apart(first, second):
            (start, end), (next_start, next_end) = source.span(first), source.span(second)
            moved = source.text[next_start:next_end] + source.text[end:next_start] + source.text[start:end]
            yield "order", start, next_end, moved


def _has_effect(node: ast.stmt) -> bool:
    """Return whether a statement does more than to name a value: the order of two that name values hardly matters."""
    match node:
        case ast.Expr(value=ast.Call() | ast.Await()) | ast.AugAssign():
            return True
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            return True
    return False


def _are_apart(first: ast.stmt, second: ast.stmt) -> bool:
    """Return whether both set an attribute, of a value that names neither the other nor a method: no order tells."""
    match first, second:
        case ast.Assign(targets=[ast.Attribute(attr=one)]), ast.Assign(targets=[ast.Attribute(attr=other)]):
            nodes = [node for statement in (first, second) for node in ast.walk(statement.value)]
            named = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
            has_method = any(isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) for node in nodes)
            return one != other and not named & {one, other} and not has_method
    return False


def _call_changes(source: _Source, node: ast.Call) -> Iterator[Change]:
    """A keyword whose default then holds, a method that is not called, a zone that is not given."""
    before: list[ast.AST] = [node.func, *node.args]
    for keyword in node.keywords:
        if keyword.arg and keyword.arg not in _NEUTRAL and len(before) > 1:
            yield "default", source.span(before[-1])[1], source.span(keyword)[1], ""
        before.append(keyword)
    if isinstance(node.func, ast.Attribute) and node.func.attr in _DROPPED_CALLS:
        yield "method", source.span(node.func.value)[1], source.span(node)[1], ""
    if len(node.args) == 1 and getattr(node.args[0], "id", getattr(node.args[0], "attr", "")) in _ZONES:
        yield "zone", *source.span(node.args[0]), ""


def _constant_changes(source: _Source, node: ast.Constant) -> Iterator[Change]:
    """A number that is one more or twice as much, the other truth value, and SQL that says another thing."""
    start, end = source.span(node)
    if isinstance(node.value, bool):
        yield "truth", start, end, str(not node.value)
    elif isinstance(node.value, int | float):
        yield "number", start, end, repr(node.value + (1 if node.value == int(node.value) else node.value / 10))
        if node.value > 2:
            yield "twice", start, end, repr(node.value * 2)
    elif _is_text(node):
        yield from _sql_changes(source, node, str(node.value))


def _sql_changes(source: _Source, node: ast.AST, text: str) -> Iterator[Change]:
    """Change a statement of SQL. A formatted one is changed as a whole: from Python 3.12 on its parts have places of
    their own, and none of them alone need be one."""
    if _SQL.search(text):
        kinds = (
            ("SQL", _SQL_CHANGES), ("SQL part", _SQL_DROPS), ("first last", _SQL_ENDS), ("lost order", _SQL_ORDER)
        )  # fmt: skip
        for kind, changes in kinds:
            for pattern, changed in changes:
                for match in pattern.finditer(source.text, *source.span(node)):
                    yield kind, match.start(), match.end(), changed
        for listed in _SQL_COLUMNS.finditer(source.text, *source.span(node)):
            for pair in _SQL_PAIR.finditer(listed[1]):
                start = listed.start(1) + pair.start(1)
                yield "exchanged", start, listed.start(1) + pair.end(2), f"{pair[2]}, {pair[1]}"


def _unordered(node: ast.AST) -> Iterator[ast.AST]:
    """Parts whose order says nothing: what is looked for, unpacked or caught, types, and arguments of min and max."""
    match node:
        case ast.Compare():
            yield from node.comparators
        case ast.Starred(value=part) | ast.ExceptHandler(type=ast.Tuple() as part) | ast.Subscript(slice=part):
            yield part
        case ast.Call(func=ast.Name(id="min" | "max")):
            yield node
        case ast.Call(func=ast.Name(id="isinstance")):
            yield from (node, *node.args)


def _value_changes(source: _Source, node: ast.AST) -> Iterator[Change]:
    """Exchange neighbouring values, take the other end, lose an order, ignore an option."""
    match node:
        case ast.Call(args=parts) | ast.Tuple(elts=parts) if id(node) not in source.unordered:
            for first, second in pairwise(parts):
                if isinstance(first, _PLACES) and isinstance(second, _PLACES):
                    (start, end), (next_start, next_end) = source.span(first), source.span(second)
                    between, one, other = source.text[end:next_start], source.code(first), source.code(second)
                    yield "exchanged", start, next_end, f"{other}{between}{one}"
        case ast.Subscript(slice=ast.Constant(value=0) as place):
            yield "first last", *source.span(place), "-1"
        case ast.Subscript(slice=ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=1)) as place):
            yield "first last", *source.span(place), "0"
        case ast.Name() if node.id in _ENDS:
            yield "first last", *source.span(node), _ENDS[node.id]
    match node:
        case ast.Call(func=ast.Name(id="sorted" | "reversed") as called, args=[part, *_]):
            yield (
                ("lost order" if called.id == "sorted" else "first last"),
                *source.span(node),
                f"list({source.code(part)})",
            )
        case ast.Attribute(value=ast.Name(id=name), ctx=ast.Load()) if (
            name in _OPTIONS and id(node) not in source.called
        ):
            yield "option", *source.span(node), "None"
        case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str()), ctx=ast.Load()) if (
            name in _OPTIONS
        ):
            yield "option", *source.span(node), "None"
