"""`broadsheet fleet work`: workers that share a list and a store, one of them killed, and the job that Slurm runs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from broadsheet.crawler.cli import run
from broadsheet.crawler.fleet.site_lease import read_site
from broadsheet.crawler.fleet.store_address import make_store, store_at
from tests.crawler.crawls import until
from tests.crawler.fleet.test_fleet_run import sites_of, write_list
from tests.crawler.scripted_site import ScriptedSite
from tests.crawler.shell import environment
from tests.crawler.warm import PATIENCE, REPOSITORY

Serve = Callable[..., ScriptedSite]
SHORT_LEASES = """
from broadsheet.crawler.cli import main
from broadsheet.crawler.fleet.site_lease import LeaseTerms
LeaseTerms.__init__.__defaults__ = (6.0, 1.0, *LeaseTerms.__init__.__defaults__[2:])
main()
"""
"""The program, with leases of seconds."""


def worker(machine: Path, sites: Path, store: Path, *options: str) -> subprocess.Popen[str]:
    """A worker on a machine, which is a folder."""
    words = ["fleet", "work", str(sites), "--store", str(store), "--work", str(machine), *options]
    return subprocess.Popen(
        [sys.executable, "-c", SHORT_LEASES, *words], env=environment(), text=True, stderr=subprocess.PIPE
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, errors = process.communicate(timeout=PATIENCE)
    return process.returncode, errors


def pages_asked_twice(sites: list[ScriptedSite]) -> list[str]:
    """What some worker asked for although another had. Each crawl looks at the front page and for feeds there."""
    counts = Counter((site.url, path) for site in sites for path in site.paths() if path.startswith("/p"))
    return [path for (_, path), count in counts.items() if count > 1]


def test_nothing_is_due_of_a_list_that_the_store_knows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A worker that another has the only site of waits for it; here its lease is renewed, so it is left."""
    (tmp_path / "sites.toml").write_text(
        '[sites.a]\nurls = ["https://a.example/"]\n[sites.b]\nurls = ["https://b.example/"]'
    )
    chosen = [str(tmp_path / "sites.toml"), "--shard", "1/100"]
    assert run(["fleet", "work", *chosen, "--store", str(tmp_path / "store")]) == 0
    assert capsys.readouterr().err == "Nothing is due of 0 sites.\n"
    assert (tmp_path / "store/store.json").is_file()
    for wrong in (["--store", "ftp://a/b"], ["--store", str(tmp_path)], []):
        assert run(["fleet", "work", *chosen, *wrong]) in (1, 2)
        assert capsys.readouterr().err.startswith("broadsheet: ")


@pytest.mark.slow
def test_a_killed_workers_sites_go_on_elsewhere_and_its_copies_come_home(serve: Serve, tmp_path: Path) -> None:
    sites = sites_of(serve, 2)
    file, store = write_list(tmp_path, sites, "[fleet]\nparallel = 1\n"), tmp_path / "store"
    file.write_text(file.read_text().replace("delay = 0", "delay = 0.3"))
    victim = worker(tmp_path / "one", file, store)
    until(lambda: sum(len(site.paths()) for site in sites) > 8)
    victim.kill()
    ended(victim)
    code, errors = ended(worker(tmp_path / "two", file, store))
    assert code == 0, errors
    assert errors.count(": done; ") == 2
    code, errors = ended(worker(tmp_path / "one", file, store))
    assert (code, errors.count("\n")) == (0, 2), errors
    assert "what a killed run left in" in errors
    assert "Nothing is due of 2 sites." in errors
    leases = [read_site(store_at(str(store)), f"s{number}") for number in range(2)]
    assert [(lease.owner, lease.turn["result"]["counts"]["articles"]) for lease in leases] == [("", 8)] * 2
    assert not list(tmp_path.rglob("*/s?/*.db"))


@pytest.mark.slow
def test_the_jobs_of_an_array_share_the_sites(
    serve: Serve, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The script for Slurm, as two jobs on one machine."""
    sites = sites_of(serve, 2)
    write_list(tmp_path, sites, "[fleet]\nparallel = 1\n")
    make_store(str(tmp_path / "store"))
    bin_folder, node = str(Path(sys.executable).parent), tmp_path_factory.mktemp("node")
    variables = {**environment(), "FLEET": str(tmp_path), "TMPDIR": str(node)}
    variables["PATH"] = f"{bin_folder}{os.pathsep}{os.environ['PATH']}"
    script = REPOSITORY / "docs/deploy/slurm-workers.sh"
    jobs = [subprocess.Popen(["bash", str(script)], env=variables, text=True, stderr=subprocess.PIPE) for _ in range(2)]
    assert [ended(job) for job in jobs] == [(0, "")] * 2
    assert pages_asked_twice(sites) == []
    turns = [read_site(store_at(str(tmp_path / "store")), f"s{number}").turn for number in range(2)]
    assert [turn["result"]["end"] for turn in turns] == ["done"] * 2
    assert len({turn["worker"] for turn in turns}) == 2
