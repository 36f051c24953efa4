"""One spelling for each URL, so that one page is one row.

The reading follows what browsers do (WHATWG URL Standard) where that and RFC 3986 differ, and what a server
may tell apart is kept: the query's order, the path's case, a trailing slash, `%2F`, doubled slashes within a path.
Dropped is what no server sees or what never chooses the page: fragments (also `#!`: it is answered by scripts
alone), default ports, tracking parameters and session ids (data in `urls.toml`). Slashes doubled at the very
start of a path are folded: they come from templates that join a site's address and a path, and a page under
`//` repeats the site through its relative links.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from functools import lru_cache
from importlib.resources import files
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import unquote, urljoin

import idna

MAX_URL_CHARS = 2000
"""Longer URLs are refused: a canonical URL is ASCII, and servers and proxies stop near this length."""

_MAX_INPUT_CHARS = 8 * MAX_URL_CHARS
_FACTS = tomllib.loads(files(__package__).joinpath("canonical.toml").read_text(encoding="utf-8"))


def _any_of(prefixes: Iterable[str], names: Iterable[str]) -> re.Pattern[str]:
    starts = "|".join(re.escape(prefix) for prefix in prefixes)
    whole = "|".join(re.escape(name) for name in names)
    return re.compile(f"(?:{starts})|(?:{whole})$")


_NOISE = _any_of(
    [*_FACTS["tracking"]["prefixes"], *_FACTS["session"]["prefixes"]],
    [*_FACTS["tracking"]["names"], *_FACTS["session"]["names"]],
)
_NOISE_BY_VALUE = {name: re.compile(value) for name, value in _FACTS["by_value"].items()}
_PATH_SESSION = re.compile(rf";(?:{'|'.join(_FACTS['session']['path_parameters'])})=[^/;]*", re.IGNORECASE)
_SEGMENT_SESSION = re.compile(rf"/{_FACTS['session']['path_segment']}(?=/|$)")
_MEDIA = frozenset(extension for kind in _FACTS["media"].values() for extension in kind)

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_HARMLESS = re.compile(r"(?:https?|mailto|tel):", re.IGNORECASE)
_HTTP = re.compile(r"(https?):[/\\]*", re.IGNORECASE)
_PARTS = re.compile(r"(https?)://([^/?#]*)([^?#]*)(?:\?([^#]*))?", re.DOTALL)
_SEGMENT = r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*"
_CLEAN = re.compile(
    rf"https?://(?:[a-z0-9][a-z0-9_-]{{0,62}}\.){{1,3}}[a-z][a-z-]{{1,62}}/(?:{_SEGMENT}/)*(?:{_SEGMENT})?"
)
_PLAIN_REST = r"[^\s\0- ;?#]*(?:\?[^\s\0- #]+)?(?:#[^\s\0- ]+)?"  # what joining to a base leaves as it is
_WRITTEN_OUT = re.compile(rf"https?://[A-Za-z0-9.-]+/{_PLAIN_REST}")
_ROOTED = re.compile(rf"/(?!/){_PLAIN_REST}")
_SPACES_AROUND = "".join(map(chr, range(0x21)))
_REMOVED_INSIDE = str.maketrans("", "", "\t\r\n")
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}|%|[^A-Za-z0-9_.~/!$&'()*+,;=:@?-]")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_-]{1,63})*")
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")
_DEFAULT_PORTS = {"http": "80", "https": "443"}


def canonicalise(url: str, base: str | None = None) -> str | None:
    """The one spelling of an http or https URL, resolved against `base`, or None where it cannot be crawled.

    None: another scheme, user name or password, no host or an impossible one, or more than `MAX_URL_CHARS`.
    Applying it again changes nothing.
    """
    if len(url) > _MAX_INPUT_CHARS:
        return None
    if len(url) <= MAX_URL_CHARS and _CLEAN.fullmatch(url):
        return url
    url = url.strip()
    if not url.isprintable():
        url = url.strip(_SPACES_AROUND).translate(_REMOVED_INSIDE)
    absolute = _absolute(url, base)
    return _canonical(absolute) if absolute else None


def absolute(href: str, base: str) -> str:
    """The address that `href` names on the page at `base`, its spelling kept; empty if it cannot be read or acts.

    A script or data in place of an address is none to follow.
    """
    if _WRITTEN_OUT.fullmatch(href):
        return href
    if _ROOTED.fullmatch(href) and "/." not in href and (origin := _origin(base)):
        return origin + href
    try:
        joined = urljoin(base, href.strip(_SPACES_AROUND).translate(_REMOVED_INSIDE))
    except ValueError:  # a host in broken brackets
        return ""
    return "" if _SCHEME.match(joined) and not _HARMLESS.match(joined) else joined


def host_of(url: str) -> str:
    """The URL's host in lower case, with its port unless that is the scheme's own; empty if there is none."""
    end = url.find("/", len("https://"))
    return _host_in(url[:end] if end > 0 else url)


@lru_cache(maxsize=4096)
def _host_in(url: str) -> str:
    """The host of what stands before a URL's path."""
    match = _PARTS.match(url) or _PARTS.match(url[:8].lower() + url[8:])
    if match is None:
        return ""
    host = match[2].rpartition("@")[2].lower()
    return host.removesuffix(f":{_DEFAULT_PORTS[match[1]]}")


def is_probably_media(url: str) -> bool:
    """Whether the path ends like a file that is no page of text: picture, sound, document, script, style."""
    match = _PARTS.match(url)
    name = (match[3] if match else url).rpartition("/")[2]
    stem, _, extension = name.rpartition(".")
    return bool(stem) and extension.lower() in _MEDIA


def ipv4_of(host: str) -> str | None:
    """The dotted IPv4 address that a host means when browsers and C libraries read it as one, else None.

    Read are one to four parts, each decimal, octal (`0177`) or hexadecimal (`0x7f`), the last filling what is left.
    ValueError if the last part is a number but the whole is no address.
    """
    parts = host.split(".")
    if not _NUMBER.fullmatch(parts[-1]):
        return None
    if len(parts) > 4 or not all(map(_NUMBER.fullmatch, parts)):
        raise ValueError(f"not an IPv4 address: {host}")
    *bytes_first, last = map(_number, parts)
    if any(byte > 255 for byte in bytes_first) or last >= 256 ** (4 - len(bytes_first)):
        raise ValueError(f"not an IPv4 address: {host}")
    return str(IPv4Address(last + sum(byte << 8 * (3 - at) for at, byte in enumerate(bytes_first))))


def _number(text: str) -> int:
    if text.startswith("0x"):
        return int(text[2:] or "0", 16)
    return int(text, 8 if len(text) > 1 and text.startswith("0") else 10)


def _absolute(url: str, base: str | None) -> str | None:
    """An http(s) URL with forward slashes before its query; None for other schemes or nothing to join to."""
    if "\\" in url:
        url = _forward_slashes(url)
    if _SCHEME.match(url):
        return _HTTP.sub(lambda match: match[1].lower() + "://", url, count=1) if _HTTP.match(url) else None
    if not base:
        return None
    if url.startswith("/") and not url.startswith("//"):
        return _origin(base) + url
    try:
        return urljoin(base, url)
    except ValueError:
        return None


@lru_cache(maxsize=1024)
def _origin(base: str) -> str:
    match = _PARTS.match(_absolute(base, None) or "")
    return f"{match[1]}://{match[2]}" if match else ""


def _forward_slashes(url: str) -> str:
    head = re.split("[?#]", url, maxsplit=1)[0]
    return head.replace("\\", "/") + url[len(head) :]


@lru_cache(maxsize=8192)
def _canonical(url: str) -> str | None:
    if _CLEAN.fullmatch(url):
        return url if len(url) <= MAX_URL_CHARS else None
    match = _PARTS.match(url)
    host = _authority(match[1], match[2]) if match else None
    if match is None or host is None:
        return None
    query = _query(match[4]) if match[4] else ""
    result = f"{match[1]}://{host}{_path(match[3])}{query}"
    return result if len(result) <= MAX_URL_CHARS else None


def _authority(scheme: str, authority: str) -> str | None:
    """Host and, unless it is the scheme's own, port; None if malformed or with a user name."""
    match = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:@]+)(?::([0-9]{0,5}))?", authority)
    if match is None:
        return None
    try:
        host = _host(match[1])
    except ValueError:
        return None
    port = (match[2] or "").lstrip("0") or ("0" if match[2] else "")
    if port and int(port) > 65535:
        return None
    return f"{host}:{port}" if port and port != _DEFAULT_PORTS[scheme] else host


def _host(host: str) -> str:
    """The host as DNS has it; ValueError if it cannot be one."""
    if host.startswith("["):
        return f"[{IPv6Address(host[1:-1]).compressed}]"
    name = unquote(host, errors="strict") if "%" in host else host
    if not name.isascii():
        name = _ascii_name(name)
    name = name.lower().removesuffix(".")
    if len(name) > 253 or not _HOST.fullmatch(name):
        raise ValueError(f"not a host: {host}")
    return ipv4_of(name) or name


def _ascii_name(name: str) -> str:
    """IDNA 2008; for symbols, which it forbids but browsers and DNS know, IDNA 2003. Both raise ValueErrors."""
    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except idna.IDNAError:
        return name.encode("idna").decode("ascii")


def _path(path: str) -> str:
    path = _ESCAPE.sub(_escape, path)
    if ";" in path:
        path = _PATH_SESSION.sub("", path)
    if "(" in path:
        path = _SEGMENT_SESSION.sub("", path)
    if "/." in path:
        path = _without_dots(path)
    return "/" + path.lstrip("/")


def _without_dots(path: str) -> str:
    """The path with `.` and `..` segments applied (RFC 3986, section 5.2.4)."""
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


def _query(query: str) -> str:
    """`?` and the parameters that choose the page, in their order; empty if none is left."""
    kept = [part for part in _ESCAPE.sub(_escape, query).replace("'", "%27").split("&") if part and not _is_noise(part)]
    return "?" + "&".join(kept) if kept else ""


def _is_noise(parameter: str) -> bool:
    name, _, value = parameter.partition("=")
    name = unquote(name).lower().removeprefix("amp;")
    if _NOISE.match(name):
        return True
    by_value = _NOISE_BY_VALUE.get(name)
    return bool(by_value and by_value.fullmatch(value.lower()))


def _escape(match: re.Match[str]) -> str:
    """Unreserved characters as themselves, all else that must not stand in a URL as upper-case escapes."""
    text = match[0]
    if len(text) == 3:
        char = chr(int(text[1:], 16))
        return char if char in _UNRESERVED else text.upper()
    return "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "replace"))
