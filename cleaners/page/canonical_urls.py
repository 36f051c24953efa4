"""Canonical spelling of a URL, so that one page is one row; and spellings that a person may mean.

URLs are parsed as in browsers (WHATWG URL Standard) where RFC 3986 differs. Differences that a server may see are kept:
the query's order, the path's case, a trailing slash, `%2F`, doubled slashes within a path. Parts that no server sees or
that never select the page are dropped: fragments (also `#!`, which only scripts answer), default ports, tracking
parameters and session ids (data in `canonical_urls.toml`). Slashes doubled at the very start of a path are folded: they
come from templates that join a site's address and a path, and a page under `//` repeats the site through its relative
links.

A URL typed from memory or taken from a browser's bar often lacks the scheme, has or lacks `www.`, or ends with a slash
too many or too few. A look-up tries `near_spellings` in order and takes the first that the archive knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from itertools import product
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

import idna

from ..package_data import read_toml

MAX_URL_CHARS = 2000
"""Longer URLs are refused: a canonical URL is ASCII, and servers and proxies have limits near this length."""

_MAX_INPUT_CHARS = 8 * MAX_URL_CHARS
_REMEMBERED_URLS, _MAX_REMEMBERED_CHARS = 2048, 500
"""Number of resolved links that are cached (a site's frame repeats its links), and the longest of them."""

_DATA = read_toml(__package__, "canonical_urls.toml")


def split_url(url: str) -> SplitResult:
    """Split a URL. All parts of an unparsable one are empty, for instance of a host in broken brackets."""
    try:
        return urlsplit(url)
    except ValueError:
        return SplitResult("", "", "", "", "")


def _name_pattern(prefixes: Iterable[str], names: Iterable[str]) -> re.Pattern[str]:
    """Compile a pattern whose `match` finds parameter names with one of the prefixes, and the names themselves."""
    any_prefix = "|".join(re.escape(prefix) for prefix in prefixes)
    any_name = "|".join(re.escape(name) for name in names)
    return re.compile(f"(?:{any_prefix})|(?:{any_name})$")


_NOISE_NAME = _name_pattern(
    [*_DATA["tracking"]["prefixes"], *_DATA["session"]["prefixes"]],
    [*_DATA["tracking"]["names"], *_DATA["session"]["names"]],
)
_NOISE_VALUES = {name: re.compile(value) for name, value in _DATA["by_value"].items()}
_PATH_SESSION = re.compile(rf";(?:{'|'.join(_DATA['session']['path_parameters'])})=[^/;]*", re.IGNORECASE)
_SEGMENT_SESSION = re.compile(rf"/{_DATA['session']['path_segment']}(?=/|$)")
_MEDIA_EXTENSIONS = frozenset(extension for kind in _DATA["media"].values() for extension in kind)

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_LINK_SCHEME = re.compile(r"(?:https?|mailto|tel):", re.IGNORECASE)
_HTTP_SCHEME = re.compile(r"(https?):[/\\]*", re.IGNORECASE)
_URL_PARTS = re.compile(r"(https?)://([^/?#]*)([^?#]*)(?:\?([^#]*))?", re.DOTALL)
_SEGMENT = r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*"
_CANONICAL_URL = re.compile(
    rf"https?://(?:[a-z0-9][a-z0-9_-]{{0,62}}\.){{1,3}}[a-z][a-z-]{{1,62}}/(?:{_SEGMENT}/)*(?:{_SEGMENT})?"
)
_PLAIN_PATH = r"[^\s\0- ;?#]*(?:\?[^\s\0- #]+)?(?:#[^\s\0- ]+)?"  # with query and fragment: `urljoin` keeps them
_ABSOLUTE_START = re.compile(r"(?:https?:)?//[A-Za-z0-9]|/(?:[A-Za-z0-9._~%?#-]|$)")
_RELATIVE_START = re.compile(r"[A-Za-z0-9._~%-]")
_ABSOLUTE_URL = re.compile(rf"https?://[A-Za-z0-9.-]+/{_PLAIN_PATH}")
_ROOT_PATH = re.compile(rf"/(?!/){_PLAIN_PATH}")
_OUTER_SPACES = "".join(map(chr, range(0x21)))
_INNER_SPACES = str.maketrans("", "", "\t\r\n")
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}|%|[^A-Za-z0-9_.~/!$&'()*+,;=:@?-]")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_-]{1,63})*")
_IPV4_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")
_DEFAULT_PORTS = {"http": "80", "https": "443"}


def canonicalise(url: str, base: str | None = None) -> str | None:
    """Return the canonical spelling of an http or https URL, resolved against `base`; None if it cannot be crawled.

    That is a URL with another scheme, with a user name or password, without a valid host, or of more than
    `MAX_URL_CHARS` characters. The result, canonicalised again, stays the same.
    """
    if len(url) > _MAX_INPUT_CHARS:
        return None
    if base and len(url) <= _MAX_REMEMBERED_CHARS and (shared_base := _shared_base(url, base)):
        return _remembered_canonical(url, shared_base)
    return _canonicalise(url, base)


def _canonicalise(url: str, base: str | None) -> str | None:
    """Canonicalise as `canonicalise` does, for a URL that is not too long."""
    if len(url) <= MAX_URL_CHARS and _CANONICAL_URL.fullmatch(url):
        return url
    url = url.strip()
    if not url.isprintable():
        url = url.strip(_OUTER_SPACES).translate(_INNER_SPACES)
    http_url = _join_http(url, base)
    return _canonical(http_url) if http_url else None


def resolve_href(href: str, base: str) -> str:
    """Return the absolute URL of a link on the page at `base`, without canonicalising it.

    Empty for a malformed URL and for schemes that a reader cannot follow, such as `javascript:` and `data:`.

    >>> resolve_href("../about", "https://news.example/2024/mill")
    'https://news.example/about'
    """
    if len(href) <= _MAX_REMEMBERED_CHARS and (shared_base := _shared_base(href, base)):
        return _remembered_href(href, shared_base)
    return _resolve_href(href, base)


def _resolve_href(href: str, base: str) -> str:
    """Resolve as `resolve_href` does, without its cache."""
    if _ABSOLUTE_URL.fullmatch(href):
        return href
    if _ROOT_PATH.fullmatch(href) and "/." not in href and (origin := _origin(base)):
        return origin + href
    try:
        absolute_url = urljoin(base, href.strip(_OUTER_SPACES).translate(_INNER_SPACES))
    except ValueError:  # a host in broken brackets
        return ""
    return "" if _SCHEME.match(absolute_url) and not _LINK_SCHEME.match(absolute_url) else absolute_url


_remembered_canonical = lru_cache(maxsize=_REMEMBERED_URLS)(_canonicalise)
_remembered_href = lru_cache(maxsize=_REMEMBERED_URLS)(_resolve_href)


def _shared_base(href: str, base: str) -> str:
    """Return a cache key: the shortest base URL that resolves `href` as `base` does.

    It is the root of the host, or for a path relative to the page its folder. Empty if only the page itself will do, as
    for a query alone, and if that is not plain to see.
    """
    if _ABSOLUTE_START.match(href):
        return _root_of(base)
    if _RELATIVE_START.match(href) and ":" not in href and (root := _root_of(base)):
        path_end = min(position for position in (base.find("?"), base.find("#"), len(base)) if position >= 0)
        return base[: max(len(root), base.rfind("/", 0, path_end) + 1)]
    return ""


@lru_cache(maxsize=1024)
def _root_of(base: str) -> str:
    """Return the root of a base's host; empty for a base that is not spelled as this module spells one."""
    root = f"{_origin(base)}/"
    return root if root != "/" and base.startswith(root) else ""


def host_of(url: str) -> str:
    """Return the URL's host in lower case, with a port other than the default; empty without a host."""
    path_start = url.find("/", len("https://"))
    return _host_of_origin(url[:path_start] if path_start > 0 else url)


@lru_cache(maxsize=1024)
def _host_of_origin(url: str) -> str:
    """Return the host of a URL that is cut before its path."""
    match = _URL_PARTS.match(url) or _URL_PARTS.match(url[:8].lower() + url[8:])
    if match is None:
        return ""
    host = match[2].rpartition("@")[2].lower()
    return host.removesuffix(f":{_DEFAULT_PORTS[match[1]]}")


def is_probably_media(url: str) -> bool:
    """Return whether the path has the extension of a file that is not a page: image, audio, document, script, style."""
    match = _URL_PARTS.match(url)
    file_name = (match[3] if match else url).rpartition("/")[2]
    stem, _, extension = file_name.rpartition(".")
    return bool(stem) and extension.lower() in _MEDIA_EXTENSIONS


def ipv4_of(host: str) -> str | None:
    """Return the dotted IPv4 address that browsers and C libraries read a host as; None if it is a name.

    A host of one to four numbers is an address; each is decimal, octal (`0177`) or hexadecimal (`0x7f`), and the last
    one fills the remaining bytes. Raises ValueError if the last part is a number but the host is not a valid address.
    """
    parts = host.split(".")
    if not _IPV4_NUMBER.fullmatch(parts[-1]):
        return None
    if len(parts) > 4 or not all(map(_IPV4_NUMBER.fullmatch, parts)):
        raise ValueError(f"not an IPv4 address: {host}")
    *leading_bytes, last = map(_parse_ipv4_number, parts)
    if any(byte > 255 for byte in leading_bytes) or last >= 256 ** (4 - len(leading_bytes)):
        raise ValueError(f"not an IPv4 address: {host}")
    return str(IPv4Address(last + sum(byte << 8 * (3 - index) for index, byte in enumerate(leading_bytes))))


def _parse_ipv4_number(text: str) -> int:
    if text.startswith("0x"):
        return int(text[2:] or "0", 16)
    return int(text, 8 if len(text) > 1 and text.startswith("0") else 10)


def _join_http(url: str, base: str | None) -> str | None:
    """Return the absolute http(s) URL, with forward slashes before its query.

    None for other schemes, and for a relative URL without a base.
    """
    if "\\" in url:
        url = _forward_slashes(url)
    if _SCHEME.match(url):
        return (
            _HTTP_SCHEME.sub(lambda match: match[1].lower() + "://", url, count=1) if _HTTP_SCHEME.match(url) else None
        )
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
    match = _URL_PARTS.match(_join_http(base, None) or "")
    return f"{match[1]}://{match[2]}" if match else ""


def _forward_slashes(url: str) -> str:
    before_query = re.split("[?#]", url, maxsplit=1)[0]
    return before_query.replace("\\", "/") + url[len(before_query) :]


@lru_cache(maxsize=2048)
def _canonical(url: str) -> str | None:
    if _CANONICAL_URL.fullmatch(url):
        return url if len(url) <= MAX_URL_CHARS else None
    match = _URL_PARTS.match(url)
    authority = _canonical_authority(match[1], match[2]) if match else None
    if match is None or authority is None:
        return None
    query = _canonical_query(match[4]) if match[4] else ""
    result = f"{match[1]}://{authority}{_canonical_path(match[3])}{query}"
    return result if len(result) <= MAX_URL_CHARS else None


def _canonical_authority(scheme: str, authority: str) -> str | None:
    """Return the host, with the port unless it is the default one; None if malformed or with a user name."""
    match = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:@]+)(?::([0-9]{0,5}))?", authority)
    if match is None:
        return None
    try:
        host = _canonical_host(match[1])
    except ValueError:
        return None
    port = (match[2] or "").lstrip("0") or ("0" if match[2] else "")
    if port and int(port) > 65535:
        return None
    return f"{host}:{port}" if port and port != _DEFAULT_PORTS[scheme] else host


def _canonical_host(host: str) -> str:
    """Return the host as DNS has it; raises ValueError if it is not valid."""
    if host.startswith("["):
        return f"[{IPv6Address(host[1:-1]).compressed}]"
    name = unquote(host, errors="strict") if "%" in host else host
    if not name.isascii():
        name = _encode_host_name(name)
    name = name.lower().removesuffix(".")
    if len(name) > 253 or not _HOST.fullmatch(name):
        raise ValueError(f"not a host: {host}")
    return ipv4_of(name) or name


def _encode_host_name(name: str) -> str:
    """Encode a host name by IDNA 2008, or by IDNA 2003 for symbols, which only that allows. Both raise ValueErrors."""
    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except idna.IDNAError:
        return name.encode("idna").decode("ascii")


def _canonical_path(path: str) -> str:
    path = _ESCAPE.sub(_escape, path)
    if ";" in path:
        path = _PATH_SESSION.sub("", path)
    if "(" in path:
        path = _SEGMENT_SESSION.sub("", path)
    if "/." in path:
        path = _remove_dot_segments(path)
    return "/" + path.lstrip("/")


def _remove_dot_segments(path: str) -> str:
    """Return the path with its `.` and `..` segments resolved (RFC 3986, section 5.2.4)."""
    resolved: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del resolved[-1:]
        elif segment != ".":
            resolved.append(segment)
    if segments[-1] in (".", ".."):
        resolved.append("")
    return "/" + "/".join(resolved)


def _canonical_query(query: str) -> str:
    """Return `?` and the parameters that may select the page, in their order; empty without any."""
    parameters = _ESCAPE.sub(_escape, query).replace("'", "%27").split("&")
    page_parameters = [parameter for parameter in parameters if parameter and not _is_noise(parameter)]
    return "?" + "&".join(page_parameters) if page_parameters else ""


def _is_noise(parameter: str) -> bool:
    """Return whether a query parameter is for tracking or a session, by its name, or by its name and value."""
    name, _, value = parameter.partition("=")
    name = unquote(name).lower().removeprefix("amp;")
    if _NOISE_NAME.match(name):
        return True
    noise_value = _NOISE_VALUES.get(name)
    return bool(noise_value and noise_value.fullmatch(value.lower()))


def _escape(match: re.Match[str]) -> str:
    """Return an unreserved character as itself, and any other as an upper-case percent escape."""
    text = match[0]
    if len(text) == 3:
        char = chr(int(text[1:], 16))
        return char if char in _UNRESERVED else text.upper()
    return "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "replace"))


_OTHER_SCHEME = {"http": "https", "https": "http"}
_WWW = "www."


def near_spellings(text: str) -> tuple[str, ...]:
    """Return URLs that a person may mean by a text, the likeliest first: as written, canonical, then variants.

    Variants differ in scheme, `www.` or a final slash; those with fewer differences come first. A text that is no URL,
    even with a scheme before it, is returned alone; an empty one gives none.

    >>> near_spellings("news.example/mill")[:2]
    ('news.example/mill', 'https://news.example/mill')
    """
    as_written = text.strip()
    canonical_url = canonicalise(as_written) or (canonicalise(f"https://{as_written}") if "." in as_written else None)
    nearby_urls = _nearby_urls(urlsplit(canonical_url)) if canonical_url else ()
    return tuple(url for url in dict.fromkeys((as_written, canonical_url or "", *nearby_urls)) if url)


def _nearby_urls(parts: SplitResult) -> Iterator[str]:
    differences = sorted(product((False, True), repeat=3), key=lambda changes: (sum(changes), changes[::-1]))
    for other_slash, other_scheme, other_www in differences:
        changed = parts
        if other_slash:
            changed = changed._replace(path=_toggle_slash(parts.path))
        if other_scheme:
            changed = changed._replace(scheme=_OTHER_SCHEME[parts.scheme])
        if other_www:
            changed = changed._replace(netloc=_toggle_www(parts.netloc))
        yield changed.geturl()


def _toggle_slash(path: str) -> str:
    return path.rstrip("/") or "/" if path.endswith("/") else f"{path}/"


def _toggle_www(host: str) -> str:
    return host.removeprefix(_WWW) if host.startswith(_WWW) else _WWW + host
