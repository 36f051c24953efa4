"""A request and its response as the bytes that went over the connection. Pure."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field

TRUNCATED = ("length", "time", "disconnect", "unspecified")
"""Why a response is not whole, in the words of the WARC format (1.1, section 5.13); empty where it is."""


@dataclass(frozen=True, slots=True)
class Wire:
    """What was sent and what came back, nothing unpacked and nothing put in order.

    `head` is the status line and the headers with the empty line after them, `body` what follows, with its transfer
    coding. `interim` are the 1xx answers that came before. `address` is the IP address at the other end.
    """

    request: bytes = field(repr=False)
    head: bytes = field(repr=False)
    body: bytes = field(repr=False)
    interim: bytes = field(default=b"", repr=False)
    address: str = ""
    truncated: str = ""

    @property
    def status(self) -> int:
        """The status code; 0 if the first line has none."""
        found = re.match(rb"\S+ +(\d{3})\b", self.head)
        return int(found[1]) if found else 0

    def header(self, name: str) -> str:
        """The first value of a header, or an empty string."""
        found = re.search(
            rb"^%s[ \t]*:[ \t]*([^\r\n]*)" % re.escape(name.encode()), self.head, re.MULTILINE | re.IGNORECASE
        )
        return found[1].decode("latin-1").strip() if found else ""

    @property
    def size(self) -> int:
        """Bytes of all of it."""
        return len(self.request) + len(self.head) + len(self.body) + len(self.interim)


def digest(*parts: bytes) -> str:
    """The digest of some bytes in WARC's notation: sha1, base 32."""
    summed = hashlib.sha1(usedforsecurity=False)
    for part in parts:
        summed.update(part)
    return "sha1:" + base64.b32encode(summed.digest()).decode()
