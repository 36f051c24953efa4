"""What a process has loaded when it begins: no more than its work needs, and in an order that works."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.crawler.scripted_site import page
from tests.crawler.warm import REPOSITORY

HEAVY = "print(*sorted({'numpy', 'pandas', 'scrapy', 'sqlite_utils', 'trafilatura'} & set(sys.modules)))"
ORDER = """
names = list(sys.modules)
print(names.index("scrapy.core.downloader.contextfactory") < names.index("broadsheet.crawler.commands.run_summary"))
late = ("broadsheet.output.settle.", "broadsheet.cleaners.clean", "trafilatura")
print([name for name in names if name.startswith(late)])"""
FORKED = """
import importlib, os, threading
from broadsheet.crawler.crawl.processes import _PRELOADED_MODULES
for name in _PRELOADED_MODULES:
    importlib.import_module(name)
print([name in sys.modules for name in ("broadsheet.crawler.commands.spider_run", "twisted.internet.reactor")])
print(threading.active_count())
print([file for file in os.listdir("/proc/self/fd") if "first.db" in os.path.realpath(f"/proc/self/fd/{file}")])"""
CRAWLED = """
import broadsheet.crawler.crawl.shared_imports, broadsheet.crawler.workers.preload
from broadsheet.crawler.cli import run
before = set(sys.modules)
run(sys.argv[1:])
known = ("_posixshmem", "multiprocessing.", "runpy")
print("loaded:", *sorted(name for name in set(sys.modules) - before if not name.startswith(known)))"""
DATA_FRAMES = "import broadsheet.crawler.commands, sqlite_utils"
EARLY = """
import numpy, broadsheet.crawler.commands, sqlite_utils.db
print(numpy.int64 in sqlite_utils.db.COLUMN_TYPE_MAPPING)"""
slow = pytest.mark.slow


def verb(words: str) -> str:
    return f"from broadsheet.crawler.cli import run; run({words.split()!r}); print('loaded:'); {HEAVY}"


@pytest.mark.parametrize(
    ("program", "told"),
    [
        pytest.param(f"{DATA_FRAMES}; {HEAVY}", ["sqlite_utils"], id="no data frames"),
        pytest.param(f"{DATA_FRAMES}, numpy; numpy.int64(1); {HEAVY}", ["numpy sqlite_utils"], id="but later"),
        pytest.param(f"{EARLY}\n{HEAVY}", ["True", "numpy sqlite_utils"], id="or before"),
        pytest.param(verb("doctor"), [""], id="doctor", marks=slow),
        pytest.param(verb("clean page.html"), ["numpy"], id="clean", marks=slow),
        pytest.param(verb("fleet status no-such.toml"), [""], id="fleet status", marks=slow),
        pytest.param(verb("verify no-such.txt"), [""], id="verify", marks=slow),
        pytest.param(
            f"import broadsheet.crawler.workers.preload; {HEAVY}",
            ["numpy trafilatura"],
            id="workers have no database",
            marks=slow,
        ),
        pytest.param(
            f"import broadsheet.crawler.commands.spider_run; {HEAVY}\n{ORDER}",
            ["scrapy sqlite_utils", "True", "[]"],
            id="a crawl has what Scrapy loads slowly first, and nothing that only workers need",
            marks=slow,
        ),
        pytest.param(FORKED, ["[True, False]", "1", "[]"], id="a fork server has no reactor, thread or archive"),
    ],
)
def test_a_process_has_loaded_what_it_needs(program, told, tmp_path):
    (tmp_path / "page.html").write_text("<p>The mill is sold.</p>")
    assert output_of(program, tmp_path).rpartition("loaded:\n")[2].splitlines() == told


def output_of(program: str, folder: Path, *words: str) -> str:
    command = [sys.executable, "-c", f"import sys\n{program}", *words]
    variables = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, env=variables).stdout


@slow
def test_a_fork_that_crawls_imports_nothing_but_its_reactor(serve, tmp_path):
    """Modules of multiprocessing stand in the server that forks."""
    site = serve({"/": page("home", "/mill"), "/mill": page("mill")})
    options = ("--allow-private", "--delay", "0", "--quiet")
    for words in (("crawl", f"{site.url}/", "--db", "a.db"), ("update", "a.db")):
        out = output_of(CRAWLED, tmp_path, *words, *options)
        assert out.rpartition("loaded: ")[2] == "twisted.internet.reactor\n"
