import http.server
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from crawler.guard import address_verdict, check_url, refused

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("ip", "verdict"),
    [
        ("8.8.8.8", None),
        ("93.184.216.34", None),
        ("172.32.0.1", None),
        ("2606:4700::1111", None),
        ("127.0.0.1", "loopback"),
        ("127.255.3.4", "loopback"),
        ("::1", "loopback"),
        ("0.0.0.0", "unspecified"),
        ("::", "unspecified"),
        ("10.1.2.3", "private"),
        ("172.31.255.255", "private"),
        ("192.168.0.1", "private"),
        ("fd12:3456::1", "private"),
        ("100.64.0.1", "cgnat"),
        ("169.254.1.1", "link_local"),
        ("fe80::1%eth0", "link_local"),
        ("224.0.0.251", "multicast"),
        ("ff02::1", "multicast"),
        ("169.254.169.254", "metadata"),
        ("100.100.100.200", "metadata"),
        ("168.63.129.16", "metadata"),
        ("fd00:ec2::254", "metadata"),
        ("255.255.255.255", "reserved"),
        ("192.0.2.1", "reserved"),
        ("198.19.0.1", "reserved"),
        ("2001:db8::1", "reserved"),
        ("4000::1", "reserved"),
        ("100::1", "reserved"),
        # IPv4 inside IPv6
        ("::ffff:127.0.0.1", "loopback"),
        ("::ffff:8.8.8.8", None),
        ("::ffff:0:10.0.0.1", "private"),
        ("::7f00:2", "loopback"),
        ("64:ff9b::a9fe:a9fe", "metadata"),
        ("64:ff9b::808:808", None),
        ("64:ff9b:1::1", "private"),
        ("2002:7f00:1::", "loopback"),
        ("2002:808:808::1", None),
        ("2001:0:808:808::f5ff:fffe", "private"),  # Teredo: the client is 10.0.0.1, its bits inverted
        ("2001:0:808:808::f7f7:f7f7", None),
    ],
)
def test_addresses(ip, verdict):
    assert address_verdict(ip) == verdict


def test_a_name_is_no_address():
    with pytest.raises(ValueError, match="does not appear"):
        address_verdict("example.org")


def test_metadata_stays_refused_when_private_is_allowed():
    assert refused("10.0.0.1", allow_private=True) is None
    assert refused("169.254.169.254", allow_private=True) == "metadata"


@pytest.mark.parametrize(
    ("url", "verdict"),
    [
        ("https://example.org/a", None),
        ("http://8.8.8.8/", None),
        ("http://127.0.0.1/", "loopback"),
        ("http://2130706433/", "loopback"),
        ("http://0x7f000001/", "loopback"),
        ("http://0177.0.0.1/", "loopback"),
        ("http://127.1/", "loopback"),
        ("http://1%327.0.0.1/", "loopback"),
        ("http://１２７.0.0.1/", "loopback"),
        ("http://0/", "unspecified"),
        ("http://[::1]/", "loopback"),
        ("http://[::ffff:10.0.0.1]/", "private"),
        ("http://localhost/", "loopback"),
        ("http://LOCALHOST./", "loopback"),
        ("http://a.localhost/", "loopback"),
        ("http://169.254.169.254/latest/meta-data/", "metadata"),
        ("https://example.org:22/", "port"),
        ("https://example.org:8443/", None),
        ("ftp://example.org/", "invalid"),
        ("http://user@example.org/", "invalid"),
        ("http://1.2.3.256/", "invalid"),
    ],
)
def test_urls(url, verdict):
    assert check_url(url, seed_ports={8443}) == verdict


def test_private_urls_when_allowed():
    assert check_url("http://127.0.0.1:8000/", allow_private=True, seed_ports={8000}) is None
    assert check_url("http://127.0.0.1:9000/", allow_private=True, seed_ports={8000}) == "port"


CRAWL = """
import json, socket, sys

FAKE = {"public-then-private.example": ["127.0.0.1"], "both.example": ["127.0.0.2", "127.0.0.1"]}
real = socket.getaddrinfo
def getaddrinfo(host, *args, **kwargs):
    if host == "gone.example":
        raise socket.gaierror("no such name")
    return [answer for each in FAKE.get(host, [host]) for answer in real(each, *args, **kwargs)]
socket.getaddrinfo = getaddrinfo  # before Twisted takes it

import scrapy
from scrapy.crawler import CrawlerProcess

class Probe(scrapy.Spider):
    name = "probe"
    async def start(self):
        for url in OPTIONS["urls"]:
            yield scrapy.Request(url, self.fetched, errback=self.failed, dont_filter=True)
    def fetched(self, response):
        print(json.dumps([response.request.url, response.text]))
    def failed(self, failure):
        print(json.dumps([failure.request.url, type(failure.value).__name__, getattr(failure.value, "reason", "")]))

OPTIONS = json.loads(sys.argv[1])
settings = {
    "TWISTED_DNS_RESOLVER": "crawler.guard.GuardedResolver",
    "DOWNLOAD_HANDLERS": dict.fromkeys(["http", "https"], "crawler.guard.GuardedDownloadHandler"),
    "HTTPPROXY_ENABLED": False, "RETRY_ENABLED": False, "LOG_LEVEL": "ERROR", "TELNETCONSOLE_ENABLED": False,
    "DOWNLOAD_DELAY": 0,
}
process = CrawlerProcess({**settings, **OPTIONS["settings"]})
process.crawl(Probe)
process.start()
"""


@pytest.fixture
def server():
    """A server on 127.0.0.1 that counts its connections: a refused one must not even be opened."""
    hits = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"inside")

        def log_message(self, *args):
            pass

    class Server(http.server.ThreadingHTTPServer):
        def verify_request(self, request, client_address):
            hits.append(client_address)
            return True

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port, hits
    server.shutdown()
    server.server_close()


def crawl(urls, settings=None, environment=None):
    options = json.dumps({"urls": urls, "settings": settings or {}})
    done = subprocess.run(
        [sys.executable, "-c", CRAWL, options],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return {outcome[0]: outcome[1:] for outcome in map(json.loads, done.stdout.splitlines())}


def test_refused_by_literal_by_name_and_by_an_answer_of_the_name_server(server):
    port, hits = server
    urls = [
        f"http://{host}:{port}/" for host in ("127.0.0.1", "2130706433", "localhost", "public-then-private.example")
    ]
    outcomes = crawl(urls)
    assert set(outcomes) == set(urls)
    assert set(map(tuple, outcomes.values())) == {("AddressRefusedError", "loopback")}
    assert hits == []


def test_a_name_that_does_not_exist_is_told_apart(server):
    assert crawl(["http://gone.example/"]) == {"http://gone.example/": ["CannotResolveHostError", ""]}


def test_fetched_when_private_addresses_are_allowed(server):
    port, hits = server
    urls = [f"http://{host}:{port}/" for host in ("127.0.0.1", "both.example")]
    outcomes = crawl([*urls, "http://169.254.169.254/"], {"BROADSHEET_ALLOW_PRIVATE": True})
    assert [outcomes[url] for url in urls] == [["inside"], ["inside"]]
    assert outcomes["http://169.254.169.254/"] == ["AddressRefusedError", "metadata"]
    assert hits


@pytest.mark.parametrize(
    ("settings", "outcome"),
    [
        ({"HTTPPROXY_ENABLED": True}, ["AddressRefusedError", "proxy"]),
        ({"HTTPPROXY_ENABLED": False}, ["AddressRefusedError", "loopback"]),
    ],
)
def test_a_proxy_of_the_environment_does_not_get_round_it(server, settings, outcome):
    port, hits = server
    proxy = {"http_proxy": f"http://127.0.0.1:{port}", "no_proxy": ""}
    url = "http://public-then-private.example/"
    assert crawl([url], settings, environment=proxy) == {url: outcome}
    assert hits == []


def test_nothing_is_fetched_without_the_guards_resolver(server):
    port, hits = server
    url = f"http://127.0.0.1:{port}/"
    resolver = {"TWISTED_DNS_RESOLVER": "scrapy.resolver.CachingThreadedResolver", "BROADSHEET_ALLOW_PRIVATE": True}
    assert crawl([url], resolver)[url][0] == "RuntimeError"
    assert hits == []
