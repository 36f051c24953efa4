"""The guard as Scrapy runs it: what it refuses is not even connected to."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import twisted.internet
from scrapy.resolver import dnscache
from scrapy.settings import Settings
from scrapy.utils.test import get_crawler

from broadsheet.crawler.fetch.guard import (
    GuardedResolver,
    _canonical_host,
    _reactor_resolver,
    allowed_ports,
    guard_reactor,
)
from tests.crawler.crawls import Crawl
from tests.crawler.hostile import HostileServer, answer
from tests.crawler.probe import fetch

NAMES = {
    "inside.example": ["127.0.0.1"],
    "both.example": ["127.0.0.2", "127.0.0.1"],
    "gone.example": [],
    "metadata.example": ["169.254.169.254"],
    "mapped.example": ["::ffff:127.0.0.1"],
}
REFUSED = ["private_address", "loopback"]
HTTP11 = "scrapy.core.downloader.handlers.http11.HTTP11DownloadHandler"


@pytest.fixture
def server() -> Iterator[HostileServer]:
    """A server on 127.0.0.1 that counts its connections."""
    server = HostileServer({"/": answer(b"inside")})
    yield server
    server.close()


def opened(server: HostileServer, **more: object) -> dict[str, object]:
    return {"BROADSHEET_PORTS": [server.port], **more}


def test_refused_by_literal_by_name_and_by_an_answer_of_the_name_server(server):
    hosts = ("127.0.0.1", "2130706433", "localhost", "inside.example", "mapped.example")
    urls = [f"http://{host}:{server.port}/" for host in hosts]
    assert fetch(urls, opened(server), names=NAMES) == dict.fromkeys(urls, REFUSED)
    assert server.accepted == 0


def test_a_name_that_does_not_exist_is_told_apart():
    assert fetch(["http://gone.example/"], names=NAMES) == {"http://gone.example/": ["dns", "CannotResolveHostError"]}


@pytest.mark.slow
def test_fetched_when_private_addresses_are_allowed_but_metadata_never(server):
    urls = [f"http://{host}:{server.port}/" for host in ("127.0.0.1", "both.example")]
    closed = ["http://169.254.169.254/", "http://metadata.example/", "http://[fd00:ec2::254]/", "http://0.0.0.0/"]
    got = fetch([*urls, *closed], opened(server, BROADSHEET_ALLOW_PRIVATE=True), names=NAMES)
    assert [got[url] for url in urls] == [["ok", 200, 6, "inside"]] * 2
    assert [got[url][0] for url in closed] == ["private_address"] * 4
    assert [got[url][1] for url in closed] == ["metadata"] * 3 + ["unspecified"]


def test_ports_other_than_the_usual_and_the_seeds_own_are_refused(server):
    url = f"http://127.0.0.1:{server.port}/"
    assert fetch([url], {"BROADSHEET_ALLOW_PRIVATE": True}) == {url: ["port", "port"]}
    assert server.accepted == 0
    assert fetch([url], opened(server, BROADSHEET_ALLOW_PRIVATE=True))[url][0] == "ok"


@pytest.mark.slow
@pytest.mark.parametrize(
    "url",
    ["http://user:secret@127.0.0.1/", "file:///etc/passwd", "ftp://127.0.0.1/", "data:text/html,hello", "s3://a/b"],
)
def test_other_schemes_and_user_names_are_not_asked_for(url):
    assert fetch([url], {"BROADSHEET_ALLOW_PRIVATE": True})[url][0] in ("bad_url", "error:NotSupported")


@pytest.mark.slow
@pytest.mark.parametrize(("enabled", "outcome"), [(True, ["proxy", "proxy"]), (False, REFUSED)])
@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
def test_a_proxy_of_the_environment_does_not_get_round_it(server, variable, enabled, outcome):
    middlewares = {"scrapy.downloadermiddlewares.httpproxy.HttpProxyMiddleware": 750} if enabled else {}
    settings = opened(server, HTTPPROXY_ENABLED=enabled, DOWNLOADER_MIDDLEWARES=middlewares)
    environment = {variable: f"http://127.0.0.1:{server.port}", "no_proxy": "", "NO_PROXY": ""}
    url = "http://inside.example/"
    found = fetch([url], settings, names=NAMES, environment=environment)[url]
    assert found in (outcome, REFUSED)  # urllib does not know every spelling
    assert found == outcome or variable.upper() == "ALL_PROXY"
    assert server.accepted == 0


def test_nothing_is_fetched_without_the_guards_resolver(server):
    url = f"http://127.0.0.1:{server.port}/"
    settings = {"TWISTED_DNS_RESOLVER": "scrapy.resolver.CachingThreadedResolver", "BROADSHEET_ALLOW_PRIVATE": True}
    assert fetch([url], opened(server, **settings))[url][0] == "error:RuntimeError"
    assert server.accepted == 0


def test_the_address_connected_to_is_judged_whatever_the_resolver_let_through(server):
    url = f"http://inside.example:{server.port}/"
    lax = {"TWISTED_DNS_RESOLVER": "tests.crawler.lax_resolver.LaxResolver"}
    assert fetch([url], opened(server, **lax), names=NAMES) == {url: REFUSED}
    assert server.accepted == 1
    assert server.paths == []


@pytest.mark.parametrize(
    ("url", "settings", "said"),
    [
        ("", {"TWISTED_DNS_RESOLVER": "scrapy.resolver.CachingHostnameResolver"}, "TWISTED_DNS_RESOLVER must be"),
        ("", {"DOWNLOAD_HANDLERS": f'{{"http": "{HTTP11}"}}'}, "DOWNLOAD_HANDLERS must be"),
        ("", {"TWISTED_REACTOR": "twisted.internet.selectreactor.SelectReactor"}, "TWISTED_REACTOR must be"),
        ("http://2130706433/", {"BROADSHEET_ALLOW_PRIVATE": 0}, "loopback address (--allow-private opens it)"),
    ],
)
def test_such_a_crawl_does_not_start_and_says_why(tmp_path, server, url, settings, said):
    result = Crawl(tmp_path)(url or server.url(), **settings)
    assert result.code != 0
    assert server.accepted == 0
    assert said in result.errors
    assert "Traceback" not in result.errors or "TWISTED_REACTOR" in settings, "older Scrapy logs its check"
    assert not result.db.exists()


@pytest.mark.parametrize(
    ("host", "canonical"),
    [
        ("A.Example", "a.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("127.1", "127.0.0.1"),
        ("2001:DB8:0::1", "[2001:db8::1]"),
        ("no host", ""),
    ],
)
def test_a_refusal_is_kept_by_one_notation_of_the_host(host, canonical):
    assert _canonical_host(host) == canonical
    assert _canonical_host("::ffff:10.0.0.1") == _canonical_host("::FFFF:a00:1") != ""  # which one, Python chooses


def test_a_host_is_refused_while_all_addresses_of_its_latest_resolution_are():
    resolver = GuardedResolver(SimpleNamespace(nameResolver=None), 9)  # type: ignore[arg-type]
    for verdicts, refusal in (
        ([], None), ([None], None), (["loopback", None], None), (["loopback", "private"], "loopback"), ([], None),
        (["private"], "private"), ([None, None], None),
    ):  # fmt: skip
        resolver.remember_verdicts("A.example", verdicts)
        assert (resolver.refusal("a.EXAMPLE"), resolver.refusal("b.example")) == (refusal, None)


def test_the_ports_of_the_seeds_and_of_the_setting_may_be_asked():
    seeds = ("http://a.example/", "https://a.example/", "http://a.example:8080/")
    assert allowed_ports(seeds, Settings({"BROADSHEET_PORTS": ["81", 82]})) == {80, 443, 8080, 81, 82}
    assert allowed_ports((), Settings({"BROADSHEET_PORTS": []})) == frozenset()


def test_a_reactor_that_runs_already_gets_the_guarded_resolver_once(monkeypatch):
    installed: list[object] = []

    def install(resolver: object) -> None:
        installed.append(resolver)
        reactor.nameResolver = resolver

    reactor: Any = SimpleNamespace(nameResolver="theirs", installNameResolver=install, getThreadPool=lambda: None)
    monkeypatch.setattr(twisted.internet, "reactor", reactor, raising=False)
    monkeypatch.setitem(sys.modules, "twisted.internet.reactor", reactor)
    with pytest.raises(RuntimeError, match="does not resolve names with"):
        _reactor_resolver()
    dnscache["a.example"] = ["127.0.0.1"]
    crawler = get_crawler(settings_dict={"BROADSHEET_ALLOW_PRIVATE": True})
    guard_reactor(crawler)
    assert [type(resolver).__name__ for resolver in installed] == ["GAIResolver", "GuardedResolver"]
    assert len(dnscache) == 0
    assert _reactor_resolver() is installed[-1]
    assert _reactor_resolver().allow_private
    guard_reactor(crawler)
    assert len(installed) == 2
