"""What goes wrong around a command (a certificate, a lock, a disk, descriptors) is one line, and nothing else is lost."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crawler.fetch.test_certificates import NO_NAMES
from tests.crawler.fetch.test_connection import certificate
from tests.crawler.hostile import HostileServer, answer
from tests.crawler.scripted_site import ScriptedSite
from tests.crawler.shell import command, rows

Serve = Callable[..., ScriptedSite]


def test_a_certificate_that_names_no_host_is_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, db = certificate(tmp_path, names=NO_NAMES), tmp_path / "a.db"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    server = HostileServer({"/": answer(b"hello")}, tls=context)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    try:
        code, out, errors = command(
            "crawl", f"https://127.0.0.1:{server.port}/", "--db", db, "--allow-private", "--delay", 0, "-q"
        )
    finally:
        server.close()
    assert (code, out, errors.count("\n")) == (1, "", 1), errors
    assert "certificate" in errors
    assert server.paths == []
    assert rows(db, "SELECT DISTINCT state, reason FROM urls") == [("failed", "tls")]
