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
        and _under(cookie.path or "/", parts.path or "/")
        and (parts.scheme == "https" or not cookie.secure)
    }


def cookie_header(cookies: tuple[Cookie, ...], url: str) -> dict[str, str]:
    """The request header that sends them, or none. Scrapy's own cookies are off: they would be a session."""
    found = cookies_for(cookies, url)
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in found.items())} if found else {}


def _under(prefix: str, path: str) -> bool:
    """RFC 6265, section 5.1.4: the cookie's path is a folder, not just a beginning."""
    return path == prefix or path.startswith(prefix.rstrip("/") + "/")


def _same_host(host: str, domain: str) -> bool:
    bare = domain.lstrip(".")
    return host == bare or (domain.startswith(".") and host.endswith("." + bare))
