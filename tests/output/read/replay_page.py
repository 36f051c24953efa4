"""ReplayWeb.page, a viewer of web archives, served on this machine with the archive that it is to open.

Its two files come from npm, are checked by their digest, and lie in the cache of the checkout: it is AGPL, and no part
of this project.
"""

import base64
import hashlib
import http.server
import re
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from tests.tools import CACHE, alone

PACKAGE = "replaywebpage@2.5.3"
SHA512 = "nCj2PSON3BxeSJKE8AsYPyULv0XPZKJWfy4l9PyQre9SqwLZ+WKZVs/sfLqPOQ4GrH+0YkjbwOhr8cSTH08gsQ=="
FILES = ("ui.js", "sw.js")
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_VIEWER = b"""<!doctype html><script src="/replay/ui.js"></script><style>html, body { height: 100%; margin: 0 }</style>
<replay-web-page embed="replayonly" replaybase="/replay/" source="/archive.wacz"></replay-web-page>
<script>document.querySelector("replay-web-page").setAttribute("url", new URLSearchParams(location.search).get("url"))
</script>"""
_FRAME = b"""<!doctype html><script src="ui.js"></script><replay-app-main></replay-app-main>"""
_PAGES = {"/": _VIEWER, "/replay/": _FRAME}


def viewer_files() -> Path:
    """The folder of the viewer's files, fetched if they are not there; the test is skipped where they cannot be had."""
    folder = CACHE / PACKAGE.replace("@", "-")
    with alone(CACHE / "replaywebpage.lock"):
        if not all((folder / name).exists() for name in FILES):
            _fetch(folder)
    return folder


def _fetch(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed (apt-get install npm)")
    folder.mkdir(exist_ok=True)
    command = [npm, "pack", PACKAGE, "--silent", "--no-update-notifier", "--pack-destination", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        pytest.skip(f"{PACKAGE} cannot be had here: {done.stderr.strip()}")
    (packed,) = folder.glob("*.tgz")
    assert base64.b64encode(hashlib.sha512(packed.read_bytes()).digest()).decode() == SHA512
    with tarfile.open(packed) as tar:
        for name in FILES:
            (folder / name).write_bytes(_member(tar, f"package/{name}"))


def _member(tar: tarfile.TarFile, name: str) -> bytes:
    stream = tar.extractfile(name)
    assert stream is not None
    return stream.read()


@contextmanager
def replay_server(archive: Path) -> Iterator[str]:
    """Serve the viewer with an archive. Yields the start of an address; a page's own URL is to be put behind it."""
    files = {f"/replay/{name}": viewer_files() / name for name in FILES} | {"/archive.wacz": archive}

    class Handler(_ViewerHandler):
        served_files = files

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/?"
        finally:
            server.shutdown()


def viewer_address(server: str, url: str) -> str:
    """Where the viewer shows a page of the archive."""
    return server + urlencode({"url": url})


class _ViewerHandler(http.server.BaseHTTPRequestHandler):
    """The viewer's pages, and files with ranges of bytes, as it reads an archive."""

    protocol_version = "HTTP/1.1"
    served_files: dict[str, Path]

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def _answer(self, with_body: bool) -> None:
        path = urlsplit(self.path).path
        if path not in self.served_files and path not in _PAGES:
            self.send_error(404)
            return
        data = _PAGES.get(path) or self.served_files[path].read_bytes()
        start, end = _span(self.headers.get("Range", ""), len(data))
        self.send_response(206 if "Range" in self.headers else 200)
        self.send_header("Content-Type", "text/javascript" if path.endswith(".js") else "text/html")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(end - start))
        if "Range" in self.headers:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(data)}")
        self.end_headers()
        if with_body:
            self.wfile.write(data[start:end])

    def log_message(self, *arguments: object) -> None:
        pass


def _span(header: str, length: int) -> tuple[int, int]:
    """First byte and the one behind the last that a Range header asks for; all where there is none."""
    match = _RANGE.fullmatch(header)
    if match is None:
        return 0, length
    if not match[1]:
        return max(0, length - int(match[2])), length
    return int(match[1]), min(length, int(match[2]) + 1 if match[2] else length)
