"""A desk over a folder, its list of sites read as the command reads it, and a client that speaks to it as a browser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from httpx import Response
from starlette.testclient import TestClient

from broadsheet.crawler.commands.crawl import crawl
from broadsheet.crawler.commands.update import update
from broadsheet.crawler.desk import desk_pages
from broadsheet.crawler.desk.desk_folder import DeskFolder, open_folder
from broadsheet.crawler.desk.jobs import Job
from broadsheet.crawler.fleet.sites_file import read_sites
from broadsheet.output.browse.application import make_app
from broadsheet.output.browse.library import Library
from broadsheet.output.browse.room import Room, RoomWording
from broadsheet.output.browse.strict_requests import loopback_authorities

PORT = 8383
ORIGIN = f"http://127.0.0.1:{PORT}"


def desk_folder(root: Path, *, allow_private: bool = False) -> DeskFolder:
    open_folder(root)
    return DeskFolder(root, lambda file: read_sites(file, crawl, update), allow_private)


class DeskClient:
    """A desk whose jobs wait, as a browser sees it; forms carry origin and token."""

    def __init__(self, stack: ExitStack, root: Path, token: str = "", **options: bool) -> None:
        self.folder = desk_folder(root, **options)
        wording = RoomWording(str, lambda edit: edit.kind)
        self.desk = stack.enter_context(desk_pages.opened_desk(Room(Library({}), wording), self.folder, {}, "0 * cron"))
        self.desk.jobs.parallel = 0
        app = make_app(self.desk.room, loopback_authorities(PORT), self.desk.routes(), self.desk.gates(token))
        self.http = TestClient(app, base_url=ORIGIN, follow_redirects=False)

    def page(self, path: str) -> str:
        answer = self.http.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    def post(self, path: str, headers: dict[str, str] | None = None, **fields: object) -> Response:
        data = {"token": self.desk.room.token, **{name: str(value) for name, value in fields.items()}}
        return self.http.post(path, data=data, headers={"origin": ORIGIN} if headers is None else headers)

    def order(self, path: str, **fields: object) -> Job:
        """The job that a form orders."""
        answer = self.post(path, **fields)
        assert answer.status_code == 303, said(answer)
        job = self.desk.jobs.job(answer.headers["location"].rpartition("/")[2])
        assert job is not None
        return job

    def refused(self, path: str, **fields: object) -> str:
        """What a page says that refuses a form; nothing was ordered."""
        before = len(self.desk.jobs.jobs())
        answer = self.post(path, **fields)
        assert answer.status_code in (400, 403, 404), answer.status_code
        assert len(self.desk.jobs.jobs()) == before
        return said(answer)


def said(answer: Response) -> str:
    """The sentence of a page that only says something."""
    found = re.search(r'class="sentence">(.*?)\.?</p>', answer.text, re.DOTALL)
    return found[1] if found else answer.text.strip()


@pytest.fixture
def open_desk(tmp_path: Path) -> Iterator[Callable[..., DeskClient]]:
    """Open desks: `open_desk(folder)`, by default over the test's own."""
    with ExitStack() as stack:
        yield lambda root=tmp_path, **options: DeskClient(stack, root, **options)
