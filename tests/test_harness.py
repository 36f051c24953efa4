"""What tests rely on: skips and samples, shared folders, expected texts, tools that are installed once, the browser."""

import http.server
import os
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests import tools
from tests.browser import LoopbackBrowser, browser  # noqa: F401
from tests.conftest import is_sampled, keep_folders_in_memory
from tests.expected_texts import difference
from tests.sampling import sampled
from tests.sharing import shared_folder
from tests.tools import REPOSITORY, ToolsMissingError, programs


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


@pytest.mark.slow
def test_a_session_says_how_to_have_its_order_again(tmp_path):
    """Each of the tests fails, so that they are listed as they ran."""
    tests = "".join(f"def test_{number}(): assert 0\n" for number in range(12))
    first = session(tmp_path, tests, "-p", "pytest_randomly")
    again = session(tmp_path, tests, "-p", "pytest_randomly", *re.findall(r"--randomly-seed=\d+", first.stdout))
    orders = [re.findall(r"^FAILED .*::test_(\d+)", ended.stdout, re.MULTILINE) for ended in (first, again)]
    assert (orders[0], len(orders[0])) == (orders[1], 12)
    assert orders[0] != sorted(orders[0], key=int)


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


@pytest.mark.parametrize(
    ("environment", "room", "is_there"),
    [({"BROADSHEET_COLD": "0"}, 0, True), ({"BROADSHEET_COLD": "1"}, 0, False), ({}, 1 << 62, False)],
)
def test_folders_are_in_memory_where_there_is_room(tmp_path, environment, room, is_there):
    keep_folders_in_memory(environment, tmp_path, room)
    assert environment.get("PYTEST_DEBUG_TEMPROOT") == (str(tmp_path) if is_there else None)


def test_what_was_begun_of_a_shared_folder_is_made_anew(tmp_path_factory):
    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011
        shared_folder(tmp_path_factory, "begun", fail)
    folder = shared_folder(tmp_path_factory, "begun", lambda folder: (folder / "whole").touch())
    assert [path.name for path in folder.iterdir()] == ["whole"]
    assert shared_folder(tmp_path_factory, "begun", fail) == folder


def test_what_is_told_otherwise_is_shown_by_its_row_and_where_it_differs():
    told = "a\nb\n" + "a" * 99 + "b" + "c" * 99
    lines = difference(told, told.replace("ab", "ad"), "f.txt === urls")
    assert lines[:-1] == [
        "--- f.txt === urls, expected", "+++ f.txt === urls, told", "@@ -2,2 +2,2 @@", " b",
        f"-…{'a' * 60}b{'c' * 60}…", f"+…{'a' * 60}d{'c' * 60}…",
    ]  # fmt: skip


def test_a_set_of_programs_is_installed_once_anew_by_other_pins_and_again_where_it_failed(tmp_path, monkeypatch):
    def install(requirements: Path, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "installations").open("a") as file:
            file.write(requirements.read_text())
        if "broken" in requirements.read_text():
            raise ToolsMissingError("no such release")

    monkeypatch.setattr(tools, "install", install)
    for pins in ("thing==1", "thing==2"):
        (tmp_path / "some.txt").write_text(pins)
        with ThreadPoolExecutor(4) as threads:  # several ask at once
            (folder,) = set(threads.map(lambda _: programs("some", tmp_path, tmp_path / "cache"), range(8)))
        assert (folder.parent / "installations").read_text() == pins
    (tmp_path / "some.txt").write_text("broken==1")
    for _ in range(2):
        with pytest.raises(ToolsMissingError, match="no such release"):
            programs("some", tmp_path, tmp_path / "cache")


@pytest.mark.slow
def test_why_a_set_cannot_be_had_is_said(tmp_path):
    (tmp_path / "some.txt").write_text(f"{tmp_path}/nothing-here.whl\n")
    with pytest.raises(ToolsMissingError, match=r"nothing-here\.whl"):
        programs("some", tmp_path, tmp_path / "cache")


PAGE = b"""<!doctype html><title>A page</title><p id=words>before</p>
<img src="http://pictures.example/a.png"><script src="https://scripts.example/a.js"></script>
<script>document.getElementById("words").textContent = "set by a script"</script>"""


class Site(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE if self.path == "/" else b"")


@pytest.mark.slow
def test_the_browser_shows_a_page_of_this_machine_and_asks_nothing_of_others(
    browser,  # noqa: F811
):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = browser.page()
        page.goto(f"http://127.0.0.1:{server.server_address[1]}/")
        assert page.locator("#words").inner_text() == "set by a script"
        page.wait_for_timeout(3000)  # what the browser would ask for itself, it asks for in its first seconds
        server.shutdown()
    assert sorted(browser.outside) == ["http://pictures.example/a.png", "scripts.example:443"]


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
