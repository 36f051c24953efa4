from __future__ import annotations

import os
import subprocess
import sys

import pytest

_IMPORTED = "print(*sorted({'numpy', 'pandas', 'scrapy', 'sqlite_utils', 'trafilatura'} & set(sys.modules)))"


def imported_by(program: str, **environment: str) -> str:
    """What a new interpreter has imported of the heavy libraries when the program has run."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{program}\n{_IMPORTED}"],
        capture_output=True, text=True, check=True, env=os.environ | environment,
    )  # fmt: skip
    return done.stdout.splitlines()[-1]


def test_libraries_of_data_frames_are_left_out_and_can_be_imported_later():
    program = "import broadsheet.crawler.commands, sqlite_utils"
    assert imported_by(program) == "sqlite_utils"
    assert imported_by(f"{program}\nimport numpy; numpy.int64(1)") == "numpy sqlite_utils"


def test_what_a_program_has_imported_stays():
    check = "assert numpy.int64 in sqlite_utils.db.COLUMN_TYPE_MAPPING"
    program = f"import numpy, broadsheet.crawler.commands, sqlite_utils.db\n{check}"
    assert imported_by(program) == "numpy sqlite_utils"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "libraries"),
    [
        (["doctor"], ""),
        (["clean", "page.html"], "numpy"),
        (["fleet", "status", "no-such.toml"], ""),
        (["verify", "no-such.txt"], ""),
    ],
)
def test_a_verb_imports_what_it_uses(arguments, libraries, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "page.html").write_text("<p>The mill is sold.</p>")
    assert imported_by(f"from broadsheet.crawler.cli import run\nrun({arguments!r})") == libraries


@pytest.mark.slow
def test_a_crawl_s_own_process_loads_nothing_that_only_its_workers_need():
    assert imported_by("import broadsheet.crawler.commands.spider_run") == "scrapy sqlite_utils"


@pytest.mark.slow
def test_workers_are_forked_from_a_process_without_a_database():
    assert imported_by("import broadsheet.crawler.workers.preload") == "numpy trafilatura"
