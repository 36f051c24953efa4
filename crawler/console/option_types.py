"""Types of option values beyond click's own: parsed and checked. Light: `broadsheet --help` imports this."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

import click

from broadsheet.output.db.errors import NotReachable

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd]?)", re.IGNORECASE)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_Value = TypeVar("_Value")
_LANGUAGE = re.compile(r"([a-z]{2,3})(?:[-_][a-z0-9-]+)?", re.IGNORECASE)
_SHARD = re.compile(r"([1-9]\d{0,5})/([1-9]\d{0,5})")


class CommandError(click.ClickException):
    """A command cannot be carried out as it is given; the text says why, in one line."""

    exit_code = 2


def duration(value: str) -> float:
    """Seconds from a number with or without a unit: 90, 30m, 2h, 1d."""
    match = _DURATION.fullmatch(value.strip())
    if match is None:
        raise click.BadParameter(f"{value!r} is no time; write seconds or a number with a unit: 90, 30m, 2h")
    return float(match[1]) * _SECONDS[match[2].lower()]


def seconds(value: str | float) -> float:
    """A number of seconds that is neither negative nor infinite."""
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise click.BadParameter(f"{value!r} is no number of seconds")
    return number


def shard(value: str) -> tuple[int, int]:
    """A part of a whole as (number, count): 3/20 is the third of twenty."""
    match = _SHARD.fullmatch(value.strip())
    if match is None or int(match[1]) > int(match[2]):
        raise click.BadParameter(f"{value!r} is no part; write the third of twenty as 3/20")
    return int(match[1]), int(match[2])


def header(value: str) -> tuple[str, str]:
    """A header field of a request as (name, value)."""
    from broadsheet.crawler.fetch.given_headers import read_header

    return _checked_value(read_header, value)


def contact(value: str) -> str:
    """A contact that can be sent with requests: a URL or a mail address."""
    from broadsheet.crawler.fetch.identity import read_contact

    return _checked_value(read_contact, value)


def user_agent(value: str) -> str:
    """A User-Agent that can be sent in a header."""
    from broadsheet.crawler.fetch.identity import read_user_agent

    return _checked_value(read_user_agent, value)


def _checked_value(check: Callable[[str], _Value], value: str) -> _Value:
    from broadsheet.crawler.options import OptionError

    try:
        return check(value)
    except OptionError as error:
        raise click.BadParameter(str(error)) from error


def language(value: str) -> str:
    """The code of a language, two or three letters in lower case; a region is dropped."""
    match = _LANGUAGE.fullmatch(value.strip())
    if match is None:
        raise click.BadParameter(f"{value!r} is no language code; write en, es, de …")
    return match[1].lower()


def existing_archive(value: str) -> str:
    """The path of an archive that a verb reads, looked at before anything heavy is imported. NotReachable if nothing
    is there, or a folder."""
    file = Path(value).absolute()
    if file.is_dir():
        raise NotReachable(f"{file} is a folder, not an archive file")
    if not file.exists():
        raise NotReachable(f"{file} does not exist")
    return value


def is_nonempty_file(name: str) -> bool:
    """Whether there is a file at the path that is not empty."""
    path = Path(name)
    return path.is_file() and path.stat().st_size > 0


def is_file_of_receivers(word: str) -> bool:
    """Whether a word that says whom to tell names a TOML file of addresses, and is no address itself."""
    return word.endswith(".toml") and "://" not in word


def require_extra(module: str, extra: str) -> None:
    """CommandError, with what to install, where a module is missing that an extra of ours brings."""
    if find_spec(module) is None:
        raise CommandError(f"this needs {module}, which is not installed: pip install 'broadsheet[{extra}]'")
