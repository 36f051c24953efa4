"""Which headers a site rule may add to the requests to its host. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from broadsheet.cleaners.site_rules.ftr_format import SiteRuleFile

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")  # RFC 9110, section 5.1
_VALUE = re.compile(r"[\x20-\x7e\xa0-\xff\t]*")
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
    """Why a header is not sent, in words that follow its name (`is a credential …`); empty if it is sent."""
    lowered = name.lower()
    if reason := _REFUSED.get(lowered):
        return reason
    if reason := next((reason for prefix, reason in _REFUSED_PREFIXES.items() if lowered.startswith(prefix)), ""):
        return reason
    return "" if _NAME.fullmatch(lowered) and _VALUE.fullmatch(value) else "is no header that can be sent"


def allowed_headers(rules: Sequence[SiteRuleFile]) -> dict[str, str]:
    """The headers that a host's rule files add to its requests; the first file that sets a header decides."""
    headers: dict[str, str] = {}
    for rule in rules:
        for name, value in rule.headers.items():
            if not header_refusal(name, value):
                headers.setdefault(name, value)
    return headers


def refused_headers(rule: SiteRuleFile) -> Iterator[tuple[int, str]]:
    """(line number, message) of each header of a rule file that is not sent."""
    for directive in rule.directives_named("http_header"):
        if reason := header_refusal(directive.argument, directive.value):
            yield directive.line, f"http_header({directive.argument}) is not sent: it {reason}"
