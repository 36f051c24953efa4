"""Processes below a process, found and ended."""

import os
import subprocess
import sys
import time

from broadsheet.crawler.rendering import process_tree
from broadsheet.crawler.rendering.process_tree import descendants, kill_all, private_bytes

CHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', {!r}], start_new_session=True)"
GRANDCHILD = "import time; kept = b'x' * 50_000_000; time.sleep(60)"


def test_what_a_process_started_is_found_weighed_and_killed():
    process = subprocess.Popen([sys.executable, "-c", CHILD.format(GRANDCHILD)])
    try:
        end = time.monotonic() + 60
        while private_bytes(descendants(process.pid)) < 50_000_000:
            assert time.monotonic() < end
            time.sleep(0.05)
        found = descendants(process.pid)
        assert len(found) == 2
        assert found[0] == process.pid
        assert private_bytes(found) < 150_000_000
        assert set(found) < set(descendants(os.getpid()))
    finally:
        kill_all(descendants(process.pid))
        process.wait()
    assert descendants(process.pid) == [process.pid]
    assert private_bytes([process.pid]) == 0
    kill_all([process.pid])  # gone already


def test_names_of_processes_hide_nothing_and_shared_memory_does_not_count(tmp_path, monkeypatch):
    for pid, stat, statm in (
        ("7", "7 (a) S 1", "90 30 10 1"),
        ("8", "8 (b) 9 (c) S 7", "90 10 30 1"),
        ("9", "9 (d", ""),
    ):
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "stat").write_text(stat)
        (tmp_path / pid / "statm").write_text(statm)
    monkeypatch.setattr(process_tree, "_PROC", tmp_path)
    assert descendants(7) == [7, 8]
    assert private_bytes([7, 8, 9, 10]) == 20 * os.sysconf("SC_PAGE_SIZE")
