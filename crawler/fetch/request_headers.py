"""Request headers from a user, a site rule or a cookies.txt, and the requests that carry them.

A user's headers, such as a login, go only to the hosts of the start URLs: sitemaps and redirects may lead a crawl to
hosts of strangers. They never go over plain http to a host given as https. A site rule may add only harmless headers,
to requests to its own host. Cookies from a user's cookies.txt go only to the hosts that the file names.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.cookiejar import Cookie, LoadError, MozillaCookieJar
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from broadsheet.cleaners.page.canonical_urls import canonicalise, host_of

from ..options import OptionError

if TYPE_CHECKING:
    from broadsheet.cleaners.judge.site_rule_files import SiteRuleFile


EVERY_HOST = "*"

_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)")  # RFC 9110, section 5
_OPTION_OF_HEADER = {"user-agent": "--user-agent", "cookie": "--cookies"}
_SECURE = "https://"

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class GivenHeaders:
    """A user's headers and where they may go: to `hosts`, or everywhere; over plain http only to `plain_hosts`.

    `www.` and the bare name are one host, another port is another host, as for the bounds of a crawl.
    """

    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    hosts: frozenset[str] = frozenset()
    plain_hosts: frozenset[str] = frozenset()
    is_for_every_host: bool = False
    withheld_hosts: set[str] = field(default_factory=set)
    """Hosts for which the log already says that they do not get the headers."""

    @classmethod
    def for_seeds(cls, values: Mapping[str, str], seeds: Iterable[str], more_hosts: str = "") -> Self:
        """Allow headers, given as one text, for the hosts of start URLs and `more_hosts`; `*` means every host."""
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
        """Return the headers to send with a request for a URL; empty for a host that must not get them."""
        if not self.values or self._may_go_to(url):
            return self.values
        if (host := host_of(url)) not in self.withheld_hosts:
            self.withheld_hosts.add(host)
            _logger.warning("--header values are not sent to %s; --header-host allows further hosts", host)
        return {}

    def _may_go_to(self, url: str) -> bool:
        hosts = self.hosts if url.startswith(_SECURE) else self.plain_hosts
        return self.is_for_every_host or _bare_host(url) in hosts


def read_header(text: str) -> tuple[str, str]:
    """Read a request header, `NAME: VALUE`, as (name, value). OptionError for other text, which the message does not
    show.
    """
    match = _HEADER.fullmatch(text.strip())
    if match is None:
        raise OptionError("this is not a header (and is not shown, since it may be a secret); write 'Name: value'")
    if option := _OPTION_OF_HEADER.get(match[1].lower()):
        raise OptionError(f"{match[1]} has an option of its own, {option}")
    return match[1], match[2].strip()


def read_headers(value: object) -> dict[str, str]:
    """Read the setting BROADSHEET_HEADERS: a mapping, or text with a header a line. OptionError as above."""
    if isinstance(value, Mapping):
        lines = [f"{name}: {text}" for name, text in value.items()]
    else:
        lines = [line for line in str(value or "").splitlines() if line.strip()]
    try:
        return dict(map(read_header, lines))
    except OptionError as error:
        raise OptionError(f"BROADSHEET_HEADERS: {error}") from None


def overlaid(*header_sets: Mapping[str, str]) -> dict[str, str]:
    """Merge sets of headers, ignoring case; later sets win."""
    fields = {name.lower(): (name, value) for headers in header_sets for name, value in headers.items()}
    return dict(fields.values())


def _named_host(name: str) -> str:
    url = canonicalise(name if "://" in name else f"http://{name}/")
    if url is None or not host_of(url):
        raise OptionError(f"--header-host takes a host such as api.news.example, or * for every host, not {name!r}")
    return _bare_host(url)


def _bare_host(url: str) -> str:
    return host_of(url).removeprefix("www.")


_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")  # RFC 9110, section 5.1
_HEADER_VALUE = re.compile(r"[\x20-\x7e\xa0-\xff\t]*")
_IDENTITY = "says who asks, which is the crawl's to say (--user-agent, --contact)"
_SECRET = "is a credential, which no rule file may send"
_HOP = "is the connection's own"
_FORGED = "says that the request came another way than it did"
_PARTIAL = "asks for less than the page"
_REFUSED = {
    "user-agent": _IDENTITY, "from": _IDENTITY, "cookie": f"{_SECRET} (--cookies)", "authorization": _SECRET,
    "host": _HOP, "connection": _HOP, "keep-alive": _HOP, "content-length": _HOP, "content-type": _HOP, "expect": _HOP,
    "transfer-encoding": _HOP, "te": _HOP, "trailer": _HOP, "upgrade": _HOP, "accept-encoding": _HOP,
    "via": _FORGED, "forwarded": _FORGED, "x-real-ip": _FORGED, "client-ip": _FORGED, "true-client-ip": _FORGED,
    "range": _PARTIAL,
}  # fmt: skip
_REFUSED_PREFIXES = {"proxy-": _SECRET, "x-forwarded-": _FORGED, "if-": _PARTIAL, "cf-": _FORGED, ":": _HOP}


def header_refusal(name: str, value: str) -> str:
    """Return the reason not to send a header, in words that follow its name (`is a credential …`); empty if it
    is sent.
    """
    lowered = name.lower()
    if reason := _REFUSED.get(lowered):
        return reason
    if reason := next((reason for prefix, reason in _REFUSED_PREFIXES.items() if lowered.startswith(prefix)), ""):
        return reason
    return (
        "" if _HEADER_NAME.fullmatch(lowered) and _HEADER_VALUE.fullmatch(value) else "is not a header that can be sent"
    )


def allowed_headers(rules: Sequence[SiteRuleFile]) -> dict[str, str]:
    """Return the headers that a host's rule files add to its requests; the first file that sets a header decides."""
    headers: dict[str, str] = {}
    for rule in rules:
        for name, value in rule.headers.items():
            if not header_refusal(name, value):
                headers.setdefault(name, value)
    return headers


def refused_headers(rule: SiteRuleFile) -> Iterator[tuple[int, str]]:
    """Return (line number, message) for each header of a rule file that is not sent."""
    for directive in rule.directives_named("http_header"):
        if reason := header_refusal(directive.argument, directive.value):
            yield directive.line, f"http_header({directive.argument}) is not sent: it {reason}"


def read_cookies(path: str | Path | None) -> tuple[Cookie, ...]:
    """Read a cookies.txt file (Netscape's format); no cookies without a path. OptionError if it cannot be read."""
    if not path:
        return ()
    jar = MozillaCookieJar(str(path))
    try:
        with warnings.catch_warnings(action="ignore"):  # of a broken line it warns with a traceback, values and all
            jar.load(ignore_discard=True, ignore_expires=True)
    except (OSError, LoadError, UnicodeDecodeError) as error:
        raise OptionError(f"cannot read cookies from {path}: not a cookies.txt file") from error
    return tuple(jar)


def cookies_for(cookies: tuple[Cookie, ...], url: str) -> dict[str, str]:
    """Return the values by name of the cookies that match the URL's host, path and scheme."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return {
        cookie.name: cookie.value or ""
        for cookie in cookies
        if _domain_matches(host, cookie.domain)
        and _path_matches(cookie.path or "/", parts.path or "/")
        and (parts.scheme == "https" or not cookie.secure)
    }


def cookie_header(cookies: tuple[Cookie, ...], url: str) -> dict[str, str]:
    """Return the Cookie header for a URL, or an empty dict. Scrapy's own cookies are off: they would be a session."""
    cookie_values = cookies_for(cookies, url)
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in cookie_values.items())} if cookie_values else {}


def _path_matches(cookie_path: str, url_path: str) -> bool:
    """Match a cookie's path (RFC 6265, section 5.1.4): it is a folder, not just a prefix of the URL's path."""
    return url_path == cookie_path or url_path.startswith(cookie_path.rstrip("/") + "/")


def _domain_matches(host: str, domain: str) -> bool:
    bare_domain = domain.lstrip(".")
    return host == bare_domain or (domain.startswith(".") and host.endswith("." + bare_domain))
