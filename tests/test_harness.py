"""What tests rely on: skips and samples that are told, causes that fail first."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import is_sampled
from tests.sampling import sampled
from tests.tools import REPOSITORY


def session(folder: Path, source: str, *options: str, no_skip: str = "") -> subprocess.CompletedProcess[str]:
    """A session of its own over one file of tests, without the plugins that it does not ask for."""
    (folder / "test_it.py").write_text(source)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "--rootdir", folder, *options, folder]
    variables = os.environ | {"BROADSHEET_NO_SKIP": no_skip, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(command, cwd=REPOSITORY, env=variables, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.parametrize(("no_skip", "code"), [("1", 1), ("", 0)])
def test_an_unexpected_skip_fails_where_it_is_asked_for(tmp_path, no_skip, code):
    reasons = ("no seed here", "root writes everywhere")
    skips = "".join(f"def test_{n}(): pytest.skip('{reason}')\n" for n, reason in enumerate(reasons))
    ended = session(tmp_path, f"import pytest\n{skips}def test_2(): pass\n", no_skip=no_skip)
    assert ended.returncode == code, ended.stdout
    assert re.findall(r"^test_it\.py::.*", ended.stdout, re.MULTILINE) == ["test_it.py::test_0: no seed here"] * code


@pytest.mark.slow
def test_a_test_of_the_night_is_slow_and_a_sample_has_each_file_once(tmp_path):
    marked = "".join(f"@pytest.mark.{mark}\ndef test_{mark}(): pass\n" for mark in ("slow", "nightly", "quick"))
    source = f"import pytest\ndef test_it(): pass\n{marked}"
    parts = [session(tmp_path, source, f"--sample={n}/2", "--collect-only", "-m", "slow").stdout for n in range(2)]
    listed = [re.findall(r"^test_it\.py::(.*)", text, re.MULTILINE) for text in parts]
    assert sorted(listed) == [[], ["test_slow", "test_nightly"]]


def test_a_file_is_in_one_part_of_a_sample_and_always_in_the_same():
    files = [REPOSITORY / f"tests/test_{number}.py" for number in range(200)]
    parts = [[file for file in files if is_sampled(file, REPOSITORY, f"{number}/4")] for number in (0, 1, 739950, 3)]
    assert sorted(file for part in parts for file in part) == sorted(files)
    assert min(map(len, parts)) > 25


def test_the_seed_draws_the_same_cases_in_their_order_and_the_others_wait_for_the_night():
    values = sampled(range(50), 5)
    kept = [value for value in values if isinstance(value, int)]
    assert (len(kept), kept) == (5, sorted(kept))
    assert kept == [value for value in sampled(range(50), 5) if isinstance(value, int)]
    rest = [value for value in values if not isinstance(value, int)]
    assert {mark.name for value in rest for mark in value.marks} == {"nightly"}
    assert sorted([*kept, *(value.values[0] for value in rest)]) == list(range(50))


@pytest.mark.slow
@pytest.mark.parametrize(("options", "outcomes"), [((), ["failed", "skipped"]), (("-k", "other"), ["passed"])])
def test_a_cause_fails_once_and_first_and_the_rest_is_skipped_with_its_name(tmp_path, options, outcomes):
    source = (
        "import pytest\ndef test_other(): pass\n"
        "@pytest.mark.cause\ndef test_fields(): assert 0, 'a field lacks its column'\n"
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = cause\n")
    told = session(tmp_path, source, "-v", "-rs", *options).stdout
    assert re.findall(r"\b(passed|failed|skipped)\b", told.splitlines()[-1].replace(",", "")) == outcomes
    assert ("mend test_it.py::test_fields first: a field lacks its column" in told) == (not options)
    assert not options or "test_fields" not in told
