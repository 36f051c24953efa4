"""The headers that a site rule may add to requests to its host, and those that it may not. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from cleaners.site_rules.ftr_format import SiteRule

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")  # RFC 9110, section 5.1
_VALUE = re.compile(r"[\x20-\x7e\xa0-\xff\t]*")
_WHO = "says who asks, which is the crawl's to say (--user-agent, --contact)"
_SECRET = "is a credential, which no rule file may send"
_WIRE = "is the connection's own"
_FORGED = "says that the request came another way than it did"
_PART = "asks for less than the page"
_REFUSED = {
    "user-agent": _WHO, "from": _WHO, "host": _WIRE, "cookie": f"{_SECRET} (--cookies)", "authorization": _SECRET,
    "connection": _WIRE, "keep-alive": _WIRE, "content-length": _WIRE, "content-type": _WIRE, "expect": _WIRE,
    "transfer-encoding": _WIRE, "te": _WIRE, "trailer": _WIRE, "upgrade": _WIRE, "accept-encoding": _WIRE,
    "via": _FORGED, "forwarded": _FORGED, "x-real-ip": _FORGED, "client-ip": _FORGED, "true-client-ip": _FORGED,
    "range": _PART,
}  # fmt: skip
_REFUSED_STARTS = {"proxy-": _SECRET, "x-forwarded-": _FORGED, "if-": _PART, "cf-": _FORGED, ":": _WIRE}


def refusal(name: str, value: str) -> str:
    """Why a header is not sent, in words that follow its name; empty if it is."""
    lowered = name.lower()
    if why := _REFUSED.get(lowered):
        return why
    if why := next((why for start, why in _REFUSED_STARTS.items() if lowered.startswith(start)), ""):
        return why
    return "" if _NAME.fullmatch(lowered) and _VALUE.fullmatch(value) else "is no header that can be sent"


def sent_headers(rules: Sequence[SiteRule]) -> dict[str, str]:
    """The headers that the rules of a host add to its requests; the first file that names one decides."""
    found: dict[str, str] = {}
    for rule in rules:
        for name, value in rule.headers.items():
            if not refusal(name, value):
                found.setdefault(name, value)
    return found


def refused_headers(rule: SiteRule) -> Iterator[tuple[int, str]]:
    """(line, what is wrong) of each header of a file that is not sent."""
    for one in rule.all("http_header"):
        if why := refusal(one.argument, one.value):
            yield one.line, f"http_header({one.argument}) is not sent: it {why}"
