"""A person's cookies.txt, sent to the hosts that it names and no others."""

from __future__ import annotations

from http.cookiejar import Cookie, LoadError, MozillaCookieJar
from pathlib import Path
from urllib.parse import urlsplit

from crawler.options import OptionError


def read_cookies(path: str | Path | None) -> tuple[Cookie, ...]:
    """The cookies of a file in Netscape's format. OptionError if it cannot be read."""
    if not path:
        return ()
    jar = MozillaCookieJar(str(path))
    try:
        jar.load(ignore_discard=True, ignore_expires=True)
    except (OSError, LoadError, UnicodeDecodeError) as error:
        raise OptionError(f"cannot read cookies from {path}: not a cookies.txt file") from error
    return tuple(jar)


def cookies_for(cookies: tuple[Cookie, ...], url: str) -> dict[str, str]:
    """Name and value of the cookies that belong to the URL's host, path and scheme."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return {
        cookie.name: cookie.value or ""
        for cookie in cookies
        if _same_host(host, cookie.domain)
        and (parts.path or "/").startswith(cookie.path or "/")
        and (parts.scheme == "https" or not cookie.secure)
    }


def _same_host(host: str, domain: str) -> bool:
    bare = domain.lstrip(".")
    return host == bare or (domain.startswith(".") and host.endswith("." + bare))
