"""Cards: pages put together of linked titles of other pages with a few words below each."""

import pytest

from broadsheet.cleaners.document import Block, BlockKind, Verdict
from broadsheet.cleaners.site.quotations import NO_QUOTATION, Quotation, cards_of

TITLES = {"the mill burned": 1, "a bridge falls": 2, "what we teach": 3}
KEPT, LEFT = Verdict(True, "", ""), Verdict(False, "caption", "layout/caption")
MENU = Verdict(False, "navigation", "layout/navigation")
Line = tuple[str, bool, Verdict]


def title(text: str, verdict: Verdict = LEFT) -> Line:
    return text, True, verdict


def teaser(words: int = 20) -> Line:
    return " ".join(f"w{n}" for n in range(words)), False, KEPT


def cards(*lines: Line, own_title: str = "tag teaching") -> Quotation:
    return cards_of(
        [(block(n, text, is_link), verdict) for n, (text, is_link, verdict) in enumerate(lines)], own_title, TITLES
    )


def block(position: int, text: str, is_link: bool) -> Block:
    kind = BlockKind.HEADING if len(text) < 30 and text.split()[0] != "w0" else BlockKind.PARAGRAPH
    return Block(position, kind, text, "", "body>main", link_chars=len(text) if is_link else 0)


def found(*pages: int, is_whole: bool = True) -> Quotation:
    return Quotation(frozenset(pages), is_whole)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((title("The mill burned"), teaser()), found(1)),
        ((title("The Mill Burned!", KEPT), teaser(), title("A bridge falls", KEPT), teaser()), found(1, 2)),
        ((title("The mill burned"), teaser(), teaser(), teaser(), teaser()), found(1)),
        ((title("The mill burned"), teaser(80)), found(1)),
        ((title("The mill burned"), teaser(81)), NO_QUOTATION),
        ((title("The mill burned"), teaser(2), teaser(2), teaser(2), teaser(2), teaser(2)), found(1, is_whole=False)),
        ((teaser(5), title("The mill burned"), teaser()), found(1, is_whole=False)),
        ((teaser(6), title("The mill burned"), teaser()), NO_QUOTATION),
        ((title("Another story"), teaser()), NO_QUOTATION),
        ((title("The mill burned", MENU), teaser()), NO_QUOTATION),
        ((title("The mill burned"), ("Tag teaching", False, LEFT), teaser()), NO_QUOTATION),
        ((("The mill burned", False, KEPT), teaser()), NO_QUOTATION),
        ((title("The mill burned"),), NO_QUOTATION),
        ((), NO_QUOTATION),
    ],
)
def test_a_page_is_put_together_of_cards_where_a_fifth_at_most_is_its_own(lines, expected):
    assert cards(*lines) == expected


def test_the_title_of_the_page_itself_heads_no_card():
    assert cards(title("The mill burned"), teaser(), own_title="the mill burned") == NO_QUOTATION
