"""Texts that a page says twice: which copy goes, and which kept block it names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import Block, BlockKind, Page, RemovalReason, Verdict, Vote
from broadsheet.cleaners.judge.repeated_texts import name_repeated, pull_quotes, repeated_blocks
from tests.cleaners.building import PROSE, STORY, block, holds_up_to, words

Q, H, L = BlockKind.QUOTE, BlockKind.HEADING, BlockKind.LIST_ITEM
S0, S1, S2, *_ = STORY
VERSE = "The mill wheel turns and the river runs\nand the miller sings of grain\nand the bread is warm again"
SAID = "“The council met on Monday evening and spoke for three hours about the old mill.”"
WHEEL, BEAMS = (f"How the {name} of the old mill were paid for by the town" for name in ("wheel", "beams"))
COSTS = ("Costs twenty dollars and whatever you keep of it", "main>x", L)
ASKED = ("And what does the council say to all of this?", "main>x")
HEADED = ("What the council of the town will do about the mill", "main>x", H)
TWICE = ["Costs", PROSE, "Labour", S0, "Permits", "Fees", S1]
STANZAS = [(VERSE, "one>p"), (S0, "one>p"), (VERSE, "two>p"), S1]
PARTS = [(WHEEL, "div>ul>li", L), (BEAMS, "div>ul>li", L), (WHEEL, "div>h2", H), S0, (BEAMS, "div>h2", H), S1]
BIG = (PROSE, "div>p.big")


def made(*rows: Any) -> list[Block]:
    """Blocks of texts, of which some stand at other paths or are of another kind."""
    defaults = ("", "div>p", BlockKind.PARAGRAPH)
    full = [row + defaults[len(row) :] for row in ((row,) if isinstance(row, str) else row for row in rows)]
    return [block(n, text, path=f"body>{path}", kind=kind) for n, (text, path, kind) in enumerate(full)]


def elsewhere(rows: Sequence[Any], path: str = "aside>p") -> list[Any]:
    return [(row, path) if isinstance(row, str) else (row[0], path, *row[2:]) for row in rows]


COPIES: dict[str, tuple[Sequence[Any], set[int]]] = {
    "a long text and a refrain": ([PROSE, "Row, row.", (PROSE, "main>p"), "Row, row."], {2}),
    **{f"a {kind} at its place": ([(f"{n % 2 or n} {PROSE}", "div>p", kind) for n in range(6)], set())
       for kind in (BlockKind.PARAGRAPH, Q, L, BlockKind.CODE)},
    "a second rendering": ([*TWICE, *elsewhere(TWICE)], set(range(7, 14))),
    "a short line elsewhere": (["Costs", PROSE, S0, *elsewhere(["Costs", S1, PROSE, S2])], {5}),
    "between other paragraphs": ([PROSE, S0, BIG, S1], set()),
    "above one of another class": ([PROSE, S0, BIG, (S1, "div>p.end")], set()),
    "in a box": ([PROSE, S0, (PROSE, "div>div.card>p"), S1], {2}),
    "in another container": ([PROSE, *elsewhere([S0, PROSE, S1], "div>div.print>p")], {2}),
    "at the end": ([PROSE, S0, BIG], {2}),
    "right below": ([S0, PROSE, BIG, S1], {2}),
    "headings that a list of parts names": (PARTS, set()),
    "headings that a list elsewhere names": ([*elsewhere(PARTS[:2], "aside>ul>li"), *PARTS[2:]], {2, 4}),
    "items, headings and questions": ([COSTS, ASKED, HEADED] * 2, set()),
    "these elsewhere": ([COSTS, ASKED, HEADED, *elsewhere([COSTS, ASKED, HEADED], "aside>x")], {3, 4, 5}),
    "an item alone": ([COSTS, (COSTS[0], "ol>li", L)], set()),
    "a stanza": (STANZAS, set()),
    "a stanza of one line": ([(VERSE.replace("\n", " "), "one>p"), S0, (VERSE.replace("\n", " "), "two>p"), S1], {2}),
    "a paragraph with a stanza below": ([*STANZAS, (S1, "print>p"), (VERSE, "print>p")], {4}),
}  # fmt: skip


@pytest.mark.parametrize("name", COPIES)
def test_a_text_that_is_said_again_is_a_copy(name):
    rows, copies = COPIES[name]
    assert repeated_blocks(made(*rows), range(len(rows))) == copies
    assert repeated_blocks(made(*rows), {0}) == set()


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
def test_a_quote_that_repeats_a_paragraph_s_words_is_pulled_out_of_it(text, kind, is_pulled):
    blocks = [block(0), block(1, text, kind=kind)]
    assert pull_quotes(blocks, range(2)) == ({1} if is_pulled else set())
    assert pull_quotes([replace(blocks[0], kind=BlockKind.QUOTE), blocks[1]], range(2)) == set()
    assert pull_quotes(blocks, {1}) == set(), "nor out of what goes"


def test_a_lead_is_pulled_out_of_the_text_that_it_begins():
    lead = [block(0, f"{CUT}…"), block(1)]
    assert (pull_quotes(lead, range(2), {0}), pull_quotes(lead, range(2))) == ({0}, set())


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
def test_a_quote_stays_with_an_attribution_that_the_text_lacks(quote, below, is_copy):
    fields = {"kind": BlockKind.QUOTE, "path": "body>blockquote>p", "landmarks": frozenset({"blockquote"})}
    blocks = [block(0), block(1, quote, **fields), block(2, STORY[0])]
    if below:
        blocks.insert(2, block(2, below, **fields))
    assert pull_quotes(blocks, range(len(blocks))) == ({1} if is_copy else set())


def test_what_follows_a_dash_at_length_is_no_attribution():
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


def test_a_duplicate_names_the_first_kept_block_of_its_text():
    blocks = [block(n, text) for n, text in enumerate((STORY[0], PROSE, PROSE.upper(), PROSE, STORY[1]))]
    again = judged(AGAIN)
    assert named(blocks, [SELECTED, judged(BOX), again, SELECTED, SELECTED]) == [None, None, 3, None, None]
    assert named(blocks, [SELECTED, SELECTED, again, SELECTED, SELECTED]) == [None, None, 1, None, None]
    assert named(blocks[:1], [SELECTED]) == [None]


def test_a_pulled_quote_names_the_paragraph_that_has_most_of_its_words():
    half = "The council met on Monday evening, and then everybody went home."
    blocks = [block(n, text) for n, text in enumerate((half, f"It began late. {PROSE}", SAID, "Mill"))]
    verdicts = [SELECTED, SELECTED, judged(AGAIN), judged(AGAIN)]
    assert named(blocks, verdicts) == [None, None, 1, 1]


@pytest.mark.parametrize(("votes", "reason"), [((AGAIN, BOX), "promo"), ((AGAIN,), "nothing speaks for it")])
def test_a_duplicate_of_nothing_that_is_kept_is_none(votes, reason):
    blocks = [block(0, STORY[0]), block(1, PROSE), block(2, PROSE)]
    verdicts = name_repeated(blocks, (SELECTED, judged(BOX), judged(*votes)))
    assert [(verdict.kept, verdict.reason, verdict.repeats) for verdict in verdicts[1:]] == [
        (False, "promo", None),
        (False, reason, None),
    ]
    assert verdicts[2].votes == votes


def test_every_duplicate_of_a_page_names_a_kept_block():
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


def test_a_vote_for_a_duplicate_of_nothing_does_not_decide_against_it():
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


def test_thresholds():
    assert holds_up_to(7, lambda n: not _repeats(words(n), words(n), path="body>aside>p")), "words of a copy"
    assert holds_up_to(59, lambda n: not _repeats(words(n), words(60, "v"), words(n), words(60, "v"))), "of a passage"
    assert holds_up_to(17, lambda n: not _items(n)), "items of a passage"
    assert holds_up_to(2, lambda n: _pulled(f"{words(12 - n)} {words(n, 'own')}")), "own words of a pulled quote"
    assert holds_up_to(7, lambda n: not _pulled(words(n))), "words of a pulled quote"
    assert holds_up_to(100, lambda n: _pulled(*[words(9)] * n)), "quotes of a page"
    assert holds_up_to(4, lambda n: not _names_shared(n)), "runs of a duplicate"
