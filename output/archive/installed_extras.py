"""The command that installs a missing extra, by how this program was installed."""

from __future__ import annotations

import re
import shlex
import sys
from importlib.util import find_spec
from pathlib import Path


def install_command(extra: str) -> str:
    """Return the command that installs an extra into this environment, however that was made.

    It names the packages themselves: no registry has to know Broadsheet, and a checkout stays as it is.
    """
    from importlib.metadata import requires  # a fifth of what the start of a command takes

    marker = re.compile(rf"extra == ['\"]{re.escape(extra)}['\"]")
    required = [line.split(";")[0].strip() for line in requires("broadsheet") or () if marker.search(line)]
    packages = " ".join(map(shlex.quote, required))
    folders = Path(sys.prefix).parts
    if folders[-3:-1] == ("pipx", "venvs"):
        return f"pipx inject {folders[-1]} {packages}"
    python = shlex.quote(sys.executable)
    if folders[-3:-1] == ("uv", "tools") or find_spec("pip") is None:  # as in each environment that uv made
        return f"uv pip install --python {python} {packages}"
    return f"{python} -m pip install {packages}"
