"""What a person gave to a crawl to get in somewhere: request headers beside the project's own, and cookies. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http.cookiejar import Cookie

from broadsheet.crawler.settings import DEFAULT_REQUEST_HEADERS

_MIN_SECRET_CHARS = 6  # a shorter value, such as 1 or en, is no secret, and would be found in any line of a log


@dataclass(frozen=True, slots=True)
class Credentials:
    """The names of request headers, in lower case, whose values are not to be stored; and values not to be logged."""

    header_names: frozenset[str] = frozenset()
    values: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def from_options(cls, headers: Mapping[str, object], cookies: Iterable[Cookie]) -> Credentials:
        """Those in the setting DEFAULT_REQUEST_HEADERS that are not the project's, and the values of the cookies."""
        given_headers = {
            name.lower(): str(value)
            for name, value in headers.items()
            if value is not None and DEFAULT_REQUEST_HEADERS.get(name) != value
        }
        values = [value for text in given_headers.values() for value in (text, *text.split())]
        values += [cookie.value or "" for cookie in cookies]
        long_values = {value for value in values if len(value) >= _MIN_SECRET_CHARS}
        return cls(frozenset(given_headers), tuple(sorted(long_values, key=len, reverse=True)))
