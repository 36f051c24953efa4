"""Chromium on this machine: where it is, whether it may run in its sandbox, and the flags that keep it silent."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from broadsheet.cleaners.package_data import read_toml

EXTRA = "browser"
"""The extra that installs Playwright."""

_DATA = read_toml(__package__, "chromium.toml")
FLAGS: tuple[str, ...] = (*_DATA["flags"], f"--disable-features={','.join(_DATA['features_off'])}")
"""Flags of Chromium: no traffic of its own, no name looked up, no WebRTC past the proxy."""

DEAD_PROXY = "http://127.0.0.1:9"
"""The proxy that Chromium is given: the discard port, where nothing listens."""


@dataclass(frozen=True, slots=True)
class Chromium:
    """Chromium as it is started: the path of its program (empty: Playwright's own), and whether it runs in its
    sandbox.
    """

    program: str
    has_sandbox: bool = True


def is_extra_installed() -> bool:
    """Return whether Playwright, which the extra brings, is installed."""
    return find_spec("playwright") is not None


def find_program() -> str | None:
    """Return the path of Chromium on the PATH, or of Playwright's own; None if neither is installed.

    Playwright's is looked for in its usual folder, without starting Playwright.
    """
    named = next(filter(None, map(shutil.which, _DATA["programs"])), None)
    return named or next(map(str, sorted(_playwright_folder().glob("chromium*/chrome-*/*chrom*"), reverse=True)), None)


def find_chromium(*, allows_no_sandbox: bool) -> Chromium | str:
    """Return the Chromium that a crawl may start, or one line that says why it may not.

    Chromium refuses its sandbox to root: root needs `allows_no_sandbox`.
    """
    if not is_extra_installed():
        from broadsheet.output.archive.installed_extras import install_command

        return f"Playwright is not installed: {install_command(EXTRA)}"
    program = find_program()
    if program is None:
        return "Chromium is not installed: apt-get install chromium, or playwright install chromium"
    if os.geteuid() == 0 and not allows_no_sandbox:
        return "Chromium has no sandbox as root: crawl as another user, or allow it with --browser-no-sandbox"
    return Chromium(program, has_sandbox=not allows_no_sandbox)


def _playwright_folder() -> Path:
    return Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright")
