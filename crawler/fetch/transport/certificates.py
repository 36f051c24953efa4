"""Certificates whose hosts cannot be read are refused.

Where a certificate names no host, or names one against the grammar, Twisted's own check (26.4 and later) logs an error
with its stack and lets the connection go on, to whatever host. Here the check comes to an end one way or the other.
"""

from __future__ import annotations

from functools import partial
from ipaddress import ip_address
from typing import Any

from OpenSSL.SSL import VERIFY_FAIL_IF_NO_PEER_CERT, VERIFY_PEER
from service_identity.hazmat import DNS_ID, IPAddress_ID, ServiceID, verify_service_identity
from service_identity.pyopenssl import extract_patterns
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.python.failure import Failure
from twisted.web.iweb import IPolicyForHTTPS
from zope.interface import implementer  # type: ignore[import-untyped]

from broadsheet.crawler.fetch.errors import AnswerError
from broadsheet.output.db.url_words import OutcomeReason


@implementer(IPolicyForHTTPS)
class StrictCertificatePolicy:
    """Another policy for https whose connections are refused wherever a certificate is not seen to be the host's."""

    def __init__(self, policy: Any) -> None:
        self._policy = policy

    def creatorForNetloc(self, hostname: bytes, port: int) -> _StrictConnectionCreator:  # noqa: N802
        """What makes the TLS connections to a host."""
        return _StrictConnectionCreator(self._policy.creatorForNetloc(hostname, port), _service_id(hostname.decode()))


@implementer(IOpenSSLClientConnectionCreator)
class _StrictConnectionCreator:
    """Makes the TLS connections of another creator, with a check of its own."""

    def __init__(self, creator: Any, service_id: ServiceID) -> None:
        self._creator = creator
        self._service_id = service_id

    def clientConnectionForTLS(self, tls_protocol: Any) -> Any:  # noqa: N802
        connection = self._creator.clientConnectionForTLS(tls_protocol)
        check = partial(_is_valid, tls_protocol.failVerification, self._service_id)
        connection.set_verify(VERIFY_PEER | VERIFY_FAIL_IF_NO_PEER_CERT, check)
        return connection


def _service_id(host: str) -> ServiceID:
    """What a certificate has to name: the host's name, or its address."""
    try:
        return IPAddress_ID(str(ip_address(host)))
    except ValueError:
        return DNS_ID(host)


def _is_valid(
    refuse: Any, service_id: ServiceID, _connection: Any, certificate: Any, _error: int, depth: int, is_trusted: int
) -> bool:
    """Whether OpenSSL may go on with a certificate of the chain that it trusts; only the first one names the host."""
    if not is_trusted or depth:
        return bool(is_trusted)
    try:
        verify_service_identity(extract_patterns(certificate), [service_id], [])
    except Exception as error:  # noqa: BLE001 - whatever it is: what cannot be read names no host
        refuse(Failure(AnswerError(OutcomeReason.TLS, str(error))))  # type: ignore[no-untyped-call]
        return False
    return True
