"""What a reason in table `urls` means, in words for people."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from http import HTTPStatus
from importlib.resources import files


def meaning(reason: str) -> str:
    """The reason in words; one that has none is its own."""
    if match := re.fullmatch(r"http_(\d{3})", reason):
        return _status(int(match[1]))
    words, kind = _words(), reason.partition(":")[0]
    if kind == "error" and reason != kind:  # `error` alone is a page; `error:NAME` a fault that has no words
        return reason
    return words.get(reason) or words.get(kind) or reason.replace("_", " ")


def _status(code: int) -> str:
    try:
        return f"HTTP {code} {HTTPStatus(code).phrase}"
    except ValueError:
        return f"HTTP {code}"


@cache
def _words() -> dict[str, str]:
    return tomllib.loads(files(__package__).joinpath("reasons.toml").read_text("utf-8"))
