"""What a check finds."""

from __future__ import annotations

from dataclasses import dataclass

from broadsheet.output.db.stored_values import location_of


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, in one line. `location` names a stored value or row, as `pages/evidence row 12`, and stands in the
    line too; empty for neither."""

    detail: str
    location: str = ""


def value_finding(table: str, column: str, row: object, fault: str) -> Finding:
    """A value that is wrong; `fault` follows its place in the line."""
    location = location_of(table, column, row)
    return Finding(f"{location} {fault}", location)


def row_finding(table: str, row: object, fault: str) -> Finding:
    """A row that is wrong as a whole, or one of several with the same key."""
    location = f"{table} row {row}"
    return Finding(f"{location} {fault}", location)
