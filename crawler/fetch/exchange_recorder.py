"""The raw bytes of a request and its response, recorded at the connection as they are inside TLS.

Scrapy lower-cases, joins and reorders headers, and removes the transfer coding of bodies. An `ExchangeRecorder` travels
with a request to the connection that sends it: `recording` sets it while Scrapy hands the request to the pool, the
pool's `getConnection` attaches it to the request, and `connection.py` fills it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from twisted.internet.defer import Deferred
from twisted.web.client import HTTPConnectionPool

from broadsheet.output.raw.raw_exchange import RawExchange
from broadsheet.output.raw.redaction import RedactedRequest, redact_request

_CURRENT_EXCHANGE: ContextVar[ExchangeRecorder | None] = ContextVar("broadsheet_exchange", default=None)


@dataclass(slots=True)
class ByteAllowance:
    """Bytes that may still be received, by one response or by several that share the allowance; negative once
    exceeded.
    """

    left: int


class ExchangeRecorder:
    """The bytes that one request has sent and received so far.

    `cut_reason`: WARC's word for why we stopped reading, if we did. Values of request headers in `secret_names`, or
    that look like credentials, are replaced unless it `keeps_credentials`. Received bytes are taken from each of the
    `allowances`; without `keeps_bytes` they are only counted.
    """

    def __init__(
        self, secret_names: Collection[str] = (), *, keeps_credentials: bool = False, keeps_bytes: bool = True
    ) -> None:
        self.cut_reason = ""
        self.allowances: tuple[ByteAllowance, ...] = ()
        self._keeps_bytes = keeps_bytes
        self._secret_names = secret_names
        self._keeps_credentials = keeps_credentials
        self._is_closed = False
        self.begin("")

    def begin(self, address: str) -> None:
        """Start recording with the peer's `address`; again if a persistent connection turned out to be dead."""
        self._address = address
        self._sent_chunks: list[bytes] = []
        self._received_chunks: list[bytes] = []
        self.received_length = 0  # of the chunks, less bytes after the response
        self._head_start = 0
        self._body_start = -1  # unknown
        self._is_complete = False

    @property
    def address(self) -> str:
        """Return the address that the request was sent to; empty if it was not sent."""
        return self._address

    @property
    def is_over_allowance(self) -> bool:
        """Return whether more was received than one of the allowances had."""
        return any(allowance.left < 0 for allowance in self.allowances)

    def record_sent(self, data: bytes) -> None:
        """Record bytes that were sent."""
        if self._keeps_bytes:
            self._sent_chunks.append(data)

    def record_received(self, data: bytes) -> None:
        """Record bytes that were received, until the response is complete."""
        if self._is_complete or self._is_closed:
            return
        for allowance in self.allowances:
            allowance.left -= len(data)
        self.received_length += len(data)
        if self._keeps_bytes:
            self._received_chunks.append(data)

    def mark_interim_end(self, length: int) -> None:
        """Note that the first `length` bytes are interim (1xx) responses."""
        self._head_start = length

    def mark_head_end(self, length: int) -> None:
        """Note that the headers end after `length` bytes."""
        self._body_start = length

    def mark_complete(self, extra_length: int) -> None:
        """Note that the response is complete; the last `extra_length` bytes received are not part of it."""
        if not self._is_complete:
            self._is_complete = True
            self.received_length -= extra_length

    def take_raw_exchange(self, truncation_reason: str = "", body: bytes = b"") -> RawExchange | None:
        """Take the recorded bytes; None if no complete head was received. The recorder is empty and closed afterwards.

        `truncation_reason` says why the response is truncated, if it is. A `body` that equals the recorded one is used
        in its place, so that it is in memory once.
        """
        if self._is_closed or self._body_start < 0 or not self._keeps_bytes:
            self._close()
            return None
        truncation = "" if self._is_complete else self.cut_reason or truncation_reason or "unspecified"
        received, body_length = b"".join(self._received_chunks), self.received_length - self._body_start
        is_same_body = body_length == len(body) and received.startswith(body, self._body_start)
        raw_body = body if is_same_body else received[self._body_start : self.received_length]
        head, interim = received[self._head_start : self._body_start], received[: self._head_start]
        request = self._stored_request()
        self._close()
        return RawExchange(
            request.data, head, raw_body, interim, self._address, truncation, redacted_headers=request.header_names
        )

    def _stored_request(self) -> RedactedRequest:
        """Return the request as it will be stored."""
        request = b"".join(self._sent_chunks)
        return RedactedRequest(request) if self._keeps_credentials else redact_request(request, self._secret_names)

    def _close(self) -> None:
        self._is_closed = True
        self._received_chunks, self._sent_chunks = [], []


@contextmanager
def recording(exchange: ExchangeRecorder | None) -> Iterator[None]:
    """Record the requests that are handed to the pool within the `with` block by `exchange`; None records nothing."""
    token = _CURRENT_EXCHANGE.set(exchange)
    try:
        yield
    finally:
        _CURRENT_EXCHANGE.reset(token)


class RecordingPool(HTTPConnectionPool):
    """A connection pool that attaches the current recorder to the request for which a connection is taken.

    It keeps at most `max_idle_connections` idle connections, and closes the one that has been idle longest.
    """

    def __init__(self, reactor: Any, max_idle_connections: int) -> None:
        super().__init__(reactor, persistent=True)  # type: ignore[no-untyped-call]
        self.maxPersistentPerHost = self._max_idle_connections = max_idle_connections
        self._keys: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()  # by connection: scheme, host and port

    def getConnection(self, key: Any, endpoint: Any) -> Deferred[Any]:  # noqa: N802
        """Get a new or persistent connection. Scrapy calls this while it hands over the request, within `recording`."""
        deferred_connection: Deferred[Any] = super().getConnection(key, endpoint)
        exchange = _CURRENT_EXCHANGE.get()
        return (
            deferred_connection
            if exchange is None
            else deferred_connection.addCallback(_ConnectionWithExchange, exchange)
        )

    def _putConnection(self, key: Any, connection: Any) -> None:  # noqa: N802
        """Keep a connection that has become idle; called by it. Twisted's pool bounds those of each host alone."""
        super()._putConnection(key, connection)  # type: ignore[no-untyped-call]
        self._keys[connection] = key
        while len(self._timeouts) > self._max_idle_connections:
            oldest = next(iter(self._timeouts))
            self._timeouts[oldest].cancel()
            self._removeConnection(self._keys[oldest], oldest)  # type: ignore[no-untyped-call]


class _ConnectionWithExchange:
    """A connection that attaches a recorder to the request that it is given."""

    def __init__(self, connection: Any, exchange: ExchangeRecorder) -> None:
        self._connection = connection
        self._exchange = exchange

    def request(self, request: Any) -> Deferred[Any]:
        """Send a request with its recorder, which stays with it if Twisted retries on a second connection."""
        request.exchange = self._exchange
        deferred_response: Deferred[Any] = self._connection.request(request)
        return deferred_response


class RecordingTransport:
    """A transport that records the bytes written to it."""

    def __init__(self, transport: Any, exchange: ExchangeRecorder) -> None:
        self._transport = transport
        self._exchange = exchange

    def write(self, data: bytes) -> None:
        """Record bytes and write them."""
        self._exchange.record_sent(data)
        self._transport.write(data)

    def writeSequence(self, chunks: Sequence[bytes]) -> None:  # noqa: N802
        """Record and write several chunks."""
        self._exchange.record_sent(b"".join(chunks))
        self._transport.writeSequence(chunks)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
