"""Request headers that a person gives to a crawl, such as a login: which requests they go with.

They go to the hosts of the start URLs alone, since a crawl also asks hosts that nobody chose: where a site keeps its
sitemaps, where its robots.txt or a start URL redirects to. And never over plain http to a host that was given as https.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

from broadsheet.cleaners.urls.canonical import canonicalise, host_of
from broadsheet.crawler.options import OptionError

EVERY_HOST = "*"

_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)")  # RFC 9110, section 5
_OPTION_OF_HEADER = {"user-agent": "--user-agent", "cookie": "--cookies"}
_SECURE = "https://"

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class GivenHeaders:
    """The headers, and where they may go: `hosts`, or everywhere; in plain text to `plain_hosts` alone.

    `www.` and the bare name are one host, another port is another host, as for the bounds of a crawl.
    """

    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    hosts: frozenset[str] = frozenset()
    plain_hosts: frozenset[str] = frozenset()
    is_for_every_host: bool = False
    withheld_hosts: set[str] = field(default_factory=set)
    """The hosts of which a log line has said that they are not sent the headers."""

    @classmethod
    def for_seeds(cls, values: Mapping[str, str], seeds: Iterable[str], more_hosts: str = "") -> Self:
        """Headers for the hosts of start URLs, and for those named besides, in one text; `*` is every host."""
        named = more_hosts.split()
        named_hosts = {_named_host(name) for name in named if name != EVERY_HOST}
        urls = tuple(seeds)
        plain_urls = (url for url in urls if not url.startswith(_SECURE))
        return cls(
            values,
            frozenset(named_hosts | {_bare_host(url) for url in urls}),
            frozenset(named_hosts | {_bare_host(url) for url in plain_urls}),
            EVERY_HOST in named,
        )

    def for_url(self, url: str) -> Mapping[str, str]:
        """The headers that a request for a URL carries; none where they might reach somebody else."""
        if not self.values or self._may_go_to(url):
            return self.values
        if (host := host_of(url)) not in self.withheld_hosts:
            self.withheld_hosts.add(host)
            _logger.warning("What --header gives is not sent to %s: --header-host names further hosts", host)
        return {}

    def _may_go_to(self, url: str) -> bool:
        hosts = self.hosts if url.startswith(_SECURE) else self.plain_hosts
        return self.is_for_every_host or _bare_host(url) in hosts


def read_header(text: str) -> tuple[str, str]:
    """A header field of a request, `NAME: VALUE`, as (name, value). OptionError, which does not show another text."""
    match = _HEADER.fullmatch(text.strip())
    if match is None:
        raise OptionError("this is no header (and is not shown, since it may be a secret); write 'Name: value'")
    if option := _OPTION_OF_HEADER.get(match[1].lower()):
        raise OptionError(f"{match[1]} has an option of its own, {option}")
    return match[1], match[2].strip()


def read_headers(value: object) -> dict[str, str]:
    """The headers of the setting BROADSHEET_HEADERS: a mapping, or text with a header a line. OptionError as above."""
    if isinstance(value, Mapping):
        lines = [f"{name}: {text}" for name, text in value.items()]
    else:
        lines = [line for line in str(value or "").splitlines() if line.strip()]
    try:
        return dict(map(read_header, lines))
    except OptionError as error:
        raise OptionError(f"BROADSHEET_HEADERS: {error}") from None


def overlaid(*header_sets: Mapping[str, str]) -> dict[str, str]:
    """Headers in one, each once whatever its case: a later set goes before an earlier one."""
    fields = {name.lower(): (name, value) for headers in header_sets for name, value in headers.items()}
    return dict(fields.values())


def _named_host(name: str) -> str:
    url = canonicalise(name if "://" in name else f"http://{name}/")
    if url is None or not host_of(url):
        raise OptionError(f"--header-host takes a host such as api.news.example, or * for every host, not {name!r}")
    return _bare_host(url)


def _bare_host(url: str) -> str:
    return host_of(url).removeprefix("www.")
