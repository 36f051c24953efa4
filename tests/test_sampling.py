"""A sample of a test's cases is slow, the others are of the night, and a test of the night is slow too."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sampling import sampled
from tests.test_conftest import session

_TESTS = """import pytest
def test_quick(): pass
@pytest.mark.slow
def test_slow(): pass
@pytest.mark.nightly
def test_nightly(): pass
"""


def test_the_seed_draws_the_same_cases_in_their_order() -> None:
    values = sampled(range(50), 5)
    kept = [value for value in values if isinstance(value, int)]
    assert len(kept) == 5
    assert kept == sorted(kept)
    assert kept == [value for value in sampled(range(50), 5) if isinstance(value, int)]
    assert kept != [value for value in sampled(range(50), 5, seed=1) if isinstance(value, int)]
    rest = [value for value in values if not isinstance(value, int)]
    assert {mark.name for value in rest for mark in value.marks} == {"nightly"}
    assert sorted([*kept, *(value.values[0] for value in rest)]) == list(range(50))


@pytest.mark.slow
def test_a_test_of_the_night_is_slow(tmp_path: Path) -> None:
    listed = session(tmp_path, _TESTS, "--collect-only", "-m", "slow").stdout
    assert [name for name in ("quick", "slow", "nightly") if f"::test_{name}" in listed] == ["slow", "nightly"]
