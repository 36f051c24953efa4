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

VERDICTS = {
    None: ("8.8.8.8 93.184.216.34 172.32.0.1 2606:4700::1111 ::ffff:8.8.8.8 64:ff9b::808:808 2606:4700::5efe:808:808"),
    "loopback": "127.0.0.1 127.255.3.4 ::1 ::ffff:127.0.0.1 ::7f00:2 2002:7f00:1::",
    "unspecified": "0.0.0.0 0.1.2.3 ::",
    "private": (
        "10.1.2.3 172.31.255.255 192.168.0.1 fd12:3456::1 fec0::1 ::ffff:0:10.0.0.1 64:ff9b::a00:1 "
        "64:ff9b:1::1 2001:0:808:808::f5ff:fffe 2606:4700::5efe:a00:1"
    ),
    "cgnat": "100.64.0.1 100.127.255.255",
    "link_local": "169.254.1.1 fe80::1%eth0",
    "multicast": "224.0.0.251 ff02::1",
    "metadata": (
        "169.254.169.254 169.254.170.2 100.100.100.200 168.63.129.16 192.0.0.192 fd00:ec2::254 fd20:ce::254 "
        "64:ff9b::a9fe:a9fe 2002:a9fe:a9fe::1 2606:4700::200:5efe:a9fe:a9fe"
    ),
    "reserved": (
        "255.255.255.255 192.0.2.1 198.51.100.7 203.0.113.9 198.19.0.1 240.0.0.1 2001:db8::1 3fff::1 4000::1 "
        "100::1 5f00::1 ::ffff:0:8.8.8.8 ::808:808 2002:808:808::1 2001:0:808:808::f7f7:f7f7"
    ),
}
"""Addresses of each kind; those in IPv6 hold one of IPv4: mapped, translated (NAT64), of 6to4, Teredo and ISATAP."""


@pytest.mark.parametrize(("ip", "verdict"), [(ip, verdict) for verdict, ips in VERDICTS.items() for ip in ips.split()])
def test_addresses(ip, verdict):
    assert address_verdict(ip) == verdict


@pytest.mark.parametrize(
    ("reason", "network"), [(why, each) for why, many in SPECIAL_NETWORKS.items() for each in many.split()]
)
def test_every_special_network_is_refused_from_end_to_end_also_inside_ipv6(reason, network):
    for place in (0, -1):
        address = ip_network(network)[place]
        assert address_verdict(str(address)) is not None
        if address.version == 4:
            mapped = ip_address((0xFFFF << 32) + int(address))
            assert address_verdict(str(mapped)) == address_verdict(str(address))
    assert address_verdict(str(ip_network(network)[-1])) == reason


def test_a_name_is_no_address():
    with pytest.raises(ValueError, match="does not appear"):
        address_verdict("example.org")


def test_what_allow_private_opens():
    for ip in ("10.0.0.1", "127.0.0.1", "100.64.0.1"):
        assert address_refusal(ip, allow_private=True) is None
    for ip in "169.254.169.254 169.254.1.1 fe80::1 0.0.0.0 224.0.0.1 fd00:ec2::254 2002:a9fe:a9fe::".split():
        assert address_refusal(ip, allow_private=True) == address_verdict(ip) not in PRIVATE_VERDICTS


URLS: dict[str | None, list[str]] = {
    None: [
        "https://example.org/a", "http://8.8.8.8/", "http://example.org:443/", "https://example.org:80/",
        "https://example.org:8443/", "http://example.org\\@127.0.0.1/",
    ],
    "loopback": [
        "http://127.0.0.1/", "http://2130706433/", "http://0x7f000001/", "http://0x7f.1/", "http://0x7F.0X0.0.1/",
        "http://017700000001/", "http://0177.0.0.1/", "http://127.1/", "http://127.0.1/", "http://127.0.0.1./",
        "http://1%327.0.0.1/", "http://%31%32%37.0.0.1/", "http://１２７.0.0.1/", "http://①②⑦.⓪.⓪.①/",
        "http://127。0。0。1/", "http://127．0．0．1/", "http://127｡0｡0｡1/", "http:\\\\127.0.0.1\\",
        "http:/127.0.0.1/", "http:127.0.0.1/", "http:////127.0.0.1/", "ht\ntp://127.0.\t0.1/", "http://[::1]/",
        "http://[0:0:0:0:0:0:0:1]/", "http://[64:ff9b::7f00:1]/", "http://localhost/", "http://LOCALHOST./",
        "http://ｌocalhost/", "http://a.localhost/", "http://127.0.0.1#@example.org/",
    ],
    "unspecified": [
        "http://0/",
    ],
    "private": [
        "http://[::ffff:10.0.0.1]/",
    ],
    "metadata": [
        "http://[::ffff:a9fe:a9fe]/", "http://[fd00:ec2::254]/", "http://169.254.169.254/latest/meta-data/",
        "http://2852039166/latest/meta-data/",
    ],
    "invalid": [
        "http://[fe80::1%25eth0]/", "http://[::1%lo]/", "http://user@example.org/", "http://user:secret@example.org/",
        "http://example.org@127.0.0.1/", "http://127.0.0.1%2F@example.org/", "http://exa%00mple.org/",
        "http://example.org%2f.127.0.0.1/", "http://1.2.3.256/", "http://127.0.0.1.5/", "http://0x7f.0.0.0x100/",
        "http://[::1/", "http://example.org:99999/", "http://example.org:8 0/", "//127.0.0.1/", "ftp://example.org/",
        "file:///etc/passwd", "gopher://127.0.0.1:6379/_FLUSHALL", "data:text/html,hello", "javascript:alert(1)",
        "s3://bucket/key", "ws://example.org/", "view-source:http://127.0.0.1/", "",
    ],
    "port": [
        "https://example.org:22/", "http://example.org:0/", "http://example.org:6379/", "http://127.0.0.1:25/",
    ],
}  # fmt: skip
"""An address in other clothes, what is no URL of ours, and ports. The host of `example.org\\@…` is that."""


@pytest.mark.parametrize(("url", "verdict"), [(url, verdict) for verdict, urls in URLS.items() for url in urls])
def test_urls(url, verdict):
    assert check_url(url, ports={8443}) == verdict


def test_private_urls_when_allowed():
    assert check_url("http://127.0.0.1:8000/", allow_private=True, ports={8000}) is None
    assert check_url("http://127.0.0.1:9000/", allow_private=True, ports={8000}) == "port"


def test_ports():
    assert [port_of(url) for url in ("http://a.test/", "https://a.test/", "http://a.test:8080/")] == [80, 443, 8080]
