"""Answers of a bucket's server, and the one line that a person gets."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from broadsheet.crawler.fleet.object_store import StoreRefused
from broadsheet.crawler.fleet.store_address import store_at


class Refusal(BaseHTTPRequestHandler):
    """Answers as S3 does where a request was signed an hour ago."""

    code = "RequestTimeTooSkewed"

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = f"<Error><Code>{self.code}</Code><Message>The difference is too large.</Message></Error>".encode()
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize(
    ("code", "message"),
    [("RequestTimeTooSkewed", "s3://b/a refuses requests by this machine's clock, which is some minutes wrong: set it"),
     ("AccessDenied", "s3://b/a does not let us at lamp: check its credentials")],
)  # fmt: skip
def test_a_refusal_names_its_cause(code: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with HTTPServer(("127.0.0.1", 0), type("Handler", (Refusal,), {"code": code})) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
            monkeypatch.setenv(name, "tester")
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        with pytest.raises(StoreRefused, match=f"^{message}$"):
            store_at("s3://b/a").put_bytes("lamp", b"1")
        server.shutdown()
