"""What a reason in table `urls` means, in words for people."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from http import HTTPStatus
from importlib.resources import files


def reason_text(reason: str) -> str:
    """The reason in words; a reason without words is returned as it is, with spaces for underscores."""
    if match := re.fullmatch(r"http_(\d{3})", reason):
        return _status_text(int(match[1]))
    texts, kind = _reason_texts(), reason.partition(":")[0]
    if kind == "error" and reason != kind:  # `error` alone is a page; `error:NAME` a fault that has no words
        return reason
    return texts.get(reason) or texts.get(kind) or reason.replace("_", " ")


def _status_text(code: int) -> str:
    try:
        return f"HTTP {code} {HTTPStatus(code).phrase}"
    except ValueError:
        return f"HTTP {code}"


@cache
def _reason_texts() -> dict[str, str]:
    return tomllib.loads(files(__package__).joinpath("reasons.toml").read_text("utf-8"))
