"""Texts that a page says twice: which copy goes, and which kept block it names."""

from __future__ import annotations

from dataclasses import replace

import pytest

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import Block, BlockKind, Page, RemovalReason, Verdict, Vote
from broadsheet.cleaners.judge.repeated_texts import name_repeated, pull_quotes, repeated_blocks
from tests.cleaners.building import PROSE, STORY, block, holds_up_to, words


def test_a_long_text_repeats_and_a_refrain_does_not() -> None:
    blocks = [block(0), block(1, "Row, row."), block(2, path="body>main>p"), block(3, "Row, row.")]
    assert repeated_blocks(blocks, range(4)) == {2}
    assert repeated_blocks(blocks, [0]) == set()


@pytest.mark.parametrize("kind", [BlockKind.PARAGRAPH, BlockKind.QUOTE, BlockKind.LIST_ITEM, BlockKind.CODE])
def test_a_text_may_repeat_at_its_place(kind: BlockKind) -> None:
    blocks = [block(n, PROSE if n % 2 else f"{n}. {PROSE}", kind=kind) for n in range(6)]
    assert repeated_blocks(blocks, range(6)) == set()


def test_a_second_rendering_takes_its_short_lines_with_it() -> None:
    texts = ["Costs", PROSE, "Labour", STORY[0], "Permits", "Fees", STORY[1]]
    first = [block(n, text, path="body>div.desktop>p") for n, text in enumerate(texts)]
    second = [block(7 + n, text, path="body>div.mobile>p") for n, text in enumerate(texts)]
    assert repeated_blocks(first + second, range(14)) == set(range(7, 14))


def test_a_short_line_that_repeats_elsewhere_stays_where_what_is_beside_it_does_not_repeat() -> None:
    texts = ["Costs", PROSE, STORY[0], "Costs", STORY[1], PROSE, STORY[2]]
    blocks = [block(n, text, path=f"body>div.{'a' if n < 3 else 'b'}>p") for n, text in enumerate(texts)]
    assert repeated_blocks(blocks, range(7)) == {5}


@pytest.mark.parametrize(
    ("paths", "is_copy"),
    [
        (("p", "p", "p.big", "p"), False),
        (("p", "div.print>p", "div.print>p", "div.print>p"), True),
        (("p", "p", "div.card>p", "p"), True),
        (("p", "p", "p.big", "p.end"), False),
    ],
    ids=["in the text", "in another container", "in a box", "the class of the line below"],
)
def test_what_the_text_says_again_between_its_other_paragraphs_is_no_copy(
    paths: tuple[str, ...], is_copy: bool
) -> None:
    texts = [PROSE, STORY[0], PROSE, STORY[1]]
    blocks = [block(n, text, path=f"body>div>{path}") for n, (text, path) in enumerate(zip(texts, paths, strict=True))]
    assert repeated_blocks(blocks, range(4)) == ({2} if is_copy else set())
    assert repeated_blocks(blocks, range(3)) == {2}, "at the end it is one"
    beside = [block(0, STORY[0]), block(1), block(2, path="body>div>p.big"), block(3, STORY[1])]
    assert repeated_blocks(beside, range(4)) == {2}, "right below the first as well"


def test_a_heading_that_the_text_s_own_list_of_parts_names_is_no_copy() -> None:
    parts = [block(n, f"How the {name} of the old mill were paid for by the town", path="body>div>ul>li",
                   kind=BlockKind.LIST_ITEM) for n, name in enumerate(("wheel", "beams"))]  # fmt: skip
    headings = [replace(part, kind=BlockKind.HEADING, path="body>div>h2", position=n)
                for part, n in zip(parts, (2, 4), strict=True)]  # fmt: skip
    text = [block(3, STORY[0]), block(5, STORY[1])]
    blocks = [*parts, headings[0], text[0], headings[1], text[1]]
    assert repeated_blocks(blocks, range(6)) == set()
    elsewhere = [replace(b, path=b.path.replace("div", "aside")) if b.position < 2 else b for b in blocks]
    assert repeated_blocks(elsewhere, range(6)) == {2, 4}


def test_items_headings_and_questions_may_repeat_at_their_place() -> None:
    item, question = "Costs twenty dollars and whatever you keep of it", "And what does the council say to all of this?"
    rows = [
        (item, BlockKind.LIST_ITEM),
        (question, BlockKind.PARAGRAPH),
        ("What the council of the town will do about the mill", BlockKind.HEADING),
    ]
    blocks = [block(n, rows[n % 3][0], kind=rows[n % 3][1], path="body>main>x") for n in range(6)]
    assert repeated_blocks(blocks, range(6)) == set()
    elsewhere = [
        *blocks[:3],
        *[block(n, rows[n % 3][0], kind=rows[n % 3][1], path="body>aside>x") for n in range(3, 6)],
    ]
    assert repeated_blocks(elsewhere, range(6)) == {3, 4, 5}
    alone = [block(0, item, kind=BlockKind.LIST_ITEM), block(1, item, kind=BlockKind.LIST_ITEM, path="body>ol>li")]
    assert repeated_blocks(alone, range(2)) == set()


CUT = "The council met on Monday evening and spoke for hours about the old mill by the river"


@pytest.mark.parametrize(
    ("text", "kind", "is_pulled"),
    [
        ("“The council met on Monday evening, and spoke for three hours.”", BlockKind.QUOTE, True),
        (CUT, BlockKind.QUOTE, True),
        ("for three hours", BlockKind.QUOTE, False),
        ("The council met on Monday, and what it spoke about for hours nobody knows", BlockKind.QUOTE, False),
        ("and spoke for three hours about the old mill", BlockKind.PARAGRAPH, False),
    ],
)
def test_a_quote_that_repeats_a_paragraph_s_words_is_pulled_out_of_it(
    text: str, kind: BlockKind, is_pulled: bool
) -> None:
    blocks = [block(0), block(1, text, kind=kind)]
    assert pull_quotes(blocks, range(2)) == ({1} if is_pulled else set())
    assert pull_quotes([replace(blocks[0], kind=BlockKind.QUOTE), blocks[1]], range(2)) == set()
    assert pull_quotes(blocks, {1}) == set(), "nor out of what goes"


def test_a_lead_is_pulled_out_of_the_text_that_it_begins() -> None:
    lead = [block(0, f"{CUT}…"), block(1)]
    assert (pull_quotes(lead, range(2), {0}), pull_quotes(lead, range(2))) == ({0}, set())


VERSE = "The mill wheel turns and the river runs\nand the miller sings of grain\nand the bread is warm again"


def test_a_stanza_may_repeat_wherever_it_stands() -> None:
    rows = [(VERSE, "body>div.one>p"), (STORY[0], "body>div.one>p"), (VERSE, "body>div.two>p"), (STORY[1], "body>p")]
    blocks = [block(n, text, path=path) for n, (text, path) in enumerate(rows)]
    assert repeated_blocks(blocks, range(4)) == set()
    as_one_line = [block(b.position, b.text.replace("\n", " "), path=b.path) for b in blocks]
    assert repeated_blocks(as_one_line, range(4)) == {2}
    again = [*blocks, block(4, STORY[1], path="body>div.print>p"), block(5, VERSE, path="body>div.print>p")]
    assert repeated_blocks(again, range(6)) == {4}, "the paragraph and not the refrain below it"


SAID = "“The council met on Monday evening and spoke for three hours about the old mill.”"


@pytest.mark.parametrize(
    ("quote", "below", "is_copy"),
    [
        (SAID, "", True),
        (f"{SAID} — Ann Lee, miller", "", False),
        (f"{SAID}\n— Ann Lee, miller", "", False),
        (f"{SAID} — the old mill", "", True),
        (SAID, "– Ann Lee", False),
        (SAID, "The mill stands.", True),
    ],
    ids=["bare", "signed", "signed below", "words of the text", "a line below", "no signature"],
)
def test_a_quote_stays_with_an_attribution_that_the_text_lacks(quote: str, below: str, is_copy: bool) -> None:
    fields = {"kind": BlockKind.QUOTE, "path": "body>blockquote>p", "landmarks": frozenset({"blockquote"})}
    blocks = [block(0), block(1, quote, **fields), block(2, STORY[0])]
    if below:
        blocks.insert(2, block(2, below, **fields))
    assert pull_quotes(blocks, range(len(blocks))) == ({1} if is_copy else set())


def test_what_follows_a_dash_at_length_is_no_attribution() -> None:
    going_on = "and then of all that others had seen and of what Ann Lee had told them"
    quote = block(1, f"{words(80)} — {going_on}", kind=BlockKind.QUOTE)
    assert pull_quotes([block(0, words(80)), quote], range(2)) == {1}


SELECTED = Verdict(True, "selected", "first-look/selected")
AGAIN = Vote("context", False, "context/duplicate", RemovalReason.DUPLICATE)
BOX = Vote("layout", False, "layout/promo", RemovalReason.PROMO)


def judged(*votes: Vote) -> Verdict:
    return Verdict(False, votes[0].reason, votes[0].rule, votes)


def named(blocks: list[Block], verdicts: list[Verdict]) -> list[int | None]:
    return [verdict.repeats for verdict in name_repeated(blocks, tuple(verdicts))]


def test_a_duplicate_names_the_first_kept_block_of_its_text() -> None:
    blocks = [block(n, text) for n, text in enumerate((STORY[0], PROSE, PROSE.upper(), PROSE, STORY[1]))]
    again = judged(AGAIN)
    assert named(blocks, [SELECTED, judged(BOX), again, SELECTED, SELECTED]) == [None, None, 3, None, None]
    assert named(blocks, [SELECTED, SELECTED, again, SELECTED, SELECTED]) == [None, None, 1, None, None]
    assert named(blocks[:1], [SELECTED]) == [None]


def test_a_pulled_quote_names_the_paragraph_that_has_most_of_its_words() -> None:
    half = "The council met on Monday evening, and then everybody went home."
    blocks = [block(n, text) for n, text in enumerate((half, f"It began late. {PROSE}", SAID, "Mill"))]
    verdicts = [SELECTED, SELECTED, judged(AGAIN), judged(AGAIN)]
    assert named(blocks, verdicts) == [None, None, 1, 1]


@pytest.mark.parametrize(("votes", "reason"), [((AGAIN, BOX), "promo"), ((AGAIN,), "nothing speaks for it")])
def test_a_duplicate_of_nothing_that_is_kept_is_none(votes: tuple[Vote, ...], reason: str) -> None:
    blocks = [block(0, STORY[0]), block(1, PROSE), block(2, PROSE)]
    verdicts = name_repeated(blocks, (SELECTED, judged(BOX), judged(*votes)))
    assert [(verdict.kept, verdict.reason, verdict.repeats) for verdict in verdicts[1:]] == [
        (False, "promo", None),
        (False, reason, None),
    ]
    assert verdicts[2].votes == votes


def test_every_duplicate_of_a_page_names_a_kept_block() -> None:
    text = "".join(f"<p>{line}" for line in STORY)
    quote = f"<blockquote>{STORY[1].removesuffix('.')}</blockquote>"
    page = f"<title>The mill</title><article><h1>The mill</h1>{text}{quote}<div class=print>{text}</div></article>"
    cleaned = clean(Page("https://a.test/1", page.encode()))
    repeated = {b.position: v.repeats for b, v in zip(cleaned.blocks, cleaned.verdicts, strict=True) if v.repeats}
    assert repeated
    for position, witness in repeated.items():
        assert cleaned.verdicts[position].reason == RemovalReason.DUPLICATE
        assert cleaned.verdicts[witness].kept
        assert cleaned.blocks[position].text in cleaned.blocks[witness].text


def test_a_vote_for_a_duplicate_of_nothing_does_not_decide_against_it() -> None:
    keeps = Vote("extractor", True, "extractor/selected", "selected")
    blocks = [block(0, STORY[0]), block(1, PROSE)]
    [_, verdict] = name_repeated(blocks, (SELECTED, judged(AGAIN, keeps, BOX)))
    assert (verdict.kept, verdict.reason, verdict.rule) == (False, "promo", "layout/promo")
    [_, verdict] = name_repeated(blocks, (SELECTED, judged(AGAIN, keeps)))
    assert (verdict.kept, verdict.reason, verdict.rule) == (False, "nothing speaks for it", "context/duplicate")


def _repeats(*texts: str, path: str = "body>div>p", kind: BlockKind = BlockKind.PARAGRAPH) -> set[int]:
    blocks = [block(0, texts[0]), *(block(1 + n, text, path=path, kind=kind) for n, text in enumerate(texts[1:]))]
    return repeated_blocks(blocks, range(len(blocks)))


def _pulled(*quotes: str) -> set[int]:
    blocks = [block(0, words(30)), *(block(1 + n, text, kind=BlockKind.QUOTE) for n, text in enumerate(quotes))]
    return pull_quotes(blocks, range(len(blocks)))


def _items(count: int) -> set[int]:
    items = [block(n, f"{n % 9} {words(13)}", kind=BlockKind.LIST_ITEM) for n in range(count)]
    return repeated_blocks(items, range(count))


def _names_shared(shared: int) -> bool:
    """Of ten runs of three words, the kept block has so many."""
    blocks = [block(0, words(shared + 2)), block(1, words(12))]
    return named(blocks, [SELECTED, judged(AGAIN)])[1] == 0


def test_thresholds() -> None:
    assert holds_up_to(7, lambda n: not _repeats(words(n), words(n), path="body>aside>p")), "words of a copy"
    assert holds_up_to(59, lambda n: not _repeats(words(n), words(60, "v"), words(n), words(60, "v"))), "of a passage"
    assert holds_up_to(17, lambda n: not _items(n)), "items of a passage"
    assert holds_up_to(2, lambda n: _pulled(f"{words(12 - n)} {words(n, 'own')}")), "own words of a pulled quote"
    assert holds_up_to(7, lambda n: not _pulled(words(n))), "words of a pulled quote"
    assert holds_up_to(100, lambda n: _pulled(*[words(9)] * n)), "quotes of a page"
    assert holds_up_to(4, lambda n: not _names_shared(n)), "runs of a duplicate"
