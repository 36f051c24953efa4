"""A crawl that is stopped while it starts says that it was stopped, not that it found nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crawler.crawls import QUICK
from tests.crawler.scripted_site import ScriptedSite, page
from tests.crawler.shell import environment
from tests.crawler.warm import PATIENCE

STOPPED_EARLY = """
import os, signal, sys
from broadsheet.crawler.crawl.spiders import SiteSpider

prepare = SiteSpider._prepare

def stop_and_prepare(*arguments):
    os.kill(os.getpid(), signal.SIGTERM)
    prepare(*arguments)

SiteSpider._prepare = stop_and_prepare
from broadsheet.crawler.cli import run
if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
"""


@pytest.mark.slow
def test_a_signal_before_the_spider_is_open_is_a_stop(serve: Callable[..., ScriptedSite], tmp_path: Path) -> None:
    site, script = serve({"/": page("home")}), tmp_path / "early.py"
    script.write_text(STOPPED_EARLY)
    process = subprocess.run(
        [sys.executable, str(script), "crawl", f"{site.url}/", "--db", str(tmp_path / "a.db")],
        env=environment() | QUICK, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert process.returncode == 143, process.stderr
    assert "Traceback" not in process.stderr
    assert "the same command goes on from here" in process.stderr
