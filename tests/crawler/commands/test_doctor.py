"""`broadsheet doctor`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from broadsheet.crawler.cli import run
from broadsheet.crawler.commands import doctor
from tests.crawler.scripted_site import Reply, ScriptedSite, page
from tests.crawler.shell import command

SUBJECTS = [
    *("broadsheet", "Python", "system", "libraries", "extension in C"),
    *("SQLite", "workers", "browser", "disk", "clock"),
]


def subjects(out: str) -> list[str]:
    return [line[4:].partition(":")[0] for line in out.splitlines()]


def test_a_machine_in_order_is_0_and_nothing_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["doctor"]) == 0
    out = capsys.readouterr().out
    assert subjects(out) == [*SUBJECTS, "site"]
    assert "BAD" not in out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_site_is_asked_for_its_robots_txt(serve: Callable[..., ScriptedSite], tmp_path: Path) -> None:
    site = serve({"/": page("home"), "/robots.txt": Reply("User-agent: *\nDisallow: /x\n")})
    code, out, errors = command("doctor", f"{site.url}/", "--allow-private", "--db", tmp_path / "a.db")
    assert (code, errors) == (0, "")
    assert subjects(out)[:12] == [*SUBJECTS, "robots.txt", "site"]
    assert f"ok  robots.txt: {site.url}/robots.txt: HTTP 200 OK" in out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("url", ["http://nosuchhost.invalid/", "http://127.0.0.1/"])
def test_a_site_that_cannot_be_asked_is_1(url: str, tmp_path: Path) -> None:
    code, out, _ = command("doctor", url, "--db", tmp_path / "a.db")
    assert code == 1
    assert out.splitlines()[-1].startswith("BAD site: ")


def test_what_is_missing_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = doctor._version_of
    monkeypatch.setattr(doctor, "_version_of", lambda name: "" if name == "warcio" else installed(name))
    assert run(["doctor", "--db", str(tmp_path / "none" / "a.db")]) == 1
    out = capsys.readouterr().out
    assert "BAD libraries: not installed: warcio" in out
    assert f"BAD disk: {tmp_path / 'none'} cannot be written: No such file or directory" in out
