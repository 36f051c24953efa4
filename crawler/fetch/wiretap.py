"""The bytes of a request and its answer, copied where they pass the connection: below TLS, above everything else.

Scrapy gives out headers that were lower-cased, joined and put in order, and bodies without their transfer coding.
An `Exchange` travels with a request to the connection that serves it: `tapped` names it while the request is handed
to the pool, the pool's `getConnection` ties it to the request, and `crawler.fetch.connection` fills it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.web.client import HTTPConnectionPool

from output.raw.wire import Wire

if TYPE_CHECKING:
    pass

_CURRENT: ContextVar[Exchange | None] = ContextVar("broadsheet_exchange", default=None)


class Exchange:
    """What one request sent and got so far. `cut` says why its answer was not read to the end, if somebody cut it."""

    def __init__(self) -> None:
        self.cut = ""
        self._closed = False
        self.begin("")

    def begin(self, address: str) -> None:
        """Start, also once more when a connection that was kept turns out to be dead."""
        self._address = address
        self._sent: list[bytes] = []
        self._pieces: list[bytes] = []
        self._length = 0  # of the pieces, less what belongs to no answer
        self._head_at = 0
        self._body_at = -1  # unknown
        self._over = False

    def sent(self, data: bytes) -> None:
        """Note bytes that went out."""
        self._sent.append(data)

    def received(self, data: bytes) -> None:
        """Note bytes that came in."""
        if not (self._over or self._closed):
            self._pieces.append(data)
            self._length += len(data)

    def interim(self, length: int) -> None:
        """The first `length` bytes were 1xx answers."""
        self._head_at = length

    def headed(self, length: int) -> None:
        """The headers end after `length` bytes."""
        self._body_at = length

    def ended(self, rest: int) -> None:
        """The answer is whole; the last `rest` bytes are not of it."""
        if not self._over:
            self._over = True
            self._length -= rest

    def wire(self, reason: str = "", body: bytes = b"") -> Wire | None:
        """What passed; None if no head of an answer came. The exchange is empty afterwards.

        `reason` tells why the answer is not whole, unless it is. A `body` that is what came, byte for byte, is
        taken in place of the copy, so that it is held once.
        """
        if self._closed or self._body_at < 0:
            self._close()
            return None
        truncated = "" if self._over else self.cut or reason or "unspecified"
        came, length = b"".join(self._pieces), self._length - self._body_at
        same = length == len(body) and came.startswith(body, self._body_at)
        kept = body if same else came[self._body_at : self._length]
        head, interim = came[self._head_at : self._body_at], came[: self._head_at]
        wire = Wire(b"".join(self._sent), head, kept, interim, self._address, truncated)
        self._close()
        return wire

    def _close(self) -> None:
        self._closed = True
        self._pieces, self._sent = [], []


def wire_of(meta: Mapping[str, Any], body: bytes = b"", reason: str = "") -> Wire | None:
    """What passed for the request of that `meta`, if it is kept; see `Exchange.wire`."""
    exchange = meta.get("exchange")
    return exchange.wire(reason, body) if isinstance(exchange, Exchange) else None


@contextmanager
def tapped(exchange: Exchange | None) -> Iterator[None]:
    """What is handed to the pool meanwhile is noted in `exchange`."""
    token = _CURRENT.set(exchange)
    try:
        yield
    finally:
        _CURRENT.reset(token)


class TappedPool(HTTPConnectionPool):
    """A pool whose connections know for which exchange they are taken."""

    def getConnection(self, key: Any, endpoint: Any) -> Deferred[Any]:  # noqa: N802
        """A connection, new or kept. Scrapy asks for it in the call in which it is given the request."""
        found: Deferred[Any] = super().getConnection(key, endpoint)
        exchange = _CURRENT.get()
        return found if exchange is None else found.addCallback(_Tied, exchange)


class _Tied:
    """A connection that marks the request it is given."""

    def __init__(self, connection: Any, exchange: Exchange) -> None:
        self._connection = connection
        self._exchange = exchange

    def request(self, request: Any) -> Deferred[Any]:
        """Send a request, which carries its exchange from here on, also to a second connection."""
        request.exchange = self._exchange
        sent: Deferred[Any] = self._connection.request(request)
        return sent


class Recording:
    """A transport that notes what is written to it."""

    def __init__(self, transport: Any, exchange: Exchange) -> None:
        self._transport = transport
        self._exchange = exchange

    def write(self, data: bytes) -> None:
        """Write, and note it."""
        self._exchange.sent(data)
        self._transport.write(data)

    def writeSequence(self, pieces: Sequence[bytes]) -> None:  # noqa: N802
        """Write some pieces, and note them."""
        self._exchange.sent(b"".join(pieces))
        self._transport.writeSequence(pieces)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
