"""Whole texts: each text of `texts.txt` gives every line of its report, and no other."""

import pytest

from tests.cleaners.page_reports import TEXTS, expected_report, read_cases, text_report


@pytest.mark.parametrize("case", read_cases(TEXTS), ids=lambda case: case.name)
def test_all_that_is_judged_of_a_text(case):
    told = text_report(case)
    assert told == expected_report(TEXTS, case, told)
