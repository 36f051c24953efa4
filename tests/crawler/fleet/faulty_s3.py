"""A proxy in front of an S3 server that knows what each request means to a store, counts it, and does harm to order.

It can kill the worker that asks, before the request is carried out or after, answer puts with 403, have no room for
them, refuse a clock that is wrong as S3 does, break an upload off in its middle, and be away. A worker is known by its
access key.
"""

from __future__ import annotations

import http.client
import json
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.crawler.fleet.s3_server import BUCKET, S3Server

SIDES = ("before", "after")
ACTS = (
    "publish state", "put piece", "put manifest", "put run", "get piece", "get manifest", "get head", "get run", "list",
    "delete",
)  # fmt: skip
"""Of the store's protocol, those that every run has; others are `get marker`, `look at piece` and the like."""
_SKEW_SECONDS = 900.0  # S3's
_FULL = "XMinioStorageFull"
_KINDS = {".json": "manifest", "/states/": "piece"}
_RECORDS = {"/head.json": "head", "/run.json": "run"}
_SITE = re.compile(r"sites/([^/]+)/")
_CREDENTIAL = re.compile(r"Credential=([^/]+)/")
_KEYS = re.compile(rb"<Key>([^<]*)</Key>")
_NOT_PASSED_ON = {"connection", "transfer-encoding", "content-length", "keep-alive", "server", "date"}
_ERROR = '<?xml version="1.0" encoding="UTF-8"?><Error><Code>{0}</Code><Message>{0}</Message></Error>'


@dataclass(frozen=True, slots=True)
class Act:
    """A request as a store means it: who asked, what is done, and with which key; of a deletion the first one."""

    worker: str
    name: str
    key: str
    is_change: bool


@dataclass(frozen=True, slots=True)
class StatedState:
    """A manifest that became a site's: the moment on the monotonic clock at which the server had it."""

    at: float
    site: str
    manifest: str


@dataclass
class KillAims:
    """Acts before and after which a worker is still to be killed, drawn by a seed; `seconds` lie between two kills.

    An act that could be one is passed over unless `chance` has it.
    """

    draw: random.Random
    seconds: tuple[float, float]
    names: Sequence[str] = ACTS
    chance: float = 0.5
    left: set[tuple[str, str]] = field(init=False)
    met: Counter[tuple[str, str]] = field(default_factory=Counter, init=False)
    _next_at: float = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def __post_init__(self) -> None:
        self.left = {(name, side) for name in self.names for side in SIDES}
        self._next_at = time.monotonic() + self.draw.uniform(*self.seconds)

    def is_met_by(self, act: Act, side: str) -> bool:
        """Tell whether the worker is to die of an act now."""
        with self._lock:
            is_time = (act.name, side) in self.left and time.monotonic() >= self._next_at
            is_meant = is_time and self.draw.random() < self.chance
            if is_meant:
                self.left.discard((act.name, side))
                self.met[act.name, side] += 1
                self._next_at = time.monotonic() + self.draw.uniform(*self.seconds)
            return is_meant


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the server."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes


class FaultyS3:
    """The proxy. What the server is told of states stays known here, also after it was removed there."""

    def __init__(self, server: S3Server, kill: Callable[[str], object], aims: KillAims | None = None) -> None:
        self._server = server
        self._kill = kill
        self._aims = aims
        self._lock = threading.Lock()
        self._http = _Http(("127.0.0.1", 0), self)
        self.port = self._http.server_port
        self.is_away = False
        self.is_read_only = False
        self.is_full = False
        self.is_strict_about_clocks = False
        self.upload_cut: Callable[[], object] | None = None
        """Called when the next upload of a piece was broken off in its middle."""
        self.requests: Counter[str] = Counter()
        self.bytes_up: Counter[str] = Counter()
        self.bytes_down: Counter[str] = Counter()
        """Of bodies, by the name of an act; of pieces by their key."""
        self.refusals: Counter[str] = Counter()
        self.records: dict[str, dict[str, Any]] = {}
        self.stated: list[StatedState] = []
        self.objects: dict[str, bytes] = {}
        """Pieces and manifests, by key."""

    def environment(self, worker: str) -> dict[str, str]:
        """Variables by which a worker finds the proxy, and is known to it."""
        mine = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}", "AWS_ACCESS_KEY_ID": worker}
        return {**self._server.environment, **mine}

    @contextmanager
    def running(self) -> Iterator[FaultyS3]:
        self._listen()
        try:
            yield self
        finally:
            self.go_away()

    def go_away(self) -> None:
        """Refuse connections, and answer nothing any more on those that are open."""
        if not self.is_away:
            self.is_away = True
            self._http.shutdown()
            self._http.server_close()

    def come_back(self) -> None:
        self._http = _Http(("127.0.0.1", self.port), self)
        self.is_away = False
        self._listen()

    def _listen(self) -> None:
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    def take_upload_cut(self) -> Callable[[], object] | None:
        """Return what is to be called once an upload is broken off; only one is."""
        with self._lock:
            report, self.upload_cut = self.upload_cut, None
            return report

    def answer(self, request: Request) -> Answer | None:
        """Carry a request out; None if who asked gets no answer."""
        act = self._act_of(request)
        if self.is_away:
            return None
        if code := self._refusal(request, act):
            self.refusals[f"{code}: {act.name}"] += 1
            status = 507 if code == _FULL else 403
            return Answer(status, [("Content-Type", "application/xml")], _ERROR.format(code).encode())
        if self._aims and self._aims.is_met_by(act, "before"):
            self._kill(act.worker)
            return None
        answer = self._passed_on(request)
        self._note(act, request, answer)
        if self._aims and self._aims.is_met_by(act, "after"):
            self._kill(act.worker)
            return None
        return answer

    def _refusal(self, request: Request, act: Act) -> str:
        signed_at = datetime.strptime(request.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if self.is_strict_about_clocks and abs((datetime.now(UTC) - signed_at).total_seconds()) > _SKEW_SECONDS:
            return "RequestTimeTooSkewed"
        if self.is_full and act.is_change and act.name != "delete":
            return _FULL
        return "AccessDenied" if self.is_read_only and act.is_change else ""

    def _act_of(self, request: Request) -> Act:
        match = _CREDENTIAL.search(request.headers.get("authorization", ""))
        worker = match[1] if match else ""
        path, query = urlsplit(request.target).path, urlsplit(request.target).query
        if query.startswith("list-type"):
            return Act(worker, "list", "", is_change=False)
        if query == "delete":
            return Act(worker, "delete", (_KEYS.findall(request.body) or [b""])[0].decode(), is_change=True)
        key = unquote(path).removeprefix(f"/{BUCKET}/")
        kinds = _KINDS if "/states/" in key else _RECORDS
        kind = next((kind for part, kind in kinds.items() if part in key), "other object")
        if request.method in ("GET", "HEAD"):
            return Act(worker, f"{'get' if request.method == 'GET' else 'look at'} {kind}", key, is_change=False)
        name = self._publication(key, request.body) if kind == "head" else f"put {kind}"
        return Act(worker, f"{name} in parts" if "upload" in query else name, key, is_change=True)

    def _publication(self, key: str, body: bytes) -> str:
        """Say what a new version of a head is for, by the one before."""
        head, earlier = json.loads(body), self.records.get(_site_of(key), {})
        return "publish state" if head["manifest"] != earlier.get("manifest", "") else "publish turn"

    def _passed_on(self, request: Request) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self._server.port)
        try:
            headers = {name: value for name, value in request.headers.items() if name != "connection"}
            connection.request(request.method, request.target, request.body, headers)
            response = connection.getresponse()
            return Answer(response.status, response.getheaders(), response.read())
        finally:
            connection.close()

    def _note(self, act: Act, request: Request, answer: Answer) -> None:
        is_done, name = answer.status < 300, act.key if "piece" in act.name else act.name
        with self._lock:
            self.requests[act.name] += 1
            self.bytes_up[name] += len(request.body)
            self.bytes_down[name] += len(answer.body)
            if is_done and act.name in ("put piece", "put manifest"):
                self.objects[act.key] = request.body
            elif is_done and act.name.startswith("publish"):
                self._note_record(act, json.loads(request.body))

    def _note_record(self, act: Act, record: dict[str, Any]) -> None:
        site = _site_of(act.key)
        self.records[site] = record
        if act.name == "publish state":
            self.stated.append(StatedState(time.monotonic(), site, record["manifest"]))


def _site_of(key: str) -> str:
    match = _SITE.search(key)
    return match[1] if match else ""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came; the names of headers are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], faulty: FaultyS3) -> None:
        self.faulty = faulty
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a worker that was killed hears no answer."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Http

    def answer(self) -> None:
        faulty, length = self.server.faulty, int(self.headers.get("Content-Length") or 0)
        if self.command == "PUT" and "/states/" in self.path and (report := faulty.take_upload_cut()):
            self.rfile.read(length // 2)
            self.close_connection = True
            report()
            return
        body = self.rfile.read(length)
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = faulty.answer(Request(self.command, self.path, headers, body))
        self.close_connection = self.close_connection or answer is None
        if answer is None:
            return
        self.send_response(answer.status)
        for name, value in answer.headers:
            if name.lower() not in _NOT_PASSED_ON:
                self.send_header(name, value)
        length_text = dict(answer.headers).get("Content-Length") if self.command == "HEAD" else None
        self.send_header("Content-Length", length_text or str(len(answer.body)))
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(answer.body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


for _method in ("GET", "HEAD", "PUT", "POST", "DELETE"):
    setattr(_Handler, f"do_{_method}", _Handler.answer)


class KeptObjects:
    """What was put by way of a proxy, as a store from which states are fetched that may be gone by now."""

    address = "what was put"

    def __init__(self, objects: Mapping[str, bytes], prefix: str) -> None:
        self._objects = objects
        self._prefix = prefix

    def chunks(self, key: str, start: int = 0) -> Iterable[bytes]:
        return iter([self._objects[f"{self._prefix}/{key}"][start:]])
