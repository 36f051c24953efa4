"""What runs at night: its parts are bounded, read what they left, and are kept beside one another."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import nightly
from tests.nightly import PARTS, Part, keep, main, read_fleet, read_growth, read_junit, read_points, run_part

_JUNIT = """<testsuites><testsuite tests="4" skipped="1">
<testcase classname="tests.test_a" name="test_one"/>
<testcase classname="tests.test_a" name="test_two"><failure/></testcase>
<testcase classname="tests.test_a" name="test_three"><error/></testcase>
</testsuite></testsuites>"""


def part_of(program: str, file: Path, seconds: int = 60) -> Part:
    return Part(lambda seed: ["-c", program, str(file)], seconds, lambda: read_junit(file), {})


def test_a_night_is_long_enough_for_all_parts() -> None:
    assert sum(part.max_seconds for part in PARTS.values()) <= nightly.MAX_SECONDS


def test_a_part_says_what_it_counted_and_what_failed(tmp_path: Path) -> None:
    program = f"import pathlib, sys; pathlib.Path(sys.argv[1]).write_text({_JUNIT!r}); sys.exit(1)"
    outcome = run_part(part_of(program, tmp_path / "report.xml"), 7)
    assert (outcome["tests"], outcome["skipped"]) == (4, 1)
    assert outcome["faults"] == ["tests.test_a::test_three", "tests.test_a::test_two"]
    assert "seed" not in outcome


def test_a_part_that_leaves_nothing_or_hangs_is_a_fault(tmp_path: Path) -> None:
    file = tmp_path / "report.xml"
    assert run_part(part_of("import sys; sys.exit(3)", file), 7)["faults"] == ["exit code 3, and no report.xml"]
    assert run_part(part_of("import time; time.sleep(600)", file, 1), 7)["faults"] == ["ended after 1 seconds"]


def test_an_exit_code_alone_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "report.xml").write_text("<testsuites/>")
    assert run_part(part_of("import sys; sys.exit(5)", tmp_path / "report.xml"), 7)["faults"] == ["exit code 5"]


def test_a_verb_that_costs_more_than_the_archive_grows_is_a_fault(tmp_path: Path) -> None:
    costs = {"verify": (2.0, 8.0), "report": (1.0, 6.5), "search": (0.01, 0.9)}
    sizes = [
        {"articles": articles, **{name: {"cpu_s": cost[n], "peak_mb": 1} for name, cost in costs.items()}}
        for n, articles in enumerate((10, 40))
    ]
    (tmp_path / "growth.json").write_text(json.dumps({"sizes": sizes}))
    counts = read_growth(tmp_path / "growth.json")
    assert (counts["articles"], counts["cpu_s"]["verify"], counts["faults"]) == ([10, 40], [2.0, 8.0], ["report"])


def test_a_site_that_differs_is_a_fault_of_the_fleet(tmp_path: Path) -> None:
    counts = {"sites": 69, "articles": 800, "kills": 30, "states": 400, "requests": 2_000}
    found = counts | {"counted_faults": ["differing_sites", "secrets"], "differing_sites": 2, "secrets": 0}
    (tmp_path / "fleet.json").write_text(json.dumps(found))
    assert read_fleet(tmp_path / "fleet.json") == counts | {"faults": ["differing_sites: 2"]}


def test_a_trial_that_differs_from_an_undisturbed_run_is_a_fault(tmp_path: Path) -> None:
    verbs = {"crawl": {"kills": {"different": []}, "faults": {"different": ["crawl: fail_once 3"]}}}
    (tmp_path / "points.json").write_text(json.dumps({"sums": {"points": 9, "faults": 5}, "verbs": verbs}))
    assert read_points(tmp_path / "points.json") == {"points": 9, "faults": ["crawl: fail_once 3"]}


def test_what_came_of_a_part_stands_beside_the_others(tmp_path: Path) -> None:
    file = tmp_path / "nightly.json"
    for name, faults in (("torture", []), ("tests", ["x"]), ("torture", ["y"])):
        keep(name, {"faults": faults}, file)
    result = json.loads(file.read_text())
    assert list(result["parts"].items()) == [("tests", {"faults": ["x"]}), ("torture", {"faults": ["y"]})]
    assert result["not_run"] == [name for name in PARTS if name not in ("tests", "torture")]


def test_a_part_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["nonsense"])
    assert "no such part: nonsense" in capsys.readouterr().err


def test_the_kept_result_is_of_these_parts_and_has_no_fault() -> None:
    result = json.loads(nightly.RESULTS.read_text())
    assert {*result["parts"], *result["not_run"]} == set(PARTS)
    assert {name: part["faults"] for name, part in result["parts"].items() if part["faults"]} == {}
