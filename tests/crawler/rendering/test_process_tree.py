"""Processes below a process, found and ended."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from broadsheet.crawler.rendering.process_tree import descendants, kill_all, private_bytes

CHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', {!r}], start_new_session=True)"
GRANDCHILD = "import time; kept = b'x' * 50_000_000; time.sleep(60)"


def test_what_a_process_started_is_found_weighed_and_killed() -> None:
    process = subprocess.Popen([sys.executable, "-c", CHILD.format(GRANDCHILD)])
    try:
        end = time.monotonic() + 60
        while private_bytes(descendants(process.pid)) < 50_000_000:
            assert time.monotonic() < end
            time.sleep(0.05)
        found = descendants(process.pid)
        assert len(found) == 2
        assert found[0] == process.pid
        assert set(found) < set(descendants(os.getpid()))
    finally:
        kill_all(descendants(process.pid))
        process.wait()
    assert descendants(process.pid) == [process.pid]
    assert private_bytes([process.pid]) == 0
    kill_all([process.pid])  # gone already
