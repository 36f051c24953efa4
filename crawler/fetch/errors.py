"""What is raised where an answer cannot be had: the address is refused, or the answer cannot be used."""

from __future__ import annotations


class AddressRefusedError(Exception):
    """A request that the guard did not let through. `reason` is an address verdict, `proxy` or a URL's fault."""

    def __init__(self, url: str, reason: str):
        super().__init__(f"{url}: refused, {reason} address" if reason != "proxy" else f"{url}: refused, via a proxy")
        self.reason = reason


class AnswerError(Exception):
    """An answer that cannot be used: `reason` for the ledger, and whether another try may bring a better one.

    Reasons: tls, bad_http, headers_too_large, too_large, bad_encoding, cut_off.
    """

    def __init__(self, reason: str, detail: str = "", *, retry: bool = False) -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.retry = retry
