"""No verb, and no process that it starts, takes code from the folder that it is run in."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.crawler.scripted_site import page
from tests.crawler.warcs import answer, record
from tests.crawler.warm import PATIENCE, REPOSITORY

pytestmark = pytest.mark.slow

OURS = ("broadsheet", "cleaners", "crawler", "output")
LAUNCHER = "import sys\nfrom broadsheet.crawler.cli import main\nif __name__ == '__main__':\n    sys.exit(main())\n"
PAGE = page("mill")


@pytest.fixture
def planted_folder(tmp_path: Path) -> Path:
    """A folder with a module of the name of each that could be imported; each writes its name to `executed`."""
    folder = tmp_path / "planted"
    folder.mkdir()
    code = f"import os; os.write(os.open({str(tmp_path / 'executed')!r}, 1025 | os.O_CREAT), __name__.encode() + b' ')"
    for name in {*sys.stdlib_module_names, *packages_distributions(), *OURS} - {"sys", "builtins"}:
        if name.isidentifier():
            (folder / f"{name}.py").write_text(code)
    (folder / "scrapy.cfg").write_text("[settings]\ndefault = settings\n")
    (folder / "page.html").write_text(PAGE)
    (folder / "mill.warc").write_bytes(record("http://mill.example/sold", answer(PAGE)))
    return folder


def broadsheet(folder: Path, *arguments: object) -> tuple[int, str]:
    """Exit code and standard error of the installed command, run in a folder: its script lies elsewhere."""
    script = folder.parent / "broadsheet"
    script.write_text(LAUNCHER)
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    environment = kept | {"PYTHONPATH": str(REPOSITORY), "BROADSHEET_CONTACT": "crawls@tests.example"}
    done = subprocess.run(
        [sys.executable, script, *map(str, arguments)],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    return done.returncode, done.stderr


def executed(folder: Path) -> str:
    file = folder.parent / "executed"
    return file.read_text() if file.exists() else ""


def test_a_crawl_and_its_workers_take_no_code_from_the_current_folder(planted_folder, serve):
    site = serve({"/": page("home", "/mill"), "/mill": PAGE})
    code, errors = broadsheet(planted_folder, "crawl", f"{site.url}/", "--allow-private", "--delay", 0)
    assert (code, executed(planted_folder)) == (0, ""), errors


def test_no_other_verb_does(planted_folder):
    lines = (
        "--help", "demo", "export demo-out/sample.db --format wacz -o out.wacz",
        "import mill.warc", "reclean archive.db --dry-run", "report archive.db", "search archive.db mill",
        "export archive.db -o out.csv --format csv", "verify archive.db", "explain archive.db http://mill.example/sold",
        "changes archive.db", "correct archive.db", "clean page.html",
        "forget archive.db http://mill.example/sold --yes",
    )  # fmt: skip
    outcomes = {line: broadsheet(planted_folder, *line.split()) for line in lines}
    assert executed(planted_folder) == ""
    assert {line: errors for line, (code, errors) in outcomes.items() if code > 1 or "Traceback" in errors} == {}
