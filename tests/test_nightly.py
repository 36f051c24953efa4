"""What runs at night: its parts are bounded, read what they left, and are kept beside one another."""

import json

import pytest

from tests import nightly
from tests.nightly import PARTS, Part, keep, read_fleet, read_growth, read_junit, read_points, run_part

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


COSTS = {"verify": (2.0, 8.0), "report": (1.0, 6.5), "search": (0.01, 0.9)}
SIZES = [
    {"articles": articles, **{name: {"cpu_s": cost[n], "peak_mb": 1} for name, cost in COSTS.items()}}
    for n, articles in enumerate((10, 40))
]
FLEET = {"sites": 69, "articles": 800, "kills": 30, "states": 400, "requests": 2_000}
TRIALS = {"crawl": {"kills": {"different": []}, "faults": {"different": ["crawl: fail_once 3"]}}}


@pytest.mark.parametrize(
    ("read", "result", "counts"),
    [
        (read_growth, {"sizes": SIZES}, {"articles": [10, 40], "faults": ["report"]}),
        (
            read_fleet, FLEET | {"counted_faults": ["differing_sites", "secrets"], "differing_sites": 2, "secrets": 0},
            FLEET | {"faults": ["differing_sites: 2"]},
        ),
        (
            read_points, {"sums": {"points": 9, "faults": 5}, "verbs": TRIALS},
            {"points": 9, "faults": ["crawl: fail_once 3"]},
        ),
    ],
)  # fmt: skip
def test_what_differs_costs_more_or_is_lost_is_a_fault(tmp_path, read, result, counts):
    (tmp_path / "result.json").write_text(json.dumps(result))
    assert read(tmp_path / "result.json").items() >= counts.items()


def test_what_came_of_a_part_stands_beside_the_others(tmp_path):
    file = tmp_path / "nightly.json"
    for name, faults in (("torture", []), ("tests", ["x"]), ("torture", ["y"])):
        keep(name, {"faults": faults}, file)
    result = json.loads(file.read_text())
    assert list(result["parts"].items()) == [("tests", {"faults": ["x"]}), ("torture", {"faults": ["y"]})]
    assert result["not_run"] == [name for name in PARTS if name not in ("tests", "torture")]


def test_the_kept_result_is_of_these_parts_in_one_night_and_has_no_fault():
    result = json.loads(nightly.RESULTS.read_text())
    assert {*result["parts"], *result["not_run"]} == set(PARTS)
    assert {name: part["faults"] for name, part in result["parts"].items() if part["faults"]} == {}
    assert sum(part.max_seconds for part in PARTS.values()) <= nightly.MAX_SECONDS
