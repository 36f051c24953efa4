"""The spellings by which a person may mean a page whose exact URL an archive does not know.

What is typed from memory or taken from a browser's bar often lacks the scheme, has or lacks `www.`, or ends with a
slash too many or too few. Whoever looks a URL up tries these spellings in order and takes the first that is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from urllib.parse import SplitResult, urlsplit

from broadsheet.cleaners.urls.canonical import canonicalise

_OTHER_SCHEME = {"http": "https", "https": "http"}
_WWW = "www."


def near_spellings(text: str) -> tuple[str, ...]:
    """URLs that a person may mean by a text, the likeliest first: as written, canonical, then the ones nearby.

    Nearby ones differ by the scheme, by `www.` and by the slash at the end of the path; those with fewer differences
    come first. A text that is no URL, even with a scheme before it, is returned alone; an empty one gives none.
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
