"""The browser that tests use shows pages of this machine, and asks nothing of any other."""

from __future__ import annotations

import http.server
import shutil
import threading
from collections.abc import Iterator

import pytest

from tests.browser import LoopbackBrowser, browser, loopback_browser  # noqa: F401

PAGE = b"""<!doctype html><title>A page</title><p id=words>before</p>
<img src="http://pictures.example/a.png"><script src="https://scripts.example/a.js"></script>
<script>document.getElementById("words").textContent = "set by a script"</script>"""


class _Site(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE if self.path == "/" else b"")

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


@pytest.mark.slow
def test_a_page_of_this_machine_is_shown_and_what_it_wants_of_others_is_refused(
    browser: LoopbackBrowser,  # noqa: F811
    address: str,
) -> None:
    page = browser.page()
    page.goto(address)
    assert page.locator("#words").inner_text() == "set by a script"
    page.wait_for_timeout(3000)  # what the browser would ask for itself, it asks for in its first seconds
    assert sorted(browser.outside) == ["http://pictures.example/a.png", "scripts.example:443"]


def test_where_there_is_no_browser_the_reason_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(pytest.skip.Exception, match="Chromium is not installed"), loopback_browser():
        pass
