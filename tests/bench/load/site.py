"""The sites that the throughput benchmark crawls, and the server that serves them to every side alike.

Real pages come from `../shared/tools/throughput/build_site.py`; where it is absent the bundled sample site's articles
are repeated. For growth there is a light site: short pages written on the fly, so that tens of thousands need no disk.
nginx serves files if it is installed, else a small server of our own.
"""

from __future__ import annotations

import contextlib
import pathlib
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

from tests.bench.corpus import ROOT, SHARED

TOOLS = SHARED / "tools/throughput"


def build(out: pathlib.Path, port: int, copies: int) -> str:
    """Lay a site down in `out`; returns what its pages are."""
    if (TOOLS / "build_site.py").is_file():
        subprocess.run([sys.executable, TOOLS / "build_site.py", out, str(port), str(copies)], check=True)
        return "real pages of the shared corpus"
    _build_sample(out, port, copies)
    return "articles of the bundled sample site, repeated"


def _build_sample(out: pathlib.Path, port: int, copies: int) -> None:
    from broadsheet.crawler.demo.server import render

    www, base = out / "www", f"http://127.0.0.1:{port}"
    (www / "a").mkdir(parents=True, exist_ok=True)
    pages = [each.body for each in render(base).values() if each.body.count(b"<p") > 4 and b"<article" in each.body]
    paths = [f"a/{copy}-{at:05d}.html" for copy in range(copies * 25) for at in range(len(pages))]
    for number, path in enumerate(paths):
        marker = f"<p>Copy {number} of this page.</p></body>".encode()
        (www / path).write_bytes(pages[number % len(pages)].replace(b"</body>", marker, 1))
    links = "".join(f'<li><a href="/{path}">{path}</a></li>' for path in paths)
    (www / "index.html").write_text(f"<!doctype html><title>Home</title><h1>Home</h1><ul>{links}</ul>")
    (www / "robots.txt").write_text("User-agent: *\nAllow: /\n")
    (out / "urls.txt").write_text("".join(f"{base}/{path}\n" for path in paths))


def pages_in(out: pathlib.Path) -> int:
    """How many pages a built site has, its index pages not counted."""
    return sum(1 for _ in (out / "urls.txt").open())


@contextlib.contextmanager
def served(out: pathlib.Path, port: int) -> Iterator[str]:
    """Serve the built site while the context is open; gives the server's name."""
    out.chmod(0o755)  # nginx drops its rights
    nginx = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if nginx and (out / "nginx.conf").is_file():
        command = [nginx, "-c", str(out / "nginx.conf"), "-p", str(out), "-g", "daemon off;"]
        conf = (out / "nginx.conf").read_text().replace("daemon on;", "")
        (out / "nginx.conf").write_text(conf)
    else:
        command = [sys.executable, "-m", "tests.bench.load.server", str(port), str(out / "www")]
    with running(command, port):
        yield "nginx" if "nginx.conf" in " ".join(command) else "a small server of its own"


@contextlib.contextmanager
def light_site(port: int, pages: int) -> Iterator[str]:
    """Serve a site of `pages` short pages; gives its start URL."""
    with running([sys.executable, "-m", "tests.bench.load.server", str(port), "--light", str(pages)], port):
        yield f"http://127.0.0.1:{port}/index.html"


@contextlib.contextmanager
def running(command: list[str], port: int, seconds: float = 10) -> Iterator[None]:
    """Run a server until the context closes; begins when the port answers, for which it has so many seconds."""
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        for _ in range(int(seconds / 0.05)):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        else:
            raise SystemExit(f"nothing answers on port {port}: {' '.join(command)}")
        yield
    finally:
        process.terminate()
        process.wait()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
