"""Whole verdicts: each page of `verdicts.txt` gives every line of its report, and no other."""

import pytest

from tests.cleaners.page_reports import VERDICTS, expected_report, forget_patterns, read_cases, verdict_report


@pytest.mark.parametrize("case", read_cases(VERDICTS), ids=lambda case: case.name)
def test_all_that_is_judged_of_a_page(case):
    forget_patterns("broadsheet.cleaners.judge")
    told = verdict_report(case)
    assert told == expected_report(VERDICTS, case, told)
