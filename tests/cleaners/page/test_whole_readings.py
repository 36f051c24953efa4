"""Whole readings: each page of `readings.txt` gives every line of its report, and no other."""

import pytest

from tests.cleaners.page_reports import READINGS, expected_report, forget_patterns, read_cases, reading_report


@pytest.mark.parametrize("case", read_cases(READINGS), ids=lambda case: case.name)
def test_all_that_is_read_of_a_page(case):
    forget_patterns("broadsheet.cleaners.page")
    told = reading_report(case)
    assert told == expected_report(READINGS, case, told)
