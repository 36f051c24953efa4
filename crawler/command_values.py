"""Errors, exit codes and values that commands and the fleet share. Light: `broadsheet --help` loads this."""

from __future__ import annotations

import re
from pathlib import Path

import click

INTERRUPTED = 130
IN_USE = 75
"""The exit code where another crawl owns the archive: EX_TEMPFAIL of sysexits.h, which a script may try again."""
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd]?)", re.IGNORECASE)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


class CommandError(click.ClickException):
    """Error of a command that cannot be carried out as it is given; the text says why, in one line."""

    exit_code = 2


def duration(value: str) -> float:
    """Parse a duration, a number with or without a unit (90, 30m, 2h, 1d), and return it in seconds."""
    match = _DURATION.fullmatch(value.strip())
    if match is None:
        raise click.BadParameter(f"{value!r} is no time; write seconds or a number with a unit: 90, 30m, 2h")
    return float(match[1]) * _SECONDS[match[2].lower()]


def is_nonempty_file(name: str) -> bool:
    """Return whether there is a file at the path that is not empty."""
    path = Path(name)
    return path.is_file() and path.stat().st_size > 0


def is_file_of_receivers(word: str) -> bool:
    """Return whether a word of --notify names a TOML file of addresses, and is no address itself."""
    return word.endswith(".toml") and "://" not in word
