"""A certificate that a trusted authority has signed, but whose hosts cannot be read, opens no connection."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.crawler.fetch.test_connection import ask_tls_server, certificate

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
def test_a_certificate_whose_hosts_cannot_be_read_is_refused(tmp_path: Path, kind: str) -> None:
    assert ask_tls_server(certificate(tmp_path, names=ODD_NAMES[kind]), trusted=True) == (["tls", "tls"], [])


def test_a_host_by_its_name_is_looked_for_among_the_names(tmp_path: Path) -> None:
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    file = certificate(tmp_path, names=names)
    assert ask_tls_server(file, trusted=True, host="localhost") == (["ok", 200, 5, "hello"], ["/"])
    assert ask_tls_server(file, trusted=True) == (["tls", "tls"], [])
