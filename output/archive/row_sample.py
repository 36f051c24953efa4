"""A part of an archive's rows, for checks that look at all rows in several runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class RowSample:
    """Part `number` of `count` parts: the rows whose number has the remainder `number - 1`. The whole by default.

    Numbers of rows are digests or count up, so the parts are about as large.
    """

    number: int = 1
    count: int = 1

    @classmethod
    def of_day(cls, count: int, day: date) -> RowSample:
        """Return the part to check on a day: within `count` days each part has its turn."""
        return cls(day.toordinal() % count + 1, count)

    def holds(self, number: int) -> bool:
        """Return whether a non-negative number, such as a digest, is in this part."""
        return number % self.count == self.number - 1

    def condition(self, column: str) -> str:
        """Return SQL that is true for the rows of this part; `column` has the row's number.

        >>> RowSample(3, 7).condition("id")
        'id % 7 IN (2, -5)'
        """
        remainder = self.number - 1  # that of a negative number is negative
        return f"{column} % {self.count} IN ({remainder}, {remainder - self.count})"


WHOLE = RowSample()
