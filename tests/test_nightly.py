"""What runs at night: its parts are bounded, read what they left, and are kept beside one another."""

import json

import pytest

from tests import nightly
from tests.nightly import PARTS, Part, read_junit, run_part

JUNIT = """<testsuites><testsuite tests="4" skipped="1">
<testcase classname="tests.test_a" name="test_one"/>
<testcase classname="tests.test_a" name="test_two"><failure/></testcase>
<testcase classname="tests.test_a" name="test_three"><error/></testcase>
</testsuite></testsuites>"""
WRITE = "import pathlib, sys; pathlib.Path(sys.argv[1]).write_text({!r}); sys.exit({})"


@pytest.mark.parametrize(
    ("program", "faults"),
    [
        (WRITE.format(JUNIT, 1), ["tests.test_a::test_three", "tests.test_a::test_two"]),
        (WRITE.format("<testsuites/>", 5), ["exit code 5"]),
        ("import sys; sys.exit(3)", ["exit code 3, and no report.xml"]),
        ("import time; time.sleep(600)", ["ended after 0.2 seconds"]),
    ],
)
def test_a_part_says_what_failed(tmp_path, program, faults):
    file = tmp_path / "report.xml"
    seconds = 0.2 if "sleep" in program else 60
    outcome = run_part(Part(lambda seed: ["-c", program, str(file)], seconds, lambda: read_junit(file), {}), 7)
    assert (outcome["faults"], "seed" in outcome) == (faults, False)
    assert faults[0] != "tests.test_a::test_three" or (outcome["tests"], outcome["skipped"]) == (4, 1)


def test_the_kept_result_is_of_these_parts_in_one_night_and_has_no_fault():
    result = json.loads(nightly.RESULTS.read_text())
    assert {*result["parts"], *result["not_run"]} == set(PARTS)
    assert {name: part["faults"] for name, part in result["parts"].items() if part["faults"]} == {}
    assert sum(part.max_seconds for part in PARTS.values()) <= nightly.MAX_SECONDS
