"""Errors of a request: its address is refused, or its response cannot be used."""

from __future__ import annotations

from broadsheet.output.db.url_words import OutcomeReason


class AddressRefusedError(Exception):
    """A request that the guard refused. `reason` is a verdict of `broadsheet.crawler.fetch.addresses`, or `proxy`."""

    def __init__(self, url: str, reason: str):
        super().__init__(f"{url}: refused, {reason} address" if reason != "proxy" else f"{url}: refused, via a proxy")
        self.reason = reason


class AnswerError(Exception):
    """A response that cannot be used: `reason` for the ledger, and `retry`, whether another try may succeed.

    Reasons: tls, bad_http, headers_too_large, too_large, bad_encoding, cut_off.
    """

    def __init__(self, reason: OutcomeReason, detail: str = "", *, retry: bool = False) -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.retry = retry
