"""Blocks that repeat the page's metadata."""

from __future__ import annotations

from broadsheet.cleaners.document import BlockKind, Metadata
from broadsheet.cleaners.metadata.title_line import find_title_line
from broadsheet.cleaners.verdicts.metadata_echo import blocks_above_title, metadata_blocks
from tests.cleaners.building import block, linked


def test_the_title_the_authors_and_the_tags_are_recognised() -> None:
    metadata = Metadata(title="The mill burned down", authors=("Ada Writer",), tags=("Mills",))
    blocks = [
        block(0, "The Mill Burned Down", kind=BlockKind.HEADING, level=1), block(1, "Ada Writer"), block(2), block(3),
        linked(4, "Mills"), block(5, "Mills"),
    ]  # fmt: skip
    reasons = metadata_blocks(blocks, metadata, range(2, 4))
    assert {position: reasons[position] for position in (0, 1, 4)} == {0: "title", 1: "byline", 4: "tags"}
    assert not {2, 3, 5} & reasons.keys()


def test_what_stands_above_the_title_is_set_aside_where_the_prose_is_below() -> None:
    blocks = [block(0, "A motto of the site"), block(1, "The mill burned down", kind=BlockKind.HEADING, level=1)]
    blocks += [block(n) for n in range(2, 6)]
    metadata = Metadata(title="The mill burned down")
    line = find_title_line(blocks, metadata)
    assert line == 1
    assert blocks_above_title(blocks, frozenset((0, 2, 3, 4, 5)), line) == {0}
    assert find_title_line(blocks, Metadata()) is None
    assert blocks_above_title(blocks, frozenset((2, 3)), None) == frozenset()


def test_the_title_may_lack_the_name_of_the_site_and_end_a_trail() -> None:
    metadata = Metadata(title="The mill burned down - The Post")
    blocks = [block(0, "Home > The mill burned down"), block(1, "THE MILL BURNED DOWN"), block(2)]
    assert metadata_blocks(blocks, metadata, range(2, 3)) == {0: "breadcrumb", 1: "title"}
