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
            (folder / name).write_bytes(tar.extractfile(f"package/{name}").read())


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
        path = urlsplit(self.path).path
        if path not in self.served_files and path not in _PAGES:
            self.send_error(404)
            return
        data = _PAGES.get(path) or self.served_files[path].read_bytes()
        start, end = 0, len(data)
        if match := _RANGE.fullmatch(self.headers.get("Range", "")):
            start = int(match[1]) if match[1] else max(0, end - int(match[2]))
            end = min(end, int(match[2]) + 1) if match[1] and match[2] else end
        self.send_response(206 if match else 200)
        self.send_header("Content-Type", "text/javascript" if path.endswith(".js") else "text/html")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(end - start))
        if match:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(data)}")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data[start:end])

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *arguments: object) -> None:
        pass
