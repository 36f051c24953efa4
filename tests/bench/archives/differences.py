"""Where two archives of one site do not hold the same."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from tests.bench.archives.columns import WITH_TIMING
from tests.bench.archives.contents import Contents, Row, Rows, Value

PRESENT, ABSENT = "(present)", "(absent)"


@dataclass(frozen=True, slots=True)
class Difference:
    """What stands otherwise: a value in a row; with no column a whole row; with no row a whole column, or all of it."""

    relation: str
    row: Row
    column: str
    old: Value
    new: Value

    @property
    def is_timing(self) -> bool:
        """Whether chance may explain it where several answers were under way at once."""
        return f"{self.relation}.{self.column}" in WITH_TIMING


@dataclass(frozen=True, slots=True)
class Comparison:
    """A table or view in both archives: how many rows each has, and where they differ."""

    relation: str
    old_rows: int
    new_rows: int
    differences: tuple[Difference, ...]


def differences(old: Path, new: Path) -> list[Difference]:
    """All differences; empty if both archives hold the same."""
    return [difference for compared in comparisons(old, new) for difference in compared.differences]


def comparisons(old: Path, new: Path) -> Iterator[Comparison]:
    """Each table and view of either archive, compared."""
    with closing(Contents(old)) as old_contents, closing(Contents(new)) as new_contents:
        old_contents.any_port = new_contents.any_port = old_contents.ports != new_contents.ports
        for relation in sorted({*old_contents.relations, *new_contents.relations}):
            yield _compared(relation, old_contents, new_contents)


def _compared(relation: str, old: Contents, new: Contents) -> Comparison:
    """One table or view; where a column stands on one side only, the others are compared all the same."""
    old_names, new_names = old.relations.get(relation, ()), new.relations.get(relation, ())
    if not old_names or not new_names:
        whole = Difference(relation, (), "", _presence(old_names), _presence(new_names))
        return Comparison(relation, 0, 0, (whole,))
    names = [name for name in old_names if name in new_names]
    old_rows, new_rows = old.rows_of(relation, names), new.rows_of(relation, names)
    of_columns = _column_differences(relation, old_names, new_names)
    of_rows = _row_differences(relation, names, old_rows, new_rows)
    return Comparison(relation, _count(old_rows), _count(new_rows), (*of_columns, *of_rows))


def _presence(names: Sequence[str]) -> str:
    return PRESENT if names else ABSENT


def _count(rows: Rows) -> int:
    return sum(group.total() for group in rows.values())


def _column_differences(relation: str, old_names: Sequence[str], new_names: Sequence[str]) -> Iterator[Difference]:
    """Columns of one side only."""
    for name in old_names:
        if name not in new_names:
            yield Difference(relation, (), name, PRESENT, ABSENT)
    for name in new_names:
        if name not in old_names:
            yield Difference(relation, (), name, ABSENT, PRESENT)


def _row_differences(relation: str, names: Sequence[str], old: Rows, new: Rows) -> Iterator[Difference]:
    """Rows of one side only, and values that differ in rows that stand for the same."""
    nothing: Counter[Row] = Counter()
    for key in sorted({*old, *new}, key=repr):
        old_group, new_group = old.get(key, nothing), new.get(key, nothing)
        if old_group == new_group:
            continue
        pairs = zip_longest(_ordered(old_group - new_group), _ordered(new_group - old_group))
        for old_row, new_row in pairs:
            yield from _pair_differences(relation, key, names, (old_row, new_row))


def _ordered(group: Counter[Row]) -> list[Row]:
    return sorted(group.elements(), key=repr)


def _pair_differences(
    relation: str, key: Row, names: Sequence[str], pair: tuple[Row | None, Row | None]
) -> Iterator[Difference]:
    old_row, new_row = pair
    if old_row is None or new_row is None:
        yield Difference(relation, key, "", old_row or ABSENT, new_row or ABSENT)
        return
    for name, old_value, new_value in zip(names, old_row, new_row, strict=True):
        if old_value != new_value:
            yield Difference(relation, key, name, old_value, new_value)
