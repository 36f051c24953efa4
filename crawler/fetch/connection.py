"""The HTTP connection: peer and certificate are checked, the response's head is bounded, raw bytes are recorded.

Scrapy's connection pool makes connections with a factory. This factory makes the same protocol with three more rules.
The peer's address is checked again before a byte is sent. The size of status line and headers is limited. A broken
connection does not count as the end of a body without a stated length. The bytes go to the request's
`ExchangeRecorder`, which says when they are too many.

Certificates whose hosts cannot be read are refused. For a certificate with no host, or a malformed one, Twisted's own
check (26.4 and later) only logs a traceback, and the connection goes on to any host.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from functools import partial
from ipaddress import ip_address
from typing import Any

from OpenSSL import SSL
from OpenSSL.SSL import VERIFY_FAIL_IF_NO_PEER_CERT, VERIFY_PEER
from scrapy.core.downloader.contextfactory import _get_creator_context
from scrapy.core.downloader.handlers.http11 import (
    _LenientHTTP11ClientFactory,
    _LenientHTTP11ClientProtocol,
    _LenientHTTPClientParser,
)
from service_identity import VerificationError
from service_identity.hazmat import DNS_ID, IPAddress_ID, ServiceID, verify_service_identity
from service_identity.pyopenssl import extract_patterns
from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IAddress, IOpenSSLClientConnectionCreator, ISSLTransport
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web._newclient import BadHeaders, BadResponseVersion, ParseError
from twisted.web.client import ResponseFailed
from twisted.web.iweb import UNKNOWN_LENGTH, IPolicyForHTTPS
from zope.interface import implementer  # type: ignore[import-untyped]

from broadsheet.output.archive.url_words import OutcomeReason

from ..options import OptionError
from .addresses import address_refusal
from .exchange_recorder import ExchangeRecorder, RecordingTransport
from .faults import AddressRefusedError, AnswerError
from .limits import HEAD_BYTES, HEAD_LINE_BYTES, HEAD_LINES


@implementer(IPolicyForHTTPS)
class StrictCertificatePolicy:
    """A wrapper of an https policy that refuses a connection unless its certificate is verified to be the host's.

    `authorities` is a PEM file of additional certificate authorities, or empty.
    """

    def __init__(self, policy: Any, authorities: str = "") -> None:
        self._policy = policy
        self._authorities = authorities

    def creatorForNetloc(self, hostname: bytes, port: int) -> _StrictConnectionCreator:  # noqa: N802
        """Return the creator of the TLS connections to a host."""
        creator = self._policy.creatorForNetloc(hostname, port)
        if self._authorities:
            _get_creator_context(creator).load_verify_locations(self._authorities)
        return _StrictConnectionCreator(creator, _service_id(hostname.decode()))


@implementer(IOpenSSLClientConnectionCreator)
class _StrictConnectionCreator:
    """A wrapper of a creator of TLS connections, with a check of its own."""

    def __init__(self, creator: Any, service_id: ServiceID) -> None:
        self._creator = creator
        self._service_id = service_id

    def clientConnectionForTLS(self, tls_protocol: Any) -> Any:  # noqa: N802
        connection = self._creator.clientConnectionForTLS(tls_protocol)
        check = partial(_is_valid, tls_protocol.failVerification, self._service_id)
        connection.set_verify(VERIFY_PEER | VERIFY_FAIL_IF_NO_PEER_CERT, check)
        return connection


def check_authorities(file: str) -> None:
    """Raise OptionError if a file holds no certificate authorities in PEM; an empty name is not a file."""
    try:
        if file:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
    except OSError as error:
        raise OptionError(
            f"cannot read certificate authorities from {file}: not a PEM file with certificates"
        ) from error


def _service_id(host: str) -> ServiceID:
    """Return the name or address that a certificate has to bear."""
    try:
        return IPAddress_ID(str(ip_address(host)))
    except ValueError:
        return DNS_ID(host)


def _is_valid(
    refuse: Any, service_id: ServiceID, _connection: Any, certificate: Any, _error: int, depth: int, is_trusted: int
) -> bool:
    """Tell OpenSSL whether a certificate of the chain that it trusts is accepted; only the first one names the host."""
    if not is_trusted or depth:
        return bool(is_trusted)
    try:
        verify_service_identity(extract_patterns(certificate), [service_id], [])
    except Exception as error:  # noqa: BLE001 - an unreadable certificate names no host
        refuse(Failure(AnswerError(OutcomeReason.TLS, str(error))))  # type: ignore[no-untyped-call]
        return False
    return True


_INVALID_HTTP_ERRORS = (ParseError, BadHeaders, BadResponseVersion, ValueError, KeyError)
_TLS_EOF_TEXT = "unexpected eof"  # in the error of a TLS connection that broke: no certificate problem


class GuardedFactory(_LenientHTTP11ClientFactory):
    """Factory of a pool's connections; the pool calls the class with `quiescent_callback` and `metadata`."""

    def __init__(self, allow_private: bool, quiescent_callback: Callable[[Any], None], metadata: str) -> None:
        super().__init__(quiescent_callback, metadata)  # type: ignore[no-untyped-call]
        self._allow_private = allow_private

    def buildProtocol(self, addr: IAddress | None) -> GuardedProtocol:  # noqa: N802, ARG002
        """Make the protocol of one connection."""
        return GuardedProtocol(self._allow_private, self._quiescentCallback)


class GuardedProtocol(_LenientHTTP11ClientProtocol):
    """An HTTP/1.1 connection of the pool."""

    def __init__(self, allow_private: bool, quiescent_callback: Callable[[Any], None]) -> None:
        super().__init__(quiescent_callback)  # type: ignore[no-untyped-call]
        self._allow_private = allow_private
        self._refusal: str | None = None
        self._exchange: ExchangeRecorder | None = None

    def connectionMade(self) -> None:  # noqa: N802
        """Abort the connection if the address that was connected to is refused."""
        super().connectionMade()
        self._refusal = _peer_verdict(self.transport, self._allow_private)
        if self._refusal:
            self.transport.abortConnection()  # type: ignore[union-attr]

    def request(self, request: Any) -> Deferred[Any]:
        """Send a request; fails with AddressRefusedError if the peer's address is refused."""
        if self._refusal:
            host = (request.headers.getRawHeaders(b"host") or [b"?"])[0].decode("latin-1")
            return fail(AddressRefusedError(host, self._refusal))
        self._exchange = getattr(request, "exchange", None)
        if self._exchange is not None:
            transport: Any = self.transport
            self._exchange.begin(str(transport.getPeer().host))
            request.writeTo = partial(_write_recorded, request, self._exchange)
        deferred_response = super().request(request)
        if self._parser is not None:
            self._parser.__class__ = _BoundedParser  # as Scrapy does: Twisted names the class in the code
            self._parser.exchange = self._exchange  # type: ignore[attr-defined]
        return deferred_response

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        """Record received bytes before they are parsed. The response fails once they exceed its limit."""
        if self._exchange is not None:
            self._exchange.record_received(data)
            if self._exchange.is_over_allowance:
                self._owe_bytes()
                error = AnswerError(OutcomeReason.TOO_LARGE, "more bytes on the wire than allowed")
                self._giveUp(Failure(error))  # type: ignore[no-untyped-call]
                return
        super().dataReceived(data)  # type: ignore[no-untyped-call]

    def _finishResponse(self, rest: bytes) -> None:  # noqa: N802
        """Note that the response is read to its end; `rest` are bytes that came after it."""
        if self._exchange is not None:
            self._exchange.mark_complete(len(rest))
            self._exchange = None
        super()._finishResponse(rest)

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802
        """Report a loss if a reset ends a body without a stated length.

        Not over TLS, where many servers end connections that way.
        """
        response = getattr(self._parser, "response", None)
        ends_with_connection = response is not None and response.length is UNKNOWN_LENGTH
        reset = isinstance(reason.value, ConnectionLost) and not ISSLTransport.providedBy(self.transport)
        if ends_with_connection and reset:
            self._owe_bytes()
        super().connectionLost(reason)  # type: ignore[no-untyped-call]

    def _owe_bytes(self) -> None:
        """Have the end of the connection reported as a loss, also of a body whose length was not stated."""
        decoder: Any = getattr(self._parser, "bodyDecoder", None)
        if getattr(decoder, "contentLength", 0) is None:
            decoder.contentLength = 1  # bytes still owed


class _BoundedParser(_LenientHTTPClientParser):
    """Scrapy's response parser with limits on the head (`broadsheet.crawler.fetch.limits`)."""

    MAX_LENGTH = HEAD_LINE_BYTES
    head_bytes = 0
    head_lines = 0
    exchange: ExchangeRecorder | None = None

    def lineReceived(self, line: bytes) -> None:  # noqa: N802
        """Count and parse a line of the head. AnswerError if the head is too large."""
        self.head_bytes += len(line) + 1
        self.head_lines += 1
        if self.head_bytes > HEAD_BYTES or self.head_lines > HEAD_LINES:
            raise AnswerError(OutcomeReason.HEADERS_TOO_LARGE, f"{self.head_lines:,} lines, {self.head_bytes:,} bytes")
        super().lineReceived(line)

    def allHeadersReceived(self) -> None:  # noqa: N802
        """Record where the head ends: the response's, or that of an interim (1xx) response before it."""
        if self.exchange is not None:
            is_interim = 100 <= self.response.code < 200
            (self.exchange.mark_interim_end if is_interim else self.exchange.mark_head_end)(self.head_bytes)
        super().allHeadersReceived()  # type: ignore[no-untyped-call]

    def lineLengthExceeded(self, line: bytes) -> None:  # noqa: N802, ARG002
        """Fail the response at a line that is too long."""
        raise AnswerError(OutcomeReason.HEADERS_TOO_LARGE, f"a line of more than {HEAD_LINE_BYTES:,} bytes")


def _write_recorded(request: Any, exchange: ExchangeRecorder, transport: Any) -> Deferred[Any]:
    """Write a request to a transport and record its bytes."""
    deferred: Deferred[Any] = type(request).writeTo(request, RecordingTransport(transport, exchange))
    return deferred


def root_cause(error: BaseException) -> BaseException:
    """Find the AnswerError or AddressRefusedError behind a download error; without one return `error` itself.

    Twisted's and Scrapy's errors say only that something was wrong with the response.
    """
    for cause in _underlying_errors(error.__cause__):
        if isinstance(cause, AnswerError | AddressRefusedError):
            return cause
        if isinstance(cause, SSL.Error | VerificationError) and _TLS_EOF_TEXT not in str(cause):
            return AnswerError(OutcomeReason.TLS, str(cause) or type(cause).__name__)
        if isinstance(cause, _INVALID_HTTP_ERRORS):
            return AnswerError(OutcomeReason.BAD_HTTP, str(cause), retry=True)
    return error


def _underlying_errors(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the errors wrapped in Twisted's ResponseFailed, at any depth; or the error itself."""
    if isinstance(error, ResponseFailed):
        for reason in error.reasons:
            yield from _underlying_errors(reason.value)
    elif error is not None:
        yield error


def _peer_verdict(transport: Any, allow_private: bool) -> str | None:
    """Return the reason to refuse the peer's address, or None; `unknown` if it has no IP address, as a socket file."""
    try:
        return address_refusal(str(transport.getPeer().host), allow_private)
    except (AttributeError, ValueError):
        return "unknown"
