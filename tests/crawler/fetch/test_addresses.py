"""Verdicts on addresses and URLs."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from broadsheet.crawler.fetch.addresses import (
    PRIVATE_VERDICTS,
    SPECIAL_NETWORKS,
    address_refusal,
    address_verdict,
    check_url,
    port_of,
)


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
        ("0.1.2.3", "unspecified"),
        ("::", "unspecified"),
        ("10.1.2.3", "private"),
        ("172.31.255.255", "private"),
        ("192.168.0.1", "private"),
        ("fd12:3456::1", "private"),
        ("fec0::1", "private"),
        ("100.64.0.1", "cgnat"),
        ("100.127.255.255", "cgnat"),
        ("169.254.1.1", "link_local"),
        ("fe80::1%eth0", "link_local"),
        ("224.0.0.251", "multicast"),
        ("ff02::1", "multicast"),
        ("169.254.169.254", "metadata"),
        ("169.254.170.2", "metadata"),
        ("100.100.100.200", "metadata"),
        ("168.63.129.16", "metadata"),
        ("192.0.0.192", "metadata"),
        ("fd00:ec2::254", "metadata"),
        ("fd20:ce::254", "metadata"),
        ("255.255.255.255", "reserved"),
        ("192.0.2.1", "reserved"),
        ("198.51.100.7", "reserved"),
        ("203.0.113.9", "reserved"),
        ("198.19.0.1", "reserved"),
        ("240.0.0.1", "reserved"),
        ("2001:db8::1", "reserved"),
        ("3fff::1", "reserved"),
        ("4000::1", "reserved"),
        ("100::1", "reserved"),
        ("5f00::1", "reserved"),
        # IPv4 inside IPv6
        ("::ffff:127.0.0.1", "loopback"),
        ("::ffff:8.8.8.8", None),
        ("::ffff:0:10.0.0.1", "private"),
        ("::ffff:0:8.8.8.8", "reserved"),
        ("::7f00:2", "loopback"),
        ("::808:808", "reserved"),
        ("64:ff9b::a9fe:a9fe", "metadata"),
        ("64:ff9b::a00:1", "private"),
        ("64:ff9b::808:808", None),
        ("64:ff9b:1::1", "private"),
        ("2002:7f00:1::", "loopback"),
        ("2002:a9fe:a9fe::1", "metadata"),
        ("2002:808:808::1", "reserved"),
        ("2001:0:808:808::f5ff:fffe", "private"),  # Teredo: the client is 10.0.0.1, its bits inverted
        ("2001:0:808:808::f7f7:f7f7", "reserved"),
        ("2606:4700::5efe:a00:1", "private"),  # ISATAP
        ("2606:4700::200:5efe:a9fe:a9fe", "metadata"),
        ("2606:4700::5efe:808:808", None),
    ],
)
def test_addresses(ip: str, verdict: str | None) -> None:
    assert address_verdict(ip) == verdict


@pytest.mark.parametrize(
    ("reason", "network"), [(why, each) for why, many in SPECIAL_NETWORKS.items() for each in many.split()]
)
def test_every_special_network_is_refused_from_end_to_end_also_inside_ipv6(reason: str, network: str) -> None:
    for place in (0, -1):
        address = ip_network(network)[place]
        assert address_verdict(str(address)) is not None
        if address.version == 4:
            mapped = ip_address((0xFFFF << 32) + int(address))
            assert address_verdict(str(mapped)) == address_verdict(str(address))
    assert address_verdict(str(ip_network(network)[-1])) == reason


def test_a_name_is_no_address() -> None:
    with pytest.raises(ValueError, match="does not appear"):
        address_verdict("example.org")


def test_what_allow_private_opens() -> None:
    assert {
        ip: address_refusal(ip, allow_private=True) for ip in ("10.0.0.1", "127.0.0.1", "100.64.0.1")
    } == dict.fromkeys(("10.0.0.1", "127.0.0.1", "100.64.0.1"))
    for ip in (
        "169.254.169.254",
        "169.254.1.1",
        "fe80::1",
        "0.0.0.0",
        "224.0.0.1",
        "fd00:ec2::254",
        "2002:a9fe:a9fe::",
    ):
        assert address_refusal(ip, allow_private=True) == address_verdict(ip) not in PRIVATE_VERDICTS


@pytest.mark.parametrize(
    ("url", "verdict"),
    [
        ("https://example.org/a", None),
        ("http://8.8.8.8/", None),
        ("http://example.org:443/", None),
        ("https://example.org:80/", None),
        ("https://example.org:8443/", None),
        # an address in other clothes
        ("http://127.0.0.1/", "loopback"),
        ("http://2130706433/", "loopback"),
        ("http://0x7f000001/", "loopback"),
        ("http://0x7f.1/", "loopback"),
        ("http://0x7F.0X0.0.1/", "loopback"),
        ("http://017700000001/", "loopback"),
        ("http://0177.0.0.1/", "loopback"),
        ("http://127.1/", "loopback"),
        ("http://127.0.1/", "loopback"),
        ("http://127.0.0.1./", "loopback"),
        ("http://1%327.0.0.1/", "loopback"),
        ("http://%31%32%37.0.0.1/", "loopback"),
        ("http://１２７.0.0.1/", "loopback"),
        ("http://①②⑦.⓪.⓪.①/", "loopback"),
        ("http://127。0。0。1/", "loopback"),
        ("http://127．0．0．1/", "loopback"),
        ("http://127｡0｡0｡1/", "loopback"),
        ("http:\\\\127.0.0.1\\", "loopback"),
        ("http:/127.0.0.1/", "loopback"),
        ("http:127.0.0.1/", "loopback"),
        ("http:////127.0.0.1/", "loopback"),
        ("ht\ntp://127.0.\t0.1/", "loopback"),
        ("http://0/", "unspecified"),
        ("http://[::1]/", "loopback"),
        ("http://[0:0:0:0:0:0:0:1]/", "loopback"),
        ("http://[::ffff:10.0.0.1]/", "private"),
        ("http://[::ffff:a9fe:a9fe]/", "metadata"),
        ("http://[64:ff9b::7f00:1]/", "loopback"),
        ("http://[fd00:ec2::254]/", "metadata"),
        ("http://localhost/", "loopback"),
        ("http://LOCALHOST./", "loopback"),
        ("http://ｌocalhost/", "loopback"),
        ("http://a.localhost/", "loopback"),
        ("http://169.254.169.254/latest/meta-data/", "metadata"),
        ("http://2852039166/latest/meta-data/", "metadata"),
        # no URL of ours
        ("http://[fe80::1%25eth0]/", "invalid"),
        ("http://[::1%lo]/", "invalid"),
        ("http://user@example.org/", "invalid"),
        ("http://user:secret@example.org/", "invalid"),
        ("http://example.org@127.0.0.1/", "invalid"),
        ("http://example.org\\@127.0.0.1/", None),  # the host is example.org, as in browsers
        ("http://127.0.0.1#@example.org/", "loopback"),
        ("http://127.0.0.1%2F@example.org/", "invalid"),
        ("http://exa%00mple.org/", "invalid"),
        ("http://example.org%2f.127.0.0.1/", "invalid"),
        ("http://1.2.3.256/", "invalid"),
        ("http://127.0.0.1.5/", "invalid"),
        ("http://0x7f.0.0.0x100/", "invalid"),
        ("http://[::1/", "invalid"),
        ("http://example.org:99999/", "invalid"),
        ("http://example.org:8 0/", "invalid"),
        ("//127.0.0.1/", "invalid"),
        ("ftp://example.org/", "invalid"),
        ("file:///etc/passwd", "invalid"),
        ("gopher://127.0.0.1:6379/_FLUSHALL", "invalid"),
        ("data:text/html,hello", "invalid"),
        ("javascript:alert(1)", "invalid"),
        ("s3://bucket/key", "invalid"),
        ("ws://example.org/", "invalid"),
        ("view-source:http://127.0.0.1/", "invalid"),
        ("", "invalid"),
        # ports
        ("https://example.org:22/", "port"),
        ("http://example.org:0/", "port"),
        ("http://example.org:6379/", "port"),
        ("http://127.0.0.1:25/", "port"),
    ],
)
def test_urls(url: str, verdict: str | None) -> None:
    assert check_url(url, ports={8443}) == verdict


def test_private_urls_when_allowed() -> None:
    assert check_url("http://127.0.0.1:8000/", allow_private=True, ports={8000}) is None
    assert check_url("http://127.0.0.1:9000/", allow_private=True, ports={8000}) == "port"


def test_ports() -> None:
    assert [port_of(url) for url in ("http://a.test/", "https://a.test/", "http://a.test:8080/")] == [80, 443, 8080]
