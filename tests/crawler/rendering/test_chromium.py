"""Which Chromium a crawl may start, or why none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from broadsheet.crawler.rendering import chromium
from broadsheet.crawler.rendering.chromium import Chromium, find_chromium, find_program


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Chromium by its Debian name, the only one on this machine."""
    file = tmp_path / "bin" / "chromium"
    file.parent.mkdir()
    file.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(file.parent))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "own"))
    assert chromium.is_extra_installed()
    return file


def test_a_user_gets_the_sandbox_and_root_none_without_leave(program, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert find_chromium(allows_no_sandbox=False) == Chromium(str(program), has_sandbox=True)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert "--browser-no-sandbox" in str(find_chromium(allows_no_sandbox=False))
    assert find_chromium(allows_no_sandbox=True) == Chromium(str(program), has_sandbox=False)
    assert Chromium("x").has_sandbox


def test_playwrights_own_is_found_where_the_system_has_none(program, tmp_path, monkeypatch):
    program.unlink()
    assert find_program() is None
    assert "apt-get install chromium" in str(find_chromium(allows_no_sandbox=True))
    for name in ("chromium-1100", "chromium-1200"):
        own = tmp_path / "own" / name / "chrome-linux" / "chrome"
        own.parent.mkdir(parents=True)
        own.touch(mode=0o755)
    assert find_program() == str(own)
    monkeypatch.delenv("PLAYWRIGHT_BROWSERS_PATH")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_program() is None
    (tmp_path / ".cache").mkdir()
    (tmp_path / "own").rename(tmp_path / ".cache/ms-playwright")
    assert str(find_program()).endswith("/ms-playwright/chromium-1200/chrome-linux/chrome")


def test_without_the_extra_the_command_that_installs_it_is_said(program, monkeypatch):
    monkeypatch.setattr(chromium, "is_extra_installed", lambda: False)
    assert "playwright" in str(find_chromium(allows_no_sandbox=True)).lower()
    assert "install" in str(find_chromium(allows_no_sandbox=True))
