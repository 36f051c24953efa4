"""The server of which crawls of a fleet are forked: it has what they need, and nothing that two may not share."""

from __future__ import annotations

import subprocess
import sys

_LOOK = """
import broadsheet.crawler.commands.crawl_preload
import os, sys, threading
loaded = [name in sys.modules for name in ("broadsheet.crawler.commands.spider_run", "twisted.internet.reactor")]
open_files = [file for file in os.listdir("/proc/self/fd") if "first.db" in os.path.realpath(f"/proc/self/fd/{file}")]
print(*loaded, threading.active_count(), open_files)
"""


def test_what_is_preloaded_has_no_reactor_no_thread_and_no_open_archive() -> None:
    done = subprocess.run([sys.executable, "-c", _LOOK], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.split() == ["True", "False", "1", "[]"]
