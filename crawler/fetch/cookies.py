"""Cookies from a user's cookies.txt, sent only to the hosts that the file names."""

from __future__ import annotations

import warnings
from http.cookiejar import Cookie, LoadError, MozillaCookieJar
from pathlib import Path
from urllib.parse import urlsplit

from broadsheet.crawler.options import OptionError


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
    """Values by name of the cookies that match the URL's host, path and scheme."""
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
    """The Cookie header for a URL, or an empty dict. Scrapy's own cookies are off: they would be a session."""
    cookie_values = cookies_for(cookies, url)
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in cookie_values.items())} if cookie_values else {}


def _path_matches(cookie_path: str, url_path: str) -> bool:
    """RFC 6265, section 5.1.4: the cookie's path is a folder, not just a prefix of the URL's path."""
    return url_path == cookie_path or url_path.startswith(cookie_path.rstrip("/") + "/")


def _domain_matches(host: str, domain: str) -> bool:
    bare_domain = domain.lstrip(".")
    return host == bare_domain or (domain.startswith(".") and host.endswith("." + bare_domain))
