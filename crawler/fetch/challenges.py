"""Walls served in place of a page: rate limits, challenges and CAPTCHAs, recognised by status, header or content.

Broadsheet does not try to pass one. The URL fails, its host is asked less often, and a later run tries again. The signs
in a page are those that the cleaner uses for CAPTCHAs, and count only on a page with little other text. Pure.
"""

from __future__ import annotations

import re
from functools import cache

from scrapy.http import Response

from broadsheet.cleaners.package_data import read_toml

_DATA = read_toml(__package__, "challenges.toml")
_STATUSES = frozenset(_DATA["statuses"])
_SEARCHED_STATUSES = frozenset(_DATA["searched_statuses"])
_HEADERS: dict[str, list[str]] = _DATA["headers"]
_MAX_BYTES = 128 * 1024  # of a body that is searched: walls are smaller
_MAX_WORDS = 150  # in sight on a wall; an error page in a site's frame has more
_UNSEEN = re.compile(r"<(script|style|template)\b.*?(?:</\1|\Z)|<[^<>]*>", re.DOTALL)


def is_challenge(response: Response) -> bool:
    """Tell whether a response is a wall, by its status, headers or content.

    >>> is_challenge(Response("https://a.example/", status=429))
    True
    """
    if response.status in _STATUSES or any(_has_value(response, name) for name in _HEADERS):
        return True
    return response.status in _SEARCHED_STATUSES and _is_challenge_page(response.body[:_MAX_BYTES])


def _has_value(response: Response, header: str) -> bool:
    value = (response.headers.get(header) or b"").decode("latin-1")
    return value.strip().lower() in _HEADERS[header]


def _is_challenge_page(body: bytes) -> bool:
    """Return whether a page with little text mentions a challenge in its markup or text."""
    markup = body.decode("utf-8", "replace").lower()
    text = " ".join(_UNSEEN.sub(" ", markup).split())
    if not markup.lstrip("\ufeff \t\r\n").startswith("<") or text.count(" ") >= _MAX_WORDS:
        return False
    patterns, phrases = _page_signs()
    return any(pattern in markup for pattern in patterns) or any(phrase in text for phrase in phrases)


@cache
def _page_signs() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what the markup of a CAPTCHA names and what its page says, from the cleaner's data."""
    data = read_toml("broadsheet.cleaners.judge", "page_features.toml")
    return tuple(data["markup"]["challenge"]), tuple(data["phrases"]["captcha"])
