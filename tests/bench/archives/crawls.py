"""Crawling a site by the code of any checkout, so that what comes of it can be compared with another's."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from broadsheet.crawler.demo.server import DemoServer
from tests.bench.site_pages import CACHE
from tests.bench.sites import ROOT, Site

ARCHIVE = "site.db"
DEMO = "demo"
VERBS = {"update": ("--all", "--delay", "0", "--allow-private"), "reclean": ("--all",)}
"""What may follow on a crawl, with its options."""

_NEXT_SECOND = 1.1  # an equal answer within the second of an earlier one is the same capture

_STEP_BY_STEP = ROOT / "tests/bench/archives/step_by_step.py"


@contextmanager
def served(name: str, port: int) -> Iterator[str]:
    """A site of the corpus, or the sample site, on this machine: its start URL."""
    if name == DEMO:
        with DemoServer(port=port) as server:
            yield f"{server.url}/"
    else:
        with Site(name, CACHE, port) as site:
            yield site.start


def crawl_into(folder: Path, checkout: Path, start: str, verbs: Sequence[str], *, step_by_step: bool) -> list[int]:
    """Crawl a site by a checkout's code and run further verbs on the archive: their exit codes.

    The archive ends up alone in the folder. While they run it has a path that is the same for each folder beside this
    one, since some of it is stored.
    """
    draft = folder.parent / "draft"
    for path in (draft, folder):
        shutil.rmtree(path, ignore_errors=True)
    draft.mkdir(parents=True)
    archive = str(draft / ARCHIVE)
    program = [_STEP_BY_STEP] if step_by_step else ["-m", "broadsheet.crawler.cli"]
    python = sys.executable if checkout == ROOT else checkout / ".venv/bin/python"
    crawl = ["crawl", start, "--db", archive, "--delay", "0", "--allow-private"]
    commands = [crawl, *([verb, archive, *VERBS[verb]] for verb in verbs)]
    exits = []
    for command in commands:
        exits.append(subprocess.run([python, *program, *command, "-q"], cwd=checkout).returncode)
        time.sleep(_NEXT_SECOND)
    draft.rename(folder)
    return exits
