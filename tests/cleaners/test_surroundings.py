"""What a block's surroundings say about it."""

from __future__ import annotations

from cleaners.record import Block, Kind, Metadata
from cleaners.surroundings import (
    body_span,
    explain,
    is_prose,
    main_container,
    metadata_blocks,
    repeats,
    rescued,
    word_count,
)

PROSE = "The council met on Monday evening and spoke for three hours about the old mill by the river."


def block(position: int, text: str = PROSE, **fields: object) -> Block:
    return Block(position, fields.pop("kind", Kind.PARAGRAPH), text, **({"path": "body>div>p"} | fields))  # type: ignore[arg-type]


def linked(position: int, text: str, **fields: object) -> Block:
    return block(position, text, link_chars=len(text), **fields)


def test_prose_is_long_and_mostly_not_links() -> None:
    assert is_prose(block(0))
    assert not is_prose(block(0, "Read more here"))
    assert not is_prose(linked(0, PROSE))


def test_scripts_without_spaces_have_words_too() -> None:
    assert word_count(block(0, "市議会は月曜日の夜に川沿いの古い製粉所について三時間話し合った")) >= 15
    assert word_count(block(0, "one two three")) == 3


def test_the_body_runs_from_the_first_to_the_last_selected_prose() -> None:
    blocks = [block(0, "x"), block(1), block(2, "short"), block(3), block(4, "y")]
    assert body_span(blocks, frozenset((0, 1, 3, 4))) == range(1, 4)
    assert body_span(blocks, frozenset((0, 4))) == range(5)
    assert body_span(blocks, frozenset()) == range(0)


def test_the_main_container_holds_most_of_the_prose() -> None:
    blocks = [block(0, path="body>nav>p", landmarks=frozenset(("nav",)))]
    blocks += [block(n, path="body>div.story>p") for n in (1, 2, 3)] + [block(4, path="body>div.side>p")]
    assert main_container(blocks) >= {1, 2, 3}
    assert main_container(blocks) & {0, 4} == set()
    assert main_container([]) == frozenset()


def test_the_title_the_authors_and_the_tags_are_recognised() -> None:
    metadata = Metadata(title="The mill burned down", authors=("Ada Writer",), tags=("Mills",))
    blocks = [
        block(0, "The Mill Burned Down", kind=Kind.HEADING, level=1), block(1, "Ada Writer"), block(2), block(3),
        linked(4, "Mills"), block(5, "Mills"),
    ]  # fmt: skip
    found = metadata_blocks(blocks, metadata, range(2, 4))
    assert {position: found[position] for position in (0, 1, 4)} == {0: "title", 1: "byline", 4: "tags"}
    assert not {2, 3, 5} & found.keys()


def test_a_long_text_repeats_and_a_refrain_does_not() -> None:
    blocks = [block(0), block(1, "Row, row."), block(2), block(3, "Row, row.")]
    assert repeats(blocks, range(4)) == {2}
    assert repeats(blocks, [0]) == set()


def test_siblings_within_the_body_are_brought_back_and_links_are_not() -> None:
    blocks = [block(n, f"{n} {PROSE}") for n in range(9)]
    blocks[4] = block(4, "A short remark between them.")
    blocks[5] = linked(5, "Read also: the other mill")
    chosen = frozenset((0, 1, 2, 3, 6, 7, 8))
    assert 4 in rescued(blocks, chosen, Metadata(), range(9))
    assert 5 not in rescued(blocks, chosen, Metadata(), range(9))


def test_a_standfirst_is_known_by_the_description() -> None:
    lead = "What the council hid about the mill for all of eleven years"
    blocks = [
        block(0, "Title of it", kind=Kind.HEADING, level=1, path="body>h1"),
        block(1, lead, path="body>h2.x"),
        block(2),
    ]
    assert rescued(blocks, frozenset((2,)), Metadata(description=lead + "."), range(2, 3)) == {1: "context/standfirst"}
    assert rescued(blocks, frozenset((2,)), Metadata(), range(2, 3)) == {}


def test_what_no_rule_explains_is_explained_by_what_it_is() -> None:
    body = range(1)
    assert explain(linked(1, "Contact"), body)[1] == "navigation"
    assert explain(linked(1, "The other mill burned down as well"), body)[1] == "related"
    assert explain(block(1, "The mill in 1990", kind=Kind.CAPTION), body)[1] == "caption"
    assert explain(block(1, "12:30"), body)[1] == "date"
