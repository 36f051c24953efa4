"""The connection itself: who is at the other end, and how much it may say before a body begins.

Scrapy builds its connections from a factory that its pool holds; ours makes the same protocol with three more rules.
The address at the other end is judged again before a byte is sent. Status line and headers are bounded. A connection
that breaks does not pass for the end of a body that has no other end. What passes is noted in the request's exchange.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from OpenSSL import SSL
from scrapy.core.downloader.handlers.http11 import (
    _LenientHTTP11ClientFactory,
    _LenientHTTP11ClientProtocol,
    _LenientHTTPClientParser,
)
from service_identity import VerificationError
from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IAddress, ISSLTransport
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web._newclient import BadHeaders, BadResponseVersion, ParseError
from twisted.web.client import ResponseFailed
from twisted.web.iweb import UNKNOWN_LENGTH

from crawler.fetch.addresses import refused
from crawler.fetch.errors import AddressRefusedError, AnswerError
from crawler.fetch.limits import HEAD_BYTES, HEAD_LINE_BYTES, HEAD_LINES
from crawler.fetch.wiretap import Exchange, Recording

_NOT_HTTP = (ParseError, BadHeaders, BadResponseVersion, ValueError, KeyError)
_BROKEN_OFF = "unexpected eof"  # a TLS connection that ends, no certificate in doubt


class GuardedFactory(_LenientHTTP11ClientFactory):
    """Makes the connections of a pool; the pool calls it as it would call the class."""

    def __init__(self, allow_private: bool, quiescent: Callable[[Any], None], described: str) -> None:
        super().__init__(quiescent, described)  # type: ignore[no-untyped-call]
        self._allow_private = allow_private

    def buildProtocol(self, addr: IAddress | None) -> GuardedProtocol:  # noqa: N802, ARG002
        """A protocol for one connection."""
        return GuardedProtocol(self._allow_private, self._quiescentCallback)


class GuardedProtocol(_LenientHTTP11ClientProtocol):
    """One connection."""

    def __init__(self, allow_private: bool, quiescent: Callable[[Any], None]) -> None:
        super().__init__(quiescent)  # type: ignore[no-untyped-call]
        self._allow_private = allow_private
        self._refusal: str | None = None
        self._exchange: Exchange | None = None

    def connectionMade(self) -> None:  # noqa: N802
        """Judge the address that was connected to."""
        super().connectionMade()
        self._refusal = _verdict_on_peer(self.transport, self._allow_private)
        if self._refusal:
            self.transport.abortConnection()  # type: ignore[union-attr]

    def request(self, request: Any) -> Deferred[Any]:
        """Send a request, unless the address is refused."""
        if self._refusal:
            host = (request.headers.getRawHeaders(b"host") or [b"?"])[0].decode("latin-1")
            return fail(AddressRefusedError(host, self._refusal))
        self._exchange = getattr(request, "exchange", None)
        if self._exchange is not None:
            peer: Any = self.transport
            self._exchange.begin(str(peer.getPeer().host))
            request.writeTo = partial(_write_noted, request, self._exchange)
        answer = super().request(request)
        if self._parser is not None:
            self._parser.__class__ = _BoundedParser  # as Scrapy does: Twisted names the class in the code
            self._parser.exchange = self._exchange  # type: ignore[attr-defined]
        return answer

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        """Note what came before it is read."""
        if self._exchange is not None:
            self._exchange.received(data)
        super().dataReceived(data)  # type: ignore[no-untyped-call]

    def _finishResponse(self, rest: bytes) -> None:  # noqa: N802
        """The answer is read to its end; `rest` came after it."""
        if self._exchange is not None:
            self._exchange.ended(len(rest))
            self._exchange = None
        super()._finishResponse(rest)

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802
        """A reset is no end of a body; over TLS many servers end so, and the end is not told from a break."""
        response = getattr(self._parser, "response", None)
        ends_with_connection = response is not None and response.length is UNKNOWN_LENGTH
        reset = isinstance(reason.value, ConnectionLost) and not ISSLTransport.providedBy(self.transport)
        if ends_with_connection and reset:
            decoder: Any = self._parser.bodyDecoder  # type: ignore[union-attr]
            if getattr(decoder, "contentLength", 0) is None:
                decoder.contentLength = 1  # bytes still owed, so that it reports a loss
        super().connectionLost(reason)  # type: ignore[no-untyped-call]


class _BoundedParser(_LenientHTTPClientParser):
    """Scrapy's parser, which counts what comes before the body."""

    MAX_LENGTH = HEAD_LINE_BYTES
    head_bytes = 0
    head_lines = 0
    exchange: Exchange | None = None

    def lineReceived(self, line: bytes) -> None:  # noqa: N802
        """Take a line of the head."""
        self.head_bytes += len(line) + 1
        self.head_lines += 1
        if self.head_bytes > HEAD_BYTES or self.head_lines > HEAD_LINES:
            raise AnswerError("headers_too_large", f"{self.head_lines:,} lines, {self.head_bytes:,} bytes")
        super().lineReceived(line)

    def allHeadersReceived(self) -> None:  # noqa: N802
        """Note where the head ends: of the answer, or of a 1xx before it."""
        if self.exchange is not None:
            before = 100 <= self.response.code < 200
            (self.exchange.interim if before else self.exchange.headed)(self.head_bytes)
        super().allHeadersReceived()  # type: ignore[no-untyped-call]

    def lineLengthExceeded(self, line: bytes) -> None:  # noqa: N802, ARG002
        """Give the answer up at a line that does not end."""
        raise AnswerError("headers_too_large", f"a line of more than {HEAD_LINE_BYTES:,} bytes")


def _write_noted(request: Any, exchange: Exchange, transport: Any) -> Deferred[Any]:
    """Write a request to a transport and note its bytes."""
    written: Deferred[Any] = type(request).writeTo(request, Recording(transport, exchange))
    return written


def named(error: BaseException) -> BaseException:
    """The error that says what was wrong with an answer, where Twisted's says only that something was."""
    for cause in _causes(error.__cause__):
        if isinstance(cause, AnswerError | AddressRefusedError):
            return cause
        if isinstance(cause, SSL.Error | VerificationError) and _BROKEN_OFF not in str(cause):
            return AnswerError("tls", str(cause) or type(cause).__name__)
        if isinstance(cause, _NOT_HTTP):
            return AnswerError("bad_http", str(cause), retry=True)
    return error


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    if isinstance(error, ResponseFailed):
        for reason in error.reasons:
            yield from _causes(reason.value)
    elif error is not None:
        yield error


def _verdict_on_peer(transport: Any, allow_private: bool) -> str | None:
    """`unknown` for an end that is no IP address: no name leads to one."""
    try:
        return refused(str(transport.getPeer().host), allow_private)
    except (AttributeError, ValueError):
        return "unknown"
