"""The page of layouts: what pages that are made alike are together, and the alarms of those that came or went."""

from __future__ import annotations

from pathlib import Path

import pytest

from broadsheet.cleaners.compare.page_layouts import pack_signature
from broadsheet.cleaners.document import PageType
from broadsheet.output.read.run_yields import survey
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.archive_writer import Archive
from tests.output.browse.conftest import SITE, RoomClient, visible_text
from tests.output.conftest import Maker

STORY, REDESIGNED, LIST = (pack_signature(list(range(first, first + 30))) for first in (0, 100, 200))


@pytest.fixture
def redesigned(file: Path, make: Maker) -> None:
    """A site of two runs, whose articles are made otherwise in the second one."""
    with Archive.open(file, make.clock) as archive:
        for signature in (STORY, REDESIGNED):
            run = archive.runs.start("crawl", {}, {})
            stories = [
                make.outcome(f"{SITE}/story-{number}", f"The harbour of {number}.", layout_signature=signature)
                for number in range(12)
            ]
            lists = [
                make.outcome(f"{SITE}/tag/{number}", page_type=PageType.LIST, layout_signature=LIST)
                for number in range(3)
            ]
            archive.save([*stories, *lists])
            settle(archive.db)
            survey(archive.db, run, make.clock())
            archive.runs.finish(run, "finished", "", {})


def test_a_layout_that_came_is_on_the_home_page_and_leads_to_the_layouts(redesigned: None, client: RoomClient) -> None:
    [look] = [look for look in client.json("a/index.json")["looks"] if look["kind"] == "layout"]
    assert look["path"] == "layouts"
    assert "12 of 12 pages known as articles have left their layout" in look["text"]
    page = visible_text(client.get("a/layouts").text)
    assert "12 of 12 pages known as articles have left their layout" in page
    assert "3 of 3 pages of this layout are lists" in page


def test_layouts_of_a_page_or_two_are_counted_only(redesigned: None, file: Path, client: RoomClient) -> None:
    with Archive.open(file) as archive:
        archive.db.execute("UPDATE _layouts SET pages = 2 WHERE kind = 'list'")
        archive.db.conn.commit()
    view = client.json("a/layouts.json")
    assert (view["count"], [line["kind"] for line in view["layouts"]]) == (2, ["article"])
    assert "1 more: smaller ones." in visible_text(client.page("a/layouts"))


def test_an_archive_without_layouts_says_so(client: RoomClient) -> None:
    assert "None is known" in client.get("a/layouts").text
