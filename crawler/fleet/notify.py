"""Tells a person of a site's result, by the commands that its list names: what went wrong, was withdrawn, alarms.

A command is run without a shell. It gets the text on standard input, and the result as JSON in `BROADSHEET_RESULT`.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import asdict

from broadsheet.crawler.fleet.site_task import SiteEnd, SiteResult

VARIABLE = "BROADSHEET_RESULT"
_PATIENCE = 60.0  # seconds for a command
_QUIET_ENDS = (SiteEnd.DONE, SiteEnd.STOPPED, SiteEnd.IN_USE, SiteEnd.NOT_STARTED)


def is_worth_telling(result: SiteResult) -> bool:
    """Whether a person should look at it: the site failed, articles were withdrawn, something fell out of line."""
    return result.end not in _QUIET_ENDS or result.counts.alarms > 0 or result.counts.withdrawn > 0


def notice_text(result: SiteResult) -> str:
    """A result in a few lines, the site and how it ended first."""
    counts = [f"{name}: {count:,}" for name, count in asdict(result.counts).items() if count]
    lines = (f"{result.name}: {result.end.replace('_', ' ')}", result.message, *counts, f"archive: {result.archive}")
    return "\n".join(filter(None, lines)) + "\n"


def notify(commands: Sequence[str], result: SiteResult) -> list[str]:
    """Run each command for a result. Returns a line for each that could not be run, or failed."""
    return [f"{result.name}: notify {problem}" for command in commands if (problem := _run(command, result))]


def _run(command: str, result: SiteResult) -> str:
    """Run a command; why it failed, or an empty string."""
    try:
        completed = subprocess.run(
            shlex.split(command),
            input=notice_text(result).encode(),
            env={**os.environ, VARIABLE: json.dumps(asdict(result), default=str)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, ValueError, IndexError, subprocess.TimeoutExpired) as error:
        return f"failed: {error}"
    return f"ended with {completed.returncode}: {command}" if completed.returncode else ""
