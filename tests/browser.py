"""A Chromium for tests that talks to this machine alone, and keeps account of what it would have asked of others.

Its own update checks, experiments and background traffic are switched off. Whatever is left, of a page or of the
browser itself, goes to a proxy that writes down the address and refuses; names are not even looked up. Only loopback
addresses are asked past it.
"""

import shutil
import socketserver
import subprocess
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ProxySettings, sync_playwright

AXE = "axe-core@4.14.1"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
TIMEOUT = 30_000  # milliseconds, for whatever a test waits for in a page
_FEATURES_OFF = """
    AimEnabled AimServerEligibilityEnabled AimServerRequestOnIdentityChangeEnabled AimServerRequestOnStartupEnabled
    AutofillServerCommunication CertificateTransparencyComponentUpdater DestroyProfileOnBrowserClose HttpsUpgrades
    MediaRouter NetworkTimeServiceQuerying OptimizationGuideModelDownloading OptimizationHints PaintHolding
    PreconnectToSearch SearchEnginePreconnect2 SearchEnginePreconnectInterval Translate
""".split()
_FLAGS = (
    "--allow-browser-signin=false",
    "--component-updater=url-source=http://127.0.0.1:9/",  # some components ask though updates are off: nobody answers
    "--disable-background-networking",
    "--disable-client-side-phishing-detection",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-extensions",
    f"--disable-features={','.join(_FEATURES_OFF)}",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--gaia-url=http://127.0.0.1:9/",  # where it asks at its start who is signed in: nobody answers
    "--gcm-checkin-url=http://127.0.0.1:9/",
    "--gcm-mcs-endpoint=http://127.0.0.1:9/",
    "--gcm-registration-url=http://127.0.0.1:9/",
    "--metrics-recording-only",
    "--no-first-run",
    "--no-pings",
    "--safebrowsing-disable-auto-update",
)


class _RefusingProxy(socketserver.ThreadingTCPServer):
    """Writes down what it is asked for, and refuses it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Refusal)
        self.addresses: list[str] = []


class _Refusal(socketserver.StreamRequestHandler):
    server: _RefusingProxy
    timeout = 10

    def handle(self) -> None:
        words = self.rfile.readline(8192).decode("latin-1").split()
        if not words:  # Chromium connects where the mouse is pressed on a link that leads nowhere
            return
        self.server.addresses.append(words[1] if len(words) > 1 else "")
        self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


@dataclass(frozen=True)
class LoopbackBrowser:
    """A running Chromium, and what it asked of other machines and did not get: URLs, or `host:port` of secure ones."""

    chromium: Browser
    outside: list[str]

    def page(self) -> Page:
        """A new page that shares nothing with others: no cookies, no stored data, no service workers."""
        page = self.chromium.new_page()
        page.set_default_timeout(TIMEOUT)
        return page


@contextmanager
def loopback_browser(*names: str) -> Iterator[LoopbackBrowser]:
    """Start Chromium for as long as the context lasts; the test is skipped where there is none.

    These names lead to 127.0.0.1, as those of a site whose owner has rebound them.

    In the meantime the thread counts as one that runs asyncio: no `asyncio.run` in it.
    """
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip("Chromium is not installed (apt-get install chromium)")
    with _RefusingProxy() as proxy, sync_playwright() as playwright:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        address = ProxySettings(
            server=f"http://127.0.0.1:{proxy.server_address[1]}",
            bypass=",".join(("127.0.0.1", "localhost", "[::1]", *names)),
        )
        rules = [f"--host-resolver-rules={','.join(f'MAP {name} 127.0.0.1' for name in names)}"] if names else []
        chromium = playwright.chromium.launch(
            executable_path=program, args=[*_FLAGS, *rules], proxy=address, timeout=TIMEOUT
        )
        try:
            yield LoopbackBrowser(chromium, proxy.addresses)
        finally:
            chromium.close()
            proxy.shutdown()


@pytest.fixture
def browser() -> Iterator[LoopbackBrowser]:
    """Chromium for one test. Import the fixture where it is used."""
    with loopback_browser() as started_browser:
        yield started_browser


def axe_source() -> str:
    """Return the source of axe-core, which npm fetches once into the cache of the checkout."""
    folder = Path(__file__).resolve().parents[1] / ".cache" / AXE
    file = folder / "node_modules" / "axe-core" / "axe.min.js"
    if not file.exists():
        if shutil.which("npm") is None:
            pytest.skip("npm is not installed, which fetches axe-core")
        install = ["npm", "install", "--silent", "--ignore-scripts", "--prefix", str(folder), AXE]
        folder.mkdir(parents=True, exist_ok=True)
        process = subprocess.run(install, capture_output=True, text=True, timeout=300, check=False)
        assert process.returncode == 0, process.stderr
    return file.read_text("utf-8")


def axe_findings(page: Page, axe: str, addresses: Iterable[str], rules: list[str] | None = None) -> list[str]:
    """Return what axe finds on pages, a line each; by these rules alone if they are given."""
    findings = []
    for address in addresses:
        page.goto(address)
        page.evaluate(axe)
        only = {"runOnly": {"type": "rule", "values": rules}} if rules else {}
        result = page.evaluate("only => axe.run(document, { iframes: false, ...only })", only)
        findings += [
            f"{address}: {finding['id']}: {node['target']} {node['failureSummary']}"
            for finding in result["violations"] for node in finding["nodes"][:2]
        ]  # fmt: skip
    return findings
