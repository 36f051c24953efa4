"""How many requests a machine has room for."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from broadsheet.crawler.fetch import capacity
from broadsheet.crawler.fetch.capacity import (
    LEAST_REQUESTS,
    MOST_REQUESTS,
    default_requests,
    memory_bytes,
    most_idle_connections,
    requests_by_files,
)

MIB = 1024**2


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch):
    """Set what the machine has: `machine(memory, files)`."""

    def have(memory: int = 64 * 1024 * MIB, files: int = 20_000) -> None:
        monkeypatch.setattr(capacity, "memory_bytes", lambda: memory)
        monkeypatch.setattr(resource, "getrlimit", lambda kind: (files, resource.RLIM_INFINITY))

    return have


@pytest.mark.parametrize(
    ("memory", "files", "expected"),
    [
        (64 * 1024 * MIB, 20_000, MOST_REQUESTS),
        (8 * 1024 * MIB, 20_000, 128),  # a half of it, 32 MiB each
        (512 * MIB, 20_000, LEAST_REQUESTS),
        (0, 20_000, LEAST_REQUESTS),
        (64 * 1024 * MIB, 256, 96),  # as many idle connections, and 64 files of the crawl's own
        (64 * 1024 * MIB, 24, 1),
        (64 * 1024 * MIB, resource.RLIM_INFINITY, MOST_REQUESTS),
    ],
)
def test_memory_and_files_bound_the_requests(machine, memory: int, files: int, expected: int) -> None:
    machine(memory, files)
    assert default_requests(32 * MIB) == expected


def test_idle_connections_leave_files_for_requests(machine) -> None:
    for files in (128, 256, 1024, 65_536):
        machine(files=files)
        assert most_idle_connections() + requests_by_files() <= files - 64
    assert most_idle_connections() == 2 * MOST_REQUESTS


def test_a_container_s_limit_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(capacity, "_CGROUP_LIMIT", limit)
    everything = memory_bytes()
    assert everything > 256 * MIB
    limit.write_text("max\n")
    assert memory_bytes() == everything
    limit.write_text(f"{256 * MIB}\n")
    assert memory_bytes() == 256 * MIB
