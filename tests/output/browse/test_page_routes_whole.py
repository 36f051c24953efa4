"""Each page of the room as it is shown, with its JSON twin, over a small archive in which each kind of row stands."""

from pathlib import Path
from unittest import mock

import pytest

from tests.output.browse.conftest import RoomClient
from tests.output.harbour import fill_harbour
from tests.output.told import as_json, expected, page_text, sections, told

FILE = Path(__file__).with_name("whole_pages.txt")


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    file = tmp_path_factory.mktemp("room") / "ebb.db"
    fill_harbour(file)
    with mock.patch("broadsheet.output.read.archive_facts.utc_now", return_value="2026-01-20T12:00:00+00:00"):
        yield RoomClient(file)


@pytest.mark.parametrize("path", sections(FILE))
def test_a_page_and_its_twin_say_all_of_this(client, path):
    address, _, arguments = path.partition("?")
    twin = f"{address}index" if address.endswith("/") else address
    folder = next(iter(client.room.library.archives.values())).path.parent
    lines = [page_text(client.page(path))]
    is_told = "sort=" in arguments or (arguments == "view=blocks" and address in sections(FILE))
    if not is_told:  # the twin is the same for each view, and says no more of a list in another order
        lines.append(as_json(client.json(f"{twin}.json?{arguments}")))
    text = told(lines, TOKEN=client.room.token, FOLDER=folder)
    assert text == expected(FILE, path, text)
