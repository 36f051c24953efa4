"""An archive with blocks to rule on."""

from __future__ import annotations

from pathlib import Path

import pytest

from broadsheet.output.write.archive_writer import Archive
from tests.crawler.shell import rows
from tests.output.conftest import Maker

RIVER, TOWER = "https://a.example/river", "https://b.example/tower"
CAPTION = "The dredger has worked the inner channel since 2018."
PROMO = "Read our other 12 stories \x1b[2J about the \u202eharbour <<network>>, it's free (really)"
SAME_BUT_NUMBER = "Read our other 7 stories \x1b[2J about the \u202eharbour <<network>>, it's free (really)"
SIMILAR_WORDS = "He read our other stories about the harbour to the children of the village school."


@pytest.fixture
def archive_path(tmp_path: Path) -> Path:
    """Two articles on two hosts: both keep a promotion, and one lost a caption."""
    file, make = tmp_path / "made.db", Maker()
    with Archive.open(file, make.clock) as archive:
        bodies = [" ".join(f"{name}{n}" for n in range(30)) for name in ("river", "tower")]
        archive.save(
            [
                make.outcome(
                    RIVER,
                    bodies[0],
                    PROMO,
                    SIMILAR_WORDS,
                    removed=(CAPTION, SAME_BUT_NUMBER),
                    title="Evil \x1b[2J title",
                )
            ]
        )
        archive.save([make.outcome(TOWER, bodies[1], PROMO, removed=("***",))])
    return file


def urls_containing(db: Path, text: str) -> set[str]:
    return {url for url, article in rows(db, "SELECT url, text FROM articles") if text in article}
