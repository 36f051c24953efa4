"""Benchmarks: figures in documents are those of the results, generated sites are whole, all that runs is counted."""

import json
import re
import subprocess
import sys
from collections import Counter

import pytest

from tests.bench import growth, throughput
from tests.bench.documents import figures
from tests.bench.load.page import page_of
from tests.bench.load.paired import in_turn, quiet_load, spread_of
from tests.bench.load.server import GENERATED
from tests.bench.whole_sites import with_last_table
from tests.nightly import read_growth

ORIGIN = "http://127.0.0.1:1"
LEAVES_A_PROCESS = """import subprocess, sys
subprocess.Popen([sys.executable, '-c', 'import time\\nwhile time.process_time() < .4: pass'])"""


def test_the_documents_agree_with_the_results():
    definitions = figures.load_definitions()
    blocks = figures.rendered_blocks(definitions)
    texts = {file.name: file.read_text("utf-8") for file in figures.documents()}
    filled = {name: figures.filled(text, blocks) for name, text in texts.items()}
    result = json.loads((figures.RESULTS / "throughput.json").read_text("utf-8"))
    assert filled | {throughput.PAGE.name: with_last_table(page_of(result))} == texts, (
        "python -m tests.bench.documents.figures fills them"
    )
    places = [place for text in texts.values() for place in figures.place_names(text)]
    assert Counter(places) == dict.fromkeys(definitions, 1)


@pytest.mark.parametrize("name", GENERATED)
def test_each_link_of_a_generated_site_leads_to_a_page_that_is_the_same_each_time(name):
    site, waiting = GENERATED[name](ORIGIN, articles=12), ["/"]
    bodies: dict[str, bytes | None] = {}
    while waiting:
        path = waiting.pop()
        bodies[path] = body = site.answer(path)
        links = re.findall(rf'href="{ORIGIN}(/[^"]*)"', (body or b"").decode())
        waiting += {*links} - {*bodies} - {*waiting}
    dead = [path for path, body in bodies.items() if body is None and not re.match(r"/(author|page|20)", path)]
    assert (dead, len(bodies) > 12) == ([], True)
    again = GENERATED[name](ORIGIN, articles=12)
    assert all(again.answer(path) == bodies[path] for path in sorted(bodies)[::5])
    stories = [path for path in bodies if name == "doubled" and path.startswith("/stories/") and path.endswith("/")]
    assert [path for path in stories if bodies[path] != bodies[f"{path}index.html"]] == []


@pytest.mark.parametrize(
    ("load", "is_busy", "measures"), [(1.5, "", True), (1.6, "", False), (7.0, "1", True)]
)  # fmt: skip
def test_a_bench_of_speed_starts_on_a_quiet_machine_alone(monkeypatch, load, is_busy, measures):
    monkeypatch.setattr("os.getloadavg", lambda: (load, 9.0, 9.0))
    monkeypatch.setenv("BROADSHEET_BUSY_BENCH", is_busy)
    if measures:
        assert quiet_load(patience=0) == load
    else:
        with pytest.raises(SystemExit, match=r"the load is 1\.6, above 1\.5"):
            quiet_load(patience=0)


def test_sides_run_in_turn_and_their_pairs_have_a_spread():
    assert [list(in_turn(["naive", "ours"], number)) for number in range(2)] == [["naive", "ours"], ["ours", "naive"]]
    assert spread_of([2, 6, 5], [2, 4, 1]) == (1.5, 1.0, 5.0, 3)
    with pytest.raises(ValueError, match="shorter"):
        spread_of([1, 2], [1])


@pytest.mark.slow
def test_a_command_costs_what_the_processes_cost_that_it_leaves_behind(tmp_path):
    command = [sys.executable, "-m", "tests.bench.load.session_cpu", str(tmp_path / "cost.json")]
    subprocess.run([*command, sys.executable, "-c", LEAVES_A_PROCESS], cwd=figures.REPOSITORY, check=True, timeout=60)
    cost = json.loads((tmp_path / "cost.json").read_text())
    assert (cost["exit_code"], cost["cpu"] >= 0.4) == (0, True)


@pytest.mark.slow
def test_what_verbs_cost_as_an_archive_grows_is_measured_and_read_at_night(tmp_path, monkeypatch):
    commands = {name: growth.COMMANDS[name] for name in ("verify", "forget one URL")}
    monkeypatch.setattr(growth, "ADDED_PAGES", 5)
    monkeypatch.setattr(growth, "COMMANDS", commands)
    out = tmp_path / "growth.json"
    growth.main(["--articles", "60", "--hosts-of", "30", "--folder", str(tmp_path / "kept"), "--out", str(out)])
    sizes, counts = json.loads(out.read_text())["sizes"], read_growth(out)
    assert [(size["articles"], size["hosts"]) for size in sizes] == [(60, 2)]
    assert set(counts["cpu_s"]) == {*growth.STEPS, *commands}
    assert all(size[name]["peak_mb"] > 10 for size in sizes for name in counts["cpu_s"])
