"""A real S3 server on loopback, in a process of its own; it honours conditional puts, which a test checks.

moto looks at the condition and stores in two steps, between which another of its threads may store too. Here it answers
one request at a time, so that a condition holds as S3 promises.
"""

from __future__ import annotations

import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from tests.tools import programs

BUCKET = "archives"
SECRET = "not-for-any-archive-0f3b"
_START_SECONDS = 120  # the first answer loads most of it, on a busy machine for long
_PROGRAM = """
import sys, threading
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple
application, lock = DomainDispatcherApplication(create_backend_app), threading.Lock()
def answer_alone(environ, start_response):
    with lock:
        return list(application(environ, start_response))
run_simple("127.0.0.1", int(sys.argv[1]), answer_alone, threaded=True)
"""


@dataclass(frozen=True)
class S3Server:
    port: int

    @property
    def environment(self) -> Mapping[str, str]:
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": "tester",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
        }


@contextmanager
def running_s3_server(port: int) -> Iterator[S3Server]:
    """A server with an empty bucket, killed at the end; what it holds is in its memory."""
    command = [str(programs("s3") / "python"), "-c", _PROGRAM, str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(f"http://127.0.0.1:{port}/moto-api/")
        urllib.request.urlopen(
            urllib.request.Request(f"http://127.0.0.1:{port}/{BUCKET}", method="PUT"), timeout=_START_SECONDS
        )
        yield S3Server(port)
    finally:
        process.kill()
        process.wait()


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        with suppress(urllib.error.URLError, ConnectionError):
            urllib.request.urlopen(url, timeout=_START_SECONDS)
            return
        time.sleep(0.1)
    raise TimeoutError(url)
