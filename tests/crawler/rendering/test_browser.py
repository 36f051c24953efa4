"""A browser without a network, with real Chromium: what it renders, what it may reach, and how it is ended."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import Page
from broadsheet.crawler.rendering.browser import RenderLimits
from broadsheet.crawler.rendering.messages import Failure, Rendering, RenderProblem
from tests.crawler.rendering.sites import TEXT, URL, FakeSite, nothing_left, render, shell

pytestmark = pytest.mark.slow

FILL = f"document.getElementById('root').innerHTML = '<article><h1>Wall</h1><p>{TEXT}</p></article>';"


def html_of(result: Rendering | Failure) -> str:
    assert isinstance(result, Rendering), result
    return result.html


def test_a_page_gains_the_text_that_scripts_and_data_bring():
    site = FakeSite(
        {
            "https://cdn.example/app.js": "fetch('/api/story').then(r => r.json()).then(s => {"
            "const host = document.createElement('x-story');"
            "host.attachShadow({mode: 'open'}).innerHTML = '<p>In the shadow.</p>';"
            "document.body.append(host); document.getElementById('root').textContent = s.text; });",
            "https://app.example/api/story": f'{{"text": "{TEXT}"}}',
        }
    )
    order = shell(
        "const s = document.createElement('script'); s.src = 'https://cdn.example/app.js'; "
        "document.head.append(s); new Image().src = '/picture.png'; document.title = navigator.userAgent;"
    )
    with nothing_left():
        html = html_of(*render(order, site=site))
    assert TEXT.strip() in html
    assert '<template shadowrootmode="open"><p>In the shadow.</p></template>' in html
    assert html.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert "<title>Broadsheet-test</title>" in html
    assert site.asked == ["https://cdn.example/app.js", "https://app.example/api/story"]


def test_a_consent_dialog_is_hidden_and_nothing_in_it_is_clicked():
    dialog = "const box = document.createElement('div'); box.id = 'onetrust-consent-sdk';"
    dialog += "box.innerHTML = '<p>We value your privacy.</p><button>Accept all</button>';"
    dialog += "box.addEventListener('click', () => { document.cookie = 'consent=1'; fetch('/consent'); });"
    dialog += "document.body.append(box); fetch('/shown', {method: 'POST', body: 'dialog'}).catch(() => 0);"
    site = FakeSite({})
    html = html_of(*render(shell(FILL + dialog), site=site))
    assert '<div id="onetrust-consent-sdk" hidden="">' in html
    assert site.asked == [], "nothing is sent, only asked for"
    cleaned = clean(Page(URL, html.encode(), "text/html; charset=utf-8"))
    assert TEXT.strip() in cleaned.text
    assert not any("privacy" in block.text or "Accept" in block.text for block in cleaned.blocks)


@contextmanager
def canaries() -> Iterator[tuple[dict[str, int], list[str]]]:
    """Sockets of this machine that nobody may reach: their ports by name, and what reached them."""
    hits: list[str] = []
    opened = []
    for name, family, kind, address in (
        ("tcp", socket.AF_INET, socket.SOCK_STREAM, "127.0.0.1"),
        ("tcp6", socket.AF_INET6, socket.SOCK_STREAM, "::1"),
        ("udp", socket.AF_INET, socket.SOCK_DGRAM, "127.0.0.1"),
    ):
        try:
            canary = socket.socket(family, kind)
            canary.bind((address, 0))
        except OSError:  # a machine without IPv6
            continue
        if kind == socket.SOCK_STREAM:
            canary.listen()
        opened.append((name, canary))

    def watch(name: str, canary: socket.socket) -> None:
        try:
            while True:
                hits.append(name if canary.type == socket.SOCK_DGRAM and canary.recv(1) else str(canary.accept()))
        except OSError:
            return

    for name, canary in opened:
        threading.Thread(target=watch, args=(name, canary), daemon=True).start()
    try:
        yield {name: canary.getsockname()[1] for name, canary in opened}, hits
    finally:
        for _, canary in opened:
            canary.close()


ATTACK = """
const tcp = %(tcp)d, tcp6 = %(tcp6)d, udp = %(udp)d, tries = [];
const urls = ['http://169.254.169.254/latest/meta-data/', 'http://10.0.0.1/', 'http://192.168.0.1/',
  `http://127.0.0.1:${tcp}/`, `http://localhost:${tcp}/`, `http://[::1]:${tcp6}/`, 'file:///etc/passwd'];
for (const url of urls) {
  try { fetch(url, {mode: 'no-cors'}).catch(() => 0); } catch (e) { }
  try { navigator.sendBeacon(url, 'x'); } catch (e) { }
  try { new EventSource(url); } catch (e) { }
  fetch(url, {method: 'POST', mode: 'no-cors', body: 'x'}).catch(() => 0);
  for (const [tag, name] of [['img', 'src'], ['iframe', 'src'], ['link', 'href'], ['video', 'src']]) {
    const element = document.createElement(tag);
    element[name] = url;
    for (const rel of ['preconnect', 'prefetch', 'dns-prefetch']) {
      if (tag === 'link') { const l = element.cloneNode(); l.rel = rel; l.href = url; document.head.append(l); }
    }
    document.body.append(element);
  }
}
for (const url of [`ws://127.0.0.1:${tcp}/`, `ws://[::1]:${tcp6}/`]) {
  try { new WebSocket(url); } catch (e) { }
}
const inWorker = `
  for (const make of [() => new WebSocket('ws://127.0.0.1:${tcp}/'), () => fetch('http://127.0.0.1:${tcp}/w'),
    () => new WebTransport('https://127.0.0.1:${udp}/'), () => new EventSource('http://127.0.0.1:${tcp}/e')]) {
    try { const made = make(); if (made.catch) made.catch(() => 0); } catch (e) { }
  }`;
new Worker(URL.createObjectURL(new Blob([inWorker])));
try { navigator.serviceWorker.register('/worker.js').catch(() => 0); } catch (e) { }
const frame = document.createElement('iframe');
document.body.append(frame);
for (const scope of [window, frame.contentWindow]) {
  try {
    const peer = new scope.RTCPeerConnection({iceServers: [{urls: `stun:127.0.0.1:${udp}`}]});
    peer.createDataChannel('x');
    peer.createOffer().then(o => peer.setLocalDescription(o));
  } catch (e) { }
  try { new scope.WebTransport(`https://127.0.0.1:${udp}/`).ready.catch(() => 0); } catch (e) { }
}
try { open(`http://127.0.0.1:${tcp}/popup`); } catch (e) { }
const form = document.createElement('form');
form.action = `http://127.0.0.1:${tcp}/form`; form.method = 'POST';
document.body.append(form); form.submit();
setTimeout(() => { location.href = `http://127.0.0.1:${tcp}/away`; }, 50);
"""


def test_a_page_that_attacks_reaches_nothing():
    site = FakeSite({})
    with canaries() as (ports, hits):
        ports.setdefault("tcp6", ports["tcp"])
        result = render(shell(FILL + ATTACK % ports), site=site)[0]
        assert hits == []
        for kind, name in ((socket.SOCK_STREAM, "tcp"), (socket.SOCK_DGRAM, "udp")):
            with socket.socket(socket.AF_INET, kind) as control:
                control.connect(("127.0.0.1", ports[name]))
                control.send(b"x")
        while len(hits) < 2:  # the canaries notice what does reach them
            time.sleep(0.05)
    assert TEXT.strip() in html_of(result), "the page stays where it is"
    assert "http://169.254.169.254/latest/meta-data/" in site.asked, "the crawl's guard decides on what scripts fetch"
    assert not [url for url in site.asked if not url.startswith(("http://", "https://"))]
    assert not [url for url in site.asked if url.endswith(("/form", "/away", "/popup"))]


def test_a_script_that_runs_on_is_given_up_and_the_next_page_is_rendered():
    with nothing_left():
        hung, good = render(shell("setTimeout(() => { while (true); }, 10);"), shell(FILL))
    assert hung == Failure(RenderProblem.HUNG)
    assert TEXT.strip() in html_of(good)


def test_pages_share_a_tab_and_nothing_else():
    left = "window.name = 'left'; sessionStorage.x = 1; setInterval(() => fetch('/late'), 50);" + FILL
    left += "document.body.append('first page');"
    seen = "document.body.append(`name:${window.name}`);"
    site = FakeSite({})
    first, second, third = render(
        shell(left),
        shell(FILL + seen, "https://other.example/"),
        shell(FILL + "history.go(-3); history.go(-1);", "https://third.example/"),
        site=site,
    )
    assert "first page" in html_of(first)
    assert TEXT.strip() in html_of(second)
    assert "name:left" not in html_of(second)
    assert "name:" in html_of(second)
    assert "first page" not in html_of(second) + (third.html if isinstance(third, Rendering) else "")
    assert {url for url in site.asked if url.endswith("/late")} == {"https://app.example/late"}


def test_memory_and_time_are_bounded():
    eat = "const kept = []; setInterval(() => { kept.push(new Uint8Array(2e7).fill(7)); }, 20);"
    with nothing_left():
        assert render(shell(eat), limits=RenderLimits(memory_bytes=600_000_000)) == [
            Failure(RenderProblem.TOO_MUCH_MEMORY)
        ]
        changing = "setInterval(() => { document.body.append('word '.repeat(++window.n || (window.n = 1))); }, 50);"
        assert render(shell(changing), limits=RenderLimits(seconds=3)) == [Failure(RenderProblem.TOO_LONG)]
