"""What reads like running text."""

from __future__ import annotations

from broadsheet.cleaners.document import BlockKind
from broadsheet.cleaners.page.running_text import (
    body_span,
    brief_positions,
    is_prose,
    main_container_positions,
    most_worded,
    prose_of,
    prose_words,
)
from tests.cleaners.building import PROSE, block, holds_up_to, linked, words


def test_prose_is_long_and_mostly_not_links():
    assert is_prose(block(0))
    assert not is_prose(block(0, "Read more here"))
    assert not is_prose(linked(0, PROSE))
    blocks = [block(0), block(1, "Read more here"), linked(2, PROSE), block(3)]
    assert prose_of(blocks) == list(filter(is_prose, blocks)) == [blocks[0], blocks[3]]


def test_the_body_runs_from_the_first_to_the_last_selected_prose():
    blocks = [block(0, "x"), block(1), block(2, "short"), block(3), block(4, "y")]
    assert body_span(blocks, frozenset((0, 1, 3, 4))) == range(1, 4)
    assert body_span(blocks, frozenset((0, 4))) == range(5)
    assert body_span(blocks, frozenset()) == range(0)


def test_the_main_container_holds_most_of_the_prose():
    blocks = [block(0, path="body>nav>p", landmarks=frozenset(("nav",)))]
    blocks += [block(n, path="body>div.story>p") for n in (1, 2, 3)] + [block(4, path="body>div.side>p")]
    assert main_container_positions(blocks) >= {1, 2, 3}
    assert main_container_positions(blocks) & {0, 4} == set()
    assert main_container_positions([]) == frozenset()


def test_a_container_whose_name_only_begins_alike_is_another():
    blocks = [block(n, path="body>div.story>p") for n in (0, 1)] + [block(2, path="body>div.story-aside>p")]
    assert main_container_positions(blocks) == {0, 1}


def test_a_brief_is_what_follows_the_title_in_its_container():
    blocks = [
        block(0, "The bridge is shut", kind=BlockKind.HEADING, level=1, path="body>main>article>header>h1"),
        block(1, "It opens on Thursday at noon again.", path="body>main>article>div>p"),
        block(2, "Elsewhere in this town and county", path="body>footer>p"),
    ]
    assert brief_positions(blocks, blocks[0]) == {1}


def test_the_path_of_most_words_counts_all_its_blocks_and_of_equals_the_last_is_taken():
    blocks = [block(0, "a b c", path="long"), block(1, "a b", path="short"), block(2, "a b", path="short")]
    assert most_worded(blocks, lambda each: each.path) == "short"
    assert most_worded([block(0, "a b", path="y"), block(1, "a b", path="x")], lambda each: each.path) == "y"
    assert most_worded([], lambda each: each.path) == ""


def test_words_of_prose_are_counted_outside_of_landmarks():
    blocks = [block(0), block(1, landmarks=frozenset(["nav"])), block(2, "short")]
    assert (prose_words(blocks), prose_words(blocks, frozenset())) == (18, 36)


def _is_brief(count: int, steps: str = "") -> bool:
    title = block(0, "The mill", kind=BlockKind.HEADING, path=f"body>main{steps}>h1")
    return brief_positions([title, block(1, words(count), path="body>main>p")], title) == {1}


def test_thresholds():
    assert holds_up_to(14, lambda n: not is_prose(block(0, words(n)))), "words of no prose"
    assert holds_up_to(49, lambda n: is_prose(block(0, ("mills " * 17)[:100], link_chars=n))), "links of prose"
    assert holds_up_to(5, lambda n: not _is_brief(n)), "words of no brief"
    assert holds_up_to(2, lambda n: _is_brief(9, ">a" * n)), "steps from a brief up to its title"
    assert holds_up_to(4, lambda n: not main_container_positions([block(0, words(n))])), (
        "words outside of the main container"
    )
