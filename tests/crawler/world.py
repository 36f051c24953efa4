"""A small internet of its own for one crawl: run inside a network namespace, where no packet can leave.

`unshare -rnm python -m tests.crawler.world DB [OPTION...]` gives the loopback device addresses that a crawl takes
for public and private ones, serves pages on all of them and a name server beside them, runs `broadsheet crawl` with
the options on the public one, and prints what each address was asked, as JSON.
"""

from __future__ import annotations

import ipaddress
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import ClassVar

from tests.crawler.scripted_site import page

PUBLIC = "8.8.8.8"
INSIDE = ("10.1.2.3", "100.64.0.1", "169.254.169.254", "169.254.1.1", "192.168.7.7", "fd00::1", "fd00:ec2::254", "::1")
NAME_SERVER = "8.8.4.4"
NAMES = {
    "inside.test": [["10.1.2.3"]],
    "metadata.test": [["169.254.169.254"]],
    "six.test": [["fd00::1"]],
    "mixed.test": [["10.1.2.3", PUBLIC]],
    "rebind.test": [[PUBLIC], ["10.1.2.3"]],  # another answer each time it is asked
    "public.test": [[PUBLIC]],
}
REDIRECTS = [
    "http://10.1.2.3/", "http://167838211/", "http://0x0a010203/", "http://012.1.2.3/", "http://10.66051/",
    "http://100.64.0.1/", "http://169.254.169.254/latest/", "http://169.254.1.1/", "http://192.168.7.7/",
    "http://[fd00::1]/", "http://[fd00:ec2::254]/", "http://[::1]/", "http://[::ffff:10.1.2.3]/", "http://localhost/",
    "http://inside.test/", "http://metadata.test/", "http://six.test/", "http://mixed.test/", "http://user@10.1.2.3/",
    "//10.1.2.3/", "http:\\\\10.1.2.3\\", "http://１０.1.2.3/",
]  # fmt: skip
_IPV4, _IPV6 = 1, 28


class Site(BaseHTTPRequestHandler):
    """The public site, and what must not be reached: both answer everything."""

    asked: ClassVar[dict[str, list[str]]] = {}

    def do_GET(self) -> None:
        here = self.connection.getsockname()[0]
        self.asked.setdefault(here, []).append(self.headers.get("Host", "") + self.path)
        if here == PUBLIC and self.path.startswith("/go/"):
            self.send_response(302)
            self.send_header("Location", REDIRECTS[int(self.path[4:])].encode().decode("latin-1"))
            self.end_headers()
            return
        body = self.body(here).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain" if self.path == "/robots.txt" else "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self, here: str) -> str:
        if self.path == "/robots.txt":
            places = ("http://10.1.2.3", "http://inside.test", "http://rebind.test", "http://mixed.test")
            listed = [f"Sitemap: {place}/map{at}.xml" for place in places for at in range(3)]
            return "\n".join(["User-agent: *", "Disallow:", *(listed if here == PUBLIC else [])])
        if self.path.startswith("/map"):
            return "<urlset></urlset>"
        links = [f"/go/{at}" for at in range(len(REDIRECTS))] if self.path == "/" else []
        return page(self.path.strip("/").replace("/", "") or "home", *links)

    def log_message(self, *args: object) -> None:
        return


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def verify_request(self, request: object, client_address: object) -> bool:
        Site.asked.setdefault(self.server_address[0], [])  # a connection counts, also without a request
        return True


def name_server() -> None:
    """Answer queries for the names; what is refused by another answer the second time is judged by the asker."""
    turns = {name: count() for name in NAMES}
    listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listening.bind((NAME_SERVER, 53))
    while True:
        query, asker = listening.recvfrom(512)
        end = query.index(b"\0", 12)
        name = b".".join(_labels(query[12:end])).decode().lower()
        kind = struct.unpack(">H", query[end + 1 : end + 3])[0]
        answers = NAMES.get(name, [])
        turn = next(turns[name]) if name in turns and kind == _IPV4 else 0
        found = answers[turn % len(answers)] if answers else []
        listening.sendto(_reply(query[: end + 5], kind, found), asker)


def _labels(wire: bytes) -> list[bytes]:
    return [wire[1 : wire[0] + 1], *_labels(wire[wire[0] + 1 :])] if wire else []


def _reply(query: bytes, kind: int, found: list[str]) -> bytes:
    packed = [ipaddress.ip_address(each).packed for each in found]
    fitting = [each for each in packed if len(each) == {_IPV4: 4, _IPV6: 16}.get(kind)]
    records = [b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 0, len(each)) + each for each in fitting]
    flags = 0x8180 if found else 0x8183
    return query[:2] + struct.pack(">HHHHH", flags, 1, len(records), 0, 0) + query[12:] + b"".join(records)


def _furnish() -> None:
    """Give the device its addresses and the machine its name server; both end with the namespace."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for address in (PUBLIC, NAME_SERVER, *(each for each in INSIDE if each != "::1")):
        bits = "128" if ":" in address else "32"
        more = ["nodad"] if ":" in address else []
        subprocess.run(["ip", "address", "add", f"{address}/{bits}", "dev", "lo", *more], check=True)
    file = Path(os.environ["WORLD_FOLDER"]) / "resolv.conf"
    file.write_text(f"nameserver {NAME_SERVER}\noptions timeout:2 attempts:1\n")
    subprocess.run(["mount", "--bind", str(file), "/etc/resolv.conf"], check=True)


def _serve() -> None:
    threading.Thread(target=name_server, daemon=True).start()
    for address in (PUBLIC, *INSIDE, "127.0.0.1"):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        kind = type("Server", (_Server,), {"address_family": family})
        threading.Thread(target=kind((address, 80), Site).serve_forever, daemon=True).start()


def main(command: list[str]) -> None:
    _furnish()
    _serve()
    started = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=150)
    print(json.dumps({
        "asked": Site.asked, "code": done.returncode, "errors": done.stderr, "seconds": time.monotonic() - started,
    }))  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
