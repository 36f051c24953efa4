"""Settings: each can be reached from outside, by a variable of the environment with its name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from crawler.settings import ENVIRONMENT_SETTINGS
from tests.crawler.crawls import REPOSITORY
from tests.crawler.scripted_site import ScriptedSite, page
from tests.crawler.shell import crawl, environment

VALUES = {
    "BROADSHEET_WARC_SIZE": ("5M", "5M"),
    "BROADSHEET_ALLOW_PRIVATE": ("yes", True),
    "BROADSHEET_PORTS": ("8080, 8443", [8080, 8443]),
    "BROADSHEET_DELAY": ("0.5", 0.5),
    "BROADSHEET_RETRY_TIMES": ("7", 7),
}


def settings_with(variables: dict[str, str]) -> dict[str, object]:
    """The settings as a process with these variables has them, and what it says is wrong."""
    script = (
        "import json, crawler.settings as s; "
        "print(json.dumps({n: getattr(s, n) for n in (*s.ENVIRONMENT_SETTINGS, 'ENVIRONMENT_PROBLEMS')}))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, env=os.environ | variables, capture_output=True, check=True
    )
    values: dict[str, object] = json.loads(ended.stdout)
    return values


@pytest.mark.slow
def test_each_setting_takes_the_variable_of_its_name() -> None:
    values = settings_with({name: text for name, (text, _) in VALUES.items()})
    assert {name: values[name] for name in VALUES} == {name: value for name, (_, value) in VALUES.items()}
    assert values["ENVIRONMENT_PROBLEMS"] == []
    assert set(VALUES) < set(ENVIRONMENT_SETTINGS)
    assert "BROADSHEET_COMMAND" not in ENVIRONMENT_SETTINGS


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "text"), [("BROADSHEET_RETRY_TIMES", "many"), ("BROADSHEET_ALLOW_PRIVATE", "perhaps")]
)
def test_a_value_that_is_none_is_one_line(name: str, text: str, tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "crawler.cli", "crawl", "https://localhost/", "--allow-private", "--db", "a.db"],
        cwd=tmp_path, env=environment() | {name: text, "PYTHONPATH": str(REPOSITORY)}, capture_output=True, text=True,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert text in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_port_that_is_named_may_be_asked(serve: Callable[..., ScriptedSite], tmp_path: Path) -> None:
    other = serve({"/": page("other"), "/there": page("there")})
    site = serve({"/": page("home", f"{other.url}/there")})
    site.routes["/moved"] = page("moved")
    crawl(site, tmp_path / "a.db", "--port", other.port, f"{other.url}/there", "--no-sitemaps", "--no-feeds")
    assert "/there" in other.paths()
