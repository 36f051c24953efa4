"""The kinds of option values that click does not know. Light: `broadsheet --help` imports this."""

from __future__ import annotations

import math
import re
from typing import Any

import click

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd]?)", re.IGNORECASE)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)")  # RFC 9110, section 5
_LANGUAGE = re.compile(r"([a-z]{2,3})(?:[-_][a-z0-9-]+)?", re.IGNORECASE)
_OWN_OPTION = {"user-agent": "--user-agent", "cookie": "--cookies"}


class Mistake(click.ClickException):
    """What a person asked for cannot be done as it stands; the text says why, in one line."""

    exit_code = 2


class Duration(click.ParamType):
    """Seconds, or a number with its unit: 90, 30m, 2h, 1d. The value is in seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read the text."""
        if isinstance(value, int | float):
            return float(value)
        match = _DURATION.fullmatch(str(value).strip())
        if match is None:
            self.fail(f"{value!r} is no time; write seconds or a number with a unit: 90, 30m, 2h", param, ctx)
        return float(match[1]) * _SECONDS[match[2].lower()]


class Seconds(click.ParamType):
    """A number of seconds that is not negative."""

    name = "seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read the number; NaN and infinity are none."""
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not 0 <= number < math.inf:
            self.fail(f"{value!r} is no number of seconds", param, ctx)
        return number


class Header(click.ParamType):
    """A header field of the request as (name, value)."""

    name = "header"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Split at the first colon."""
        if isinstance(value, tuple):
            return str(value[0]), str(value[1])
        match = _HEADER.fullmatch(str(value).strip())
        if match is None:
            self.fail(f"{value!r} is no header; write 'Name: value'", param, ctx)
        if own := _OWN_OPTION.get(match[1].lower()):
            self.fail(f"{match[1]} has an option of its own, {own}", param, ctx)
        return match[1], match[2].strip()


class Language(click.ParamType):
    """A language by its code of two or three letters; a region is dropped."""

    name = "code"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Reduce the tag to its primary part, lower case."""
        match = _LANGUAGE.fullmatch(str(value).strip())
        if match is None:
            self.fail(f"{value!r} is no language code; write en, es, de …", param, ctx)
        return match[1].lower()
