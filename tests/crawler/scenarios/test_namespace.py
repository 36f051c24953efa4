"""Real crawls in a network namespace of their own, where private addresses are served and none may be asked."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.crawler.crawls import QUICK, REPOSITORY, Result
from tests.crawler.world import INSIDE, PUBLIC, REDIRECTS

_UNSHARE = ["unshare", "--map-root-user", "--net", "--mount"]


def _why_not() -> str:
    """Why this machine makes no namespaces for us, or an empty string."""
    if not all(map(shutil.which, ("unshare", "ip", "mount"))):
        return "needs unshare, ip and mount"
    tried = subprocess.run([*_UNSHARE, "ip", "link", "set", "lo", "up"], capture_output=True, text=True, check=False)
    return f"no network namespaces: {tried.stderr.strip()}" if tried.returncode else ""


pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(_why_not()), reason=_why_not() or "possible")]


def crawl(folder: Path, seed: str = f"http://{PUBLIC}/", **changed: str) -> tuple[dict[str, Any], Result]:
    """Crawl from the public site; what every address was asked, and the archive."""
    db = folder / "archive.db"
    settings = {**QUICK, "BROADSHEET_ALLOW_PRIVATE": "0", "BROADSHEET_RETRY_TIMES": "0", "DOWNLOAD_TIMEOUT": "10"}
    command = [sys.executable, "-m", "scrapy", "crawl", "site", "-a", f"url={seed}", "-a", f"db={db}"]
    command += [part for name, value in (settings | changed).items() for part in ("-s", f"{name}={value}")]
    done = subprocess.run(
        [*_UNSHARE, sys.executable, "-m", "tests.crawler.world", *command],
        cwd=REPOSITORY,
        env=os.environ | {"WORLD_FOLDER": str(folder)},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    return told, Result(db, told["code"], told["errors"])


def inside(told: dict[str, Any]) -> dict[str, list[str]]:
    return {address: asked for address, asked in told["asked"].items() if address in (*INSIDE, "127.0.0.1")}


def test_no_private_address_is_connected_to_by_link_redirect_sitemap_or_name(tmp_path: Path) -> None:
    told, result = crawl(tmp_path)
    assert inside(told) == {}
    asked = told["asked"][PUBLIC]
    assert {f"{PUBLIC}/go/{at}" for at in range(len(REDIRECTS))} <= set(asked), result.errors
    assert result.run()[0] == "finished"
    states = result.states()
    refused = {url for url, (_, reason) in states.items() if reason == "private_address"}
    assert {"http://10.1.2.3/map0.xml", "http://inside.test/map0.xml"} <= refused
    assert states["http://mixed.test/map0.xml"] == ("done", "sitemap")  # by its public address


@pytest.mark.parametrize("cached", ["0", "1"])
def test_a_name_that_answers_differently_the_second_time(tmp_path: Path, cached: str) -> None:
    told, result = crawl(tmp_path, "http://rebind.test/", DNSCACHE_ENABLED=cached)
    assert inside(told) == {}
    assert "rebind.test/" in told["asked"].get(PUBLIC, []) or "private_address" in str(result.states())
    assert ("private_address" in str(result.states())) or cached == "1"


@pytest.mark.parametrize("target", [0, 15])
def test_a_seed_may_not_be_led_inside_by_a_redirect(tmp_path: Path, target: int) -> None:
    told, result = crawl(tmp_path, f"http://{PUBLIC}/go/{target}")
    assert inside(told) == {}
    assert "private_address" in {reason for _, reason in result.states().values()}


def test_with_allow_private_they_are_reached_but_no_metadata_and_link_local_address(tmp_path: Path) -> None:
    told, _ = crawl(tmp_path, BROADSHEET_ALLOW_PRIVATE="1")
    reached = set(inside(told))
    assert {"10.1.2.3"} <= reached
    assert not reached & {"169.254.169.254", "169.254.1.1", "fd00:ec2::254"}


def test_a_public_name_is_reached(tmp_path: Path) -> None:
    told, result = crawl(tmp_path, "http://public.test/go/17")
    assert "public.test/go/17" in told["asked"][PUBLIC]
    assert "mixed.test/" in told["asked"][PUBLIC], result.errors  # by the public one of its addresses
