"""A certificate authority made for a test, and the variables by which Dask speaks TLS with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_PREFIX = "DASK_DISTRIBUTED__COMM__"


@dataclass(frozen=True)
class Certificates:
    """Files in a folder: of the authority its certificate, of a node its certificate and key, in PEM."""

    folder: Path

    @property
    def variables(self) -> dict[str, str]:
        """What every process of a cluster gets."""
        tls = f"{_PREFIX}TLS__"
        files = {f"{tls}CA_FILE": "ca.pem"}
        for part in ("SCHEDULER", "WORKER", "CLIENT"):
            files |= {f"{tls}{part}__CERT": "node.pem", f"{tls}{part}__KEY": "node.key"}
        paths = {name: str(self.folder / file) for name, file in files.items()}
        return paths | {f"{_PREFIX}REQUIRE_ENCRYPTION": "True"}

    @property
    def settings(self) -> dict[str, object]:
        """The same as keys of Dask's configuration."""
        words = {name: name.removeprefix("DASK_").lower().replace("__", ".") for name in self.variables}
        return {words[name].replace("_", "-"): value for name, value in self.variables.items()}


def make_certificates(folder: Path) -> Certificates:
    """An authority of its own, and a node of it."""
    folder.mkdir()
    authority_key, node_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = _certificate("authority", authority_key, "authority", authority_key)
    node = _certificate("node", node_key, "authority", authority_key)
    (folder / "ca.pem").write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    (folder / "node.pem").write_bytes(node.public_bytes(serialization.Encoding.PEM))
    (folder / "node.key").write_bytes(
        node_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return Certificates(folder)


def _certificate(
    name: str, key: ec.EllipticCurvePrivateKey, issuer: str, issuer_key: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=name == issuer, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
    )
    return builder.sign(issuer_key, hashes.SHA256())
