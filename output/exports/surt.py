"""URLs as web archives sort them: Sort-friendly URI Reordering Transform, as CDXJ indexes hold it. Pure.

`https://www.Example.org:8080/A/?b=2&a=1` → `org,example:8080)/a?a=1&b=2`. The rules are those of the Internet Archive's
Wayback Machine, by which pywb looks up: percent escapes are undone and only the necessary ones made again, doubled
slashes folded, dot segments resolved, and session ids left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from ipaddress import IPv4Address
from urllib.parse import unquote_to_bytes

_URL = re.compile(r"(https?):/{2,}([^/?#]*)([^?#]*)(?:\?([^#]*))?", re.IGNORECASE | re.DOTALL)
_PORT = re.compile(r":(\d*)$")
_LINE_ENDS = str.maketrans("", "", "\t\r\n")
_WWW = re.compile(rb"^www\d*\.")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_TO_ESCAPE = re.compile(rb"[\x00-\x20#%\x7f-\xff]")
_DECIMAL_ADDRESS = re.compile(r"[0-9]{1,10}")
_SESSION_FOLDERS = (
    rb"(?<=/)\((?:[a-z]\([0-9a-z]{24}\))+\)/(?=[^?]+\.aspx)",
    rb"(?<=/)\([0-9a-z]{24}\)/(?=[^?]+\.aspx)",
)
_SESSION_ARGUMENTS = (
    rb"jsessionid=[0-9a-z]{32}(?:&|$)",
    rb"phpsessid=[0-9a-z]{32}(?:&|$)",
    rb"sid=[0-9a-z]{32}(?:&|$)",
    rb"aspsessionid[a-z]{8}=[a-z]{24}(?:&|$)",
    rb"cfid=[^&]+&cftoken=[^&]+(?:&|$)",
)


def surt(url: str) -> str:
    """The URL's sort key in a CDXJ index; a URL that is not of http or https is its own key."""
    match = _URL.match(url.strip().translate(_LINE_ENDS))
    if match is None:
        return url
    scheme, authority, path, query = match.groups()
    host, port = _host_and_port(authority.rpartition("@")[2], scheme.lower())
    return f"{host}{port}){_path_key(path)}{_query_key(query or '')}"


def _host_and_port(authority: str, scheme: str) -> tuple[str, str]:
    port_match = _PORT.search(authority)
    number = int(port_match[1] or 0) if port_match else 0
    name = authority[: port_match.start()] if port_match else authority
    host = _WWW.sub(b"", _host_bytes(name))
    port = f":{number}" if number and number != _DEFAULT_PORTS[scheme] else ""
    return ",".join(reversed(_escape(host).split("."))), port


def _host_bytes(name: str) -> bytes:
    """The host's name in lower case, international ones as DNS has them, a number as the address that it stands for."""
    host = _unescape(name.strip("[]"))
    with suppress(UnicodeError):  # such a host stays as it is
        host = host.decode("utf-8").encode("idna")
    host = re.sub(rb"\.{2,}", b".", host).strip(b".").lower()
    if _DECIMAL_ADDRESS.fullmatch(host.decode("latin-1")) and int(host) < 1 << 32:
        return str(IPv4Address(int(host))).encode()
    return host


def _path_key(path: str) -> str:
    segments = _unescape(path).removeprefix(b"/").split(b"/")
    folded_path = b"/" + b"/".join(segment for segment in _resolved_segments(segments) if segment)
    return _escape(_without_sessions(folded_path, _SESSION_FOLDERS)).lower()


def _resolved_segments(segments: Iterable[bytes]) -> list[bytes]:
    """The segments of a path without dots; `..` takes the one before it along, also an empty one, and stays where none
    is."""
    resolved: list[bytes] = []
    for segment in segments:
        if segment == b".." and resolved:
            resolved.pop()
        elif segment != b".":
            resolved.append(segment)
    return resolved


def _query_key(query: str) -> str:
    kept_query = _without_sessions(_escape(_unescape(query)).encode("ascii"), _SESSION_ARGUMENTS)
    if not kept_query:
        return ""
    arguments = kept_query.decode("ascii").lower().split("&")
    return "?" + "&".join(sorted(arguments, key=lambda argument: argument.split("=", 1)))


def _without_sessions(data: bytes, patterns: Iterable[bytes]) -> bytes:
    """A path or a query without the last session id of each pattern."""
    for pattern in patterns:
        if match := re.match(rb"(.*)" + pattern, data, re.IGNORECASE | re.DOTALL):
            data = data[: match.end(1)] + data[match.end() :]
    return data


def _unescape(text: str) -> bytes:
    """The bytes of a text with all percent escapes undone, also those that come out of others."""
    data = text.encode("utf-8", "surrogatepass")
    while (unescaped := unquote_to_bytes(data)) != data:
        data = unescaped
    return data


def _escape(data: bytes) -> str:
    return _TO_ESCAPE.sub(lambda match: b"%%%02X" % match[0][0], data).decode("ascii")
