"""An archive with a reading room over it, and a client that speaks to it as a browser does."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from httpx import Response
from starlette.testclient import TestClient

from broadsheet.output.archive.stored_values import content_id
from broadsheet.output.browse.application import make_app
from broadsheet.output.browse.library import Library
from broadsheet.output.browse.room import Room, RoomWording
from broadsheet.output.browse.strict_requests import loopback_authorities
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import Outcome
from tests.output.conftest import Maker
from tests.output.harbour import sent

PORT = 8383
ORIGIN = f"http://127.0.0.1:{PORT}"
SITE = "https://a.example"
SHARED = "Share this story"


class RoomClient:
    """The reading room over one archive, as a browser sees it; forms carry origin and token."""

    def __init__(self, path: Path, *, may_write: bool = True) -> None:
        wording = RoomWording(lambda reason: reason.replace("_", " "), lambda edit: edit.kind)
        self.room = Room(Library.at(path), wording, may_write=may_write)
        self.change()

    def change(self, **parts: object) -> RoomClient:
        """The same with other parts of the room."""
        self.room = replace(self.room, **parts)  # type: ignore[arg-type]
        app = make_app(self.room, loopback_authorities(PORT))
        self.http = TestClient(app, base_url=ORIGIN, follow_redirects=False, raise_server_exceptions=True)
        return self

    def get(self, path: str, **headers: str) -> Response:
        return self.http.get(f"/{path.lstrip('/')}", headers=headers)

    def page(self, path: str) -> str:
        """The text of a page that is there."""
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    def json(self, path: str) -> dict[str, object]:
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        values: dict[str, object] = answer.json()
        return values

    def post(self, path: str, headers: dict[str, str] | None = None, **fields: object) -> Response:
        data = {"token": self.room.token, **{name: str(value) for name, value in fields.items()}}
        return self.http.post(f"/{path}", data=data, headers={"origin": ORIGIN} if headers is None else headers)


def save_sent(file: Path, make: Maker, *outcomes: Outcome, **contents: str) -> None:
    """Store these pages with the bytes of their responses."""
    with Archive.open(file, make.clock) as archive:
        archive.keep_raw({"software": "tests"})
        for outcome in outcomes:
            archive.save([sent(outcome, **contents)])


def article_id(url: str) -> int:
    return content_id(url)


def linked(html: str, words: str) -> str:
    """The address of the link with these words."""
    [address] = re.findall(rf'<a[^>]*href="([^"]*)"[^>]*>{words}', html)
    return str(address).replace("&amp;", "&")


def visible_text(html: str) -> str:
    """The text of a page without its tags, its spaces folded."""
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


@pytest.fixture
def filled(file, make):
    """Three articles: two of them share a block that is removed."""
    with Archive.open(file, make.clock) as archive:
        archive.save([
            make.outcome(f"{SITE}/1", "The harbour was closed.", removed=(SHARED, "Only here"), title="One"),
            make.outcome(f"{SITE}/2", "Water ran short.", removed=(SHARED,), title="Two"),
            make.outcome(f"{SITE}/3", "The harbour opened again.", title="Three"),
            make.failure(f"{SITE}/4"),
        ])  # fmt: skip
    return file


@pytest.fixture
def client(filled):
    return RoomClient(filled)


@pytest.fixture
def block_of(filled):
    """The number of a block by its text."""
    from broadsheet.output.archive.ledger import block_id

    return block_id
