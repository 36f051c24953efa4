"""Removal of credentials before anything is stored: the values of request headers, and user names in URLs. Pure.

`credentials.toml` says which names of headers look like credentials.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import lru_cache

from broadsheet.cleaners.package_data import read_toml

REDACTED = b"[redacted]"
"""What stands in place of a value."""

_DATA = read_toml(__package__, "credentials.toml")
_NAMES, _WORDS, _PARTS = frozenset(_DATA["names"]), frozenset(_DATA["words"]), tuple(_DATA["parts"])
_SEPARATOR = re.compile(r"[-_.]")
_HEAD_END = re.compile(rb"\n\r?\n")
_HEADER = re.compile(rb"^([^\s:]+)([ \t]*:[ \t]*)([^\r\n]*(?:\r?\n[ \t]+[^\r\n]*)*)", re.MULTILINE)
_MAX_PASSWORD_CHARS = 300  # a bound on time: of a password that breaks the grammar of URLs
_AUTHORITY = r"[^\s/?#\\@]*"
_ODD_PORT = r"[^\s/?#\\@\[\]:]*:(?!\d{0,5}(?:[\s/?#\\]|$))"  # a password with a slash in it looks like a port first
_USERINFO = re.compile(rf"(?<=//)(?:(?:{_AUTHORITY}@)+|{_ODD_PORT}\S{{0,{_MAX_PASSWORD_CHARS}}}@)")


@dataclass(frozen=True, slots=True)
class RedactedRequest:
    """A request whose secret values are replaced: its bytes, and the names of these headers in lower case, sorted."""

    data: bytes = field(repr=False)
    header_names: tuple[str, ...] = ()


def redact_request(request: bytes, secret_names: Collection[str] = ()) -> RedactedRequest:
    """Replace the values of the headers in `secret_names`, in lower case, and of those that look like credentials.

    `request` is as it was sent; its line and its body are not looked at.
    """
    match = _HEAD_END.search(request)
    line_end, head_end = request.find(b"\n") + 1, match.end() if match else len(request)
    redacted_names: set[str] = set()

    def redacted_header(header: re.Match[bytes]) -> bytes:
        name = header[1].decode("latin-1").lower()
        if header[3] in (b"", REDACTED) or not (name in secret_names or is_credential_name(name)):
            return header[0]
        redacted_names.add(name)
        return header[1] + header[2] + REDACTED

    head = _HEADER.sub(redacted_header, request[line_end:head_end])
    return RedactedRequest(request[:line_end] + head + request[head_end:], tuple(sorted(redacted_names)))


@lru_cache(maxsize=512)
def is_credential_name(name: str) -> bool:
    """Return whether a header's name, in lower case, looks like that of a credential.

    >>> is_credential_name("x-api-key"), is_credential_name("accept")
    (True, False)
    """
    words = _SEPARATOR.split(name)
    joined_name = "".join(words)
    return name in _NAMES or not _WORDS.isdisjoint(words) or any(part in joined_name for part in _PARTS)


def without_userinfo(text: str) -> str:
    """Return the text with user names and passwords taken out of the URLs in it.

    >>> without_userinfo("no answer from https://me:1234@host/")
    'no answer from https://host/'
    """
    return _USERINFO.sub("", text) if "@" in text else text
