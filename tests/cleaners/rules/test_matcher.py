"""What a text must contain for a pattern to match it."""

from __future__ import annotations

import re

import pytest

from broadsheet.cleaners.document import Block, BlockKind
from broadsheet.cleaners.rules.matcher import RuleBook, fold_text, literals_of, strip_outer_marks
from broadsheet.cleaners.rules.rule import BodyPosition, Rule
from broadsheet.cleaners.rules.rule_files import LANGUAGES, read_rules


@pytest.mark.parametrize(
    ("pattern", "literals"),
    [
        ("donate(?: now)?", {"donate"}),
        ("(?:please )?(?:share|tweet) this page", {" this page"}),
        ("(?:share|tweet)(?: this)?", {"share", "tweet"}),
        (r"\d{1,3}[km]?", set("0123456789")),
        ("[ab]{2}x?", {"a", "b"}),
        ("(?:a.*|.*b|more)", {"a", "b", "more"}),
        ("(?:more|)", set()),
        ("[^.]{2,50}", set()),
        ("(?i:More)", set()),
        ("(?:more)*", set()),
        (r"\w+ (?!icon)", {" "}),
    ],
)
def test_what_stands_in_every_text_that_a_pattern_matches(pattern: str, literals: set[str]) -> None:
    assert literals_of(pattern) == literals


@pytest.mark.parametrize("language", ["any", *LANGUAGES])
def test_each_example_of_a_rule_on_a_whole_block_holds_what_its_pattern_needs(language: str) -> None:
    for rule in read_rules(language):
        for text in (strip_outer_marks(fold_text(example)) for example in rule.positive if rule.whole):
            for pattern in (regex for regex in rule.patterns if re.fullmatch(regex, text)):
                assert any(literal in text for literal in literals_of(pattern)), (rule.name, text)


def test_a_digit_of_any_script_is_a_digit_and_a_pattern_without_literals_is_always_tried() -> None:
    counter, mark = (
        Rule("x/counter", "share buttons", (r"\d+",), whole=True),
        Rule("x/mark", "share buttons", ("[^a-z]{2}",), whole=True),
    )
    book = RuleBook((counter, mark))
    matched_rules = [
        book.match(Block(0, BlockKind.PARAGRAPH, text), BodyPosition()) for text in ("١٢٣", "123", "øø", "one")
    ]
    assert matched_rules == [counter, counter, mark, None]
    assert RuleBook(()).match(Block(0, BlockKind.PARAGRAPH, "123"), BodyPosition()) is None
