"""Who is at the other end: certificates and addresses; and what a broken answer is called."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from OpenSSL import SSL
from scrapy.exceptions import DownloadFailedError
from twisted.internet.error import ConnectionLost
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.web._newclient import ParseError
from twisted.web.client import ResponseFailed

from broadsheet.crawler.fetch.connection import GuardedProtocol, root_cause
from broadsheet.crawler.fetch.faults import AddressRefusedError, AnswerError
from tests.crawler.hostile import HostileServer, answer
from tests.crawler.probe import fetch


def certificate(folder: Path, *, days: int = 1, ip: str = "127.0.0.1", names: x509.ExtensionType | None = None) -> Path:
    """A self-signed certificate for an address, with its key, valid until so many days from now.

    `names` is an extension in place of the one that names the address.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=30))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(names or x509.SubjectAlternativeName([x509.IPAddress(ip_address(ip))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{ip}-{days}.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(built.public_bytes(serialization.Encoding.PEM) + secret)
    return file


def ask_tls_server(file: Path, *, trusted: bool, host: str = "127.0.0.1") -> tuple[list[object], list[str]]:
    """What came of asking a TLS server with that certificate, and what it was asked."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    server = HostileServer({"/": answer(b"hello")}, tls=context)
    try:
        url = f"https://{host}:{server.port}/"
        settings = {"BROADSHEET_ALLOW_PRIVATE": True, "BROADSHEET_PORTS": [server.port]}
        return fetch([url], settings, environment={"SSL_CERT_FILE": str(file)} if trusted else {})[url], server.paths
    finally:
        server.close()


@pytest.mark.parametrize(
    ("changes", "trusted", "outcome"),
    [
        ({}, True, (["ok", 200, 5, "hello"], ["/"])),
        ({}, False, (["tls", "tls"], [])),
        ({"days": -1}, True, (["tls", "tls"], [])),
        ({"ip": "127.0.0.9"}, True, (["tls", "tls"], [])),
    ],
    ids=["trusted", "self-signed", "out of date", "of another host"],
)
def test_a_certificate_must_be_trusted_up_to_date_and_of_its_host(tmp_path, changes, trusted, outcome):
    assert ask_tls_server(certificate(tmp_path, **changes), trusted=trusted) == outcome


def test_no_tls_where_it_was_asked_for(serve):
    site = serve({"/": "hello"})
    url = f"https://127.0.0.1:{site.port}/"
    settings = {"BROADSHEET_ALLOW_PRIVATE": True, "BROADSHEET_PORTS": [site.port]}
    assert fetch([url], settings)[url] == ["tls", "tls"]
    assert site.paths() == []


@pytest.mark.parametrize(
    ("host", "refused"), [("8.8.8.8", False), ("127.0.0.1", True), ("fe80::1%eth0", True), ("/a/socket", True)]
)
def test_a_connection_to_a_refused_address_is_given_up(host, refused):
    transport = StringTransport(peerAddress=SimpleNamespace(host=host))  # type: ignore[no-untyped-call]
    GuardedProtocol(False, lambda _: None).makeConnection(transport)  # type: ignore[arg-type,no-untyped-call]
    assert transport.disconnected is refused or transport.disconnecting is refused
    assert transport.value() == b""


def failed(*causes: Exception) -> DownloadFailedError:
    error = DownloadFailedError()
    error.__cause__ = ResponseFailed([Failure(cause) for cause in causes])
    return error


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        (SSL.Error([("SSL routines", "", "certificate verify failed")]), "tls"),
        (ParseError("wrong", b""), "bad_http"),
        (AnswerError("headers_too_large"), "headers_too_large"),
        (AddressRefusedError("http://a.test/", "loopback"), "loopback"),
        (ResponseFailed([Failure(ValueError("two lengths"))]), "bad_http"),
    ],
)
def test_a_failure_is_named_after_its_cause(cause, reason):
    error = root_cause(failed(cause))
    assert isinstance(error, AnswerError | AddressRefusedError)
    assert error.reason == reason
    assert getattr(error, "retry", False) is (reason == "bad_http")


@pytest.mark.parametrize("cause", [ConnectionLost(), SSL.Error([("SSL routines", "", "unexpected eof while reading")])])
def test_a_break_stays_a_break(cause):
    error = failed(cause)
    assert root_cause(error) is error


NO_NAMES = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
_NAMES_OID = x509.ObjectIdentifier("2.5.29.17")

ODD_NAMES: dict[str, x509.ExtensionType] = {
    "none": NO_NAMES,
    "any host": x509.SubjectAlternativeName([x509.DNSName("*")]),
    "too many wildcards": x509.SubjectAlternativeName([x509.DNSName("f*o.*.test")]),
    "an address of one byte": x509.UnrecognizedExtension(_NAMES_OID, b"\x30\x03\x87\x01\x01"),
    "a name that is no text": x509.UnrecognizedExtension(_NAMES_OID, b"\x30\x05\x82\x03\xff\xfe\xfd"),
    "no DER": x509.UnrecognizedExtension(_NAMES_OID, b"nonsense"),
}
"""What a certificate may say of its hosts so that it cannot be read."""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ODD_NAMES)
def test_a_certificate_whose_hosts_cannot_be_read_is_refused(tmp_path, kind):
    assert ask_tls_server(certificate(tmp_path, names=ODD_NAMES[kind]), trusted=True) == (["tls", "tls"], [])


def test_a_host_by_its_name_is_looked_for_among_the_names(tmp_path):
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    file = certificate(tmp_path, names=names)
    assert ask_tls_server(file, trusted=True, host="localhost") == (["ok", 200, 5, "hello"], ["/"])
    assert ask_tls_server(file, trusted=True) == (["tls", "tls"], [])
