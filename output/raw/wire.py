"""A request and its response as the bytes that went over the connection, and their digest. Pure."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field

TRUNCATED = ("length", "time", "disconnect", "unspecified")
"""Why a response is not whole, in the words of the WARC format (1.1, section 5.13); empty where it is."""


@dataclass(frozen=True, slots=True)
class RawExchange:
    """A request and its response as sent and received, nothing decoded.

    `head` is the status line and the headers with the empty line after them, `body` what follows, with its transfer
    coding. `interim_responses` are the 1xx responses that came before; `ip_address` is the server's. `truncated` is
    one of TRUNCATED, or empty. `redacted_headers` are the headers of the request, in lower case, whose values are not
    those that were sent (`broadsheet.output.raw.credentials`).
    """

    request: bytes = field(repr=False)
    head: bytes = field(repr=False)
    body: bytes = field(repr=False)
    interim_responses: bytes = field(default=b"", repr=False)
    ip_address: str = ""
    truncated: str = ""
    redacted_headers: tuple[str, ...] = ()

    @property
    def status(self) -> int:
        """The status code; 0 if the first line has none."""
        match = re.match(rb"\S+ +(\d{3})\b", self.head)
        return int(match[1]) if match else 0

    def header(self, name: str) -> str:
        """The first value of a header, or an empty string."""
        match = re.search(
            rb"^%s[ \t]*:[ \t]*([^\r\n]*)" % re.escape(name.encode()), self.head, re.MULTILINE | re.IGNORECASE
        )
        return match[1].decode("latin-1").strip() if match else ""

    @property
    def size(self) -> int:
        """Bytes of request and response together."""
        return len(self.request) + len(self.head) + len(self.body) + len(self.interim_responses)


def warc_digest(*parts: bytes) -> str:
    """The SHA-1 of some bytes in WARC's notation: `sha1:` and base 32."""
    sha1 = hashlib.sha1(usedforsecurity=False)
    for part in parts:
        sha1.update(part)
    return "sha1:" + base64.b32encode(sha1.digest()).decode()
