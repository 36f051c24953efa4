"""What the extractor left and the article needs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from broadsheet.cleaners.document import Block, BlockKind, Metadata
from broadsheet.cleaners.judge.rescue import ADDRESS, answered_questions, link_list, rescued_blocks
from tests.cleaners.building import PROSE, block, holds_up_to, linked, words


def test_siblings_within_the_body_are_brought_back_and_links_are_not():
    blocks = [block(n, f"{n} {PROSE}") for n in range(9)]
    blocks[4] = block(4, "A short remark between them.")
    blocks[5] = linked(5, "Read also: the other mill")
    chosen = frozenset((0, 1, 2, 3, 6, 7, 8))
    assert 4 in rescued_blocks(blocks, chosen, Metadata(), range(9))
    assert 5 not in rescued_blocks(blocks, chosen, Metadata(), range(9))


def test_what_stands_between_two_paragraphs_of_a_container_is_brought_back_within_the_body_alone():
    text, box = "body>div.text>p", "body>div.box>p"
    subhead = block(1, "The second mill", kind=BlockKind.HEADING, level=2, path="body>div.text>h2")
    blocks = [block(0, path=text), subhead, block(2, path=text), block(3, path=box)]
    selected = frozenset((0, 2))
    assert rescued_blocks(blocks, selected, Metadata(), range(3)) == {1: "context/container"}
    assert rescued_blocks(blocks, selected, Metadata(), range(2, 3)) == {}, "the first one is no part of the body"
    elsewhere = [block(0, path=box), subhead, *blocks[2:]]
    assert 1 not in rescued_blocks(elsewhere, selected, Metadata(), range(3)), "they are in two containers"


def test_a_standfirst_is_known_by_the_description():
    lead = "What the council hid about the mill for all of eleven years"
    blocks = [
        block(0, "Title of it", kind=BlockKind.HEADING, level=1, path="body>h1"),
        block(1, lead, path="body>h2.x"),
        block(2),
    ]
    assert rescued_blocks(blocks, frozenset((2,)), Metadata(description=lead + "."), range(2, 3)) == {
        1: "context/standfirst"
    }
    assert rescued_blocks(blocks, frozenset((2,)), Metadata(), range(2, 3)) == {}


def test_an_address_alone_on_a_line_next_to_the_text_is_brought_back():
    blocks = [
        linked(0, "https://mill.example", path="body>div.top>p"),
        block(1, path="body>div.text>p"),
        linked(2, "https://tide.example/film", path="body>div.text>div.embed>p"),
        linked(3, "www.tide.example/more", path="body>div.text>p"),
        linked(4, "See https://tide.example", path="body>div.text>p"),
        linked(5, "https://tide.example/last", path="body>div.text>p"),
        block(6, path="body>div.text>p"),
        linked(7, "https://source.example", path="body>div.text>ul>li", kind=BlockKind.LIST_ITEM),
    ]
    rules = rescued_blocks(blocks, frozenset((1,)), Metadata(), range(1, 2))
    assert {n for n, rule in rules.items() if rule == ADDRESS} == {2, 3}
    rules = rescued_blocks(blocks, frozenset((1, 6)), Metadata(), range(1, 7))
    assert {n for n, rule in rules.items() if rule == ADDRESS} == {2, 3, 5}


@pytest.mark.parametrize(
    ("selected", "all_of_path", "is_back"), [(3, 4, True), (2, 3, False), (7, 10, True), (6, 9, False)]
)
def test_siblings_are_brought_back_where_three_and_seven_in_ten_are_selected(selected, all_of_path, is_back):
    blocks = [block(n, f"A short remark {n}.", path="body>div.text>p.remark") for n in range(all_of_path)]
    rules = rescued_blocks(blocks, frozenset(range(selected)), Metadata(), range(all_of_path))
    assert sorted(n for n, rule in rules.items() if rule == "context/siblings") == (
        list(range(selected, all_of_path)) if is_back else []
    )


QUESTION = "body>main>div.accordion>div.item>h3>button"
ANSWER = "body>main>div.accordion>div.item>div.panel>div>p"


@pytest.mark.parametrize(
    ("text", "path", "answer_path", "is_kept"),
    [
        ("How old is the mill?", QUESTION, ANSWER, True),
        ("Wie alt ist die Mühle？", QUESTION, ANSWER, True),
        ("How old is the mill?", QUESTION.replace("button", "button.head>span"), ANSWER, True),
        ("How old is the mill?", "body>main>details.faq>summary", "body>main>details.faq>p", True),
        ("How old?", QUESTION, ANSWER, False),
        ("How old the mill is", QUESTION, ANSWER, False),
        ("Would you like to buy the mill?", QUESTION.replace("accordion", "offers"), ANSWER, False),
        ("Would you like to buy the mill?", QUESTION.removesuffix(">button"), ANSWER, False),
        ("How old is the mill?", QUESTION, "body>main>div.text>div>div>div>div>p", False),
        ("Who owns it?", "body>div.faq>div>button", "body>div.faq>div>div>div>div>p", True),
        ("Who owns it?", "body>div.faq>div>button", "body>div.faq>div>div>div>div>div>p", False),
        ("Who owns it?", "body>div.toggle>summary", "body>div.toggle>p", True),
        ("Who owns it?", "body>div.x>summary", "body>div.x>p", False),
        ("Who owns it?", "body>div.faq>h3", "body>div.faq>p", False),
    ],
)
def test_a_question_is_kept_with_the_answer_that_it_folds_out(text, path, answer_path, is_kept):
    blocks = [block(0, path="body>main>p"), block(1, text, path=path), block(2, path=answer_path)]
    assert answered_questions(blocks, {0, 2}) == ({1} if is_kept else set())
    assert answered_questions(blocks, {0}) == set(), "no answer is kept"


def test_a_question_that_stands_in_the_text_already_is_not_kept_again():
    question = "How old is the mill?"
    blocks = [block(0, question, path="body>main>h2"), block(1, question, path=QUESTION), block(2, path=ANSWER)]
    assert answered_questions(blocks, {2}) == {1}
    assert answered_questions(blocks, {0, 2}) == set()


def listed(first: int, count: int, host: str = "tide.test", **fields: object) -> list[Block]:
    """Items of a list that link to other sites."""
    names = [f"Readings on mills, part {n}" for n in range(first, first + count)]
    markdown = [f"[{name}](https://{host}/{n})" for n, name in enumerate(names)]
    kind = {"kind": BlockKind.LIST_ITEM, "path": "body>main>ul>li", "landmarks": frozenset({"main"})} | fields
    return [linked(first + n, name, markdown=markdown[n], **kind) for n, name in enumerate(names)]


HEADLINE = block(0, "Readings on mills", kind=BlockKind.HEADING, path="body>main>h1", landmarks=frozenset({"main"}))


def test_a_list_of_links_to_other_sites_is_the_article_of_a_page_without_prose():
    intro = block(1, "What we read this week.", path="body>main>p")
    page = [HEADLINE, intro, *listed(2, 3), block(5, "And then", path="body>main>p"), *listed(6, 5)]
    assert link_list(page, 0, "mill") == frozenset(range(6, 11)), "the longest list"
    assert link_list(page[:10], 0, "mill") == frozenset(), "four links are no article"
    assert link_list(page, None, "mill") == frozenset()
    assert link_list(page, 0, "tide") == frozenset(), "links to the site itself"
    assert link_list(page, 0, "") == frozenset(), "the site is not known"


@pytest.mark.parametrize(
    "page",
    [
        [HEADLINE, *listed(1, 6, landmarks=frozenset())],
        [HEADLINE, *listed(1, 6, path="body>main>div.related>ul>li")],
        [HEADLINE, *listed(1, 6), *(block(n, path="body>main>p") for n in range(7, 11))],
        [*listed(0, 6), replace(HEADLINE, position=6)],
        [HEADLINE, *(replace(b, text=b.text.split()[0]) for b in listed(1, 6))],
    ],
    ids=["another part of the page", "a named box", "below prose", "above the title", "names of networks"],
)
def test_no_other_list_of_links_is_the_article(page):
    title_position = next(b.position for b in page if b.text == HEADLINE.text)
    assert link_list(page, title_position, "mill") == frozenset()


def rules_of(blocks: list[Block], selected: set[int], body: range | None = None) -> dict[int, str]:
    return rescued_blocks(blocks, frozenset(selected), Metadata(), range(len(blocks)) if body is None else body)


def _sibling(link_chars: int) -> bool:
    blocks = [block(n, f"{n} {PROSE}") for n in range(9)]
    blocks[4] = block(4, "A short remark between them!", link_chars=link_chars)
    return 4 in rules_of(blocks, set(range(9)) - {4})


def _verse(lines: int, count: int) -> bool:
    verse = [block(n + 1, words(count), path="body>div.text>p.v") for n in range(lines)]
    return set(rules_of([block(0, path="body>div.text>p"), *verse], {0}, range(1))) == set(range(1, lines + 1))


def _in_container(link_chars: int, others: int = 0) -> bool:
    text = block(1, ("mills " * 20)[:100], path="body>div.text>p.x", link_chars=link_chars)
    prose = [block(2 + n, path=f"body>div.n{n}>p") for n in range(others)]
    blocks = [block(0, path="body>div.text>p"), text, *prose]
    return rules_of(blocks, {0, *range(2, 2 + others)}, range(1)).get(1) == "context/same-container"


def _lead(lines: int) -> bool:
    title = block(0, "Title", kind=BlockKind.HEADING, level=1, path="body>h1")
    lead = block(1, "What the council hid about the mill for years", path="body>p.lead")
    blocks = [title, lead, *(block(n + 2, "x", path="body>p.y") for n in range(lines)), block(2 + lines)]
    return rules_of(blocks, {2 + lines}, range(2 + lines, 3 + lines)) == {1: "context/standfirst"}


def _is_list(count: int) -> bool:
    return bool(link_list([HEADLINE, *listed(1, 6), block(7, words(count), path="body>p")], 0, "mill"))


def test_thresholds():
    assert holds_up_to(13, _sibling), "links of a sibling"
    assert holds_up_to(9, lambda n: not _verse(3, n)), "words of a stanza's line"
    assert holds_up_to(2, lambda n: not _verse(n, 14)), "lines of a stanza"
    assert holds_up_to(24, _in_container), "links of what comes back with its container"
    assert holds_up_to(1, lambda n: _in_container(0, n)), "other containers with as much prose"
    assert holds_up_to(11, _lead), "blocks between a standfirst and the text"
    assert holds_up_to(59, _is_list), "words of prose on a page that is a list"
