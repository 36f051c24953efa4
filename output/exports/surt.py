"""URLs as web archives sort them: Sort-friendly URI Reordering Transform, as CDXJ indexes hold it. Pure.

`https://www.Example.org:8080/A/?b=2&a=1` → `org,example:8080)/a?a=1&b=2`. The rules are those that pywb and wabac.js
look up by; session ids that those also drop are left in.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_WWW = re.compile(r"^www\d*\.")
_DEFAULT_PORTS = {"http": 80, "https": 443}


def surt(url: str) -> str:
    """The URL's sort key in a CDXJ index."""
    parts = urlsplit(url)
    host = _WWW.sub("", parts.hostname or "")
    port = f":{parts.port}" if parts.port and parts.port != _DEFAULT_PORTS.get(parts.scheme) else ""
    path = parts.path.lower().rstrip("/") if parts.path.strip("/") else ""
    query = "&".join(sorted(parts.query.lower().split("&"), key=_argument_key)) if parts.query else ""
    return f"{','.join(reversed(host.split('.')))}{port}){path or '/'}{'?' if query else ''}{query}"


def _argument_key(text: str) -> tuple[str, ...]:
    return tuple(text.split("=", 1))
